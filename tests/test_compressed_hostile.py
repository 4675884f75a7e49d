"""Compressed frames that are cut off, lie, or are made to harm: an error that says where, or what there is."""

import re
import struct
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builders
import rapidicom as rd
import test_survival
from builders import EXPLICIT
from code_streams import NAMES, STREAMS, SYNTAXES, CodeStream, even
from conftest import TESTS

Figure = Callable[[str, object], None]
MUTANTS_A_SYNTAX = 2_000
EXACT = [name for name in NAMES if not name.startswith("jpeg-xl-")]
# Of these small images, one deflated block and one group of JPEG XL, no row is salvaged.
ALL_OR_NOTHING = ("deflate", "jpeg-xl")
JPEGS = [name for name in NAMES if name.startswith("jpeg") and not name.startswith(("jpeg-xl", "jpeg-2000"))]
JPEG_UIDS = [f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "57", "70", "80", "81", "90", "91", "201")]


def salvaged(data: bytes) -> tuple[np.ndarray, int | None]:
    """What there is, and how many rows of it are said to be real; None where all are."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        array = rd.pixel_array(data, on_error="salvage")
    words = [str(w.message) for w in caught if issubclass(w.category, rd.IncompleteFrameWarning)]
    assert len(words) <= 1
    return array, int(re.search(r"frame 0: (\d+) of \d+ rows are real", words[0])[1]) if words else None  # type: ignore[index]


@pytest.mark.parametrize("name", NAMES)
def test_the_streams_themselves(name: str) -> None:
    stream = STREAMS[name]
    shown = rd.pixel_array(stream.file())
    assert shown.dtype == stream.expected.dtype
    far = np.abs(shown.astype(np.int64) - stream.expected.astype(np.int64)).max()
    assert far <= (0 if name in EXACT else 1)


@pytest.mark.figure
@pytest.mark.parametrize("name", NAMES)
def test_every_prefix(name: str, figure: Figure) -> None:
    """An error with frame and offset, or the whole image; salvaged rows that are said to be real are."""
    stream = STREAMS[name]
    whole = rd.pixel_array(stream.file())
    found: Counter[str] = Counter()
    silent = []
    for length in range(len(stream.data)):
        data = stream.file(stream.data[:length])
        try:
            same = np.array_equal(rd.pixel_array(data), whole)
            found["whole" if same else "SILENT"] += 1
            silent += [] if same else [length]
            continue
        except (rd.PixelDecodeError, rd.LimitError) as error:
            assert "frame 0" in str(error), error
            assert error.offset is not None and data.find(b"\xfe\xff\x00\xe0") < error.offset <= len(data)
            found["refused"] += 1
        try:
            array, rows = salvaged(data)
        except (rd.PixelDecodeError, rd.LimitError):
            continue
        assert rows is not None, f"{length} bytes: no warning"
        found["salvaged"] += 1
        if not name.startswith(("jpeg-2000", "htj2k", "jpeg-progressive")):  # whose rows all get better to the end
            np.testing.assert_array_equal(array[:rows], whole[:rows], f"{length} bytes")
    figure(f"every prefix, {name}", ", ".join(f"{count} {what}" for what, count in found.items()))
    assert not silent, f"another image without a word from prefixes of {silent} of {len(stream.data)} bytes"
    assert found["whole"] <= 4
    assert found["salvaged"] or name.startswith((*ALL_OR_NOTHING, "jpeg-color"))  # the latter is one block of 16 x 16


@pytest.mark.parametrize("name", ["jpeg", "jpeg-color", "jpeg-12", "jpeg-lossless", "jpeg-ls", "rle", "rle-16"])
def test_the_pad_of_a_code_stream_that_ends_early_is_no_sample(name: str) -> None:
    """PS3.5 §A.4: an even length. Without it each such code stream is found to end early."""
    stream = STREAMS[name]
    whole = rd.pixel_array(stream.file())
    for length in range(len(stream.data) // 3, len(stream.data) - 2):
        for pad in (b"\0", b"\0\0\0")[: 1 + (name in ("jpeg", "jpeg-color", "jpeg-12"))]:
            data = stream.file(stream.data[:length] + pad)
            try:
                same = np.array_equal(rd.pixel_array(data), whole)
                assert same, f"{length} bytes and {len(pad)}: another image without a word"
                continue
            except (rd.PixelDecodeError, rd.LimitError):
                pass
            if pad == b"\0":
                try:
                    array, rows = salvaged(data)
                except (rd.PixelDecodeError, rd.LimitError):
                    continue
                np.testing.assert_array_equal(array[:rows], whole[:rows], f"{length} bytes")


def test_salvage_of_many_frames() -> None:
    stream = STREAMS["jpeg-lossless"]
    frames = [stream.data, stream.data[: len(stream.data) * 2 // 3], stream.data]
    ds = rd.dcmread(stream.file_of([even(frame) for frame in frames], 3))
    with pytest.raises(rd.PixelDecodeError, match="frame 1"):
        _ = ds.pixel_array
    with pytest.warns(rd.IncompleteFrameWarning, match="frame 1"):
        array = ds.frames.decode(on_error="salvage", threads=2)
    np.testing.assert_array_equal(array[[0, 2]], np.stack([stream.expected] * 2))
    np.testing.assert_array_equal(ds.frames[2], stream.expected)
    np.testing.assert_array_equal(ds.frames.decode([2, 0]), np.stack([stream.expected] * 2))


def test_each_file_that_is_salvaged_is_told_of(tmp_path: Path) -> None:
    stream = STREAMS["jpeg-lossless"]
    data = stream.file_of([even(stream.data[: len(stream.data) * 2 // 3])], 1)
    paths = [tmp_path / name for name in ("a.dcm", "b.dcm")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")  # once for the same words
        for path in paths:
            path.write_bytes(data)
            rd.pixel_array(path, on_error="salvage")
    told = [w.message for w in caught if isinstance(w.message, rd.IncompleteFrameWarning)]
    assert [(message.path, message.frame) for message in told] == [(str(path), 0) for path in paths]
    assert all(0 < message.rows < stream.expected.shape[0] for message in told)


@pytest.mark.parametrize(
    "name", [name for name in ("jpeg-ls", "jpeg-lossless", "jpeg-2000", "htj2k") if name in STREAMS]
)
def test_samples_beyond_bits_stored_are_told_of(name: str, tmp_path: Path) -> None:
    """JPEG lossless has Bits Stored's own, as in pydicom: it is told of too."""
    stream = STREAMS[name]
    path = tmp_path / "a.dcm"
    path.write_bytes(stream.file(stored=5))
    looks: list[Callable[[], Any]] = [
        lambda: rd.pixel_array(path),
        lambda: next(iter(rd.iter_pixels(path))),
        lambda: rd.dcmread(path).frames[0],
        lambda: rd.dcmread(path).frames.decode(threads=2)[0],
    ]
    for look in looks:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            array = look()
        told = [w.message for w in caught if isinstance(w.message, rd.SampleRangeWarning)]
        assert [(message.path, message.frame) for message in told] == [(str(path), 0)]
        assert int(array.max()) > 31 or name == "jpeg-lossless"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rd.pixel_array(stream.file())


