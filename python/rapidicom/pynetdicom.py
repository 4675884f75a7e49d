"""A Storage SCP for pynetdicom whose handler decodes nothing: the data set goes to disk as it came. PS3.4 Annex B

The handler asks pynetdicom's event for what it needs; pynetdicom itself is not imported.
"""

from __future__ import annotations

import errno
import logging
import os
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self

import rapidicom

from ._batches import Batches
from ._instance_folder import DuplicateError, InstanceFolder, data_set_offset
from ._instance_layout import UIDS, InstanceLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pydicom
    from pynetdicom.events import Event

__all__ = ["IMPLEMENTATION_CLASS_UID", "IMPLEMENTATION_VERSION_NAME", "Storage"]

IMPLEMENTATION_CLASS_UID = "2.25.58235259329857880947500406920795233174"
"""(0002,0012) of the files that are written here. PS3.7 §D.3.3.2"""
IMPLEMENTATION_VERSION_NAME = f"RAPIDICOM_{rapidicom.__version__}"[:16]
"""(0002,0013)"""

# PS3.4 §B.2.3, PS3.7 §C
SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
OUT_OF_RESOURCES = 0xA700
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_HEAD = 1 << 20  # of a deflated data set: where the UIDs are looked for before all of it is inflated

_log = logging.getLogger(__name__)


