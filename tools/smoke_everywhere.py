"""Install the wheel in a fresh environment of every CPython >= 3.11 on this machine, and run tools/smoke.py there.

Looks on PATH and among pyenv's versions. Usage: smoke_everywhere.py WHEEL
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASK = """
import json, sys, sysconfig
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(json.dumps([sys.implementation.name, *sys.version_info[:2], free_threaded]))
"""


def candidates() -> Iterator[Path]:
    """Yield what may be an interpreter: this one, those on PATH, those of pyenv."""
    yield Path(sys.executable)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield from sorted(Path(folder or ".").glob("python3.[0-9]*"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted((pyenv / "versions").glob("*/bin/python3"))


def interpreters() -> dict[tuple[int, int], Path]:
    """Return one CPython with a GIL of each minor version from 3.11 on; the abi3 wheel is for those."""
    found: dict[tuple[int, int], Path] = {}
    for python in candidates():
        if not os.access(python, os.X_OK) or python.name.endswith("-config"):
            continue
        answer = subprocess.run([python, "-c", ASK], capture_output=True, text=True)
        if answer.returncode:
            continue  # a shim of pyenv without its version
        name, major, minor, free_threaded = json.loads(answer.stdout)
        if name == "cpython" and (major, minor) >= (3, 11) and not free_threaded:
            found.setdefault((major, minor), python)
    return found


def try_on(python: Path, version: str, wheel: str) -> bool:
    """Return whether the wheel installs and works there."""
    home = ROOT / "target" / "everywhere" / version
    steps: list[list[str | Path]] = [
        [python, "-m", "venv", "--clear", "--without-pip", home],
        [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--quiet", wheel],
        [home / "bin" / "python", ROOT / "tools" / "smoke.py"],
        [home / "bin" / "rapidicom", "--version"],
    ]
    for step in steps:
        if subprocess.run(step, stdin=subprocess.DEVNULL).returncode:
            print(f"CPython {version} ({python}): failed at {' '.join(map(str, step))}", file=sys.stderr)
            return False
    return True


def main() -> int:
    """Try each; exit status 1 where one fails."""
    wheel = sys.argv[1]
    results = {f"{a}.{b}": try_on(python, f"{a}.{b}", wheel) for (a, b), python in sorted(interpreters().items())}
    good = sum(results.values())
    print(f"interpreters: {good} passed, {len(results) - good} failed")
    return 0 if results and good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
