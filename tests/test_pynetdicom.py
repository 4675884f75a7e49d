"""The Storage SCP: real associations on loopback, from pynetdicom and from DCMTK, and every way they break off."""

import contextlib
import errno
import io
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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydicom
import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT

pynetdicom = pytest.importorskip("pynetdicom", reason="pynetdicom is not installed")

from pynetdicom import AE, _config, evt  # noqa: E402

from rapidicom.pynetdicom import Storage  # noqa: E402

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
ENCODINGS = {
    "implicit": (builders.IMPLICIT_LITTLE_UID, IMPLICIT),
    "explicit": (builders.EXPLICIT_LITTLE_UID, EXPLICIT),
    "big endian": (builders.EXPLICIT_BIG_UID, BIG),
    "deflated": (builders.DEFLATED_UID, EXPLICIT),
    "RLE": (builders.RLE_UID, EXPLICIT),
    "JPEG": (builders.JPEG_BASELINE_UID, EXPLICIT),
    "private": ("1.2.3.4.5.6", EXPLICIT),
}
SYNTAXES = [uid for uid, _ in ENCODINGS.values()]


def data_set(
    instance: str = "1.2.3.4",
    *,
    study: str = "1.2.3",
    series: str = "1.2.3.1",
    sop_class: str = SECONDARY_CAPTURE,
    encoding: str = "explicit",
    pixels: bytes = bytes(range(16)),
) -> bytes:
    """An image of 8 bits and one row as a data set; RLE and JPEG are encapsulated."""
    uid, e = ENCODINGS[encoding]
    element = e.element
    head = element(0x00080016, "UI", sop_class) + element(0x00080018, "UI", instance) + element(0x00080060, "CS", "OT")
    head += element(0x0020000D, "UI", study) + element(0x0020000E, "UI", series)
    head += e.image(1, len(pixels))
    if encoding in ("RLE", "JPEG"):
        return head + e.encapsulated([pixels])
    made = head + e.pixels(pixels, "OB" if e.explicit else "OW")
    return builders.deflate(made) if uid == builders.DEFLATED_UID else made


def part10(
    body: bytes, instance: str = "1.2.3.4", encoding: str = "explicit", sop_class: str = SECONDARY_CAPTURE
) -> bytes:
    """A file around a data set, with what the SCU is to ask for in its File Meta Information."""
    e = EXPLICIT.element
    meta = e(0x00020001, "OB", b"\0\1") + e(0x00020002, "UI", sop_class) + e(0x00020003, "UI", instance)
    meta += e(0x00020010, "UI", ENCODINGS[encoding][0]) + e(0x00020012, "UI", "1.2.3.9")
    return bytes(128) + b"DICM" + e(0x00020000, "UL", len(meta)) + meta + body


def body_of(path: str | Path) -> bytes:
    """The data set's bytes of a file."""
    data = Path(path).read_bytes()
    assert data[128:140] == b"DICM\x02\x00\x00\x00UL\x04\x00"
    return data[144 + int.from_bytes(data[140:144], "little") :]


def stored(folder: Path) -> list[Path]:
    """Every file under a final name."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and ".receiving" not in path.parts)


def unfinished(folder: Path) -> list[Path]:
    """Every file that is not, the locks aside."""
    return [path for path in (folder / ".receiving").iterdir() if path.suffix != ".lock"]


@contextlib.contextmanager
def serving(storage: Callable[[Any], Any]) -> Iterator[int]:
    """An SCP on loopback that takes every storage class and Transfer Syntax of these tests -> its port."""
    ae = AE("ARCHIVE")
    ae.maximum_pdu_size = 0
    for sop_class in (SECONDARY_CAPTURE, "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"):
        ae.add_supported_context(sop_class, SYNTAXES)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, storage)])
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        ae.shutdown()


def without_delay(event: Any) -> None:
    """Each request is two writes, of which TCP holds back the second for 40 ms until the first is acknowledged."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextlib.contextmanager
