"""The command line: results to standard output, words to standard error, exit status 0, 1 or 2."""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import builders
import rapidicom as rd


def run(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "rapidicom", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, cwd=cwd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "files"
    root.mkdir()
    for number in range(4):
        (root / f"{number}.dcm").write_bytes(builders.small())
    (root / "text.txt").write_text("no DICOM")
    return root


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.decode().strip() == f"rapidicom {rd.__version__}"


def test_the_installed_command() -> None:
    script = Path(sys.executable).with_name("rapidicom")
    if not script.exists():
        pytest.skip("rapidicom is importable here, but not installed with its command")
    assert subprocess.run([script, "--version"], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "words", [[], ["bake"], ["index"], ["dump"], ["dump", "--no-such", "x"], ["index", "x"]], ids=str
)
def test_wrong_use(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"usage" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dump", "--max-length", "x", "f"], b"--max-length: 'x': expected a number, 0 or more"),
        (["dump", "--max-length=-1", "f"], b"--max-length: '-1': expected a number, 0 or more"),
        (["index", "-j", "0", "f", "-o", "x.parquet"], b"-j/--threads: '0': expected a number, 1 or more"),
    ],
    ids=str,
)
def test_wrong_use_says_what_is_expected(words: list[str], expected: bytes) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert expected in done.stderr


def test_dump(folder: Path) -> None:
    done = run("dump", folder / "0.dcm")
    assert done.returncode == 0
    text = done.stdout.decode()
    assert "(0010,0010) PN Doe^John" in text
    assert "(0002,0010) UI" in text
    assert text.count("\n") >= 17 + 5


def test_dump_max_length(tmp_path: Path) -> None:
    path = tmp_path / "long.dcm"
    path.write_bytes(builders.file(builders.EXPLICIT.element(0x00111001, "UT", "x" * 10_000)))
    assert max(map(len, run("dump", "--max-length", "20", path).stdout.splitlines())) < 200
    assert b"x" * 10_000 in run("dump", "--max-length", "0", path).stdout


def test_dump_json(folder: Path) -> None:
    done = run("dump", "--json", folder / "0.dcm")
    model = json.loads(done.stdout)
    assert model["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Doe^John"}]}
    assert model["00280010"] == {"vr": "US", "Value": [4]}


def dumped(path: Path) -> dict[str, Any]:
    """What `dump --json` says of a file; `NaN` and its like are no JSON."""
    done = run("dump", "--json", path)
    assert done.returncode == 0, done.stderr

    def no_constant(name: str) -> None:
        raise AssertionError(name)

    model: dict[str, Any] = json.loads(done.stdout, parse_constant=no_constant)
    return model


WORDS = {"OB": "32B", "OW": "16H", "OF": "8f", "OL": "8I", "OD": "4d", "OV": "4Q", "UN": "32B"}


@pytest.mark.parametrize(
    ("encoding", "uid"),
    [(builders.EXPLICIT, builders.EXPLICIT_LITTLE_UID), (builders.BIG, builders.EXPLICIT_BIG_UID)],
    ids=["little", "big"],
)
def test_dump_json_has_bytes_in_little_endian(tmp_path: Path, encoding: builders.Encoding, uid: str) -> None:
    def packed(order: str, form: str) -> bytes:
        return struct.pack(order + form, *range(1, int(form[:-1]) + 1))

    e = encoding.element
    data = e(0x00090010, "LO", "TEST")
    for number, (vr, form) in enumerate(WORDS.items()):
        data += e(0x00091000 + number, vr, packed(encoding.order, form))
    data += encoding.sequence(0x00880200, encoding.item(encoding.pixels(packed(encoding.order, "4H"))))
    data += e(0x60003000, "OW", struct.pack(encoding.order + "H", 0x0201) + b"\3", length=3)  # half a word at the end
    path = tmp_path / "words.dcm"
    path.write_bytes(builders.file(data, uid))
    model = dumped(path)
    for number, (vr, form) in enumerate(WORDS.items()):
        entry = model[f"{0x00091000 + number:08X}"]
        assert entry == {"vr": vr, "InlineBinary": b64encode(packed("<", form)).decode()}
    [item] = model["00880200"]["Value"]
    assert b64decode(item["7FE00010"]["InlineBinary"]) == packed("<", "4H")
    assert b64decode(model["60003000"]["InlineBinary"]) == b"\1\2\3"


