"""Every element at every depth of the real files, against pydicom: values, VR and VM."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import canonical
import oracle
import rapidicom as rd
from canonical import Element, Elements, same
from conftest import CHECKOUT, manifest
from known_differences import REASONS, Difference

SHOWN = 60


class Comparison:
    """The running count over many files."""

    def __init__(self) -> None:
        self.files = self.elements = self.agreeing = self.only_ours = self.neither = 0
        self.reasons: Counter[str] = Counter()
        self.unexplained: list[str] = []
        self.refused: list[str] = []

    def compare_file(self, path: Path, answer: dict[str, object]) -> None:
        ours, refusal = read(path, bool(answer.get("forced")))
        if "error" in answer:
            self.only_ours += ours is not None
            self.neither += ours is None
            return
        theirs = answer["elements"]
        assert isinstance(theirs, dict)
        if ours is None:
            # pydicom, when forced, makes a data set of any bytes whatever.
            if answer.get("forced") and no_sign_of_dicom(refusal):
                self.neither += 1
            else:
                self.refused.append(f"{path}: {refusal}")
            return
        self.files += 1
        self.compare(path.name, ours, theirs)

    def compare(self, file: str, ours: Elements, theirs: Elements) -> None:
        explained: dict[tuple[canonical.Path, int], str] = {}
        for key in sorted(ours.keys() | theirs.keys(), key=lambda key: (len(key[0]), key)):
            self.elements += 1
            if agree(ours.get(key), theirs.get(key)):
                self.agreeing += 1
                continue
            difference = Difference(file, *key, ours.get(key), theirs.get(key))
            reason = inherited(explained, key[0]) or reason_of(difference)
            if reason:
                explained[key] = reason
                self.reasons[reason] += 1
            else:
                self.unexplained.append(str(difference))


def read(path: Path, forced: bool) -> tuple[Elements | None, Exception | None]:
    """Our elements, or why we refuse the file."""
    try:
        return canonical.walk(rd.dcmread(path)), None
    except rd.InvalidDicomError as error:
        if not forced:
            return None, error
    except (rd.DicomError, OSError) as error:
        return None, error
    try:
        return canonical.walk(rd.dcmread(path, force=True)), None
    except (rd.DicomError, OSError) as error:
        return None, error


def no_sign_of_dicom(refusal: Exception | None) -> bool:
    return isinstance(refusal, rd.InvalidDicomError)


def agree(ours: Element | None, theirs: Element | None) -> bool:
    if ours is None or theirs is None or ours.error or theirs.error:
        return False
    return ours.vr == theirs.vr and ours.vm == theirs.vm and same(ours.value, theirs.value)


def inherited(explained: dict[tuple[canonical.Path, int], str], path: canonical.Path) -> str | None:
    """The reason of a Sequence that holds this element: what is in it follows from it."""
    for depth in range(len(path)):
        reason = explained.get((path[:depth], path[depth][0]))
        if reason:
            return reason
    return None


def reason_of(difference: Difference) -> str | None:
    return next((name for name, holds in REASONS.items() if holds(difference)), None)


def check(files: Iterator[Path] | list[Path], name: str, figure: Callable[[str, object], None]) -> None:
    comparison = Comparison()
    for path, answer in oracle.ask("values", files):
        comparison.compare_file(path, answer)
    figure(f"values, {name}: files read by both", comparison.files)
    figure(
        f"values, {name}: files that only rapidicom reads / neither", f"{comparison.only_ours} / {comparison.neither}"
    )
    share = comparison.agreeing / max(comparison.elements, 1)
    figure(f"values, {name}: elements compared, agreeing", f"{comparison.elements}, {share:.4%}")
    figure(f"values, {name}: differences by reason", dict(comparison.reasons.most_common()))
    assert not comparison.refused, "\n".join(comparison.refused)
    shown = "\n".join(comparison.unexplained[:SHOWN])
    assert not comparison.unexplained, f"{len(comparison.unexplained)} differences without a reason:\n{shown}"


@pytest.mark.figure
def test_the_shared_corpus(shared_corpus: Path, figure: Callable[[str, object], None]) -> None:
    check([shared_corpus / row["path"] for row in manifest()], "shared corpus", figure)


@pytest.mark.figure
def test_the_files_of_pydicom(pydicom_files: list[Path], figure: Callable[[str, object], None]) -> None:
    check(pydicom_files, "pydicom's files", figure)


@pytest.mark.figure
def test_the_files_of_pydicom_data(pydicom_data_files: list[Path], figure: Callable[[str, object], None]) -> None:
    check(pydicom_data_files, "pydicom-data's files", figure)


def test_each_reason_has_its_words() -> None:
    assert len(REASONS) <= 15
    words = (CHECKOUT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f"`{reason}`" not in words] == []


def test_the_comparison_can_fail() -> None:
    tag = 0x00280010
    good: Elements = {((), tag): Element("US", 1, 4)}
    for bad in (Element("SS", 1, 4), Element("US", 2, 4), Element("US", 1, 5), Element("US", 0, None, "KeyError: x")):
        comparison = Comparison()
        comparison.compare("made up", {((), tag): bad}, good)
        assert comparison.unexplained
    comparison = Comparison()
    comparison.compare("made up", {}, good)
    assert comparison.unexplained
