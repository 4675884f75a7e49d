"""Unique Identifiers: PS3.5 §9, PS3.6 Annex A."""

from ._rapidicom import _uid_entry

_INFO = {
    "1.2.840.10008.1.2": "Default Transfer Syntax for DICOM",
    "1.2.840.10008.1.2.4.50": "Default Transfer Syntax for Lossy JPEG 8 Bit Image Compression",
    "1.2.840.10008.1.2.4.51": "Default Transfer Syntax for Lossy JPEG 12 Bit Image Compression (Process 4 only)",
    "1.2.840.10008.1.2.4.70": "Default Transfer Syntax for Lossless JPEG Image Compression",
    "1.2.840.10008.1.20": "(2015c)",
    "1.2.840.10008.5.1.4.1.1.12.77": "(2015c)",
    "1.2.840.10008.5.1.4.1.1.40": "(2015c)",
    "1.2.840.10008.5.1.4.1.1.601.1": "DICONDE ASTM E2934",
    "1.2.840.10008.5.1.4.1.1.601.2": "DICONDE ASTM E2934",
}


class UID(str):
    """A UID: a ``str`` that knows the standard's registry. PS3.6 Annex A"""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The registered name, else the UID itself."""
        entry = _uid_entry(self)
        return entry[0] if entry else str(self)

    @property
    def keyword(self) -> str:
        """The registered keyword, or ``""``."""
        entry = _uid_entry(self)
        return entry[1] if entry else ""

    @property
    def type(self) -> str:
        """The registered kind, such as ``"Transfer Syntax"`` or ``"SOP Class"``, or ``""``."""
        entry = _uid_entry(self)
        return entry[2] if entry else ""

    @property
    def info(self) -> str:
        """What the registry says after the name, in the words of pydicom's table, or ``""``."""
        return _INFO.get(self, "DICOS" if self.startswith("1.2.840.10008.5.1.4.1.1.501.") and self.keyword else "")

    @property
    def is_retired(self) -> bool:
        """Whether the registry has it as retired."""
        entry = _uid_entry(self)
        return bool(entry and entry[3])

    @property
    def is_private(self) -> bool:
        """Whether it lies outside the root of the standard, 1.2.840.10008."""
        return not self.startswith("1.2.840.10008.")

    @property
    def is_valid(self) -> bool:
        """Whether it is written as PS3.5 §9.1 asks: at most 64 characters, numbers without leading zeros, dots."""
        parts = self.split(".")
        return len(self) <= 64 and all(p.isdecimal() and p.isascii() and (p == "0" or p[0] != "0") for p in parts)

    @property
    def is_transfer_syntax(self) -> bool:
        """Whether it names a Transfer Syntax that is known. PS3.5 §10"""
        return self._transfer_syntax() is not None

    @property
    def is_implicit_VR(self) -> bool:
        """Whether the data set is in Implicit VR. ``ValueError`` where this is no Transfer Syntax. PS3.5 §7.1.3"""
        return not self._known_transfer_syntax()[0]

    @property
    def is_little_endian(self) -> bool:
        """Whether the data set is in Little Endian. ``ValueError`` where this is no Transfer Syntax. PS3.5 §7.3"""
        return self._known_transfer_syntax()[1]

    @property
    def is_deflated(self) -> bool:
        """Whether the data set is deflated. ``ValueError`` where this is no Transfer Syntax. PS3.5 §A.5"""
        return self._known_transfer_syntax()[2]

    @property
    def is_encapsulated(self) -> bool:
        """Whether Pixel Data is encapsulated. ``ValueError`` where this is no Transfer Syntax. PS3.5 §A.4"""
        return self._known_transfer_syntax()[3]

    @property
    def is_compressed(self) -> bool:
        """As :attr:`is_encapsulated`, by pydicom's name."""
        return self.is_encapsulated

    def _transfer_syntax(self) -> tuple[bool, bool, bool, bool] | None:
        entry = _uid_entry(self)
        return entry[4] if entry else None

    def _known_transfer_syntax(self) -> tuple[bool, bool, bool, bool]:
        facts = self._transfer_syntax()
        if facts is None:
            raise ValueError(f"{str(self)!r} is no Transfer Syntax that is known")
        return facts
