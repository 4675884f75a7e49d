"""The extension, written in Rust. Its public names are those of ``rapidicom``."""

import os
from collections import abc
from typing import (
    Any,
    ClassVar,
    Literal,
    NoReturn,
    Protocol,
    Self,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    TypeVar,
    final,
    overload,
)

import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
from typing_extensions import Buffer, CapsuleType

from ._keywords import _Keywords
from .private_block import PrivateBlock
from .read_warning import ReadWarning
from .tag import Tag
from .uid import UID
from .video import FragmentStream

__all__ = [
    "STANDARD_EDITION",
    "DataElement",
    "Dataset",
    "Frames",
    "Index",
    "Limits",
    "RecordBatch",
    "Scan",
    "Schema",
    "Sequence",
    "__version__",
    "_convert_ybr_full",
    "_decode_frame",
    "_deviations",
    "_dictionary_entry",
    "_expand_segments",
    "_look_up",
    "_overlay_of_cells",
    "_palette",
    "_read_samples",
    "_rescale",
    "_restore_dataset",
    "_restore_element",
    "_restore_frames",
    "_restore_limits",
    "_restore_sequence",
    "_tag_of",
    "_uid_entry",
    "_unpack_overlay",
    "_window",
    "_window_8_bit",
    "build_parts",
    "dcmread",
    "index",
    "is_dicom",
    "iter_pixels",
    "pixel_array",
    "scan",
    "write_parquet",
]

__version__: str
STANDARD_EDITION: str
"""The edition of the standard that the dictionaries are of, such as ``"2026b"``. PS3.6"""

_T = TypeVar("_T")

class _Readable(Protocol):
    """A binary file-like object."""

    def read(self) -> bytes: ...

_Path: TypeAlias = str | os.PathLike[str]

_Source: TypeAlias = _Path | Buffer | _Readable
"""A path; bytes of any kind, held and not copied; or a binary file-like object, read to its end."""

_TagLike: TypeAlias = SupportsIndex | tuple[int | str, int | str] | list[int] | list[str]
"""``0x00100010``, ``(0x0010, 0x0010)``, ``[0x0010, 0x0010]`` or ``("0010", "0010")``; a ``Tag`` is an ``int``."""

_Key: TypeAlias = _TagLike | str
"""A tag as above, or a word: ``"PatientName"``, ``"00100010"``, ``"0x00100010"``, ``"(0010,0010)"``."""

