"""Dataset: a read-only mapping that answers as pydicom's does."""

import contextlib
import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

E = EXPLICIT
INNER = E.element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.7") + E.element(0x00081155, "UI", "1.2.3")
PRIVATE = E.element(0x00290010, "LO", "ACME 1.0") + E.element(0x00290011, "LO", "ACME 2.0")
PRIVATE += E.element(0x00291001, "LO", "first") + E.element(0x00291101, "LO", "second")
DATA = builders.file(
    E.patient()
    + E.sequence(0x00081140, E.item(INNER), E.item(INNER + E.element(0x00204000, "LT", "last")))
    + PRIVATE
    + E.image()
    + E.pixels(bytes(16), "OB")
)
Write = Callable[..., Path]


@pytest.fixture
def ds() -> rd.Dataset:
    return rd.dcmread(DATA)


def test_each_way_to_name_an_element(ds: rd.Dataset) -> None:
    assert ds.PatientName == "Doe^John"
    for key in ("PatientName", (0x0010, 0x0010), 0x00100010, "00100010"):
        assert ds[key].value == "Doe^John"
        assert ds[key].tag == 0x00100010
        assert key in ds
    assert ds[0x0010, 0x0010] == ds["PatientName"]


def test_get(ds: rd.Dataset) -> None:
    assert ds.get("PatientName") == "Doe^John"
    assert ds.get("PatientAge") is None
    assert ds.get("PatientAge", 5) == 5
    assert ds.get(0x00100010).value == "Doe^John"
    assert ds.get((0x0010, 0x1010), "none") == "none"


def test_get_as_pydicom_is_called(ds: rd.Dataset) -> None:
    assert ds.get("PatientAge", default="none") == "none"
    assert ds.get(key="PatientName", default="none") == "Doe^John"
    assert ds.get(key=0x00101010, default="none") == "none"
    assert ds.get("file_meta") == ds.file_meta and ds.get("no_such_attribute", 5) == 5


@pytest.mark.parametrize(
    "key",
    [np.uint32(0x00100010), np.int64(0x00100010), [0x0010, 0x0010], ["0010", "0010"], "0x00100010", "(0010,0010)"],
)
def test_spellings_of_a_tag(ds: rd.Dataset, key: Any) -> None:
    assert ds[key] == ds["PatientName"] == ds.get(key) == ds.get_item(key)
    assert key in ds
    assert [element.keyword for element in rd.dcmread(DATA, specific_tags=[key])] == ["PatientName"]


@pytest.mark.parametrize("key", ["0x", "0x+0100010", "0x123456789", (1, 2, 3), [1], 1.5, None, np.array([1, 2])])
def test_what_is_no_tag(ds: rd.Dataset, key: Any) -> None:
    assert key not in ds
    with pytest.raises((KeyError, TypeError)):
        _ = ds[key]


def test_paths_in_get_and_in(ds: rd.Dataset) -> None:
    assert "ReferencedImageSequence[1].ImageComments" in ds
    assert "ReferencedImageSequence[-1]" in ds
    assert ds.get("ReferencedImageSequence[1].ImageComments") == "last"
    assert ds.get("ReferencedImageSequence[0].ReferencedSOPInstanceUID") == "1.2.3"
    assert ds.get("ReferencedImageSequence[1]") is ds.ReferencedImageSequence[1]
    for path in (
        "ReferencedImageSequence[0].ImageComments",
        "ReferencedImageSequence[2]",
        "PatientName[0].Rows",
        "a.b",
        "[",
    ):
        assert path not in ds
        assert ds.get(path, "none") == "none"


SLICES: list[slice] = [slice(None, None, step) for step in (None, 1, 2, 3, -1, -2)] + [
    slice(start, stop, step)
    for start in (None, 0x00080018, 0x00100010, (0x0010, 0x0011), "PatientID", 0xFFFFFFFF)
    for stop in (None, 0x00080018, 0x00280010, "PixelData", 0)
    for step in (None, 2, -1, -3)
]


def test_slices_are_pydicoms(ds: rd.Dataset) -> None:
    theirs = pydicom.dcmread(io.BytesIO(DATA))
    for part in SLICES:
        assert list(ds[part].keys()) == sorted(theirs[part].keys()), part
        assert ds.get_item(part) == ds[part]
    with pytest.raises(ValueError):
        _ = ds[::0]
    step = ds[0x00100000::2]
    assert pickle.loads(pickle.dumps(step)) == step


