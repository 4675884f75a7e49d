"""The Storage SCP: real associations on loopback, pynetdicom's and DCMTK's; what a peer may send, odd or hostile."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pynetdicom
import pytest
from pynetdicom import AE, evt

import builders
import rapidicom as rd
from builders import EXPLICIT
from rapidicom.pynetdicom import Storage
from storage_scp import (
    ENCODINGS,
    MEDIA_STORAGE_DIRECTORY,
    SECONDARY_CAPTURE,
    SYNTAXES,
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