class _RefusedError(Exception):
    """What is not stored: the status, and words for Error Comment."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status


class Storage:
    """A handler of ``evt.EVT_C_STORE`` that writes each received instance as a file in ``folder``, and indexes it.

    ``AE.start_server(…, evt_handlers=[(evt.EVT_C_STORE, storage)])``. The data set's bytes are written as they came, in
    the Transfer Syntax of the presentation context, behind a File Preamble and File Meta Information (PS3.10 §7.1).
    Success is answered when the file is whole, on disk and under its name: what was acknowledged is not lost, and what
    was not leaves nothing under a final name. May be called by any number of threads, and several processes may share
    a folder. Both ways of pynetdicom to receive are served: in memory, and with ``STORE_RECV_CHUNKED_DATASET`` on disk.

    ``layout``: where in ``folder`` an instance lies: a path of ``{StudyInstanceUID}``, ``{SeriesInstanceUID}``,
    ``{SOPInstanceUID}`` and ``{SOPClassUID}``, each also as the first digits of its hash, ``{StudyInstanceUID:hash2}``.
    A UID that is not of digits and dots becomes a hash, a missing one ``unknown``.
    ``duplicate``: what is done with an instance whose name is taken by other bytes (the same bytes are a success and
    one file): ``"both"`` are kept, the later with a hash of its content in its name; the later is to ``"replace"`` the
    earlier; or ``"keep"`` the earlier and refuse the later with status 0x0111.
    ``sync``: whether files and folders are on disk (fsync) before success is answered; without it, they survive the
    end of this process but not that of the machine.
    ``on_stored``: called as ``on_stored(path, event)`` after a new file was stored, before success is answered.
    ``index``: the folder of an index; new files are added to it as by ``build_index(paths, index)``.
    ``on_batch``: called as ``on_batch(paths)`` instead, with absolute paths, by a thread of its own; a batch that
    raises comes again with the next.
    ``batch_size``, ``batch_seconds``: how many files, or how long the first of them waits, until they are handed on.
    What was stored and not yet handed on when the process ends is found by ``build_index(folder, index)``.

    What is answered (PS3.4 §B.2.3): 0x0000; 0xA700 where the disk, the quota or the memory is full; 0xA900 where the
    data set's SOP Class or Instance UID is not the request's; 0xC000 where no data set is to be read; 0x0110 for what
    else the operating system refuses; with a few words as Error Comment.

    Raises ``ValueError`` for a layout, a ``duplicate`` or a size that can't be, ``ImportError`` where ``index`` lacks
    its package, ``OSError`` where the folder can't be written to or does not know locks.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        layout: str = "{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm",
        duplicate: Literal["both", "replace", "keep"] = "both",
        sync: bool = True,
        on_stored: Callable[[str, Event], object] | None = None,
        index: str | os.PathLike[str] | None = None,
        on_batch: Callable[[list[str]], object] | None = None,
        batch_size: int = 10_000,
        batch_seconds: float = 60.0,
    ) -> None:
        if duplicate not in ("both", "replace", "keep"):
            raise ValueError(f"duplicate={duplicate!r}: expected 'both', 'replace' or 'keep'")
        if batch_size < 1 or not batch_seconds >= 0:
            raise ValueError(
                f"batch_size={batch_size!r}, batch_seconds={batch_seconds!r}: expected 1 or more, 0 or more"
            )
        if index is not None:
            if on_batch is not None:
                raise ValueError("index and on_batch: expected one of them")
            on_batch = _into(index)
        parsed = InstanceLayout(layout)
        self._on_stored = on_stored
        self._batches = Batches(on_batch, batch_size, batch_seconds) if on_batch else None
        self._folder = InstanceFolder(folder, parsed, duplicate, sync=sync)
        self._closed = False

    def __call__(self, event: Event) -> int | pydicom.Dataset:
        """Stores the instance of a C-STORE request -> its status."""
        try:
            path, is_new = self._store(event)
        except _RefusedError as refused:
            return self._failure(event, refused.status, str(refused))
        except DuplicateError:
            return self._failure(event, DUPLICATE_SOP_INSTANCE, "another instance of this UID is kept")
        except MemoryError:
            return self._failure(event, OUT_OF_RESOURCES, "out of memory")
        except OSError as error:
            status = OUT_OF_RESOURCES if error.errno in _FULL else PROCESSING_FAILURE
            return self._failure(event, status, error.strerror or type(error).__name__)
        if is_new:
            if self._batches is not None:
                self._batches.add(path)
            if self._on_stored is not None:
                try:
                    self._on_stored(path, event)
                except Exception:  # it is stored, whatever this was
                    _log.exception("on_stored failed for %s", path)
        return SUCCESS

    def close(self) -> None:
        """Hands on what waits to be indexed and gives up the folder; to be called when the server is shut down.

        ``RuntimeError`` where indexing failed: the files are stored, ``build_index(folder, index)`` adds them.
        """
        if self._closed:
            return
        self._closed = True
        self._folder.close()
        left = self._batches.close() if self._batches is not None else []
        if left:
            raise RuntimeError(f"{len(left)} files are stored in {self._folder.path} and not indexed; the log says why")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _store(self, event: Event) -> tuple[str, bool]:
        if self._closed:
            raise _RefusedError(OUT_OF_RESOURCES, "the storage is closed")
        request: Any = event.request
        transfer_syntax = str(event.context.transfer_syntax)
        sent = {"SOPClassUID": request.AffectedSOPClassUID, "SOPInstanceUID": request.AffectedSOPInstanceUID}
        sent = {keyword: str(uid or "").rstrip("\0 ") for keyword, uid in sent.items()}
        header = _header(sent, transfer_syntax, event)
        chunked = getattr(event, "dataset_path", None)
        if chunked is None:
            data_set = memoryview(b"") if request.DataSet is None else request.DataSet.getbuffer()
            head = _head_of(data_set, data_set[:_HEAD], transfer_syntax)
            return self._folder.add(header, data_set, _checked(head, sent))
        source = os.open(chunked, os.O_RDONLY | os.O_CLOEXEC)
        try:
            offset = data_set_offset(source)
            head = _head_of(os.fspath(chunked), memoryview(os.pread(source, _HEAD, offset)), transfer_syntax)
            return self._folder.add(header, (source, offset), _checked(head, sent))
        finally:
            os.close(source)

    def _failure(self, event: Event, status: int, comment: str) -> pydicom.Dataset:
        """The response: status and Error Comment, which is LO. PS3.7 §C"""
        from pydicom import Dataset

        instance = str(getattr(event.request, "AffectedSOPInstanceUID", ""))
        _log.warning("not stored, status 0x%04X: %s; SOP Instance UID %.100r", status, comment, instance)
        response = Dataset()
        response.Status = status
        response.ErrorComment = comment.encode("ascii", "replace").decode().replace("\\", "/")[:64]
        return response


def _into(index: str | os.PathLike[str]) -> Callable[[list[str]], object]:
    """``build_index`` into this table; what it lacks is said now, not when the first file is there."""
    try:
        import deltalake  # noqa: F401
    except ImportError:
        raise ImportError("an index is a Delta table: pip install rapidicom[delta]") from None
    return lambda paths: rapidicom.build_index(paths, index)


