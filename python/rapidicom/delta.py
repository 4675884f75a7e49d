"""A folder of DICOM files as a Delta Lake table that is built part by part, resumed, and brought up to date.

Rust writes the parts (Parquet); the package ``deltalake`` (``pip install rapidicom[delta]``) keeps the log. What is
committed when, and what is true at each instant, is said in ``docs/design/006-the-index-is-a-delta-table.md``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import glob
import json
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from . import _rapidicom
from ._foreign import plainly
from ._rapidicom import Limits

#: What each row says of its file, before the elements.
FACTS = (
    "path",
    "size",
    "mtime",
    "status",
    "error",
    "warnings",
    "transfer_syntax",
    "pixel_offset",
    "pixel_length",
)
#: By these a file is known again; they come last.
IDENTITY = ("mtime_ns", "inode", "path_bytes", "schema_version")
#: What a frame's bytes mean: the Image Pixel Module, PS3.3 §C.7.6.3.
FRAME_COLUMNS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
PART_ROWS = 131_072
PART_SECONDS = 60.0
ATTEMPTS = 20
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
NOT_DICOM = "_rapidicom"  # a name with this beginning is no data of the table, nor anything that vacuum removes


@dataclass(frozen=True)
class IndexReport:
    """What one ``build_index`` did."""

    files: int = 0  #: files that were looked at
    rows: int = 0  #: rows that were written, those of failed files among them
    failed: int = 0  #: rows with ``status = "error"``
    skipped: int = 0  #: files that are not DICOM, and what is no file
    unchanged: int = 0  #: files whose rows were there already
    removed: int = 0  #: rows that were taken out: their files changed, or are gone
    bytes: int = 0  #: bytes that were read
    seconds: float = 0.0  #: how long it took
    errors: dict[str, int] = field(default_factory=dict)  #: failed rows by the name of the exception
    version: int = 0  #: the table's version after it

    @property
    def read(self) -> int:
        """Files that were read and became rows."""
        return self.rows


class OvertakenError(Exception):
    """Another process committed what this build rests on: what is true now must be read first."""


def build_index(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    columns: Sequence[Any] | str | None = None,
    threads: int | None = None,
    frames: bool = False,
    json: bool = False,
    hash: str | None = None,
    archives: bool = False,
    not_dicom: Literal["skip", "row"] = "skip",
    shard: tuple[int, int] = (0, 1),
    part_rows: int = PART_ROWS,
    part_seconds: float = PART_SECONDS,
    progress: Callable[[int, int, int, int], object] | None = None,
    limits: Limits | None = None,
) -> IndexReport:
    """Bring the Delta Lake table in the folder ``out`` up to date with ``sources``, and make it where it is not there.

    One row a file. Only files that are new or changed (by path, size, time of modification in nanoseconds, inode, and
    the version of what rows hold) are read; rows of changed files are replaced, and rows of files that are gone from a
    folder or pattern are taken out. Killed at any instant and called again it goes on: what was committed is not read
    again.

    Args:
        sources: A folder (walked), a glob pattern, a file, a file of paths, a URL, or an iterable of these, as
            ``rapidicom.index``. Paths are made absolute by their words, as ``os.path.abspath`` does.
        out: The table's folder.
        columns: As ``rapidicom.index``, but every row has the facts of its file that the default row has. ``None``:
            those of the table, or the default row for a new one.
        threads: Threads that read; ``None``: as many as help.
        frames: Whether each row has the byte range of each frame (``frames: list<struct<offset, length>>``), and the
            attributes that decoding one needs.
        json: Whether each row has the header in the DICOM JSON Model, PS3.18 Annex F.
        hash: ``"sha256"`` or ``"xxh3"``: three hashes a row, as ``rapidicom.index``.
        archives: Whether ZIP and TAR files that a walk comes upon are looked into.
        not_dicom: What is no DICOM is counted (``"skip"``), or a row with ``status = "error"`` (``"row"``).
        shard: ``(i, n)``: the i-th of n parts of the source, from 0. Each may run in a process or on a machine of its
            own, all at once; all must use the same n.
        part_rows: A part is committed when it has about so many rows,
        part_seconds: or when so many seconds are over.
        progress: Called as ``progress(files_done, errors, files_seen, bytes_read)``, at most ten times a second.
        limits: What one file may cost.

    Returns:
        What was done.

    Raises:
        ValueError: For a column that there is not (before the first file is read), or columns that are not those of the
            table.
        OSError: Where the source is not there (before a table is made) or cannot be read at all, or the table not
            written (disk full): what was committed before stays, and the next call goes on from there.
        ImportError: Where ``deltalake`` is not installed.
    """
    begun = time.monotonic()
    roots = _roots(sources)
    once = isinstance(sources, Iterator)
    for attempt in range(ATTEMPTS):
        with _plainly(out):
            table = Table.open(Path(out), columns, (frames, json, hash), shard)
            try:
                facts = _rapidicom.build_parts(
                    sources,
                    table.described(roots, part_rows, part_seconds),
                    table.commit,
                    columns=table.columns,
                    shard=shard,
                    threads=threads,
                    frames=table.frames,
                    archives=archives,
                    not_dicom=not_dicom,
                    progress=progress,
                    limits=limits,
                )
            except OvertakenError:
                if once or attempt == ATTEMPTS - 1:
                    raise OSError(
                        f"{out}: another build of the same shard commits to this table; run this one again after it"
                    ) from None
                continue
            table.remember(facts.pop("not_dicom"))
            facts["seconds"] = time.monotonic() - begun
            return IndexReport(**facts, version=table.version)
    raise AssertionError("the last attempt returns or raises")


def compact(out: str | os.PathLike[str], *, target_bytes: int | None = None) -> dict[str, Any]:
    """Join small parts of a table into larger ones; return the figures that ``deltalake`` gives of it.

    Raises:
        OSError: Where there is no table.
        ImportError: Where ``deltalake`` is not installed.
    """
    with _plainly(out):
        metrics: dict[str, Any] = _existing(Path(out)).optimize.compact(target_size=target_bytes)
        return metrics


def vacuum(out: str | os.PathLike[str], *, hours: int | None = None, dry_run: bool = False) -> list[str]:
    """Delete files of parts that are of no version younger than ``hours`` (a week); return their names.

    Raises:
        OSError: Where there is no table.
        ImportError: Where ``deltalake`` is not installed.
    """
    with _plainly(out):
        names: list[str] = _existing(Path(out)).vacuum(
            retention_hours=hours, dry_run=dry_run, enforce_retention_duration=False, full=True
        )
        return names


class Table:
    """The log of one table, as one build sees it."""

    def __init__(self, out: Path, delta: Any, schema: Any, columns: list[str], frames: bool, shard: tuple[int, int]):
        self.out, self.columns, self.frames = out, columns, frames
        self._delta, self._schema = delta, schema
        self._shard = shard
        self._application = f"rapidicom-{shard[0]}-of-{shard[1]}"
        self._sequence: int = delta.transaction_version(self._application) or 0

    @classmethod
    def open(
        cls, out: Path, columns: Sequence[Any] | str | None, more: tuple[bool, bool, str | None], shard: tuple[int, int]
    ) -> Table:
        """Open or make the table; what was asked for must be what it has."""
        frames, json_too, hash_name = more
        deltalake = _deltalake()
        if not 0 <= shard[0] < shard[1]:
            raise ValueError(f"shard is {shard}, expected (i, n) with 0 <= i < n")
        out = Path(os.path.abspath(out))  # noqa: PTH100 - resolve() would follow links
        if any(sign in str(out) for sign in "%\\"):
            raise ValueError(f"{out}: deltalake takes % and \\ in a folder's name for something else; choose another")
        if not deltalake.DeltaTable.is_deltatable(str(out)):
            names = _columns(columns, frames, json_too, hash_name)
            schema = _schema(names, frames)
            _make(deltalake, out, schema, {"columns": names, "frames": frames})
        delta = deltalake.DeltaTable(str(out))
        settings = _settings(delta, out)
        named, framed = settings["columns"], settings["frames"]
        if columns is None:  # those of the table, which must have what else was asked for
            odd = set(_columns([], frames, json_too, hash_name)) - set(named)
        else:
            odd = set(_columns(columns, frames, json_too, hash_name)) ^ set(named)
        if frames and not framed:
            odd.add("frames")
        if odd:
            raise ValueError(
                f"{out} has other columns than were asked for ({', '.join(sorted(odd))}): "
                "leave columns out, or build another table"
            )
        return cls(out, delta, _schema(named, framed), named, framed, shard)

    @property
    def version(self) -> int:
        """The table's version."""
        self._delta.update_incremental()
        return int(self._delta.version())

    def described(self, roots: list[tuple[str, bool]], part_rows: int, part_seconds: float) -> dict[str, Any]:
        """Return what Rust must know of the table and the build."""
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            not_dicom = self._not_dicom.read_bytes()
        except FileNotFoundError:
            not_dicom = b""
        return {
            "folder": self.out,
            "prefix": f"part-{uuid.uuid4().hex[:16]}-{self._shard[0]:05d}",
            "parts": [self.out / name for name in sorted(self._active())],
            "not_dicom": not_dicom,
            "roots": roots,
            "part_rows": part_rows,
            "part_seconds": part_seconds,
        }

    def commit(self, added: list[dict[str, Any]], removed: list[str]) -> None:
        """Add and take out parts in one version of the table, or raise `OvertakenError` and change nothing."""
        from deltalake import CommitProperties, Transaction
        from deltalake.exceptions import CommitFailedError

        self._delta.update_incremental()
        active = self._active()
        if (
            not active.keys() >= set(removed)
            or (self._delta.transaction_version(self._application) or 0) != self._sequence
        ):
            raise OvertakenError
        now = time.time_ns() // 1_000_000
        actions = [_add(part, now) for part in added] + [_remove(name, active[name], now) for name in removed]
        transaction = Transaction(self._application, self._sequence + 1)
        try:
            self._delta.create_write_transaction(
                actions, "append", self._schema, commit_properties=CommitProperties(app_transactions=[transaction])
            )
        except CommitFailedError as error:
            # Was it refused, or did only the answer get lost?
            self._delta.update_incremental()
            if not self._active().keys() >= {part["name"] for part in added}:
                raise OvertakenError from error
        self._sequence += 1

    def remember(self, not_dicom: bytes) -> None:
        """Keep which files are no DICOM: a hint, without which they are opened again."""
        if not not_dicom:
            return
        self._not_dicom.parent.mkdir(exist_ok=True)
        temporary = self._not_dicom.with_name(f"{self._not_dicom.name}.{os.getpid()}")
        before = self._not_dicom.read_bytes() if self._not_dicom.exists() else b""
        temporary.write_bytes(before + not_dicom)
        temporary.replace(self._not_dicom)

    @property
    def _not_dicom(self) -> Path:
        return self.out / NOT_DICOM / f"not-dicom-{self._shard[0]}-of-{self._shard[1]}"

    def _active(self) -> dict[str, int]:
        """Return the parts of the table and their sizes."""
        actions = self._delta.get_add_actions(flatten=True)
        names, sizes = actions.column("path").to_pylist(), actions.column("size_bytes").to_pylist()
        return dict(zip(names, sizes, strict=True))


