"""Compressed frames in parallel: as one thread gives them, cancelled by an error, in forked children, beside others."""

import hashlib
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
import rapidicom as rd
from code_streams import NAMES, STREAMS, even

Figure = Callable[[str, object], None]
Write = Callable[..., Path]
FRAMES = 40


def many(name: str, count: int = FRAMES) -> bytes:
    stream = STREAMS[name]
    return stream.file_of([even(stream.data)] * count, count)


def expected(name: str, count: int = FRAMES) -> np.ndarray:
    return np.stack([rd.pixel_array(STREAMS[name].file())] * count)


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_nothing(name: str, write: Write) -> None:
    path, whole = write(many(name)), expected(name)
    for source in (rd.dcmread(path), rd.dcmread(path, access="mmap"), rd.dcmread(many(name))):
        for threads in (1, 2, 5, None):
            np.testing.assert_array_equal(source.frames.decode(threads=threads), whole)
        out = np.full_like(whole, 7)
        assert source.frames.decode(threads=2, out=out) is out
        np.testing.assert_array_equal(out, whole)
        np.testing.assert_array_equal(source.frames.decode([7, 0, 7], threads=2), whole[:3])
    np.testing.assert_array_equal(np.stack(list(rd.iter_pixels(path))), whole)
    np.testing.assert_array_equal(rd.pixel_array(path, index=-1), whole[-1])


