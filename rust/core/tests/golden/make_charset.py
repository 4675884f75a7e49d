"""Writes charset.txt: what text must become, by pydicom and by Python's codecs.

Run with pydicom installed: ``python make_charset.py > charset.txt``. Lines are four columns, separated by tabs:

    term    the value of (0008,0005)
    kind    PN, LT or LO
    bytes   groups in hexadecimal; ``b0a1-fe`` is the pairs b0a1 to b0fe, ``a0-ff`` the bytes a0 to ff
    text    what is not printable, and the backslash, as ``\\u{5c}``

Lines that begin with ``#`` are comments. Three sources, in this order: every code of every set (Python's codecs), text
that pydicom reads rightly (its answer), and text that pydicom reads wrongly (composed here, with the clause).
"""

import random
import sys
import warnings
from collections.abc import Iterator

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

ESC = b"\x1b"
SINGLE_BYTE = {
    "ISO_IR 100": ("latin_1", b"-A"),
    "ISO_IR 101": ("iso8859_2", b"-B"),
    "ISO_IR 109": ("iso8859_3", b"-C"),
    "ISO_IR 110": ("iso8859_4", b"-D"),
    "ISO_IR 126": ("iso8859_7", b"-F"),
    "ISO_IR 127": ("iso8859_6", b"-G"),
    "ISO_IR 138": ("iso8859_8", b"-H"),
    "ISO_IR 144": ("iso8859_5", b"-L"),
    "ISO_IR 148": ("iso8859_9", b"-M"),
    "ISO_IR 166": ("tis_620", b"-T"),
    "ISO_IR 203": ("iso8859_15", b"-b"),
    "ISO_IR 13": ("shift_jis", b")I"),
}


def escaped(text: str) -> str:
    """The text on one line; what an editor would not show is given by its number."""
    plain = (character == " " or (character.isprintable() and character != "\\") for character in text)
    return "".join(
        character if shown else f"\\u{{{ord(character):x}}}" for character, shown in zip(text, plain, strict=True)
    )


def line(term: str, kind: str, code: str, text: str) -> None:
    """Writes one case."""
    print(term, kind, code, escaped(text), sep="\t")


def runs(codec: str, prefix: bytes, first: int, seconds: range, suffix: bytes = b"") -> Iterator[tuple[int, int, str]]:
    """Ranges of second bytes that all have a character, and the characters."""
    start, text = 0, ""
    for second in seconds:
        try:
            character = (prefix + bytes([first, second]) + suffix).decode(codec)
        except UnicodeDecodeError:
            character = ""
        if not text:
            start = second
        elif not character:
            yield start, second - 1, text
            text = ""
        text += character
    if text:
        yield start, seconds[-1], text


def every_code() -> None:
    """Every byte of the single-byte sets, every pair of the others."""
    for term, (codec, final) in SINGLE_BYTE.items():
        upper = range(0xA1, 0xE0) if codec == "shift_jis" else range(0x80, 0x100)
        text = bytes(upper).decode(codec, "replace")
        code = f"{upper[0]:02x}-{upper[-1]:02x}"
        line(term, "LO", code, text)
        line(f"ISO 2022 IR 6\\ISO 2022 {term[4:]}", "LO", (ESC + final).hex() + " " + code, text)
    g1, g0 = range(0xA1, 0xFF), range(0x21, 0x7F)
    for term, codec, prefix, firsts, seconds in (
        ("ISO 2022 IR 87", "iso2022_jp", b"\x1b$B", g0, g0),
        ("ISO 2022 IR 159", "iso2022_jp_2", b"\x1b$(D", g0, g0),
        ("ISO 2022 IR 149", "euc_kr", b"\x1b$)C", g1, g1),
        ("ISO 2022 IR 58", "gb2312", b"\x1b$)A", g1, g1),
        ("ISO_IR 13", "shift_jis", b"", range(0x81, 0xFD), range(0x40, 0xFD)),
        ("GBK", "gbk", b"", range(0x81, 0xFF), range(0x40, 0xFF)),
        ("GB18030", "gb18030", b"", range(0x81, 0xFF), range(0x40, 0xFF)),
    ):
        escapes = codec.startswith("iso2022")
        term = f"\\{term}" if prefix else term
        for first in firsts:
            if codec == "shift_jis" and 0xA0 <= first < 0xE0:
                continue
            for start, end, text in runs(codec, prefix if escapes else b"", first, seconds):
                suffix = " 1b2842" if escapes else ""
                line(term, "LT", f"{prefix.hex()} {first:02x}{start:02x}-{end:02x}{suffix}".strip(), text)


def by_pydicom(term: str, kind: str, data: bytes) -> str:
    """What pydicom makes of a value: a name component group by component group, as its PersonName does."""
    encodings = convert_encodings(term.split("\\"))
    if kind == "PN":
        return "=".join(decode_bytes(group, encodings, PN_DELIMS) for group in data.split(b"="))
    text: str = decode_bytes(data, encodings, TEXT_VR_DELIMS)
    return text


