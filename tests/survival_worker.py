"""Tries every public function with damaged files, in a process that may die of it.

usage: [RAPIDICOM_CASES=compressed] survival_worker.py SHARD SHARDS START MALFORMED_DIR SCRATCH_DIR MUTANTS

Standard output is the record that survives: `B index name` before a case begins, `F index name what` when it ends in
an exception that nobody promised, `E count` at the end. tests/test_survival.py reads it, and starts this again behind
the case that killed it.
"""

import copy
import faulthandler
import functools
import io
import itertools
import os
import pickle
import resource
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import code_streams
import mutants
import rapidicom as rd

ADDRESS_SPACE = 1 << 30
PROMISED = (rd.DicomError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError, NotImplementedError)
TOUCHED_ELEMENTS = 3_000
DESCRIPTION = ["tag", "VR", "keyword", "name", "is_private", "private_creator", "value_length", "value_offset"]
TRANSFER_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
OPTIONS: tuple[dict[str, Any], ...] = (
    {"stop_before_pixels": True},
    {"specific_tags": ["PatientName", "Rows", 0x00181063]},
    {"specific_tags": ["PixelData"], "stop_before_pixels": False},
    {"force": True},
    {"strict": True},
    {"limits": rd.Limits(max_depth=4, max_elements=50, max_items=3, max_warnings=2)},
    {"limits": rd.Limits.untrusted()},
    *({"force": True, "transfer_syntax": uid} for uid in TRANSFER_SYNTAXES),
)
FACTS = {
    "rows": "Rows",
    "columns": "Columns",
    "samples_per_pixel": "SamplesPerPixel",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "pixel_representation": "PixelRepresentation",
}
Step = Callable[[Path, bytes, int], None]


class Unpromised(Exception):
    """Something went wrong where nothing may."""


def opened(path: Path, data: bytes, number: int) -> Any:
    """A data set, by one of the doors."""
    door = number % 5
    if door < 3:
        return rd.dcmread(path, access=("mmap", "read", "auto")[door])
    return rd.dcmread(data) if door == 3 else rd.dcmread(io.BytesIO(data))