def associated(port: int, encoding: str = "explicit") -> Iterator[Any]:
    """An association of pynetdicom's SCU."""
    ae = AE("MODALITY")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 5  # where the other side is killed
    ae.add_requested_context(SECONDARY_CAPTURE, ENCODINGS[encoding][0])
    assoc = ae.associate("127.0.0.1", port, evt_handlers=[(evt.EVT_CONN_OPEN, without_delay)])
    assert assoc.is_established
    try:
        yield assoc
    finally:
        assoc.release()


def send(assoc: Any, folder: Path, file: bytes) -> Any:
    """Sends a file's data set as its bytes are -> the response."""
    path = folder / f"sent-{threading.get_ident()}.dcm"
    path.write_bytes(file)
    return assoc.send_c_store(str(path))


def status_of(
    storage: Storage, body: bytes, instance: str = "1.2.3.4", transfer_syntax: str = builders.EXPLICIT_LITTLE_UID
) -> int:
    """The status for a request that pynetdicom's SCU refuses to send, but a peer might."""
    request = SimpleNamespace(
        AffectedSOPClassUID=SECONDARY_CAPTURE, AffectedSOPInstanceUID=instance, DataSet=io.BytesIO(body)
    )
    side = SimpleNamespace(ae_title="PEER")
    event: Any = SimpleNamespace(
        request=request,
        context=SimpleNamespace(transfer_syntax=transfer_syntax),
        assoc=SimpleNamespace(requestor=side, acceptor=side, is_acceptor=True),
    )
    status = storage(event)
    return status if isinstance(status, int) else int(status.Status)


@pytest.fixture(autouse=True)
def sends_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom's SCU sends the bytes of a file; otherwise it decodes and encodes them again."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)


@pytest.fixture(params=[False, True], ids=["in memory", "chunked"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bool:
    """pynetdicom receives to memory, and to files of its own."""
    monkeypatch.setattr(_config, "STORE_RECV_CHUNKED_DATASET", request.param)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return bool(request.param)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.usefixtures("both_ways")
def test_the_data_set_is_stored_as_it_was_sent(tmp_path: Path, encoding: str) -> None:
    """Byte for byte, behind File Meta Information that pydicom and rapidicom read alike."""
    body, folder = data_set(encoding=encoding), tmp_path / "archive"
    with Storage(folder) as storage, serving(storage) as port, associated(port, encoding) as assoc:
        assert send(assoc, tmp_path, part10(body, encoding=encoding)).Status == 0x0000
    path = folder / "1.2.3" / "1.2.3.1" / "1.2.3.4.dcm"
    assert stored(folder) == [path]
    assert body_of(path) == body
    for meta in (pydicom.dcmread(path).file_meta, rd.dcmread(path).file_meta):
        assert meta.MediaStorageSOPClassUID == SECONDARY_CAPTURE
        assert meta.MediaStorageSOPInstanceUID == "1.2.3.4"
        assert meta.TransferSyntaxUID == ENCODINGS[encoding][0]
        assert meta.FileMetaInformationVersion == b"\0\1"
        assert meta.ImplementationClassUID == rd.pynetdicom.IMPLEMENTATION_CLASS_UID
        assert meta.ImplementationVersionName.startswith("RAPIDICOM_")
        assert meta.SourceApplicationEntityTitle == meta.SendingApplicationEntityTitle == "MODALITY"
        assert meta.ReceivingApplicationEntityTitle == "ARCHIVE"
    ours, sent = rd.dcmread(path), rd.dcmread(part10(body, encoding=encoding))
    assert [w.code for w in ours.warnings] == [w.code for w in sent.warnings] and ours.preamble == bytes(128)
    assert ours == sent
    if encoding != "private":  # pydicom takes a Transfer Syntax that it does not know for another
        assert ours == pydicom.dcmread(path)


def test_files_of_pydicom_come_through(tmp_path: Path, pydicom_files: list[Path]) -> None:
    """What storage classes pydicom's own test files have, received as their bytes are."""
    folder, sent = tmp_path / "archive", {}
    with Storage(folder) as storage:
        ae, peer = AE(), AE()
        for path in pydicom_files:
            with contextlib.suppress(Exception):
                meta = pydicom.dcmread(path, stop_before_pixels=True).file_meta
                keys = meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID
                is_sent = keys[0] and meta.MediaStorageSOPInstanceUID and meta.FileMetaInformationGroupLength
                if is_sent and keys[0] != MEDIA_STORAGE_DIRECTORY and keys not in sent and len(sent) < 128:
                    ae.add_supported_context(*keys)
                    peer.add_requested_context(*keys)
                    sent[keys] = path
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, storage)])
        assoc = peer.associate(*server.socket.getsockname())
        for path in sent.values():
            response = assoc.send_c_store(path)
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            matches = ds.get("SOPInstanceUID") == ds.file_meta.MediaStorageSOPInstanceUID
            matches &= ds.get("SOPClassUID") == ds.file_meta.MediaStorageSOPClassUID
            assert response.Status in ((0x0000,) if matches else (0xA900, 0xC000)), path
            sent = {keys: kept for keys, kept in sent.items() if kept != path or matches}
        assoc.release()
        server.shutdown()
    assert len(sent) >= 20
    assert sorted(map(body_of, stored(folder))) == sorted({body_of(path) for path in sent.values()})