BOMBS = """
import resource, sys, time
sys.path.insert(0, sys.argv[1])
import rapidicom as rd, test_compressed_hostile as hostile
rd.pixel_array(hostile.STREAMS["jpeg"].file())
for name, data, limits in hostile.bombs():
    best, kind = 1e9, None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        start = time.process_time()
        try:
            rd.pixel_array(data, limits=limits)
            kind = "decoded"
        except Exception as error:
            kind = type(error).__name__
        best = min(best, time.process_time() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{name}\t{kind}\t{best * 1e3}\t{grown / 1024}")
"""


def with_size(stream: CodeStream, rows: int, columns: int) -> bytes:
    """The code stream with another size in its header, where it has one; JPEG XL's is made anew."""
    data, at = bytearray(stream.data), None
    name = stream.syntax.removeprefix("1.2.840.10008.1.2.")
    if name in ("4.90", "4.91", "4.201", "4.203"):
        at = data.index(b"\xff\x51") + 6
        data[at : at + 8] = struct.pack(">2I", columns, rows)
        data[at + 16 : at + 24] = struct.pack(">2I", columns, rows)
    elif name in ("4.110", "4.111", "4.112"):
        fields = ((0, 1), (3, 2), (rows - 1, 30), (0, 3), (3, 2), (columns - 1, 30), (1, 1))
        number, shift = 0, 0
        for value, bits in fields:
            number, shift = number | value << shift, shift + bits
        data = bytearray(b"\xff\x0a" + number.to_bytes(9, "little") + bytes(200))
    elif name.startswith("4."):
        at = next(
            at for at in range(2, len(data)) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC1, 0xC2, 0xC3, 0xF7)
        )
        data[at + 5 : at + 9] = struct.pack(">2H", rows, columns)
    return bytes(data)


