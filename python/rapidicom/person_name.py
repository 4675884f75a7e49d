"""Person Name: PS3.5 §6.2.1."""


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
        names = ("family_name", "given_name", "middle_name", "name_prefix", "name_suffix")
        return format_str % {**{n: getattr(self, n) for n in names}, "ideographic": self.ideographic}