@final
class Dataset(_Keywords):
    """A data set, or an item of a sequence: its elements in tag order. PS3.5 §7

    Immutable, lazy and shareable between threads: bytes and a table of where the elements lie in them. A value is decoded
    when it is asked for: ``ds.PatientName``, or ``ds["PatientName"].value``; the types of values stand at
    ``DataElement.value``. Equal to a data set, also pydicom's, of equal elements at all depths. Pickled by path and
    identity of the file, or by its bytes where there is no path.

    Made by ``dcmread``. A missing keyword is an ``AttributeError``, a missing tag a ``KeyError``; both name what is near.
    Where bytes are not what they should be, access raises ``ValueDecodeError``, ``InvalidDicomError``, ``TruncatedError``
    or ``LimitError``; where the file is no longer the one that was opened, ``FileChangedError``.
    """

    @overload
    def __getitem__(self, key: slice, /) -> Dataset: ...
    @overload
    def __getitem__(self, key: _TagLike, /) -> DataElement: ...
    @overload
    def __getitem__(self, key: str, /) -> DataElement | Any:
        """The element of a tag, keyword, or path into sequences; ``KeyError`` where there is none.

        ``ds["ReferencedSeriesSequence[0].SeriesInstanceUID"]``: the element in an item; items are counted from 0, from
        the end where negative. A path that ends in an item gives its ``Dataset``. A slice of tags gives the elements
        from the first up to the second as a data set, every n-th of them where it has a step.
        """

    @overload
    def get(self, key: str, default: Any = None) -> Any: ...
    @overload
    def get(self, key: _TagLike, default: None = None) -> DataElement | None: ...
    @overload
    def get(self, key: _TagLike, default: _T) -> DataElement | _T:
        """The value of a keyword or at the end of a path, the element of a tag, else the default."""

    @overload
    def get_item(self, key: slice, *, keep_deferred: bool = False) -> Dataset: ...
    @overload
    def get_item(self, key: _Key, *, keep_deferred: bool = False) -> DataElement | None:
        """The element of a tag or keyword, else None; of a slice its data set. Every value is deferred."""

    def data_element(self, name: str) -> DataElement | None:
        """The element of a keyword, else None."""

    def __contains__(self, key: object, /) -> bool:
        """Whether there is an element of this tag, keyword or path; False for what is none of them."""

    def __len__(self) -> int:
        """How many elements at this level."""

    def __bool__(self) -> bool: ...
    def __iter__(self) -> abc.Iterator[DataElement]:
        """The elements of this level, in tag order."""

    def elements(self) -> abc.Iterator[DataElement]:
        """The elements of this level, in tag order."""

    def iterall(self) -> abc.Iterator[DataElement]:
        """The elements of all levels, those of an item after their sequence."""

    @overload
    def walk(self, callback: None = None, recursive: bool = True) -> abc.Iterator[tuple[str, DataElement]]: ...
    @overload
    def walk(self, callback: abc.Callable[[Dataset, DataElement], object], recursive: bool = True) -> None:
        """Path and element, at all levels; ``ds[path]`` is the element again.

        With a function, as in pydicom, it is called with each element and the data set or item that has it; only of
        this level where ``recursive`` is false.
        """

    def decode(self) -> None:
        """Nothing: text is decoded when it is asked for."""

    def keys(self) -> abc.KeysView[Tag]:
        """The tags, ascending: the keys of a ``dict``. PS3.5 §7.1"""

    def values(self) -> abc.ValuesView[DataElement]:
        """The elements in tag order: the values of a ``dict``."""

    def items(self) -> abc.ItemsView[Tag, DataElement]:
        """Tag and element, in tag order: the items of a ``dict``."""

    def dir(self, *filters: str) -> list[str]:
        """The keywords that are there, sorted; of those that hold one of these words, in any case, where some are given."""

    def keywords(self) -> list[str]:
        """The keywords that are there, in tag order."""

    def __dir__(self) -> list[str]: ...
    def trait_names(self) -> list[str]:
        """As ``dir(ds)``, for completion."""

    def top(self) -> str:
        """The elements of this level as text, one a line."""

    def formatted_lines(
        self, element_format: str = ..., sequence_element_format: str = ..., indent_format: str | None = None
    ) -> abc.Iterator[str]:
        """A line for each element of all levels, by ``%`` formats of the names of its attributes.

        As they are where none are given: ``"%(tag)s %(name)-35.35s %(VR)s: %(repval)s"``.
        """

    def to_json_dict(
        self,
        bulk_data_threshold: int = 1024,
        bulk_data_element_handler: abc.Callable[[DataElement], str] | None = None,
        suppress_invalid_tags: bool = False,
    ) -> dict[str, Any]:
        """The DICOM JSON Model, as pydicom gives it. PS3.18 Annex F

        Bytes are ``InlineBinary`` in the byte order of the file, or ``BulkDataURI`` by the handler, if there is one,
        where their Base64 is longer than the threshold. Where bytes are no value, ``ValueDecodeError``; such elements
        are left out with ``suppress_invalid_tags``.
        """

    def to_json(
        self,
        bulk_data_threshold: int = 1024,
        bulk_data_element_handler: abc.Callable[[DataElement], str] | None = None,
        dump_handler: abc.Callable[[dict[str, Any]], str] | None = None,
        suppress_invalid_tags: bool = False,
    ) -> str:
        """The same as text, by ``dump_handler`` where that is given."""

    @property
    def file_meta(self) -> Dataset:
        """The File Meta Information, group 0002; empty where there is none. PS3.10 §7.1"""

    @property
    def preamble(self) -> bytes | None:
        """The 128 bytes of the File Preamble, or None. PS3.10 §7.1"""

    @property
    def preamble_kind(self) -> Literal["none", "zero", "tiff", "executable", "other"]:
        """What the File Preamble holds; it is never interpreted. PS3.10 §7.5"""

    @property
    def transfer_syntax(self) -> UID | None:
        """The Transfer Syntax that was read, or declared where it is unknown; None where there is none. PS3.5 §10"""

    @property
    def is_implicit_VR(self) -> bool:
        """Whether this level is in Implicit VR. PS3.5 §7.1.3"""

    @property
    def is_little_endian(self) -> bool:
        """Whether this level is in Little Endian. PS3.5 §7.3"""

    @property
    def original_encoding(self) -> tuple[bool, bool]:
        """``(is_implicit_VR, is_little_endian)``"""

    @property
    def read_implicit_vr(self) -> bool:
        """As ``is_implicit_VR``, by pydicom's name."""

    @property
    def read_little_endian(self) -> bool:
        """As ``is_little_endian``, by pydicom's name."""

    @property
    def original_character_set(self) -> str | list[str]:
        """Python's codecs for the Specific Character Set in force; ``"iso8859"`` where none is named. PS3.3 §C.12.1.1.2"""

    @property
    def read_encoding(self) -> str | list[str]:
        """As ``original_character_set``, by pydicom's older name."""

    is_original_encoding: ClassVar[bool]
    """True: a data set never changes."""

    is_decompressed: ClassVar[bool]
    """False: Pixel Data stays as it lies in the file."""

    @property
    def is_undefined_length_sequence_item(self) -> bool:
        """Whether it is an item of Undefined Length. PS3.5 §7.5.1"""

    @property
    def filename(self) -> str | None:
        """The path it was read from, or None."""

    @property
    def timestamp(self) -> float | None:
        """When the file was last modified, in seconds since 1970; None without a path."""

    @property
    def access(self) -> Literal["mmap", "read", "buffer"]:
        """How the bytes are reached: a map of the file, reads, or the caller's buffer."""

    @property
    def warnings(self) -> tuple[ReadWarning, ...]:
        """What reading forgave at this level and below, at most ``Limits.max_warnings``; found when first asked for."""

    def private_block(self, group: int, private_creator: str, create: bool = False) -> PrivateBlock:
        """The block that a Private Creator reserves; ``ValueError`` for an even group. PS3.5 §7.8.1

        ``KeyError`` where there is none, also with ``create``: a data set is read-only.
        """

    def get_private_item(self, group: int, element_offset: int, private_creator: str) -> DataElement:
        """The element with an offset in the block of a Private Creator; ``KeyError`` and ``ValueError`` as there. PS3.5 §7.8"""

    def private_creators(self, group: int) -> list[str]:
        """The Private Creators of a group. PS3.5 §7.8.1"""

    def group_dataset(self, group: int) -> Dataset:
        """The elements of a group as a data set."""

    def copy(self) -> Self:
        """Itself: it never changes."""

    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: Any, /) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def _repr_html_(self) -> str:
        """A table for notebooks."""

    def __reduce__(self) -> tuple[Any, ...]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...
    @property
    def frames(self) -> Frames:
        """The frames of the image, not decoded; ``PixelDecodeError`` where the attributes describe none. PS3.3 §C.7.6.3

        Where they are absent it is an ``AttributeError`` too: ``hasattr(ds, "frames")``.
        """

    @property
    def pixel_array(self) -> npt.NDArray[Any]:
        """All frames as one array: ``(R, C)``, ``(F, R, C)``, ``(R, C, S)`` or ``(F, R, C, S)``; see ``Frames``. PS3.3 §C.7.6.3

        The leading axis is there where Number of Frames is more than 1, the last where Samples per Pixel is. Made anew
        each time. Raises what ``frames`` and decoding a frame raise.
        """

    def overlay_array(self, group: int) -> npt.NDArray[np.uint8]:
        """The overlay plane of group 0x6000 to 0x60FF: see ``rapidicom.pixels.overlay_array``. PS3.3 §C.9.2"""

    def waveform_array(self, index: int) -> npt.NDArray[np.float64]:
        """The multiplex group at ``index`` in its units: see ``rapidicom.waveforms.multiplex_array``. PS3.3 §C.10.9"""

    def __setattr__(self, name: str, _value: Any, /) -> NoReturn:
        """``AttributeError``: a data set is read-only."""

    def __delattr__(self, name: str, /) -> NoReturn:
        """``AttributeError``: a data set is read-only."""