def test_views_are_those_of_a_dict(ds: rd.Dataset) -> None:
    other = rd.dcmread(builders.file(E.patient("Roe^Jane")))
    theirs, theirs_other = pydicom.dcmread(io.BytesIO(DATA)), pydicom.dcmread(io.BytesIO(builders.file(E.patient())))
    assert ds.keys() & other.keys() == theirs.keys() & theirs_other.keys()
    assert ds.keys() - other.keys() == theirs.keys() - theirs_other.keys()
    assert ds.keys() | theirs.keys() == ds.keys() ^ set() == set(ds.keys())
    assert {int(tag) for tag, _ in ds.items() - other.items()} >= {0x00100010, 0x7FE00010}
    assert 0x00100010 in ds.keys() and len(ds.values()) == len(ds.items()) == len(ds)  # noqa: SIM118


def test_get_item_of_what_is_absent_is_none(ds: rd.Dataset) -> None:
    assert ds.get_item(0x00101010) is None
    assert ds.get_item("PatientAge", keep_deferred=True) is None
    assert ds.get_item("PatientName") == ds["PatientName"]


def test_what_is_missing_is_named_with_what_is_near(ds: rd.Dataset) -> None:
    with pytest.raises(AttributeError, match="PatientName"):
        _ = ds.PatientNaem
    with pytest.raises(AttributeError, match="PatientAge"):
        _ = ds.PatientAge
    with pytest.raises(KeyError, match="0010,0011"):
        _ = ds[0x00100011]
    assert "PatientAge" not in ds
    assert not hasattr(ds, "PatientAge")
    assert "NoSuchKeyword" not in ds
    with pytest.raises(KeyError):
        _ = ds["NoSuchKeyword"]


def test_mapping_in_tag_order() -> None:
    ds = rd.dcmread(builders.file(E.image() + E.patient()))
    tags = [int(tag) for tag in ds.keys()]  # noqa: SIM118
    assert tags == sorted(tags)
    assert [element.tag for element in ds] == tags
    assert [element.tag for element in ds.values()] == tags
    assert [(tag, element.tag) for tag, element in ds.items()] == [(tag, tag) for tag in tags]
    assert len(ds) == len(tags)


def test_dir(ds: rd.Dataset) -> None:
    assert ds.dir("Patient") == ["PatientID", "PatientName"]
    assert ds.dir("instance", "uid") == sorted(set(ds.dir("instance") + ds.dir("uid")))
    assert "PatientName" in dir(ds)


def test_walk_and_iterall(ds: rd.Dataset) -> None:
    every = list(ds.iterall())
    assert len(every) == len(ds) + 5
    assert [element.tag for element in every].count(0x00081150) == 2
    walked = list(ds.walk())
    assert [element.tag for _, element in walked] == [element.tag for element in every]
    where, element = next((where, element) for where, element in walked if element.keyword == "ImageComments")
    assert (where, element.value) == ("ReferencedImageSequence[1].ImageComments", "last")


@pytest.mark.parametrize("recursive", [True, False])
def test_walk_with_a_function_is_pydicoms(recursive: bool) -> None:
    e = E.element
    inner = [E.item(e(0x00080060, "CS", kind) + E.sequence(0x00081140, E.item(INNER), E.item(b""))) for kind in "ab"]
    data = builders.file(E.sequence(0x00081110, *inner) + E.patient())
    ours: list[tuple[int, int, str]] = []
    theirs: list[tuple[int, int, str]] = []
    ds = rd.dcmread(data)
    assert ds.walk(lambda level, element: ours.append((len(level), element.tag, element.VR)), recursive) is None
    pydicom.dcmread(io.BytesIO(data)).walk(
        lambda level, element: theirs.append((len(level), element.tag, element.VR)), recursive=recursive
    )
    assert ours == theirs
    assert ds.decode() is None


@pytest.mark.parametrize("kept", [1, 2, 3, 5])
def test_an_element_that_is_kept_stays_itself_as_the_walk_goes_on(ds: rd.Dataset, kept: int) -> None:
    whole = [(element.tag, element.VR, element.value, bytes(element.raw)) for element in ds.iterall()]
    for walk in (ds.iterall(), (element for _, element in ds.walk())):
        held = [element for n, element in enumerate(walk) if n % kept == 0]
        assert len({id(element) for element in held}) == len(held)
        assert [(element.tag, element.VR, element.value, bytes(element.raw)) for element in held] == whole[::kept]


def test_what_an_element_gave_outlives_it(ds: rd.Dataset) -> None:
    walk = ds.iterall()
    raw, value, getter = next((e.raw, e.value, e.__getattribute__) for e in walk if e.keyword == "PatientName")
    list(walk)
    assert (bytes(raw).rstrip(), value) == (str(value).encode(), ds.PatientName)
    assert getter("keyword") == "PatientName"