def attempt(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The result, or None where the refusal is one of those promised."""
    try:
        return call(*args, **options)
    except rd.InternalError:
        raise
    except PROMISED:
        return None
    except MemoryError:
        return None


def doors(path: Path, data: bytes, number: int) -> None:
    for door in range(5):
        ds = attempt(opened, path, data, door)
        if ds is not None:
            len(ds), list(ds.keys()), ds.file_meta, ds.preamble, ds.transfer_syntax


def option(path: Path, data: bytes, number: int) -> None:
    options = OPTIONS[number % len(OPTIONS)]
    ds = attempt(rd.dcmread, data, **options)
    if ds is not None:
        touch(itertools.islice(ds.iterall(), 200))


def walk(path: Path, data: bytes, number: int) -> None:
    ds = opened(path, data, number)
    elements = ds.iterall()
    touch(elements)
    for _ in elements:
        pass


def touch(elements: Iterator[Any]) -> None:
    """All that an element can be asked; what describes it must answer, what decodes it may refuse."""
    for element in itertools.islice(elements, TOUCHED_ELEMENTS):
        for name in DESCRIPTION:
            getattr(element, name)
        repr(element)
        attempt(lambda e: e.value, element)
        attempt(lambda e: e.VM, element)
        attempt(lambda e: e.raw, element)
        attempt(lambda e: e.to_numpy(), element)
        attempt(lambda e: e == e, element)


def walk_with_paths(path: Path, data: bytes, number: int) -> None:
    for where, _ in itertools.islice(opened(path, data, number).walk(), TOUCHED_ELEMENTS):
        str(where)


def mapping(path: Path, data: bytes, number: int) -> None:
    ds = opened(path, data, number)
    ds.dir("Patient"), "PatientName" in ds, 0x7FE00010 in ds, ds.get("Rows", 1), ds.get(0x00280010)
    for keyword in ("PatientName", "Rows", "PixelData", "ReferencedImageSequence", "NumberOfFrames", "NoSuchKeyword"):
        attempt(getattr, ds, keyword)
        attempt(lambda k: ds[k], keyword)
    attempt(lambda: ds["ReferencedImageSequence[0].ReferencedSOPClassUID"])
    attempt(ds.group_dataset, 0x0028)
    attempt(ds.private_block, 0x0011, "TEST")
    attempt(
        lambda: [len(item) for element in ds if element.VR == "SQ" for item in itertools.islice(element.value, 100)]
    )


def warnings(path: Path, data: bytes, number: int) -> None:
    for warning in opened(path, data, number).warnings:
        str(warning), warning.code, warning.tag_path, warning.offset, warning.detail


def looks(path: Path, data: bytes, number: int) -> None:
    ds = opened(path, data, number)
    repr(ds), str(ds), ds._repr_html_(), dir(ds), repr(ds.file_meta)


def equality(path: Path, data: bytes, number: int) -> None:
    one, two = opened(path, data, number), rd.dcmread(data)
    _ = one == two, one != 5
    attempt(hash, one)


def copies(path: Path, data: bytes, number: int) -> None:
    ds = opened(path, data, number)
    for twin in (copy.copy(ds), copy.deepcopy(ds)):
        if len(twin) != len(ds):
            raise Unpromised("a copy has another number of elements")
    again = attempt(lambda: pickle.loads(pickle.dumps(ds)))
    if again is not None and list(again.keys()) != list(ds.keys()):
        raise Unpromised("what was unpickled has other elements")
    for element in itertools.islice(ds.iterall(), 20):
        attempt(lambda e: pickle.loads(pickle.dumps(e.value)), element)


def pixels(path: Path, data: bytes, number: int) -> None:
    ds = opened(path, data, number)
    attempt(lambda: ds.pixel_array)
    attempt(lambda: ds.frames.decode(threads=2, raw=True))
    attempt(lambda: ds.frames.decode([0], threads=1))
    frames = attempt(lambda: ds.frames)
    count = attempt(len, frames)
    if frames is None or not count:
        return
    for index in {0, 1, count - 1, count}:
        attempt(lambda i: frames[i], index)
        attempt(lambda i: bytes(frames.encoded(i)), index)
    attempt(lambda: [frame.shape for frame in itertools.islice(frames[0:2], 2)])
    attempt(lambda: frames.byte_ranges)


def pixels_by_path(path: Path, data: bytes, number: int) -> None:
    attempt(rd.pixel_array, path)
    attempt(rd.pixel_array, path, index=0, raw=True, threads=1)
    attempt(rd.pixel_array, data, index=1)
    attempt(lambda: [frame.shape for frame in itertools.islice(rd.iter_pixels(path), 3)])
    attempt(lambda: [frame.shape for frame in rd.iter_pixels(path, indices=[0], raw=True)])


def pixels_salvaged(path: Path, data: bytes, number: int) -> None:
    ds = opened(path, data, number)
    attempt(lambda: ds.frames.decode(on_error="salvage", threads=1 + number % 2))
    attempt(rd.pixel_array, path, index=0, on_error="salvage", raw=number % 2 == 1)
    attempt(lambda: [frame.shape for frame in itertools.islice(rd.iter_pixels(path, on_error="salvage"), 3)])
    frames = attempt(lambda: ds.frames)
    code_stream = attempt(lambda: bytes(frames.encoded(0)))
    facts = attempt(lambda: {word: int(ds[keyword].value) for word, keyword in FACTS.items()})
    if code_stream is not None and facts is not None:
        uid = str(ds.transfer_syntax or "")
        attempt(rd.pixels.decode_frame, code_stream, transfer_syntax=uid, **facts)


def is_dicom(path: Path, data: bytes, number: int) -> None:
    if not isinstance(rd.is_dicom(path), bool) or rd.is_dicom(path) != rd.is_dicom(data):
        raise Unpromised("is_dicom differs between a path and its bytes")


def index(path: Path, data: bytes, number: int) -> None:
    table = rd.index([path], frames=number % 2 == 0, threads=1)
    if len(table) > 1:
        raise Unpromised(f"one file made {len(table)} rows")
    if number % 4 == 0:
        for _ in rd.scan(
            [path], threads=2, columns=["PatientName", "Rows", "ReferencedImageSequence[0].ReferencedSOPClassUID"]
        ):
            pass


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        doors,
        option,
        walk,
        walk_with_paths,
        mapping,
        warnings,
        looks,
        equality,
        copies,
        pixels,
        pixels_by_path,
        pixels_salvaged,
        is_dicom,
        index,
    )
}
MUTANT_STEPS = tuple(STEPS.values())
PIXEL_STEPS = (pixels, pixels_by_path, pixels_salvaged)


def try_step(step: Step, path: Path, data: bytes, number: int) -> str | None:
    """What went wrong, or None. Outside of `attempt` nothing but a clear error may come."""
    try:
        step(path, data, number)
    except BaseException as error:  # PanicException is one
        if isinstance(error, (rd.DicomError, OSError, MemoryError)) and not isinstance(error, rd.InternalError):
            return None
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error)
        return f"{step.__name__}:{where.lineno} {kind.__module__}.{kind.__name__}: {str(error)[:200]!r}"
    return None


def cases(
    malformed: Path, scratch: Path, count: int
) -> Iterator[tuple[str, list[Step], Path, Callable[[], bytes], int]]:
    """Name, steps, path (written by the caller unless it is the corpus'), bytes, number."""
    for path in sorted(malformed.glob("*.dcm")):
        for name, step in STEPS.items():
            for turn in range(len(OPTIONS) if name == "option" else 5 if name in ("walk", "pixels") else 1):
                yield f"{path.stem}/{name}/{turn}", [step], path, path.read_bytes, turn
    work = scratch / "case.dcm"
    for name in mutants.PREFIXED:
        seed = mutants.SEEDS[name]
        for length in range(len(seed)):
            yield f"prefix/{name}/{length}", list(MUTANT_STEPS), work, lambda s=seed, n=length: s[:n], length  # type: ignore[misc]
    for number in range(count):
        yield f"mutant/{number}", list(MUTANT_STEPS), work, lambda n=number: mutants.mutant(n)[1], number // 14  # type: ignore[misc]


def compressed_cases(
    malformed: Path, scratch: Path, count: int
) -> Iterator[tuple[str, list[Step], Path, Callable[[], bytes], int]]:
    """Every prefix of a code stream of each transfer syntax, and mutants; with the functions that give pixels alone."""
    work = scratch / "case.dcm"
    for name, stream in code_streams.STREAMS.items():
        for length in range(len(stream.data)):
            make: Callable[[], bytes] = functools.partial(stream.file, stream.data[:length])
            yield f"prefix/{name}/{length}", list(PIXEL_STEPS), work, make, length
    for number in range(count):
        yield f"mutant/{number}", list(PIXEL_STEPS), work, lambda n=number: code_streams.mutant(n)[1], number // 23  # type: ignore[misc]


CASES = {"": cases, "compressed": compressed_cases}


def main() -> None:
    shard, shards, start = (int(argument) for argument in sys.argv[1:4])
    malformed, scratch, count = Path(sys.argv[4]), Path(sys.argv[5]), int(sys.argv[6])
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    faulthandler.enable()
    chosen = CASES[os.environ.get("RAPIDICOM_CASES", "")]
    done = 0
    for position, (name, steps, path, make, number) in enumerate(chosen(malformed, scratch, count)):
        if position < start or position % shards != shard:
            continue
        data = make()
        if path.parent == scratch:
            path.write_bytes(data)
        os.write(1, f"B {position} {name}\n".encode())
        for step in steps:
            wrong = try_step(step, path, data, number)
            if wrong:
                os.write(1, f"F {position} {name} {wrong}\n".encode())
        done += 1
    os.write(1, f"E {done}\n".encode())


if __name__ == "__main__":
    main()
