"""What is measured: the rows of the table, each with its bar and those who take part in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLOOR_A = "read8k+scan26+copy"
FLOOR_A_REFERENCE = 6.6  # µs a file: of the machine that the absolute bars were set for
COLD_THREADS = (1, 2, 4, 8, 16, 32)
PEERS = ("pydicom", "dicomsdl", "fastdicom")
OURS = "rapidicom"
FLOOR = "floor"


@dataclass
class Entry:
    """One who takes part in a row."""

    label: str
    process: str  # "floor" or a library's name
    request: dict[str, Any] | list[str]  # a worker's job, or the words of one request to floors.c
    operations: int  # of one round
    before: list[list[str]] = field(default_factory=list)  # requests to the floor process, not timed


@dataclass
class Row:
    """One row: the figure of `ours` to that of `floor` (a ratio), or alone (µs an operation)."""

    key: str
    title: str
    bar: float | None
    entries: list[Entry]
    unit: str = "µs"
    ours: str = OURS
    best_floor: tuple[str, ...] = (FLOOR,)  # the floor is the best median of these; empty: the bar is absolute
    note: str = ""
    same: bool = False  # all libraries must come to the same result


@dataclass
class Corpus:
    """The files of one run."""

    folder: Path
    scratch: Path
    small: list[str]
    full: list[str]

    @classmethod
    def of(cls, folder: Path, scratch: Path) -> Corpus:
        """Find the files below a corpus folder."""

        def files(part: str) -> list[str]:
            return sorted(str(p) for p in (folder / part).rglob("*.dcm"))

        return cls(folder, scratch, files("idx/ev"), files("full/ev")[:200])

    def path(self, name: str) -> str:
        """Name a file or folder of it."""
        return str(self.folder / name)


def _peers(
    job: Callable[[str], dict[str, Any]], operations: Callable[[str], int], peers: tuple[str, ...] = PEERS
) -> list[Entry]:
    return [Entry(peer, peer, job(peer), operations(peer)) for peer in peers]


def _index_rows(corpus: Corpus) -> list[Row]:
    folder, n = corpus.path("idx/ev"), len(corpus.small)
    target = str(corpus.scratch / "index.parquet")
    peers = "floor A; the peers get the paths and are not charged for the walk"
    rows = []
    for key, title, bars, request, note in (
        (
            "index26",
            f"`pa.table(rd.index(dir, columns=the 26))`, {n:,} small CT files",
            (1.15, 1.25),
            {"job": "table", "folder": folder, "columns": True},
            peers,
        ),
        (
            "default",
            f"the default row of {n:,} files",
            (1.3, 1.35),
            {"job": "table", "folder": folder, "columns": False},
            "floor A",
        ),
        (
            "parquet",
            f"the default row straight to Parquet, {n:,} files",
            (1.5, 1.5),
            {"job": "parquet", "folder": folder, "target": target},
            "floor A",
        ),
    ):
        for threads, bar, words in ((1, bars[0], "1 thread"), (2, bars[1], "2 threads")):
            entries = [
                Entry(FLOOR, FLOOR, ["pass", FLOOR_A, str(threads)], n, [["load", folder]]),
                Entry(OURS, OURS, {**request, "threads": threads}, n),
            ]
            more = ""
            if key == "index26":
                entries += _index_peers(corpus, threads)
                more = "; pydicom on 2,000 files" if threads == 1 else "; dicomsdl in two processes"
            rows.append(Row(f"{key}_{threads}", f"{title}, {words}", bar, entries, note=note + more))
    return rows


def _index_peers(corpus: Corpus, threads: int) -> list[Entry]:
    def files(peer: str) -> list[str]:
        return corpus.small[:2000] if peer == "pydicom" else corpus.small

    names = PEERS if threads == 1 else ("dicomsdl",)
    return _peers(
        lambda peer: {"job": "header_rows", "paths": files(peer), "threads": threads},
        lambda peer: len(files(peer)),
        names,
    )


def _cold_row(corpus: Corpus) -> Row:
    folder, n = corpus.path("idx/ev"), len(corpus.small)
    evict = [["load", folder], ["evict"]]
    floors = [Entry(f"C, {t} thr", FLOOR, ["pass", FLOOR_A, str(t)], n, evict) for t in COLD_THREADS]
    request = {"job": "table", "folder": folder, "columns": True, "threads": None}
    return Row(
        "cold",
        f"the 26 columns of {n:,} cold files (`POSIX_FADV_DONTNEED`), default threads",
        1.2,
        [*floors, Entry(OURS, OURS, request, n, evict)],
        best_floor=tuple(entry.label for entry in floors),
        note="the best of 1 to 32 C threads",
    )


def _value_rows(corpus: Corpus) -> list[Row]:
    some = corpus.small[:2000]
    load = [["load_sorted", corpus.path("idx/ev")]]
    rows = [
        Row(
            "patient_name",
            f"`rd.dcmread(p).PatientName`, {len(some):,} small CT files",
            1.4,
            [
                Entry(FLOOR, FLOOR, ["prefix", str(len(some))], len(some), load),
                Entry(OURS, OURS, {"job": "patient_name", "paths": some}, len(some)),
                *_peers(
                    lambda p: {"job": "patient_name", "paths": some[:500] if p == "pydicom" else some},
                    lambda p: 500 if p == "pydicom" else len(some),
                ),
            ],
            note="C open + pread 8 KiB + close",
        )
    ]
    for key, name, bar in (("enhanced", "big/enh1000_ev.dcm", 150.0), ("rtstruct", "big/rtstruct_ev.dcm", 15.0)):
        title = {"enhanced": "the enhanced CT with 1,000 frames", "rtstruct": "the RT Structure Set, 16.6 MB"}[key]
        rows.append(_one_file_row(f"patient_name_{key}", f"the same, {title}", bar, corpus.path(name)))
    rows += [_attribute_row(some[:200], repeated) for repeated in (False, True)]
    return rows


def _one_file_row(key: str, title: str, bar: float, path: str) -> Row:
    def job(repeat: int) -> dict[str, Any]:
        return {"job": "patient_name", "paths": [path], "repeat": repeat}

    entries = [Entry(OURS, OURS, job(200), 200), *_peers(lambda _: job(3), lambda _: 3)]
    return Row(key, title, bar, entries, best_floor=())


def _attribute_row(paths: list[str], repeated: bool) -> Row:
    def job(_: str) -> dict[str, Any]:
        return {"job": "attributes", "paths": paths, "repeated": repeated}

    n = len(paths) * 26
    return Row(
        "attribute_repeated" if repeated else "attribute_first",
        "attribute access on an open data set, " + ("repeated" if repeated else "first decode"),
        0.15 if repeated else 0.3,
        [Entry(OURS, OURS, job(OURS), n), *_peers(job, lambda _: n)],
        best_floor=(),
        note=f"mean of the 26 keywords, {'one data set' if repeated else f'{len(paths)} fresh data sets'}, "
        "less the time of an empty loop",
    )


def _whole_file_rows(corpus: Corpus) -> list[Row]:
    rows = []
    for key, name, bar, repeat in (
        ("small CT", corpus.small[0], 60.0, 200),
        ("enhanced CT", corpus.path("big/enh1000_ev.dcm"), 10_000.0, 2),
        ("RT Structure Set", corpus.path("big/rtstruct_ev.dcm"), 100_000.0, 1),
    ):
        slow = max(1, repeat // 20)

        def job(times: int, path: str = name) -> dict[str, Any]:
            return {"job": "all_values", "path": path, "repeat": times}

        rows.append(
            Row(
                "all_values_" + key.split()[0].lower(),
                f"all values at all depths to Python, {key}",
                bar,
                [
                    Entry(OURS, OURS, job(repeat), repeat),
                    *[Entry(peer, peer, job(slow), slow) for peer in PEERS],
                ],
                unit="ms",
                best_floor=(),
                note="from the path: open, every element, `.value`",
            )
        )
    contours = {"job": "contours", "path": corpus.path("big/rtstruct_ev.dcm")}
    rows.append(
        Row(
            "contours",
            "RT Structure Set: every Contour Data as ndarray",
            20_000.0,
            [Entry(OURS, OURS, contours, 1), *_peers(lambda _: contours, lambda _: 1)],
            unit="ms",
            best_floor=(),
            note="from the path; ours by `to_numpy()`",
            same=True,
        )
    )
    return rows


def _pixel_rows(corpus: Corpus) -> list[Row]:
    load = [["load_sorted", corpus.path("full/ev")]]
    n = len(corpus.full)
    request = {"job": "pixels", "paths": corpus.full}
    peers = _peers(lambda _: request, lambda _: n)
    touched = Entry("rapidicom, one sample read", OURS, {**request, "touch": True}, n)
    view = Row(
        "pixels_view",
        "path → 512 x 512 int16 ndarray, a copy-on-write view",
        1.15,
        [Entry(FLOOR, FLOOR, ["map", str(n)], n, load), Entry(OURS, OURS, request, n), touched, *peers],
        note=f"C open + fstat + mmap + touch + munmap + close; {n} files",
        same=True,
    )
    into = Row(
        "pixels_out",
        "path → 512 x 512 int16 into `out=`",
        1.2,
        [
            Entry(FLOOR, FLOOR, ["two_preads", str(n)], n, load),
            Entry(OURS, OURS, {"job": "pixels_into", "paths": corpus.full}, n),
        ],
        note="C open + two preads into a reused buffer + close",
    )
    return [view, into, _frame_row(corpus)]


def _frame_row(corpus: Corpus) -> Row:
    path = corpus.path("pix/mf100__ev.dcm")

    def job(n: int, into: bool = False) -> dict[str, Any]:
        return {"job": "frame", "path": path, "frames": 100, "n": n, "into": into}

    return Row(
        "frame",
        "frame k of 100 native frames, from the path",
        1.5,
        [
            Entry(FLOOR, FLOOR, ["frames", path, str(512 * 512 * 2), "100"], 100),
            Entry(OURS, OURS, job(100), 100),
            Entry("rapidicom, out=", OURS, job(100, into=True), 100),
            Entry("pydicom", "pydicom", job(20), 20),
            Entry("dicomsdl", "dicomsdl", job(20), 20),
            Entry("fastdicom", "fastdicom", job(2), 2),
        ],
        note="C open + pread of the frame into a reused buffer + close; fastdicom decodes all frames",
    )


def rows(corpus: Corpus) -> list[Row]:
    """All rows that are measured by interleaved rounds."""
    return [
        *_index_rows(corpus),
        _cold_row(corpus),
        *_value_rows(corpus),
        *_whole_file_rows(corpus),
        *_pixel_rows(corpus),
    ]
