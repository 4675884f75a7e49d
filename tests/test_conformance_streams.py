"""Published conformance streams: those in tests/conformance, and the others where their repositories' files lie.

python tests/test_conformance_streams.py        prints the tables, to be put between the marks of docs/conformance.md
"""

from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from conformance.run import Stream, is_as_listed, judged, streams
from conftest import CHECKOUT, SHARED_CORPUS

REPOSITORIES = SHARED_CORPUS.parent / "conformance"
BEGIN, END = "<!-- conformance streams: begin -->", "<!-- conformance streams: end -->"
COMMITS = {
    "aous72/jp2k_test_codestreams": "eda0844b",
    "libjpeg-turbo/libjpeg-turbo": "8a99315b; testorig12: 2.1.5",
    "libjxl/conformance": "4bf05352",
    "libjxl/jxl-rs": "crate jxl 0.8.0",
    "libjxl/testdata": "73695d30",
    "osamu620/OpenHTJ2K": "19a544b3",
    "pydicom/pylibjpeg-data": "916aa154",
    "team-charls/charls": "7b9b2da4",
    "uclouvain/openjpeg-data": "a428429d",
}
WHAT = {
    "team-charls/charls": "ITU-T T.87, others",
    "pydicom/pylibjpeg-data": "ITU-T T.83 (ISO/IEC 10918-2)",
    "uclouvain/openjpeg-data": "ITU-T T.803 (ISO/IEC 15444-4), others",
    "osamu620/OpenHTJ2K": "ITU-T T.803 (ISO/IEC 15444-4), others",
    "libjxl/conformance": "ISO/IEC 18181-3",
}
STREAMS = list(streams())
SHIPPED = [stream for stream in STREAMS if stream.shipped]
Figure = Callable[[str, object], None]

for _package in ("imagecodecs", "libjpeg", "openjpeg"):
    pytest.importorskip(_package)


def counted(outcomes: Counter[str]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())


def test_shipped_streams_are_as_listed(figure: Figure) -> None:
    outcomes, others = Counter[str](), []
    for stream in SHIPPED:
        found = judged(stream, None)
        outcomes[found.partition(":")[0]] += 1
        if not is_as_listed(stream, found):
            others.append(f"{stream}: {found}")
    figure(f"published conformance streams in the checkout ({len(SHIPPED)})", counted(outcomes))
    assert not others
    assert outcomes["right"] >= 29


@pytest.mark.slow
def test_streams_of_the_repositories_are_as_listed(figure: Figure) -> None:
    there = [stream for stream in STREAMS if stream.path(REPOSITORIES).is_file()]
    if not there:
        pytest.skip("the repositories of the conformance streams, ../shared/conformance, are absent")
    outcomes, others = Counter[str](), []
    for stream in there:
        found = judged(stream, REPOSITORIES)
        outcomes[stream.outcome.partition(":")[0]] += 1
        if not is_as_listed(stream, found):
            others.append(f"{stream}: {found}")
    figure(f"published conformance streams of {len(COMMITS)} repositories ({len(there)})", counted(outcomes))
    assert not others


def table() -> str:
    by_source = defaultdict[tuple[str, str], list[Stream]](list)
    by_reason = defaultdict[tuple[str, str], list[Stream]](list)
    for stream in STREAMS:
        by_source[stream.family, stream.source].append(stream)
        if stream.outcome != "right":
            by_reason[stream.family, stream.outcome].append(stream)
    columns = ("right", "refused", "wrong", "unjudged")
    lines = ["| family | repository | commit | what | streams | right | refused | wrong | unjudged |", "|" + "---|" * 9]
    for (family, source), rows in sorted(by_source.items()):
        outcomes = Counter(row.outcome.partition(":")[0] for row in rows)
        cells = [family, f"`{source}`", COMMITS[source], WHAT.get(source, "the project's own"), str(len(rows))]
        lines.append(f"| {' | '.join(cells + [str(outcomes[name]) for name in columns])} |")
    lines += ["", "| family | outcome | streams |", "|---|---|---|"]
    for (family, outcome), rows in sorted(by_reason.items()):
        names = ", ".join(short(row) for row in rows)
        lines.append(f"| {family} | {outcome} | {names} |")
    return "\n".join(lines)


def short(stream: Stream) -> str:
    """The file's name or, where all are called input.jxl, its folder's."""
    parts = stream.stream.split("/")
    return f"`{parts[-2] if parts[-1].startswith('input.') else parts[-1]}`"


def test_the_document_has_this_table() -> None:
    text = (CHECKOUT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table()


if __name__ == "__main__":
    print(table())