def test_paths(ds: rd.Dataset) -> None:
    assert ds["ReferencedImageSequence[1].ImageComments"].value == "last"
    with pytest.raises((KeyError, IndexError)):
        _ = ds["ReferencedImageSequence[2].ImageComments"]
    with pytest.raises(KeyError):
        _ = ds["ReferencedImageSequence[0].ImageComments"]
    with pytest.raises((KeyError, TypeError, ValueError)):
        _ = ds["PatientName[0].Rows"]


def test_file_meta_and_preamble(ds: rd.Dataset) -> None:
    assert ds.file_meta.TransferSyntaxUID == builders.EXPLICIT_LITTLE_UID
    assert ds.file_meta["MediaStorageSOPInstanceUID"].value == "1.2.3.4"
    assert ds.preamble == bytes(128)
    assert ds.transfer_syntax == builders.EXPLICIT_LITTLE_UID
    assert ds.transfer_syntax.name == "Explicit VR Little Endian"


def test_private_blocks(ds: rd.Dataset) -> None:
    block = ds.private_block(0x0029, "ACME 2.0")
    assert 0x01 in block
    assert block[0x01].value == "second"
    assert block[0x01].private_creator == "ACME 2.0"
    assert block[0x01].is_private
    assert 0x01 in ds.private_block(0x0029, "ACME 2.0", create=False)
    for create in (False, True):
        with pytest.raises(KeyError):
            ds.private_block(0x0029, "ACME 3.0", create=create)
    with pytest.raises(ValueError):
        ds.private_block(0x0028, "ACME 1.0")


def test_get_private_item(ds: rd.Dataset) -> None:
    theirs = pydicom.dcmread(io.BytesIO(DATA))
    assert ds.get_private_item(0x0029, 0x01, "ACME 2.0") == theirs.get_private_item(0x0029, 0x01, "ACME 2.0")
    for wrong, error in (
        ((0x0029, 1, "ACME 3.0"), KeyError),
        ((0x0029, 2, "ACME 1.0"), KeyError),
        ((0x0028, 1, "x"), ValueError),
    ):
        for data_set in (ds, theirs):
            with pytest.raises(error):
                data_set.get_private_item(*wrong)


