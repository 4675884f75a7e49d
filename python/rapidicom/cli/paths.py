"""Paths from the command line or from standard input, as bytes the system knows them by."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import chain

from rapidicom.cli.standard_streams import blocks


def given(options: argparse.Namespace) -> Iterator[str]:
    """Yield the paths of the command line, and those of standard input where ``-`` or ``-0`` asks for them."""
    if options.null and not options.paths:
        yield from _standard_input(b"\0")
    for path in options.paths:
        if path == "-":
            yield from _standard_input(b"\0" if options.null else b"\n")
        else:
            yield path


def require(options: argparse.Namespace) -> None:
    """Exit with status 2 where no path was given at all."""
    if not options.paths and not options.null:
        options.parser.error("no PATH given ('-' reads paths from standard input)")


def files(options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Yield each file and whether it was named (not met on a walk), folders walked in the order of their names."""
    for path in given(options):
        if not os.path.isdir(path):  # noqa: PTH112 - a path that is no UTF-8 stays as it is
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                yield os.path.join(folder, name), False  # noqa: PTH118


def _standard_input(separator: bytes) -> Iterator[str]:
    carriage_return = b"\r" if separator == b"\n" else b""  # of a list that was written on Windows
    rest = b""
    for block in chain(blocks(), [separator]):
        *whole, rest = (rest + block).split(separator)
        yield from map(os.fsdecode, filter(None, (path.removesuffix(carriage_return) for path in whole)))
