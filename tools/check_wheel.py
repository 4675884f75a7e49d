"""`check_wheel.py WHEEL`: what must not be in the extension module, and the licences that must be beside it.

Exits with 1 and a sentence where it is not so.
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICENCES = ("LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY-LICENSES.txt")

UNWANTED = {
    b"__assert_fail": "C code was built with asserts: a malformed image would end the process (see .cargo/config.toml)",
    b"GOMP_parallel": "C code brings threads of its own: frames are what is decoded in parallel",
}


def licence_faults(archive: zipfile.ZipFile) -> list[str]:
    """The licence files that the wheel has not as they are here."""
    faults = []
    for licence in LICENCES:
        found = [name for name in archive.namelist() if name.endswith(f".dist-info/licenses/{licence}")]
        if [archive.read(name) for name in found] != [(ROOT / licence).read_bytes()]:
            faults.append(f"dist-info/licenses/{licence}: not there, or another text than here (see pyproject.toml)")
    return faults


def main(wheel: str) -> int:
    """Looks at every shared object of the wheel: names of imported functions stand in it as they are."""
    faults = []
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so")]
        for name in modules:
            code = archive.read(name)
            faults += [f"{name}: {reason}" for symbol, reason in UNWANTED.items() if b"\0" + symbol + b"\0" in code]
        faults += licence_faults(archive)
    fine = f"{wheel}: {len(modules)} module(s), no asserts of C code; {len(LICENCES)} licence files"
    print("\n".join(faults or [fine]))
    return 1 if faults or not modules else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