@final
class Sequence(abc.Sequence[Dataset]):
    """The items of an element of VR SQ: list-like, immutable, each a ``Dataset``. PS3.5 §7.5

    An item's elements are found when it is first asked for, which is when a damaged one raises ``InvalidDicomError`` or
    ``TruncatedError``; the same object is given each time. Equal to any list-like of equal items.
    """

    def __len__(self) -> int:
        """How many items."""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Dataset: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Dataset]:
        """The item at a place, from the end where it is negative, or a list of items; ``IndexError`` where there is none."""

    @property
    def is_undefined_length(self) -> bool:
        """Whether it is of Undefined Length. PS3.5 §7.5.2"""

    def __iter__(self) -> abc.Iterator[Dataset]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> abc.Iterator[Dataset]: ...
    def index(self, item: Any, *bounds: int) -> int:
        """The place of the first item that equals this one, as ``list.index``; ``ValueError`` where there is none."""

    def count(self, item: Any) -> int:
        """How many items equal this one."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class DataElement:
    """One element of a data set: tag, VR, and where its Value Field lies. PS3.5 §7.1

    Immutable. Nothing of the value is decoded before it is asked for. Equal to an element, also pydicom's, of the same
    tag, VR and value.
    """

    @property
    def tag(self) -> Tag:
        """The Data Element Tag. PS3.5 §7.1.1"""

    @property
    def VR(self) -> str:
        """The Value Representation: two letters; in Implicit VR, and for UN of a known tag, the dictionary's. PS3.5 §6.2"""

    @property
    def VM(self) -> int:
        """How many values there are; 0 where it is empty, 1 for a sequence. PS3.5 §6.4"""

    @property
    def value(self) -> Any:
        """The value; a list where there is more than one. PS3.5 §6.2

        ===========================  ============================================================
        AE AS CS DA DT LO LT SH ST   ``str``
        TM UC UR UT
        PN, UI, AT                   ``PersonName``, ``UID``: each a ``str``; ``Tag``, an ``int``
        DS FL FD                     ``float``
        IS SS US SL UL SV UV         ``int``
        OB OD OF OL OV OW UN         ``bytes``, a copy: ``raw`` gives them without one
        SQ                           ``Sequence``
        empty                        ``""`` of text, ``None`` of numbers and bytes
        ===========================  ============================================================

        Text in DS or IS that is no number is given as it stands. Raises ``ValueDecodeError`` where the bytes are no
        whole number of values, ``LimitError`` beyond ``max_value_bytes`` or ``max_depth``, ``FileChangedError``.
        """

    @property
    def keyword(self) -> str:
        """The keyword of the data dictionary, or ``""``. PS3.6"""

    @property
    def name(self) -> str:
        """The name of the dictionary; in brackets for a known private element; ``""`` where it has none. PS3.6"""

    @property
    def is_private(self) -> bool:
        """Whether the group number is odd. PS3.5 §7.8"""

    @property
    def is_retired(self) -> bool:
        """Whether the dictionary has it as retired. PS3.6"""

    @property
    def private_creator(self) -> str | None:
        """Who reserves the block of a private element. PS3.5 §7.8.1"""

    @property
    def value_length(self) -> int:
        """Bytes of the Value Field as it lies in the file, without the delimiter of an undefined length. PS3.5 §7.1"""

    @property
    def value_offset(self) -> int:
        """The first byte of the Value Field: in the file, or in the inflated data set where it was deflated."""

    @property
    def file_tell(self) -> int:
        """As ``value_offset``, by pydicom's name."""

    @property
    def is_undefined_length(self) -> bool:
        """Whether the Value Length says FFFFFFFFH. PS3.5 §7.1"""

    @property
    def is_truncated(self) -> bool:
        """Whether the Value Length runs past the end of the item, sequence or file; the value is what there is."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no value, or no item. PS3.5 §7.4"""

    @property
    def empty_value(self) -> str | list[Any] | None:
        """The value that an empty element of this VR has. PS3.5 §7.4"""

    is_raw: ClassVar[bool]
    """False: the value is at hand as what it is, and decoded when it is asked for."""

    is_buffered: ClassVar[bool]
    """False: the value is no stream."""

    @property
    def repval(self) -> str:
        """The value as one line for people; long ones are cut."""

    def description(self) -> str:
        """As ``name``."""

    @property
    def raw(self) -> memoryview:
        """The Value Field as it lies there: read-only, one byte an item, no copy of a map or of held bytes.

        Byte order and padding are the file's. Raises ``FileChangedError``.
        """

    def to_json_dict(
        self,
        bulk_data_element_handler: abc.Callable[[DataElement], str] | None = None,
        bulk_data_threshold: int = 1024,
    ) -> dict[str, Any]:
        """The DICOM JSON Model of the element: see ``Dataset.to_json_dict``. PS3.18 Annex F"""

    def to_json(
        self,
        bulk_data_threshold: int = 1024,
        bulk_data_element_handler: abc.Callable[[DataElement], str] | None = None,
        dump_handler: abc.Callable[[dict[str, Any]], str] | None = None,
    ) -> str:
        """The same as text, by ``dump_handler`` where that is given."""

    def to_numpy(self) -> npt.NDArray[Any]:
        """The numbers as a new array of shape ``(VM,)`` in native byte order, without an object per number. PS3.5 §6.2

        float64 of DS FD OD, float32 of FL OF, int64 of IS SV, int32 of SL, int16 of SS, uint64 of UV OV, uint32 of UL OL
        AT, uint16 of US OW, uint8 of OB UN; float64 of an IS that has a fraction, as ``value``.

        An empty value gives shape ``(0,)``. Raises ``ValueDecodeError`` where the VR holds no numbers, a text is no
        number, or the bytes are no whole number of them.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __getitem__(self, index: int | slice, /) -> Any: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Frames:
    """A lazy sequence of frames: nothing is decoded, and no other frame read, before one is asked for. PS3.3 §C.7.6.3

    A frame is an ndarray of shape ``(R, C)``, or ``(R, C, S)`` with more than one sample a pixel, in native byte order,
    C-contiguous and writable: u1, i1, u2, i2, u4, i4, u8, i8 by Bits Allocated and Pixel Representation, f4 and f8 of
    Float and Double Float Pixel Data. Planes become pixels, YBR becomes RGB. A native frame of a mapped file is a private
    copy-on-write view: writing to it reaches neither the file nor the data set.

    Decoding raises ``UnsupportedTransferSyntaxError``, ``PixelDecodeError``, ``LimitError`` or ``FileChangedError``.
    """

    def __len__(self) -> int:
        """Number of Frames. PS3.3 §C.7.6.6"""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> npt.NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice, /) -> Frames:
        """A frame, from the end where the number is negative; or a lazy part. ``IndexError`` where there is none."""

    def __iter__(self) -> abc.Iterator[npt.NDArray[Any]]:
        """The frames one by one."""

    def __reduce__(self) -> tuple[Any, ...]: ...
    def decode(
        self,
        indices: abc.Sequence[int] | None = None,
        *,
        out: npt.NDArray[Any] | None = None,
        threads: int | None = None,
        raw: bool = False,
        reduce: int = 0,
        on_error: Literal["raise", "salvage"] = "raise",
    ) -> npt.NDArray[Any]:
        """Frames as one array of shape ``(F, R, C)`` or ``(F, R, C, S)``, also where F is 1; parallel over frames, and
        within large ones of JPEG 2000 and JPEG XL where frames are fewer than threads.

        ``indices``: which frames, in what order; all where None.
        ``out``: an array to be filled and returned; ``ValueError``, before any work, unless its shape and dtype are
        those of the result and it is C-contiguous and writable.
        ``threads``: 1 is the caller's alone, as it is for ``frames[i]``; None is as many as help.
        ``raw``: samples as stored, YBR stays YBR. PS3.3 §C.7.6.3.1.2
        ``reduce``: leave out so many of the highest resolutions of JPEG 2000: ``R`` and ``C`` are divided by
        ``2**reduce`` and rounded up, decoding is up to ten times as fast; ``ValueDecodeError`` for other syntaxes.
        ``on_error``: a code stream, or native Pixel Data, that ends early raises ``PixelDecodeError``; with ``"salvage"``
        the frame's rows are given as far as they go, the rest zeros or what the decoder made up, with an
        ``IncompleteFrameWarning``. A frame of which nothing is there is an error all the same.
        """

    def encoded(self, index: int) -> memoryview:
        """The frame's bytes as they lie in the file, read-only; no copy where it is one fragment. PS3.5 §A.4

        Of native data whole bytes: a frame of 1 bit a pixel may begin and end within one. PS3.5 §8.1.1
        """

    def stream(self) -> FragmentStream:
        """All fragments of the image, whatever part of the frames this is, as one binary file: the elementary stream or
        container of a video. PS3.5 §8.2.5, §A.4

        Nothing is copied but what is read. Of native data, the value.
        """

    def _read_into(self, offset: int, out: Buffer) -> None:
        """The bytes from ``offset`` of the file, or of the inflated data set, into ``out``, all of it."""

    def _lend(self, offset: int, length: int) -> memoryview:
        """A read-only view on a range of the file, or of the inflated data set."""

    @property
    def byte_ranges(self) -> npt.NDArray[np.int64]:
        """Where the frames lie: int64 ``(F, 2)``, first byte in the file and length.

        A frame of several fragments spans the item headers between them. PS3.5 §A.4
        """

    @property
    def is_encapsulated(self) -> bool:
        """Whether the frames lie in fragments. PS3.5 §A.4"""

@final
class Limits:
    """Bounds on the work that a file may ask for; exceeding one is a ``LimitError`` that names it.

    ``None``, or a name left out, means the default. ``ValueError`` for what is no number or negative. Immutable, equal
    and hashed by value.
    """

    def __new__(
        cls,
        *,
        max_depth: int | None = None,
        max_elements: int | None = None,
        max_items: int | None = None,
        max_warnings: int | None = None,
        max_value_bytes: int | None = None,
        max_inflated_bytes: int | None = None,
        max_frame_pixels: int | None = None,
        max_frame_bytes: int | None = None,
        max_output_bytes: int | None = None,
        max_frames: int | None = None,
        max_fragments: int | None = None,
        max_lut_entries: int | None = None,
        deadline_s: float | None = None,
    ) -> Self: ...
    @staticmethod
    def untrusted() -> Limits:
        """For files from strangers: ``max_depth=32, max_frame_pixels=100_000_000, max_output_bytes=1 << 30, deadline_s=10``."""

    @property
    def max_depth(self) -> int:
        """Levels of nested sequences; 64. PS3.5 §7.5"""

    @property
    def max_elements(self) -> int:
        """Data Elements of one level; 5,000,000."""

    @property
    def max_items(self) -> int:
        """Items of one sequence; 2,000,000."""

    @property
    def max_warnings(self) -> int:
        """Warnings kept of one file, 1000; further ones are not."""

    @property
    def max_value_bytes(self) -> int | None:
        """Bytes of one value that is copied into an object of its own; no bound."""

    @property
    def max_inflated_bytes(self) -> int:
        """Bytes of a deflated data set once inflated; 512 MiB. PS3.5 §A.5"""

    @property
    def max_frame_pixels(self) -> int:
        """Pixels of one frame, Rows x Columns; 2^28."""

    @property
    def max_frame_bytes(self) -> int:
        """Bytes of one decoded frame; 1 GiB."""

    @property
    def max_output_bytes(self) -> int | None:
        """Bytes of one decoded array; no bound."""

    @property
    def max_frames(self) -> int | None:
        """Frames of one image; no bound."""

    @property
    def max_fragments(self) -> int:
        """Fragments of one encapsulated Pixel Data; 10,000,000. PS3.5 §A.4"""

    @property
    def max_lut_entries(self) -> int:
        """Entries of a lookup table; 65536. PS3.3 §C.11"""

    @property
    def deadline_s(self) -> float | None:
        """Seconds that one call may take, or one file of an index; no bound."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