@pytest.fixture(scope="session")
def storescu() -> str:
    """DCMTK's command: pynetdicom installs one of the same name."""
    for folder in os.get_exec_path():
        found = shutil.which("storescu", path=folder)
        if found and b"$dcmtk" in subprocess.run([found, "--version"], capture_output=True, check=False).stdout:
            return found
    pytest.skip("DCMTK's storescu is not installed (apt-get install dcmtk)")


@pytest.mark.parametrize(
    ("options", "encoding"),
    [("-xe", "explicit"), ("-xb", "big endian"), ("-xi", "implicit"), ("-xd", "deflated"), ("-xr", "RLE")],
)
@pytest.mark.usefixtures("both_ways")
def test_storescu(tmp_path: Path, storescu: str, options: str, encoding: str) -> None:
    """DCMTK's SCU, which encodes native data sets as it likes: the values are those of its file."""
    folder, sent = tmp_path / "archive", tmp_path / "sent.dcm"
    segment = b"\x0f" + bytes(range(16))
    of = encoding if encoding == "RLE" else "explicit"
    pixels = builders.rle_frame(segment) if encoding == "RLE" else bytes(range(200)) * 50
    sent.write_bytes(part10(data_set(encoding=of, pixels=pixels), encoding=of))
    with Storage(folder) as storage, serving(storage) as port:
        command = [storescu, options, "-aet", "DCMTK", "-aec", "ARCHIVE", "127.0.0.1", str(port), str(sent)]
        subprocess.run(command, check=True, timeout=60)
    (path,) = stored(folder)
    ours, theirs = rd.dcmread(path), pydicom.dcmread(sent)
    assert ours.transfer_syntax == ENCODINGS[encoding][0]
    assert {e.tag: e.value for e in ours} == {e.tag: e.value for e in theirs}
    assert ours.file_meta.SourceApplicationEntityTitle == "DCMTK"


