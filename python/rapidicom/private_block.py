"""A private block: PS3.5 §7.8.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tag import Tag

if TYPE_CHECKING:
    from ._rapidicom import DataElement, Dataset


class PrivateBlock:
    """The elements that one Private Creator reserves in a group, by the two last digits of their element number."""

    __slots__ = ("block_start", "dataset", "group", "private_creator")

    def __init__(self, dataset: Dataset, group: int, private_creator: str, block_start: int) -> None:
        self.dataset = dataset
        self.group = group
        self.private_creator = private_creator
        self.block_start = block_start

    def get_tag(self, element_offset: int) -> Tag:
        """The tag of the element with this offset, 0 to 0xFF; else ``ValueError``."""
        if not 0 <= element_offset <= 0xFF:
            raise ValueError("an element offset of a private block is from 0 to 0xFF")
        return Tag(self.group, self.block_start + element_offset)

    def __contains__(self, element_offset: int) -> bool:
        return self.get_tag(element_offset) in self.dataset

    def __getitem__(self, element_offset: int) -> DataElement:
        """The element with this offset; ``KeyError`` where there is none."""
        return self.dataset[self.get_tag(element_offset)]

    def __repr__(self) -> str:
        return f"<PrivateBlock {self.private_creator!r} at ({self.group:04X},{self.block_start:04X})>"
