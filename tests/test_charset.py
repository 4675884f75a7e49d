"""Specific Character Set (0008,0005): PS3.5 §6.1 and annexes H to K, PS3.3 §C.12.1.1.2, through whole files."""

import io
import warnings

import pydicom
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT

STUDY_DESCRIPTION, PATIENT_NAME, PATIENT_COMMENTS = 0x00081030, 0x00100010, 0x00104000
REFERENCED_STUDY_SEQUENCE = 0x00081110

KOREAN, KANJI, ASCII, ROMAJI, GB_2312 = b"\x1b$)C", b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b$)A"

# Names as annexes H to K of PS3.5 have them, and one of each set.
NAMES = [
    (None, b"Doe^Jane", "Doe^Jane"),
    ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("ISO_IR 101", b"Wa\xb3\xeasa", "Wałęsa"),
    ("ISO_IR 109", b"anta\xfdnomo", "antaŭnomo"),
    ("ISO_IR 110", b"v\xe0rds", "vārds"),
    ("ISO_IR 144", b"\xbb\xee\xda\xd8", "Люки"),
    ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    ("ISO_IR 148", b"\xc7avu\xfeo\xf0lu", "Çavuşoğlu"),
    ("ISO_IR 166", b"\xb9\xd2\xc1\xca\xa1\xd8\xc5", "นามสกุล"),
    ("ISO_IR 203", b"\xbcuvre^5\xa4", "Œuvre^5€"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
    ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    ("GBK", "Wang^XiaoDong=王^小东".encode("gbk"), "Wang^XiaoDong=王^小东"),
    (
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=%b;3ED%b^%bB@O:%b=%b$d$^$@%b^%b$?$m$&%b" % ((KANJI, ASCII) * 4),
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=" + KANJI + b";3ED" + ROMAJI + b"^" + KANJI + b"B@O:" + ROMAJI,
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    (
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=" + KOREAN + b"\xfb\xf3^" + KOREAN + b"\xd1\xce\xd4\xd7",
        "Hong^Gildong=洪^吉洞",
    ),
    ("\\ISO 2022 IR 58", b"Wang=" + GB_2312 + b"\xcd\xf5", "Wang=王"),
]

MISSPELLED = [
    ("ISO IR 100", b"\xe9"),
    ("ISO_IR_100", b"\xe9"),
    ("LATIN1", b"\xe9"),
    ("ISO-IR 192", "é".encode()),
    ("ISO_IR_192", "é".encode()),
    ("UTF-8", "é".encode()),
    ("utf8", "é".encode()),
    ("ISO 2022 GBK", "é".encode("gbk")),
]


def read(elements: bytes) -> rd.Dataset:
    return rd.dcmread(builders.file(elements))


def character_set(term: str | None) -> bytes:
    return b"" if term is None else EXPLICIT.element(0x00080005, "CS", term)


@pytest.mark.parametrize(("term", "field", "text"), NAMES, ids=[str(term) for term, _, _ in NAMES])
def test_names_of_every_set(term: str | None, field: bytes, text: str) -> None:
    assert read(character_set(term) + EXPLICIT.element(PATIENT_NAME, "PN", field)).PatientName == text


@pytest.mark.parametrize(("term", "field"), MISSPELLED)
def test_terms_are_read_in_the_spellings_of_the_field(term: str, field: bytes) -> None:
    assert read(character_set(term) + EXPLICIT.element(STUDY_DESCRIPTION, "LO", field)).StudyDescription == "é"


def test_a_backslash_inside_a_character_separates_no_values() -> None:
    field = "乗".encode("gbk")
    assert field == b"\x81\x5c"
    for term in ("GBK", "GB18030"):
        data_set = read(character_set(term) + EXPLICIT.element(STUDY_DESCRIPTION, "LO", field + b"\\" + field))
        assert data_set.StudyDescription == ["乗", "乗"]


def test_values_reset_code_extensions() -> None:
    term = "ISO 2022 IR 100\\ISO 2022 IR 126"
    data_set = read(character_set(term) + EXPLICIT.element(STUDY_DESCRIPTION, "LO", b"\x1b-F\xeb\\\xeb"))
    assert data_set.StudyDescription == ["λ", "ë"]


def test_lines_reset_code_extensions_and_backslashes_of_texts_do_not() -> None:
    term = "ISO 2022 IR 100\\ISO 2022 IR 126"
    data_set = read(character_set(term) + EXPLICIT.element(PATIENT_COMMENTS, "LT", b"\x1b-F\xeb\\\xeb\r\n\xeb"))
    assert data_set.PatientComments == "λ\\λ\r\në"


def test_items_inherit_the_set_and_may_have_their_own() -> None:
    name = EXPLICIT.element(PATIENT_NAME, "PN", b"\xc4")
    own = EXPLICIT.item(character_set("ISO_IR 126") + name)
    data_set = read(
        character_set("ISO_IR 100")
        + EXPLICIT.sequence(REFERENCED_STUDY_SEQUENCE, EXPLICIT.item(name), own, EXPLICIT.item(name))
        + name
    )
    assert [item.PatientName for item in data_set.ReferencedStudySequence] == ["Ä", "Δ", "Ä"]
    assert data_set.PatientName == "Ä"


def test_code_strings_are_of_the_default_repertoire() -> None:
    data_set = read(character_set("GB18030") + EXPLICIT.element(0x00080060, "CS", b"C\\T"))
    assert data_set["Modality"].value == ["C", "T"]


@pytest.mark.parametrize(
    ("term", "field"),
    [
        ("", b"caf\xe9 \x80"),
        ("NONSENSE", b"caf\xe9"),
        ("ISO_IR 192", b"caf\xe9 \xe5\xb1 \xff"),
        ("ISO_IR 127", b"\xa1\xc7"),
        ("GB18030", b"\x81\x30\x81"),
        ("GBK", b"\x81\x30 \x81"),
        ("ISO_IR 13", b"\x8e\x52\x93\x63 \\ \xd4\xcf ~ \x87\x40"),
        ("ISO 2022 IR 149", b"\xc8\xab \xff\xb1"),
        ("ISO_IR 100\\ISO_IR 192", b"caf\xe9"),
        ("ISO_IR 192\\ISO 2022 IR 87", "山".encode()),
        ("ISO 2022 IR 87", b"caf\xe9"),
    ],
)
def test_what_is_wrong_is_read_as_pydicom_reads_it(term: str, field: bytes) -> None:
    stream = builders.file(character_set(term) + EXPLICIT.element(STUDY_DESCRIPTION, "LO", field))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom.dcmread(io.BytesIO(stream)).StudyDescription
    ours = rd.dcmread(stream).StudyDescription
    assert ours == (theirs if isinstance(theirs, str) else list(theirs))
