"""The writers of RESULTS.md leave each other's part alone."""

from __future__ import annotations

from pathlib import Path

import sections


def test_each_writer_replaces_its_own_part(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    sections.write_section(page, "pixels.py", "## Pixels\n\none\n")
    sections.write_page(page, "# Speed\n\nheaders\n")
    sections.write_section(page, "index.py", "## Index\n\nrows\n")
    sections.write_section(page, "pixels.py", "## Pixels\n\ntwo\n")
    text = page.read_text()
    parts = [f"{sections.begin('pixels.py')}\n## Pixels\n\ntwo\n{sections.END}"]
    parts += [f"{sections.begin('index.py')}\n## Index\n\nrows\n{sections.END}"]
    assert text == "\n\n".join(["# Speed\n\nheaders", *parts]) + "\n"
    sections.write_page(page, "# Speed\n\nagain\n")
    assert page.read_text() == text.replace("headers", "again")


def test_a_page_without_marks_keeps_all_of_its_text(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    page.write_text("# Results\n\n| row |\n")
    sections.write_section(page, "pixels.py", "## Pixels")
    assert page.read_text().startswith("# Results\n\n| row |\n\n")
