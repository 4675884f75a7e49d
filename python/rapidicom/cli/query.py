"""``rapidicom query``: asks an index with SQL, by DuckDB; the answer is written as it comes."""

from __future__ import annotations

import argparse
import base64
import csv
import datetime as dt
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import rapidicom as rd
from rapidicom.cli import DONE, SOME_FAILED, WRONG_USE
from rapidicom.cli.standard_streams import blocks
from rapidicom.cli.words import printable

if TYPE_CHECKING:
    import duckdb

SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
FORMATS = ("text", "csv", "json", "jsonl", "parquet")

ROWS = 2048
"""Rows fetched at once; those of the first fetch decide how wide the columns of text are."""
WIDEST = 72
"""Characters of a cell of text; what is longer is cut."""

_ANSWER = "rapidicom_answer"


def run(options: argparse.Namespace) -> int:
    """Print the answer, or write it under a temporary name that is then renamed: a file is whole or absent."""
    if options.output == "-":
        options.output = None
    kind = options.format or SUFFIXES.get(Path(options.output or "").suffix.lower(), "text")
    if kind == "parquet" and not options.output:
        options.parser.error("--format parquet needs -o FILE")
    if options.output and not Path(options.output).parent.is_dir():
        options.parser.error(f"the folder of {options.output} does not exist")
    try:
        import duckdb

        index = rd.open_index(options.index)
    except ImportError as error:
        words = "duckdb is not installed: pip install rapidicom[query]" if error.name == "duckdb" else str(error)
        options.parser.error(words)
    except (FileNotFoundError, ValueError) as error:
        options.parser.error(str(error))
    try:
        sql = b"".join(blocks()).decode(errors="backslashreplace") if options.sql == "-" else options.sql
        answer = Answer(index.connect(), sql)
        if answer.names:
            _give(answer, kind, options.output)
    except duckdb.Error as error:
        for line in str(error).splitlines():
            print(printable(line), file=sys.stderr)
        # A file that can't be read, no memory: not what was asked, but what was met.
        return SOME_FAILED if isinstance(error, duckdb.OperationalError) else WRONG_USE
    return DONE


class Answer:
    """What a query gives: names and types of its columns (no two of one name), then its rows as they come."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        import duckdb

        self._connection = connection
        self.names: list[str] = []
        relation = connection.sql(sql)
        if relation is None:
            return
        try:
            relation.create_view(_ANSWER)
        except duckdb.InvalidInputException:  # what a statement other than a query said is no query itself
            relation.create(_ANSWER)
        self._relation = connection.table(_ANSWER)
        self.names = self._relation.columns
        self.types = [str(kind) for kind in self._relation.types]

    def rows(self, as_text: bool) -> Iterator[list[tuple[Any, ...]]]:
        """Fetch after fetch: every value as DuckDB writes it, or as Python's."""
        chosen = "cast(columns(*) as varchar)" if as_text else ", ".join(self._columns())
        cursor = self._connection.execute(f"select {chosen} from {_ANSWER}")
        while rows := cursor.fetchmany(ROWS):
            yield rows

    def write_parquet(self, path: Path) -> None:
        """Write all rows."""
        self._relation.write_parquet(os.fspath(path), compression="zstd")

    def _columns(self) -> Iterator[str]:
        """As they are, but times with a zone as text: as Python's they need one more package."""
        for name, kind in zip(self.names, self.types, strict=True):
            quoted = '"' + name.replace('"', '""') + '"'
            is_zoned = kind == "TIMESTAMP WITH TIME ZONE"
            yield f"strftime({quoted} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')" if is_zoned else quoted


def _give(answer: Answer, kind: str, output: str | None) -> None:
    if output is None:
        _write(answer, kind, sys.stdout)
        return
    path = Path(output)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if kind == "parquet":
            answer.write_parquet(part)
        else:
            with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
                _write(answer, kind, stream)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write(answer: Answer, kind: str, stream: TextIO) -> None:
    if kind == "text":
        _text(answer, stream)
    elif kind == "csv":
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(answer.names)
        for rows in answer.rows(as_text=True):
            writer.writerows(rows)
    else:
        _json(answer, stream, as_lines=kind == "jsonl")


def _text(answer: Answer, stream: TextIO) -> None:
    """Columns side by side, numbers to the right."""
    header = [printable(name) for name in answer.names]
    aligns = [str.rjust if kind.startswith(_NUMBERS) else str.ljust for kind in answer.types]

    def line(cells: Sequence[str]) -> None:
        padded = (align(cell, width) for align, cell, width in zip(aligns, cells, widths, strict=True))
        stream.write("  ".join(padded).rstrip() + "\n")

    widths: list[int] = []
    for rows in chain(answer.rows(as_text=True), [[]]):
        shown = [[_cell(value) for value in row] for row in rows]
        if not widths:
            widths = [max(map(len, column)) for column in zip(header, *shown, strict=True)]
            line(header)
            line(["-" * width for width in widths])
        for row in shown:
            line(row)


_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "DECIMAL", "FLOAT", "DOUBLE")


def _cell(value: str | None) -> str:
    shown = "" if value is None else printable(value)
    return shown if len(shown) <= WIDEST else shown[: WIDEST - 1] + "…"


def _json(answer: Answer, stream: TextIO, *, as_lines: bool) -> None:
    """An object a line, or an array of them; times as ISO 8601, bytes as base64, what is no number as null."""
    before, between, after = ("", "\n", "\n") if as_lines else ("[", ",\n ", "]\n")
    written = False
    for rows in answer.rows(as_text=False):
        for row in rows:
            model = {name: _plain(value) for name, value in zip(answer.names, row, strict=True)}
            stream.write((between if written else before) + json.dumps(model, ensure_ascii=False, allow_nan=False))
            written = True
    stream.write(after if written else "" if as_lines else "[]\n")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