def test_dump_json_of_what_is_empty_or_no_number(tmp_path: Path) -> None:
    e = builders.EXPLICIT.element
    data = e(0x00080000, "UL", [4]) + e(0x00080008, "CS", "A\\\\B") + e(0x00080020, "DA") + e(0x00080060, "CS", "\\ ")
    data += e(0x00081140, "SQ") + e(0x00100010, "PN", "=I") + e(0x00101001, "PN", "=\\X^Y==Z")
    data += e(0x00104000, "LT", "  ") + e(0x00181041, "DS", "1.50\\\\1e999") + e(0x00181152, "IS", "7\\x")
    data += e(0x00189073, "FD", [float("nan"), float("inf"), -float("inf"), 1e300])
    data += builders.EXPLICIT.sequence(0x00400260, builders.EXPLICIT.item(b""))
    path = tmp_path / "odd.dcm"
    path.write_bytes(builders.file(data))
    assert dumped(path) == {
        "00080008": {"vr": "CS", "Value": ["A", None, "B"]},
        "00080020": {"vr": "DA"},
        "00080060": {"vr": "CS", "Value": [None, None]},
        "00081140": {"vr": "SQ"},
        "00100010": {"vr": "PN", "Value": [{"Ideographic": "I"}]},
        "00101001": {"vr": "PN", "Value": [None, {"Alphabetic": "X^Y", "Phonetic": "Z"}]},
        "00104000": {"vr": "LT"},
        "00181041": {"vr": "DS", "Value": [1.5, None, "inf"]},
        "00181152": {"vr": "IS", "Value": ["7", "x"]},
        "00189073": {"vr": "FD", "Value": ["NaN", "inf", "-inf", 1e300]},
        "00400260": {"vr": "SQ", "Value": [{}]},
    }


def test_dump_json_names_long_bytes_by_their_place(tmp_path: Path) -> None:
    e = builders.EXPLICIT.element
    path = tmp_path / "a b.dcm"
    path.write_bytes(builders.file(e(0x00420011, "OB", bytes(1024)) + builders.EXPLICIT.pixels(b"ab" * 513)))
    model = dumped(path)
    assert b64decode(model["00420011"]["InlineBinary"]) == bytes(1024)
    offset = path.read_bytes().index(b"abab")
    assert model["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{path.as_uri()}?offset={offset}&length=1026"}
    path.write_bytes(builders.file(builders.EXPLICIT.pixels(b"ab" * 513), builders.DEFLATED_UID))
    assert b64decode(dumped(path)["7FE00010"]["InlineBinary"]) == b"ab" * 513


