"""All values at all depths to Python; every Contour Data as ndarray."""

from __future__ import annotations

from typing import Any

import pytest
from libraries import Library
from rows import Corpus


@pytest.mark.benchmark(group="all values: small CT")
def test_small_ct(benchmark: Any, library: Library, corpus: Corpus) -> None:
    assert benchmark(library.all_values, corpus.small[0]) > 150


@pytest.mark.parametrize("name", ["enh1000_ev", "rtstruct_ev"])
@pytest.mark.benchmark(group="all values: many elements")
def test_many_elements(benchmark: Any, library: Library, corpus: Corpus, name: str) -> None:
    count = benchmark.pedantic(library.all_values, (corpus.path(f"big/{name}.dcm"),), rounds=3)
    assert count > 500


@pytest.mark.benchmark(group="contours as ndarray")
def test_contours(benchmark: Any, library: Library, corpus: Corpus) -> None:
    numbers = benchmark.pedantic(library.contours, (corpus.path("big/rtstruct_ev.dcm"),), rounds=3)
    assert numbers % (100 * 150 * 3) == 0
    assert numbers > 0
