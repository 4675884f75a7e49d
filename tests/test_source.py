"""Where bytes come from: what is no regular file, what changes under a map, and very many open data sets."""

import mmap
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT
PIXELS = 1 << 22
LARGE = builders.file(E.patient() + E.image(2048, 2048) + E.pixels(bytes(PIXELS), "OB"))
Write = Callable[..., Path]


def at_once(path: object) -> BaseException:
    """The refusal, which may not take a second."""
    start = time.monotonic()
    with pytest.raises((OSError, rd.DicomError)) as refusal:
        rd.dcmread(path)
    assert time.monotonic() - start < 1
    return refusal.value


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    at_once(tmp_path / "fifo")
    with pytest.raises(OSError):
        rd.is_dicom(tmp_path / "fifo")


def test_a_folder(tmp_path: Path) -> None:
    refusal = at_once(tmp_path)
    assert isinstance(refusal, IsADirectoryError)
    assert refusal.filename == str(tmp_path)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty", "/proc/self/mem"])
def test_devices(device: str) -> None:
    at_once(device)


def test_a_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert isinstance(at_once(tmp_path / "s"), OSError)


def test_symlinks(tmp_path: Path, write: Write) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert at_once(tmp_path / "loop").errno == 40  # type: ignore[attr-defined]  # ELOOP
    (tmp_path / "good").symlink_to(write(builders.small()))
    assert rd.dcmread(tmp_path / "good").PatientID == "ID1"


def test_names() -> None:
    assert at_once("x" * 300).errno == 36  # type: ignore[attr-defined]  # ENAMETOOLONG
    with pytest.raises((ValueError, OSError)):
        rd.dcmread("a\0b")


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.dcm")
    Path(path).write_bytes(builders.small())
    assert rd.dcmread(path).PatientID == "ID1"
    Path(path).write_bytes(b"x" * 500)
    with pytest.raises(rd.InvalidDicomError):
        rd.dcmread(path)


def test_an_unreadable_file(write: Write) -> None:
    path = write(builders.small())
    path.chmod(0)
    code = "import rapidicom as rd, sys\ntry:\n    rd.dcmread(sys.argv[1])\n"
    code += "except PermissionError as error:\n    sys.exit(error.errno)"
    words = [sys.executable, "-c", code, path]
    if os.geteuid() == 0:
        path.parent.chmod(0o755)
        for parent in path.parents:
            if not os.access(parent, os.X_OK) or not parent.stat().st_mode & 1:
                pytest.skip("run as root, and the temporary folder is closed to others")
        words = ["setpriv", "--reuid=65534", "--clear-groups", *words]
    try:
        done = subprocess.run(words, capture_output=True)
    except FileNotFoundError:
        pytest.skip("run as root without setpriv")
    assert done.returncode == 13, done.stderr


def in_a_process(code: str, *arguments: str | Path, timeout: float = 120) -> str:
    """What the code prints; it must end well."""
    prelude = "import sys, os, faulthandler, rapidicom as rd\nfrom pathlib import Path\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + code, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


TRUNCATED = """
path = Path(sys.argv[1])
faulthandler.enable()
ds = rd.dcmread(path, access="mmap")
array = ds.pixel_array
raw = ds["PixelData"].raw
os.truncate(path, 4096 if sys.argv[2] == "some" else 0)
for look in (lambda: ds.pixel_array.sum(), lambda: ds.PixelData, lambda: bytes(ds.frames.encoded(0)),
             lambda: ds.frames[0].sum(), lambda: ds.PatientName, lambda: list(ds.iterall()), lambda: ds.warnings,
             lambda: repr(ds)):
    try:
        look()
    except rd.FileChangedError as error:
        print("changed", error.path)
array.sum(), bytes(raw)   # what was handed out before is zeros, not SIGBUS
try:
    ds.pixel_array
    print("SILENT")
except rd.FileChangedError:
    pass
print("alive")
"""


@pytest.mark.parametrize("how", ["some", "all"])
def test_truncation_under_a_map(write: Write, how: str) -> None:
    words = in_a_process(TRUNCATED, write(LARGE), how)
    assert words.endswith("alive\n")
    assert words.count("changed") >= 2
    assert "SILENT" not in words


def test_a_view_of_what_is_no_longer_there_is_refused(write: Write) -> None:
    path = write(LARGE)
    ds = rd.dcmread(path, access="mmap")
    os.truncate(path, 4096)
    for look in (lambda: ds["PixelData"].raw, lambda: ds.frames.encoded(0)):
        with pytest.raises(rd.FileChangedError):
            look()


