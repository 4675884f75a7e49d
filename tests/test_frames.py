"""ds.frames: a lazy sequence of frames, decoded or as they lie."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT
Write = Callable[..., Path]
FRAMES = np.arange(5 * 6 * 7, dtype="<u2").reshape(5, 6, 7)
NATIVE = builders.file(E.patient() + E.image(6, 7, bits=16, frames=5) + E.pixels(FRAMES.tobytes()))


def encapsulated(
    fragments: list[bytes], frames: int, offsets: list[int] | tuple[int, ...] = (), extra: bytes = b""
) -> bytes:
    content = E.patient() + E.image(frames=frames) + extra + E.encapsulated(fragments, offsets)
    return builders.file(content, builders.JPEG_BASELINE_UID)


def test_it_is_a_sequence() -> None:
    frames = rd.dcmread(NATIVE).frames
    assert len(frames) == 5
    np.testing.assert_array_equal(frames[3], FRAMES[3])
    np.testing.assert_array_equal(frames[-1], FRAMES[4])
    assert len(frames[1:4]) == 3
    np.testing.assert_array_equal(frames[1:4][2], FRAMES[3])
    np.testing.assert_array_equal(np.stack(list(frames)), FRAMES)
    for index in (5, -6):
        with pytest.raises(IndexError):
            _ = frames[index]


def test_a_frame_is_native_writable_and_contiguous(write: Write) -> None:
    path = write(NATIVE)
    for ds in (rd.dcmread(path, access="mmap"), rd.dcmread(NATIVE)):
        frame = ds.frames[2]
        assert frame.dtype == np.uint16
        assert frame.dtype.isnative
        assert frame.flags.c_contiguous
        assert frame.flags.writeable
        frame[:] = 0
        np.testing.assert_array_equal(ds.frames[2], FRAMES[2])
    assert path.read_bytes() == NATIVE


def test_byte_ranges_of_native_frames() -> None:
    ds = rd.dcmread(NATIVE)
    ranges = ds.frames.byte_ranges
    assert ranges.dtype == np.int64
    assert ranges.shape == (5, 2)
    for (offset, length), frame in zip(ranges.tolist(), FRAMES, strict=True):
        assert NATIVE[offset : offset + length] == frame.tobytes()
    assert bytes(ds.frames.encoded(1)) == FRAMES[1].tobytes()


def test_decode() -> None:
    frames = rd.dcmread(NATIVE).frames
    np.testing.assert_array_equal(frames.decode(), FRAMES)
    np.testing.assert_array_equal(frames.decode([4, 0, 4], threads=2), FRAMES[[4, 0, 4]])
    np.testing.assert_array_equal(frames.decode(np.array([1, 2])), FRAMES[1:3])
    np.testing.assert_array_equal(frames.decode(range(2), threads=1), FRAMES[:2])
    with pytest.raises(IndexError):
        frames.decode([5])


def test_decode_into_out() -> None:
    frames = rd.dcmread(NATIVE).frames
    out = np.full((5, 6, 7), 9, np.uint16)
    result = frames.decode(out=out)
    assert result is out or np.shares_memory(result, out)
    np.testing.assert_array_equal(out, FRAMES)
    two = np.empty((2, 6, 7), np.uint16)
    frames.decode([3, 1], out=two)
    np.testing.assert_array_equal(two, FRAMES[[3, 1]])


@pytest.mark.parametrize(
    "out",
    [
        np.empty((5, 6, 8), np.uint16),
        np.empty((4, 6, 7), np.uint16),
        np.empty((5, 6, 7), np.int16),
        np.empty((5, 6, 7), np.uint8),
        np.empty((5, 6, 14), np.uint16)[:, :, ::2],
        np.empty((5, 7, 6), np.uint16).transpose(0, 2, 1),
        np.empty((5, 6, 7), ">u2"),
    ],
    ids=["columns", "frames", "sign", "width", "strided", "order", "byte order"],
)
def test_a_wrong_out_is_refused_before_any_work(out: np.ndarray) -> None:
    before = out.copy()
    with pytest.raises(ValueError):
        rd.dcmread(NATIVE).frames.decode(out=out)
    np.testing.assert_array_equal(out, before)


def test_an_out_that_lies_in_the_file_is_refused() -> None:
    data = np.frombuffer(NATIVE, np.uint8).copy()
    start = data.ctypes.data % 2  # an array of two bytes a sample begins at an even address
    out = data[start : start + 5 * 6 * 7 * 2].view(np.uint16).reshape(5, 6, 7)
    with pytest.raises(ValueError, match="out lies where"):
        rd.pixel_array(data, out=out)
    code_stream = np.zeros(64, np.uint8)
    with pytest.raises(ValueError, match="out lies where"):
        rd.pixels.decode_frame(
            code_stream,
            transfer_syntax="1.2.840.10008.1.2.1",
            rows=4,
            columns=4,
            bits_allocated=8,
            out=code_stream[16:32].reshape(4, 4),
        )


def test_a_read_only_out_is_refused() -> None:
    out = np.zeros((5, 6, 7), np.uint16)
    out.flags.writeable = False
    with pytest.raises(ValueError):
        rd.dcmread(NATIVE).frames.decode(out=out)
    with pytest.raises((ValueError, TypeError)):
        rd.dcmread(NATIVE).frames.decode(out=[1, 2])


def test_indices_that_no_memory_holds_are_refused() -> None:
    ds = rd.dcmread(NATIVE)
    for far in (range(10**14), range(-(10**16), 10**16)):
        with pytest.raises(MemoryError):
            ds.frames.decode(far)
        with pytest.raises(MemoryError):
            rd.iter_pixels(NATIVE, indices=far)
    assert ds.frames.decode(np.array([4, -5])).shape == (2, 6, 7)
    with pytest.raises(TypeError):
        ds.frames.decode(["0"])


def test_one_fragment_a_frame() -> None:
    data = encapsulated([b"\xff\xd8aa", b"\xff\xd8bbbb", b"\xff\xd8cc"], 3)
    ds = rd.dcmread(data)
    assert [bytes(ds.frames.encoded(i)) for i in range(3)] == [b"\xff\xd8aa", b"\xff\xd8bbbb", b"\xff\xd8cc"]
    for (offset, length), start in zip(ds.frames.byte_ranges.tolist(), (b"\xff\xd8aa", b"\xff\xd8bbbb"), strict=False):
        assert data[offset : offset + length] == start


def test_the_encoded_frame_is_no_copy_where_it_is_one_fragment() -> None:
    data = encapsulated([b"\xff\xd8" + bytes(1000)], 1)
    encoded = rd.dcmread(data).frames.encoded(0)
    assert np.shares_memory(np.frombuffer(encoded, np.uint8), np.frombuffer(data, np.uint8))


def test_all_fragments_of_one_frame() -> None:
    assert (
        bytes(rd.dcmread(encapsulated([b"\xff\xd8aa", b"bbbb", b"\xff\xd9"], 1)).frames.encoded(0))
        == b"\xff\xd8aabbbb\xff\xd9"
    )


def test_basic_offset_table() -> None:
    fragments = [b"\xff\xd8aa", b"bbbb\xff\xd9", b"\xff\xd8cc\xff\xd9"]
    ds = rd.dcmread(encapsulated(fragments, 2, [0, 26]))
    assert [bytes(ds.frames.encoded(i)) for i in range(2)] == [b"\xff\xd8aabbbb\xff\xd9", fragments[2]]


@pytest.mark.parametrize("offsets", [(0, 99999), (0, 27), (26, 0), (0,), (0, 0), (4, 30)])
def test_a_wrong_offset_table_is_ignored_with_a_warning(offsets: tuple[int, ...]) -> None:
    fragments = [b"\xff\xd8aa\xff\xd9", b"\xff\xd8bb\xff\xd9"]
    ds = rd.dcmread(encapsulated(fragments, 2, offsets))
    assert [bytes(ds.frames.encoded(i)) for i in range(2)] == fragments
    assert ds.warnings


@pytest.mark.parametrize("extended", [False, True])
def test_an_offset_table_that_points_into_a_frame_is_not_believed(extended: bool) -> None:
    fragments = [b"\xff\xd8aa", b"bbbb\xff\xd9", b"\xff\xd8cc\xff\xd9"]
    table = E.element(0x7FE00001, "OV", struct.pack("<2Q", 0, 12))
    table += E.element(0x7FE00002, "OV", struct.pack("<2Q", 4, 20))
    wrong = encapsulated(fragments, 2, extra=table) if extended else encapsulated(fragments, 2, [0, 12])
    ds = rd.dcmread(wrong)
    assert [bytes(ds.frames.encoded(i)) for i in range(2)] == [b"\xff\xd8aabbbb\xff\xd9", fragments[2]]
    assert "OffsetTableWrong" in [warning.code.name for warning in ds.warnings]


@pytest.mark.parametrize("frames", [2, 3])
def test_an_offset_table_of_more_frames_than_there_are_said_to_be(frames: int) -> None:
    fragments = [builders.rle_frame(bytes([15, *[n] * 16])) for n in range(4)]
    offsets = [n * (len(fragments[0]) + 8) for n in range(4)]
    image = E.patient() + E.image(frames=frames)
    ds = rd.dcmread(builders.file(image + E.encapsulated(fragments, offsets), builders.RLE_UID))
    assert ds.pixel_array[:, 0, 0].tolist() == list(range(frames))
    assert "FragmentsUnexpected" in [warning.code.name for warning in ds.warnings]
    one = rd.dcmread(encapsulated([b"\xff\xd8aa", b"bb\xff\xd9"], 1, [0, 12]))  # offsets of fragments
    assert bytes(one.frames.encoded(0)) == b"\xff\xd8aabb\xff\xd9"


def test_frames_by_their_markers() -> None:
    fragments = [b"\xff\xd8aa", b"bb\xff\xd9", b"\xff\xd8cc\xff\xd9"]
    ds = rd.dcmread(encapsulated(fragments, 2))
    assert [bytes(ds.frames.encoded(i)) for i in range(2)] == [b"\xff\xd8aabb\xff\xd9", fragments[2]]


def test_extended_offset_table() -> None:
    frames = [b"\xff\xd8aa\xff\xd9", b"\xff\xd8bbbb\xff\xd9"]
    table = E.element(0x7FE00001, "OV", struct.pack("<2Q", 0, 14))
    table += E.element(0x7FE00002, "OV", struct.pack("<2Q", 6, 8))
    ds = rd.dcmread(encapsulated(frames, 2, extra=table))
    assert [bytes(ds.frames.encoded(i)) for i in range(2)] == frames
    assert "OffsetTable" not in repr(ds.warnings)
    lying = E.element(0x7FE00001, "OV", struct.pack("<2Q", 0, 2**63))
    lying += E.element(0x7FE00002, "OV", struct.pack("<2Q", 2**64 - 1, 8))
    ds = rd.dcmread(encapsulated(frames, 2, extra=lying))
    assert [bytes(ds.frames.encoded(i)) for i in range(2)] == frames
    assert ds.warnings


def test_more_frames_than_fragments_is_an_error() -> None:
    ds = rd.dcmread(encapsulated([b"\xff\xd8\xff\xd9"], 3))
    assert len(ds.frames) == 3
    assert bytes(ds.frames.encoded(0)) == b"\xff\xd8\xff\xd9"
    with pytest.raises(rd.PixelDecodeError, match="frame 2 is not there: the Pixel Data has 1 of 3 frames"):
        ds.frames.encoded(2)
    with pytest.raises(rd.PixelDecodeError):
        _ = ds.pixel_array


@pytest.mark.parametrize("frames", [5, 2**31 - 1])
@pytest.mark.parametrize("table", [True, False])
def test_of_a_file_that_was_cut_off_the_whole_frames_are_there(table: bool, frames: int) -> None:
    segments = [bytes([15, *[n] * 16]) for n in range(5)]
    fragments = [builders.rle_frame(segment) for segment in segments]
    starts = [n * (len(fragments[0]) + 8) for n in range(5)]
    image = E.patient() + E.image(frames=frames)
    whole = builders.file(image + E.encapsulated(fragments, starts if table else ()), builders.RLE_UID)
    last = len(fragments[0]) + 8 + 8  # an item, and the delimiter
    ds = rd.dcmread(whole[: -last - 4])
    assert "FragmentsUnexpected" in {warning.code for warning in ds.warnings}
    for n in range(3):
        np.testing.assert_array_equal(ds.frames[n], np.full((4, 4), n))
        assert rd.pixel_array(whole[: -last - 4], index=n).tolist() == [[n] * 4] * 4
    assert ds.frames[:3].byte_ranges.shape == (3, 2)
    assert ds.frames[:3].decode()[:, 0, 0].tolist() == [0, 1, 2]
    with pytest.raises(rd.PixelDecodeError, match="frame 3"):
        _ = ds.frames[3]
    with pytest.warns(rd.IncompleteFrameWarning, match="frame 3"):
        salvaged = ds.frames[:4].decode(on_error="salvage")
    assert salvaged[:3, 0, 0].tolist() == [0, 1, 2]
    for impossible in (lambda: ds.frames[frames - 1], lambda: ds.pixel_array, lambda: ds.frames[1:].decode()):
        with pytest.raises(rd.PixelDecodeError, match="is not there: the Pixel Data has 4 of"):
            impossible()


def test_a_deadline_ends_a_decode_between_two_frames() -> None:
    out = np.ones((5, 6, 7), np.uint16)
    frames = rd.dcmread(NATIVE).frames
    with pytest.raises(rd.LimitError, match="deadline_s"):
        rd.pixel_array(rd.dcmread(NATIVE), out=out, threads=1, limits=rd.Limits(deadline_s=0))
    np.testing.assert_array_equal(out[0], frames[0])
    assert (out[1:] == 1).all()


def test_no_pixel_data() -> None:
    ds = rd.dcmread(builders.file(E.patient()))
    with pytest.raises((AttributeError, rd.PixelDecodeError)):
        _ = ds.pixel_array
    with pytest.raises((AttributeError, rd.PixelDecodeError)):
        _ = ds.frames[0]


def test_one_frame_of_many_touches_no_other(tmp_path: Path) -> None:
    """A sparse file of 4 GiB: a reading of more than is asked for would show."""
    frames, size = 4000, 1 << 20
    head = E.patient() + E.image(1024, 1024, frames=frames) + E.header(0x7FE00010, "OB", frames * size)
    start = builders.file(head)
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + frames * size)
        file.seek(len(start) + 3456 * size)
        file.write(bytes(range(256)))
    for frame in (
        rd.pixel_array(path, index=3456),
        rd.dcmread(path).frames[3456],
        rd.dcmread(path, access="mmap").frames[3456],
    ):
        assert frame.shape == (1024, 1024)
        assert frame[0, :256].tolist() == list(range(256))
