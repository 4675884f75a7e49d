"""Writes the static tables of the dictionaries from the CSV files beside this script.

    python tools/dictionary/generate.py            write the generated files
    python tools/dictionary/generate.py --check    exit status 1 if that would change anything

Every Rust table is an array of fixed-size records whose texts are ranges of one blob, and an open-addressing table of
u16 made here: nothing is built or relocated when the library is loaded. `hash_text`, `hash_tag` and `slots` are the
twins of `rust/core/src/dictionary/hash.rs`, `letters` is that of `nearest.rs`.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

EDITION = "2026b"
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RUST = ROOT / "rust/core/src/dictionary"
STUB = ROOT / "python/rapidicom/_keywords.pyi"

Key = TypeVar("Key")
EMPTY = 0xFFFF
U64 = (1 << 64) - 1
FIRST, MIDDLE, LAST = 0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0xD6E8_FEB8_6659_FD93
TAG = 0x9E37_79B1
MAX_PROBES = 12

# PS3.5 §7.6 and the retired repeating groups and elements: (select, value, keep, base). A tag with
# tag & select == value answers as its representative, (tag & keep) | base.
FAMILIES = [
    (0xFF00_0000, 0x5000_0000, 0xFF00_FFFF, 0),
    (0xFF00_0000, 0x6000_0000, 0xFF00_FFFF, 0),
    (0xFF00_0000, 0x7F00_0000, 0xFF00_FFFF, 0),
    (0xFFFF_FF00, 0x0020_3100, 0xFFFF_FF00, 0),
    (0xFFFF_FF00, 0x0028_0400, 0xFFFF_FF0F, 0x10),
    (0xFFFF_FF00, 0x0028_0800, 0xFFFF_FF0F, 0),
    (0xFFFF_0000, 0x1000_0000, 0xFFFF_000F, 0x10),
    (0xFFFF_0000, 0x1010_0000, 0xFFFF_0000, 0x04),
]

AMBIGUOUS = {
    "US or SS": "US_SS",
    "OB or OW": "OB_OW",
    "US or OW": "US_OW",
    "US or SS or OW": "US_SS_OW",
    "NONE": "NONE",
}
TEXT_VRS = ["AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UR", "UT"]
PYTHON_TYPES = (
    dict.fromkeys(TEXT_VRS, "str")
    | dict.fromkeys(["DS", "FL", "FD"], "float")
    | dict.fromkeys(["IS", "US", "SS", "UL", "SL", "UV", "SV"], "int")
    | dict.fromkeys(["OB", "OD", "OF", "OL", "OV", "OW", "UN"], "bytes")
    | {"PN": "_PersonName", "UI": "_UID", "AT": "Tag", "SQ": "Sequence"}  # two of them are keywords too
)
VRS = sorted(PYTHON_TYPES)
SINGLE_VALUED = {"LT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "ST", "UN", "UR", "UT"}  # PS3.5 §6.4


@dataclass(frozen=True)
class Element:
    """One row of the data dictionary; `tag` is the representative where `mask` (value, x digits) makes it a family."""

    tag: int
    keyword: str
    name: str
    vr: str
    vm: str
    retired: bool
    mask: str = ""


@dataclass(frozen=True)
class PrivateElement:
    """One row of the private dictionary; `key` is the tag as `private_key` packs it."""

    key: int
    name: str
    vr: str
    vm: str


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one CSV file, texts stripped."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {key: value.strip() for key, value in row.items()}


def representative(tag: int) -> int | None:
    """The tag that stands for the family of repeating groups or elements that this tag is of."""
    for select, value, keep, base in FAMILIES:
        if tag & select == value:
            return (tag & keep) | base
    return None


def data_elements() -> list[Element]:
    """PS3.6 §6-9 with the repeating groups, sorted by tag."""
    elements: dict[int, Element] = {}
    families = {row["keyword"] for row in rows("repeating_groups.csv")}
    for row in rows("data_elements.csv"):
        if row["range"] == "1" or row["keyword"] in families:
            continue
        tag = int(row["tag"][1:5] + row["tag"][6:10], 16)
        assert tag not in elements and not tag & 0x1_0000, row
        name = "" if row["name"] == "Retired-blank" else row["name"]
        elements[tag] = Element(tag, row["keyword"], name, row["vr"], row["vm"], row["retired"] == "1")
    assert not [f"{tag:08X}" for tag in elements if representative(tag) == tag], "a standard tag would repeat"
    for row in rows("repeating_groups.csv"):
        first = representative(int(row["mask"].replace("x", "0"), 16))
        assert first is not None and first not in elements, row
        assert re.fullmatch(row["mask"].replace("x", "."), f"{first:08X}"), row
        retired = row["retired"] == "1"
        elements[first] = Element(first, row["keyword"], row["name"], row["vr"], row["vm"], retired, row["mask"])
    keywords = [element.keyword for element in elements.values() if element.keyword]
    assert len(keywords) == len(set(keywords))
    return [elements[tag] for tag in sorted(elements)]


def private_key(group: str, element: str) -> int | None:
    """The tag with bit 16 (every private group is odd) cleared where a mask leaves the block open; None: not looked up.

    gggg,eeee: the tag. gggg,xxee: block byte 0. ggxx,xxee: group byte 0 and block byte FF. Masks of the lower element
    byte (gggg,10xx) describe no single element: pydicom never finds them either.
    """
    group, element = group.lower(), element.lower()
    if element.endswith("xx") or (not group.endswith("xx") and not int(group, 16) & 1):
        return None
    if group.endswith("xx"):
        return int(group[:2], 16) << 24 | 0xFF00 | int(element[2:], 16)
    if element.startswith("xx"):
        return (int(group, 16) & 0xFFFE) << 16 | int(element[2:], 16)
    return int(group + element, 16)


def private_elements() -> dict[str, list[PrivateElement]]:
    """Private Creator → its elements sorted by key. A VR that the sources dispute is pydicom's where it has one."""
    creators: dict[str, dict[int, PrivateElement]] = {}
    for row in rows("private_elements.csv"):
        key = private_key(row["group"], row["element"])
        if key is None or row["vr"] == "INVALID":
            continue
        disputed = re.search(r"pydicom:(\S+)", row["conflict"])
        vr = disputed[1].replace("_", " or ") if disputed else row["vr"]
        name = "Unknown" if re.fullmatch(r"\?+", row["name"]) else row["name"]
        block = creators.setdefault(row["creator"], {})
        assert key not in block, row
        block[key] = PrivateElement(key, name, vr, row["vm"])
    return {creator: [block[key] for key in sorted(block)] for creator, block in sorted(creators.items())}