def test_replacement_in_place_is_noticed(write: Write) -> None:
    path = write(LARGE)
    ds = rd.dcmread(path, access="read")
    other = LARGE.replace(b"Doe^John", b"Roe^Jane") + bytes(10)
    os.utime(path, ns=(0, 0))
    path.write_bytes(other)
    try:
        assert ds.PatientName == "Doe^John"
        assert bytes(ds.PixelData) == bytes(PIXELS)
    except rd.FileChangedError as error:
        assert str(error.path) == str(path)


def test_replacement_by_rename_keeps_the_old_or_says_so(write: Write, tmp_path: Path) -> None:
    path = write(LARGE)
    for access in ("mmap", "read"):
        path.write_bytes(LARGE)
        ds = rd.dcmread(path, access=access)
        new = tmp_path / "new.dcm"
        new.write_bytes(LARGE.replace(b"Doe^John", b"Roe^Jane")[:-100])
        new.rename(path)
        try:
            assert ds.PatientName == "Doe^John"
            assert len(ds.PixelData) == PIXELS
        except rd.FileChangedError:
            pass


def test_faulthandler_is_kept(tmp_path: Path, write: Write) -> None:
    """A fault that is not of a map of ours goes where it went before."""
    code = """
path = Path(sys.argv[1])
faulthandler.enable(file=open(sys.argv[2], "w"))
ds = rd.dcmread(path, access="mmap")
ds.pixel_array.sum()
import mmap
other = Path(sys.argv[1] + ".other")
other.write_bytes(bytes(1 << 16))
with open(other, "r+b") as file:
    mine = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
os.truncate(other, 0)
mine[5000]
"""
    prelude = "import sys, os, faulthandler, rapidicom as rd\nfrom pathlib import Path\n"
    trace = tmp_path / "trace"
    done = subprocess.run([sys.executable, "-c", prelude + code, write(LARGE), trace], capture_output=True)
    assert done.returncode == -7  # SIGBUS, as without us
    assert "Bus error" in trace.read_text()
    assert "<string>" in trace.read_text()


def test_python_handlers_are_kept(write: Write) -> None:
    code = """
import signal
before = signal.getsignal(signal.SIGBUS), signal.getsignal(signal.SIGSEGV), signal.getsignal(signal.SIGINT)
rd.dcmread(sys.argv[1], access="mmap").pixel_array.sum()
assert before == (signal.getsignal(signal.SIGBUS), signal.getsignal(signal.SIGSEGV), signal.getsignal(signal.SIGINT))
"""
    in_a_process(code, write(LARGE))


MANY = """
import resource
access, count = sys.argv[2], int(sys.argv[3])
folder = Path(sys.argv[1])
kept = [rd.dcmread(folder / f"{n % 100}.dcm", access=access) for n in range(count)]
descriptors = len(os.listdir("/proc/self/fd"))
assert descriptors < 40, descriptors
assert all(ds.PatientID == "ID1" for ds in kept[:: 97])
assert bytes(kept[-1].PixelData) == bytes(kept[0].PixelData)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("access", ["auto", "mmap", "read"])
def test_a_hundred_thousand_open_data_sets(tmp_path: Path, access: str, figure: Callable[[str, object], None]) -> None:
    for number in range(100):
        (tmp_path / f"{number}.dcm").write_bytes(builders.small())
    kibibytes = int(in_a_process(MANY, tmp_path, access, "100000", timeout=300))
    figure(f"100,000 open data sets, access={access}: peak RSS, MiB", kibibytes // 1024)
    assert kibibytes < 2 << 20


def test_no_descriptor_is_kept(write: Write) -> None:
    path = write(LARGE)
    descriptors = Path("/proc/self/fd")
    before = {entry.name for entry in descriptors.iterdir()}
    kept = [rd.dcmread(path, access=access) for access in ("mmap", "read", "auto")]
    kept[0].pixel_array.sum()
    assert len({entry.name for entry in descriptors.iterdir()} - before) <= 1  # the listing itself


def test_a_map_that_the_user_made_is_held(write: Write) -> None:
    with write(LARGE).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        ds = rd.dcmread(mapped)
        with pytest.raises(BufferError):
            mapped.close()
        assert ds.Rows == 2048
        del ds
