"""Generated images through the encoders of other projects: what rapidicom decodes against their decoders.

Lossless syntaxes: the samples that were encoded, bit for bit. Lossy ones: what the first of `encoders_worker.DECODERS`
makes of the code stream. How many of the others agree is counted. The cases go through subprocesses, as some of those
libraries end theirs.
"""

import itertools
import os
import pickle
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import encoders_worker as encoders
import rapidicom as rd
from conftest import TESTS
from encoders_worker import Case, Samples

SHARDS = 2
ENOUGH = 5_000
# How far lossy samples may be from the reference: JPEG equals libjpeg-turbo's islow.
TOLERANCE = {encoders.JPEG_2000: 1, encoders.HTJ2K: 1, encoders.JPEG_XL: 1, encoders.JPEG_XL_JPEG: 1}
# OpenJPEG, which decodes them here, reads no more than 31 bits; docs/conformance.md says so.
HIGH_THROUGHPUT = {encoders.HTJ2K_LOSSLESS, encoders.HTJ2K_RPCL, encoders.HTJ2K}
REFERENCE = {syntax: next(iter(decoders)) for syntax, decoders in encoders.DECODERS.items()}
Figure = Callable[[str, object], None]

for _package in ("imagecodecs", "gdcm", "libjpeg", "openjpeg", "rle", "jpeg_ls", "PIL"):
    pytest.importorskip(_package)


def answers(shard: int, folder: Path) -> list[tuple[int, str]]:
    """Runs one worker after the other; gives the cases that ended one."""
    start, deaths = 0, list[tuple[int, str]]()
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    while True:
        words = [str(word) for word in (shard, SHARDS, start, folder / f"{shard}.pickle")]
        worker = [sys.executable, str(TESTS / "encoders_worker.py"), *words]
        done = subprocess.run(worker, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, check=False)
        if done.returncode == 0:
            return deaths
        lines = done.stdout.split()
        assert lines, "the worker does not start"
        start = int(lines[-1]) + 1
        deaths.append((start - 1, f"exit status {done.returncode}"))


def recorded(path: Path) -> Iterator[encoders.Answer]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[tuple[int, str]]]:
    folder = tmp_path_factory.mktemp("generated")
    with ThreadPoolExecutor(SHARDS) as pool:
        deaths = list(pool.map(lambda shard: answers(shard, folder), range(SHARDS)))
    return sorted(folder.glob("*.pickle")), list(itertools.chain(*deaths))


class Tally:
    """What became of the cases of one transfer syntax."""

    def __init__(self) -> None:
        self.encoded = self.right = self.refused = self.refused_by_encoder = self.second = 0
        self.largest = 0
        self.decoders: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.wrong: list[str] = []

    def __str__(self) -> str:
        decoders = ", ".join(f"{name} {count}" for name, count in self.decoders.most_common())
        others = ", ".join(f"{name} {count}" for name, count in self.others.most_common()) or "none"
        words = f"{self.right} right, {len(self.wrong)} wrong, largest difference {self.largest}"
        words += f", {self.refused} refused as documented" * bool(self.refused)
        words += f", {self.refused_by_encoder} that the encoder refuses" * bool(self.refused_by_encoder)
        return f"{words}; agreed with by {decoders}; by two or more: {self.second}; not by {others}"


def bits_of(samples: Samples, case: Case) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The stored bits of samples, whatever sign and type a library gives them."""
    flat = samples.reshape(-1).astype(np.int64)
    return flat & (2**case.bits - 1) if case.lossless else flat


def distance(ours: Samples, theirs: Samples, case: Case) -> int | None:
    """The largest difference; None where there are not as many samples."""
    if ours.size != theirs.size:
        return None
    far = np.abs(bits_of(ours, case) - bits_of(theirs, case))
    if case.syntax == encoders.HTJ2K:  # OpenJPH does not clip what overflows: white becomes black
        far = np.minimum(far, 2**case.bits - far)
    return int(far.max(initial=0))


def signed_as_declared(samples: Samples, case: Case) -> Samples:
    """What a decoder that knows no sign gives, as Bits Stored and Pixel Representation would have it."""
    kind = f"{'i' if case.signed else 'u'}{case.allocated // 8}"
    wide = samples.astype(np.int64)
    if case.signed and samples.dtype.kind == "u":
        top = 2 ** (case.bits - 1)
        wide = ((wide + top) & (2**case.bits - 1)) - top
    return wide.astype(kind).reshape((case.rows, case.columns, case.samples)[: 2 + (case.samples > 1)])


def wrong_with(case: Case, stream: bytes, found: dict[str, Samples | str], tally: Tally) -> str | None:
    """Decodes through the public interface and compares; what is wrong, or None."""
    data = encoders.dicom(case, stream)
    try:
        ours = rd.pixel_array(data)
    except rd.PixelDecodeError as error:
        if case.syntax in HIGH_THROUGHPUT and case.bits == 32:
            tally.refused += 1
            return None
        return f"{type(error).__name__}: {error}"
    raw = found.pop("raw", None)
    if raw is not None and not np.array_equal(rd.pixel_array(data, raw=True), raw):
        return "raw samples are not libjpeg-turbo's"
    theirs = {name: samples for name, samples in found.items() if not isinstance(samples, str)}
    distances = {name: distance(ours, samples, case) for name, samples in theirs.items()}
    within = TOLERANCE.get(case.syntax, 0) * (not case.lossless)
    agree = [name for name, far in distances.items() if far is not None and far <= within]
    tally.decoders.update(agree)
    tally.others.update(set(theirs) - set(agree))
    tally.second += len(agree) >= 2
    if case.lossless:
        reference, name = encoders.image(case), "what was encoded"
    else:
        name = REFERENCE[case.syntax] if REFERENCE[case.syntax] in theirs else next(iter(theirs), "")
        if not name:
            return f"no decoder takes it: {found}"
        reference = signed_as_declared(theirs[name], case)
    if ours.shape != reference.shape or ours.dtype != reference.dtype:
        return f"{ours.dtype} {ours.shape}, expected {reference.dtype} {reference.shape}"
    far = int(np.abs(ours.astype(np.int64) - reference.astype(np.int64)).max(initial=0))
    tally.largest = max(tally.largest, far)
    if far > within:
        if len(agree) >= 2 and case.lossless:
            tally.others["the encoder"] += 1
            return None
        return f"differs by {far} from {name}, agrees with {agree}, distances {distances}"
    return None


@pytest.mark.figure
@pytest.mark.slow
def test_generated_images(generated: tuple[list[Path], list[tuple[int, str]]], figure: Figure) -> None:
    paths, deaths = generated
    cases = list(encoders.cases())
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for path in paths:
        for position, stream, found in recorded(path):
            case = cases[position]
            tally = tallies[case.syntax]
            if stream is None:
                tally.refused_by_encoder += 1
                continue
            tally.encoded += 1
            problem = wrong_with(case, stream, found, tally)
            if problem:
                tally.wrong.append(f"{case}: {problem}")
    for tally in tallies.values():
        tally.right = tally.encoded - tally.refused - len(tally.wrong)
    for syntax in sorted(tallies):
        figure(f"generated images, {encoders.PREFIX}{syntax}", tallies[syntax])
    right = sum(tally.right for tally in tallies.values())
    figure("generated images, right", right)
    figure("generated images, cases that ended another library's process", len(deaths))
    wrong = [line for tally in tallies.values() for line in tally.wrong]
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:: max(1, len(wrong) // 40)])
    assert right >= ENOUGH
    assert set(tallies) == set(encoders.DECODERS)
