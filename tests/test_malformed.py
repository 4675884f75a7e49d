"""What comes of each malformed file, against malformed/expected.csv.

outcome: `read`, `error` (a clear one), `either`. elements: how many a whole reading of the top level finds at least.
pixels: what `pixel_array` must be when it is an array at all; `refused`: no array may come; `none`: no Pixel Data;
`encapsulated`: whatever the decoder of that transfer syntax makes of it.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import rapidicom as rd
from conftest import TESTS

MANY = 14  # the count by which other readers were judged
BARS = {"conform": 43, "quirk": 68, "invalid": 40}


class Case(NamedTuple):
    name: str
    cls: str
    outcome: str
    elements: int
    pixels: str


class Outcome(NamedTuple):
    """What one file gave: elements and warnings, or an error."""

    elements: int = 0
    warnings: tuple[Any, ...] = ()
    error: Exception | None = None


def table() -> Iterator[Case]:
    with (TESTS / "malformed" / "expected.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            yield Case(row["case"], row["class"], row["outcome"], int(row["elements"]), row["pixels"])


CASES = list(table())


def outcome(path: Path) -> Outcome:
    """Reads all: every element at every depth; values may refuse, one by one."""
    try:
        ds = rd.dcmread(path)
        elements = list(ds)
        for _ in ds.iterall():
            pass
        return Outcome(len(elements), ds.warnings)
    except (rd.DicomError, OSError) as error:
        return Outcome(error=error)


@pytest.fixture(scope="module")
def outcomes(malformed_dir: Path) -> dict[str, Outcome]:
    return {case.name: outcome(malformed_dir / f"{case.name}.dcm") for case in CASES}


def usable(case: Case, got: Outcome) -> bool:
    return got.error is None and got.elements >= min(MANY, case.elements) and got.elements > 0


@pytest.mark.figure
@pytest.mark.parametrize("cls", BARS)
def test_enough_files_are_read(cls: str, outcomes: dict[str, Outcome], figure: Callable[[str, object], None]) -> None:
    cases = [case for case in CASES if case.cls == cls]
    warned = [case for case in cases if usable(case, outcomes[case.name]) and outcomes[case.name].warnings]
    read = [case for case in cases if usable(case, outcomes[case.name])]
    good = read if cls == "conform" else warned
    rest = [f"{case.name}: {outcomes[case.name]}" for case in cases if case not in good]
    figure(f"malformed, {cls}: read / read with a warning", f"{len(read)} / {len(warned)} of {len(cases)}")
    assert len(good) >= BARS[cls], "\n".join(rest)


@pytest.mark.parametrize("case", [case for case in CASES if case.cls == "conform"], ids=lambda case: case.name)
def test_what_conforms_is_read_whole(case: Case, outcomes: dict[str, Outcome]) -> None:
    got = outcomes[case.name]
    assert got.error is None
    assert got.elements == case.elements


@pytest.mark.parametrize(
    "name", ["a01_ok_evle", "a02_ok_ivle", "a03_ok_evbe", "a04_ok_deflated", "e31_encaps_uncompressed"]
)
def test_strict_reads_what_conforms(name: str, malformed_dir: Path) -> None:
    """Many a case of one oddity has its elements out of order as well; these have not."""
    assert rd.dcmread(malformed_dir / f"{name}.dcm", strict=True).PatientID == "ID1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outcome(case: Case, outcomes: dict[str, Outcome]) -> None:
    got = outcomes[case.name]
    if got.error is not None:
        assert case.outcome != "read", got.error
        assert isinstance(got.error, rd.DicomError)
        assert str(got.error.path or "").endswith(f"{case.name}.dcm")
        assert "\n" not in str(got.error)
    else:
        assert case.outcome != "error"
        assert got.elements >= case.elements


@pytest.mark.parametrize("case", [case for case in CASES if case.cls == "invalid"], ids=lambda case: case.name)
def test_damage_is_never_silent(case: Case, outcomes: dict[str, Outcome], malformed_dir: Path) -> None:
    got = outcomes[case.name]
    if got.error is not None or got.warnings:
        return
    with pytest.raises(rd.DicomError):  # what the header does not show, the pixels must
        _ = rd.dcmread(malformed_dir / f"{case.name}.dcm").pixel_array


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.cls in ("quirk", "invalid")], ids=lambda case: case.name
)
def test_strict_refuses_what_is_warned_of(case: Case, outcomes: dict[str, Outcome], malformed_dir: Path) -> None:
    if any(warning.offset is not None for warning in outcomes[case.name].warnings):
        with pytest.raises(rd.DicomError):
            ds = rd.dcmread(malformed_dir / f"{case.name}.dcm", strict=True)
            for element in ds.iterall():
                _ = element.value


@pytest.mark.parametrize("case", [case for case in CASES if case.cls != "hostile"], ids=lambda case: case.name)
def test_pixels_are_right_or_refused(case: Case, malformed_dir: Path) -> None:
    try:
        ds = rd.dcmread(malformed_dir / f"{case.name}.dcm")
        array = ds.frames.decode(raw=True).reshape(4, 4, 3) if case.pixels == "zeros uint8 4 4 3" else ds.pixel_array
    except (rd.DicomError, AttributeError) as error:
        # The fragments of "encapsulated" hold no code stream: there is nothing to decode.
        assert case.pixels in ("refused", "none", "any", "encapsulated") or case.cls == "invalid", error
        return
    assert case.pixels not in ("refused", "none")
    if case.pixels not in ("any", "encapsulated"):
        expected = samples(case.pixels)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


@pytest.mark.figure
def test_pixels_of_what_conforms(malformed_dir: Path, figure: Callable[[str, object], None]) -> None:
    images = [case for case in CASES if case.cls == "conform" and case.pixels not in ("refused", "none", "any")]
    right, undecoded = 0, []
    for case in images:
        try:
            array = rd.pixel_array(ds_path(malformed_dir, case), raw=True)
        except rd.UnsupportedTransferSyntaxError:
            undecoded.append(case.name)
            continue
        right += bool(np.array_equal(array, samples(case.pixels)))
    figure("malformed, conforming images: right / not decoded yet", f"{right} / {len(undecoded)} of {len(images)}")
    assert right + len(undecoded) == len(images)
    assert all(name.startswith("e") or name == "d27_spp_4_argb" for name in undecoded)


def ds_path(folder: Path, case: Case) -> Path:
    return folder / f"{case.name}.dcm"


def samples(words: str) -> np.ndarray:
    """The array that a word of expected.csv stands for."""
    kind, *rest = words.split()
    match kind:
        case "ramp":
            return np.arange(16, dtype=rest[0] if rest else np.uint8).reshape(4, 4)
        case "zeros":
            return np.zeros([int(size) for size in rest[1:]], rest[0])
        case "sevens":
            return np.full([int(size) for size in rest], 7, np.uint8)
        case "bits":  # PS3.5 §8.1.1: from the least significant bit
            return np.unpackbits(np.array([0xA5, 0x5A], np.uint8), bitorder="little").reshape(4, 4)
        case "planes":
            return np.ascontiguousarray(np.arange(48, dtype=np.uint8).reshape(3, 4, 4).transpose(1, 2, 0))
        case "pairs":
            return np.frombuffer(bytes(range(16)) * 2, "<u2").reshape(4, 4)
    raise ValueError(words)
