"""One frame from a row of an index: its byte range is read, the file is not parsed. PS3.5 §8, §A.4

What a row says of a frame: ``path``, ``frames`` (offset and length of each), ``transfer_syntax`` and the Image Pixel
Module. Where that is not the whole truth (a deflated data set, words of big endian, a length that is not that of such
an image), the file is parsed as :func:`rapidicom.dcmread` does.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._rapidicom import _decode_frame, _read_samples, dcmread
from .errors import DicomError, FileChangedError, PixelDecodeError, SampleRangeWarning
from .uid import UID

if TYPE_CHECKING:
    import numpy.typing as npt

    _Array = npt.NDArray[Any]
    _Fill = Callable[[Any, int], int]
    """Fills a buffer from an offset on; gives how many bytes there were."""

IMAGE = (
    *("transfer_syntax", "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"),
    *("PixelRepresentation", "PlanarConfiguration", "PhotometricInterpretation"),
)
COLUMNS = (
    *("path", "path_bytes", "size", "mtime", "mtime_ns", "inode", "error", "pixel_offset", "pixel_length", "frames"),
    *("NumberOfFrames", *IMAGE),
)
"""The columns of an index that :func:`read` looks at, those of them that it has."""

_DEFLATED = "1.2.840.10008.1.2.1.99"  # no offset of what is deflated is known
_LITTLE_ENDIAN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
_image_of = itemgetter(*IMAGE)
_ITEM = b"\xfe\xff\x00\xe0"
_FLOAT = {b"\xe0\x7f\x08\x00": "f4", b"\xe0\x7f\x09\x00": "f8"}  # Float and Double Float Pixel Data. PS3.3 C.7.6.24-25
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def read(row: Mapping[str, Any], index: int) -> _Array:
    """Frame ``index`` of the file of ``row``, from the end where negative: shape and dtype as ``Frames`` gives it.

    ``IndexError`` where there is no such frame, ``FileChangedError`` where size, time or inode of the file are not the
    row's, ``ValueError`` for a row without ``frames``, ``OSError`` where the file can't be opened; else what ``Frames``
    raises.
    """
    try:
        ranges, path = row["frames"], row["path"]
    except KeyError as missing:
        raise ValueError(f"the row has no {missing}: the index is to be built with frames=True") from None
    if ranges is not None or (row.get("pixel_offset") is None and row.get("transfer_syntax") != _DEFLATED):
        index = _number(row, index)
    if "://" in path and path[0] not in "./":
        return _of_stream(row, index)
    if isinstance(raw := row.get("path_bytes"), bytes):  # a name that is no UTF-8
        path = os.fsdecode(raw)
    frame = _samples(row, index, path)
    if frame is None:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO does not make it wait
        try:
            found = os.fstat(fd)
            _check(row, found.st_size, found.st_mtime_ns, found.st_ino)
            frame = _read(row, index, lambda buffer, offset: os.preadv(fd, [buffer], offset))
        finally:
            os.close(fd)
    return dcmread(path).frames[index] if frame is None else frame


def _number(row: Mapping[str, Any], index: int) -> int:
    """The frame that ``index`` means, from the start. A file that was cut off has fewer than it says."""
    there = 0 if row["frames"] is None else len(row["frames"])
    said = row.get("NumberOfFrames") or 1
    count = there if row.get("pixel_offset") is None or said != said else max(there, int(said))
    if not -count <= index < count:
        error = row.get("error")
        raise IndexError(f"frame {index} of {count}: {row['path']}" + (f": {error}" if error else ""))
    index %= count
    if index >= there:
        words = f"frame {index} is not there: the Pixel Data has {there} of {count} frames"
        raise PixelDecodeError(words, path=row["path"], tag_path="PixelData", offset=row["pixel_offset"])
    return index


def _samples(row: Mapping[str, Any], index: int, path: str) -> _Array | None:
    """A frame whose stored bytes are its samples, but for unused bits: most of CT and MR. None for any other."""
    ranges, layout = row["frames"], _layout_of(row)
    if layout is None or layout.in_place is None or ranges is None:
        return None
    offset, length = ranges[index]["offset"], ranges[index]["length"]
    if 8 * length != layout.bits or offset + length > (row.get("size") or sys.maxsize):
        return None
    shape, dtype, arguments = layout.in_place
    samples = np.empty(shape, dtype)
    size, mtime_ns, inode, count = _read_samples(path, offset, samples, arguments)
    _check(row, size, mtime_ns, inode)
    return samples if count == length else None


def _of_stream(row: Mapping[str, Any], index: int) -> _Array:
    """Of a member of an archive, which has the time of that, or of a remote object, of which only the size is told."""
    from . import archive_member

    path = row.get("path_bytes")
    place = archive_member.place_of(path if isinstance(path, bytes) else os.fsencode(row["path"]))
    if place is not None:
        with archive_member.opened(place, row.get("size")) as (stream, size, archive):
            _check(row, size, archive.st_mtime_ns, archive.st_ino)
            return _in_stream(row, index, stream)
    try:
        import fsspec
    except ImportError:
        raise ImportError(f"{row['path']}: URLs are read by fsspec: pip install rapidicom[fsspec]") from None
    with fsspec.open(row["path"], "rb") as stream:
        _check(row, stream.seek(0, os.SEEK_END))
        return _in_stream(row, index, stream)


def _in_stream(row: Mapping[str, Any], index: int, stream: IO[bytes]) -> _Array:
    frame = _read(row, index, lambda buffer, offset: _read_into(stream, buffer, offset))
    if frame is not None:
        return frame
    stream.seek(0)
    return dcmread(stream.read()).frames[index]


def _read_into(stream: IO[bytes], buffer: Any, offset: int) -> int:
    stream.seek(offset)
    data = stream.read(memoryview(buffer).nbytes)
    memoryview(buffer).cast("B")[: len(data)] = data
    return len(data)


def _check(row: Mapping[str, Any], size: int, mtime_ns: int | None = None, inode: int | None = None) -> None:
    """That the file is the one that was indexed. Two of one size and time that swapped their names differ by inode."""
    if row.get("size", size) not in (size, None):
        words = f"{size} bytes, the index has {row['size']}"
    elif not _is_same(row.get("inode") or None, inode or None):  # 0 where the system has none
        words = "another file than was indexed lies there"
    elif mtime_ns is None:
        return
    elif row.get("mtime_ns") is not None:
        if _is_same(row["mtime_ns"], mtime_ns):
            return
        words = "written to since it was indexed"
    elif row.get("mtime") is None or (row["mtime"] - _EPOCH) // _MICROSECOND == mtime_ns // 1000:
        return
    else:
        words = "written to since it was indexed"
    raise FileChangedError(f"{words}; build the index again", path=row["path"])


def _is_same(cell: int | float | None, now: int | None) -> bool:
    """Whether a cell of 64 bits is this number. A column of pandas with nulls has floats, NaN for what is unknown."""
    if cell is None or now is None or cell != cell:
        return True
    signed = now - 2**64 if now >= 2**63 else now
    return cell == (float(signed) if isinstance(cell, float) else signed)


class _Layout(NamedTuple):
    """How the bytes of a frame become an array: the same for all frames of a series."""

    transfer_syntax: str
    is_encapsulated: bool
    bits: int
    """Of a native frame."""
    arguments: tuple[int, int, int, int, int, int, int, str]
    """Of the decoder."""
    in_place: tuple[tuple[int, ...], np.dtype[Any], tuple[Any, ...] | None] | None
    """Where the stored bytes are the samples: shape, dtype, and the decoder's arguments where there are unused bits."""