def dcmread(
    source: _Source,
    *,
    stop_before_pixels: bool = False,
    specific_tags: abc.Iterable[_Key] | None = None,
    force: bool = False,
    transfer_syntax: str | None = None,
    access: Literal["auto", "mmap", "read"] = "auto",
    strict: bool = False,
    limits: Limits | None = None,
) -> Dataset:
    """Reads a DICOM file or data set. PS3.10 §7

    ``source``: a path; bytes of any kind, held and not copied; or a binary file-like object, read to its end.
    ``stop_before_pixels``: reading stops before Pixel Data.
    ``specific_tags``: keywords or tags; reading stops after the last of them, and no others are kept but (0008,0005).
    ``force``: reads a stream that has no sign of DICOM.
    ``transfer_syntax``: UID or keyword of the data set's encoding where there is neither preamble nor File Meta
    Information, as a network peer hands it over.
    ``access``: map the file, read it, or choose: ``"auto"`` maps a large local file and reads others.
    ``strict``: makes the first deviation from the standard an error; else ``Dataset.warnings`` tells of each.
    ``limits``: what the file may cost.

    Raises ``InvalidDicomError``, ``TruncatedError``, ``LimitError``, ``FileChangedError``; ``OSError`` of the operating
    system; ``UnsupportedTransferSyntaxError`` for a ``transfer_syntax`` that is not known; ``KeyError`` for a word in
    ``specific_tags`` that is no keyword; ``TypeError`` for what is no source.
    """

