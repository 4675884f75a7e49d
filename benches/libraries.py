"""One class a library: the same jobs in each one's fastest way, for run.py and the pytest suites."""

from __future__ import annotations

import importlib.util
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

COLUMNS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "Modality",
    "Manufacturer",
    "StudyDescription",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "SliceThickness",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "RescaleIntercept",
    "RescaleSlope",
]
PIXEL_DATA = 0x7FE00000


class Library(Protocol):
    """What each library is asked to do."""

    def version(self) -> str:
        """Its version."""

    def open(self, path: str) -> Any:
        """Open a data set whose elements are attributes."""

    def header_rows(self, paths: list[str]) -> Any:
        """Give the 26 columns of each file."""

    def patient_name(self, path: str) -> Any:
        """Give Patient's Name, from the path."""

    def all_values(self, path: str) -> int:
        """Turn every value before the pixels into Python objects -> number of elements."""

    def contours(self, path: str) -> int:
        """Every Contour Data as ndarray -> number of numbers."""

    def pixels(self, path: str) -> Array:
        """Give the image."""

    def frame(self, path: str, k: int) -> Array:
        """Give one frame."""


class Rapidicom:
    """Ours."""

    def __init__(self) -> None:
        import rapidicom

        self.rd = rapidicom

    def version(self) -> str:
        return str(self.rd.__version__)

    def open(self, path: str) -> Any:
        return self.rd.dcmread(path, stop_before_pixels=True)

    def header_rows(self, paths: list[str]) -> Any:
        import pyarrow as pa

        return pa.table(self.rd.index(paths, columns=COLUMNS, threads=1))

    def patient_name(self, path: str) -> Any:
        return self.rd.dcmread(path).PatientName

    def all_values(self, path: str) -> int:
        n = 0
        for element in self.rd.dcmread(path, stop_before_pixels=True).iterall():
            element.value  # noqa: B018
            n += 1
        return n

    def contours(self, path: str) -> int:
        n = 0
        for roi in self.rd.dcmread(path).ROIContourSequence:
            for contour in roi.ContourSequence:
                n += contour["ContourData"].to_numpy().size
        return n

    def pixels(self, path: str) -> Array:
        return self.rd.pixel_array(path)  # type: ignore[no-any-return]

    def pixels_into(self, path: str, out: Array) -> Any:
        return self.rd.pixel_array(path, out=out)

    def frame(self, path: str, k: int) -> Array:
        return self.rd.pixel_array(path, index=k)  # type: ignore[no-any-return]

    def frame_into(self, path: str, k: int, out: Array) -> Any:
        return self.rd.pixel_array(path, index=k, out=out)

    def table(self, folder: str, columns: list[str] | None, threads: int | None) -> int:
        """Index a folder into a pyarrow.Table -> rows."""
        import pyarrow as pa

        table = pa.table(self.rd.index(folder, columns=columns, threads=threads))
        return int(table.num_rows)

    def parquet(self, folder: str, target: str, threads: int | None) -> Any:
        """Index a folder straight to a Parquet file."""
        from rapidicom import _rapidicom

        return _rapidicom.write_parquet(folder, target, threads=threads)


class Pydicom:
    """The reference implementation, pure Python."""

    def __init__(self) -> None:
        import pydicom
        import pydicom.pixels

        self.pydicom = pydicom

    def version(self) -> str:
        return str(self.pydicom.__version__)

    def open(self, path: str) -> Any:
        return self.pydicom.dcmread(path, stop_before_pixels=True)

    def header_rows(self, paths: list[str]) -> Any:
        read: Any = self.pydicom.dcmread
        opened = (read(path, stop_before_pixels=True, specific_tags=COLUMNS) for path in paths)
        return [[ds.get(keyword) for keyword in COLUMNS] for ds in opened]

    def patient_name(self, path: str) -> Any:
        return self.pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientName"]).PatientName

    def all_values(self, path: str) -> int:
        n = 0
        for element in self.open(path).iterall():
            element.value  # noqa: B018
            n += 1
        return n

    def contours(self, path: str) -> int:
        n = 0
        for roi in self.open(path).ROIContourSequence:
            for contour in roi.ContourSequence:
                n += np.array(contour.ContourData, np.float64).size
        return n

    def pixels(self, path: str) -> Array:
        image: Array = self.pydicom.dcmread(path).pixel_array
        return image

    def frame(self, path: str, k: int) -> Array:
        image: Array = self.pydicom.pixels.pixel_array(path, index=k)
        return image


