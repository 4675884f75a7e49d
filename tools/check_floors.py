"""Fail on an edge between rooms that the plan of ARCHITECTURE.md does not have.

Reads `cargo metadata` for the crates and the import statements for the Python files.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Which of our crates may each crate know.
CRATES = {
    "core": set[str](),
    "source": set[str](),
    "codecs": {"core"},
    "iod": {"core", "codecs"},
    "index": {"core", "source"},
    "py": {"core", "source", "codecs", "iod", "index"},
}
# Crates from elsewhere that have one home, by the start of their name.
HOMES = {
    "arrow": {"index"},
    "parquet": {"index"},
    "zstd": {"index"},
    "pyo3": {"py"},
    "numpy": {"py"},
    "memmap2": {"source"},
    "libc": {"source"},
    "turbojpeg": {"codecs"},
    "openjpeg": {"codecs"},
    "jxl": {"codecs"},
    "libdeflate": {"codecs"},
    "rustix": {"source", "index"},
}
FORBID_UNSAFE = {"core", "iod", "index"}
# In codecs, unsafe is at home where a C library is called, and nowhere else.
UNSAFE_IN_CODECS = {"jpeg/turbo.rs", "jpeg_2000/openjpeg.rs"}

# Floor 4: what lives on the public names alone. Two have one thing beyond them: the command line the streaming writer,
# pydicom's plugin the colour that a code stream was decoded to.
FLOOR_4 = ("__main__.py", "cli/", "pydicom.py", "torch.py", "monai.py", "polars.py", "spark/", "pynetdicom.py")
EXTENSION_USERS = {"cli/index.py", "pydicom.py"}
# The whole of what may be imported before someone asks for it.
AT_IMPORT = set(sys.stdlib_module_names) | {"rapidicom", "__future__"}
# Imported when first asked for: what they build on comes with them.
LAZY = {
    "pixels.py": {"numpy"},
    "_palettes.py": {"numpy"},
    "video.py": {"numpy"},
    "pydicom.py": {"numpy"},
    "frame_of_row.py": {"numpy"},
    "spark/": {"pyarrow", "pyspark"},
}


def crate_faults() -> Iterator[str]:
    """Yield each crate that knows what its floor does not allow."""
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    for package in metadata["packages"]:
        name = package["name"].removeprefix("rapidicom-")
        if name not in CRATES:
            yield f"{name}: a crate that the plan does not have"
            continue
        for dependency in package["dependencies"]:
            other = dependency["name"]
            ours = other.removeprefix("rapidicom-")
            if ours != other and ours not in CRATES[name]:
                yield f"{name} -> {ours}: a floor is crossed"
            if dependency["kind"] == "dev":
                continue
            for prefix, homes in HOMES.items():
                if other.startswith(prefix) and name not in homes:
                    yield f"{name} -> {other}: at home in {', '.join(sorted(homes))} alone"
    for name in FORBID_UNSAFE:
        if "#![forbid(unsafe_code)]" not in (ROOT / "rust" / name / "src" / "lib.rs").read_text():
            yield f"{name}: lib.rs lacks #![forbid(unsafe_code)]"
    codecs = ROOT / "rust" / "codecs" / "src"
    if "#![deny(unsafe_code)]" not in (codecs / "lib.rs").read_text():
        yield "codecs: lib.rs lacks #![deny(unsafe_code)]"
    for path in sorted(codecs.rglob("*.rs")):
        home = path.relative_to(codecs).as_posix()
        if "allow(unsafe_code)" in path.read_text() and home not in UNSAFE_IN_CODECS:
            yield f"codecs/{home}: allows unsafe code; its homes are {', '.join(sorted(UNSAFE_IN_CODECS))}"


def python_faults() -> Iterator[str]:
    """Yield each Python import that is made too early, or that goes round the public names."""
    package = ROOT / "python" / "rapidicom"
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text(), name)
        for node, module in _imports(tree):
            if name.startswith(FLOOR_4) and name not in EXTENSION_USERS and "_rapidicom" in module.split("."):
                yield f"{name}:{node.lineno}: imports the extension; use rapidicom's public names"
        lazy = next((modules for start, modules in LAZY.items() if name.startswith(start)), set[str]())
        for node, module in _imports_at_import(tree):
            if module.split(".")[0] not in AT_IMPORT | lazy:
                yield f"{name}:{node.lineno}: imports {module} before it is asked for; import it in the function"


def _imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = f"rapidicom.{node.module or ''}" if node.level else node.module or ""
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)


def _imports_at_import(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for statement in tree.body:
        typing_only = isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING")
        if not typing_only and not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _imports(statement)


def main() -> int:
    """Print the faults; exit status 1 where there is one."""
    faults = [*crate_faults(), *python_faults()]
    for fault in faults:
        print(f"floors: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
