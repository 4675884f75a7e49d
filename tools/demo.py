"""The main job on real input: DICOM files become a Parquet table, DuckDB answers from it, numpy looks at an image.

The files are those that the packages pydicom and pydicom-data ship for their tests.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb

import rapidicom as rd

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "target" / "demo.parquet"


def folders() -> list[str]:
    """Return the folders in which the packages keep their DICOM files."""
    import data_store
    import pydicom.data

    places = [Path(pydicom.data.__file__).parent, Path(data_store.__file__).parent]
    return [str(place) for place in places]


def main() -> int:
    """Index, ask, look."""
    TABLE.parent.mkdir(exist_ok=True)
    start = time.perf_counter()
    index = rd.index(folders())
    index.write_parquet(TABLE)
    seconds = time.perf_counter() - start
    print(f"{len(index)} files -> {TABLE.relative_to(ROOT)} in {seconds * 1000:.0f} ms\n")

    table = str(TABLE)
    query = """
        select Modality, count(*) as files, count(distinct PatientID) as patients,
               count(distinct StudyInstanceUID) as studies, count(*) filter (status = 'error') as errors,
               round(sum(size) / 1e6, 1) as MB
        from read_parquet($1) group by Modality order by files desc limit 10
    """
    duckdb.sql(query, params=[table]).show()

    [(path,)] = duckdb.execute(
        "select path from read_parquet($1) where path like '%CT_small.dcm' limit 1", [table]
    ).fetchall()
    ds = rd.dcmread(path)
    pixels = ds.pixel_array
    print(f"{Path(path).name}: {ds.Modality} of {ds.PatientName}, {pixels.shape} {pixels.dtype}")
    print(f"min {pixels.min()}, max {pixels.max()}, mean {pixels.mean():.2f}, standard deviation {pixels.std():.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
