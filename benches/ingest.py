"""CPU time of a C-STORE handler, a file: rapidicom's Storage against what is usual with pynetdicom.

    python ingest.py [--instances N] [--rounds N] [--folder DIR]

Each round starts an SCP in a process of its own for each handler, in an order that turns, and two SCUs in two more
processes, which send CT images of 100 to 500 KB with about 150 elements over two associations at once. What is timed is
the handler alone: CPU of its thread (user and system) and wall time, from its call to its status. Both with and without
fsync of file and folder, the same for all. Figures are medians of the rounds, ratios of medians of one run.

  rapidicom         rapidicom.pynetdicom.Storage
  save_as           ds = event.dataset; ds.file_meta = event.file_meta; ds.save_as(path, enforce_file_format=True)
  encoded_dataset   file.write(event.encoded_dataset()), which checks nothing and writes under the final name
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
HANDLERS = ("rapidicom", "save_as", "encoded_dataset")
SIZES = (224, 320, 416, 500)  # rows and columns of 16 bits: 100 to 500 KB
FIRST = 100_000_000
INSTANCE = f"1.2.826.0.1.3680043.10.9999.7.{FIRST}"  # its last component is counted up, in place
ASSOCIATIONS = 2


def templates(folder: Path) -> None:
    """One file a size; an SCU sends each many times with another SOP Instance UID."""
    from corpus_headers import ct_header, file_meta
    from pydicom.dataset import FileDataset

    noise = np.random.default_rng(7)
    for size in SIZES:
        ds = ct_header(1, 1, 1, noise)
        ds.SOPClassUID, ds.SOPInstanceUID, ds.Rows, ds.Columns = CT_IMAGE, INSTANCE, size, size
        ds.PixelData = noise.integers(0, 4096, (size, size), dtype=np.int16).tobytes()
        meta = file_meta(CT_IMAGE, INSTANCE, EXPLICIT_LITTLE)
        made = FileDataset("", ds, file_meta=meta, preamble=bytes(128))
        made.save_as(folder / f"{size}.dcm", enforce_file_format=True)


def scu(port: int, folder: Path, first: int, count: int) -> None:
    """Sends instances of these numbers over one association."""
    from pynetdicom import AE, _config, evt

    def without_delay(event: Any) -> None:
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    _config.STORE_SEND_CHUNKED_DATASET, _config.LOG_HANDLER_LEVEL = True, "none"
    files = [path.read_bytes() for path in sorted(folder.glob("*.dcm"))]
    ae = AE()
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = None
    ae.add_requested_context(CT_IMAGE, EXPLICIT_LITTLE)
    assoc = ae.associate("127.0.0.1", port, evt_handlers=[(evt.EVT_CONN_OPEN, without_delay)])
    # The reactor thread may take the response that send_c_store waits for: it stays paused. See tests/storage_scp.py
    assoc._reactor_checkpoint.clear()
    assoc._reactor_checkpoint.set = lambda: None
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        path = Path(scratch) / "sent.dcm"
        for number in range(first, first + count):
            uid = f"{INSTANCE[:-9]}{FIRST + number}"
            path.write_bytes(files[number % len(files)].replace(INSTANCE.encode(), uid.encode()))
            response = assoc.send_c_store(str(path))
            if response.get("Status") != 0x0000:
                raise SystemExit(f"{uid}: {response}")
    del assoc._reactor_checkpoint.set
    assoc.release()


def usual_handler(write: Callable[[Any, Any], None], folder: Path, sync: bool) -> Callable[[Any], int]:
    """A handler as pynetdicom's documentation has it, with the fsyncs that the other has."""

    def handle(event: Any) -> int:
        path = folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        with path.open("wb") as file:
            write(event, file)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if sync:
            opened = os.open(folder, os.O_RDONLY)
            os.fsync(opened)
            os.close(opened)
        return 0x0000

    return handle


def save_as(event: Any, file: Any) -> None:
    """Decode, encode."""
    ds = event.dataset
    ds.file_meta = event.file_meta
    ds.save_as(file, enforce_file_format=True)


def encoded_dataset(event: Any, file: Any) -> None:
    """The bytes as they came."""
    file.write(event.encoded_dataset())