def is_dicom(source: _Source) -> bool:
    """Whether a stream begins as DICOM does, with or without the File Preamble; reads its first 4 KiB. PS3.10 §7.1

    Raises ``OSError`` where it can't be read, ``TypeError`` for what is no source.
    """

def pixel_array(
    source: _Source | Dataset,
    *,
    index: int | None = None,
    raw: bool = False,
    out: npt.NDArray[Any] | None = None,
    threads: int | None = None,
    limits: Limits | None = None,
    reduce: int = 0,
    on_error: Literal["raise", "salvage"] = "raise",
) -> npt.NDArray[Any]:
    """The pixels of an image in one call: as ``Dataset.pixel_array``, or one frame. PS3.3 §C.7.6.3

    ``index``: a frame, from the end where it is negative: ``(R, C)`` or ``(R, C, S)``; no other frame is read.
    ``raw``: samples as stored, YBR stays YBR.
    ``reduce``, ``on_error``: as in ``Frames.decode``.
    ``out``: an array to be filled and returned; ``ValueError``, before any work, unless its shape and dtype are those of
    the result and it is C-contiguous and writable.
    ``threads``: 1 is the caller's alone; None is as many as help.

    Raises what ``dcmread`` does, ``IndexError`` for a frame that is not there, ``UnsupportedTransferSyntaxError`` and
    ``PixelDecodeError``.
    """

