"""Waveforms: samples as they are stored and in their units, as pydicom gives them."""

import io
import struct
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.waveforms import generate_multiplex

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, Encoding
from rapidicom import waveforms


def waveform(encoding: Encoding, bits: int, kind: str, data: bytes, extra: bytes = b"", without: int = 0) -> bytes:
    e = encoding.element
    elements = {
        0x003A0005: e(0x003A0005, "US", 2),
        0x003A0010: e(0x003A0010, "UL", 3),
        0x003A0200: extra,
        0x54001004: e(0x54001004, "US", bits),
        0x54001006: e(0x54001006, "CS", kind),
        0x54001010: e(0x54001010, "OB" if bits == 8 else "OW", data),
    }
    elements.pop(without, None)
    uid = builders.EXPLICIT_BIG_UID if encoding is BIG else builders.EXPLICIT_LITTLE_UID
    return builders.file(encoding.sequence(0x54000100, encoding.item(b"".join(elements.values()))), uid)


def channels(*definitions: dict[int, str]) -> bytes:
    items = [b"".join(EXPLICIT.element(tag, "DS", value) for tag, value in d.items()) for d in definitions]
    return EXPLICIT.sequence(0x003A0200, *map(EXPLICIT.item, items))


SENSITIVITY, CORRECTION, BASELINE = 0x003A0210, 0x003A0212, 0x003A0213


def test_an_ecg() -> None:
    path = get_testdata_file("waveform_ecg.dcm")
    ours, theirs = rd.dcmread(path), pydicom.dcmread(path)
    for index in range(len(theirs.WaveformSequence)):
        array = ours.waveform_array(index)
        assert np.array_equal(array, theirs.waveform_array(index))
        assert array.dtype == np.float64 and array.flags.writeable
    for array, expected in zip(waveforms.generate_multiplex(ours), generate_multiplex(theirs), strict=True):
        assert np.array_equal(array, expected) and array.dtype == expected.dtype and array.flags.writeable


@pytest.mark.parametrize(
    ("bits", "kind"),
    [
        (8, "SB"),
        (8, "UB"),
        (8, "MB"),
        (8, "AB"),
        (16, "SS"),
        (16, "US"),
        (32, "SL"),
        (32, "UL"),
        (64, "SV"),
        (64, "UV"),
    ],
)
def test_kinds_of_samples(bits: int, kind: str) -> None:
    data = waveform(
        EXPLICIT,
        bits,
        kind,
        bytes(range(100, 100 + 6 * bits // 8)) + b"padding!",
        channels({SENSITIVITY: "0.25", CORRECTION: "1.5", BASELINE: "-3"}, {SENSITIVITY: "2"}),
    )
    ours, theirs = rd.dcmread(data), pydicom.dcmread(io.BytesIO(data))
    assert np.array_equal(ours.waveform_array(0), theirs.waveform_array(0))
    (array,), (expected,) = waveforms.generate_multiplex(ours), generate_multiplex(theirs)
    assert np.array_equal(array, expected) and array.dtype == expected.dtype


def test_byte_order_is_that_of_the_data_set() -> None:
    data = waveform(BIG, 16, "SS", struct.pack(">6h", -1, 2, -3, 4, -5, 6))
    array = waveforms.multiplex_array(rd.dcmread(data), 0)
    assert array.tolist() == [[-1, 2], [-3, 4], [-5, 6]] and array.dtype.isnative


def test_channels_without_numbers_are_left_as_they_are() -> None:
    data = waveform(EXPLICIT, 8, "UB", bytes(range(6)), channels({SENSITIVITY: "", BASELINE: ""}))
    assert rd.dcmread(data).waveform_array(0).tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (builders.small(), AttributeError),
        *(
            (waveform(EXPLICIT, 8, "UB", bytes(6), without=tag), AttributeError)
            for tag in (0x003A0005, 0x54001004, 0x54001010)
        ),
        (waveform(EXPLICIT, 8, "SS", bytes(6)), NotImplementedError),
        (waveform(EXPLICIT, 16, "SS", bytes(6)), ValueError),
    ],
)
def test_what_is_no_waveform(data: bytes, error: Any) -> None:
    with pytest.raises(error):
        rd.dcmread(data).waveform_array(0)


def test_a_group_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        rd.dcmread(waveform(EXPLICIT, 8, "UB", bytes(6))).waveform_array(1)
