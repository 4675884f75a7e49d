"""Run every example of README.md and docs/guide/ in Python and in the shell, in a folder of real DICOM files.

The blocks of one page run in order in one interpreter, as a reader would type them; those marked `sh` in a shell that
ends where a command fails. An example that needs what is not installed here says so in its first line:
`# not run: why`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = "import subprocess; subprocess.run(['bash', '-euc', {!r}], check=True)"

# What the examples call the reader's own files, and the file that stands in for each.
NAMES = {
    "ct.dcm": "CT_small.dcm",
    "mr.dcm": "MR_small.dcm",
    "plan.dcm": "rtplan.dcm",
    "cine.dcm": "examples_ybr_color.dcm",
    "multiframe.dcm": "emri_small.dcm",
    "compressed.dcm": "MR_small_jp2klossless.dcm",
    "jpeg.dcm": "SC_rgb_jpeg_dcmtk.dcm",
    "study/ct.dcm": "CT_small.dcm",
    "study/mr.dcm": "MR_small.dcm",
    "study/series 2/us.dcm": "examples_ybr_color.dcm",
    "study/plan.dcm": "rtplan.dcm",
}


def lay_out(folder: Path) -> None:
    """Copy pydicom's test files under the names that the examples use."""
    from pydicom.data import get_testdata_file

    for name, source in NAMES.items():
        found = get_testdata_file(source)
        assert found, source
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(found), target)


def program(page: Path) -> str:
    """Return the page's blocks as one program whose line numbers are those of the page."""
    text = page.read_text()
    lines = [""] * (text.count("\n") + 1)
    for match in BLOCK.finditer(text):
        language, code = match.groups()
        if code.startswith("# not run:"):
            continue
        first = text.count("\n", 0, match.start(2))
        if language == "sh":
            code = SHELL.format(code)
        for i, line in enumerate(code.splitlines()):
            lines[first + i] = line
    return "\n".join(lines)


def main() -> int:
    """Run each page; exit status 1 where an example fails or no page has any."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
    passed = failed = 0
    for page in pages:
        code = program(page)
        if not code.strip():
            continue
        with tempfile.TemporaryDirectory() as folder:
            lay_out(Path(folder))
            start = f"import sys; exec(compile(sys.stdin.read(), {page.name!r}, 'exec'), {{'__name__': '__main__'}})"
            beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # the command `rapidicom`
            done = subprocess.run(
                [sys.executable, "-c", start],
                input=code,
                text=True,
                cwd=folder,
                capture_output=True,
                env={**os.environ, "PATH": beside},
            )
        if done.returncode:
            failed += 1
            print(
                f"{page.relative_to(ROOT)}: exit status {done.returncode}\n{done.stdout}{done.stderr}", file=sys.stderr
            )
        else:
            passed += 1
    print(f"pages with examples: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
