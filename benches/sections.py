"""RESULTS.md has more than one writer: run.py, and others for a section each, between marks. None erases another's."""

from __future__ import annotations

import re
from pathlib import Path

END = "<!-- to here -->"
SECTION = re.compile(rf"\n*<!-- (\S+) writes from here -->\n(.*?)\n{re.escape(END)}\n*", re.DOTALL)


def begin(writer: str) -> str:
    """The mark before a section."""
    return f"<!-- {writer} writes from here -->"


def _parts(path: Path, title: str) -> tuple[str, dict[str, str]]:
    """The page without its marked sections, and each section by its writer."""
    text = path.read_text() if path.exists() else title
    found = {writer: section.strip("\n") for writer, section in SECTION.findall(text)}
    return SECTION.sub("\n", text), found


def _write(path: Path, page: str, found: dict[str, str]) -> None:
    marked = [f"{begin(writer)}\n{section}\n{END}" for writer, section in found.items()]
    path.write_text("\n\n".join([page.strip("\n"), *marked]) + "\n")


def write_page(path: Path, page: str) -> None:
    """Write all but the sections."""
    _write(path, page, _parts(path, "")[1])


def write_section(path: Path, writer: str, section: str) -> None:
    """Write the section of one writer alone; a new one comes last."""
    page, found = _parts(path, "# Speed\n")
    _write(path, page, found | {writer: section.strip("\n")})
