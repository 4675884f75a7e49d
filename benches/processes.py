"""The processes that are asked round by round: one a library, one for the C floors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class GoneError(Exception):
    """The process can't do this, or has ended."""


class Process:
    """A child that answers one line with one line."""

    longest: float | None = None  # seconds that an answer may take, else the child is killed

    def __init__(self, command: list[str]) -> None:
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment()
        )

    def line(self) -> str:
        """Read the next answer."""
        assert self.child.stdout is not None
        timer = threading.Timer(self.longest, self.child.kill) if self.longest else None
        if timer:
            timer.start()
        answer = self.child.stdout.readline()
        if timer:
            timer.cancel()
        if not answer:
            raise GoneError(f"ended with status {self.child.wait()}")
        return answer

    def say(self, line: str) -> str:
        """Ask -> the answer."""
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(line + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise GoneError(f"ended with status {self.child.wait()}") from None
        return self.line()

    def close(self) -> None:
        """End it."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        self.child.wait()


class LibraryProcess(Process):
    """worker.py, or another program that answers so, with one library."""

    def __init__(self, name: str, program: str = "worker.py") -> None:
        super().__init__([sys.executable, str(HERE / program), name])
        hello = json.loads(self.line())
        if "version" not in hello:
            self.close()
            raise GoneError("not installed")
        self.version: str = hello["version"]

    def ask(self, request: Any) -> tuple[float, Any]:
        """Do one round -> its seconds and what came out."""
        answer = json.loads(self.say(json.dumps(request)))
        if "error" in answer:
            raise GoneError(answer["error"])
        return answer["seconds"], answer["check"]


class FloorProcess(Process):
    """floors.c."""

    def __init__(self, binary: Path) -> None:
        super().__init__([str(binary)])
        self.version = "C"
        self.loaded: list[str] = []

    def ask(self, request: Any) -> tuple[float, Any]:
        """Do one request -> its number; a folder that is loaded is not loaded again."""
        if request[0].startswith("load"):
            if request == self.loaded:
                return 0.0, None
            self.loaded = request
        number = float(self.say("\t".join(request)))
        if number < 0:
            raise GoneError(f"floors.c refuses {request}")
        return number, None


def build_floors(folder: Path) -> Path:
    """Compile floors.c with the machine's own instructions -> the binary."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "floors"
    compiler = os.environ.get("CC", "cc")
    source = HERE / "floors.c"
    subprocess.run([compiler, "-O3", "-march=native", "-pthread", "-o", str(binary), str(source)], check=True)
    return binary


def clean_environment() -> dict[str, str]:
    """Copy the environment without what makes an interpreter behave in another way."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
