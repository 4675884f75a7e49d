"""rapidicom.pydicom: the plugin among pydicom's decoders, and data sets as pydicom's own."""

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import _PIXEL_DATA_DECODERS, DecodeRunner
from pydicom.uid import UID

import builders
import rapidicom as rd
import rapidicom.pydicom as bridge
from builders import EXPLICIT, IMPLICIT

RLE = get_decoder(builders.RLE_UID)
COMPRESSED = [decoder for decoder, _ in _PIXEL_DATA_DECODERS.values() if decoder.UID.is_encapsulated]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    bridge.unregister_decoders()


def order(decoder: Any) -> list[str]:
    """The plugins in the order in which pydicom tries them."""
    return list(decoder._validate_plugins())


def test_every_decoder_gets_the_plugin_and_loses_it() -> None:
    assert len(COMPRESSED) >= 12
    before = {decoder.UID: order(decoder) for decoder in COMPRESSED if decoder.is_available}
    bridge.register_decoders()
    for decoder in COMPRESSED:
        assert order(decoder) == ["rapidicom", *before.get(decoder.UID, [])]
        assert "rapidicom" in decoder.available_plugins
    bridge.register_decoders(first=False)
    assert all(order(decoder)[-1] == "rapidicom" for decoder in COMPRESSED)
    bridge.register_decoders(first=True)
    assert all(order(decoder)[0] == "rapidicom" for decoder in COMPRESSED)
    bridge.unregister_decoders()
    bridge.unregister_decoders()
    assert {decoder.UID: order(decoder) for decoder in COMPRESSED if decoder.is_available} == before


def test_the_context_gives_back_what_was_there() -> None:
    before = order(RLE)
    with pytest.raises(KeyError), bridge.decoders():
        assert order(RLE)[0] == "rapidicom"
        raise KeyError
    assert order(RLE) == before
    bridge.register_decoders(first=False)
    with bridge.decoders():
        assert order(RLE)[0] == "rapidicom"
    assert order(RLE) == [*before, "rapidicom"]


def test_pydicoms_pixel_array_is_ours(pydicom_files: list[Path], pydicom_data_files: list[Path]) -> None:
    """By our plugin alone, over every compressed file: as our own decoding; both as pydicom's where it can."""
    compared, syntaxes = 0, set()
    with bridge.decoders():
        for path in (*pydicom_files, *pydicom_data_files):
            if not rd.is_dicom(path):
                continue
            ours = rd.dcmread(path)
            syntax = ours.transfer_syntax
            if "PixelData" not in ours or syntax is None or not bridge.is_available(syntax):
                continue
            theirs = pydicom.dcmread(path)
            if "PixelData" not in theirs:  # damaged beyond what pydicom reads
                continue
            decoder = get_decoder(UID(syntax))
            try:
                expected = ours.pixel_array
            except rd.DicomError:
                with pytest.raises((RuntimeError, AttributeError, ValueError)):
                    decoder.as_array(theirs, decoding_plugin="rapidicom")
                continue
            found, _ = decoder.as_array(theirs, decoding_plugin="rapidicom")
            if len(found) > len(expected):
                found = found[: len(expected)]  # excess frames that pydicom gives
            np.testing.assert_array_equal(found, expected, err_msg=path.name)
            assert found.dtype == expected.dtype
            compared += 1
            syntaxes.add(str(syntax))
    assert compared >= 55
    assert len(syntaxes) >= 8


def rle(pixels: bytes, rows: int, columns: int) -> bytes:
    segment = b"".join(bytes([len(row) - 1]) + row for row in (pixels[i : i + 100] for i in range(0, len(pixels), 100)))
    content = EXPLICIT.patient() + EXPLICIT.image(rows, columns, bits=8)
    return builders.file(content + EXPLICIT.encapsulated([builders.rle_frame(segment)]), builders.RLE_UID)


def test_a_refused_frame_is_tried_by_the_others() -> None:
    short = pydicom.dcmread(io.BytesIO(rle(bytes(15), 4, 4)))
    with bridge.decoders(), pytest.raises(RuntimeError, match=r"rapidicom: .*\n(?s:.*)pydicom: "):
        RLE.as_array(short)
    with bridge.decoders(), pytest.raises(RuntimeError, match="rapidicom: ") as caught:
        RLE.as_array(short, decoding_plugin="rapidicom")
    assert "pydicom: " not in str(caught.value)


def test_the_segment_order_is_the_callers() -> None:
    pixels = np.arange(16, dtype="<u2").reshape(4, 4) * 257 + 3
    planes = [bytes([15]) + plane.tobytes() for plane in pixels.reshape(-1).view("u1").reshape(-1, 2).T]
    frame = b"".join(number.to_bytes(4, "little") for number in (2, 64, 64 + 18)).ljust(64, b"\0")
    frame += planes[0] + b"\x80" + planes[1] + b"\x80"
    content = EXPLICIT.patient() + EXPLICIT.image(4, 4, bits=16) + EXPLICIT.encapsulated([frame])
    ds = pydicom.dcmread(io.BytesIO(builders.file(content, builders.RLE_UID)))
    with bridge.decoders():
        found, _ = RLE.as_array(ds, decoding_plugin="rapidicom", rle_segment_order="<")
        np.testing.assert_array_equal(found, pixels)
        swapped, _ = RLE.as_array(ds, decoding_plugin="rapidicom")
        np.testing.assert_array_equal(swapped, pixels.byteswap())