def _layout_of(row: Mapping[str, Any]) -> _Layout | None:
    try:
        return _layout(*_image_of(row))
    except KeyError:  # the index was built without what frames need
        return None


@lru_cache(maxsize=1024, typed=True)
def _layout(transfer_syntax: str | None, *image: Any) -> _Layout | None:
    """What the Image Pixel Module says of a frame, with the defaults of ``Frames``; None where it is not enough."""
    known = UID(transfer_syntax)._transfer_syntax() if isinstance(transfer_syntax, str) else None
    # A number of pandas may be a float, and NaN where there is none.
    numbers = [None if number is None or number != number else int(number) for number in image[:-1]]
    rows, columns, samples, allocated, stored, representation, planar = numbers
    photometric = image[-1] if isinstance(image[-1], str) else ""
    if not known or not transfer_syntax or not rows or not columns or not allocated:
        return None
    is_encapsulated = known[3]
    big_endian = transfer_syntax not in _LITTLE_ENDIAN and not is_encapsulated
    if (known[2] and not is_encapsulated) or (big_endian and allocated in (8, 12)):
        return None  # offsets count in the inflated data set; words of two cells are swapped where the VR is OW
    samples = 1 if samples is None else samples
    if not stored or stored > allocated:
        stored = allocated
    planar = int(planar == 1 and samples > 1)
    photometric = photometric.strip().upper() or ("MONOCHROME2" if samples == 1 else "")
    bits = rows * columns * allocated * (2 if photometric == "YBR_FULL_422" else samples)
    is_in_place = (
        not (is_encapsulated or big_endian or planar or photometric in ("YBR_FULL", "YBR_FULL_422"))
        and sys.byteorder == "little"
        and allocated in (8, 16)  # those of 32 and 64 may be floats
        and 1 <= samples <= 4
    )
    arguments = (rows, columns, samples, allocated, stored, int(bool(representation)), planar, photometric)
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    dtype = np.dtype(f"{'i' if representation else 'u'}{allocated // 8}") if is_in_place else None
    return _Layout(
        transfer_syntax,
        is_encapsulated,
        bits,
        arguments,
        None if dtype is None else (shape, dtype, arguments if stored < allocated else None),
    )


