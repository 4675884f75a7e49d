"""No file may harm the process: no signal, no abort, no panic, no hang, no exception that nobody promised.

Every public function is tried with the malformed files, with every prefix of ten good ones and with mutants, in
subprocesses under RLIMIT_AS of 1 GiB. RAPIDICOM_MUTANTS=1000000 asks for more than the usual number.
"""

import os
import selectors
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import TESTS

MUTANTS = int(os.environ.get("RAPIDICOM_MUTANTS", "20000"))
SHARDS = 2
CASE_SECONDS = 2.0
CASE_WALL_SECONDS = 30.0  # a loaded machine is no hang; a process that sleeps this long is
START_SECONDS = 60.0


@dataclass
class Record:
    """What one shard went through."""

    cases: int = 0
    killed: list[str] = field(default_factory=list)
    unpromised: list[str] = field(default_factory=list)


class Shard:
    """A worker process, started again behind each case that kills it."""

    def __init__(self, number: int, malformed: Path, scratch: Path) -> None:
        self.number, self.malformed, self.scratch = number, malformed, scratch
        self.record = Record()
        self.current: tuple[int, str] | None = None
        scratch.mkdir()

    def run(self) -> Record:
        start = 0
        while len(self.record.killed) < 100:
            self.current = None
            ending = self.run_once(start)
            if ending is None:
                return self.record
            if self.current is None:
                raise AssertionError(f"the worker does not start: {ending}")
            self.record.killed.append(f"{self.current[1]}: {ending}")
            start = self.current[0] + 1
        return self.record

    def run_once(self, start: int) -> str | None:
        """How the worker was ended before its time, or None."""
        words = [str(word) for word in (self.number, SHARDS, start, self.malformed, self.scratch, MUTANTS)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "RUST_BACKTRACE": "0"}
        errors = self.scratch / "stderr"
        with errors.open("wb") as stderr:
            worker = subprocess.Popen(
                [sys.executable, TESTS / "survival_worker.py", *words],
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
            )
        ended, hang = self.follow(worker)
        worker.wait()
        if ended:
            return None
        return hang or f"exit status {worker.returncode}, {errors.read_text(errors='replace')[:600]}"

    def follow(self, worker: subprocess.Popen[bytes]) -> tuple[bool, str | None]:
        """Reads the record until the worker ends or hangs; true where it came to its end."""
        assert worker.stdout is not None
        rest, ended = b"", False
        begun, spent = time.monotonic(), processor_seconds(worker.pid)
        with selectors.DefaultSelector() as ready, worker.stdout as record:
            ready.register(record, selectors.EVENT_READ)
            while True:
                if not ready.select(timeout=0.5):
                    cpu, wall = processor_seconds(worker.pid) - spent, time.monotonic() - begun
                    if (cpu > CASE_SECONDS or wall > CASE_WALL_SECONDS) and (self.current or wall > START_SECONDS):
                        worker.kill()
                        return False, f"hang: {cpu:.1f} s of processor, {wall:.1f} s"
                    continue
                chunk = os.read(record.fileno(), 1 << 16)
                if not chunk:
                    return ended, None
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    ended = self.note(line.decode()) or ended
                begun, spent = time.monotonic(), processor_seconds(worker.pid)

    def note(self, line: str) -> bool:
        kind, _, words = line.partition(" ")
        if kind == "B":
            position, _, name = words.partition(" ")
            self.current = int(position), name
            self.record.cases += 1
        elif kind == "F":
            self.record.unpromised.append(words)
        return kind == "E"


def processor_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_file_harms_the_process(malformed_dir, tmp_path, figure) -> None:  # type: ignore[no-untyped-def]
    shards = [Shard(number, malformed_dir, tmp_path / str(number)) for number in range(SHARDS)]
    with ThreadPoolExecutor(SHARDS) as pool:
        records = list(pool.map(Shard.run, shards))
    killed = [line for record in records for line in record.killed]
    unpromised = [line for record in records for line in record.unpromised]
    figure("survival, cases tried", sum(record.cases for record in records))
    figure("survival, mutants among them", MUTANTS)
    figure("survival, host-killing outcomes", len(killed))
    figure("survival, exceptions that nobody promised", len(unpromised))
    assert not killed, "\n".join(killed[:20])
    assert not unpromised, f"{len(unpromised)}:\n" + "\n".join(unpromised[:40])


def test_the_steps_do_what_they_say() -> None:
    """On a good file no step may end early: else the survival test would try nothing."""
    code = """
import sys, tempfile, pathlib
sys.path.insert(0, sys.argv[1])
import builders, survival_worker as worker
refused = []
promised = worker.PROMISED
def attempt(call, *args, **options):
    try:
        return call(*args, **options)
    except promised as error:
        refused.append(f"{type(error).__name__}: {error}")
worker.attempt = attempt
data = builders.seeds()["sequences"]
path = pathlib.Path(tempfile.mkdtemp()) / "good.dcm"
path.write_bytes(data)
for name, step in worker.STEPS.items():
    before = len(refused)
    step(path, data, 0)
    print(name, len(refused) - before, refused[before:][:3], file=sys.stderr)
    expected = {"mapping": 8, "walk": 100, "option": 100, "pixels": 4, "pixels_by_path": 1}
    if len(refused) - before > expected.get(name, 0):
        sys.exit(f"{name} was refused: {refused[before:]}")
"""
    done = subprocess.run([sys.executable, "-c", code, TESTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_mutant_is_a_function_of_its_number() -> None:
    import mutants

    assert [mutants.mutant(number) for number in range(300)] == [mutants.mutant(number) for number in range(300)]
    assert len({data for _, data in map(mutants.mutant, range(2000))}) > 1900