def bombs() -> list[tuple[str, bytes, rd.Limits]]:
    """Small files of large images: beyond the default limits, or within them and more than the bytes can hold."""
    found = []
    for name, stream in STREAMS.items():
        for rows, columns in ((65535, 65535), (16000, 16000)):
            # JPEG 2000 and JPEG XL say "all of it is nothing" in a few bits: only the limits bound what they ask for.
            boundless = name.startswith(("jpeg-2000", "htj2k", "jpeg-xl")) and rows < 65535
            limits = rd.Limits.untrusted() if boundless else rd.Limits()
            size: dict[str, Any] = {"rows": rows, "columns": columns}
            data = with_size(stream, rows, columns)
            found.append((f"{name} {rows} x {columns}", stream.file(data, **size), limits))
            found.append((f"{name} {rows} x {columns}, data set alone", stream.file(**size), limits))
            if not name.startswith(("rle", "deflate")):  # which have no size of their own
                found.append((f"{name} {rows} x {columns}, code stream alone", stream.file(data), limits))
        many = stream.file_of([even(stream.data)], 2147483647)
        found.append((f"{name}, 2147483647 frames", many, rd.Limits()))
    return found


@pytest.mark.figure
def test_bombs(figure: Figure) -> None:
    done = subprocess.run([sys.executable, "-c", BOMBS, TESTS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == len(bombs())
    slow = sorted(lines, key=lambda line: -float(line[2]))
    large = sorted(lines, key=lambda line: -float(line[3]))
    refused = [line for line in lines if line[1] in ("LimitError", "PixelDecodeError")]
    figure("bombs refused", f"{len(refused)} of {len(lines)}")
    figure("bombs, slowest refusal", f"{float(slow[0][2]):.2f} ms, {slow[0][0]}")
    figure("bombs, most memory", f"{float(large[0][3]):.1f} MiB, {large[0][0]}")
    assert refused == lines
    over = [line for line in lines if float(line[2]) >= 10 or float(line[3]) >= 64]
    assert not over, over


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["rows", "columns", "samples", "bits"])
def test_a_data_set_that_disagrees(name: str, change: str) -> None:
    """Never another image than was said: an error with both values, where the code stream has its own."""
    stream = STREAMS[name]
    has_no_size = name.startswith(("rle", "deflate"))
    values = {
        "rows": (11, 13, 24),
        "columns": (9, 11, 20),
        "samples": (4 - stream.samples,),
        "bits": (24 - stream.bits,),
    }
    for value in values[change]:
        changes: dict[str, Any] = {change: value}
        if change == "bits":
            changes["stored"] = min(value, stream.stored)
        if change == "samples":
            changes["photometric"] = "RGB" if value == 3 else "MONOCHROME2"
        data = stream.file(**changes)
        if change == "bits" and value == 16 and not has_no_size:
            # A code stream of 8 bits fits 16 Bits Allocated: the samples are its own.
            far = rd.pixel_array(data).astype(np.int64) - rd.pixel_array(stream.file())
            assert np.abs(far).max() <= (0 if name in EXACT else 1)
            continue
        if has_no_size:  # fewer rows may be there; nothing is made up
            try:
                shown = rd.pixel_array(data)
            except (rd.PixelDecodeError, rd.LimitError):
                continue
            assert shown.nbytes <= stream.expected.nbytes
            continue
        with pytest.raises((rd.PixelDecodeError, rd.LimitError)) as refusal:
            _ = rd.pixel_array(data)
        assert "frame 0" in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
def test_values_out_of_bits_stored_are_warned_of(name: str) -> None:
    stream = STREAMS[name]
    stored = stream.stored - 4
    ds = rd.dcmread(stream.file(stored=stored))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shown = ds.pixel_array.astype(np.int64) + (1 << stored - 1) * stream.signed
    within = bool((shown >= 0).all() and (shown < 1 << stored).all())
    coded = stream.expected.astype(np.int64) + (1 << stored - 1) * stream.signed
    # RLE and deflate hold cells as native pixels do: bits above Bits Stored are none of the sample's.
    cut_off = name.startswith("jpeg") and bool((coded < 0).any() or (coded >= 1 << stored).any())
    assert [w.category for w in caught] == [rd.SampleRangeWarning] * (cut_off or not within)
    warned = any(warning.code.name == "CodeStreamDisagrees" for warning in ds.warnings)
    assert within or warned
    assert warned or name.startswith(("rle", "deflate"))  # which have no precision of their own


LIES = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")


@pytest.mark.parametrize("told", LIES)
@pytest.mark.parametrize("name", ["jpeg-rgb", "jpeg-2000-lossy", "htj2k-lossy", "jpeg-xl-lossy", "jpeg-xl-jpeg"])
def test_the_code_stream_knows_its_color(name: str, told: str) -> None:
    """SOF components and Adobe marker, MCT, the color encoding of JPEG XL: PS3.5 §8.2.1, §8.2.4."""
    stream = STREAMS[name]
    np.testing.assert_array_equal(rd.pixel_array(stream.file(photometric=told)), rd.pixel_array(stream.file()))


@pytest.mark.parametrize("uid", JPEG_UIDS)
@pytest.mark.parametrize("name", JPEGS)
def test_the_wrong_one_of_the_transfer_syntaxes(name: str, uid: str) -> None:
    stream = STREAMS[name]
    np.testing.assert_array_equal(rd.pixel_array(stream.file(syntax=uid)), stream.expected)


def extended_offsets(offsets: list[int], lengths: list[int]) -> bytes:
    e = EXPLICIT.element
    table = e(0x7FE00001, "OV", struct.pack(f"<{len(offsets)}Q", *offsets))
    return table + e(0x7FE00002, "OV", struct.pack(f"<{len(lengths)}Q", *lengths))


@pytest.mark.parametrize("name", NAMES)
def test_frames_and_fragments(name: str) -> None:
    """Two frames, however their fragments lie and whatever the tables say."""
    stream = STREAMS[name]
    frame = even(stream.data)
    half = len(frame) // 4 * 2
    size = len(frame) + 8
    two = np.stack([rd.pixel_array(stream.file())] * 2)

    def shown(*args: Any, **options: Any) -> np.ndarray:
        return rd.dcmread(stream.file_of(*args, **options)).frames.decode()

    for offsets in ((), (0, size), (0, size + 2), (size, 0), (0, 0), (0, 0xFFFFFFF0), (0,), (4, 4, 4)):
        np.testing.assert_array_equal(shown([frame] * 2, 2, offsets), two)
    good = extended_offsets([0, size], [len(stream.data)] * 2)
    for extra in (
        good,
        extended_offsets([0, 2**63], [2**64 - 1, 4]),
        extended_offsets([0, size], [0, 0]),
        extended_offsets([0, size], [size * 9, size * 9]),
        extended_offsets([0], [len(frame)]),
        extended_offsets([8, 16], [4, 4]),
    ):
        np.testing.assert_array_equal(shown([frame] * 2, 2, extra=extra), two)
    # One frame in as many fragments as there can be, of which some are empty.
    pieces = [frame[at : at + 2] for at in range(0, len(frame), 2)]
    for fragments in (pieces, [frame[:half], b"", frame[half:]], [b"", frame], [frame, b""]):
        np.testing.assert_array_equal(shown(fragments, 1), two[:1])
    # Two frames of two fragments each, by the table.
    parts = [frame[:half], frame[half:]] * 2
    np.testing.assert_array_equal(shown(parts, 2, (0, len(frame) + 16)), two)


@pytest.mark.parametrize("pad", [b"\0" * 2, b"\0" * 64, b"\xff" * 2, b"\0\xff" * 9, b"garbage behind the frame"])
@pytest.mark.parametrize("name", NAMES)
def test_trailing_pads(name: str, pad: bytes) -> None:
    stream = STREAMS[name]
    whole = rd.pixel_array(stream.file())
    np.testing.assert_array_equal(rd.pixel_array(stream.file(even(stream.data) + pad)), whole)


@pytest.mark.parametrize("name", NAMES)
def test_missing_delimiters(name: str) -> None:
    """Without Sequence Delimitation Item; with one and something behind it; with a length that is defined."""
    stream = STREAMS[name]
    whole = rd.pixel_array(stream.file())
    data = stream.file()
    np.testing.assert_array_equal(rd.pixel_array(data[:-8]), whole)
    np.testing.assert_array_equal(rd.pixel_array(data + EXPLICIT.element(0xFFFCFFFC, "OB", bytes(8))), whole)
    content = EXPLICIT.item(b"") + EXPLICIT.item(even(stream.data))
    defined = stream.image() + EXPLICIT.element(0x7FE00010, "OB", content)
    np.testing.assert_array_equal(rd.pixel_array(builders.file(defined, stream.syntax)), whole)


@pytest.mark.slow
@pytest.mark.figure
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_code_stream_harms_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure) -> None:
    """Every prefix and mutants of every transfer syntax through all functions that give pixels, in 1 GiB."""
    monkeypatch.setenv("RAPIDICOM_CASES", "compressed")
    monkeypatch.setattr(test_survival, "MUTANTS", MUTANTS_A_SYNTAX * len(SYNTAXES))
    start = time.monotonic()
    shards = [test_survival.Shard(n, tmp_path, tmp_path / str(n)) for n in range(test_survival.SHARDS)]
    with ThreadPoolExecutor(test_survival.SHARDS) as pool:
        records = list(pool.map(test_survival.Shard.run, shards))
    killed = [line for record in records for line in record.killed]
    unpromised = [line for record in records for line in record.unpromised]
    figure("hostile code streams, cases tried", sum(record.cases for record in records))
    figure("hostile code streams, host-killing outcomes", len(killed))
    figure("hostile code streams, exceptions that nobody promised", len(unpromised))
    figure("hostile code streams, seconds", round(time.monotonic() - start))
    assert not killed, "\n".join(killed[:20])
    assert not unpromised, "\n".join(unpromised[:20])
