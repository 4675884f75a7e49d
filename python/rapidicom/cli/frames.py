"""``rapidicom frames``: where each frame lies, as lines of frame, offset and length."""

from __future__ import annotations

import argparse

import rapidicom as rd
from rapidicom.cli import DONE, SOME_FAILED, paths
from rapidicom.cli.words import fault, printable, say


def run(options: argparse.Namespace) -> int:
    """Print a line a frame, tab-separated."""
    paths.require(options)
    status = DONE
    print("path\tframe\toffset\tlength")
    for path in paths.given(options):
        try:
            ranges = rd.dcmread(path).frames.byte_ranges
        except (rd.DicomError, OSError, AttributeError) as error:
            say(f"{path}: {fault(path, error)}")
            status = SOME_FAILED
            continue
        for frame, (offset, length) in enumerate(ranges.tolist()):
            print(f"{printable(path)}\t{frame}\t{offset}\t{length}")
    return status
