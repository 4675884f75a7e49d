"""``rapidicom dump``: every Data Element of a file, one a line, items indented."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import rapidicom as rd
from rapidicom.cli import DONE, SOME_FAILED, paths
from rapidicom.cli.words import count, fault, printable, say
from rapidicom.json_model import BINARY

NUMBERS_AS_TEXT = frozenset({"DS", "IS"})


def run(options: argparse.Namespace) -> int:
    """Print each file; one that can't be read, or a value that can't, is said and the rest goes on."""
    paths.require(options)
    status = DONE
    for path in paths.given(options):
        try:
            ds = rd.dcmread(path)
            if options.json:
                from rapidicom.cli.json_model import line

                print(line(ds, path))
            else:
                print(f"# {printable(path)}")
                for level, text, good in lines(ds, options.max_length):
                    print("  " * level + text)
                    if not good:
                        status = SOME_FAILED
            for warning in ds.warnings:
                say(f"{path}: warning: {describe(warning)}")
        except (rd.DicomError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            say(f"{path}: {fault(path, error)}")
            status = SOME_FAILED
        sys.stdout.flush()
    return status


def lines(ds: rd.Dataset, max_length: int) -> Iterator[tuple[int, str, bool]]:
    """Yield level, text and whether the value could be read, File Meta Information first; nothing recurses."""
    for part in (ds.file_meta, ds):
        stack: list[Iterator[tuple[str, rd.Dataset] | rd.DataElement]] = [iter(part)]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, tuple):
                label, item = entry
                yield len(stack) - 1, label, True
                stack.append(iter(item))
            else:
                level = len(stack) - 1
                try:
                    if entry.VR == "SQ":
                        items = entry.value
                        stack.append((f"(FFFE,E000) Item {i}", item) for i, item in enumerate(items, 1))
                        yield level, row(entry, f"({count(len(items), 'item')})"), True
                    else:
                        yield level, row(entry, value(entry, max_length)), True
                except rd.DicomError as error:
                    yield level, row(entry, f"<{printable(fault(error.path or '', error))}>"), False


def row(element: rd.DataElement, shown: str) -> str:
    """Return the line of one element: tag, VR, value, then length and keyword as a remark."""
    tag = int(element.tag)
    name = element.keyword or element.name
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {element.VR} {shown:<40} # {element.value_length}, {name}"


def value(element: rd.DataElement, max_length: int) -> str:
    """Return the value as text of at most ``max_length`` characters (0: all); long ones are not decoded whole."""
    limit = max_length or sys.maxsize
    if element.VR in BINARY:
        raw = element.raw
        shown = bytes(raw[: limit // 3 + 1]).hex(" ")
        return _cut(shown, limit, len(shown) < 3 * len(raw) - 1)
    if element.VR in NUMBERS_AS_TEXT and element.value_length > limit:
        return _cut(printable(bytes(element.raw[:limit]).decode("ascii", "replace")), limit, True)
    content = element.value
    if content is None:
        return ""
    many = content if isinstance(content, list) else [content]
    return _cut("\\".join(printable(str(one)) for one in many[:limit]), limit, len(many) > limit)


def describe(warning: rd.ReadWarning) -> str:
    """Return a warning on one line: its code, where it was met, and what was found."""
    where = f" at byte {warning.offset}" if warning.offset is not None else ""
    path = f" in {warning.tag_path}" if warning.tag_path else ""
    return f"{getattr(warning.code, 'value', warning.code)}{path}{where}: {warning.detail}"


def _cut(text: str, limit: int, more: bool) -> str:
    if len(text) > limit or more:
        return text[:limit] + "…"
    return text
