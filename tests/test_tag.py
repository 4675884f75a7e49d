"""Tag: an int that compares with each spelling of a tag."""

import operator
import pickle
from typing import Any

import numpy as np
import pydicom
import pytest

import rapidicom as rd

SPELLINGS: list[Any] = [
    0x00100010,
    (0x0010, 0x0010),
    [0x0010, 0x0010],
    ("0010", "0010"),
    "PatientName",
    "00100010",
    "0x00100010",
    np.uint32(0x00100010),
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=repr)
def test_each_spelling_is_the_tag(spelling: Any) -> None:
    tag = rd.Tag(spelling)
    assert tag == 0x00100010 and type(tag) is rd.Tag
    assert tag == spelling and spelling == tag
    assert (tag != spelling, spelling != tag) == (False, False)
    assert tag in [spelling]
    assert hash(tag) == hash(0x00100010)


@pytest.mark.parametrize("compare", [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize(
    "other",
    [
        0x00100010,
        0x00100020,
        5,
        (0x0010, 0x0010),
        (0x0010, 0x0020),
        [0x0008, 0x0005],
        "PatientName",
        "PatientID",
        "Rows",
    ],
)
def test_comparisons_are_pydicoms(compare: Any, other: Any) -> None:
    ours, theirs = rd.Tag(0x00100010), pydicom.tag.Tag(0x00100010)
    assert compare(ours, other) == compare(theirs, other)
    assert compare(ours, theirs) == compare(theirs, ours) == compare(theirs, theirs)


@pytest.mark.parametrize("other", ["NoSuchKeyword", (1, 2, 3), (0x10000, 1), None, object(), b"00100010", (1, "x")])
def test_what_is_no_tag_is_another(other: Any) -> None:
    tag = rd.Tag(0x00100010)
    assert tag != other and (tag == other) is False
    with pytest.raises(TypeError):
        _ = tag < other


@pytest.mark.parametrize("number", [0x00100010, 0x00290010, 0x00291002, 0x00290001, 0x60003000, 0xFFFFFFFF, 0])
def test_properties_are_pydicoms(number: int) -> None:
    ours, theirs = rd.Tag(number), pydicom.tag.Tag(number)
    for name in ("group", "element", "elem", "is_private", "is_private_creator", "private_creator", "json_key"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert (str(ours), repr(ours)) == (str(theirs), repr(theirs))


def test_in_sets_and_pickles() -> None:
    tag = rd.Tag("PatientName")
    assert {tag: 1}[0x00100010] == 1  # type: ignore[index]
    assert sorted([rd.Tag(3), rd.Tag(1), rd.Tag(2)]) == [1, 2, 3]
    assert type(pickle.loads(pickle.dumps(tag))) is rd.Tag
