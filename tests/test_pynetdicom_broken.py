"""The Storage SCP where something breaks: disks, associations, processes. What was acknowledged is never lost."""

import contextlib
import errno
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import EXPLICIT
from rapidicom.pynetdicom import Storage
from storage_scp import (
    associated,
    body_of,
    data_set,
    part10,
    send,
    serving,
    status_of,
    stored,
    unfinished,
)
from storage_scp import both_ways as both_ways
from storage_scp import sends_bytes as sends_bytes


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file grows beyond: EFBIG, as a disk that is full, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room(tmp_path: Path) -> None:
    """0xA700, nothing left behind; what came before is whole, and what comes after is stored."""
    folder, sent = tmp_path / "archive", tmp_path / "large.dcm"
    sent.write_bytes(part10(data_set("1.2.3.5", pixels=bytes(60_000)) + bytes(1 << 20), "1.2.3.5"))
    with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
        assert send(assoc, tmp_path, part10(data_set())).Status == 0x0000
        with file_size_limit(1 << 19):
            response = assoc.send_c_store(str(sent))
        assert (response.Status, response.ErrorComment) == (0xA700, os.strerror(errno.EFBIG))
        assert [path.name for path in stored(folder)] == ["1.2.3.4.dcm"] and unfinished(folder) == []
        assert assoc.send_c_store(str(sent)).Status == 0x0000
    assert len(stored(folder)) == 2


