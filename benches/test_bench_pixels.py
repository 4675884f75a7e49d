"""Native pixels: path to ndarray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from libraries import Library, Rapidicom
from rows import Corpus


@pytest.mark.benchmark(group="path to 512 x 512 int16")
def test_image(benchmark: Any, library: Library, corpus: Corpus) -> None:
    if type(library).__name__ == "Fastdicom":
        pytest.skip("refuses signed pixels")
    image = benchmark(library.pixels, corpus.full[0])
    assert (image.shape, image.dtype) == ((512, 512), np.dtype("int16"))


@pytest.mark.benchmark(group="path to 512 x 512 int16")
def test_image_into(benchmark: Any, corpus: Corpus) -> None:
    pytest.importorskip("rapidicom")
    ours = Rapidicom()
    out = np.zeros((512, 512), np.int16)
    benchmark(ours.pixels_into, corpus.full[0], out)
    assert np.array_equal(out, ours.pixels(corpus.full[0]))


@pytest.mark.benchmark(group="frame 77 of 100")
def test_frame(benchmark: Any, library: Library, corpus: Corpus) -> None:
    frame = benchmark.pedantic(library.frame, (corpus.path("pix/mf100__ev.dcm"), 77), rounds=5, warmup_rounds=1)
    assert (frame.shape, frame.dtype) == ((512, 512), np.dtype("uint16"))
