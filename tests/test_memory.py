"""Memory follows from the header that is there, never from what it declares; and nothing leaks."""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
from builders import EXPLICIT

E = EXPLICIT
MEBIBYTE = 1 << 20

PEAK = """
import sys, rapidicom as rd
path = sys.argv[1]
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def now():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
def look(path):
    try:
        ds = rd.dcmread(path, access=sys.argv[3])
        for _ in ds: pass
        return ds
    except rd.DicomError:
        return None
look(sys.argv[2])
open("/proc/self/clear_refs", "w").write("5")
before = now()
ds = look(path)
print(peak() - before)
"""


def peak_of(path: Path, small: Path, access: str) -> int:
    """Bytes above the start while the header is parsed, the least of three tries."""
    tries = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", PEAK, path, small, access], capture_output=True, text=True)
        if "Permission" in done.stderr:
            pytest.skip("/proc/self/clear_refs may not be written here")
        assert done.returncode == 0, done.stderr
        tries.append(int(done.stdout))
    return min(tries)


def lying(length: int) -> bytes:
    head = E.patient() + E.sequence(
        0x00081140, E.item(E.element(0x00081155, "UI", "1.2"), length=length), length=length
    )
    return builders.file(head + E.image() + E.element(0x00104000, "UT", b"abcd", length=length) + E.pixels(bytes(64)))


MANY_ELEMENTS = b"".join(
    E.element(((0x11 + 2 * (i >> 12)) << 16) + 0x1000 + (i & 0xFFF), "LO", "x") for i in range(100_000)
)
FILES = {
    "a small file": builders.small(),
    "4 GiB declared": lying(0xFFFFFFF0),
    "2 GiB declared": lying(0x7FFFFFF0),
    "1 GiB declared in 500 bytes of fragments": builders.file(
        E.patient() + E.image() + E.header(0x7FE00010, "OB", builders.UNDEFINED) + E.header(0xFFFEE000, "", 1 << 30)
    ),
    "65535 x 65535 x 2^31 frames": builders.file(
        E.patient() + E.image(65535, 65535, bits=16, frames=2**31 - 1) + E.pixels(bytes(64))
    ),
    "100,000 elements": builders.file(MANY_ELEMENTS),
    "a long sequence": builders.file(
        E.sequence(0x00081140, E.item(E.element(0x00081155, "UI", "1.2")) * 50_000) + E.image()
    ),
    "a long unterminated sequence": builders.file(
        E.header(0x00081140, "SQ", builders.UNDEFINED)
        + E.item(E.element(0x00081155, "UI", "1.2"), undefined=True) * 50_000
    ),
}


@pytest.mark.figure
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("access", ["read", "mmap"])
@pytest.mark.parametrize("name", FILES)
def test_a_header_costs_what_it_is_long(
    name: str, access: str, tmp_path: Path, figure: Callable[[str, object], None]
) -> None:
    path, small = tmp_path / "file.dcm", tmp_path / "small.dcm"
    path.write_bytes(FILES[name])
    small.write_bytes(builders.small())
    cost, header = peak_of(path, small, access), len(FILES[name])
    if access == "mmap":  # the pages of the file are the system's cache, not ours
        cost -= min(cost, header)
    figure(f"memory, header parse of {name} ({header:,} bytes, {access}): KiB", cost // 1024)
    assert cost <= MEBIBYTE + 2 * header


FLAT = """
import sys, rapidicom as rd
from pathlib import Path
def now():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
data = Path(sys.argv[1]).read_bytes()
def turn(n):
    ds = rd.dcmread(sys.argv[1], access=("mmap", "read", "auto")[n % 3]) if n % 4 else rd.dcmread(data)
    for e in ds.iterall():
        if e.VR != "SQ": e.value
    ds.warnings, repr(ds), ds.pixel_array.sum(), ds == ds
    try:
        rd.dcmread(b"no DICOM" * 99)
    except rd.DicomError:
        pass
for n in range(1000): turn(n)
before = now()
for n in range(10000): turn(n)
print(now() - before)
"""


@pytest.mark.figure
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_thousand_opens_leave_nothing(tmp_path: Path, figure: Callable[[str, object], None]) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(builders.seeds()["sequences"])
    done = subprocess.run([sys.executable, "-c", FLAT, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figure("memory, growth over 10,000 opens: KiB", int(done.stdout))
    assert int(done.stdout) <= 512


BOMB = """
import resource, sys, rapidicom as rd, time
rd.dcmread(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
try:
    ds = rd.dcmread(sys.argv[1])
    ds.pixel_array
    print("read", file=sys.stderr)
except (rd.DicomError, AttributeError) as error:
    print(type(error).__name__, error, file=sys.stderr)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.figure
@pytest.mark.parametrize(
    "case", ["e08_rle_huge_dims", "e29_jpeg_sof_65535", "e30_j2k_soc_huge", "e33_deflated_frame_bomb_64M"]
)
def test_bombs_cost_little(case: str, malformed_dir: Path, figure: Callable[[str, object], None]) -> None:
    bomb = [sys.executable, "-c", BOMB, malformed_dir / f"{case}.dcm", malformed_dir / "a01_ok_evle.dcm"]
    tries = []
    for _ in range(3):
        done = subprocess.run(bomb, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        tries.append([float(word) for word in done.stdout.split()])
    # A deflated frame that goes on behind its last row is inflated no further: e33 gives its 4 x 4 samples.
    assert done.stderr.startswith("read") == (case == "e33_deflated_frame_bomb_64M")
    spent, memory = (min(column) for column in zip(*tries, strict=True))
    figure(f"bomb {case}: ms, KiB", f"{spent * 1000:.1f}, {memory:.0f}")
    assert memory < 64 << 10


FAULTS = """
import resource, sys, rapidicom as rd
taken = []
for _ in range(14):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    rd.pixel_array(sys.argv[1], threads=1)
    taken.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(*taken)
"""


@pytest.mark.figure
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back early")
@pytest.mark.parametrize("side", [512, 600, 720, 1200])
@pytest.mark.parametrize("syntax", ["4.90", "4.201", "4.110"])
def test_memory_of_a_frame_is_there_for_the_next(
    syntax: str, side: int, tmp_path: Path, figure: Callable[[str, object], None]
) -> None:
    """A decoder's planes are not unmapped and zeroed anew for each frame: that costs as much as a third of decoding."""
    imagecodecs: Any = pytest.importorskip("imagecodecs")
    samples = np.random.default_rng(1).integers(0, 64, (side, side, 3)).astype(np.uint8)
    code_stream = {
        "4.90": lambda: imagecodecs.jpeg2k_encode(samples, reversible=True, codecformat="j2k"),
        "4.201": lambda: imagecodecs.htj2k_encode(samples, reversible=True),
        "4.110": lambda: imagecodecs.jpegxl_encode(samples, lossless=True, effort=1),
    }[syntax]()
    head = E.patient() + E.image(side, side, samples=3, bits=8, stored=8, photometric="RGB")
    path = tmp_path / "frame.dcm"
    path.write_bytes(builders.file(head + E.encapsulated([code_stream]), f"1.2.840.10008.1.2.{syntax}"))
    done = subprocess.run([sys.executable, "-c", FAULTS, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *others = (int(word) for word in done.stdout.split())
    settled = max(others[5:])
    figure(f"page faults of {syntax}, {side}² RGB: first frame, most of later ones", f"{first}, {settled}")
    assert settled < 64