def test_dump_json_of_deep_sequences(tmp_path: Path) -> None:
    path = tmp_path / "deep.dcm"
    path.write_bytes(builders.file(builders.nested(60)))
    model = dumped(path)
    for _ in range(60):
        [model] = model["00081140"]["Value"]
    assert model == {"00081150": {"vr": "UI", "Value": ["1.2"]}}
    path.write_bytes(builders.file(builders.nested(80, undefined=False)))
    done = run("dump", "--json", path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"exceeds max_depth=64" in done.stderr and b"Traceback" not in done.stderr


def without_bulk_data(model: dict[str, Any]) -> dict[str, Any]:
    """The model without pixels, and without the places of long values: the index has neither."""
    for tag, entry in model.items():
        entry.pop("BulkDataURI", None)
        if tag == "7FE00010":
            entry.pop("InlineBinary", None)
        for item in entry.get("Value", []) if entry["vr"] == "SQ" else []:
            without_bulk_data(item)
    return model


def test_dump_json_says_what_the_index_says(tmp_path: Path) -> None:
    files = builders.seeds()
    for name, encoding, uid in [
        ("implicit", builders.IMPLICIT, builders.IMPLICIT_LITTLE_UID),
        ("little", builders.EXPLICIT, builders.EXPLICIT_LITTLE_UID),
        ("big", builders.BIG, builders.EXPLICIT_BIG_UID),
    ]:
        e = encoding.element
        empty = e(0x00080000, "UL", [4]) + e(0x00080008, "CS", "A\\\\B") + e(0x00080060, "CS", "\\ ")
        empty += e(0x00081140, "SQ") + e(0x00100010, "PN", "=I=P") + e(0x00101001, "PN", "A==P\\\\=\\B==")
        empty += e(0x00104000, "LT", " \\ ") + e(0x00180050, "DS", " \\1.5\\")
        empty += e(0x00189073, "FD", [float("nan"), 1.5])
        inner = encoding.item(empty + builders.every_vr(encoding)) + encoding.item(b"")
        files[f"{name} of this test"] = builders.file(empty + encoding.sequence(0x00400260, inner), uid)
    paths = []
    for name, data in files.items():
        paths.append(tmp_path / f"{name}.dcm")
        paths[-1].write_bytes(data)
    done = run("dump", "--json", *paths)
    assert done.returncode == 0, done.stderr
    table = {row["path"]: row["json"] for row in pa.table(rd.index(paths, columns=["path", "json"])).to_pylist()}
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        assert without_bulk_data(json.loads(line)) == json.loads(table[str(path)]), path


@pytest.mark.parametrize("length", ["20", "64"])
def test_dump_json_has_values_whole(folder: Path, length: str) -> None:
    done = run("dump", "--json", "--max-length", length, folder / "0.dcm")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--max-length" in done.stderr


def test_dump_json_says_what_was_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "odd.dcm"
    path.write_bytes(builders.file(builders.EXPLICIT.image() + builders.EXPLICIT.patient()))
    done = run("dump", "--json", path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["00280010"] == {"vr": "US", "Value": [4]}
    assert b"TagOrder" in done.stderr
    assert done.stderr == run("dump", path).stderr


def test_dump_goes_on_after_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.dcm"
    path.write_bytes(builders.file(builders.nested(80, undefined=False) + builders.EXPLICIT.patient()))
    done = run("dump", path)
    assert done.returncode == 1
    assert b"exceeds max_depth=64>" in done.stdout
    assert b"(0010,0010) PN Doe^John" in done.stdout


@pytest.mark.parametrize("command", ["dump", "frames", "verify"])
def test_no_advice_that_only_python_can_take(folder: Path, command: str) -> None:
    done = run(command, folder / "text.txt")
    assert done.returncode == 1
    assert b"expected 'DICM' at byte 128 or a data set\n" in done.stdout + done.stderr


def test_dump_is_safe_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "escape.dcm"
    path.write_bytes(builders.file(builders.EXPLICIT.element(0x00104000, "LT", b"\x1b[2Jgone\x07")))
    done = run("dump", path)
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\x07" not in done.stdout


def test_frames(folder: Path) -> None:
    done = run("frames", folder / "0.dcm")
    _, line = done.stdout.decode().splitlines()
    _, frame, offset, length = line.split("\t")
    assert (frame, length) == ("0", "16")
    assert builders.small()[int(offset) :][:16] == bytes(range(16))


def test_verify(folder: Path) -> None:
    assert run("verify", folder).returncode == 0
    (folder / "bad.dcm").write_bytes(builders.small()[:140])
    warned = builders.file(builders.EXPLICIT.image() + builders.EXPLICIT.patient())
    (folder / "odd.dcm").write_bytes(warned)
    done = run("verify", folder)
    assert b"odd.dcm" in done.stdout
    assert b"warning" in done.stdout
    named = run("verify", folder / "text.txt")
    assert named.returncode == 1
    assert b"text.txt" in named.stdout + named.stderr


def test_index(folder: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    output = tmp_path / "index.parquet"
    done = run("index", folder, "-o", output, "--columns", "PatientName,Rows", "--frames", "-j", "2")
    assert done.returncode == 0, done.stderr
    table = pq.read_table(output)
    assert table.num_rows == 4
    assert table.column("PatientName").to_pylist() == ["Doe^John"] * 4
    assert "frames" in table.column_names


def test_paths_from_standard_input(folder: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    output = tmp_path / "index.parquet"
    names = [str(folder / f"{number}.dcm") for number in range(3)]
    for words, stdin in ((["-"], "\n".join(names)), (["-0"], "\0".join(names)), (["-", "-0"], "\0".join(names) + "\0")):
        done = run("index", *words, "-o", output, stdin=stdin.encode())
        assert done.returncode == 0, done.stderr
        assert pq.read_table(output).num_rows == 3


def test_lines_of_paths_may_end_as_on_windows(folder: Path) -> None:
    name = bytes(folder / "0.dcm")
    done = run("frames", "-", stdin=name + b"\r\n\r\n" + name + b"\r")
    assert (done.returncode, done.stdout.count(name + b"\t0\t")) == (0, 2), done.stderr
    (folder / "0.dcm").rename(folder / "0.dcm\r")
    assert run("frames", "-0", stdin=name + b"\r\0").returncode == 0


def test_a_table_is_not_written_to_standard_output(folder: Path, tmp_path: Path) -> None:
    done = run("index", folder, "-o", "-", cwd=tmp_path)
    assert done.returncode == 2
    assert b"FILE.parquet" in done.stderr
    assert not (tmp_path / "-").exists()


def test_some_files_failed(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "index.parquet"
    done = run("index", folder / "0.dcm", folder / "none.dcm", "-o", output)
    assert done.returncode == 1
    assert run("dump", folder / "none.dcm").returncode == 1
    assert run("frames", folder / "text.txt").returncode == 1


def test_an_unknown_column_is_wrong_use(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "index.parquet"
    done = run("index", folder, "-o", output, "--columns", "PatientNaem")
    assert done.returncode == 2
    assert b"PatientNaem" in done.stderr
    assert not output.exists()


def test_the_table_is_whole_or_absent(folder: Path) -> None:
    done = run("index", folder, "-o", folder / "no" / "such" / "folder.parquet")
    assert done.returncode in (1, 2)
    assert [path.name for path in folder.iterdir() if path.name.endswith((".part", ".parquet"))] == []


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    dump = subprocess.Popen(
        [sys.executable, "-m", "rapidicom", "dump", *[folder / "0.dcm"] * 300],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert dump.stdout is not None
    assert dump.stderr is not None
    dump.stdout.readline()
    dump.stdout.close()
    words = dump.stderr.read()
    assert dump.wait(30) in (0, -signal.SIGPIPE)
    assert b"Traceback" not in words


COMMANDS = [["dump", "0.dcm"], ["dump", "--json", "0.dcm"], ["frames", "0.dcm"], ["verify", "text.txt"]]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [*COMMANDS, ["--version"], ["--help"]], ids=str)
def test_standard_output_that_cannot_be_written(folder: Path, words: list[str], unbuffered: str) -> None:
    def said(**how: Any) -> str:
        command = [sys.executable, "-m", "rapidicom", *words]
        how["env"] = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, timeout=60, text=True, **how)
        assert done.returncode == 1
        return done.stderr

    assert said(preexec_fn=lambda: os.close(1)) == "rapidicom: standard output is closed\n"
    with Path("/dev/full").open("w") as full:
        assert said(stdout=full) == "rapidicom: standard output: No space left on device\n"


@pytest.mark.parametrize("words", [["dump", "-"], ["frames", "-0"], ["index", "-", "-o", "x.parquet"]], ids=str)
def test_standard_input_that_cannot_be_read(tmp_path: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "rapidicom", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, preexec_fn=lambda: os.close(0))
    assert (done.returncode, done.stderr) == (1, b"rapidicom: standard input is closed\n")


def test_words_never_go_to_standard_output(folder: Path) -> None:
    command = [sys.executable, "-m", "rapidicom", "dump", "none.dcm"]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, timeout=60, preexec_fn=lambda: os.close(2), check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")


def test_ctrl_c_ends_an_index_and_leaves_nothing(tmp_path: Path) -> None:
    fifo = tmp_path / "paths"
    os.mkfifo(fifo)
    keeper = os.open(fifo, os.O_RDWR)
    os.write(keeper, b"none.dcm\n")
    output = tmp_path / "index.parquet"
    with fifo.open("rb") as stdin:
        index = subprocess.Popen(
            [sys.executable, "-m", "rapidicom", "index", "-", "-o", output],
            stdin=stdin,
            stderr=subprocess.PIPE,
            # Whoever runs the tests in the background of a shell has it ignored, and so would we.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        for _ in range(6000):  # until it has begun to read
            if not select.select([keeper], [], [], 0)[0] or index.poll() is not None:
                break
            time.sleep(0.01)
        index.send_signal(signal.SIGINT)
        try:
            status = index.wait(10)
        finally:
            index.kill()
            os.close(keeper)
    assert status in (130, -signal.SIGINT)
    assert not output.exists()
    assert list(tmp_path.glob(".index*")) == []
