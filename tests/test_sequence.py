"""Sequence: immutable, list-like, its items are data sets."""

import pickle

import pytest

import builders
import rapidicom as rd
from builders import BIG, EXPLICIT, IMPLICIT

UIDS = ["1.2.1", "1.2.2", "1.2.3"]


def items(encoding: builders.Encoding = EXPLICIT, *, undefined: bool = False) -> list[bytes]:
    return [encoding.item(encoding.element(0x00081155, "UI", uid), undefined=undefined) for uid in UIDS]


def sequence_of(content: bytes, uid: str = builders.EXPLICIT_LITTLE_UID) -> rd.Sequence:
    return rd.dcmread(builders.file(content, uid)).ReferencedImageSequence


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT, BIG], ids=["explicit", "implicit", "big"])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("undefined_items", [True, False])
def test_every_mix_of_lengths(encoding: builders.Encoding, undefined: bool, undefined_items: bool) -> None:
    uids = {
        EXPLICIT: builders.EXPLICIT_LITTLE_UID,
        IMPLICIT: builders.IMPLICIT_LITTLE_UID,
        BIG: builders.EXPLICIT_BIG_UID,
    }
    content = encoding.sequence(0x00081140, *items(encoding, undefined=undefined_items), undefined=undefined)
    ds = rd.dcmread(builders.file(content + encoding.element(0x00100020, "LO", "ID1"), uids[encoding]))
    assert [item.ReferencedSOPInstanceUID for item in ds.ReferencedImageSequence] == UIDS
    assert ds.PatientID == "ID1"
    assert not ds.warnings


def test_list_like() -> None:
    sequence = sequence_of(EXPLICIT.sequence(0x00081140, *items()))
    assert len(sequence) == 3
    assert sequence[-1].ReferencedSOPInstanceUID == "1.2.3"
    assert [item.ReferencedSOPInstanceUID for item in sequence[1:]] == UIDS[1:]
    assert [item.ReferencedSOPInstanceUID for item in reversed(sequence)] == UIDS[::-1]
    assert sequence[0] in sequence
    assert sequence.index(sequence[2]) == 2
    assert sequence == list(sequence)
    assert isinstance(sequence[0], rd.Dataset)
    for index in (3, -4):
        with pytest.raises(IndexError):
            _ = sequence[index]
    with pytest.raises(TypeError):
        _ = sequence["0"]


def test_immutable() -> None:
    sequence = sequence_of(EXPLICIT.sequence(0x00081140, *items()))
    with pytest.raises(TypeError):
        sequence[0] = sequence[1]  # type: ignore[index]
    assert not hasattr(sequence, "append")


def test_empty_both_ways() -> None:
    for undefined in (True, False):
        sequence = sequence_of(EXPLICIT.sequence(0x00081140, undefined=undefined))
        assert len(sequence) == 0
        assert list(sequence) == []
        assert not sequence


def test_equality_and_pickle() -> None:
    content = EXPLICIT.sequence(0x00081140, *items())
    sequence = sequence_of(content)
    assert sequence == sequence_of(EXPLICIT.sequence(0x00081140, *items(undefined=True), undefined=True))
    assert sequence != sequence_of(EXPLICIT.sequence(0x00081140, *items()[:2]))
    assert pickle.loads(pickle.dumps(sequence)) == sequence
    assert "1.2.3" in repr(sequence)


def test_un_that_is_a_sequence() -> None:
    """PS3.5 §6.2.2 note: UN of undefined length is a Sequence in Implicit VR Little Endian, in big endian too."""
    inside = IMPLICIT.item(IMPLICIT.element(0x00081155, "UI", "1.2.1"))
    for encoding, uid in ((EXPLICIT, builders.EXPLICIT_LITTLE_UID), (BIG, builders.EXPLICIT_BIG_UID)):
        un = encoding.header(0x00081140, "UN", builders.UNDEFINED) + inside + IMPLICIT.header(0xFFFEE0DD, "", 0)
        assert sequence_of(un + encoding.patient(), uid)[0].ReferencedSOPInstanceUID == "1.2.1"


def test_items_inherit_the_character_set_unless_they_have_their_own() -> None:
    e = EXPLICIT
    inherited = e.item(e.element(0x00081155, "UI", "1") + e.element(0x00204000, "LT", "山".encode()))
    own = e.item(e.element(0x00080005, "CS", "ISO_IR 100") + e.element(0x00204000, "LT", b"M\xfcller"))
    sequence = sequence_of(e.element(0x00080005, "CS", "ISO_IR 192") + e.sequence(0x00081140, inherited, own))
    assert sequence[0].ImageComments == "山"
    assert sequence[1].ImageComments == "Müller"


def test_private_creators_are_those_of_the_item() -> None:
    e = EXPLICIT
    item = e.item(e.element(0x00290010, "LO", "INNER") + e.element(0x00291001, "LO", "x"))
    ds = rd.dcmread(builders.file(e.element(0x00290010, "LO", "OUTER") + e.sequence(0x00300010, item)))
    assert ds[0x00300010].value[0][0x00291001].private_creator == "INNER"


def test_a_missing_delimiter_keeps_all_that_was_read() -> None:
    content = EXPLICIT.sequence(0x00081140, *items(undefined=True), undefined=True)
    for cut in (8, 16):
        ds = rd.dcmread(builders.file(content[:-cut]))
        assert [item.ReferencedSOPInstanceUID for item in ds.ReferencedImageSequence] == UIDS
        assert ds.warnings


def test_a_sequence_longer_than_the_file_keeps_what_follows() -> None:
    e = EXPLICIT
    ds = rd.dcmread(builders.file(e.sequence(0x00081140, *items(), length=100_000) + e.patient() + e.image()))
    assert len(ds.ReferencedImageSequence) == 3
    assert ds.Rows == 4
    assert ds.warnings


def test_depth() -> None:
    for undefined in (True, False):
        ds = rd.dcmread(builders.file(builders.nested(60, undefined=undefined)))
        level, depth = ds, 0
        while "ReferencedImageSequence" in level:
            level, depth = level.ReferencedImageSequence[0], depth + 1
        assert depth == 60
        assert level.ReferencedSOPClassUID == "1.2"
        assert len(list(ds.iterall())) == 61