def right_by_pydicom() -> None:
    """Text that pydicom reads as the standard says, or that the standard leaves open."""
    katakana, romaji, kanji, ascii_ = b"\x1b)I", b"\x1b(J", b"\x1b$B", b"\x1b(B"
    korean = b"\x1b$)C"
    for term, kind, data in (
        ("", "PN", b"Doe^Jane"),
        ("", "LO", b"caf\xe9 \x80\x9f"),
        ("ISO_IR 6", "LO", b"caf\xe9"),
        ("NONSENSE", "LO", b"caf\xe9"),
        ("ISO IR 100", "LO", b"caf\xe9"),
        ("ISO-IR 101", "LO", b"\xa3\xf3d\xbc"),
        ("ISO-IR 192", "LO", "Łódź".encode()),
        ("UTF-8", "LO", "Łódź".encode()),
        ("utf8", "LO", "Łódź".encode()),
        ("LATIN1", "LO", b"caf\xe9"),
        ("ISO_2022-IR 100\\ISO_2022_IR+126", "LO", b"\xe9\x1b-F\xe9"),
        ("ISO_IR 192\\ISO 2022 IR 87", "LO", "山田".encode()),
        ("ISO_IR 126\\GBK\\ISO 2022 IR 144\\ISO_IR 192", "LO", b"\xe1\x1b-L\xd1"),
        ("ISO 2022 GBK", "LO", "山東".encode("gbk")),
        ("ISO 2022 58", "LO", "山东".encode("gb2312")),
        ("ISO_IR 192", "PN", "Müller^Jürgen=山田^太郎=やまだ^たろう".encode()),
        ("GB18030", "PN", "Wang^XiaoDong=王^小东=".encode("gb18030")),
        ("GB18030", "LT", "𠀀𠂉€ḿ ê\ufffd".encode("gb18030")),
        ("GBK", "PN", "Wang^XiaoDong=王^小东=".encode("gbk")),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "PN", b"J\xe9r\xf4me=\x1b-F\xc4\xe9\xef\xed"),
        ("ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 144", "LO", b"\xe9\x1b-F\xc4\xe9\x1b-L\xbb\xee\x1b-A\xe9"),
        ("\\ISO 2022 IR 144", "LT", b"\x1b-L\xbb\xee\xda\r\nplain\x1b-L\xdc"),
        ("ISO 2022 IR 100\\ISO 2022 IR 144", "LT", b"\x1b-L\xbb\xee\xda\ncaf\xe9\t\x1b-L\xdc\xe9\x0c\xe9"),
        ("ISO 2022 IR 100\\ISO 2022 IR 126", "PN", b"\x1b-F\xc4\xe9^J\xe9r"),
        ("\\ISO 2022 IR 149", "PN", b"Kim^Chul=%b\xd1\xde^%b\xf4\xc9\xe2\xb8=%b\xb1\xe8^%b\xc3\xb6" % ((korean,) * 4)),
        ("\\ISO 2022 IR 149", "LO", korean + "이 문장 a".encode("euc_kr")),
        ("ISO 2022 IR 149", "LO", "홍길동 x".encode("euc_kr")),
        ("ISO 2022 IR 149", "LO", b"\xa4\xd4\xa4\xb6\xa4\xc1\xa4\xd4x"),
        (
            "\\ISO 2022 IR 87",
            "PN",
            b"Yamada^Tarou=%b;3ED%b^%bB@O:%b=%b$d$^$@%b^%b$?$m$&%b" % ((kanji, ascii_) * 4),
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            "PN",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=%b;3ED%b^%bB@O:%b" % ((kanji, romaji) * 2),
        ),
        ("ISO 2022 IR 13\\ISO 2022 IR 87", "LT", kanji + b";3" + ascii_ + b"\r\nabc"),
        ("\\ISO 2022 IR 87\\ISO 2022 IR 159", "LO", b'\x1b$(D0!0"\x1b(B x \x1b$B;3\x1b(B'),
        ("\\ISO 2022 IR 13\\ISO 2022 IR 87", "LO", katakana + b"\xd4\xcf" + romaji + b"~" + kanji + b";3" + ascii_),
        ("\\ISO 2022 IR 13", "LO", romaji + b"\xd4\xcf"),
        ("\\ISO 2022 IR 87", "LO", kanji + b";3ED"),
        ("ISO 2022 IR 87", "LO", kanji + b";3ED" + ascii_ + b"x"),
        ("ISO 2022 IR 87", "LO", b"\xe9\xff"),
        ("ISO 2022 IR 159", "PN", b"\x1b$(D\xc4\xe9\xef"),
        ("ISO_IR 13", "LO", b"\\ ~ \x8e\x52\x93\x63 \xd4\xcf"),
        ("ISO_IR 13", "LO", b"\x95\x5c \x8e \x80\xa0\xfd\x87\x40\x81"),
        ("ISO_IR 100", "LO", b"a\x1b[1mb\xe9"),
    ):
        line(term, kind, data.hex(), by_pydicom(term, kind, data))