def iter_pixels(
    source: _Source | Dataset,
    *,
    indices: abc.Sequence[int] | None = None,
    raw: bool = False,
    threads: int | None = None,
    limits: Limits | None = None,
    reduce: int = 0,
    on_error: Literal["raise", "salvage"] = "raise",
) -> abc.Iterator[npt.NDArray[Any]]:
    """Yields frames one by one, each an array ``(R, C)`` or ``(R, C, S)``: memory does not grow with their number.

    ``indices``: which, in what order; all where None. Else and errors as ``pixel_array``.
    """

_Sources: TypeAlias = _Path | abc.Iterable[_Path]
_Columns: TypeAlias = Literal["default"] | abc.Iterable[_Key]
_Progress: TypeAlias = abc.Callable[[int, int, int, int], object]

class _Counts(TypedDict):
    """How many files were looked at, could not be read, and were passed over because they are no DICOM."""

    files: int
    failed: int
    skipped: int

class _Report(_Counts):
    """What was written: rows, bytes read, bytes of the file, seconds."""

    rows: int
    bytes: int
    written: int
    seconds: float

def index(
    sources: _Sources,
    *,
    columns: _Columns | None = None,
    threads: int | None = None,
    frames: bool = False,
    json: bool = False,
    hash: Literal["sha256", "xxh3"] | None = None,
    layout: Literal["wide", "long"] = "wide",
    archives: bool = False,
    not_dicom: Literal["skip", "row"] = "skip",
    profile: Literal["default", "spark"] = "default",
    progress: _Progress | None = None,
    limits: Limits | None = None,
) -> Index:
    """One row a file: ``path status error warnings``, then the columns that were asked for.

    ``sources``: a folder (walked), a glob pattern, a file, a text file of paths, a ZIP or TAR file (not compressed, or
    ``.tar.gz``, ``.tgz``), a DICOMDIR, a URL (of an object store: ``rapidicom.remote``; ``file://``), or an iterable of
    these and of pairs ``(name, bytes)``. A word means the same alone and in a list, in which a file of paths has a name
    in ``.txt``, ``.lst`` or ``.list``, and a DICOMDIR is one of the files; a list's folders, patterns and files may overlap, each file is read once. An
    iterator and a file of paths give paths and URLs: their patterns are names, and no file but a DICOM or an archive is
    looked into. A member of an archive has the path ``zip://inner/name.dcm::/abs/archive.zip``; offsets are then within
    the member. ``archives``: those that a walk comes upon are looked into too.
    ``error`` names the exception that reading the file would raise, with tag and byte where they are known.
    ``warnings: list<struct<code, tag, offset>>`` says what was forgiven and what could not be taken into a cell: a
    ``WarningCode``, the element (``"00100010"``, inside sequences ``"00081140[0].00081150"``) and its first byte.
    ``columns``: ``"default"``, which is meant where nothing is said: all of ``path size mtime status error warnings
    transfer_syntax pixel_offset pixel_length``, then what a browser of studies needs; or a list of

    - keywords and tags: ``"PatientID"``, ``"00100020"``, ``0x00100020``;
    - paths into sequences: ``"RequestAttributesSequence[0].StudyID"``, without a number the first item; with ``[*]``,
      once in a path, a list with an entry an item (null where the item lacks the element):
      ``"PerFrameFunctionalGroupsSequence[*].PlanePositionSequence[0].ImagePositionPatient"``;
    - private elements of the outermost level by their creator, in whichever block it reserved (PS3.5 §7.8):
      ``"0019xx10:GEMS_ACQU_01"``; typed where the private dictionary knows them, else text;
    - the other facts of the file: ``size mtime transfer_syntax pixel_offset pixel_length``, ``inode`` and ``mtime_ns``
      (int64), and hashes, in lower-case hexadecimal digits: ``file_sha256 pixel_data_sha256 data_set_sha256``, and
      64-bit XXH3: ``file_xxh3 pixel_data_xxh3 data_set_xxh3``;
    - ``"default"``: what a browser of studies needs, without those facts.

    ``frames``: adds ``frames: list<struct<offset, length>>``, bytes in the file.
    ``json``: adds ``json``: the data set, without File Meta Information, in the DICOM JSON Model, PS3.18 Annex F: all
    elements before and after Pixel Data, text in UTF-8 whatever the file's character set. DS and IS are numbers, or strings
    where the text is no number; NaN and infinities the strings ``"NaN" "inf" "-inf"``. OB OD OF OL OV OW UN are
    ``InlineBinary`` up to 1024 bytes; longer ones and Pixel Data have a ``vr`` alone. Null where the file could not be
    read to its end, within ``limits``: ``max_elements`` holds for all levels together.
    ``hash``: adds all three hashes of that algorithm, by which copies are found. Files are then read wholly, once.
    ``file_*`` is of all bytes; ``data_set_*`` of all that follows group 0002 as it lies in the file, so that copies with
    another preamble or File Meta Information are equal; ``pixel_data_*`` of the Value Field of Pixel Data, Float or Double
    Float Pixel Data as it lies in the file, without the element's header; of encapsulated Pixel Data (PS3.5 §A.4) of
    all items, the Basic Offset Table's and every item's header among them, up to and without the Sequence Delimitation
    Item. Null where there is none, and in a deflated data set. A file that changes meanwhile is a row with status
    ``"error"`` and ``FileChangedError``.
    ``layout``: ``"long"``: one row an element at all levels, File Meta Information first; all columns are strings:
    ``path``; ``tag``: ``"00100010"``, inside sequences ``"00081140[0].00081150"``; ``vr``; ``value``: several values joined
    by backslashes, numbers in the fewest digits, binary values of at most 64 bytes in hexadecimal digits, null of
    sequences, of what is empty, of longer binary values and of Pixel Data; ``status`` and ``error``. A file that can't be
    read has, after what could be read, a row with status ``"error"`` and no tag. ``columns``, ``frames``, ``json`` and ``hash``
    are of the wide layout.
    ``threads``: None is as many as help.
    ``profile``: ``"spark"``: only types that Spark takes.
    ``progress``: called now and then with files done, files that could not be read, files seen, bytes read; what it
    raises ends the work.

    ``not_dicom``: what is no DICOM is counted and passed over (``"skip"``), or a row with status ``"error"`` (``"row"``).

    The schema follows from the dictionary alone, never from the data. PS3.6 A file that can't be read is a row with
    ``status="error"``. Raises ``ValueError`` for a column that is none,
    ``OSError`` for a folder that can't be read, ``TypeError`` for what is no source.
    """

