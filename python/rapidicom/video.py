"""Video in Pixel Data (MPEG-2, MPEG-4 AVC, HEVC): its stream, and its frames through PyAV. PS3.5 §8.2.5 to §8.2.11"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from ._rapidicom import Dataset, Frames

__all__ = ["FragmentStream", "frames"]

# MPEG-2 to HEVC, whole and fragmentable. PS3.6 Annex A
_VIDEO = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10\d(\.1)?")


class FragmentStream(io.RawIOBase):
    """The fragments of Pixel Data one after the other, as one binary file that can be read and sought. PS3.5 §A.4

    What ``Frames.stream()`` gives. Nothing is held: bytes go from the file to the reader's own buffer. The last byte
    may be the padding to an even length. Reading raises ``FileChangedError`` where the file was changed since.
    Not to be shared between threads; ask for one each.
    """

    def __init__(self, frames: Frames, places: Sequence[tuple[int, int]]) -> None:
        self._frames = frames
        self._places = tuple(places)
        self._ends = list(accumulate(length for _, length in places))
        self._position = 0

    def __len__(self) -> int:
        """Bytes in all."""
        return self._ends[-1] if self._ends else 0

    @property
    def fragments(self) -> tuple[memoryview, ...]:
        """The bytes of each fragment, read-only; no copy where the file is mapped or its bytes were given."""
        return tuple(self._frames._lend(*place) for place in self._places)

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """The byte that is read next."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a byte, also one past the end. ``ValueError`` before the first one or for another ``whence``."""
        if whence not in (io.SEEK_SET, io.SEEK_CUR, io.SEEK_END):
            raise ValueError(f"whence is {whence}, expected 0, 1 or 2")
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self)}[whence]
        if position < 0:
            raise ValueError(f"byte {position} was sought, expected one from 0 on")
        self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        """Fills ``buffer`` from as many fragments as it takes; how many bytes that were: 0 at the end."""
        if self.closed:
            raise ValueError("the stream is closed")
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._position < len(self):
            number = bisect_right(self._ends, self._position)
            offset, _ = self._places[number]
            left = self._ends[number] - self._position
            within = self._places[number][1] - left
            count = min(left, len(view) - filled)
            self._frames._read_into(offset + within, view[filled : filled + count])
            filled += count
            self._position += count
        return filled


def frames(ds: Dataset) -> Iterator[npt.NDArray[np.uint8]]:
    """The pictures of a video one by one, each RGB of shape ``(R, C, 3)`` and dtype uint8, decoded when asked for.

    Decoding is PyAV's: ``ImportError`` where it is not installed. ``UnsupportedTransferSyntaxError`` where the Transfer
    Syntax of ``ds`` is none of video, ``PixelDecodeError`` where PyAV finds no video or can't decode it. What is found
    is given, also where it is another size or number than ``ds`` says. PS3.5 §8.2.5 to §8.2.11
    """
    try:
        import av
    except ImportError:
        raise ImportError('video is decoded by PyAV: pip install "rapidicom[video]", or pip install av') from None
    from .errors import UnsupportedTransferSyntaxError

    syntax = ds.transfer_syntax
    if syntax is None or not _VIDEO.fullmatch(syntax):
        raise UnsupportedTransferSyntaxError(
            f"Pixel Data in {syntax} is no video; `ds.pixel_array` and `ds.frames` decode images", path=ds.filename
        )
    return _decoded(av, ds)


def _decoded(av: Any, ds: Dataset) -> Iterator[npt.NDArray[np.uint8]]:
    from .errors import PixelDecodeError

    try:
        with av.open(ds.frames.stream(), mode="r") as container:
            if not container.streams.video:
                raise PixelDecodeError("the stream holds no video, expected one", path=ds.filename)
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for picture in container.decode(stream):
                yield picture.to_ndarray(format="rgb24")
    except av.FFmpegError as error:
        raise PixelDecodeError(f"PyAV can't decode the video: {error}", path=ds.filename) from error
