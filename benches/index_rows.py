"""The rows of index.py that are measured by interleaved rounds: what takes part, the floor, the bar."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import index_corpus
import object_store
from processes import HERE, FloorProcess, GoneError, LibraryProcess, build_floors
from rows import FLOOR, FLOOR_A, OURS, Corpus, Entry, Row

OBSTORE, PYDICOM, COMMAND = "obstore", "pydicom", "command"
FRAMES = 100
FRAME = 512 * 512 * 2  # bytes
FLIGHTS, DELAY = 64, 20  # requests in flight, ms


class Worker(LibraryProcess):
    """index_worker.py; killed where it doesn't answer."""

    longest = 1800

    def __init__(self, name: str) -> None:
        super().__init__(name, "index_worker.py")


class Command:
    """A program's whole run; its words go nowhere."""

    def ask(self, request: list[str]) -> tuple[float, Any]:
        """Run it -> seconds."""
        start = time.perf_counter()
        try:
            subprocess.run(request, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
        except FileNotFoundError:
            raise GoneError(f"{request[0]} is not installed") from None
        except subprocess.CalledProcessError as error:
            raise GoneError(error.stderr.decode(errors="replace").strip()[:200]) from None
        return time.perf_counter() - start, None

    def close(self) -> None:
        """Nothing is left of it."""


@dataclass
class Setting:
    """What the rows of one run share."""

    corpus: Corpus
    rounds: int
    quick: bool
    million: int  # files of the row with so many
    opened: ExitStack = field(default_factory=ExitStack)  # servers
    versions: dict[str, str] = field(default_factory=dict)
    floors: Path | None = None  # the binary, once it is built

    def path(self, name: str) -> str:
        """A name in the folder that is removed at the end; on the disk of the corpus."""
        return str(self.corpus.scratch / name)

    def start(self, name: str) -> Any:
        """A process that takes part; GoneError where there is none."""
        if name == FLOOR:
            self.floors = self.floors or build_floors(HERE / "build")
            return FloorProcess(self.floors)
        if name == COMMAND:
            return Command()
        started = LibraryProcess(name) if name == PYDICOM else Worker(name)
        self.versions[name] = started.version
        return started

    def ask(self, request: dict[str, Any]) -> tuple[float, Any]:
        """One question to a fresh process."""
        worker = self.start(OURS)
        try:
            answer: tuple[float, Any] = worker.ask(request)
            return answer
        finally:
            if worker.child.poll() is None:
                worker.close()


def build(setting: Setting) -> list[Row]:
    """A table of small CT files, in a folder that isn't there."""
    folder, n = str(setting.corpus.folder / "idx" / "ev"), len(setting.corpus.small)
    job = {"job": "build", "source": folder, "out": setting.path("table"), "files": n}
    size = setting.ask({**job, "threads": 1})[1]["parquet"]
    written = ["written", setting.path("written"), str(size)]
    rows = []
    for threads, bar in ((1, 1.5), (2, 1.6)):
        words = f"{threads} thread" + "s" * (threads > 1)
        entries = [
            Entry(FLOOR, FLOOR, ["pass", FLOOR_A, str(threads)], n, [["load", folder]]),
            Entry(OURS, OURS, {**job, "threads": threads}, n),
            Entry(f"C write + 2 fsync of {size / 1e6:.1f} MB", FLOOR, written, n),
        ]
        if threads == 1 and not setting.quick:
            paths = setting.corpus.small[:500]
            entries.append(Entry(PYDICOM, PYDICOM, {"job": "header_rows", "paths": paths, "threads": 1}, len(paths)))
        title = f"`build_index` of {n:,} files, the default row, {words}, a file"
        rows.append(Row(f"build_{threads}", title, bar, entries, note="floor A; our fsyncs and log included"))
    return rows


def again(setting: Setting) -> list[Row]:
    """Nothing has changed."""
    folder, n = str(setting.corpus.folder / "idx" / "ev"), len(setting.corpus.small)
    job = {"job": "again", "source": folder, "table": setting.path("again"), "files": n}
    entries = [
        Entry(FLOOR, FLOOR, ["walk_stat", folder], n),
        Entry(OURS, OURS, {**job, "threads": 1}, n),
        Entry("rapidicom, default threads", OURS, job, n),
    ]
    title = f"second run over {n:,} unchanged files, 1 thread, a file"
    return [Row("again", title, 1.6, entries, note="C walk + stat, 1 thread; ours with the opening of the table")]


def frames(setting: Setting) -> list[Row]:
    """Where each of 100 compressed frames lies."""
    files = 16 if setting.quick else 400
    rows = []
    for kind, words in zip(index_corpus.OFFSET_TABLES, ("a Basic", "an Extended", "no"), strict=True):
        folder = setting.path(f"frames-{kind}")
        index_corpus.many_frames(Path(folder), kind, files, FRAMES)
        job = {"job": "frames", "source": folder, "files": files, "each": FRAMES}
        entries = [
            Entry(FLOOR, FLOOR, ["items", str(files)], files, [["load", folder]]),
            Entry(OURS, OURS, {**job, "threads": 1}, files),
            Entry("rapidicom, default threads", OURS, job, files),
        ]
        title = f"`frames=True`, {FRAMES} frames of 20 to 50 KB with {words} Offset Table, 1 thread, a file"
        note = f"C open + pread 8 KiB + pread of every item header; {files} names of 8 files"
        rows.append(Row(f"frames_{kind}", title, 2.0, entries, note=note))
    return rows


def long(setting: Setting) -> list[Row]:
    """One row an element."""
    folder, n = str(setting.corpus.folder / "idx" / "ev"), len(setting.corpus.small)
    elements = setting.ask({"job": "elements", "path": setting.corpus.small[0]})[1]
    job = {"job": "long", "source": folder, "threads": 1}
    entries = [
        Entry(OURS, OURS, {**job, "stream": False}, 1),
        Entry("rapidicom, `scan`", OURS, {**job, "stream": True}, 1),
        Entry("C read8k+scan26", FLOOR, ["pass", "read8k+scan26", "1"], n * elements, [["load", folder]]),
    ]
    title = '`layout="long"`, 1 thread, a row (0.2 µs: 5 million a second)'
    note = f"{n:,} files of {elements} elements, their reading included"
    return [Row("long", title, 0.2, entries, best_floor=(), note=note)]


def archives(setting: Setting) -> list[Row]:
    """Members, without unpacking."""
    some = {"small": setting.corpus.small[: 200 if setting.quick else 5000], "large": setting.corpus.full}
    writers: tuple[tuple[str, str, Callable[[Path, list[tuple[str, Path]]], None]], ...] = (
        ("zip", "ZIP, stored", lambda to, files: index_corpus.write_zip(to, files, zipfile.ZIP_STORED)),
        ("deflated.zip", "ZIP, deflated", lambda to, files: index_corpus.write_zip(to, files, zipfile.ZIP_DEFLATED)),
        ("tar", "TAR", index_corpus.write_tar),
    )
    rows = []
    for size, paths in some.items():
        named = [(os.path.relpath(path, setting.corpus.folder), Path(path)) for path in paths]
        for suffix, kind, write in writers:
            target, n = setting.path(f"{size}.{suffix}"), len(named)
            write(Path(target), named)
            command = ["tar", "-xOf", target] if suffix == "tar" else ["unzip", "-p", target]
            job = {"job": "archive", "source": target, "files": n}
            label = " ".join(command[:2])
            entries = [
                Entry(label, COMMAND, command, n),
                Entry(OURS, OURS, {**job, "threads": 1}, n),
                Entry("rapidicom, default threads", OURS, {**job, "threads": None}, n),
            ]
            title = f"{n:,} {size} members of a {kind}, the default row, 1 thread, a member"
            each = Path(paths[0]).stat().st_size
            note = f"`{label} FILE > /dev/null`, the program's start included; {each:,} bytes each"
            rows.append(Row(f"archive_{size}_{suffix}", title, 1.2, entries, best_floor=(label,), note=note))
    return rows


def objects(setting: Setting) -> list[Row]:
    """Objects behind a delay."""
    count = 300 if setting.quick else 10_000
    command = [sys.executable, str(HERE / "object_store.py"), str(setting.corpus.folder / "full" / "ev"), str(count)]
    server = subprocess.Popen([*command, str(DELAY)], stdout=subprocess.PIPE, text=True)
    setting.opened.callback(server.wait)
    setting.opened.callback(server.terminate)
    assert server.stdout is not None
    address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    access = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
    environment = access | {"AWS_ENDPOINT_URL": address, "AWS_ENDPOINT": address, "AWS_ALLOW_HTTP": "true"}
    bucket = object_store.BUCKET
    keys = [object_store.key(i) for i in range(count)]
    bare = {"job": "ranges", "bucket": bucket, "keys": keys, "environment": environment, "flights": FLIGHTS}
    ours = {"job": "objects", "source": f"s3://{bucket}/in", "files": count, "environment": environment}
    entries = [Entry(OBSTORE, OBSTORE, bare, count), Entry(OURS, OURS, ours, count)]
    title = f"{count:,} objects of an S3 server with {DELAY} ms added latency, an object"
    note = (
        f"obstore's `get_range_async` of 8 KiB, names known, {FLIGHTS} in flight; ours lists, too; "
        f"object_store.py answers; {DELAY} ms / {FLIGHTS} is {DELAY * 1e3 / FLIGHTS:.0f} µs"
    )
    return [Row("objects", title, 1.2, entries, best_floor=(OBSTORE,), note=note)]


def frame(setting: Setting) -> list[Row]:
    """From a row to an ndarray."""
    rows = []
    files = setting.corpus.full
    many = str(setting.corpus.folder / "pix" / "mf100__ev.dcm")
    one_each = str(setting.corpus.folder / "full" / "ev")
    last = Entry(FLOOR, FLOOR, ["last", str(FRAME), str(len(files))], len(files), [["load_sorted", one_each]])
    stride = Entry(FLOOR, FLOOR, ["frames", many, str(FRAME), str(FRAMES)], FRAMES)
    for key, what, floor, source, paths, n, step in (
        ("files", f"{len(files)} files of one frame", last, one_each, files, len(files), 0),
        ("many", f"one file of {FRAMES} frames", stride, many, [many], FRAMES, 37),
    ):
        job = {"job": "frame", "source": source, "table": setting.path(f"frame-{key}"), "n": n, "stride": step}
        from_path = {"job": "path_frame", "paths": paths, "n": n, "stride": step}
        entries = [floor, Entry(OURS, OURS, job, n), Entry("rapidicom, a view from the path", OURS, from_path, n)]
        title = f"`index.frame(row, i)`, native 512 x 512 x 16, {what}, a frame"
        rows.append(Row(f"frame_{key}", title, 1.6, entries, note="C open + pread into a reused buffer + close"))
    return rows


ROWS: dict[str, Callable[[Setting], list[Row]]] = {
    function.__name__: function for function in (build, again, frames, long, archives, objects, frame)
}
