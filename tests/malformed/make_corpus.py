#!/usr/bin/env python3
"""Writes 198 small hand-built conforming, quirky and hostile DICOM files, and cases.csv.

usage: make_corpus.py OUTDIR
"""

import csv
import importlib
import sys
from pathlib import Path

from elements import CASES

CHAPTERS = ("file_level", "element_level", "sequences", "native_pixels", "encapsulated_pixels", "text_and_the_rest")


def write_corpus(folder: Path) -> int:
    """Writes every case as `folder`/<case>.dcm and the table of them; returns their number."""
    for chapter in CHAPTERS:  # each adds its cases as it is imported
        importlib.import_module(chapter)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cases.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["case", "class", "section", "expected", "bytes", "note"])
        for case in CASES:
            (folder / f"{case.name}.dcm").write_bytes(case.data)
            rows.writerow([case.name, case.cls, case.section, case.expected, len(case.data), case.note])
    return len(CASES)


if __name__ == "__main__":
    print(write_corpus(Path(sys.argv[1])), "cases")