def _head_of(source: memoryview | str, begins: memoryview, transfer_syntax: str) -> rapidicom.Dataset:
    """The UIDs of a received data set, and nothing behind them; ``_RefusedError`` where it is none.

    ``source``: the data set, or the path of a Part 10 file that has it; ``begins``: the first bytes of the data set.
    """
    known, is_deflated = _encoding(transfer_syntax)
    first: memoryview | bytes = begins
    try:
        if is_deflated:  # PS3.5 §A.5
            first = zlib.decompressobj(-zlib.MAX_WBITS).decompress(begins, _HEAD)
            head = _read(first, _EXPLICIT_VR_LITTLE_ENDIAN)
        if not is_deflated or (len(first) == _HEAD and UIDS[-1] not in head):
            head = _read(source, None if isinstance(source, str) else known)
    except (rapidicom.DicomError, zlib.error) as error:
        raise _RefusedError(CANNOT_UNDERSTAND, f"not read: {error}") from error
    # Group 0002 here would be read as the file's own, by some. PS3.10 §7.1
    if bytes(first[:2]) in (b"\x02\x00", b"\x00\x02") or bytes(first[128:132]) == b"DICM":
        raise _RefusedError(CANNOT_UNDERSTAND, "File Meta Information in the data set")
    if len(head) == 0:
        raise _RefusedError(CANNOT_UNDERSTAND, "no SOP Common in the data set")
    return head


def _find_encoding(transfer_syntax: str) -> tuple[str, bool]:
    """What to read the data set as, and whether it is deflated. A private Transfer Syntax: PS3.5 §10.1"""
    uid = rapidicom.UID(transfer_syntax)
    if not uid.is_transfer_syntax:
        return _EXPLICIT_VR_LITTLE_ENDIAN, False
    return transfer_syntax, uid.is_deflated


_encoding = lru_cache(64)(_find_encoding)


def _read(source: memoryview | bytes | str, transfer_syntax: str | None) -> rapidicom.Dataset:
    return rapidicom.dcmread(source, specific_tags=UIDS, transfer_syntax=transfer_syntax)


def _checked(head: rapidicom.Dataset, sent: Mapping[str, str]) -> dict[str, str]:
    """The data set's UIDs, those of SOP Common being the request's. PS3.4 §B.2.3"""
    uids = {}
    for keyword in UIDS:
        value = head.get(keyword)
        uids[keyword] = "\\".join(value) if isinstance(value, list) else str(value or "").rstrip("\0 ")
    for keyword, uid in sent.items():
        if uids[keyword] != uid:
            raise _RefusedError(DATA_SET_DOES_NOT_MATCH, f"{keyword} of data set and request differ")
    return uids


def _header(sent: Mapping[str, str], transfer_syntax: str, event: Event) -> bytes:
    """File Preamble, DICOM Prefix and File Meta Information. PS3.10 §7.1"""
    assoc = event.assoc
    # In C-GET, the peer that sends is the one that accepted the association.
    sender, receiver = (assoc.requestor, assoc.acceptor) if assoc.is_acceptor else (assoc.acceptor, assoc.requestor)
    first, last = _file_meta(sent["SOPClassUID"], transfer_syntax, sender.ae_title, receiver.ae_title)
    file_meta = first + _element(0x03, b"UI", sent["SOPInstanceUID"]) + last
    group_length = b"\x02\x00\x00\x00UL\x04\x00" + len(file_meta).to_bytes(4, "little")
    return b"".join((bytes(128), b"DICM", group_length, file_meta))


def _make_file_meta(sop_class: str, transfer_syntax: str, sender: object, receiver: object) -> tuple[bytes, bytes]:
    """The elements before (0002,0003) and those behind it, which an association has in common."""
    sending, receiving = _ae_title(sender), _ae_title(receiver)
    version = b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"
    last = (
        _element(0x10, b"UI", transfer_syntax),
        _element(0x12, b"UI", IMPLEMENTATION_CLASS_UID),
        _element(0x13, b"SH", IMPLEMENTATION_VERSION_NAME),
        _element(0x16, b"AE", sending),
        _element(0x17, b"AE", sending),
        _element(0x18, b"AE", receiving),
    )
    return version + _element(0x02, b"UI", sop_class), b"".join(last)


_file_meta = lru_cache(256)(_make_file_meta)


def _element(number: int, vr: bytes, value: str) -> bytes:
    """(0002,00xx) in Explicit VR Little Endian, of even length; nothing where there is no value."""
    field = value.encode("iso8859", "replace")
    if not field:
        return b""
    if len(field) % 2:
        field += b"\0" if vr == b"UI" else b" "
    if len(field) > 0xFFFE:
        raise _RefusedError(CANNOT_UNDERSTAND, "a UID of more than 65,534 bytes")
    return b"\x02\x00%c\x00%b%b%b" % (number, vr, len(field).to_bytes(2, "little"), field)


def _ae_title(title: object) -> str:
    """An AE title as it may be written, else nothing. PS3.5 §6.2"""
    text = str(title or "").strip()
    return text if len(text) <= 16 and text.isascii() and text.isprintable() and "\\" not in text else ""
