"""Data sets in many threads, after fork, and in other processes by pickle."""

import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT
ITEMS = [E.item(E.element(0x00081155, "UI", f"1.2.{number}"), undefined=number % 2 == 0) for number in range(200)]
FRAMES = np.arange(8 * 32 * 32, dtype="<u2").reshape(8, 32, 32)
DATA = builders.file(
    E.patient("山田^太郎".encode(), character_set="ISO_IR 192")
    + E.sequence(0x00081140, *ITEMS, undefined=True)
    + E.image(32, 32, bits=16, frames=8)
    + E.pixels(FRAMES.tobytes())
)
Write = Callable[..., Path]


def facts(ds: rd.Dataset) -> tuple[Any, ...]:
    """What every reader of this data set must see."""
    uids = tuple(item.ReferencedSOPInstanceUID for item in ds.ReferencedImageSequence)
    return (
        str(ds.PatientName),
        uids,
        int(ds.pixel_array.sum()),
        int(ds.frames[5].sum()),
        ds.warnings,
        len(list(ds.iterall())),
    )


EXPECTED = facts(rd.dcmread(DATA))


@pytest.mark.parametrize("access", ["mmap", "read", None])
def test_one_data_set_in_many_threads(write: Write, access: str | None) -> None:
    path = write(DATA)
    for _ in range(20):
        ds = rd.dcmread(DATA) if access is None else rd.dcmread(path, access=access)
        start = threading.Barrier(8)

        def look(ds: rd.Dataset = ds, start: threading.Barrier = start) -> tuple[Any, ...]:
            start.wait()
            return facts(ds)

        with ThreadPoolExecutor(8) as pool:
            assert [future.result() for future in [pool.submit(look) for _ in range(8)]] == [EXPECTED] * 8


def test_many_files_in_many_threads(write: Write) -> None:
    path = write(DATA)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: facts(rd.dcmread(path)), range(200))) == {EXPECTED}


def test_the_gil_is_released(write: Write) -> None:
    """While one thread decodes, another runs Python."""
    frames = np.zeros((64, 512, 512), np.uint16)
    path = write(builders.file(E.patient() + E.image(512, 512, bits=16, frames=64) + E.pixels(frames.tobytes())))
    out = np.empty_like(frames)
    ds = rd.dcmread(path, access="read")
    counted, done = 0, threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(10.0)  # nobody is made to give the lock away
    try:
        counter = threading.Thread(target=count)
        before = counted
        ds_frames = ds.frames
        counter.start()
        for _ in range(3):
            ds_frames.decode(out=out, threads=1)
        done.set()
        counter.join()
    finally:
        sys.setswitchinterval(interval)
    assert counted > before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_fork(write: Write) -> None:
    """The child of a process that has threads of ours works, and so does the parent."""
    path = write(DATA)
    ds = rd.dcmread(path, access="mmap")
    ds.frames.decode(threads=4)
    pytest.importorskip("pyarrow")
    rd.index([path], threads=4)
    child = os.fork()
    if child == 0:
        try:
            good = facts(ds) == EXPECTED and facts(rd.dcmread(path)) == EXPECTED
            good = good and ds.frames.decode(threads=4).sum() == FRAMES.sum() and len(rd.index([path], threads=4)) == 1
            os._exit(0 if good else 1)
        except BaseException:
            os._exit(2)
    deadline = threading.Timer(60, lambda: os.kill(child, 9))
    deadline.start()
    _, status = os.waitpid(child, 0)
    deadline.cancel()
    assert os.waitstatus_to_exitcode(status) == 0
    assert facts(ds) == EXPECTED


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_in_other_processes(write: Write, method: str) -> None:
    path = write(DATA)
    context = multiprocessing.get_context(method)
    sets = [rd.dcmread(path), rd.dcmread(DATA), rd.dcmread(path, access="mmap")]
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(facts, sets * 2)) == [EXPECTED] * 6


def test_pickles_of_everything(write: Write) -> None:
    for ds in (rd.dcmread(DATA), rd.dcmread(write(DATA))):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert facts(pickle.loads(pickle.dumps(ds, protocol))) == EXPECTED
        for part in (ds.file_meta, ds.ReferencedImageSequence, ds.ReferencedImageSequence[3], ds["PatientName"]):
            assert pickle.loads(pickle.dumps(part)) == part
        limited = rd.dcmread(DATA, stop_before_pixels=True)
        assert "PixelData" not in pickle.loads(pickle.dumps(limited))


def test_a_pickle_of_a_file_that_went(write: Write) -> None:
    path = write(DATA)
    pickled = pickle.dumps(rd.dcmread(path))
    path.unlink()
    with pytest.raises(OSError):
        _ = pickle.loads(pickled).PatientName
