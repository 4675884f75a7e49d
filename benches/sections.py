"""RESULTS.md has two writers: run.py, and pixels.py for the part between two marks. Neither erases the other's."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- pixels.py writes from here -->", "<!-- to here -->"


def _parts(text: str) -> tuple[str, str]:
    """The page without its marked section, and the section."""
    before, begin, rest = text.partition(BEGIN)
    section, end, after = rest.partition(END)
    if not begin or not end:
        return text, ""
    return before.rstrip("\n") + "\n" + after.lstrip("\n"), section.strip("\n")


def _joined(page: str, section: str) -> str:
    return page.rstrip("\n") + (f"\n\n{BEGIN}\n{section}\n{END}\n" if section else "\n")


def write_page(path: Path, page: str) -> None:
    """Write all but the section of pixels."""
    _, section = _parts(path.read_text() if path.exists() else "")
    path.write_text(_joined(page, section))


def write_pixels(path: Path, section: str) -> None:
    """Write the section of pixels alone."""
    page, _ = _parts(path.read_text() if path.exists() else "# Speed\n")
    path.write_text(_joined(page, section.strip("\n")))
