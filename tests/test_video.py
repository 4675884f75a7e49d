"""Frames.stream() and rd.video.frames: video as it lies in fragments, and through PyAV."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT
Write = Callable[..., Path]
MPEG_2 = "1.2.840.10008.1.2.4.100"
MPEG_4 = "1.2.840.10008.1.2.4.102"
PICTURES = 12


def video(fragments: list[bytes], frames: int = PICTURES, uid: str = MPEG_2) -> bytes:
    image = E.image(48, 64, bits=8, frames=frames, samples=3, photometric="YBR_PARTIAL_420")
    return builders.file(E.patient() + image + E.encapsulated(fragments), uid)


def pieces(data: bytes, count: int) -> list[bytes]:
    size = -(-len(data) // count // 2) * 2
    return [data[at : at + size] for at in range(0, len(data), size)]


BYTES = bytes(range(256)) * 5


def test_of_a_video_no_frames_are_listed(write: Write) -> None:
    """As many as it declares would not fit any memory."""
    path = write(video(pieces(BYTES, 2), frames=999_999_999_999))
    looks: list[Callable[[], object]] = [
        lambda: rd.pixel_array(path),
        lambda: rd.dcmread(path).pixel_array,
        lambda: rd.dcmread(path).frames.decode(),
        lambda: next(iter(rd.dcmread(path).frames)),
        lambda: rd.pixel_array(path, limits=rd.Limits.untrusted()),
    ]
    for look in looks:
        with pytest.raises(rd.UnsupportedTransferSyntaxError):
            look()


@pytest.mark.parametrize("count", [1, 3, 7])
def test_the_stream_is_the_fragments_one_after_the_other(write: Write, count: int) -> None:
    data = video(pieces(BYTES, count), frames=500)
    path = write(data)
    for ds in (rd.dcmread(data), rd.dcmread(path, access="mmap"), rd.dcmread(path, access="read")):
        stream = ds.frames.stream()
        assert isinstance(stream, io.RawIOBase)
        assert (len(stream), stream.readable(), stream.seekable()) == (len(BYTES), True, True)
        assert stream.read() == BYTES
        assert stream.read(1) == b""
        assert b"".join(stream.fragments) == BYTES
        assert all(fragment.readonly for fragment in stream.fragments)
        assert io.BufferedReader(ds.frames[3:5].stream(), 100).read() == BYTES


def test_the_stream_is_read_where_it_is_sought() -> None:
    stream = rd.dcmread(video(pieces(BYTES, 6))).frames.stream()
    generator = np.random.default_rng(4)
    for position, size in generator.integers(0, len(BYTES) + 20, (200, 2)).tolist():
        assert stream.seek(position) == position
        assert stream.read(size) == BYTES[position : position + size]
        assert stream.tell() == max(min(position + size, len(BYTES)), position)
    assert stream.seek(-5, io.SEEK_END) == len(BYTES) - 5
    assert stream.seek(2, io.SEEK_CUR) == len(BYTES) - 3
    with pytest.raises(ValueError, match="byte -1"):
        stream.seek(-1)
    with pytest.raises(ValueError, match="whence is 7"):
        stream.seek(0, 7)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)


def test_native_data_is_one_stream() -> None:
    data = builders.file(E.patient() + E.image(2, 2, bits=8, frames=3) + E.pixels(bytes(range(12)), "OB"))
    assert rd.dcmread(data).frames.stream().read() == bytes(range(12))


def test_a_file_that_changed_is_noticed(write: Write) -> None:
    path = write(video(pieces(BYTES * 4000, 2)))  # more than is read at once
    stream = rd.dcmread(path, access="read").frames.stream()
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(rd.FileChangedError):
        stream.read()


def test_frames_of_no_video_are_refused() -> None:
    with pytest.raises(rd.UnsupportedTransferSyntaxError, match="is no video"):
        rd.video.frames(rd.dcmread(builders.small()))


def test_without_pyav_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install \"rapidicom\[video\]\""):
        rd.video.frames(rd.dcmread(video([BYTES])))


def encoded(codec: str, container: str) -> bytes:
    """A tiny video: each picture a little brighter than the one before."""
    av = pytest.importorskip("av", reason="PyAV is not installed")
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        try:
            stream = output.add_stream(codec, rate=25)
        except av.codec.codec.UnknownCodecError:
            pytest.skip(f"this PyAV has no encoder {codec}")
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.bit_rate = 2_000_000
        for number in range(PICTURES):
            picture = np.full((48, 64, 3), 20 + 15 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return target.getvalue()


@pytest.mark.parametrize(
    ("codec", "container", "uid"),
    [
        ("mpeg2video", "mpeg2video", MPEG_2),
        ("mpeg2video", "mpegts", MPEG_2 + ".1"),
        ("libx264", "h264", MPEG_4),
        ("libx264", "mp4", "1.2.840.10008.1.2.4.105.1"),
        ("libx265", "hevc", "1.2.840.10008.1.2.4.107"),
    ],
)
@pytest.mark.parametrize("fragments", [1, 5])
def test_pictures(write: Write, codec: str, container: str, uid: str, fragments: int) -> None:
    path = write(video(pieces(encoded(codec, container), fragments), uid=uid))
    pictures = rd.video.frames(rd.dcmread(path))
    first = next(pictures)
    assert (first.shape, first.dtype) == ((48, 64, 3), np.uint8)
    everything = [first, *pictures]
    assert len(everything) == PICTURES
    for number, picture in enumerate(everything):
        assert abs(float(picture.mean()) - (20 + 15 * number)) < 6


def test_what_is_no_video_inside() -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    with pytest.raises(rd.PixelDecodeError):
        list(rd.video.frames(rd.dcmread(video([bytes(4096)]))))
