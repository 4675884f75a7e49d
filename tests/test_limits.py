"""Limits: what a file may cost, enforced in one place."""

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT


def deflated_zeros(size: int) -> bytes:
    return builders.file(E.patient() + E.element(0x7FE00010, "OB", bytes(size)), builders.DEFLATED_UID)


def exhaust(data: bytes, limits: rd.Limits) -> None:
    ds = rd.dcmread(data, limits=limits)
    for element in ds.iterall():
        _ = element.value
    _ = ds.warnings
    if "Rows" in ds:
        _ = ds.pixel_array


FRAMES = E.patient() + E.image(frames=9) + E.pixels(bytes(144), "OB")
CASES: list[tuple[str, int, bytes]] = [
    ("max_depth", 8, builders.file(builders.nested(9))),
    ("max_depth", 8, builders.file(builders.nested(9, undefined=False))),
    ("max_elements", 20, builders.file(b"".join(E.element(0x00110010 + n, "LO", "x") for n in range(40)))),
    ("max_items", 20, builders.file(E.sequence(0x00081140, *[E.item(b"")] * 40))),
    ("max_items", 20, builders.file(E.sequence(0x00081140, *[E.item(b"", undefined=True)] * 40, undefined=True))),
    ("max_inflated_bytes", 1 << 20, deflated_zeros(2 << 20)),
    ("max_frame_pixels", 1000, builders.file(E.patient() + E.image(64, 64) + E.pixels(bytes(4096)))),
    ("max_frame_bytes", 1000, builders.file(E.patient() + E.image(64, 64) + E.pixels(bytes(4096)))),
    ("max_output_bytes", 100, builders.file(FRAMES)),
    ("max_frames", 8, builders.file(FRAMES)),
]


@pytest.mark.parametrize(("name", "limit", "data"), CASES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CASES)])
def test_each_limit_is_kept_and_can_be_lifted(name: str, limit: int, data: bytes) -> None:
    with pytest.raises(rd.LimitError) as refusal:
        exhaust(data, rd.Limits(**{name: limit}))
    error = refusal.value
    assert error.name == name
    assert error.limit == limit
    assert error.value > limit
    assert name in str(error)
    exhaust(data, rd.Limits())


def test_max_fragments() -> None:
    data = builders.file(E.patient() + E.image() + E.encapsulated([b"ab"] * 40), builders.JPEG_BASELINE_UID)
    with pytest.raises(rd.LimitError):
        rd.dcmread(data, limits=rd.Limits(max_fragments=20)).frames.encoded(0)
    assert bytes(rd.dcmread(data).frames.encoded(0)) == b"ab" * 40


def test_warnings_are_counted_not_kept() -> None:
    data = builders.file(b"".join(E.element(0x00100020, "LO", "x") for _ in range(500)))
    assert 1 <= len(rd.dcmread(data, limits=rd.Limits(max_warnings=10)).warnings) <= 11
    assert len(rd.dcmread(data).warnings) >= 499


def test_untrusted() -> None:
    limits = rd.Limits.untrusted()
    assert limits.max_depth == 32
    assert limits.max_frame_pixels == 100_000_000
    assert limits.max_output_bytes == 1 << 30
    with pytest.raises(rd.LimitError):
        exhaust(builders.file(builders.nested(33)), limits)


def test_defaults() -> None:
    limits = rd.Limits()
    assert (limits.max_depth, limits.max_elements, limits.max_items) == (64, 5_000_000, 2_000_000)
    assert (limits.max_inflated_bytes, limits.max_frame_pixels) == (512 << 20, 1 << 28)


def test_it_is_a_value() -> None:
    assert rd.Limits(max_depth=3) == rd.Limits(max_depth=3)
    assert rd.Limits(max_depth=3) != rd.Limits()
    assert "max_depth=3" in repr(rd.Limits(max_depth=3))
    with pytest.raises((AttributeError, TypeError)):
        rd.Limits().max_depth = 5  # type: ignore[misc]
    wrong: dict[str, Any]
    for wrong in ({"max_dept": 3}, {"max_depth": "x"}):
        with pytest.raises((TypeError, ValueError)):
            rd.Limits(**wrong)
    with pytest.raises((ValueError, OverflowError)):
        rd.Limits(max_depth=-1)


@pytest.mark.parametrize("wrong", [-1, -1e-9, float("nan"), float("-inf")])
def test_a_deadline_is_not_negative(wrong: float) -> None:
    with pytest.raises(ValueError, match="deadline_s is a number that is not negative"):
        rd.Limits(deadline_s=wrong)
    assert rd.Limits(deadline_s=0).deadline_s == 0
    assert rd.dcmread(builders.small(), limits=rd.Limits(deadline_s=float("inf"))).Rows == 4


@pytest.mark.parametrize(
    ("declared", "image"),
    [
        ("65535 x 65535 native", {"rows": 65535, "columns": 65535, "bits": 16}),
        ("2^31 - 1 frames", {"frames": 2147483647}),
        ("all of it", {"rows": 65535, "columns": 65535, "bits": 64, "samples": 3, "frames": 2147483647, "planar": 0}),
    ],
)
def test_bombs_are_refused_at_once(declared: str, image: dict[str, int]) -> None:
    data = builders.file(E.patient() + E.image(**image) + E.pixels(bytes(64)))  # type: ignore[arg-type]
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        with pytest.raises(rd.DicomError):
            _ = rd.dcmread(data).pixel_array
        best = min(best, time.perf_counter() - start)
    assert best < 0.01, declared


def test_deadline() -> None:
    content = E.sequence(
        0x00081140, *[E.item(E.element(0x00081155, "UI", "1.2"), undefined=True)] * 300_000, undefined=True
    )
    with pytest.raises(rd.LimitError) as refusal:
        exhaust(builders.file(content), rd.Limits(deadline_s=1e-6))
    assert refusal.value.name == "deadline_s"


def test_deadline_of_an_index_is_one_file_s(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(builders.file(E.patient()))
    late, in_time = (pa.table(rd.index(tmp_path, limits=rd.Limits(deadline_s=s))).to_pylist() for s in (1e-9, 60))
    assert late[0]["status"] == "error" and "deadline_s" in late[0]["error"]
    assert in_time[0]["status"] == "ok"