def _read(row: Mapping[str, Any], index: int, fill: _Fill) -> _Array | None:
    """The frame; None where the row does not say enough of it."""
    ranges, layout = row["frames"], _layout_of(row)
    if layout is None or ranges is None:
        return None
    offset, length = ranges[index]["offset"], ranges[index]["length"]
    if offset + length > (row.get("size") or sys.maxsize):
        return None
    stored: Any
    if layout.is_encapsulated:
        stored = _fragments(offset, length, fill)
    else:
        first_bit = index % len(ranges) * layout.bits % 8
        if length != (first_bit + layout.bits + 7) // 8:
            return None
        whole = -(-len(ranges) * layout.bits // 16) * 2
        if layout.arguments[-1] == "YBR_FULL_422" and row.get("pixel_length") != whole:
            return None  # its length may show that it never was subsampled
        if layout.arguments[3] >= 32:
            element = _tag_of_pixels(row, layout, fill)
            if element is None:
                return None
            if element in _FLOAT:
                samples = np.empty(layout.arguments[:2], _FLOAT[element])
                return samples if fill(samples, offset) == samples.nbytes == length else None
        stored = _whole_cells(offset, length, first_bit, fill)
    if stored is None:
        return None
    try:
        frame, _, beyond = _decode_frame(stored, layout.transfer_syntax, layout.arguments, False, None)
    except DicomError as error:
        error.path, error.tag_path = row["path"], "PixelData"
        error.offset, error.detail = offset + (error.offset or 0), f"frame {index}: {error.detail}"
        raise
    except ValueError:  # no such image: parsing says what is wrong with it
        return None
    if beyond:
        warnings.warn(SampleRangeWarning.of(layout.arguments[4], row["path"], index), stacklevel=2)
    return frame


def _tag_of_pixels(row: Mapping[str, Any], layout: _Layout, fill: _Fill) -> bytes | None:
    """The tag that stands before the value: whether the samples are integers or floats, only it says."""
    header, pixels = bytearray(12), row.get("pixel_offset")
    if pixels is None or fill(header, int(pixels) - 12) != len(header):
        return None
    implicit = layout.transfer_syntax == _LITTLE_ENDIAN[0]
    return bytes(header[4:8] if implicit else header[:4])


def _whole_cells(offset: int, length: int, first_bit: int, fill: _Fill) -> _Array | bytes | None:
    """A native frame from its first bit on: frames of 1 and 12 bits a cell may begin within a byte. PS3.5 §8.1.1"""
    stored = np.empty(length, np.uint8)
    if fill(stored, offset) != length:
        return None
    if first_bit:
        return (int.from_bytes(stored.data, "little") >> first_bit).to_bytes(length, "little")
    return stored


def _fragments(offset: int, length: int, fill: _Fill) -> memoryview | None:
    """The frame's code stream: the item header before it says whether it is one fragment. PS3.5 §A.4"""
    stored = np.empty(8 + length, np.uint8)
    if offset < 8 or fill(stored, offset - 8) != len(stored):
        return None
    items, parts, at = stored.data, [], 0
    while at < len(items):
        if items[at : at + 4] != _ITEM:
            return None
        end = at + 8 + int.from_bytes(items[at + 4 : at + 8], "little")
        parts.append(items[at + 8 : end])
        at = end
    return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
