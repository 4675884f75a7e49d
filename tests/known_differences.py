"""Where rapidicom and pydicom 3.0.2 differ, and why: one predicate a reason; docs/differences.md has the words.

A predicate sees a `Difference` and says whether its reason explains it. A difference that nothing explains is a defect.
"""

from collections.abc import Callable
from typing import NamedTuple

from canonical import Element, Path


class Difference(NamedTuple):
    """One element that the two see differently; `ours` or `theirs` is None where one does not have it."""

    file: str
    path: Path
    tag: int
    ours: Element | None
    theirs: Element | None

    def __str__(self) -> str:
        where = "".join(f"({tag >> 16:04X},{tag & 0xFFFF:04X})[{item}]." for tag, item in self.path)
        tag = f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"
        return f"{self.file} {where}{tag}\n      ours {show(self.ours)}\n    theirs {show(self.theirs)}"


def show(element: Element | None) -> str:
    if element is None:
        return "absent"
    return f"{element.vr} {element.vm} " + (element.error or repr(element.value))[:160]


def private_dictionary(difference: Difference) -> bool:
    """A private element of no known VR: our dictionary knows it by its Private Creator, pydicom's does not."""
    ours, theirs = difference.ours, difference.theirs
    private = bool(difference.tag >> 16 & 1)
    return private and ours is not None and theirs is not None and theirs.vr == "UN" and ours.vr != "UN"


def ambiguous_vr_left_open(difference: Difference) -> bool:
    """pydicom leaves `US or SS` where nothing of its list of elements decides; PS3.5 annex A does."""
    ours, theirs = difference.ours, difference.theirs
    return ours is not None and theirs is not None and " or " in theirs.vr and ours.vr in theirs.vr.split(" or ")


def un_of_a_known_element(difference: Difference) -> bool:
    """PS3.5 §6.2.2: UN of a public element gets the dictionary's VR; pydicom leaves Pixel Data out of that."""
    ours, theirs = difference.ours, difference.theirs
    if difference.tag != 0x7FE00010 or ours is None or theirs is None:
        return False
    return theirs.vr == "UN" and ours.vr in ("OB", "OW") and ours.value == theirs.value


LOST_BY_PYDICOM = {"emri_small_jpeg_2k_lossless_too_short.dcm"}


def pydicom_loses_what_it_read(difference: Difference) -> bool:
    """Encapsulated Pixel Data without an end: pydicom discards every element read before it."""
    return difference.file in LOST_BY_PYDICOM and difference.theirs is None


REASONS: dict[str, Callable[[Difference], bool]] = {
    "private-dictionary": private_dictionary,
    "ambiguous-vr-left-open": ambiguous_vr_left_open,
    "un-of-a-known-element": un_of_a_known_element,
    "pydicom-loses-what-it-read": pydicom_loses_what_it_read,
}
"""In order: the first that holds is the reason. Not more than fifteen."""