FACTS = ["original_encoding", "read_implicit_vr", "read_little_endian", "original_character_set", "read_encoding"]
FACTS += ["is_decompressed", "is_undefined_length_sequence_item"]
OF_FILES = [*FACTS, "is_implicit_VR", "is_little_endian", "is_original_encoding", "timestamp", "filename"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_was_read_is_described_as_by_pydicom() -> None:
    from pydicom.data import get_charset_files, get_testdata_file

    names = [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "image_dfl.dcm",
        "rtplan.dcm",
        "JPEG2000.dcm",
    ]
    for path in [*map(get_testdata_file, names), *get_charset_files("chr*.dcm")]:
        ours, theirs = rd.dcmread(path), pydicom.dcmread(path)
        assert [getattr(ours, name) for name in OF_FILES] == [getattr(theirs, name) for name in OF_FILES], path
        levels = [(ours.file_meta, theirs.file_meta), (ours, theirs)]
        while levels:
            mine, other = levels.pop()
            for name in FACTS:
                # pydicom gives items that name none one or the other
                expected = "iso8859" if getattr(other, name) == ["iso8859"] else getattr(other, name)
                assert getattr(mine, name) == expected, (path, name)
            for element in (element for element in other if element.VR == "SQ" and element.value):
                sequence = mine[element.tag].value
                assert sequence.is_undefined_length == element.value.is_undefined_length
                levels += zip(sequence, element.value, strict=True)


def test_without_a_path_there_is_no_timestamp(ds: rd.Dataset) -> None:
    assert (ds.filename, ds.timestamp) == (None, None)


def test_items_inherit_the_character_set() -> None:
    inner = E.item(
        E.sequence(0x00081140, E.item(INNER), E.item(E.element(0x00080005, "CS", "iso ir-144")), undefined=True)
    )
    data = E.element(0x00080005, "CS", "\\ISO 2022 IR 87") + E.sequence(0x00081110, inner)
    item = rd.dcmread(builders.file(data)).ReferencedStudySequence[0]
    assert item.original_character_set == ["iso8859", "iso2022_jp"]
    assert [i.original_character_set for i in item.ReferencedImageSequence] == [
        ["iso8859", "iso2022_jp"],
        ["iso_ir_144"],
    ]
    part = item.group_dataset(0x0008).ReferencedImageSequence[0]
    assert part.original_character_set == ["iso8859", "iso2022_jp"]


def test_lines(ds: rd.Dataset) -> None:
    names = "%(tag)s %(VR)s %(VM)s %(keyword)s %(name)s %(is_undefined_length)s"
    theirs = pydicom.dcmread(io.BytesIO(DATA))
    assert list(ds.formatted_lines(names, "%(tag)s of %(VR)s")) == list(
        theirs.formatted_lines(names, "%(tag)s of %(VR)s")
    )
    assert list(ds.formatted_lines())[4] == "(0008,1140) Referenced Image Sequence           SQ: <Sequence, length 2>"
    assert list(ds.formatted_lines())[10] == "(0010,0010) Patient's Name                      PN: 'Doe^John'"
    assert len(ds.top().split("\n")) == len(ds) and "last" not in ds.top() and "Doe^John" in ds.top()
    assert {"PatientName", "top"} <= set(ds.trait_names())


def test_group_dataset(ds: rd.Dataset) -> None:
    group = ds.group_dataset(0x0010)
    assert [element.keyword for element in group] == ["PatientName", "PatientID"]
    assert len(ds.group_dataset(0x0099)) == 0


def test_nothing_can_be_changed(ds: rd.Dataset) -> None:
    with pytest.raises((AttributeError, TypeError)):
        ds.PatientName = "x"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        del ds.PatientName
    with pytest.raises(TypeError):
        ds[0x00100010] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        del ds[0x00100010]  # type: ignore[attr-defined]
    assert ds.PatientName == "Doe^John"


def test_equality(ds: rd.Dataset) -> None:
    assert ds == rd.dcmread(DATA)
    assert ds != rd.dcmread(DATA.replace(b"ID1 ", b"ID2 "))
    assert ds != rd.dcmread(DATA.replace(b"last", b"lost")), "what lies in a sequence counts"
    assert ds != 5
    reencoded = [builders.small(uid) for uid in (builders.EXPLICIT_LITTLE_UID, builders.IMPLICIT_LITTLE_UID)]
    assert rd.dcmread(reencoded[0])["PatientName"] == rd.dcmread(reencoded[1])["PatientName"]


def test_bytes_that_are_no_value_are_compared_as_bytes() -> None:
    one_byte = [
        builders.file(E.patient() + E.header(0x00280010, "US", 1) + field + E.patient()) for field in (b"a", b"b")
    ]
    ds, twin, other = (rd.dcmread(data) for data in (one_byte[0], bytes(bytearray(one_byte[0])), one_byte[1]))
    assert ds == twin and ds != other
    assert ds in [twin] and {ds: 1}[twin] == 1
    assert ds["Rows"] == twin["Rows"] and ds["Rows"] != other["Rows"] and ds["Rows"] != 97
    assert not ds["Rows"].is_empty


def test_every_malformed_file_equals_itself(malformed_dir: Path) -> None:
    compared = 0
    for path in sorted(malformed_dir.glob("*.dcm")):
        try:
            ds, twin = rd.dcmread(path), rd.dcmread(path.read_bytes())
        except rd.DicomError:
            continue
        assert ds == twin, path.name
        for one, other in zip(ds.iterall(), twin.iterall(), strict=True):
            assert one == other and hash(one) == hash(other), f"{path.name} {one.tag}"
            assert not one.is_empty or one.VM == 0 or one.VR == "SQ"
        compared += 1
    assert compared > 100


def test_hash_agrees_with_equality(ds: rd.Dataset) -> None:
    try:
        assert hash(ds) == hash(rd.dcmread(DATA))
    except TypeError:
        pytest.fail("API: a Dataset is hashable")


def test_values_are_kept_once_they_are_asked_for_again(ds: rd.Dataset) -> None:
    ds.PatientName  # a walk over a data set holds no value of it  # noqa: B018
    kept = ds.PatientName
    assert ds.PatientName is kept
    sequence = ds.ReferencedImageSequence
    assert ds.ReferencedImageSequence is sequence and sequence[0] is ds.ReferencedImageSequence[0]


def test_copies_and_pickles(ds: rd.Dataset, write: Write) -> None:
    by_path = rd.dcmread(write(DATA))
    for source in (ds, by_path):
        for twin in (copy.copy(source), copy.deepcopy(source), pickle.loads(pickle.dumps(source))):
            assert twin == source
            assert twin["ReferencedImageSequence[1].ImageComments"].value == "last"
    item = ds.ReferencedImageSequence[1]
    assert pickle.loads(pickle.dumps(item)) == item
    element = ds["ReferencedImageSequence[1].ImageComments"]
    assert pickle.loads(pickle.dumps(element)).value == "last"


def test_frames_are_pickled_by_path_too(write: Write) -> None:
    pixels = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4)
    image = E.image(frames=5) + E.pixels(pixels.tobytes())
    icon = E.sequence(0x00880200, E.item(E.image() + E.pixels(pixels[3].tobytes())))
    path = write(builders.file(E.patient() + icon + image))
    ds = rd.dcmread(path)
    for frames, expected in (
        (ds.frames, pixels),
        (ds.frames[1:4], pixels[1:4]),
        (ds.frames[::-2][1:], pixels[::-2][1:]),
        (ds.IconImageSequence[0].frames, pixels[3:4]),
    ):
        pickled = pickle.dumps(frames)
        assert len(pickled) < 1000
        np.testing.assert_array_equal(pickle.loads(pickled).decode(), expected)
        np.testing.assert_array_equal(copy.copy(frames).decode(), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rd.dcmread(path.read_bytes()).frames[2:]))[0], pixels[2])
    part = ds[0x00280010:]  # without Number of Frames, which comes before: one frame
    assert len(part.frames) == len(pickle.loads(pickle.dumps(part.frames))) == 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(part.frames)).byte_ranges, part.frames.byte_ranges)


