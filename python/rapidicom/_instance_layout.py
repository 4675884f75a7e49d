"""Where in a folder an instance lies, by its UIDs, whatever a peer sends as such."""

from __future__ import annotations

import hashlib
import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""What a layout may name."""


class InstanceLayout:
    """Where in the folder an instance lies, by its UIDs: a format string such as ``"{StudyInstanceUID:hash2}/…"``.

    ``{Keyword}`` is a UID of ``UIDS``, ``{Keyword:hashN}`` the first N hexadecimal digits of its SHA-256.
    ``ValueError`` for any other field, for a path that leaves the folder, and for a name that two instances could have.
    """

    def __init__(self, template: str) -> None:
        parts = template.split("/")
        for part in parts:
            if not part or part.startswith(".") or "\0" in part:
                raise ValueError(f"layout {template!r}: {part!r} is no name in a folder")
        for _, field, spec, conversion in string.Formatter().parse(template):
            if field is None:
                continue
            if field not in UIDS or conversion or not re.fullmatch(r"(hash[1-9]\d?)?", spec or ""):
                raise ValueError(f"layout {template!r}: a field is one of {', '.join(UIDS)}, or of them with ':hash2'")
        if "{SOPInstanceUID}" not in parts[-1]:
            raise ValueError(f"layout {template!r}: the file's name lacks {{SOPInstanceUID}}")
        self._template = template

    def parts(self, uids: Mapping[str, str]) -> list[str]:
        """Folders and file name; a UID that is missing is ``unknown``, one that is no UID a hash of what it is."""
        return self._template.format(**{keyword: _Component(uids.get(keyword, "")) for keyword in UIDS}).split("/")


class _Component(str):
    """A UID as a path's component: what a peer sends becomes a path only if it is digits and dots. PS3.5 §9.1"""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec:
            return _sha256(self)[: int(spec.removeprefix("hash"))]
        if re.fullmatch(r"[0-9][0-9.]{0,63}", self, re.ASCII):
            return str(self)
        return f"sha256-{_sha256(self)[:40]}" if self else "unknown"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