def damaged() -> None:
    """Random bytes where no escape sequence is: the same characters are lost as in Python."""
    chance = random.Random(11)
    for term in ("ISO_IR 192", "GBK", "GB18030", "ISO_IR 13", "ISO 2022 IR 149", "ISO 2022 IR 58", *SINGLE_BYTE):
        if term == "ISO_IR 203":
            continue
        for _ in range(25):
            mixed = [chance.choice((0x30, 0x41, 0x5C, 0x81, 0xA4, 0xC3, 0xE3, 0xF0, chance.randrange(28, 256)))]
            data = bytes(chance.choice([*mixed, chance.randrange(0x1C, 0x100)]) for _ in range(chance.randrange(1, 16)))
            line(term, "LO", data.hex(), by_pydicom(term, "LO", data))
        for text in ("山田é", "한글¤", "𠀀ж"):
            data = text.encode(convert_encodings(term)[0], "ignore")
            for cut in range(1, len(data)):
                line(term, "LO", data[:cut].hex(), by_pydicom(term, "LO", data[:cut]))


def otherwise_than_pydicom() -> None:
    """Text that pydicom reads against the standard, or gives up on, with what is right."""
    for reason, term, kind, data, text in (
        ("C.12.1.1.2: ISO_IR 203 is a Defined Term", "ISO_IR 203", "LO", b"5 \xa4", "5 €"),
        ("escape sequences are no text, 6.1.2.5.3", "\\ISO 2022 IR 58", "LO", b"\x1b$)A\xcd\xf5", "王"),
        (
            "ESC ( B designates G0 alone, 6.1.2.5.1",
            "ISO 2022 IR 144\\ISO 2022 IR 87",
            "LO",
            b"\x1b$B;3\x1b(B\xd1",
            "山б",
        ),
        (
            "ESC - F designates G1, ESC $ B G0",
            "\\ISO 2022 IR 126\\ISO 2022 IR 87",
            "LO",
            b"\x1b-F\xeb\x1b$B;3\x1b(B\xeb",
            "λ山λ",
        ),
        ("\\ resets, 6.1.2.5.3", "ISO 2022 IR 100\\ISO 2022 IR 126", "LO", b"\x1b-F\xeb\\\xeb", "λ\\ë"),
        ("= resets, 6.1.2.5.3", "ISO 2022 IR 100\\ISO 2022 IR 126", "PN", b"\x1b-F\xeb=\xeb", "λ=ë"),
        ("every line resets", "ISO 2022 IR 100\\ISO 2022 IR 126", "LT", b"\x1b-F\xeb\n\xeb\n\xeb", "λ\në\në"),
        ("\\ is text in LT", "ISO 2022 IR 100\\ISO 2022 IR 126", "LT", b"\x1b-F\xeb\\\xeb", "λ\\λ"),
        ("space is in no G0 set", "\\ISO 2022 IR 87", "LO", b"\x1b$B;3 ", "山 "),
        ("a line resets G0 too", "\\ISO 2022 IR 87", "LT", b"\x1b$B;3\r\nab", "山\r\nab"),
        ("undeclared, but known", "ISO_IR 100", "LO", b"\xe9\x1b$B;3\x1b(B", "é山"),
        ("undeclared, but known", "", "LO", b"\x1b-F\xeb", "λ"),
        ("one bad pair is one loss", "\\ISO 2022 IR 87", "LO", b"\x1b$B;3-!\x1b(Bx", "山\ufffdx"),
        ("= after an unreturned set", "\\ISO 2022 IR 87", "PN", b"\x1b$B;3=\x1b$B;3\x1b(B", "山=山"),
        ("no set to go back to", "\\ISO 2022 IR 149", "PN", b"\x1b$)C\xc8\xab^\xb1\xe6", "홍^길"),
        ("terms in any spelling", "iso_ir 192", "LO", "é".encode(), "é"),
        ("terms in any spelling", "ISO_IR_192", "LO", "é".encode(), "é"),
        ("terms in any spelling", " ISO2022 IR 6\\ISO2022 IR 87 ", "LO", b"\x1b$B;3\x1b(B", "山"),
        ("no code extensions", "ISO_IR 192", "LO", b"\x1b(Ba", "\x1b(Ba"),
    ):
        print(f"# {reason}")
        line(term, kind, data.hex(), text)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for part in (every_code, right_by_pydicom, damaged, otherwise_than_pydicom):
        print(f"# {part.__name__.replace('_', ' ')}")
        part()
