"""results-pixels.json -> the section of RESULTS.md."""

from __future__ import annotations

from typing import Any

from pixels_rows import BARE, OURS, Figure, Row
from rows import FLOOR_A_REFERENCE

NOTHING = "-"
NO_PART = ("not installed", "ValueError: No plugin named")  # not worth a word beside every row
MIXED = ("overhead", "first_read")  # jobs whose CPU time is also that of work which is not in the figure
GROUPS = {
    "one frame": (
        "One frame: the code stream, in memory, into the caller's buffer",
        "The bar is of `rd.pixels.decode_frame(bytes, out=)` to the bare codec on the same bytes with its `out=`. "
        "Peers, and *from the path*, read the file too; peers make a new array.",
    ),
    "all frames": (
        "{frames} frames of 512², from the path into the caller's array",
        "`rd.pixel_array(path, out=, threads=)`, the file's reading included; two threads of the bare codec take the "
        "code streams, in memory, one by one into the caller's array.",
    ),
    "overhead": (
        "What the way from the path costs above the codec, 512²",
        "`rd.pixel_array(path)` and `rd.pixel_array(path, index=k)`, each less `rd.pixels.decode_frame(bytes, out=)` "
        "on the same code stream just before or after: medians of the differences.",
    ),
    "heartbeat": (
        "Longest stall of a 1 ms heartbeat while {frames} frames decode",
        "A thread sleeps 1 ms again and again: the longest time between two beats, default threads, medians "
        "of the rounds.",
    ),
    "memory": ("Memory and samples, one thread", ""),
}


def scale(results: dict[str, Any]) -> float:
    """What absolute bars are multiplied with."""
    floor: float | None = results["floor_a"]
    return floor / FLOOR_A_REFERENCE if floor else 1.0


def amount(value: float, unit: str) -> str:
    """A figure as it is shown; times are in seconds."""
    number = value * {"ms": 1e3, "µs": 1e6}.get(unit, 1)
    if unit in ("x", "GB/s"):
        return f"{number:.2f}{'x' if unit == 'x' else ' GB/s'}"
    size = abs(number)
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 1000 else 0
    return f"{number:,.{digits}f} {unit}"


def judged(figure: Figure, medians: dict[str, float], factor: float) -> tuple[float | None, bool | None]:
    """A figure and whether it reaches its bar; None where it was not measured or has none."""
    try:
        value = figure.of(medians)
    except KeyError:
        return None, None
    if figure.bar is None:
        return value, None
    bar = figure.bar * (factor if figure.scaled else 1) / {"ms": 1e3, "µs": 1e6}.get(figure.unit, 1)
    reached = value >= bar if figure.at_least else value <= bar
    return value, reached or figure.unless(medians)


def _bar(figure: Figure, factor: float) -> str:
    if figure.bar is None:
        return NOTHING
    sign = "≥" if figure.at_least else "≤"
    unit = figure.unit if figure.unit == "x" else f" {figure.unit}"
    here = f", here {figure.bar * factor:.3g}{unit}" if figure.scaled and abs(factor - 1) > 0.005 else ""
    return f"{sign} {figure.bar:g}{unit}{here}" + (f" {figure.unless_text}" if figure.unless_text else "")


def _beside(row: Row, result: dict[str, Any]) -> str:
    shown, refused = [], []
    for entry in row.entries:
        if entry.label in result["medians"]:
            wall = amount(result["medians"][entry.label], "ms")
            cpu = result["cpu"].get(entry.label, 0)
            with_cpu = entry.process in (OURS, BARE) and entry.request["job"] not in MIXED and not row.stall
            shown.append(f"{entry.label} {wall}" + (f" (CPU {amount(cpu, 'ms')[:-3]})" if with_cpu else ""))
        if entry.label in result["errors"]:
            reason = result["errors"][entry.label]
            if reason.startswith(NO_PART):
                continue
            refused.append(f"{entry.label}: {reason}" if entry.process in (OURS, BARE) else entry.label)
            if reason == "another result":
                refused[-1] = f"**another result: {entry.label}**"
    return "; ".join(shown) + (f"; can't: {', '.join(refused)}" if refused else "")


def _lines(row: Row, result: dict[str, Any], factor: float) -> list[str]:
    lines = []
    beside = _beside(row, result) + (f" ({row.note})" if row.note else "")
    for i, figure in enumerate(row.figures):
        value, reached = judged(figure, result["medians"], factor)
        sign = {True: "yes", False: "**no**", None: NOTHING}[reached]
        text = NOTHING if value is None else amount(value, figure.unit)
        cells = ["" if i else row.title, figure.what, _bar(figure, factor), text, sign, "" if i else beside]
        lines.append("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |")
    return lines


def missed(rows: list[Row], results: dict[str, Any]) -> list[str]:
    """The figures that don't reach their bar, one a line, and what is less troubled by others on the same cores.

    That is CPU time for one frame and the fastest rounds for the rest; of differences there is no such thing.
    """
    factor, found = scale(results), []
    for row in rows:
        result = results["rows"][row.key]
        calm = result["cpu"] if row.group == "one frame" else {k: min(v) for k, v in result["rounds"].items()}
        name = "CPU" if row.group == "one frame" else "fastest rounds"
        for figure in row.figures:
            value, reached = judged(figure, result["medians"], factor)
            if value is None or reached is not False:
                continue
            beside = "" if row.group == "overhead" else f" ({name}: {amount(figure.of(calm), figure.unit)})"
            bar = _bar(figure, factor)
            found.append(f"{row.key}: {figure.what} {amount(value, figure.unit)}{beside}, bar {bar}")
    return found


def section(rows: list[Row], results: dict[str, Any]) -> str:
    """The whole section."""
    factor, floor = scale(results), results["floor_a"]
    floor_text = f"{floor:.2f} µs a file" if floor else "not measured"
    reached = [judged(f, results["rows"][row.key]["medians"], factor)[1] for row in rows for f in row.figures]
    lines = [
        "## Pixels",
        "",
        f"`{results['command']}`, {results['date']}, {results['rounds']} rounds, {results['seconds']:.0f} s; "
        f"{reached.count(True)} of {len(reached) - reached.count(None)} bars reached.",
        *(["", "A quick run, to see that everything works: its figures mean little."] if results["quick"] else []),
        "",
        *[f"- {name}: {value}" for name, value in results["machine"].items()],
        "- " + ", ".join(f"{name} {version}" for name, version in results["versions"].items()),
        f"- load before the run: {results['load']:.1f}; floor A: {floor_text}",
        "",
        "Medians of interleaved rounds, each library in a process of its own; ratios within one run. Wall time, and of "
        "us and the bare codec (imagecodecs) CPU time of all threads.",
        f"Absolute bars are for a machine whose floor A is {FLOOR_A_REFERENCE} µs a file, and scale with it. All "
        "rounds are in `results-pixels.json`.",
    ]
    for group, (title, text) in GROUPS.items():
        body = [line for row in rows if row.group == group for line in _lines(row, results["rows"][row.key], factor)]
        if body:
            lines += ["", "### " + title.format(frames=results["frames"]), *(["", text] if text else []), ""]
            lines += ["| work | figure | bar | reached | met | medians |", "|---|---|---|---|---|---|", *body]
    return "\n".join(lines) + "\n"
