"""What the command line may say."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options, with the command to run as ``run``; exit with status 2 on wrong use."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rapidicom",
        description="Read DICOM files at the speed of the machine.",
        epilog="Exit status: 0 done, 1 some files failed, 2 wrong use, 130 interrupted.",
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _index(commands.add_parser("index", help="write the files' attributes as a Parquet table, one row a file"))
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

    _paths(parser, "folders, walked, and files")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the Parquet file to write")
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
    parser.add_argument("-j", "--threads", type=_positive, metavar="N", help="threads (as many as the work needs)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no closing words")
    parser.add_argument("--resume", action="store_true", help="reserved")
    parser.add_argument("--shard", metavar="I/N", help="reserved")
    parser.set_defaults(run=run, parser=parser)


def _dump(parser: argparse.ArgumentParser) -> None:
    from rapidicom.cli.dump import run

    _paths(parser, "files")
    parser.add_argument(
        "--max-length", type=_natural, default=64, metavar="N", help="characters of a value to print (64); 0: all"
    )
    parser.add_argument("--json", action="store_true", help="the DICOM JSON Model (PS3.18 Annex F), one object a line")
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
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number