def scan(
    sources: _Sources,
    *,
    columns: _Columns | None = None,
    threads: int | None = None,
    frames: bool = False,
    json: bool = False,
    hash: Literal["sha256", "xxh3"] | None = None,
    layout: Literal["wide", "long"] = "wide",
    archives: bool = False,
    not_dicom: Literal["skip", "row"] = "skip",
    profile: Literal["default", "spark"] = "default",
    progress: _Progress | None = None,
    limits: Limits | None = None,
) -> Scan:
    """As ``index``, of the same columns, but a stream that is read once: memory does not grow with the number of files."""

def write_parquet(
    sources: _Sources,
    path: _Path,
    *,
    columns: _Columns | None = None,
    threads: int | None = None,
    frames: bool = False,
    json: bool = False,
    hash: Literal["sha256", "xxh3"] | None = None,
    layout: Literal["wide", "long"] = "wide",
    archives: bool = False,
    not_dicom: Literal["skip", "row"] = "skip",
    progress: _Progress | None = None,
    limits: Limits | None = None,
) -> _Report:
    """As ``index``, straight into a Parquet file: memory does not grow with the number of files."""

def build_parts(
    sources: _Sources,
    table: dict[str, Any],
    commit: abc.Callable[[list[dict[str, Any]], list[str]], object],
    *,
    columns: _Columns,
    shard: tuple[int, int],
    threads: int | None = None,
    frames: bool = False,
    archives: bool = False,
    not_dicom: Literal["skip", "row"] = "skip",
    progress: _Progress | None = None,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """What ``rapidicom.build_index`` asks of Rust: parts of a table, and a call of ``commit`` for each change."""

@final
class Schema:
    """Names and Arrow types of columns. Has ``__arrow_c_schema__``: ``pyarrow.schema(schema)`` just works."""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""

    @property
    def types(self) -> list[str]:
        """The Arrow types of the columns, as words."""

    def __len__(self) -> int:
        """How many columns."""

    def __eq__(self, other: object, /) -> bool: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...

@final
class Index:
    """A table in memory, made by ``index``. May be read again and again.

    Has ``__arrow_c_stream__``: ``polars.DataFrame(index)``, ``pyarrow.table(index)`` and DuckDB's ``from index`` just work.
    """

    def __len__(self) -> int:
        """How many rows."""

    @property
    def schema(self) -> Schema:
        """The columns."""

    @property
    def counts(self) -> _Counts:
        """How many files were looked at (``files``), could not be read (``failed``), are no DICOM (``skipped``)."""

    def to_pyarrow(self) -> pa.Table:
        """A table that shares the memory; ``ImportError`` without pyarrow."""

    def to_polars(self) -> pl.DataFrame:
        """A frame that shares the memory; ``ImportError`` without polars."""

    def to_pandas(self) -> pd.DataFrame:
        """A frame, by way of pyarrow; ``ImportError`` without both."""

    def write_parquet(self, path: _Path) -> None:
        """Writes a Parquet file; ``OSError`` where it can't."""

    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType: ...

@final
class Scan:
    """A one-shot stream of record batches, made by ``scan``: an iterator, or read as a whole by ``__arrow_c_stream__``.

    Read as a whole a second time it raises ``ValueError``. Raises what ``progress`` raises.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> RecordBatch: ...
    @property
    def schema(self) -> Schema:
        """The columns."""

    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType: ...

@final
class RecordBatch:
    """Some rows of a scan. Has ``__arrow_c_array__``: ``pyarrow.record_batch(batch)`` just works."""

    def __len__(self) -> int:
        """How many rows."""

    @property
    def num_rows(self) -> int:
        """How many rows."""

    @property
    def schema(self) -> Schema:
        """The columns."""

    def to_pyarrow(self) -> pa.RecordBatch:
        """A batch that shares the memory; ``ImportError`` without pyarrow."""

    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[CapsuleType, CapsuleType]: ...

def _dictionary_entry(tag: int) -> tuple[str, str, str, str, bool] | None:
    """Keyword, name, VR, VM and whether retired. PS3.6 §6"""

def _uid_entry(text: str) -> tuple[str, str, str, bool, tuple[bool, bool, bool, bool] | None] | None:
    """Name, keyword, kind, whether retired; of a Transfer Syntax: explicit, little endian, deflated, encapsulated. PS3.6 Annex A"""

def _tag_of(key: object) -> int:
    """The tag of a key; ``KeyError`` for a word that is none, ``TypeError`` for what is no key."""

def _deviations() -> list[tuple[str, str]]:
    """Name and reason of each deviation that reading forgives."""

def _restore_dataset(
    state: dict[str, Any], path: list[tuple[int, int]], file_meta: bool, only: list[int] | None
) -> Dataset:
    """Reads again and goes down to the item; ``FileChangedError`` where size or time of the file are others."""

def _restore_frames(
    state: dict[str, Any], path: list[tuple[int, int]], only: list[int] | None, chosen: tuple[int, int, int]
) -> Frames: ...
def _restore_sequence(state: dict[str, Any], path: list[tuple[int, int]], tag: int) -> Sequence:
    """As above, for a sequence."""

def _restore_element(data_set: Dataset, tag: int) -> DataElement:
    """The element with this tag; ``KeyError`` where there is none."""

def _restore_limits(values: list[float | None]) -> Limits:
    """The limits in the order of their names in ``Limits``."""

_Lent: TypeAlias = Buffer | npt.NDArray[Any]

def _rescale(samples: _Lent, sample_type: str, rescale: tuple[float, float], out: _Lent) -> None:
    """(slope, intercept) → float64. The functions below are the loops of ``rapidicom.pixels``: samples of a numpy type ("u2"), ``out`` of the right length."""

def _look_up(samples: _Lent, sample_type: str, table: tuple[int, int, _Lent], out: _Lent) -> None:
    """(first value mapped, bytes of an entry, entries)"""

def _window(samples: _Lent, sample_type: str, window: tuple[str, float, float, float, float], out: _Lent) -> None:
    """(VOI LUT Function, center, width, least and greatest output) → float64"""

def _window_8_bit(
    samples: _Lent,
    sample_type: str,
    rescale: tuple[float, float],
    window: tuple[str, float, float, float, float],
    out: _Lent,
) -> None:
    """As the two before, to uint8 from 0 to 255."""

def _palette(samples: _Lent, sample_type: str, palette: tuple[int, int, abc.Sequence[_Lent]], out: _Lent) -> None:
    """(first value mapped, bytes of an entry, three or four tables)"""

def _expand_segments(data: abc.Sequence[int], entry_bits: int, little_endian: bool, entries: int) -> list[int]:
    """The entries of a segmented palette, at most so many."""

def _unpack_overlay(overlay_data: _Lent, out: _Lent) -> None: ...
def _overlay_of_cells(cells: _Lent, cell_bytes: int, bit_position: int, out: _Lent) -> None: ...
def _convert_ybr_full(pixels: _Lent, to_rgb: bool) -> None:
    """Three bytes a pixel, in place."""

def _decode_frame(
    code_stream: _Lent,
    transfer_syntax: str,
    layout: tuple[int, int, int, int, int, int, int, str],
    raw: bool,
    out: npt.NDArray[Any] | None,
) -> tuple[npt.NDArray[Any], str, bool]:
    """See ``rapidicom.pixels.decode_frame``; what the code stream says its components are: RGB, YBR_FULL or nothing; whether
    samples need more than Bits Stored.

    ``layout``: Rows, Columns, Samples per Pixel, Bits Allocated, Bits Stored, Pixel Representation, Planar
    Configuration, Photometric Interpretation.
    """

def _read_samples(
    path: str, offset: int, out: npt.NDArray[Any], layout: tuple[int, int, int, int, int, int, int, str] | None
) -> tuple[int, int, int, int]:
    """Fills ``out`` with the bytes of the file from ``offset`` on and, given ``layout``, its unused bits as they should be.

    Size, time in ns and inode of the file, and how many bytes there were. ``layout`` as of ``_decode_frame``, of a frame whose
    stored bytes are its samples, else ``ValueError``. ``OSError`` where the file can't be opened or is no regular one.
    """
