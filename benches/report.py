"""results.json -> RESULTS.md."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from rows import FLOOR_A_REFERENCE, OURS

NOTHING = "-"


def machine() -> dict[str, str]:
    """What these figures were measured on."""
    return {
        "CPU": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "C compiler": _first_line([os.environ.get("CC", "cc"), "--version"]),
        "rustc": _first_line(["rustc", "--version"]),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.0f} GiB"


def _first_line(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return "not there"
    out = subprocess.run(command, capture_output=True, text=True).stdout
    return (out.splitlines() or ["?"])[0]


def scaled_bar(row: dict[str, Any], floor_a: float | None) -> float | None:
    """Scale an absolute bar to a machine whose floor A is not that of the reference."""
    if row["bar"] is None or not row["absolute"]:
        return row["bar"]  # type: ignore[no-any-return]
    return float(row["bar"]) * (floor_a / FLOOR_A_REFERENCE if floor_a else 1)


def met(row: dict[str, Any], floor_a: float | None) -> bool | None:
    """Tell whether a row reaches its bar; None where it was not measured."""
    bar = scaled_bar(row, floor_a)
    figure = row["ours"] if row["absolute"] else row.get("ratio")
    return None if bar is None or figure is None else bool(figure <= bar)


def _amount(microseconds: float, unit: str) -> str:
    value = microseconds / 1e3 if unit == "ms" else microseconds
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 1000 else 0
    return f"{value:,.{digits}f} {unit}"


def _sign(reached: bool | None) -> str:
    return {True: "yes", False: "**no**", None: NOTHING}[reached]


def _row(row: dict[str, Any], floor_a: float | None) -> str:
    unit, ours, floor = row["unit"], row["ours"], row["floor"]
    bar = scaled_bar(row, floor_a)
    if bar is None:
        bar_text = NOTHING
    elif not row["absolute"]:
        bar_text = f"≤ {bar:.2f}x"
    else:
        bar_text = f"≤ {_amount(row['bar'], unit)}, here {_amount(bar, unit)}"
    if ours is None:
        reached = row["errors"].get(OURS, "not measured")
    elif row["absolute"]:
        reached = _amount(ours, unit)
    else:
        reached = f"{row['ratio']:.2f}x ({_amount(ours, unit)})"
    floor_text = NOTHING if floor is None else _amount(floor, unit)
    if row.get("floor_label", "floor") != "floor":
        floor_text += f" ({row['floor_label']})"
    others = [f"{label} {_amount(value, unit)}" for label, value in row["others"].items()]
    others += [f"{label}: {reason}" for label, reason in row["errors"].items() if label != OURS]
    cells = [row["title"], bar_text, reached, _sign(met(row, floor_a)), floor_text, "; ".join(others), row["note"]]
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _probe(line: dict[str, Any]) -> str:
    cells = [
        line["title"],
        line["bar"],
        line["reached"],
        _sign(line["met"]),
        line.get("floor", NOTHING),
        line.get("peers", ""),
        line["note"],
    ]
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


TABLE = ["| work | bar | reached | met | floor | others | note |", "|---|---|---|---|---|---|---|"]


def table(rows: list[dict[str, Any]], floor_a: float | None) -> list[str]:
    """Lines of the table: rows that were measured by rounds, and those of probes."""
    return [*TABLE, *(_probe(row) if "reached" in row else _row(row, floor_a) for row in rows)]


def floor_a(results: dict[str, Any], threads: int = 1) -> float | None:
    """Floor A of this run, µs a file."""
    for row in results["rows"]:
        if row["key"] == f"index26_{threads}":
            return row["floor"]  # type: ignore[no-any-return]
    return None


def markdown(results: dict[str, Any]) -> str:
    """The whole page."""
    one, two = floor_a(results), floor_a(results, 2)
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    floors = f"{one:.2f} µs a file with one thread, {two:.2f} with two" if one and two else "not measured"
    head = [
        "# Speed",
        "",
        f"`{results['command']}`, {results['date']}, {results['files']:,} small CT files, {results['rounds']} rounds.",
        *(["", "A quick run, to see that everything works: its figures mean little."] if results["quick"] else []),
        "",
        *[f"- {name}: {value}" for name, value in results["machine"].items()],
        f"- {versions}",
        f"- floor A (`physlimit.c`, {'read8k+scan26+copy'}): {floors}",
        "",
        "Medians of interleaved rounds, every library and the C floor in a process of its own; ratios are to the",
        "floor of the same row in the same run. Files are in the page cache unless said. Absolute bars are for a",
        f"machine whose floor A is {FLOOR_A_REFERENCE} µs a file, and scale with it. All rounds are in `results.json`.",
        "",
    ]
    return "\n".join([*head, *table(results["rows"] + results["probes"], one)]) + "\n"


def progress(row: dict[str, Any]) -> str:
    """One line while it runs."""
    medians = ", ".join(f"{label} {_amount(value, row['unit'])}" for label, value in row["medians"].items())
    errors = ", ".join(f"{label}: {reason}" for label, reason in row["errors"].items())
    return f"{row['key']}: {medians}" + (f" ({errors})" if errors else "")


def progress_of_probe(line: dict[str, Any]) -> str:
    """One line while it runs."""
    return f"{line['key']}: {line['reached']}"
