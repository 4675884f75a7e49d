"""What the command line may say."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, with the command to run as ``run``; exit with status 2 on wrong use."""
    if arguments[:1] == ["index"] and arguments[1:2] in (["compact"], ["vacuum"]):
        return _upkeep(arguments[1]).parse_args(arguments[2:])
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rapidicom",
        description="Read DICOM files at the speed of the machine.",
        epilog="Exit status: 0 done, 1 some files failed or standard output did, 2 wrong use, 130 interrupted.",
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _index(commands.add_parser("index", help="write the files' attributes as a Parquet table, one row a file"))
    _query(commands.add_parser("query", help="ask an index with SQL"))
    _dump(commands.add_parser("dump", help="print every Data Element of files"))
    _frames(commands.add_parser("frames", help="print where each frame lies in a file"))
    _verify(commands.add_parser("verify", help="read files wholly and print what is wrong with them"))
    return parser


def _paths(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help=f"{what}; '-': read paths from standard input, a line each"
    )
    parser.add_argument(
        "-0", "--null", action="store_true", help="paths from standard input, each ended by a NUL (find -print0)"
    )


def _index(parser: argparse.ArgumentParser) -> None:
    from rapidicom.cli.index import run

    _paths(
        parser,
        "folders, walked, files, quoted patterns, archives, URLs, a DICOMDIR, files of paths (.txt, .lst, .list)",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="a Parquet file to write (FILE.parquet), or the folder of a Delta Lake table to bring up to date",
    )
    parser.add_argument(
        "-c",
        "--columns",
        action="append",
        metavar="NAMES",
        help="keywords, tags (00100020), private tags (0019xx10:GEMS_ACQU_01), paths into sequences, facts of files, "
        "or 'default'; separated by commas",
    )
    parser.add_argument("--frames", action="store_true", help="add a column with each frame's offset and length")
    parser.add_argument("--json", action="store_true", help="add a column with each header in the DICOM JSON Model")
    parser.add_argument("--layout", choices=["wide", "long"], default="wide", help="a row a file (wide) or an element")
    parser.add_argument(
        "--hash", choices=["sha256", "xxh3"], help="add hashes of the file, of its pixel data and of its data set"
    )
    parser.add_argument("--archives", action="store_true", help="look into ZIP and TAR files in folders, too")
    parser.add_argument("--not-dicom-rows", action="store_true", help="a row, too, for each file that is no DICOM")
    parser.add_argument("-j", "--threads", type=_positive, metavar="N", help="threads (as many as the work needs)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no closing words")
    parser.add_argument("--resume", action="store_true", help="a table is always resumed; with a single file, an error")
    parser.add_argument(
        "--shard", type=_shard, metavar="I/N", help="the I-th of N parts of the source, from 0 (tables)"
    )
    parser.set_defaults(run=run, parser=parser)


def _upkeep(name: str) -> argparse.ArgumentParser:
    from rapidicom.cli.index import compact, vacuum

    parser = argparse.ArgumentParser(
        prog=f"rapidicom index {name}",
        description={
            "compact": "Join small parts of a table into larger ones.",
            "vacuum": "Delete the files of parts that are no longer of the table.",
        }[name],
    )
    parser.add_argument("table", metavar="DIR", help="the folder of the table")
    if name == "vacuum":
        parser.add_argument("--hours", type=_natural, metavar="N", help="keep what was of the table so long ago (168)")
        parser.add_argument("--dry-run", action="store_true", help="print the names alone")
    parser.set_defaults(run={"compact": compact, "vacuum": vacuum}[name], parser=parser)
    return parser


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    try:
        shard = int(index), int(count)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected I/N, such as 0/4") from None
    if not 0 <= shard[0] < shard[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 <= I < N")
    return shard


def _query(parser: argparse.ArgumentParser) -> None:
    from rapidicom.cli.query import FORMATS, run

    parser.add_argument("index", metavar="DIR", help="the index: a folder that `rapidicom index DIR -o DIR/` wrote")
    parser.add_argument("sql", metavar="SQL", help="in DuckDB's words; the table is called index; '-': standard input")
    parser.add_argument("--format", choices=FORMATS, help="text unless given or what FILE ends in")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file, not to standard output (-)")
    parser.set_defaults(run=run, parser=parser)


def _dump(parser: argparse.ArgumentParser) -> None:
    from rapidicom.cli.dump import run

    _paths(parser, "files")
    form = parser.add_mutually_exclusive_group()
    # The default is text, which argparse turns into a number: a given 64 would be that number, and no conflict.
    form.add_argument(
        "--max-length", type=_natural, default="64", metavar="N", help="characters of a value to print (64); 0: all"
    )
    form.add_argument("--json", action="store_true", help="the DICOM JSON Model (PS3.18 Annex F), one object a line")
    parser.set_defaults(run=run, parser=parser)


def _frames(parser: argparse.ArgumentParser) -> None:
    from rapidicom.cli.frames import run

    _paths(parser, "files")
    parser.set_defaults(run=run, parser=parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    from rapidicom.cli.verify import run

    _paths(parser, "folders, walked, and files")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors, not warnings")
    parser.set_defaults(run=run, parser=parser)


def _natural(text: str) -> int:
    return _whole(text, 0)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _whole(text: str, least: int) -> int:
    with suppress(ValueError):
        if (number := int(text)) >= least:
            return number
    raise argparse.ArgumentTypeError(f"{text!r}: expected a number, {least} or more")
