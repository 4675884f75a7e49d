"""Python's codecs for the Specific Character Set: PS3.3 §C.12.1.1.2. The names are those that pydicom gives."""

#: By Defined Term, letters and digits only: so are the usual misspellings found.
_CODECS = {
    "": "iso8859",
    "ISOIR6": "iso8859",
    "ISOIR13": "shift_jis",
    "ISOIR58": "iso_ir_58",
    "ISOIR87": "iso2022_jp",
    "ISOIR100": "latin_1",
    "ISOIR101": "iso8859_2",
    "ISOIR109": "iso8859_3",
    "ISOIR110": "iso8859_4",
    "ISOIR126": "iso_ir_126",
    "ISOIR127": "iso_ir_127",
    "ISOIR138": "iso_ir_138",
    "ISOIR144": "iso_ir_144",
    "ISOIR148": "iso_ir_148",
    "ISOIR149": "euc_kr",
    "ISOIR159": "iso2022_jp_2",
    "ISOIR166": "iso_ir_166",
    "ISOIR192": "UTF8",
    "ISOIR203": "iso8859_15",
    "GB18030": "GB18030",
    "GBK": "GBK",
}
_WITHOUT_EXTENSIONS = {"UTF8", "GB18030", "GBK"}


def codecs(field: bytes | None) -> str | list[str]:
    """The codecs of the values of (0008,0005); of the default repertoire, as a ``str``, where there is none."""
    if field is None:
        return _CODECS[""]
    terms = field.decode("latin-1").upper().split("\\")
    found = [
        _CODECS.get("".join(filter(str.isalnum, term)).replace("ISO2022", "ISO", 1), _CODECS[""]) for term in terms
    ]
    if found[0] in _WITHOUT_EXTENSIONS:
        return found[:1]
    return [codec for codec in found if codec not in _WITHOUT_EXTENSIONS]