def test_a_pickle_of_a_path_is_small_and_knows_the_file(write: Write) -> None:
    data = builders.file(E.patient() + E.image(1024, 1024) + E.pixels(bytes(1 << 20)))
    path = write(data)
    pickled = pickle.dumps(rd.dcmread(path))
    assert len(pickled) < 4096
    path.write_bytes(data[:-1] + b"\1" + b"more")
    with pytest.raises(rd.FileChangedError):
        _ = pickle.loads(pickled).PatientName


def test_repr_names_values(ds: rd.Dataset) -> None:
    for words in (repr(ds), str(ds)):
        assert "(0010,0010)" in words
        assert "Doe^John" in words
        assert "last" in words
    assert "<table" in ds._repr_html_()


def test_html_is_escaped() -> None:
    ds = rd.dcmread(builders.file(E.patient("<script>alert(1)</script>")))
    assert "<script>" not in ds._repr_html_()


def test_a_long_repr_stays_readable() -> None:
    many = b"".join(E.element(0x00110010 + (i << 16 << 1), "LO", "x" * 60000) for i in range(20))
    assert len(repr(rd.dcmread(builders.file(many)))) < 20_000


def test_implicit_private_vr_comes_from_the_dictionary() -> None:
    from builders import IMPLICIT

    data = IMPLICIT.patient() + IMPLICIT.element(0x00290010, "LO", "SIEMENS CSA HEADER")
    data += IMPLICIT.element(0x00291008, "CS", "IMAGE NUM 4") + IMPLICIT.element(0x00311001, "LO", "unknown")
    ds = rd.dcmread(builders.file(data, builders.IMPLICIT_LITTLE_UID))
    assert (ds[0x00291008].VR, ds[0x00291008].value) == ("CS", "IMAGE NUM 4")
    assert ds[0x00311001].VR == "UN"


def test_duplicates_keep_the_last() -> None:
    ds = rd.dcmread(builders.file(E.patient() + E.element(0x00100020, "LO", "ID2")))
    assert ds.PatientID == "ID2"
    assert len(ds) == 8
    assert ds.warnings


def test_us_or_ss_follows_pixel_representation() -> None:
    from builders import IMPLICIT

    for signed, value in ((True, -2), (False, 0xFFFE)):
        extra = IMPLICIT.element(0x00280106, "US", 0xFFFE)
        ds = rd.dcmread(
            builders.file(IMPLICIT.patient() + IMPLICIT.image(signed=signed, extra=extra), builders.IMPLICIT_LITTLE_UID)
        )
        assert ds.SmallestImagePixelValue == value
        assert ("SS" if signed else "US") == ds["SmallestImagePixelValue"].VR


def test_warnings_do_not_depend_on_what_was_read_before() -> None:
    data = builders.file(E.patient() + E.element(0x00180050, "DS", "1.5mm ") + E.image())
    fresh, used = rd.dcmread(data), rd.dcmread(data)
    for element in used.iterall():
        with contextlib.suppress(rd.DicomError):
            _ = element.value
    assert fresh.warnings == used.warnings
    assert [warning.tag_path for warning in fresh.warnings] != []
