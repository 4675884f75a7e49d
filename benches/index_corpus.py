"""Files that the rows of index.py need beside the corpus: many headers, compressed files of many frames, archives."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import struct
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from growth import ITEM, SEQUENCE_END, UNDEFINED, element, file, tag

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
ROOT = "1.2.826.0.1.3680043.10.9999.8"
FOLDER = 1000  # files of one folder
MODALITIES = (b"CT", b"MR", b"US", b"PT")
OFFSET_TABLES = ("basic", "extended", "none")


def text(group: int, number: int, vr: str, value: str) -> bytes:
    """One element of text, padded to an even length (PS3.5 §6.2)."""
    data = value.encode()
    return element(group, number, vr, data + (b"\0" if vr == "UI" else b" ") * (len(data) % 2))


def header() -> bytes:
    """About 1 KB: a CT image without its pixels.

    NNNNNNN stands for its number, SSSSSSS for that of its series, PPPPPPP for that of its patient, MM for its modality.
    """
    uid = f"{ROOT}.1NNNNNNN"
    rest = (
        text(0x0008, 0x0005, "CS", "ISO_IR 100")
        + text(0x0008, 0x0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")
        + text(0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2")
        + text(0x0008, 0x0018, "UI", uid)
        + b"".join(text(0x0008, number, "DA", "20240131") for number in (0x0020, 0x0021, 0x0022, 0x0023))
        + b"".join(text(0x0008, number, "TM", "101112.131415") for number in (0x0030, 0x0031, 0x0032, 0x0033))
        + text(0x0008, 0x0050, "SH", "ASSSSSSS")
        + text(0x0008, 0x0060, "CS", "MM")
        + text(0x0008, 0x0070, "LO", "Manufacturer")
        + text(0x0008, 0x0080, "LO", "Institution")
        + text(0x0008, 0x1030, "LO", "Thorax")
        + text(0x0008, 0x103E, "LO", "Thorax 1.0 B70f")
        + text(0x0008, 0x1090, "LO", "Model")
        + text(0x0010, 0x0010, "PN", "PatientPPPPPPP^Given")
        + text(0x0010, 0x0020, "LO", "PPPPPPP")
        + text(0x0010, 0x0030, "DA", "19500101")
        + text(0x0010, 0x0040, "CS", "O")
        + text(0x0018, 0x0015, "CS", "CHEST")
        + text(0x0018, 0x0050, "DS", "1.0")
        + text(0x0018, 0x0060, "DS", "120")
        + text(0x0018, 0x5100, "CS", "HFS")
        + text(0x0020, 0x000D, "UI", f"{ROOT}.2.1PPPPPPP")
        + text(0x0020, 0x000E, "UI", f"{ROOT}.3.1SSSSSSS")
        + text(0x0020, 0x0010, "SH", "1")
        + text(0x0020, 0x0011, "IS", "1")
        + text(0x0020, 0x0013, "IS", "NNNNNNN")
        + text(0x0020, 0x0032, "DS", "-189.6289\\-352.1289\\-700.5000")
        + text(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0")
        + text(0x0020, 0x0052, "UI", f"{ROOT}.4.1SSSSSSS")
        + element(0x0028, 0x0002, "US", struct.pack("<H", 1))
        + text(0x0028, 0x0004, "CS", "MONOCHROME2")
        + image(512, 512, 16)
        + text(0x0028, 0x1050, "DS", "40")
        + text(0x0028, 0x1051, "DS", "400")
        + text(0x0028, 0x1052, "DS", "-1024")
        + text(0x0028, 0x1053, "DS", "1")
    )
    modality = element(0x0008, 0x0060, "CS", b"OT")  # that which growth.file puts before what it is given
    whole = file(rest)
    return whole.replace(modality, b"", 1)


def image(rows: int, columns: int, bits: int) -> bytes:
    """The Image Pixel Module of one sample a pixel (PS3.3 §C.7.6.3)."""
    numbers = ((0x0010, rows), (0x0011, columns), (0x0100, bits), (0x0101, bits), (0x0102, bits - 1), (0x0103, 0))
    return b"".join(element(0x0028, number, "US", struct.pack("<H", value)) for number, value in numbers)


def _some_headers(folder: str, first: int, last: int) -> None:
    template = header()
    for start in range(first, last, FOLDER):
        place = os.open(f"{folder}/{start // FOLDER:04d}", os.O_RDONLY | os.O_DIRECTORY)
        for number in range(start, min(start + FOLDER, last)):
            data = template.replace(b"NNNNNNN", b"%07d" % number).replace(b"SSSSSSS", b"%07d" % (number // 100))
            data = data.replace(b"PPPPPPP", b"%07d" % (number // 400)).replace(b"MM", MODALITIES[number // 400 % 4])
            made = os.open(f"IM{number:07d}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=place)
            os.write(made, data)
            os.close(made)
        os.close(place)


def headers(folder: Path, numbers: range) -> None:
    """A header for each number, 1,000 a folder, by as many processes as there are cores."""
    for start in range(numbers.start, numbers.stop, FOLDER):
        (folder / f"{start // FOLDER:04d}").mkdir(parents=True)
    if len(numbers) <= 10 * FOLDER:
        _some_headers(str(folder), numbers.start, numbers.stop)
        return
    firsts = range(numbers.start, numbers.stop, 10 * FOLDER)
    parts = [(str(folder), first, min(first + firsts.step, numbers.stop)) for first in firsts]
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        pool.starmap(_some_headers, parts, chunksize=1)


def encapsulated(offset_table: str, frames: int, seed: int) -> bytes:
    """Frames of one fragment of 20 to 50 KB each, which begin as a JPEG code stream does (PS3.5 §A.4)."""
    chance = random.Random(seed)
    fragments = [b"\xff\xd8" + chance.randbytes(2 * chance.randrange(10_000, 25_000)) for _ in range(frames)]
    offsets, at = [], 0
    for fragment in fragments:
        offsets.append(at)
        at += 8 + len(fragment)
    basic = struct.pack(f"<{frames}I", *offsets) if offset_table == "basic" else b""
    extended = b""
    if offset_table == "extended":
        lengths = [len(fragment) for fragment in fragments]
        extended = _very_long(0x0001, offsets) + _very_long(0x0002, lengths)
    pixels = tag(ITEM, len(basic)) + basic
    pixels += b"".join(tag(ITEM, len(fragment)) + fragment for fragment in fragments) + tag(SEQUENCE_END)
    number = element(0x0028, 0x0002, "US", struct.pack("<H", 1)) + text(0x0028, 0x0004, "CS", "MONOCHROME2")
    number += text(0x0028, 0x0008, "IS", str(frames))
    body = number + image(512, 512, 8) + extended + element(0x7FE0, 0x0010, "OB", b"", UNDEFINED) + pixels
    return file(body, JPEG_BASELINE)


def _very_long(number: int, values: list[int]) -> bytes:
    """Extended Offset Table, or its Lengths: OV (PS3.5 §7.1.2)."""
    data = struct.pack(f"<{len(values)}Q", *values)
    return struct.pack("<HH2sHI", 0x7FE0, number, b"OV", 0, len(data)) + data


def many_frames(folder: Path, offset_table: str, files: int, frames: int) -> None:
    """So many names for at most eight files."""
    folder.mkdir(parents=True)
    made: list[Path] = []
    for i in range(files):
        path = folder / f"{i:04d}.dcm"
        if i < 8:
            path.write_bytes(encapsulated(offset_table, frames, i))
            made.append(path)
        else:
            path.hardlink_to(made[i % len(made)])


def write_zip(target: Path, files: Iterable[tuple[str, Path]], compression: int) -> None:
    """A ZIP of files by their names in it."""
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, path in files:
            archive.write(path, name)


def write_tar(target: Path, files: Iterable[tuple[str, Path]]) -> None:
    """A TAR, not compressed."""
    with tarfile.open(target, "w") as archive:
        for name, path in files:
            data = path.read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
