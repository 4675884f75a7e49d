"""A Storage SCP on loopback, an SCU that sends bytes as they are, and what they send each other."""

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pynetdicom import AE, _config, evt

import builders
from builders import BIG, EXPLICIT, IMPLICIT
from rapidicom.pynetdicom import Storage

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


def alone(assoc: Any) -> contextlib.ExitStack:
    """Pauses the SCU's reactor thread until closed: at times it takes the response that ``send_c_store`` waits for.

    pynetdicom 2.1 to 3.0 means to pause it for each request, and is once in some ten thousand too late.
    """
    checkpoint = assoc._reactor_checkpoint
    checkpoint.clear()
    time.sleep(0.01)
    checkpoint.set = lambda: None
    resumed = contextlib.ExitStack()
    resumed.callback(threading.Event.set, checkpoint)
    resumed.callback(delattr, checkpoint, "set")
    return resumed


@contextlib.contextmanager
def associated(port: int, encoding: str = "explicit") -> Iterator[Any]:
    """An association of pynetdicom's SCU."""
    ae = AE("MODALITY")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 5  # where the other side is killed
    ae.add_requested_context(SECONDARY_CAPTURE, ENCODINGS[encoding][0])
    assoc = ae.associate("127.0.0.1", port, evt_handlers=[(evt.EVT_CONN_OPEN, without_delay)])
    assert assoc.is_established
    pause = alone(assoc)
    try:
        yield assoc
    finally:
        pause.close()
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
