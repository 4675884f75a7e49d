"""``rapidicom index``: a folder becomes a table, one row a file; memory does not grow with their number."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from rapidicom.cli import DONE, INTERRUPTED, SOME_FAILED, WRONG_USE, paths
from rapidicom.cli.progress import shown
from rapidicom.cli.words import count, printable, say


def run(options: argparse.Namespace) -> int:
    """Write one Parquet file, or bring the Delta Lake table in a folder up to date."""
    paths.require(options)
    if options.output == "-":
        options.parser.error("-o -: a table is not written to standard output; give FILE.parquet or a folder")
    output = Path(options.output)
    try:
        if output.is_dir() or options.output.endswith(os.sep) or not output.suffix:
            return _table(options, output)
        return _file(options, output)
    except (ValueError, KeyError) as error:  # a column that the dictionary does not know
        options.parser.error(str(error))
        return WRONG_USE


def _table(options: argparse.Namespace, output: Path) -> int:
    from rapidicom.delta import build_index

    if options.layout == "long":
        options.parser.error("--layout long makes one file: -o FILE.parquet")
    try:
        with shown(options.quiet) as progress:
            report = build_index(
                _sources(options),
                output,
                columns=_columns(options.columns),
                threads=options.threads,
                frames=options.frames,
                json=options.json,
                hash=options.hash,
                archives=options.archives,
                not_dicom="row" if options.not_dicom_rows else "skip",
                shard=options.shard or (0, 1),
                progress=progress,
            )
    except ImportError as error:
        options.parser.error(str(error))
    except KeyboardInterrupt:
        say(f"interrupted: what {output} has is committed; the same command goes on from there")
        return INTERRUPTED
    if not options.quiet:
        say(
            f"{count(report.rows, 'row')} to {output}, {report.removed:,} taken out, {report.unchanged:,} unchanged; "
            f"{report.failed:,} failed, {report.skipped:,} no DICOM; {count(report.files, 'file')} in "
            f"{report.seconds:.2f} s, {report.files / max(report.seconds, 1e-9):,.0f} a second"
        )
        for error_name, times in sorted(report.errors.items()):
            say(f"{error_name}: {count(times, 'file')}")
    return SOME_FAILED if report.failed else DONE


def compact(options: argparse.Namespace) -> int:
    """Join small parts of a table."""
    from rapidicom import delta

    metrics = delta.compact(options.table)
    say(f"{metrics['numFilesRemoved']:,} parts became {metrics['numFilesAdded']:,}")
    return DONE


def vacuum(options: argparse.Namespace) -> int:
    """Print and delete files that are no longer of a table."""
    from rapidicom import delta

    for name in delta.vacuum(options.table, hours=options.hours, dry_run=options.dry_run):
        print(printable(name))
    return DONE


def _file(options: argparse.Namespace, output: Path) -> int:
    """Write the table to a temporary name beside its own, then rename it: the file is whole or absent."""
    if options.resume or options.shard:
        options.parser.error(f"{output} is one file, which is not resumed: -o DIR/ makes a table that is")
    if not output.parent.is_dir():
        options.parser.error(f"the folder of {output} does not exist")

    from rapidicom import _rapidicom

    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with shown(options.quiet) as progress:
            report = _rapidicom.write_parquet(
                _sources(options),
                os.fspath(part),
                columns=_columns(options.columns),
                threads=options.threads,
                frames=options.frames,
                json=options.json,
                hash=options.hash,
                layout=options.layout,
                archives=options.archives,
                not_dicom="row" if options.not_dicom_rows else "skip",
                progress=progress,
                limits=None,
            )
        part.replace(output)
    except KeyboardInterrupt:
        say(f"interrupted: {output} was not written, and one file is not resumed; -o DIR/ makes a table that is")
        return INTERRUPTED
    finally:
        part.unlink(missing_ok=True)

    if not options.quiet:
        seconds = report["seconds"]
        say(
            f"{count(report['rows'], 'row')} to {output}; {report['failed']:,} failed, {report['skipped']:,} no DICOM; "
            f"{count(report['files'], 'file')} in {seconds:.2f} s, {report['files'] / max(seconds, 1e-9):,.0f} a second"
        )
    return SOME_FAILED if report["failed"] else DONE


def _sources(options: argparse.Namespace) -> str | list[str] | Iterator[str]:
    """Return what is to be read as Python is given it: one word, a list of words, or paths as they come."""
    if options.null or "-" in options.paths:
        return paths.given(options)
    return options.paths[0] if len(options.paths) == 1 else list(options.paths)


def _columns(given: list[str] | None) -> list[str] | str | None:
    """Return a list of columns, or the name of the set where it alone is given: only that has all facts of the file."""
    if given is None:
        return None
    names = [name.strip() for part in given for name in part.split(",") if name.strip()]
    return names[0] if names == ["default"] else names