def test_threads_may_decode_and_register_together(pydicom_files: list[Path]) -> None:
    path = next(path for path in pydicom_files if path.name == "MR_small_RLE.dcm")
    expected = rd.dcmread(path).pixel_array
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            bridge.register_decoders(first=True)
            bridge.register_decoders(first=False)

    changing = threading.Thread(target=change)
    bridge.register_decoders()
    changing.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: pydicom.dcmread(path).pixel_array, range(40)):
                np.testing.assert_array_equal(found, expected)
    finally:
        stop.set()
        changing.join()


class LaterRunner(DecodeRunner):
    """As pydicom's after 3.0: each frame has options of its own."""

    index = 3

    def __init__(self, uid: str, **options: Any) -> None:
        super().__init__(UID(uid))
        self.set_options(**options)
        self.of_frames: dict[tuple[int, str], Any] = {}

    def set_frame_option(self, index: int, name: str, value: Any) -> None:
        self.of_frames[index, name] = value

    def get_frame_option(self, index: int, name: str, default: Any = None) -> Any:
        return self.of_frames.get((index, name), self.get_option(name, default))


def test_later_runners_have_options_of_frames(pydicom_files: list[Path]) -> None:
    ds = rd.dcmread(next(path for path in pydicom_files if path.name == "GDCMJ2K_TextGBR.dcm"))
    runner = LaterRunner(
        str(ds.transfer_syntax), rows=ds.Rows, columns=ds.Columns, samples_per_pixel=3, bits_allocated=16,
        bits_stored=8, pixel_representation=0, photometric_interpretation="YBR_RCT", planar_configuration=0,
    )  # fmt: skip
    frame = bridge._decode_frame(bytes(ds.frames.encoded(0)), runner)
    np.testing.assert_array_equal(np.frombuffer(frame, "u1").reshape(ds.Rows, ds.Columns, 3), ds.frames[0])
    assert runner.of_frames == {
        (3, "decoding_plugin"): "rapidicom",
        (3, "planar_configuration"): 0,
        (3, "bits_allocated"): 8,
        (3, "photometric_interpretation"): "RGB",
    }
    assert runner.bits_allocated == 16


def test_without_pydicom_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pydicom.pixels", None)
    for call in (bridge.register_decoders, bridge.unregister_decoders, bridge.decoders().__enter__):
        with pytest.raises(ImportError, match="pip install pydicom"):
            call()
    monkeypatch.undo()


def saved(ds: Any) -> bytes:
    target = io.BytesIO()
    ds.save_as(target)
    return target.getvalue()


def test_to_pydicom_is_what_pydicom_reads(pydicom_files: list[Path], pydicom_data_files: list[Path]) -> None:
    compared = 0
    for path in (*pydicom_files, *pydicom_data_files):
        try:
            theirs = pydicom.dcmread(path)
        except Exception:
            continue
        ours = bridge.to_pydicom(rd.dcmread(path))
        if path.name in KNOWN:
            continue
        assert all(isinstance(ours.get_item(tag), RawDataElement) for tag in ours.keys() - {0x00080005}), path.name
        assert ours == theirs, path.name
        assert ours.file_meta == theirs.file_meta, path.name
        assert ours.preamble == theirs.preamble, path.name
        assert ours.original_encoding == theirs.original_encoding, path.name
        assert ours.original_character_set == theirs.original_character_set, path.name
        assert ours.filename == str(path)
        compared += 1
    assert compared > 150


# Ours, and not pydicom's, by intent.
KNOWN = {
    "emri_small_jpeg_2k_lossless_too_short.dcm": "pydicom gives nothing where the last fragment ends early",
    "SC_rgb_jpeg.dcm": "in Implicit VR, whatever it declares; pydicom reads it so, but calls it Explicit",
}


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
def test_to_pydicom_writes_what_it_was_read_from(
    write: Callable[..., Path], encoding: builders.Encoding, undefined: bool
) -> None:
    e = encoding
    item = e.item(
        e.element(0x00080100, "SH", "code") + e.element(0x00100010, "PN", "Müller".encode("latin-1")),
        undefined=undefined,
    )
    content = e.patient("Müller".encode("latin-1"), character_set="ISO_IR 100")
    content += e.sequence(0x00400260, item, undefined=undefined) + e.image(2, 2) + e.pixels(bytes(4))
    uid = builders.EXPLICIT_LITTLE_UID if e is EXPLICIT else builders.IMPLICIT_LITTLE_UID
    data = builders.file(content, uid)
    made = bridge.to_pydicom(rd.dcmread(data))
    assert made.filename is None
    assert made.PatientName == "Müller"
    assert made[0x00400260].value[0].PatientName == "Müller"
    assert made.pixel_array.tolist() == [[0, 0], [0, 0]]
    assert saved(made) == saved(pydicom.dcmread(io.BytesIO(data)))
