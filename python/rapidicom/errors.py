"""What reading raises. What the operating system refuses stays an ``OSError`` with its errno and filename."""

import os


class DicomError(Exception):
    """The base of all errors of this package.

    Each says in one line what was found, what was expected and what can be done, and carries where:

    ``path``
        The file, or None where the bytes came from elsewhere.
    ``tag_path``
        The element, as ``dataset[...]`` takes it (``"Path.To[0].Keyword"``), or None.
    ``offset``
        The byte in the file (in the inflated data set where it was deflated), or None.
    """

    path: str | None
    tag_path: str | None
    offset: int | None

    def __init__(
        self, detail: str = "", *, path: str | None = None, tag_path: str | None = None, offset: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.path = path
        self.tag_path = tag_path
        self.offset = offset

    def __str__(self) -> str:
        where = [] if self.path is None else [os.fspath(self.path)]
        if self.tag_path is not None:
            where.append(self.tag_path)
        if self.offset is not None:
            where.append(f"byte {self.offset}")
        return f"{', '.join(where)}: {self.detail}" if where else self.detail

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.detail, self.__dict__)


def _restore(kind: type[DicomError], detail: str, state: dict[str, object]) -> DicomError:
    """An error as it was pickled."""
    error = kind.__new__(kind)
    error.args = (detail,)
    error.__dict__.update(state)
    return error


class InvalidDicomError(DicomError, ValueError):
    """The stream is not DICOM, or deviates from the standard where ``strict=True`` allows nothing. PS3.10 §7.1"""


class TruncatedError(DicomError):
    """The stream ends before what it promised."""


class ValueDecodeError(DicomError):
    """A Value Field does not hold what its VR says. Its bytes are at hand as ``DataElement.raw``. PS3.5 §6.2"""


class LimitError(DicomError, ValueError):
    """A bound of :class:`Limits` was reached: ``name``, the ``limit`` and the ``value`` that exceeds it."""

    name: str
    limit: int
    value: int

    def __init__(
        self,
        detail: str = "",
        *,
        path: str | None = None,
        tag_path: str | None = None,
        offset: int | None = None,
        name: str = "",
        limit: int = 0,
        value: int = 0,
    ) -> None:
        super().__init__(detail, path=path, tag_path=tag_path, offset=offset)
        self.name = name
        self.limit = limit
        self.value = value


class UnsupportedTransferSyntaxError(DicomError, NotImplementedError):
    """Pixel Data in a Transfer Syntax that is not decoded. PS3.5 §10"""


class PixelDecodeError(DicomError):
    """Pixel Data that can't be decoded rightly. PS3.5 §8"""


class NoImageError(PixelDecodeError, AttributeError):
    """There is no ``pixel_array`` and there are no ``frames``: Pixel Data, or what says how they lie, is absent."""


class FileChangedError(DicomError, OSError):
    """The file is no longer the one that was opened: it was truncated, written to or replaced."""


class InternalError(DicomError):
    """A defect of this package; please report it."""


class _FrameWarning(UserWarning):
    def __init__(self, detail: str, path: str | None = None, frame: int = 0) -> None:
        super().__init__(f"{path}: {detail}" if path else detail)
        self.path = path
        self.frame = frame


class SampleRangeWarning(_FrameWarning):
    """Samples of a code stream need more bits than Bits Stored.

    They are given as the code stream has them; of JPEG and JPEG lossless the lowest Bits Stored bits, as in pydicom.
    ``path`` is the file, where there is one; ``frame`` the first such frame that was decoded, from 0.
    """

    @classmethod
    def of(cls, bits_stored: int, path: str | None = None, frame: int | None = None) -> "SampleRangeWarning":
        """Of a frame, or of a code stream that is no file's."""
        words = f"samples of the code stream need more bits than Bits Stored, which is {bits_stored}"
        return cls(words if frame is None else f"frame {frame}: {words}", path, frame or 0)


class IncompleteFrameWarning(_FrameWarning):
    """A frame whose code stream ends early was given as far as it goes, as ``on_error="salvage"`` asks.

    ``path`` is the file, where there is one; ``frame`` counts from 0; ``rows`` of it are real. The words say all three.
    """

    def __init__(self, detail: str, path: str | None = None, frame: int = 0, rows: int = 0) -> None:
        super().__init__(detail, path, frame)
        self.rows = rows
