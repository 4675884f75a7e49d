"""Data Element Tag: PS3.5 §7.1."""

from ._rapidicom import _dictionary_entry, _tag_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._rapidicom import _Key


def _comparison(of_ints: "Callable[[Any, Any], bool]") -> "Callable[[Tag, object], bool]":
    """The same of tags: with an ``int`` at once, with another spelling of a tag as with that tag."""

    def compare(tag: "Tag", other: object) -> bool:
        answer = of_ints(tag, other)
        if answer is NotImplemented and isinstance(other, (str, tuple, list)):
            try:
                return of_ints(tag, Tag(other))
            except (KeyError, TypeError, ValueError):
                pass
        return answer

    return compare


class Tag(int):
    """A Data Element Tag, an ``int`` of 32 bits: the group above, the element below. PS3.5 §7.1.1

    ``Tag(0x00100010)``, ``Tag(0x0010, 0x0010)``, ``Tag("PatientName")`` and ``Tag("00100010")`` are the same.
    Raises ``KeyError`` for a word that is no keyword and no tag, ``OverflowError`` for a number of more than 32 bits,
    ``ValueError`` for a group or element of more than 16. Compares with each of these spellings, and is hashed as the
    ``int``: ``element.tag == (0x0010, 0x0010)``.
    """

    __slots__ = ()

    def __new__(cls, tag: "_Key", element: int | str | None = None) -> "Tag":
        if element is not None:
            tag = _tag_of((tag, element))
        elif not isinstance(tag, int):
            tag = _tag_of(tag)
        elif not 0 <= tag <= 0xFFFFFFFF:
            raise OverflowError("a tag is a number from 0 to 0xFFFFFFFF")
        return int.__new__(cls, tag)

    __eq__ = _comparison(int.__eq__)
    __ne__ = _comparison(int.__ne__)
    __lt__ = _comparison(int.__lt__)
    __le__ = _comparison(int.__le__)
    __gt__ = _comparison(int.__gt__)
    __ge__ = _comparison(int.__ge__)
    __hash__ = int.__hash__

    @property
    def group(self) -> int:
        """The group number."""
        return self >> 16

    @property
    def element(self) -> int:
        """The element number."""
        return self & 0xFFFF

    @property
    def elem(self) -> int:
        """The element number, by pydicom's other name."""
        return self & 0xFFFF

    @property
    def is_private(self) -> bool:
        """Whether the group number is odd. PS3.5 §7.8"""
        return bool(self & 0x10000)

    @property
    def is_private_creator(self) -> bool:
        """Whether this element reserves a private block. PS3.5 §7.8.1"""
        return self.is_private and 0x10 <= self.element <= 0xFF

    @property
    def private_creator(self) -> "Tag":
        """The tag of the element that reserves the block of this private one. PS3.5 §7.8.1"""
        return Tag(self.group, self.element >> 8)

    @property
    def keyword(self) -> str:
        """The keyword of the data dictionary, or ``""``. PS3.6"""
        entry = _dictionary_entry(self)
        return entry[0] if entry else ""

    @property
    def json_key(self) -> str:
        """Eight hexadecimal digits, as the DICOM JSON Model writes a tag. PS3.18 §F.2"""
        return f"{self:08X}"

    def __str__(self) -> str:
        return f"({self.group:04X},{self.element:04X})"

    __repr__ = __str__