def _plainly(out: str | os.PathLike[str]) -> AbstractContextManager[None]:
    """What deltalake raises, as Python says it."""
    _deltalake()
    from deltalake.exceptions import DeltaError

    return plainly(out, DeltaError)


def _deltalake() -> Any:
    try:
        import deltalake
    except ImportError:
        raise ImportError("an index that resumes is a Delta Lake table: pip install rapidicom[delta]") from None
    return deltalake


def _existing(out: Path) -> Any:
    deltalake = _deltalake()
    if not deltalake.DeltaTable.is_deltatable(str(out)):
        raise FileNotFoundError(f"{out} is no index: no Delta table is there")
    return deltalake.DeltaTable(str(out))


def _columns(columns: Sequence[Any] | str | None, frames: bool, json_too: bool, hash_name: str | None) -> list[str]:
    """Return the names of all columns but ``frames``, in their order; wrong ones raise ValueError."""
    asked = ["default"] if columns is None or columns == "default" else list(columns)
    if isinstance(columns, str) and columns != "default":
        raise ValueError(f"{columns!r} is no named set of columns; there is 'default'")
    if hash_name not in (None, "sha256", "xxh3"):
        raise ValueError(f"hash is {hash_name!r}, expected 'sha256' or 'xxh3'")
    hashes = [f"{part}_{hash_name}" for part in ("file", "pixel_data", "data_set")] if hash_name else []
    given = [*FACTS, *asked, *(FRAME_COLUMNS if frames else ()), *(["json"] if json_too else []), *hashes, *IDENTITY]
    names: list[str] = _rapidicom.scan([], columns=given, threads=1).schema.names
    return names


