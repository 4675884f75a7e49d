"""results-index.json -> the section "Index" of RESULTS.md."""

from __future__ import annotations

from typing import Any

import report
from rows import FLOOR_A_REFERENCE


def met(row: dict[str, Any], floor_a: float | None) -> bool | None:
    """Whether a row reaches its bar; None where it was not measured."""
    if "reached" in row:  # of a program, which has judged it
        return bool(row["met"]) if row["met"] is not None else None
    return report.met(row, floor_a)


def section(results: dict[str, Any]) -> str:
    """All of it."""
    floor_a = results["floor_a"]
    judged = [met(row, floor_a) for row in results["rows"]]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    measured = f"floor A {floor_a:.2f} µs a file" if floor_a else "floor A not measured"
    head = [
        "## Index",
        "",
        f"`{results['command']}`, {results['date']}, {results['rounds']} rounds, {results['seconds']:.0f} s; "
        f"{judged.count(True)} of {len(judged)} bars reached, {judged.count(None)} not measured.",
        *(
            ["", f"Put together from {results['runs']} runs: head and floor A are of the last."]
            if "runs" in results
            else []
        ),
        *(["", "A quick run, to see that everything works: its figures mean little."] if results["quick"] else []),
        "",
        *[f"- {name}: {value}" for name, value in results["machine"].items()],
        f"- {versions}",
        f"- load before the run: {results['load']:.1f}; {measured}",
        "",
        "Medians of interleaved rounds, each side in a process of its own; ratios are to the floor of the same row in",
        "the same run. Files are in the page cache; tables are written to the disk of the corpus. Absolute bars",
        f"of time are for a machine whose floor A is {FLOOR_A_REFERENCE} µs a file, and scale with it.",
        "All rounds are in `results-index.json`.",
        "",
    ]
    return "\n".join([*head, *report.table(results["rows"], floor_a)]) + "\n"