@pytest.mark.slow
def test_a_thousand_instances_over_two_associations(tmp_path: Path) -> None:
    """Both at once, the same study: every instance once, and each handed on to be indexed once."""
    folder, batches = tmp_path / "archive", []
    storage = Storage(folder, on_batch=batches.append, batch_size=150, batch_seconds=30)

    def scu(first: int) -> None:
        with associated(port) as assoc:
            for number in range(first, first + 500):
                uid = f"1.2.3.4.{number}"
                body = data_set(uid, series=f"1.2.3.{number % 7}", pixels=number.to_bytes(2, "big") * 50)
                statuses.append(send(assoc, tmp_path, part10(body, uid)).Status)

    statuses: list[int] = []
    with storage, serving(storage) as port:
        threads = [threading.Thread(target=scu, args=(first,)) for first in (0, 500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [0x0000] * 1000
    names = sorted(f"1.2.3.4.{number}.dcm" for number in range(1000))
    assert sorted(path.name for path in stored(folder)) == names
    assert sorted(Path(path).name for batch in batches for path in batch) == names
    assert len(batches) > 2
    found = rd.index(folder / "1.2.3").to_pyarrow()
    assert sorted(found["SOPInstanceUID"].to_pylist()) == sorted(name[:-4] for name in names)
    assert unfinished(folder) == []


def test_one_instance_twice_at_once(tmp_path: Path) -> None:
    """Two associations send the same SOP Instance: one file of equal bytes, each of unequal ones."""
    folder = tmp_path / "archive"
    bodies = [data_set(pixels=bytes([fill]) * 60_000) for fill in (1, 2, 1, 2)]

    def scu(body: bytes) -> None:
        with associated(port) as assoc:
            for _ in range(5):
                statuses.append(send(assoc, tmp_path, part10(body)).Status)

    statuses: list[int] = []
    with Storage(folder) as storage, serving(storage) as port:
        threads = [threading.Thread(target=scu, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [0x0000] * 20
    assert sorted(map(body_of, stored(folder))) == sorted(bodies[:2])


@pytest.mark.parametrize("duplicate", ["both", "replace", "keep"])
@pytest.mark.usefixtures("both_ways")
def test_duplicates(tmp_path: Path, duplicate: Any) -> None:
    """The same again is a success and no new file; other bytes of the same UID are what the caller says."""
    folder, made = tmp_path / "archive", []
    old, new = data_set(), data_set(pixels=bytes(16))
    storage = Storage(folder, duplicate=duplicate, on_stored=lambda path, event: made.append((path, event.assoc)))
    with storage, serving(storage) as port, associated(port) as assoc:
        assert [send(assoc, tmp_path, part10(body)).Status for body in (old, old)] == [0x0000, 0x0000]
        assert len(stored(folder)) == len(made) == 1
        statuses = [send(assoc, tmp_path, part10(body)).Status for body in (new, new)]
    assert statuses == ([0x0111] * 2 if duplicate == "keep" else [0x0000] * 2)
    kept = {"both": [old, new], "replace": [new], "keep": [old]}[duplicate]
    assert sorted(map(body_of, stored(folder))) == sorted(kept)
    assert body_of(made[0][0]) == (new if duplicate == "replace" else old)
    assert len(made) == (1 if duplicate == "keep" else 2)
    assert unfinished(folder) == []


def test_the_same_values_in_another_transfer_syntax_are_another_file(tmp_path: Path) -> None:
    """Equal bytes are equal data sets only where they are encoded alike."""
    folder, body = tmp_path / "archive", data_set(encoding="RLE")
    with Storage(folder) as storage, serving(storage) as port:
        for encoding in ("RLE", "JPEG"):
            with associated(port, encoding) as assoc:
                assert send(assoc, tmp_path, part10(body, encoding=encoding)).Status == 0x0000
    found = {rd.dcmread(path).transfer_syntax for path in stored(folder)}
    assert found == {builders.RLE_UID, builders.JPEG_BASELINE_UID}


HOSTILE = [
    "../../x",
    "..",
    ".",
    "/etc/passwd",
    "a/b",
    "1" * 64 + ".1",
    "1.2\0/../x",
    "1.2\\../x",
    "con",
    "1.2.3 4",
    "-",
]


@pytest.mark.parametrize("uid", HOSTILE)
@pytest.mark.parametrize("keyword", ["instance", "study", "series"])
def test_hostile_uids_stay_in_the_folder(tmp_path: Path, uid: str, keyword: str) -> None:
    """Whatever a peer calls its instance, it lies in the folder under a name of ours."""
    folder, instance = tmp_path / "deep" / "archive", uid if keyword == "instance" else "1.2.3.4"
    body = data_set(**{keyword: uid})
    with Storage(folder) as storage:
        assert status_of(storage, body, instance) == 0x0000
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    assert [path for path in outside if not path.name.startswith("sent-")] == []
    names = [part for path in stored(folder) for part in path.relative_to(folder).parts]
    assert all(set(name) <= set("0123456789.shadbcefm-") and len(name) < 80 for name in names), names
    assert [body_of(path) for path in stored(folder)] == [body]
    assert any(name.startswith("sha256-") for name in names)


def test_a_missing_study_is_unknown(tmp_path: Path) -> None:
    """A data set without Study and Series Instance UID, as a colour palette, has its place."""
    e = EXPLICIT.element
    body = e(0x00080016, "UI", SECONDARY_CAPTURE) + e(0x00080018, "UI", "1.2.3.4")
    with Storage(tmp_path / "archive") as storage, serving(storage) as port, associated(port) as assoc:
        assert send(assoc, tmp_path, part10(body)).Status == 0x0000
    assert body_of(tmp_path / "archive" / "unknown" / "unknown" / "1.2.3.4.dcm") == body


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """Neither for a folder nor for a file: what lies elsewhere stays as it is."""
    folder, outside = tmp_path / "archive", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"kept")
    (folder / "1.2.4" / "1.2.3.1").mkdir(parents=True)
    (folder / "1.2.3").symlink_to(outside)
    (folder / "1.2.4" / "1.2.3.1" / "1.2.3.4.dcm").symlink_to(outside / "kept")
    with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
        statuses = [send(assoc, tmp_path, part10(data_set(study=study))).Status for study in ("1.2.3", "1.2.4")]
    assert statuses == [0x0110, 0x0110]
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"kept": b"kept"}


REFUSED = {
    "another instance": (data_set("1.2.3.5"), 0xA900),
    "another class": (data_set(sop_class="1.2.840.10008.5.1.4.1.1.2"), 0xA900),
    "no instance UID": (EXPLICIT.element(0x00080016, "UI", SECONDARY_CAPTURE), 0xA900),
    "two instance UIDs": (data_set("1.2.3.4\\1.2.3.4"), 0xA900),
    "cut in the UID": (data_set()[:40], 0xA900),
    "nothing that is DICOM": (b"\x93" * 500, 0xC000),
    "text": (b"hello world " * 50, 0xC000),
    "a file, not a data set": (part10(data_set()), 0xC000),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.usefixtures("both_ways")
def test_refused(tmp_path: Path, case: str) -> None:
    """The status says why, Error Comment in words; nothing is left, and the association goes on."""
    body, status = REFUSED[case]
    folder = tmp_path / "archive"
    with Storage(folder) as storage, serving(storage) as port, associated(port) as assoc:
        response = send(assoc, tmp_path, part10(body))
        assert (response.Status, stored(folder)) == (status, [])
        assert 0 < len(response.ErrorComment) <= 64
        assert unfinished(folder) == []
        assert send(assoc, tmp_path, part10(data_set())).Status == 0x0000


def test_group_0002_in_the_data_set(tmp_path: Path) -> None:
    """Some would read it as the file's own File Meta Information: refused, as is a data set that is not there."""
    with Storage(tmp_path / "archive") as storage:
        assert status_of(storage, part10(data_set())[132:]) == 0xC000
        assert status_of(storage, b"") == 0xC000
        deflated = builders.deflate(part10(data_set())[132:])
        assert status_of(storage, deflated, transfer_syntax=builders.DEFLATED_UID) == 0xC000
    assert stored(tmp_path / "archive") == []


def test_uids_far_behind_in_a_deflated_data_set(tmp_path: Path) -> None:
    """Behind more private data than is inflated at first: all of it is, then."""
    body, element = data_set(), EXPLICIT.element
    at = body.index(b"\x20\x00\x0d\x00")
    long = body[:at] + element(0x00190010, "LO", "OURS") + element(0x00191000, "OB", bytes(3 << 20)) + body[at:]
    with Storage(tmp_path / "archive") as storage:
        assert status_of(storage, builders.deflate(long), transfer_syntax=builders.DEFLATED_UID) == 0x0000
    assert (tmp_path / "archive" / "1.2.3" / "1.2.3.1" / "1.2.3.4.dcm").is_file()


@pytest.mark.usefixtures("both_ways")
def test_a_deflated_data_set_that_is_none(tmp_path: Path) -> None:
    """Not inflated: 0xC000. A bomb is stored as it came, without being inflated."""
    folder, bomb = tmp_path / "archive", builders.deflate(data_set() + EXPLICIT.pixels(bytes(64 << 20)))
    with Storage(folder) as storage, serving(storage) as port, associated(port, "deflated") as assoc:
        assert send(assoc, tmp_path, part10(b"\xff" * 100, encoding="deflated")).Status == 0xC000
        assert send(assoc, tmp_path, part10(bomb, encoding="deflated")).Status == 0x0000
    assert [body_of(path) for path in stored(folder)] == [bomb]


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
            if not assoc.is_established:
                break
            with contextlib.suppress(RuntimeError):  # it broke off between
                if send(assoc, tmp_path, part10(body, uid)).get("Status") == 0x0000:
                    acknowledged.append(body)
        assert not assoc.is_established
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

    def scu(paths: list[Path], port: int) -> None:
        with contextlib.suppress(Exception), associated(port) as assoc:
            for path in paths:
                if assoc.send_c_store(str(path)).Status == 0x0000:
                    acknowledged.add(path.name)

    for _ in range(4):
        command = [sys.executable, "-c", SCP, str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as scp:
            assert scp.stdout
            port = int(scp.stdout.readline())
            assert not (folder / ".receiving").exists() or unfinished(folder) == []
            left = [[path for path in paths if path.name not in acknowledged] for paths in sent]
            threads = [threading.Thread(target=scu, args=(paths, port)) for paths in left]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.1, 0.4))
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


def test_layouts(tmp_path: Path) -> None:
    """Hashes spread what a folder would hold too much of."""
    layout = "{StudyInstanceUID:hash2}/{SOPClassUID}/{SOPInstanceUID:hash4}-{SOPInstanceUID}"
    with Storage(tmp_path / "archive", layout=layout) as storage, serving(storage) as port, associated(port) as assoc:
        assert send(assoc, tmp_path, part10(data_set())).Status == 0x0000
    (path,) = stored(tmp_path / "archive")
    assert path.relative_to(tmp_path / "archive").as_posix() == f"c4/{SECONDARY_CAPTURE}/6694-1.2.3.4"


@pytest.mark.parametrize(
    "layout",
    [
        *("/{SOPInstanceUID}", "../{SOPInstanceUID}", "a//{SOPInstanceUID}", "{PatientName}/{SOPInstanceUID}"),
        *("{SeriesInstanceUID}.dcm", "{SOPInstanceUID:hash4}", "{SOPInstanceUID.x}", "{}/{SOPInstanceUID}", "{SOPInst"),
        *(".receiving/{SOPInstanceUID}", "{SOPInstanceUID}/", "{StudyInstanceUID!r}/{SOPInstanceUID}", ""),
    ],
)
def test_layouts_that_can_not_be(tmp_path: Path, layout: str) -> None:
    """Said at once, and no folder made."""
    with pytest.raises(ValueError, match=r"layout|expected '}'"):
        Storage(tmp_path / "archive", layout=layout)
    assert not (tmp_path / "archive").exists()


def test_wrong_arguments(tmp_path: Path) -> None:
    """Before a folder is made."""
    wrong: list[dict[str, Any]] = [
        {"duplicate": "twice"},
        {"batch_size": 0},
        {"batch_seconds": -1},
        {"index": tmp_path / "index", "on_batch": print},
    ]
    for arguments in wrong:
        with pytest.raises(ValueError, match="expected"):
            Storage(tmp_path / "archive", **arguments)
    assert not (tmp_path / "archive").exists()


def test_batches_by_time_and_after_a_failure(tmp_path: Path) -> None:
    """A file does not wait longer than was said; a batch that fails comes again, and close says what is left."""
    batches: list[list[str]] = []
    fails = [True]

    def on_batch(paths: list[str]) -> None:
        batches.append(paths)
        if fails[0]:
            raise OSError("no table")

    storage = Storage(tmp_path / "archive", on_batch=on_batch, batch_size=1000, batch_seconds=0.05)
    with serving(storage) as port, associated(port) as assoc:
        send(assoc, tmp_path, part10(data_set("1.2.3.4")))
        deadline = time.monotonic() + 10
        while len(batches) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        first = str(tmp_path / "archive" / "1.2.3" / "1.2.3.1" / "1.2.3.4.dcm")
        assert batches[0] == batches[1] == [first]
        fails[0] = False
        batches.clear()
        for uid in ("1.2.3.5", "1.2.3.6"):
            send(assoc, tmp_path, part10(data_set(uid), uid))
        while sum(map(len, batches)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sorted({path for batch in batches for path in batch}) == sorted(map(str, stored(tmp_path / "archive")))
        fails[0] = True
        send(assoc, tmp_path, part10(data_set("1.2.3.7"), "1.2.3.7"))
        with pytest.raises(RuntimeError, match="1 files are stored"):
            storage.close()
        assert send(assoc, tmp_path, part10(data_set("1.2.3.8"), "1.2.3.8")).Status == 0xA700
    assert len(stored(tmp_path / "archive")) == 4


def test_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """New files are added batch by batch; a rescan finds what a process that died had not handed on."""
    deltalake = pytest.importorskip("deltalake", reason="deltalake is not installed")
    folder, index = tmp_path / "archive", tmp_path / "index"

    def instances() -> list[str]:
        return sorted(deltalake.DeltaTable(index).to_pyarrow_table()["SOPInstanceUID"].to_pylist())

    for uids in (["1.2.3.4", "1.2.3.5"], ["1.2.3.6", "1.2.3.4"]):
        with Storage(folder, index=index) as storage:
            assert [status_of(storage, data_set(uid), uid) for uid in uids] == [0x0000] * 2
    assert instances() == ["1.2.3.4", "1.2.3.5", "1.2.3.6"]
    with Storage(folder) as storage:  # as if the process died before the batch
        assert status_of(storage, data_set("1.2.3.7"), "1.2.3.7") == 0x0000
        (folder / ".receiving" / "1-a.0").write_bytes(b"half")
        assert rd.build_index(folder / "**" / "*.dcm", index).rows == 1
    assert instances() == ["1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7"]
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(ImportError, match=r"pip install rapidicom\[delta\]"):
        Storage(tmp_path / "other", index=index)
    assert not (tmp_path / "other").exists()


def test_on_stored_that_fails(tmp_path: Path) -> None:
    """The instance is stored whatever the caller's function does, and the peer is told so."""

    def on_stored(path: str, event: Any) -> None:
        raise ZeroDivisionError

    storage = Storage(tmp_path / "archive", on_stored=on_stored)
    with storage, serving(storage) as port, associated(port) as assoc:
        assert send(assoc, tmp_path, part10(data_set())).Status == 0x0000


def test_c_get(tmp_path: Path) -> None:
    """As the SCU of C-GET, whose association is our own: the AE titles are still the sender's and ours."""
    body, get = data_set(), "1.2.840.10008.5.1.4.1.2.2.3"
    instance = pydicom.dcmread(io.BytesIO(part10(body)))

    def on_get(event: Any) -> Iterator[Any]:
        yield 1
        yield 0xFF00, instance

    provider = AE("PROVIDER")
    provider.add_supported_context(get)
    provider.add_supported_context(SECONDARY_CAPTURE, SYNTAXES, scu_role=True, scp_role=True)
    server = provider.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_GET, on_get)])
    user = AE("USER")
    user.add_requested_context(get)
    user.add_requested_context(SECONDARY_CAPTURE, builders.EXPLICIT_LITTLE_UID)
    role = pynetdicom.build_role(SECONDARY_CAPTURE, scp_role=True)
    query = pydicom.Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    with Storage(tmp_path / "archive") as storage:
        handlers = [(evt.EVT_C_STORE, storage)]
        host, port = server.socket.getsockname()
        assoc = user.associate(host, port, ae_title="PROVIDER", ext_neg=[role], evt_handlers=handlers)
        statuses = [status.Status for status, _ in assoc.send_c_get(query, get)]
        assoc.release()
    server.shutdown()
    assert statuses[-1] == 0x0000
    (path,) = stored(tmp_path / "archive")
    meta = rd.dcmread(path).file_meta
    assert (meta.SendingApplicationEntityTitle, meta.ReceivingApplicationEntityTitle) == ("PROVIDER", "USER")