def _schema(names: list[str], frames: bool) -> Any:
    from deltalake import Schema

    return Schema.from_arrow(_rapidicom.scan([], columns=names, frames=frames, threads=1).schema)


def _make(deltalake: Any, out: Path, schema: Any, settings: dict[str, Any]) -> None:
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import create_table_with_add_actions

    try:
        create_table_with_add_actions(
            str(out), schema, [], mode="ignore", name="rapidicom", description=json.dumps(settings)
        )
    except DeltaError:
        if not deltalake.DeltaTable.is_deltatable(str(out)):
            raise  # else another shard was first


def _settings(delta: Any, out: Path) -> dict[str, Any]:
    """Return how the table was asked for: its description."""
    if "deletionVectors" in (delta.protocol().reader_features or ()):
        raise ValueError(f"{out} has deletion vectors, which another tool made; this is not done to them")
    try:
        settings = json.loads(delta.metadata().description)
        return {"columns": list(settings["columns"]), "frames": bool(settings["frames"])}
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"{out} is a Delta table, but not one that rapidicom made") from None


def _roots(sources: Any) -> list[tuple[str, bool]]:
    """Return the folders and archives that are read through, and whether all in them is met: rows that are gone go."""
    if isinstance(sources, (str, os.PathLike)):
        return _root(os.fspath(sources))
    if not isinstance(sources, Collection):
        return []
    roots = []
    for source in sources:
        if isinstance(source, (str, os.PathLike)):
            with contextlib.suppress(FileNotFoundError):  # a share that is not mounted: no row of its files goes
                roots += _root(os.fspath(source))
    return roots


