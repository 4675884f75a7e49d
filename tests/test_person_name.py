"""PersonName: a str with the components of PS3.5 §6.2.1."""

import io
import pickle

import pydicom
import pytest

import builders
import rapidicom as rd
from builders import EXPLICIT


def name(value: str | bytes, character_set: str | None = "ISO_IR 192") -> rd.PersonName:
    field = value.encode() if isinstance(value, str) else value
    return rd.dcmread(builders.file(EXPLICIT.patient(field, character_set=character_set))).PatientName


def test_it_is_a_str() -> None:
    who = name("Doe^John")
    assert isinstance(who, str)
    assert isinstance(who, rd.PersonName)
    assert who == "Doe^John"
    assert {who: 1}["Doe^John"] == 1
    assert f"{who}" == "Doe^John"
    assert who.lower() == "doe^john"


def test_components() -> None:
    who = name("Adams^John Robert Quincy^Q.^Rev.^B.A. M.Div.")
    assert who.family_name == "Adams"
    assert who.given_name == "John Robert Quincy"
    assert who.middle_name == "Q."
    assert who.name_prefix == "Rev."
    assert who.name_suffix == "B.A. M.Div."


def test_missing_components_are_empty() -> None:
    who = name("Doe")
    assert (who.given_name, who.middle_name, who.ideographic, who.phonetic) == ("", "", "", "")


def test_groups() -> None:
    who = name("Yamada^Tarou=山田^太郎=やまだ^たろう")
    assert (who.alphabetic, who.ideographic, who.phonetic) == ("Yamada^Tarou", "山田^太郎", "やまだ^たろう")
    assert who.family_name == "Yamada"
    assert name("=山田^太郎").ideographic == "山田^太郎"


@pytest.mark.parametrize(
    "field",
    [
        "Doe^John",
        "Doe^John^^",
        "A^B^C^D^E^F=G=H=I",
        "=",
        "==x",
        "Doe^John===",
        " Doe ^ John ",
        "Doe^John\\Roe^Jane=山",
        "^",
        "\\",
    ],
)
def test_as_pydicom(field: str) -> None:
    data = builders.file(EXPLICIT.patient(field.encode(), character_set="ISO_IR 192"))
    ours, theirs = rd.dcmread(data).PatientName, pydicom.dcmread(io.BytesIO(data)).PatientName
    ours, theirs = (
        value if isinstance(value, list) or hasattr(value, "append") else [value] for value in (ours, theirs)
    )
    assert [str(one) for one in ours] == [str(one) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        for part in ("family_name", "given_name", "middle_name", "name_prefix", "name_suffix"):
            assert getattr(one, part) == getattr(other, part), part
        for part in ("alphabetic", "ideographic", "phonetic"):
            assert getattr(one, part) == getattr(other, part), part


def test_code_extensions_return_at_each_delimiter() -> None:
    field = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
    who = name(field, "\\ISO 2022 IR 87")
    assert (who.ideographic, who.phonetic) == ("山田^太郎", "やまだ^たろう")


def test_pickle() -> None:
    who = name("Yamada^Tarou=山田^太郎")
    again = pickle.loads(pickle.dumps(who))
    assert again == who
    assert again.ideographic == "山田^太郎"
    assert type(again) is type(who)


@pytest.mark.parametrize(
    ("field", "character_set"),
    [
        (b"Doe^John", None),
        ("Müller^Jörg".encode("latin-1"), "ISO_IR 100"),
        ("Müller^Jörg\\Weiß^Eva".encode("latin-1"), "ISO_IR 100"),
        ("Wang^XiaoDong=王^小東".encode(), "ISO_IR 192"),
        ("Wang^XiaoDong=王^小东".encode("gb18030"), "GB18030"),
        (bytes([0xBB, 0xEE, 0xDA]) + b"ce" + bytes([0xDC]), "ISO_IR 144"),
    ],
)
def test_bytes_and_codecs_are_pydicoms(field: bytes, character_set: str | None) -> None:
    data = builders.file(EXPLICIT.patient(field, character_set=character_set))
    ours, theirs = rd.dcmread(data).PatientName, pydicom.dcmread(io.BytesIO(data)).PatientName
    ours, theirs = ([names] if len(names) != 2 else names for names in (ours, theirs))
    for one, other in zip(ours, theirs, strict=True):
        assert one == str(other) and isinstance(one, rd.PersonName)
        assert one.original_string == other.original_string
        assert one.encodings == other.encodings or one.isascii()
        assert one.decode() is one
        for codec in ("latin_1", ["iso8859_5"], ("utf8", "latin_1")):
            assert one.decode(codec) == str(other.decode(codec))
        again = pickle.loads(pickle.dumps(one))
        assert (again, again.original_string, again.encodings) == (one, one.original_string, one.encodings)
        assert (again.family_name, hash(again)) == (one.family_name, hash(str(one)))


def test_a_name_with_escape_sequences_is_decoded_already() -> None:
    field = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    who = name(field, "\\ISO 2022 IR 87")
    assert (who.original_string, who.encodings) == (field, ("iso8859", "iso2022_jp"))
    assert who.decode(["iso8859", "iso2022_jp"]) == who == "Yamada^Tarou=山田^太郎"


def test_a_wrong_character_set_can_be_mended() -> None:
    who = name("Müller".encode("cp1250"), "ISO_IR 192")
    assert who != "Müller" and who.decode("cp1250") == "Müller"
    assert who.decode("cp1250").original_string == who.original_string


NAMED: list[dict[str, str | bytes]] = [
    {},
    {"family_name": "Adams", "given_name": "John Robert Quincy", "name_prefix": "Rev.", "name_suffix": "B.A. M.Div."},
    {"given_name": "Jane", "phonetic": "x"},
    {"family_name": "Hong", "family_name_ideographic": "洪", "given_name_phonetic": "길동"},
    {"family_name": "Müller".encode("latin-1")},
]


@pytest.mark.parametrize("parts", NAMED)
def test_from_named_components(parts: dict[str, str | bytes]) -> None:
    theirs = pydicom.valuerep.PersonName.from_named_components
    for encodings in (None, ["utf8"]):
        try:
            expected = str(theirs(**parts, encodings=encodings))  # type: ignore[arg-type]
        except TypeError:
            with pytest.raises(TypeError):
                rd.PersonName.from_named_components(**parts, encodings=encodings)
        else:
            if "?" not in expected and "\ufffd" not in expected:
                assert rd.PersonName.from_named_components(**parts, encodings=encodings) == expected
    assert rd.PersonName.from_named_components("Doe", "John") == "Doe^John"
    with pytest.raises(ValueError):
        rd.PersonName.from_named_components(family_name="Doe^John")


def test_formatted() -> None:
    parts = (
        "%(family_name)s|%(given_name)s|%(middle_name)s|%(name_prefix)s|%(name_suffix)s|%(ideographic)s|%(phonetic)s"
    )
    field = "A^B^C^D^E=山^田=や^ま"
    assert (
        name(field).formatted(parts) == pydicom.valuerep.PersonName(field).formatted(parts) == "A|B|C|D|E|山^田|や^ま"
    )
