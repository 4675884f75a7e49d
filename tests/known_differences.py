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


def pydicom_refuses_a_value(difference: Difference) -> bool:
    """pydicom raises at this value; we return one, or refuse it too."""
    return difference.theirs is not None and difference.theirs.error is not None


REASONS: dict[str, Callable[[Difference], bool]] = {
    "pydicom-refuses": pydicom_refuses_a_value,
}
"""In order: the first that holds is the reason. Not more than fifteen."""
