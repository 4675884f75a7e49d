"""Compressed frames of the real files: against recorded hashes, and against every plugin of pydicom that takes them."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
import rapidicom as rd
from canonical import pixel_facts
from conftest import CHECKOUT, manifest

NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}
# The ids are those of docs/differences.md.
NO_CODE_STREAM = "no-code-stream"
BROKEN = "broken-code-stream"
JPEG_COLOR = "jpeg-color-in-integers"
# Files that no recorded hash and no plugin confirms: name → the reason.
EXCEPTIONS: dict[str, str] = {
    **{
        f"generated_encapsulated_{table}_bot_{fragments}.dcm": NO_CODE_STREAM
        for table, fragments in (*itertools.product(("defined", "empty"), ("1_to_1", "2_to_1")), ("defined", "2_to_2"))
    },
    "966.dcm": BROKEN,
    "JPEG2000-embedded-sequence-delimiter.dcm": BROKEN,
    "TestPattern_JPEG-Baseline_YBR422.dcm": JPEG_COLOR,
    "TestPattern_JPEG-Baseline_YBRFull.dcm": JPEG_COLOR,
    "IM00001.fragmented_no_bot_jpeg_baseline.50.dcm": JPEG_COLOR,
}
# Frames of 1 bit, which pydicom takes in no syntax but JPEG 2000: name → the same image there.
TWINS = {"liver_rle.dcm": "liver_j2k.dcm", "liver_deflate.dcm": "liver_j2k.dcm"}

Figure = Callable[[str, object], None]


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def read(path: Path) -> Any:
    try:
        return rd.dcmread(path)
    except rd.InvalidDicomError:
        return rd.dcmread(path, force=True)


def turbo_agrees(path: Path) -> bool:
    """Whether libjpeg-turbo's own RGB is what is shown."""
    (_, answer), *_ = oracle.ask("decoded", [path])
    return bool(answer["shown"]["libjpeg-turbo"] == pixel_facts(read(path).pixel_array))


def excepted(path: Path) -> str | None:
    """What is wrong with a file of EXCEPTIONS: each reason is held against what happens."""
    if EXCEPTIONS[path.name] == JPEG_COLOR:
        return None if turbo_agrees(path) else "libjpeg-turbo's RGB is another"
    (_, answer), *_ = oracle.ask("decoded", [path])
    taken = [plugin for plugin, facts in answer["shown"].items() if not isinstance(facts, str)]
    if taken:
        return f"is decoded by {taken}"
    try:
        _ = read(path).pixel_array
    except rd.PixelDecodeError:
        return None
    return "is decoded now"


def confirmed_by(path: Path, row: dict[str, str], hashes: dict[str, str]) -> str | None:
    """Which recorded hash the samples have."""
    ds = read(path)
    shown, raw = ds.pixel_array, ds.frames.decode(raw=True)
    if path.name in TWINS:
        return "the same image in another syntax" if digest(shown) == hashes[TWINS[path.name]] else None
    if row["pixels_shape"] and "x".join(map(str, shown.shape)) != row["pixels_shape"]:
        return None
    if row["pydicom_pixels_sha256"] and digest(shown) == row["pydicom_pixels_sha256"]:
        return "pydicom" if digest(raw) == row["pydicom_raw_pixels_sha256"] else None
    if row["gdcm_pixels_sha256"] in (digest(shown), digest(raw)):
        return "gdcm"
    return None


@pytest.mark.figure
@pytest.mark.filterwarnings("ignore::rapidicom.SampleRangeWarning")
def test_the_shared_corpus(shared_corpus: Path, figure: Figure) -> None:
    rows = [row for row in manifest() if row["transfer_syntax"] and row["transfer_syntax"] not in NATIVE]
    hashes = {Path(row["path"]).name: row["pydicom_pixels_sha256"] for row in rows}
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for row in rows:
        path = shared_corpus / row["path"]
        if "PixelData" not in read(path):
            continue
        if path.name in EXCEPTIONS:
            problem, by = excepted(path), EXCEPTIONS[path.name]
        else:
            try:
                problem, by = None, confirmed_by(path, row, hashes) or ""
            except rd.DicomError as error:
                problem, by = f"{type(error).__name__}: {error}", ""
        wrong += [f"{row['path']}: {problem or 'no recorded hash is that of the samples'}"] if problem or not by else []
        found[by] += 1
    for by, count in sorted(found.items()):
        figure(f"compressed frames, shared corpus: {by or 'WRONG'}", count)
    figure(
        "compressed frames, shared corpus: right or with a reason", f"{found.total() - len(wrong)} of {found.total()}"
    )
    assert found["pydicom"] > 100
    assert not wrong, "\n".join(wrong)


def ours(path: Path) -> dict[str, Any]:
    """Facts of both arrays, or how they are refused."""
    facts: dict[str, Any] = {}
    for name in ("shown", "raw"):
        try:
            facts[name] = pixel_facts(rd.pixel_array(read(path), raw=name == "raw"))
        except rd.DicomError as error:
            facts[name] = f"{type(error).__name__}: {error}"
    return facts


def check(files: list[Path], name: str, figure: Figure) -> None:
    """Shown and raw samples, each against every plugin; pydicom's own choice is the first that takes the file."""
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for path, answer in oracle.ask("decoded", files):
        if "shown" not in answer:
            continue
        if path.name in EXCEPTIONS:
            problem = excepted(path)
            wrong += [f"{path.name}: {problem}"] if problem else []
            found[EXCEPTIONS[path.name]] += 1
            continue
        for kind, facts in ours(path).items():
            theirs = answer[kind]
            answered = [plugin for plugin, answer in theirs.items() if not isinstance(answer, str)]
            agree = [plugin for plugin in answered if theirs[plugin] == facts]
            if not answered:
                found["no plugin takes it; refused" if isinstance(facts, str) else "only rapidicom takes it"] += 1
            elif agree:
                found["pydicom" if agree[0] == answered[0] else f"not pydicom's first choice, but {agree[0]}"] += 1
            else:
                wrong.append(f"{path.name} {kind} {answer['syntax']}: ours {facts}, theirs {theirs}")
                found["WRONG"] += 1
    for by, count in sorted(found.items()):
        figure(f"compressed frames, {name}: {by}", count)
    assert found["pydicom"] > 30
    assert not wrong, "\n".join(wrong)


@pytest.mark.figure
def test_the_files_of_pydicom(pydicom_files: list[Path], figure: Figure) -> None:
    check(pydicom_files, "pydicom's files", figure)


@pytest.mark.figure
def test_the_files_of_pydicom_data(pydicom_data_files: list[Path], figure: Figure) -> None:
    check(pydicom_data_files, "pydicom-data's files", figure)


def test_each_reason_is_explained() -> None:
    text = (CHECKOUT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert [reason for reason in set(EXCEPTIONS.values()) if f"| `{reason}` |" not in text] == []
