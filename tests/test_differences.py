"""docs/differences.md, its rows beyond the files of the tests: pydicom and rapidicom, each as the row says."""

import io
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pydicom.pixels.processing as theirs
import pydicom.uid
import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT, UNDEFINED
from conftest import CHECKOUT
from rapidicom import pixels as ours

pytestmark = pytest.mark.filterwarnings("ignore")


def both(content: bytes, get: Callable[[Any], Any], **options: Any) -> tuple[Any, Any]:
    """What pydicom gives and what rapidicom gives."""
    return get(pydicom.dcmread(io.BytesIO(content), **options)), get(rd.dcmread(content, **options))


def test_no_more_than_fifteen_reasons() -> None:
    words = (CHECKOUT / "docs" / "differences.md").read_text(encoding="utf-8")
    met, _, beyond = re.split(r"^## ", words, flags=re.MULTILINE)[1:]
    rows = [line for line in (met + beyond).splitlines() if line.startswith("| ")]
    assert len(rows) - 2 <= 15  # two headings


def test_an_integer_string_beyond_2_to_the_53() -> None:
    content = builders.file(EXPLICIT.element(0x00200013, "IS", "9007199254740993"))
    assert both(content, lambda ds: ds.InstanceNumber) == (9007199254740992.0, 9007199254740993)


def test_undefined_length() -> None:
    end = EXPLICIT.header(0xFFFEE0DD, "", 0)
    image = EXPLICIT.image() + EXPLICIT.header(0x7FE00010, "OB", UNDEFINED) + end
    content = builders.file(image, builders.JPEG_BASELINE_UID)
    assert both(content, lambda ds: ds.PixelData) == (b"", None)
    item = EXPLICIT.item(EXPLICIT.element(0x00100010, "PN", "Doe^John"))
    private = EXPLICIT.element(0x00290010, "LO", "TEST") + EXPLICIT.header(0x00291010, "OB", UNDEFINED) + item + end
    content = builders.file(private)
    assert both(content, lambda ds: ds[0x00291010].VR) == ("OB", "SQ")
    assert pydicom.dcmread(io.BytesIO(content))[0x00291010].value == rd.dcmread(content)[0x00291010].raw == item
    assert rd.dcmread(content)[0x00291010].value[0].PatientName == "Doe^John"


def test_an_empty_list_of_tags() -> None:
    content = builders.file(EXPLICIT.patient(character_set="ISO_IR 100"))
    assert both(content, lambda ds: len(ds), specific_tags=[]) == (9, 1)


@pytest.mark.parametrize("number", ["4.94", "4.95", "4.204", "4.205", "6.1", "6.2", "7.1", "7.2", "7.3"])
def test_transfer_syntaxes_of_no_image_file(number: str) -> None:
    uid = f"1.2.840.10008.1.2.{number}"
    assert pydicom.uid.UID(uid).is_encapsulated
    assert not rd.UID(uid).is_encapsulated
    assert not pydicom.uid.UID(uid).is_deflated
    assert rd.UID(uid).is_deflated is (number in ("4.95", "4.205"))


def test_other_transfer_syntaxes() -> None:
    papyrus = "1.2.840.10008.1.20"
    assert pydicom.uid.UID(papyrus).is_encapsulated and not pydicom.uid.UID(papyrus).is_implicit_VR
    assert rd.UID(papyrus).is_implicit_VR and not rd.UID(papyrus).is_encapsulated
    deflated_frames = "1.2.840.10008.1.2.8.1"
    # In a process of its own: other tests make it known to pydicom.
    code = f"import pydicom.uid; print(pydicom.uid.UID({deflated_frames!r}).is_transfer_syntax)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
    assert rd.UID(deflated_frames).is_encapsulated


def test_the_length_of_a_lookup_table() -> None:
    table = IMPLICIT.element(0x00283002, "US", [62311, 0, 16]) + IMPLICIT.element(0x00283006, "US", [0, 1])
    modality = IMPLICIT.sequence(0x00283000, IMPLICIT.item(table))
    content = builders.file(IMPLICIT.image(signed=True) + modality, builders.IMPLICIT_LITTLE_UID)
    assert both(content, lambda ds: ds.ModalityLUTSequence[0].LUTDescriptor) == ([-3225, 0, 16], [62311, 0, 16])


def palette_color(encoding: builders.Encoding, uid: str, bits: int, presentation: str = "") -> bytes:
    entries = [number * 257 for number in range(256)] if bits == 16 else list(range(256))
    table = struct.pack(f"{encoding.order}256{'H' if bits == 16 else 'B'}", *entries)
    parts = [encoding.element(0x00089205, "CS", presentation)] if presentation else []
    parts += [encoding.image(photometric="MONOCHROME2" if presentation else "PALETTE COLOR")]
    parts += [encoding.element(0x00281101 + color, "US", [256, 16, bits]) for color in range(3)]
    parts += [encoding.element(0x00281201 + color, "OW", table) for color in range(3)]
    return builders.file(b"".join(parts), uid)


def test_palettes() -> None:
    samples = np.array([16, 271, 272], np.uint16)

    def colored(content: bytes) -> list[list[int]]:
        found = pydicom.dcmread(io.BytesIO(content)), rd.dcmread(content)
        return [
            theirs.apply_color_lut(samples, found[0])[:, 0].tolist(),
            ours.apply_color_lut(samples, found[1])[:, 0].tolist(),
        ]

    assert colored(palette_color(EXPLICIT, builders.EXPLICIT_LITTLE_UID, 16)) == [[0, 65535, 65535]] * 2
    assert colored(palette_color(EXPLICIT, builders.EXPLICIT_LITTLE_UID, 8)) == [[0, 255, 0], [0, 255, 255]]
    steps = np.arange(256, dtype=np.uint8)
    assert np.array_equal(theirs.apply_color_lut(steps, palette="FALL"), ours.apply_color_lut(steps, palette="WINTER"))
    assert np.array_equal(theirs.apply_color_lut(steps, palette="WINTER"), ours.apply_color_lut(steps, palette="FALL"))


def test_palettes_in_big_endian() -> None:
    content = palette_color(BIG, builders.EXPLICIT_BIG_UID, 16).replace(struct.pack(">H", 257), struct.pack(">H", 258))
    samples = np.array([17], np.uint16)
    assert theirs.apply_color_lut(samples, pydicom.dcmread(io.BytesIO(content)))[0, 0] == 513
    assert ours.apply_color_lut(samples, rd.dcmread(content))[0, 0] == 258


def test_supplemental_palettes() -> None:
    content = palette_color(EXPLICIT, builders.EXPLICIT_LITTLE_UID, 8, "COLOR")
    samples = np.array([0, 20], np.uint8)
    with pytest.raises(ValueError, match="Supplemental"):
        theirs.apply_color_lut(samples, pydicom.dcmread(io.BytesIO(content)))
    assert ours.apply_color_lut(samples, rd.dcmread(content)).tolist() == [[0, 0, 0], [4, 4, 4]]
