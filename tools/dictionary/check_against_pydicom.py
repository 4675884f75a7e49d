"""Compares the dictionaries with pydicom's: exit status 1 where they differ in more than README.md lists.

    python tools/dictionary/check_against_pydicom.py

Compared are the tables that `generate.py` writes, so this needs pydicom 3.0.2 and no build. Public elements: VR, VM,
keyword, name, retired, and the tag of every keyword. Private elements: VR. UIDs: name, type, keyword, retired.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from generate import AMBIGUOUS, Element, data_elements, private_elements, private_key, representative, uid_rows
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._private_dict import private_dictionaries
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import mask_match

# What differs from pydicom 3.0.2 (edition 2024d): (tag, field) → reason. README.md lists the same.
EXPECTED = {
    (0x0010_2160, "retired"): "Ethnic Group was retired after 2024d",
    (0x3004_0012, "retired"): "PS3.6 does not retire Dose Value",
    (0x003A_0320, "keyword"): "PS3.6 has SummarizedFilterLookupTableSequence",
    (0x003A_0325, "keyword"): "PS3.6 has AnalogFilterTypeCodeSequence",
}
# Elements whose masks leave the lower byte of the element open: pydicom's own lookup never finds them.
NEVER_FOUND = 11


def differing(element: Element, entry: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """The fields that differ from pydicom's (VR, VM, name, retired, keyword)."""
    vr, vm, name, retired, keyword = entry
    name = "" if name == "Retired-blank" else name
    ours = (element.vr, element.vm, element.name, element.retired, element.keyword)
    theirs = (vr, vm, name, retired != "", keyword)
    for field, mine, other in zip(("vr", "vm", "name", "retired", "keyword"), ours, theirs, strict=True):
        if mine != other:
            yield element.tag, field


def public() -> set[tuple[int, str]]:
    """Differences in DicomDictionary and RepeatersDictionary."""
    elements = {element.tag: element for element in data_elements()}
    found = {(tag, "absent") for tag in DicomDictionary if tag not in elements}
    for tag, entry in DicomDictionary.items():
        if tag in elements:
            found.update(differing(elements[tag], entry))
    by_mask = {element.mask: element for element in elements.values() if element.mask}
    for mask, entry in RepeatersDictionary.items():
        found.update(differing(by_mask[mask], entry))
    # Every tag of the groups that repeat answers with the mask that pydicom finds; (gggg,0000) is a Group Length to us.
    for group in (0x0020, 0x0028, 0x1000, 0x1010, 0x5000, 0x50FE, 0x6002, 0x60FE, 0x7F00, 0x7FFE):
        for low in range(1, 0x1_0000):
            tag = group << 16 | low
            if tag in elements and not elements[tag].mask:
                continue
            ours = elements.get(representative(tag) or tag)
            if (ours.mask if ours else None) != mask_match(tag):
                found.add((tag, "mask"))
    return found


def private() -> set[tuple[str, str]]:
    """Private elements whose VR differs from pydicom's, or that are absent."""
    ours = {creator: {element.key: element for element in block} for creator, block in private_elements().items()}
    found = set()
    never_found = 0
    for creator, block in private_dictionaries.items():
        for mask, (vr, _, _, _) in block.items():
            even = "x" not in mask[:4] and not int(mask[:4], 16) & 1
            key = private_key(mask[:4], mask[4:])
            if key is None:
                never_found += not even
                continue
            element = ours.get(creator, {}).get(key)
            if element is None or element.vr != vr.replace("_", " or "):
                found.add((creator, mask))
    if never_found != NEVER_FOUND:
        found.add(("masks that are never found", str(never_found)))
    return found


def uids() -> set[str]:
    """UIDs that differ."""
    ours = {row["uid"]: (row["name"], row["type"], row["retired"] == "1", row["keyword"]) for row in uid_rows()}
    return {
        uid
        for uid, (name, kind, _, retired, keyword) in UID_dictionary.items()
        if ours.get(uid) != (name, kind, retired != "", keyword)
    }


def main() -> int:
    """Prints what differs, and what is listed but does not."""
    found_public, found_private, found_uids = public(), private(), uids()
    for tag, field in sorted(found_public ^ EXPECTED.keys()):
        listed = "listed, but equal" if (tag, field) in EXPECTED else "differs"
        print(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {field}: {listed}")
    for creator, mask in sorted(found_private):
        print(f"{creator!r} {mask}: VR differs, or absent")
    for uid in sorted(found_uids):
        print(f"{uid}: differs")
    vrs = {element.vr for element in data_elements()}
    print(
        f"{len(DicomDictionary)} elements, {len(RepeatersDictionary)} masks, {len(EXPECTED)} listed differences; "
        f"{sum(map(len, private_dictionaries.values()))} private elements; {len(UID_dictionary)} UIDs; "
        f"{len(vrs & AMBIGUOUS.keys())} kinds of ambiguous VR"
    )
    return int(found_public != EXPECTED.keys() or bool(found_private) or bool(found_uids))


if __name__ == "__main__":
    sys.exit(main())