class Dicomsdl:
    """A C++ extension."""

    def __init__(self) -> None:
        import dicomsdl

        self.sdl = dicomsdl
        self.pool: Any = None

    def version(self) -> str:
        return _installed_version("dicomsdl")

    def open(self, path: str) -> Any:
        return self.sdl.open_file(path, load_until=PIXEL_DATA)

    def header_rows(self, paths: list[str]) -> Any:
        return [self.open(path).getValues(COLUMNS) for path in paths]

    def header_rows_2(self, paths: list[str]) -> Any:
        """Do the same in two processes: threads make it slower, it holds the GIL."""
        if self.pool is None:
            import multiprocessing

            self.pool = multiprocessing.get_context("fork").Pool(2)
        parts = [paths[i : i + 500] for i in range(0, len(paths), 500)]
        return [row for part in self.pool.imap_unordered(_dicomsdl_rows, parts) for row in part]

    def patient_name(self, path: str) -> Any:
        return self.open(path).PatientName

    def all_values(self, path: str) -> int:
        return self._walk(self.open(path))

    def _walk(self, ds: Any) -> int:
        n = 0
        sequence = self.sdl.VR.SQ
        for element in ds:
            n += 1
            if element.vr() == sequence:
                n += sum(self._walk(item) for item in element.toSequence())
            else:
                element.value()
        return n

    def contours(self, path: str) -> int:
        n = 0
        ds = self.open(path)
        for roi in ds.ROIContourSequence:
            for contour in roi.ContourSequence:
                n += np.array(contour.ContourData, np.float64).size
        return n

    def pixels(self, path: str) -> Array:
        return self.sdl.open(path).pixelData(0, storedvalue=True)  # type: ignore[no-any-return]

    def frame(self, path: str, k: int) -> Array:
        return self.sdl.open(path).pixelData(k, storedvalue=True)  # type: ignore[no-any-return]


def _dicomsdl_rows(paths: list[str]) -> Any:
    return Dicomsdl().header_rows(paths)


class Fastdicom:
    """A Rust extension over dicom-rs."""

    def __init__(self) -> None:
        from fastdicom import dcmread

        self.dcmread = dcmread

    def version(self) -> str:
        return _installed_version("fastdicom")

    def open(self, path: str) -> Any:
        return self.dcmread(path, stop_before_pixels=True)

    def header_rows(self, paths: list[str]) -> Any:
        return [[ds.get(keyword) for keyword in COLUMNS] for ds in (self.open(path) for path in paths)]

    def patient_name(self, path: str) -> Any:
        return self.open(path).PatientName

    def all_values(self, path: str) -> int:
        return self._walk(self.open(path))

    def _walk(self, ds: Any) -> int:
        n = 0
        for _, value in ds.items():
            n += 1
            if isinstance(value, list) and value and hasattr(value[0], "file_path"):
                n += sum(self._walk(item) for item in value)
        return n

    def contours(self, path: str) -> int:
        n = 0
        for roi in self.open(path).ROIContourSequence:
            for contour in roi.ContourSequence:
                n += np.array(contour.ContourData, np.float64).size
        return n

    def pixels(self, path: str) -> Array:
        return self.dcmread(path).pixel_array  # type: ignore[no-any-return]

    def frame(self, path: str, k: int) -> Array:
        return self.pixels(path)[k]  # type: ignore[no-any-return]


LIBRARIES: dict[str, type[Library]] = {
    "rapidicom": Rapidicom,
    "pydicom": Pydicom,
    "dicomsdl": Dicomsdl,
    "fastdicom": Fastdicom,
}


def installed() -> list[str]:
    """Name the libraries that can be imported here."""
    return [name for name in LIBRARIES if importlib.util.find_spec(name) is not None]


def _installed_version(name: str) -> str:
    from importlib.metadata import version

    return version(name)
