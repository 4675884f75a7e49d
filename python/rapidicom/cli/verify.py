"""``rapidicom verify``: reads every value of every file and prints what is wrong."""

from __future__ import annotations

import argparse
import sys

import rapidicom as rd
from rapidicom.cli import DONE, SOME_FAILED, paths
from rapidicom.cli.dump import describe
from rapidicom.cli.words import count, fault, printable, say
from rapidicom.json_model import BINARY


def run(options: argparse.Namespace) -> int:
    """Print a line for each warning and error; files met on a walk that are no DICOM are counted and passed over."""
    paths.require(options)
    read = failed = warned = skipped = 0
    for path, named in paths.files(options):
        try:
            if not named and not rd.is_dicom(path):
                skipped += 1
                continue
            read += 1
            ds = rd.dcmread(path)
            errors = damage(ds, path)
            warnings = [describe(warning) for warning in ds.warnings]
        except (rd.DicomError, OSError) as error:
            errors, warnings = [fault(path, error)], []
        failed += bool(errors)
        warned += bool(warnings)
        for error_line in errors:
            print(f"{printable(path)}: error: {printable(error_line)}")
        if not options.quiet:
            for warning_line in warnings:
                print(f"{printable(path)}: warning: {printable(warning_line)}")
    if not options.quiet:
        sys.stdout.flush()  # the sum comes last, and not where the lines could not be written
        say(f"{count(read, 'file')} read, {failed:,} with errors, {warned:,} with warnings, {skipped:,} no DICOM")
    return SOME_FAILED if failed else DONE


def damage(ds: rd.Dataset, path: str) -> list[str]:
    """Return what can't be read of a data set: each value at each depth, and where the frames lie."""
    errors = []
    stack = [ds.file_meta, ds]
    while stack:
        for element in stack.pop():
            try:
                if element.VR == "SQ":
                    stack.extend(element.value)
                elif element.VR in BINARY:
                    memoryview(element.raw).release()
                else:
                    _ = element.value
            except rd.DicomError as error:
                errors.append(fault(path, error))
    if "PixelData" in ds:
        try:
            _ = ds.frames.byte_ranges
        except rd.DicomError as error:
            errors.append(fault(path, error))
    return errors