def hash_tag(tag: int) -> int:
    """Multiplicative hash of a tag: 32 bits, the upper ones count."""
    return tag * TAG & 0xFFFF_FFFF


def hash_text(text: str) -> int:
    """Hash of the first, middle and last eight bytes: 32 bits, the upper ones count."""
    data = text.encode()
    size = len(data)

    def word(at: int) -> int:
        return int.from_bytes(data[at : at + 8], "little")

    if size >= 8:
        first, middle, last = word(0), word((size - 8) // 2), word(size - 8)
    elif size >= 4:
        first = int.from_bytes(data[:4], "little") | int.from_bytes(data[-4:], "little") << 32
        middle = last = 0
    else:
        first = data[0] | data[size // 2] << 8 | data[-1] << 16 if data else 0
        middle = last = 0
    return ((first ^ size) * FIRST + middle * MIDDLE + last * LAST & U64) >> 32


def letters(text: str) -> int:
    """Which of 32 classes of letters occur: the lower five bits of each, so that upper and lower case are one."""
    mask = 0
    for byte in text.encode():
        mask |= 1 << (byte & 31)
    return mask


def slots(keys: Iterable[tuple[int, Key]], hash_key: Callable[[Key], int], bits: int) -> list[int]:
    """Open addressing with linear probing: the index of each key, found from the upper `bits` of its hash on."""
    table = [EMPTY] * (1 << bits)
    for index, key in keys:
        slot = hash_key(key) >> (32 - bits)
        probes = 1
        while table[slot] != EMPTY:
            slot = (slot + 1) % len(table)
            probes += 1
        assert probes <= MAX_PROBES, (key, probes)
        table[slot] = index
    return table


class Blob:
    """Texts one after the other; equal ones are stored once."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self.known: dict[str, int] = {}

    def add(self, text: str) -> int:
        """The byte offset of this text."""
        assert text == text.strip() and len(text.encode()) < 256, text
        if text and text not in self.known:
            self.known[text] = self.size
            self.pieces.append(text)
            self.size += len(text.encode())
        return self.known.get(text, 0)

    def rust(self, name: str) -> str:
        """The blob as one Rust string, a line each piece."""
        lines = [piece.replace("\\", "\\\\").replace('"', '\\"') + "\\\n" for piece in self.pieces]
        return f'pub(crate) static {name}: &str = "\\\n{"".join(lines)}";\n'


def array(name: str, kind: str, items: Iterable[object], per_line: int = 1, doc: str = "") -> str:
    """A Rust static array."""
    texts = [str(item) for item in items]
    lines = [", ".join(texts[at : at + per_line]) + ",\n" for at in range(0, len(texts), per_line)]
    return f"/// {doc}\npub(crate) static {name}: [{kind}; {len(texts)}] = [\n{''.join(lines)}];\n"


def header(*sources: str) -> str:
    """The first line of a generated file."""
    return f"// @generated by tools/dictionary/generate.py from {', '.join(sources)}; do not edit.\n\n"


def rust_vr(vr: str) -> str:
    """The constant that names this VR in the generated files."""
    assert vr in VRS or vr in AMBIGUOUS, vr
    return AMBIGUOUS.get(vr, vr)


def rust_vm(vm: str) -> str:
    """`Vm` as a literal: 1, 1-3, 1-n, 2-2n."""
    found = re.fullmatch(r"(\d+)(?:-(\d+)?(n)?)?", vm)
    assert found, vm
    low, high, unbounded = found.groups()
    if unbounded:
        assert high in (None, low), vm
        return f"Vm::new({low}, None, {high or 1})"
    return f"Vm::new({low}, Some({high or low}), 1)"


def multiplicities(elements: list[Element], private: dict[str, list[PrivateElement]]) -> list[str]:
    """Every Value Multiplicity that occurs; records hold its index in 7 bits."""
    vms = {element.vm for element in elements} | {element.vm for block in private.values() for element in block}
    ordered = sorted(vms, key=lambda vm: (int(vm.split("-")[0]), len(vm), vm))
    assert len(ordered) < 128
    return ordered


def data_rs(elements: list[Element], vms: list[str]) -> str:
    """rust/core/src/dictionary/data.rs"""
    text = Blob()
    records = []
    for element in elements:
        keyword, name = text.add(element.keyword), text.add(element.name)
        vm = vms.index(element.vm) | element.retired << 7
        records.append(
            f"r({keyword}, {name}, {len(element.keyword)}, {len(element.name)}, {rust_vr(element.vr)}, {vm})"
        )
    vr_constants = "".join(f"pub(super) const {vr}: V = V::One(Vr::{vr});\n" for vr in VRS)
    tags = slots([(i, e.tag) for i, e in enumerate(elements)], hash_tag, 14)
    keywords = slots([(i, e.keyword) for i, e in enumerate(elements) if e.keyword], hash_text, 14)
    masks = []
    for index, element in enumerate(elements):
        if element.mask:
            open_digits = int(re.sub("[^x]", "0", element.mask).replace("x", "F"), 16)
            masks.append(f"(0x{open_digits:08X}, {index})")
    families = [f"[{', '.join(f'0x{part:08X}' for part in family)}]" for family in FAMILIES]
    return (
        header("data_elements.csv", "repeating_groups.csv")
        + "use super::dictionary_vr::DictionaryVr as V;\nuse super::lookup::Record;\n"
        + "use super::vm::Vm;\nuse crate::vr::Vr;\n\n"
        + f'/// The edition of PS3.6 that the Data Elements are of.\npub const EDITION: &str = "{EDITION}";\n\n'
        + vr_constants
        + "pub(super) const US_SS: V = V::UsOrSs;\npub(super) const OB_OW: V = V::ObOrOw;\n"
        + "pub(super) const US_OW: V = V::UsOrOw;\npub(super) const US_SS_OW: V = V::UsOrSsOrOw;\n"
        + "const NONE: V = V::None;\n\n"
        + "const fn r(keyword: u32, name: u32, keyword_len: u8, name_len: u8, vr: V, vm: u8) -> Record {\n"
        + "    Record { keyword, name, keyword_len, name_len, vr, vm }\n}\n\n"
        + array("VMS", "Vm", map(rust_vm, vms), doc="Value Multiplicities, by index.")
        + array("FAMILIES", "[u32; 4]", families, doc="Repeating groups: select, value, keep, base.")
        + array("TAGS", "u32", (f"0x{e.tag:08X}" for e in elements), 10, "Tags, ascending.")
        + array("RECORDS", "Record", records, doc="What is known of the tag of the same index.")
        + array("BY_TAG", "u16", tags, 20, "Index by hash of the tag.")
        + array("BY_KEYWORD", "u16", keywords, 20, "Index by hash of the keyword.")
        + array("LETTERS", "u32", (f"0x{letters(e.keyword):08X}" for e in elements), 10, "Which letters a keyword has.")
        + "#[cfg(test)]\n"
        + array("MASKS", "(u32, usize)", masks, doc="The open digits of a repeating tag, and its index.")
        + "/// Keywords and names.\n"
        + text.rust("TEXT")
    )


def private_rs(private: dict[str, list[PrivateElement]], vms: list[str]) -> str:
    """rust/core/src/dictionary/private.rs"""
    text = Blob()
    creators: list[str] = []
    keys: list[str] = []
    records: list[str] = []
    for creator, block in private.items():
        offset = text.add(creator)
        creators.append(f"c({offset}, {len(creator.encode())}, {len(keys)}, {len(keys) + len(block)})")
        for element in block:
            keys.append(f"0x{element.key:08X}")
            name = text.add(element.name)
            size = len(element.name.encode())
            records.append(f"r({name}, {size}, {rust_vr(element.vr)}, {vms.index(element.vm)})")
    table = slots(list(enumerate(private)), hash_text, 10)
    return (
        header("private_elements.csv")
        + "use super::data::*;\nuse super::dictionary_vr::DictionaryVr as V;\n"
        + "use super::private_elements::{Creator, PrivateRecord};\n\n"
        + "const fn c(text: u32, len: u8, start: u16, end: u16) -> Creator {\n"
        + "    Creator { text, len, start, end }\n}\n\n"
        + "const fn r(name: u32, name_len: u8, vr: V, vm: u8) -> PrivateRecord {\n"
        + "    PrivateRecord { name, name_len, vr, vm }\n}\n\n"
        + array("CREATORS", "Creator", creators, doc="Private Creators, ascending.")
        + array("BY_CREATOR", "u16", table, 20, "Index by hash of the Private Creator.")
        + array("KEYS", "u32", keys, 10, "Packed tags, ascending within each Private Creator.")
        + array("PRIVATE_RECORDS", "PrivateRecord", records, doc="What is known of the key of the same index.")
        + "/// Private Creators and names.\n"
        + text.rust("PRIVATE_TEXT")
    )


UID_KINDS = {
    "SOP Class": "SopClass",
    "Meta SOP Class": "MetaSopClass",
    "Transfer Syntax": "TransferSyntax",
    "Well-known SOP Instance": "WellKnownSopInstance",
    "Well-known frame of reference": "WellKnownFrameOfReference",
    "Synchronization Frame of Reference": "SynchronizationFrameOfReference",
    "Coding Scheme": "CodingScheme",
    "DICOM UIDs as a Coding Scheme": "DicomUidsAsCodingScheme",
    "Application Context Name": "ApplicationContextName",
    "Service Class": "ServiceClass",
    "Application Hosting Model": "ApplicationHostingModel",
    "Mapping Resource": "MappingResource",
    "LDAP OID": "LdapOid",
}


def uid_rows() -> list[dict[str, str]]:
    """PS3.6 Annex A, sorted, and the private Transfer Syntaxes."""
    table = {row["uid"]: row for row in rows("uids.csv")}
    for row in rows("transfer_syntaxes.csv"):
        table.setdefault(row["uid"], row | {"type": "Transfer Syntax"})
    for row in table.values():
        row["type"] = {"SopClass": "SOP Class", "TransferSyntax": "Transfer Syntax"}.get(row["type"], row["type"])
    return [table[uid] for uid in sorted(table)]


def transfer_syntax_flags(row: dict[str, str]) -> str:
    """The flags of `TransferSyntaxRecord`."""
    flags = {
        "EXPLICIT": row["vr"] == "explicit",
        "BIG_ENDIAN": row["endian"] == "big",
        "PIXEL_BIG_ENDIAN": row["pixel_endian"] == "big",
        "DEFLATED": row["deflated_dataset"] == "1",
        "ENCAPSULATED": row["encapsulated"] == "1",
        "VIDEO": row["codec"] in ("mpeg2", "h264", "hevc"),
        "JPIP": row["codec"] == "jpip",
        "FRAGMENTS": row["frame_may_span_fragments"] == "1",
    }
    return " | ".join(name for name, is_set in flags.items() if is_set) or "0"


def uids_rs() -> str:
    """rust/core/src/dictionary/uids.rs"""
    text = Blob()
    uids = uid_rows()
    place = {row["uid"]: index for index, row in enumerate(uids)}
    records = []
    for row in uids:
        parts = [(text.add(row[part]), len(row[part])) for part in ("uid", "name", "keyword")]
        ranges = ", ".join(f"({offset}, {size})" for offset, size in parts)
        records.append(f"u({ranges}, Kind::{UID_KINDS[row['type']]}, {'true' if row['retired'] == '1' else 'false'})")
    by_uid = slots([(i, row["uid"]) for i, row in enumerate(uids)], hash_text, 11)
    by_keyword = slots([(i, row["keyword"]) for i, row in enumerate(uids) if row["keyword"]], hash_text, 11)
    common = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
    syntaxes = sorted(rows("transfer_syntaxes.csv"), key=lambda row: (row["uid"] not in common, row["uid"]))
    syntaxes.sort(key=lambda row: common.index(row["uid"]) if row["uid"] in common else len(common))
    in_uid_order = sorted(range(len(syntaxes)), key=lambda index: place[syntaxes[index]["uid"]])
    return (
        header("uids.csv", "transfer_syntaxes.csv")
        + "use crate::transfer_syntax::flags::*;\nuse crate::transfer_syntax::Record as SyntaxRecord;\n"
        + "use crate::uid::{Record, UidKind as Kind};\n\n"
        + "const fn u(uid: (u32, u8), name: (u32, u8), keyword: (u32, u8), kind: Kind, retired: bool) -> Record {\n"
        + "    Record { offsets: [uid.0, name.0, keyword.0], lens: [uid.1, name.1, keyword.1], kind, retired }\n}\n\n"
        + "const fn t(uid: u16, flags: u8) -> SyntaxRecord {\n    SyntaxRecord { uid, flags }\n}\n\n"
        + array("UIDS", "Record", records, doc="UIDs, ascending as text.")
        + array("BY_UID", "u16", by_uid, 20, "Index by hash of the UID.")
        + array("BY_UID_KEYWORD", "u16", by_keyword, 20, "Index by hash of the keyword.")
        + array(
            "TRANSFER_SYNTAXES",
            "SyntaxRecord",
            (f"t({place[row['uid']]}, {transfer_syntax_flags(row)})" for row in syntaxes),
            doc="Transfer Syntaxes: their UIDs and flags; the four of the standard's core first.",
        )
        + array(
            "TRANSFER_SYNTAX_OF_UID",
            "(u16, u8)",
            (f"({place[syntaxes[i]['uid']]}, {i})" for i in in_uid_order),
            8,
            "Index of a UID and of its Transfer Syntax, ascending.",
        )
        + "/// UIDs, names and keywords.\n"
        + text.rust("UID_TEXT")
    )


def python_type(vr: str, vm: str) -> str:
    """The type of a value by VR and VM: a list where there may be more than one."""
    kinds: list[str] = []
    for one in vr.split(" or "):
        kind = PYTHON_TYPES[one]
        kinds += [kind] if vm == "1" or one in SINGLE_VALUED else [kind, f"list[{kind}]"]
    return " | ".join(dict.fromkeys(kinds))


def keywords_pyi(elements: list[Element]) -> str:
    """python/rapidicom/_keywords.pyi: final, for a data set is read-only."""
    named = sorted((e.keyword, e) for e in elements if e.keyword.isidentifier() and e.vr != "NONE")
    lines = [f"    {keyword}: Final[{python_type(element.vr, element.vm)}]\n" for keyword, element in named]
    return (
        "# @generated by tools/dictionary/generate.py from data_elements.csv, repeating_groups.csv; do not edit.\n"
        "from typing import Final\n\n"
        "from ._rapidicom import Sequence\n"
        "from .person_name import PersonName as _PersonName\n"
        "from .tag import Tag\n"
        "from .uid import UID as _UID\n\n"
        "class _Keywords:\n"
        '    """The type of each keyword\'s value where it is not empty; a list of more than one. PS3.6 §6\n\n'
        "    An empty value is ``None`` where a number or bytes stand here.\n"
        '    """\n\n' + "".join(lines)
    )


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    elements, private = data_elements(), private_elements()
    vms = multiplicities(elements, private)
    return {
        RUST / "data.rs": data_rs(elements, vms),
        RUST / "private.rs": private_rs(private, vms),
        RUST / "uids.rs": uids_rs(),
        STUB: keywords_pyi(elements),
    }


def main() -> int:
    """Writes, or with --check compares."""
    parser = argparse.ArgumentParser(description="write the static tables of the dictionaries")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a file is not up to date")
    check = parser.parse_args().check
    stale = 0
    for path, text in generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale = 1
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}", file=sys.stderr)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return stale if check else 0


if __name__ == "__main__":
    sys.exit(main())
