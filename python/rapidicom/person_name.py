"""Person Name: PS3.5 §6.2.1."""

from .character_set import codecs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class PersonName(str):
    """A person's name: a ``str`` as it stands in the data set, with its parts by name. PS3.5 §6.2.1

    Up to three component groups, separated by ``=``: alphabetic, ideographic, phonetic. Up to five components in each,
    separated by ``^``: family name, given name, middle name, prefix, suffix. Absent parts are ``""``.
    """

    __slots__ = ()

    @property
    def components(self) -> tuple[str, ...]:
        """The component groups that there are."""
        return tuple(self.split("="))

    def _group(self, index: int) -> str:
        groups = self.split("=")
        return groups[index] if index < len(groups) else ""

    def _component(self, index: int) -> str:
        parts = self._group(0).split("^")
        return parts[index] if index < len(parts) else ""

    @property
    def alphabetic(self) -> str:
        """The first component group."""
        return self._group(0)

    @property
    def ideographic(self) -> str:
        """The second component group."""
        return self._group(1)

    @property
    def phonetic(self) -> str:
        """The third component group."""
        return self._group(2)

    @property
    def family_name(self) -> str:
        """The first component of the alphabetic group."""
        return self._component(0)

    @property
    def given_name(self) -> str:
        """The second component of the alphabetic group."""
        return self._component(1)

    @property
    def middle_name(self) -> str:
        """The third component of the alphabetic group."""
        return self._component(2)

    @property
    def name_prefix(self) -> str:
        """The fourth component of the alphabetic group."""
        return self._component(3)

    @property
    def name_suffix(self) -> str:
        """The fifth component of the alphabetic group."""
        return self._component(4)

    def family_comma_given(self) -> str:
        """``"Family, Given"``."""
        return f"{self.family_name}, {self.given_name}"

    def formatted(self, format_str: str) -> str:
        """The components by name into a ``%`` format, as ``"%(family_name)s, %(given_name)s"``."""
        return format_str % {name: getattr(self, name) for name in (*_COMPONENTS, "ideographic", "phonetic")}

    @property
    def original_string(self) -> bytes:
        """The bytes of the data set that it was decoded from."""
        return self.encode()

    @property
    def encodings(self) -> tuple[str, ...]:
        """Python's names of the codecs that it was decoded with, by the Specific Character Set. PS3.3 §C.12.1.1.2"""
        return ("iso8859",) if self.isascii() else ("UTF8",)

    def decode(self, encodings: "str | Sequence[str] | None" = None) -> "PersonName":
        """Itself; with codecs, for a wrong Specific Character Set, what the first of them reads in its bytes.

        Escape sequences were obeyed whether declared or not: where there are some it is itself.
        """
        original = self.original_string
        if not encodings or b"\x1b" in original:
            return self
        named = (encodings,) if isinstance(encodings, str) else tuple(encodings)
        return _NameWithBytes.of(original.decode(named[0], "replace"), original, named)

    @classmethod
    def from_named_components(
        cls, *components: "str | bytes", encodings: "Sequence[str] | None" = None, **by_name: "str | bytes"
    ) -> "PersonName":
        """A name of its parts: ``family_name=``, ``given_name=`` and so on, also with ``_ideographic``, ``_phonetic``.

        Without names in that order. Bytes are decoded with the first of ``encodings``. ``ValueError`` for a part that
        holds a delimiter.
        """
        names = [name + group for group in ("", "_ideographic", "_phonetic") for name in _COMPONENTS]
        if unknown := by_name.keys() - set(names[len(components) :]) or components[len(names) :]:
            raise TypeError(f"from_named_components() takes no {unknown} besides")
        parts = dict.fromkeys(names, "")
        for name, part in (*zip(names, components, strict=False), *by_name.items()):
            text = part.decode((encodings or ("iso8859",))[0]) if isinstance(part, bytes) else part
            if delimiter := next((c for c in "\\=^" if c in text), None):
                raise ValueError(f"Strings may not contain the {delimiter} character")
            parts[name] = text
        texts = list(parts.values())
        groups = ("^".join(texts[at : at + 5]).rstrip("^") for at in (0, 5, 10))
        return cls("=".join(groups).rstrip("="))


_COMPONENTS = ("family_name", "given_name", "middle_name", "name_prefix", "name_suffix")


class _NameWithBytes(PersonName):
    """A name that is no longer the bytes it was. Of its own class, so that all others are no larger than a ``str``."""

    __slots__ = ("_codecs", "_original")

    _original: bytes
    #: Or the Value Field of the Specific Character Set that names them.
    _codecs: "tuple[str, ...] | bytes | None"

    @classmethod
    def of(cls, text: str, original: bytes, codecs: "tuple[str, ...] | bytes | None") -> "_NameWithBytes":
        """A name, its bytes and their codecs."""
        name = cls(text)
        name._original, name._codecs = original, codecs
        return name

    @property
    def original_string(self) -> bytes:
        return self._original

    @property
    def encodings(self) -> tuple[str, ...]:
        if isinstance(self._codecs, tuple):
            return self._codecs
        found = codecs(self._codecs)
        return (found,) if isinstance(found, str) else tuple(found)


def with_bytes(names: "PersonName | list[PersonName]", field: bytes, character_set: bytes | None) -> object:
    """The names of a Value Field with their bytes, unless these can't be told apart: ``\\`` may be half a character."""
    if isinstance(names, str):
        return _NameWithBytes.of(names, field.rstrip(b"="), character_set)
    parts = field.split(b"\\")
    if len(parts) != len(names):
        return names
    return [_NameWithBytes.of(name, part.rstrip(b"="), character_set) for name, part in zip(names, parts, strict=True)]
