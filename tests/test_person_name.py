"""PersonName: a str with the components of PS3.5 §6.2.1."""

import pickle

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
    import io

    import pydicom

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