def _root(word: str) -> list[tuple[str, bool]]:
    """Return what is read through because of one word, if not just one file."""
    named = word.removeprefix("file://").removeprefix("local://")
    if "://" in named:
        return [] if glob.has_magic(named) else [(named, True)]
    path = Path(os.path.abspath(named))  # noqa: PTH100 - resolve() would follow links
    if path.exists():
        return [(str(path), True)] if path.is_dir() or path.name.lower().endswith(ARCHIVES) else []
    fixed = path
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    if fixed == path or not fixed.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), word)
    return [(str(fixed), False)]


def _add(part: dict[str, Any], now: int) -> Any:
    from deltalake.transaction import AddAction

    return AddAction(part["name"], part["bytes"], {}, now, True, _statistics(part))


def _remove(name: str, size: int, now: int) -> Any:
    from deltalake.transaction import RemoveAction

    return RemoveAction(name, True, now, size, {})


def _statistics(part: dict[str, Any]) -> str:
    """Return the statistics of a part as the Delta protocol writes them, "Per-file Statistics"."""
    bounded = {name: bounds for name, bounds in part["columns"].items() if bounds[0] is not None}
    return json.dumps(
        {
            "numRecords": part["rows"],
            "minValues": {name: lowest for name, (lowest, _, _) in bounded.items()},
            "maxValues": {name: highest for name, (_, highest, _) in bounded.items()},
            "nullCount": {name: nulls for name, (_, _, nulls) in part["columns"].items()},
        },
        default=dt.date.isoformat,
    )