def test_a_small_disk_fills_up(tmp_path: Path) -> None:
    """A real ENOSPC: every instance is stored whole or refused with 0xA700."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can't be mounted here: it takes root")
    try:
        with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
            bodies = [data_set(f"1.2.3.{number}", pixels=bytes(60_000)) * 3 for number in range(10)]
            responses = [send(assoc, tmp_path, part10(b, f"1.2.3.{n}")).Status for n, b in enumerate(bodies)]
            assert set(responses) == {0x0000, 0xA700} and responses[0] == 0x0000
            assert sorted(map(body_of, stored(folder))) == sorted(
                body for body, status in zip(bodies, responses, strict=True) if status == 0x0000
            )
            assert unfinished(folder) == []
    finally:
        subprocess.run(["umount", str(folder)], check=False)


@pytest.mark.parametrize(
    ("code", "status"), [(errno.EDQUOT, 0xA700), (errno.ENOSPC, 0xA700), (errno.EIO, 0x0110), (errno.EROFS, 0x0110)]
)
@pytest.mark.parametrize("call", ["fsync", "link", "open"])
def test_errors_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, status: int, call: str
) -> None:
    """Each step may fail: never a success, never half a file, and the same instance is stored afterwards."""
    folder, real = tmp_path / "archive", getattr(os, call)

    def failing(*arguments: Any, **options: Any) -> Any:
        if call != "open" or ".receiving" in str(arguments[0]):
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
        path = tmp_path / "sent.dcm"
        path.write_bytes(part10(data_set()))
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            response = assoc.send_c_store(str(path))
        assert (response.Status, response.ErrorComment) == (status, os.strerror(code))
        assert unfinished(folder) == []
        assert assoc.send_c_store(str(path)).Status == 0x0000
    assert [body_of(path) for path in stored(folder)] == [data_set()]


def test_no_file_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever call fails, what was opened is closed."""
    for name in ("open", "mkdir", "fsync", "link", "writev", "rename", "unlink"):
        for nth in range(1, 8):
            folder, real, calls = tmp_path / f"{name}{nth}", getattr(os, name), [0]

            def failing(*arguments: Any, real: Any = real, calls: Any = calls, nth: int = nth, **options: Any) -> Any:
                calls[0] += 1
                if calls[0] == nth:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return real(*arguments, **options)

            with Storage(folder) as storage:
                assert status_of(storage, data_set(pixels=b"\0")) == 0x0000
                before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
                with monkeypatch.context() as patch:
                    patch.setattr(os, name, failing)
                    for body in (data_set("1.2.3.5"), data_set(study="1.2.9"), data_set()):
                        instance = "1.2.3.5" if b"1.2.3.5" in body else "1.2.3.4"
                        status_of(storage, body, instance)
                assert len(os.listdir("/proc/self/fd")) == before, (name, nth)  # noqa: PTH208
                assert status_of(storage, data_set()) == 0x0000


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are renamed instead; duplicates are seen as ever."""
    folder = tmp_path / "archive"

    def no_link(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_link)
    bodies = [data_set(), data_set(), data_set(pixels=bytes(16))]
    with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
        assert [send(assoc, tmp_path, part10(body)).Status for body in bodies] == [0x0000] * 3
    assert sorted(map(body_of, stored(folder))) == sorted(bodies[1:])
    assert unfinished(folder) == []


def test_success_is_answered_after_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it has its name, then the folder that has it; the folders above it once."""
    folder, calls, real_link, real_fsync = tmp_path / "archive", [], os.link, os.fsync

    def fsync(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        if path.is_relative_to(folder):
            calls.append(path.relative_to(folder).parts[:1] or ("top",))
        real_fsync(file)

    def link(*arguments: Any, **options: Any) -> None:
        calls.append(("link",))
        real_link(*arguments, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
        for instance in ("1.2.3.4", "1.2.3.5"):
            assert send(assoc, tmp_path, part10(data_set(instance), instance)).Status == 0x0000
    first = [(".receiving",), ("top",), ("1.2.3",), ("link",), ("1.2.3",)]
    assert calls == [*first, (".receiving",), ("link",), ("1.2.3",)]


@contextlib.contextmanager
def cut_after(port: int, size: int) -> Iterator[int]:
    """A way to the port that breaks off when so many bytes have gone through -> its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def back(there: socket.socket, here: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := there.recv(65536):
                here.sendall(data)

    def run() -> None:
        here, _ = listening.accept()
        with here, socket.create_connection(("127.0.0.1", port)) as there, contextlib.suppress(OSError):
            threading.Thread(target=back, args=(there, here), daemon=True).start()
            left = size
            while left and (data := here.recv(min(left, 65536))):
                there.sendall(data)
                left -= len(data)
            for side in (here, there):
                side.shutdown(socket.SHUT_RDWR)

    with listening:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


@pytest.mark.usefixtures("both_ways")
def test_an_association_that_breaks_off(tmp_path: Path) -> None:
    """In the middle of a data set: what was acknowledged is there, the instance that was cut is not."""
    folder, acknowledged = tmp_path / "archive", []
    bodies = {f"1.2.3.{number}": data_set(f"1.2.3.{number}", pixels=bytes(50_000)) for number in range(8)}
    with (
        Storage(folder) as storage,
        serving(storage) as port,
        cut_after(port, 225_000) as cut,
        associated(cut) as assoc,
    ):
        for uid, body in bodies.items():
            if send(assoc, tmp_path, part10(body, uid)).get("Status") != 0x0000:
                break
            acknowledged.append(body)
        time.sleep(0.2)
        assert unfinished(folder) == []
    assert 3 <= len(acknowledged) <= 4
    assert sorted(map(body_of, stored(folder))) == sorted(acknowledged)


SCP = """
import sys
from pynetdicom import AE, evt
from rapidicom.pynetdicom import Storage
ae = AE("ARCHIVE")
ae.add_supported_context("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1")
handlers = [(evt.EVT_C_STORE, Storage(sys.argv[1]))]
server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
print(server.socket.getsockname()[1], flush=True)
sys.stdin.read()
"""
SCU = """
import sys
from pynetdicom import AE, _config
_config.STORE_SEND_CHUNKED_DATASET = True
ae = AE()
ae.add_requested_context("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1")
assoc = ae.associate("127.0.0.1", int(sys.argv[1]))
for path in sys.argv[2:]:
    if assoc.send_c_store(path).Status == 0:
        print(path, flush=True)
"""


def sent_files(folder: Path, count: int, prefix: str = "1.2.3") -> list[Path]:
    """Files to be sent, of 200 KB each, so that a kill comes in the middle of one."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        uid = f"{prefix}.{number}"
        body = data_set(uid) + EXPLICIT.element(0x7FE10010, "OB", random.Random(uid).randbytes(200_000))
        paths.append(folder / f"{uid}.dcm")
        paths[-1].write_bytes(part10(body, uid))
    return paths


def test_an_scu_that_is_killed(tmp_path: Path) -> None:
    """kill -9 of the sender: all that it was told is stored is, and nothing else is half there."""
    folder, sent = tmp_path / "archive", sent_files(tmp_path / "sent", 300)
    with Storage(folder) as storage, serving(storage) as port:
        with subprocess.Popen([sys.executable, "-c", SCU, str(port), *map(str, sent)], stdout=subprocess.PIPE) as scu:
            assert scu.stdout
            told = [scu.stdout.readline() for _ in range(10)]
            scu.kill()
            told += scu.stdout.readlines()
        time.sleep(0.5)
        assert unfinished(folder) == []
    assert len(told) < 300
    bodies, names = {path.name: body_of(path) for path in sent}, {path.name for path in stored(folder)}
    assert names >= {Path(line.decode().strip()).name for line in told}
    assert all(body_of(path) == bodies[path.name] for path in stored(folder))


def test_an_scp_that_is_killed(tmp_path: Path) -> None:
    """kill -9 of the receiver under two associations, some times over: nothing acknowledged is lost or half there."""
    folder, chance = tmp_path / "archive", random.Random(5)
    sent = [sent_files(tmp_path / "sent", 100, prefix) for prefix in ("1.2.3", "1.2.4")]
    acknowledged: set[str] = set()
    enough, reached = 0, threading.Event()

    def scu(paths: list[Path], port: int) -> None:
        with contextlib.suppress(Exception), associated(port) as assoc:
            for path in paths:
                if assoc.send_c_store(str(path)).Status == 0x0000:
                    acknowledged.add(path.name)
                    if len(acknowledged) >= enough:
                        reached.set()

    for _ in range(4):
        # By what was acknowledged, not by time: most is still to be sent when the kill comes, on any machine.
        enough = len(acknowledged) + chance.randrange(1, 30)
        reached.clear()
        command = [sys.executable, "-c", SCP, str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as scp:
            assert scp.stdout
            port = int(scp.stdout.readline())
            assert not (folder / ".receiving").exists() or unfinished(folder) == []
            left = [[path for path in paths if path.name not in acknowledged] for paths in sent]
            threads = [threading.Thread(target=scu, args=(paths, port)) for paths in left]
            for thread in threads:
                thread.start()
            assert reached.wait(60)
            time.sleep(chance.uniform(0, 0.01))
            os.kill(scp.pid, signal.SIGKILL)
            for thread in threads:
                thread.join()
    assert 0 < len(acknowledged) < 200
    bodies = {path.name: body_of(path) for paths in sent for path in paths}
    assert {path.name for path in stored(folder)} >= acknowledged
    assert all(body_of(path) == bodies[path.name] for path in stored(folder))
    Storage(folder).close()
    assert list((folder / ".receiving").iterdir()) == []


def test_leftovers_are_removed_at_the_start(tmp_path: Path) -> None:
    """Those of processes that are gone; the files of one that lives are its own."""
    folder = tmp_path / "archive"
    with Storage(folder):
        (lock,) = (folder / ".receiving").iterdir()
        living = folder / ".receiving" / f"{lock.stem}.7"
        living.write_bytes(b"half")
        for name in ("77-abcd.lock", "77-abcd.0", "78-abcd.3"):
            (folder / ".receiving" / name).write_bytes(b"half")
        with Storage(folder):
            assert unfinished(folder) == [living]
            assert len(list((folder / ".receiving").iterdir())) == 3
        assert sorted((folder / ".receiving").iterdir()) == sorted([lock, living])
    Storage(folder).close()
    assert list((folder / ".receiving").iterdir()) == []
