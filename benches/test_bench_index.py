"""The 26 columns of small CT files, and one value of each."""

from __future__ import annotations

from typing import Any

import pytest
from libraries import COLUMNS, Library
from rows import Corpus


@pytest.mark.benchmark(group="header index: 26 columns of 100 small CT files")
def test_header_rows(benchmark: Any, library: Library, corpus: Corpus) -> None:
    rows = benchmark(library.header_rows, corpus.small[:100])
    assert len(rows) == min(100, len(corpus.small))


@pytest.mark.benchmark(group="one value from the path: small CT")
def test_patient_name(benchmark: Any, library: Library, corpus: Corpus) -> None:
    assert str(benchmark(library.patient_name, corpus.small[0])).startswith("Patient00000^Given0")


@pytest.mark.parametrize("name", ["big/enh1000_ev.dcm", "big/rtstruct_ev.dcm"])
@pytest.mark.benchmark(group="one value from the path: many elements")
def test_patient_name_of_many_elements(benchmark: Any, library: Library, corpus: Corpus, name: str) -> None:
    assert str(benchmark(library.patient_name, corpus.path(name))).startswith("Patient0000")


@pytest.mark.benchmark(group="26 attributes of an open data set")
def test_attributes(benchmark: Any, library: Library, corpus: Corpus) -> None:
    ds = library.open(corpus.small[0])
    values = benchmark(lambda: [getattr(ds, keyword) for keyword in COLUMNS])
    assert None not in values