def scp(handler: str, folder: Path, sync: bool) -> None:
    """Serves until standard input ends, then says what the handler has cost."""
    from pynetdicom import AE, _config, evt

    _config.LOG_HANDLER_LEVEL = "none"
    if handler == "rapidicom":
        from rapidicom.pynetdicom import Storage

        store: Callable[[Any], Any] = Storage(folder, sync=sync)
    else:
        store = usual_handler({"save_as": save_as, "encoded_dataset": encoded_dataset}[handler], folder, sync)
    cpu: list[float] = []
    wall: list[float] = []

    def timed(event: Any) -> Any:
        before, begun = time.thread_time(), time.perf_counter()
        status = store(event)
        cpu.append(time.thread_time() - before)
        wall.append(time.perf_counter() - begun)
        return status

    ae = AE()
    ae.maximum_pdu_size = 0
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = None
    ae.add_supported_context(CT_IMAGE, EXPLICIT_LITTLE)
    server: Any = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, timed)])
    print(server.socket.getsockname()[1], flush=True)
    sys.stdin.read()
    print(json.dumps({"files": len(cpu), "cpu": sum(cpu) / len(cpu), "wall": sum(wall) / len(wall)}), flush=True)
    server.shutdown()


def one_round(handler: str, sync: bool, work: Path, count: int) -> dict[str, float]:
    """Receive so many instances -> seconds a file in the handler.

    The files are emptied afterwards and not removed: ext4 takes ten times as long to make a file where others have just
    been removed, and that time would be the next handler's.
    """
    received = work / "received"
    received.mkdir()
    this = [sys.executable, __file__]
    command = [*this, "--scp", handler, "--folder", str(received), *(["--sync"] if sync else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        port, each = server.stdout.readline().strip(), count // ASSOCIATIONS
        numbers = [(str(first), str(each)) for first in range(0, each * ASSOCIATIONS, each)]
        senders = [subprocess.Popen([*this, "--scu", port, *part, "--folder", str(work / "sent")]) for part in numbers]
        failed = [sender.wait() for sender in senders]
        server.stdin.close()
        figures: dict[str, float] = json.loads(server.stdout.readline())
    stored = sum(1 for _ in received.rglob("*.dcm"))
    if any(failed) or stored != each * ASSOCIATIONS or figures["files"] != stored:
        raise SystemExit(f"{handler}: {stored} files of {count} stored, exit statuses of the SCUs {failed}")
    for path in received.rglob("*.dcm"):
        os.truncate(path, 0)
    received.rename(work / f"done-{time.monotonic_ns()}")
    return figures


def main() -> int:
    """Measure and print the table; exit status 1 where rapidicom's handler takes more than a fifth of the CPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=10_000, help="for each handler, over all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files go: the disk that fsync is measured on")
    parser.add_argument("--scp", choices=HANDLERS, help=argparse.SUPPRESS)
    parser.add_argument("--scu", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--sync", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.scp:
        scp(options.scp, options.folder, options.sync)
        return 0
    if options.scu:
        port, first, count = options.scu
        scu(port, options.folder, first, count)
        return 0
    met = True
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        work = Path(folder)
        (work / "sent").mkdir()
        templates(work / "sent")
        each = options.instances // options.rounds
        print(f"{options.rounds} rounds of {each} instances, {ASSOCIATIONS} associations; a file, in the handler\n")
        print("| handler | fsync | CPU, µs | wall, µs | CPU to rapidicom's | wall to rapidicom's |")
        print("|---|---|---|---|---|---|")
        for sync in (False, True):
            figures: dict[str, list[dict[str, float]]] = {handler: [] for handler in HANDLERS}
            for turn in range(options.rounds):
                for handler in HANDLERS if turn % 2 else HANDLERS[::-1]:
                    figures[handler].append(one_round(handler, sync, work, each))
            medians = {
                handler: {key: statistics.median(f[key] for f in rounds) * 1e6 for key in ("cpu", "wall")}
                for handler, rounds in figures.items()
            }
            ours = medians["rapidicom"]
            for handler, of in medians.items():
                cpu, wall = of["cpu"] / ours["cpu"], of["wall"] / ours["wall"]
                row = f"{of['cpu']:.0f} | {of['wall']:.0f} | {cpu:.2f}x | {wall:.2f}x"
                print(f"| {handler} | {'file and folder' if sync else 'none'} | {row} |", flush=True)
            met &= medians["save_as"]["cpu"] >= 5 * ours["cpu"]
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
