"""``rapidicom index``: a folder becomes a Parquet table, one row a file; memory does not grow with their number."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rapidicom.cli import DONE, INTERRUPTED, SOME_FAILED, paths
from rapidicom.cli.progress import shown
from rapidicom.cli.words import count, say


def run(options: argparse.Namespace) -> int:
    """Write the table to a temporary name beside its own, then rename it: the file is whole or absent."""
    for name in ("resume", "shard"):
        if getattr(options, name):
            options.parser.error(f"--{name} is reserved: it comes with rapidicom.build_index, not in this version")
    paths.require(options)
    output = Path(options.output)
    if output.is_dir():
        options.parser.error(f"{output} is a folder; -o names one Parquet file")
    if not output.parent.is_dir():
        options.parser.error(f"the folder of {output} does not exist")

    from rapidicom import _rapidicom

    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with shown(options.quiet) as progress:
            report = _rapidicom.write_parquet(
                paths.given(options),
                os.fspath(part),
                columns=_columns(options.columns),
                threads=options.threads,
                frames=options.frames,
                json=options.json,
                hash=options.hash,
                layout=options.layout,
                progress=progress,
                limits=None,
            )
        part.replace(output)
    except (ValueError, KeyError) as error:  # a column that the dictionary does not know
        options.parser.error(str(error))
    except KeyboardInterrupt:
        say(f"interrupted: {output} was not written")
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


def _columns(given: list[str] | None) -> list[str] | str | None:
    """Return a list of columns, or the name of the set where it alone is given: only that has the facts of the file."""
    if given is None:
        return None
    names = [name.strip() for part in given for name in part.split(",") if name.strip()]
    return names[0] if names == ["default"] else names
