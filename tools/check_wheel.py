"""`check_wheel.py WHEEL`: what must not be in the extension module. Exits with 1 and a sentence where it is."""

import sys
import zipfile

UNWANTED = {
    b"__assert_fail": "C code was built with asserts: a malformed image would end the process (see .cargo/config.toml)",
    b"GOMP_parallel": "C code brings threads of its own: frames are what is decoded in parallel",
}


def main(wheel: str) -> int:
    """Looks at every shared object of the wheel: names of imported functions stand in it as they are."""
    faults = []
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so")]
        for name in modules:
            code = archive.read(name)
            faults += [f"{name}: {reason}" for symbol, reason in UNWANTED.items() if b"\0" + symbol + b"\0" in code]
    print("\n".join(faults or [f"{wheel}: {len(modules)} module(s), no asserts of C code"]))
    return 1 if faults or not modules else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