def with_broken(name: str, count: int, *broken: int) -> bytes:
    stream = STREAMS[name]
    frames = [even(stream.data)] * count
    for frame in broken:
        frames[frame] = stream.data[: len(stream.data) // 4 * 2]
    return stream.file_of(frames, count)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    "name", ["jpeg", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg-xl", "rle", "deflate"]
)
def test_the_first_error_names_its_frame(name: str, threads: int) -> None:
    ds = rd.dcmread(with_broken(name, 12, 5))
    for _ in range(5):
        with pytest.raises(rd.PixelDecodeError, match="frame 5"):
            ds.frames.decode(threads=threads)
    with pytest.raises(rd.PixelDecodeError, match="frame 5"):
        _ = ds.frames[5]
    np.testing.assert_array_equal(ds.frames.decode(range(5)), expected(name, 5))


@pytest.mark.parametrize("threads", [1, 2, 5, 12, None])
@pytest.mark.parametrize("name", ["rle", "jpeg-2000"])
def test_of_frames_that_are_walked_over_only_the_broken_ones_are_lost(name: str, threads: int | None) -> None:
    ds = rd.dcmread(with_broken(name, 12, 1, 7))
    frames, seen = iter(rd.iter_pixels(with_broken(name, 12, 1, 7), threads=threads)), []
    for walk in (frames, iter(ds.frames)):
        seen.clear()
        for n in range(12):
            if n in (1, 7):
                with pytest.raises(rd.PixelDecodeError, match=f"frame {n}"):
                    next(walk)
            else:
                seen.append(next(walk))
        with pytest.raises(StopIteration):
            next(walk)
        np.testing.assert_array_equal(np.stack(seen), expected(name, 10))


REFUSED = """
import os, resource, sys, rapidicom as rd
files = [open(path, "rb").read() for path in sys.argv[1:]]
expected = [rd.pixel_array(data, threads=1) for data in files]
if os.getuid() == 0:  # who may start as many as he likes
    os.setgid(65534)
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
for data, whole in zip(files, expected):
    assert (rd.pixel_array(data, threads=4) == whole).all()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there a user has a number of threads")
def test_where_no_thread_is_to_be_had_one_does_it_all(large: dict[str, bytes], tmp_path: Path) -> None:
    paths = []
    for name, count in (("jpeg-2000", 1), ("jpeg-xl", 1), ("jpeg-ls", 4)):
        paths.append(tmp_path / f"{name}.dcm")
        paths[-1].write_bytes(file_of(f"1.2.840.10008.1.2.{UIDS[name]}", [large[name]] * count))
    done = subprocess.run([sys.executable, "-c", REFUSED, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.figure
def test_the_first_error_cancels(large: dict[str, bytes], figure: Figure) -> None:
    """A broken frame at the start: the others are not decoded for nothing."""
    code_stream, count = large["jpeg-ls"], 60
    frames = [code_stream[: len(code_stream) // 64 * 2], *[code_stream] * (count - 1)]
    ds = rd.dcmread(file_of("1.2.840.10008.1.2.4.80", frames))
    whole = rd.dcmread(file_of("1.2.840.10008.1.2.4.80", frames[1:]))
    start = time.perf_counter()
    whole.frames.decode(threads=2)
    all_of_them = time.perf_counter() - start
    start = time.perf_counter()
    with pytest.raises(rd.PixelDecodeError, match="frame 0"):
        ds.frames.decode(threads=2)
    cancelled = time.perf_counter() - start
    figure(
        f"an error in frame 0 of {count}, two threads",
        f"{cancelled * 1e3:.1f} ms; all frames {all_of_them * 1e3:.0f} ms",
    )
    assert cancelled < all_of_them / 3


def image(size: int) -> np.ndarray:
    """Like a CT: smooth, with a little noise, 12 bits."""
    rnd = np.random.default_rng(5)
    y, x = np.mgrid[0:size, 0:size]
    smooth = 1500 + 900 * np.sin(x / 40) + 600 * np.cos(y / 55)
    return np.asarray((smooth + rnd.normal(0, 8, (size, size))).clip(0, 4095), np.uint16)


@pytest.fixture(scope="module")
def large() -> dict[str, bytes]:
    """A frame of 512 x 512, 12 of 16 bits, in five syntaxes."""
    imagecodecs: Any = pytest.importorskip("imagecodecs")
    samples = image(512)
    return {
        "jpeg-ls": even(bytes(imagecodecs.jpegls_encode(samples))),
        "jpeg-lossless": even(bytes(imagecodecs.jpeg8_encode(samples, lossless=True, predictor=1, bitspersample=16))),
        "jpeg-2000": even(bytes(imagecodecs.jpeg2k_encode(samples, reversible=True, codecformat="j2k"))),
        "htj2k": even(bytes(imagecodecs.htj2k_encode(samples, reversible=True))),
        "jpeg-xl": even(bytes(imagecodecs.jpegxl_encode(samples, lossless=True, effort=3))),
    }


UIDS = {"jpeg-ls": "4.80", "jpeg-lossless": "4.70", "jpeg-2000": "4.90", "htj2k": "4.201", "jpeg-xl": "4.110"}
DIVIDED = ("jpeg-2000", "jpeg-xl")  # one frame among several threads


def file_of(syntax: str, frames: list[bytes]) -> bytes:
    e = builders.EXPLICIT
    head = e.patient() + e.image(512, 512, bits=16, stored=16, frames=len(frames))
    return builders.file(head + e.encapsulated(frames), syntax)


@pytest.mark.figure
@pytest.mark.parametrize("name", UIDS)
def test_a_heartbeat_beside_it(name: str, large: dict[str, bytes], figure: Figure) -> None:
    """A thread that sleeps 1 ms again and again while 100 frames decode: how long it had to wait at most."""
    count = 100 if name != "jpeg-2000" else 30
    ds = rd.dcmread(file_of(f"1.2.840.10008.1.2.{UIDS[name]}", [large[name]] * count))
    out = np.empty((count, 512, 512), np.uint16)
    beats: list[float] = []
    done = threading.Event()

    def beat() -> None:
        while not done.is_set():
            beats.append(time.perf_counter())
            time.sleep(0.001)

    longest = []
    for _ in range(3):
        beats.clear()
        done.clear()
        thread = threading.Thread(target=beat)
        thread.start()
        ds.frames.decode(out=out, threads=1)
        done.set()
        thread.join()
        longest.append(float(np.diff(beats).max()))
    figure(
        f"longest stall of a 1 ms heartbeat, {name}",
        f"{min(longest) * 1e3:.1f} ms, in the worst of three runs {max(longest) * 1e3:.1f} ms",
    )
    assert len(beats) > 10
    assert min(longest) < 0.05
    np.testing.assert_array_equal(out[-1], image(512))


def share_of_others(call: Callable[[], Any]) -> float:
    """How much of the processor time of a call was spent by other threads than the caller's."""
    own, all_of_it = time.thread_time(), time.process_time()
    call()
    own, all_of_it = time.thread_time() - own, time.process_time() - all_of_it
    return 1 - own / all_of_it


@pytest.mark.figure
@pytest.mark.parametrize("name", DIVIDED)
def test_a_large_frame_is_decoded_by_several(name: str, large: dict[str, bytes], figure: Figure) -> None:
    syntax, whole = f"1.2.840.10008.1.2.{UIDS[name]}", image(512)
    data, two = file_of(syntax, [large[name]]), file_of(syntax, [large[name]] * 2)
    times = {}
    for threads in (1, 2, 3, 1000, None):
        start = time.perf_counter()
        for _ in range(3):
            np.testing.assert_array_equal(rd.pixel_array(data, threads=threads), whole)
        times[threads] = (time.perf_counter() - start) / 3
        np.testing.assert_array_equal(rd.pixel_array(two, threads=threads), [whole] * 2)
        np.testing.assert_array_equal(rd.pixel_array(two, index=1, threads=threads), whole)
        if name == "jpeg-2000":
            assert rd.pixel_array(data, reduce=1, threads=threads).shape == (256, 256)
    figure(f"a frame of {name}, 512²: 1 thread, 2", f"{times[1] * 1e3:.1f} ms, {times[2] * 1e3:.1f} ms")
    np.testing.assert_array_equal(rd.dcmread(data).pixel_array, whole)


@pytest.mark.parametrize("name", DIVIDED)
def test_who_asks_for_one_thread_gets_no_other(name: str, large: dict[str, bytes]) -> None:
    ds = rd.dcmread(file_of(f"1.2.840.10008.1.2.{UIDS[name]}", [large[name]] * 3))
    assert share_of_others(lambda: ds.frames.decode(threads=1)) < 0.05
    assert share_of_others(lambda: [ds.frames[k] for k in range(3)]) < 0.05
    for several in (lambda: ds.frames.decode([1], threads=3), lambda: ds.frames.decode(threads=3)):
        # How much each gets is up to a busy machine.
        assert max(share_of_others(several) for _ in range(5)) > 0.1


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", DIVIDED)
def test_a_broken_large_frame_is_the_same_to_any_number_of_threads(
    name: str, seed: int, large: dict[str, bytes]
) -> None:
    rnd = random.Random(seed)
    code_stream = bytearray(large[name])
    if seed % 3:
        for _ in range(seed):
            code_stream[rnd.randrange(200, len(code_stream))] = rnd.randrange(256)
    else:
        del code_stream[rnd.randrange(1000, len(code_stream)) // 2 * 2 :]
    data = file_of(f"1.2.840.10008.1.2.{UIDS[name]}", [bytes(code_stream)])
    shown = []
    for threads in (1, 2, 5, 5):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                pixels = rd.pixel_array(data, threads=threads, on_error="salvage")
            except rd.PixelDecodeError:
                pixels = np.zeros(0)
        shown.append((hashlib.sha256(pixels.data).digest(), [getattr(w.message, "rows", None) for w in caught]))
    assert shown == [shown[0]] * 4


def facts(source: Any) -> list[int]:
    return [int(rd.dcmread(data).frames.decode(threads=2).astype(np.int64).sum()) for data in source]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_fork() -> None:
    """Children of a process whose threads of ours have run; and the parent behind them."""
    files = [many(name, 8) for name in NAMES]
    here = facts(files)
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        assert pool.map_async(facts, [files] * 4).get(timeout=120) == [here] * 4
    assert facts(files) == here


def test_eight_threads_of_python() -> None:
    files = {name: many(name, 6) for name in NAMES}
    whole = {name: expected(name, 6) for name in NAMES}
    shared = {name: rd.dcmread(data) for name, data in files.items()}
    start = threading.Barrier(8)

    def decode(number: int) -> int:
        start.wait()
        right = 0
        for turn in range(6):
            for name in NAMES[number:] + NAMES[:number]:
                ds = shared[name] if turn % 2 else rd.dcmread(files[name])
                right += np.array_equal(ds.frames.decode(threads=1 + turn % 3), whole[name])
        return right

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(decode, range(8))) == [6 * len(NAMES)] * 8
