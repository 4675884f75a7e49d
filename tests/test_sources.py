"""Sources of an index that are no files: members of archives, bytes, objects of a store, a DICOMDIR."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import builders
import rapidicom as rd

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
E = builders.EXPLICIT.element


def instance(patient: str, more: bytes = b"") -> bytes:
    return builders.file(E(0x00100020, "LO", patient) + more)


def large(patient: str) -> bytes:
    """Return an instance whose header is longer than any prefix, with an element far behind."""
    return instance(patient, E(0x00420011, "OB", os.urandom(300_000)) + E(0x20500020, "CS", "IDENTITY"))


def rows(source: Any, **options: Any) -> dict[str, dict[str, Any]]:
    columns = ["size", "PatientID", "PresentationLUTShape"]
    return {row["path"]: row for row in pa.table(rd.index(source, columns=columns, **options)).to_pylist()}


MEMBERS = {"a/1.dcm": instance("A"), "b/2.dcm": large("B"), "3.txt": b"no DICOM", "../../escape.dcm": instance("C")}


def archive(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        method = zipfile.ZIP_STORED if "stored" in path.name else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as zipped:
            for name, content in members.items():
                zipped.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tarred:
            for name, content in members.items():
                facts = tarfile.TarInfo(name)
                facts.size = len(content)
                tarred.addfile(facts, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["stored.zip", "deflated.zip", "plain.tar"])
@pytest.mark.parametrize("threads", [1, 3])
def test_members_are_rows(tmp_path: Path, name: str, threads: int) -> None:
    path = archive(tmp_path / name, MEMBERS)
    scheme = "zip" if name.endswith("zip") else "tar"
    found = rows(path, threads=threads)
    assert {row["PatientID"] for row in found.values()} == {"A", "B", "C"}
    far = found[f"{scheme}://b/2.dcm::{path}"]
    assert (far["PresentationLUTShape"], far["status"], far["size"]) == ("IDENTITY", "ok", len(MEMBERS["b/2.dcm"]))
    assert not list(tmp_path.parent.glob("escape.dcm"))


def test_of_a_compressed_tar_the_first_bytes_are_kept(tmp_path: Path) -> None:
    found = rows(archive(tmp_path / "a.tar.gz", MEMBERS))
    assert {row["PatientID"] for row in found.values() if row["status"] == "ok"} == {"A", "C"}
    (failed,) = [row for row in found.values() if row["status"] == "error"]
    assert "b/2.dcm" in failed["path"]
    assert failed["error"].startswith("OSError: of a member of a compressed TAR only the first 256 KiB are read")
    hashed = pa.table(rd.index(tmp_path / "a.tar.gz", columns=["PatientID"], hash="xxh3")).to_pylist()
    (failed,) = [row for row in hashed if row["status"] == "error"]
    assert "only the first 256 KiB" in failed["error"]
    long = pa.table(rd.index(tmp_path / "a.tar.gz", layout="long")).to_pylist()
    assert {row["error"][:45] for row in long if row["status"] == "error"} == {failed["error"][:45]}


def test_archives_met_on_a_walk_are_left_alone(tmp_path: Path) -> None:
    archive(tmp_path / "a.zip", MEMBERS)
    (tmp_path / "plain.dcm").write_bytes(instance("P"))
    assert [row["PatientID"] for row in rows(tmp_path).values()] == ["P"]


def test_a_damaged_archive_is_a_row(tmp_path: Path) -> None:
    whole = archive(tmp_path / "stored.zip", MEMBERS).read_bytes()
    for name, content in {"cut.zip": whole[:-30], "noise.zip": os.urandom(5000), "noise.tar": b"\x01" * 5000}.items():
        (tmp_path / name).write_bytes(content)
        (row,) = rows(tmp_path / name).values()
        assert row["status"] == "error"
        assert "archive to its end" in row["error"]
    damaged = whole.replace(b"PK\x03\x04", b"PK\x03\x05", 1)
    (tmp_path / "header.zip").write_bytes(damaged)
    assert sorted(row["status"] for row in rows(tmp_path / "header.zip").values()) == ["error", "ok", "ok"]


@pytest.mark.parametrize("name", ["plain.tar", "packed.tar.gz"])
@pytest.mark.parametrize("cut", [900, 512 + 1024 + 300])
def test_a_tar_cut_within_a_member_says_so(tmp_path: Path, name: str, cut: int) -> None:
    members = {f"{n}.dcm": instance(f"P{n}", E(0x00420011, "OB", bytes(500))) for n in range(4)}
    assert 512 < len(members["0.dcm"]) <= 1024
    whole = archive(tmp_path / "whole.tar", members).read_bytes()
    path = tmp_path / name
    path.write_bytes(gzip.compress(whole[:cut]) if name.endswith("gz") else whole[:cut])
    found = rows(path)
    ok = [row["PatientID"] for row in found.values() if row["status"] == "ok"]
    assert ok == (["P0"] if cut > 1536 else [])
    assert found[str(path)]["status"] == "error"
    assert "not a TAR archive to its end" in found[str(path)]["error"]
    assert len(found) == len(ok) + 1


def test_a_bomb_inflates_no_more_than_its_header(tmp_path: Path) -> None:
    bomb = instance("Z", E(0x00420011, "OB", bytes(200 << 20)) + E(0x20500020, "CS", "IDENTITY"))
    path = archive(tmp_path / "bomb.zip", {"bomb.dcm": bomb})
    limits = rd.Limits(max_inflated_bytes=1 << 20)
    (row,) = rows(path, limits=limits).values()
    assert row["status"] == "error"
    assert row["error"].startswith("LimitError: ")
    assert "exceeds max_inflated_bytes=1048576" in row["error"]
    pytest.importorskip("deltalake")
    report = rd.build_index(path, tmp_path / "t", columns=["PresentationLUTShape"], limits=limits)
    assert report.errors == {"LimitError": 1}
    first = pa.table(rd.index(path, columns=["PatientID"], limits=limits)).to_pylist()
    assert first[0]["PatientID"] == "Z"


def test_bytes_are_a_source() -> None:
    found = rows([("mem://1", instance("M")), ("mem://2", memoryview(large("N"))), ("mem://3", b"no DICOM")])
    assert {path: row["PatientID"] for path, row in found.items()} == {"mem://1": "M", "mem://2": "N"}
    with pytest.raises(TypeError):
        rd.index([("mem://1", 7)])


def test_an_archive_in_a_table_is_known_again(tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    path = archive(tmp_path / "stored.zip", MEMBERS)
    table = tmp_path / "t"
    assert rd.build_index([path], table).rows == 3
    assert rd.build_index([path], table).unchanged == 3
    archive(path, {"a/1.dcm": instance("A2")})
    assert rd.build_index([path], table).rows == 1


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3 on loopback."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("obstore")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="archive")
    for n in range(40):
        client.put_object(Bucket="archive", Key=f"study/{n % 3}/{n}.dcm", Body=instance(f"S{n}"))
    client.put_object(Bucket="archive", Key="study/large.dcm", Body=large("L"))
    client.put_object(Bucket="archive", Key="other/notes.txt", Body=b"no DICOM")
    yield "s3://archive"
    server.stop()
    os.environ.clear()
    os.environ |= before


def test_objects_of_a_store_are_rows(bucket: str) -> None:
    found = rows(f"{bucket}/study")
    assert len(found) == 41
    assert found["s3://archive/study/1/7.dcm"]["PatientID"] == "S7"
    assert found["s3://archive/study/large.dcm"]["PresentationLUTShape"] == "IDENTITY"
    assert len(rows(f"{bucket}/study/1/*.dcm")) == 13
    assert list(rows(f"{bucket}/study/0/0.dcm")) == ["s3://archive/study/0/0.dcm"]
    assert len(rows(bucket)) == 41


def test_a_store_in_a_table_is_read_once(bucket: str, tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    import boto3

    assert rd.build_index(f"{bucket}/study", tmp_path / "t").rows == 41
    again = rd.build_index(f"{bucket}/study", tmp_path / "t")
    assert (again.unchanged, again.bytes) == (41, 0)
    boto3.client("s3").delete_object(Bucket="archive", Key="study/0/39.dcm")
    boto3.client("s3").put_object(Bucket="archive", Key="study/new.dcm", Body=instance("NEW"))
    third = rd.build_index(f"{bucket}/study", tmp_path / "t")
    assert (third.rows, third.removed) == (1, 1)


def test_what_a_store_refuses_is_a_row_and_a_missing_store_an_error(bucket: str) -> None:
    class Failing:
        size, mtime_ns = 100, 1

        def read(self, offset: int, length: int) -> bytes:
            raise PermissionError("403 forbidden")

    (row,) = rows([("s3://archive/secret.dcm", Failing())]).values()
    assert "403 forbidden" in row["error"]
    with pytest.raises(Exception, match=r"(?i)bucket|not found|404"):
        rd.index("s3://no-such-bucket/x")


def test_a_directory_leads_to_its_files_and_no_further(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    (medium / "DICOM").mkdir(parents=True)
    (medium / "DICOM" / "IM1").write_bytes(instance("D1"))
    (medium / "dicom2").mkdir()
    (medium / "dicom2" / "im2").write_bytes(instance("D2"))
    (tmp_path / "secret.dcm").write_bytes(instance("SECRET"))
    (medium / "LINK").symlink_to(tmp_path / "secret.dcm")
    names = ["DICOM\\IM1", "DICOM2\\IM2", "..\\SECRET.DCM", "/etc\\passwd", "LINK", "DICOM\\ABSENT", ""]
    records = b"".join(
        builders.EXPLICIT.item(E(0x00041430, "CS", "IMAGE") + E(0x00041500, "CS", name)) for name in names
    )
    (medium / "DICOMDIR").write_bytes(builders.file(E(0x00041220, "SQ", records)))
    found = rows(medium / "DICOMDIR")
    assert sorted(row["PatientID"] for row in found.values() if row["status"] == "ok") == ["D1", "D2"]
    assert sum("leaves the folder" in (row["error"] or "") for row in found.values()) == 2
    assert sum("through a link" in (row["error"] or "") for row in found.values()) == 1
    assert sum("No such file" in (row["error"] or "") for row in found.values()) == 1


def known(paths: Any, **options: Any) -> list[str]:
    """The names of the rows."""
    made = pa.table(rd.index(paths, columns=["PatientID"], **options))
    return sorted(Path(path).name for path in made["path"].to_pylist())


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the working directory, with one of each kind of source."""
    (tmp_path / "src" / "sub").mkdir(parents=True)
    for name in ("a.dcm", "b.dcm", "sub/c.dcm"):
        (tmp_path / "src" / name).write_bytes(instance(name))
    (tmp_path / "src" / "README.txt").write_text("Hello,\nthis is no list of paths.\n")
    (tmp_path / "list.txt").write_bytes("\N{BYTE ORDER MARK}src/a.dcm\r\n\r\nsrc/sub/c.dcm\r\n".encode())
    (tmp_path / "one.txt").write_text("src/b.dcm")
    records = builders.EXPLICIT.item(E(0x00041430, "CS", "IMAGE") + E(0x00041500, "CS", "src\\a.dcm"))
    (tmp_path / "DICOMDIR").write_bytes(builders.file(E(0x00041220, "SQ", records)))
    archive(tmp_path / "in.zip", {"z.dcm": instance("Z")})
    monkeypatch.chdir(tmp_path)
    return tmp_path


WORDS = {
    "src": ["a.dcm", "b.dcm", "c.dcm"],
    "src/": ["a.dcm", "b.dcm", "c.dcm"],
    "src/a.dcm": ["a.dcm"],
    "src/*.dcm": ["a.dcm", "b.dcm"],
    "src/**": ["a.dcm", "b.dcm", "c.dcm"],
    "list.txt": ["a.dcm", "c.dcm"],
    "one.txt": ["b.dcm"],
    "in.zip": ["z.dcm::in.zip"],
    "file://{}/src": ["a.dcm", "b.dcm", "c.dcm"],
    "file://{}/src/*.dcm": ["a.dcm", "b.dcm"],
    "local://{}/src/a.dcm": ["a.dcm"],
}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_means_the_same_everywhere(word: str, sources: Path) -> None:
    pytest.importorskip("deltalake")
    expected, word = WORDS[word], word.format(sources)
    assert known(word) == known(Path(word) if "://" not in word else word) == expected
    assert known([word]) == known((word,)) == known([word, word]) == expected
    if word != "list.txt":
        assert known([word, "src", "src/sub"]) == sorted({*expected, "a.dcm", "b.dcm", "c.dcm"})
    for number, given in enumerate((word, [word], {word}, [word, word])):
        table = sources / f"t{number}"
        assert rd.build_index(given, table).rows == len(expected)
        again = rd.build_index(given, table)
        assert (again.rows, again.unchanged, again.removed) == (0, len(expected), 0)
        paths = rd.open_index(table).to_pyarrow()["path"].to_pylist()
        assert all(path.rpartition("::")[2] == os.path.abspath(path.rpartition("::")[2]) for path in paths)  # noqa: PTH100
    for target in ("o.parquet", "o/"):
        command = [sys.executable, "-m", "rapidicom", "index", "-q", "-o", target]
        subprocess.run([*command, word], check=True)
        made = pq.read_table(target) if target.endswith("parquet") else rd.open_index(target).to_pyarrow()
        assert made.num_rows == len(expected)
        subprocess.run([*command, word, "src/sub", word], check=True)
        made = pq.read_table(target) if target.endswith("parquet") else rd.open_index(target).to_pyarrow()
        assert made.num_rows == len({*expected, "c.dcm"})


def test_a_dicomdir_stands_for_its_files_where_it_is_alone(sources: Path) -> None:
    assert known("DICOMDIR") == ["a.dcm"]
    assert known(["DICOMDIR"]) == ["DICOMDIR"]
    assert known(["DICOMDIR", "src/b.dcm"]) == ["DICOMDIR", "b.dcm"]


def test_paths_as_they_come_are_paths(sources: Path) -> None:
    found = rows(iter(["src/a.dcm", "src/*.dcm", "list.txt", f"file://{sources}/src/sub"]))
    assert [(path.rpartition("/")[2], row["status"]) for path, row in sorted(found.items())] == [
        ("c.dcm", "ok"),
        ("*.dcm", "error"),
        ("a.dcm", "ok"),
    ]
    lines = b"src/a.dcm\r\nsrc/sub\r\n"
    command = [sys.executable, "-m", "rapidicom", "index", "-q", "-o", "o.parquet", "-"]
    subprocess.run(command, input=lines, check=True)
    assert pq.read_table("o.parquet").num_rows == 2


def test_one_file_has_one_row(sources: Path) -> None:
    pytest.importorskip("deltalake")
    (sources / "elsewhere").mkdir()
    (sources / "elsewhere" / "d.dcm").write_bytes(instance("D"))
    (sources / "src" / "link").symlink_to(sources / "elsewhere")
    table = sources / "t"
    given: list[Any] = [
        "src/sub/../a.dcm",
        "src/a.dcm",
        sources / "src" / "sub",
        "src",
        "src/link",
        "src/*/c.dcm",
        "list.txt",
    ]
    for order in (given, given[::-1]):
        assert known(order) == ["a.dcm", "b.dcm", "c.dcm", "d.dcm"]
    assert known(["src/*.dcm", "src/a.dcm", "src/sub/c.dcm"]) == ["a.dcm", "b.dcm", "c.dcm"]
    assert known(["list.txt", "src/a.dcm", "src/sub/c.dcm"]) == ["a.dcm", "c.dcm"]
    assert rd.build_index(given, table).rows == 4
    os.chdir(sources / "src")
    again = rd.build_index(["../src", "sub/../../src/link"], table)
    assert (again.rows, again.unchanged, again.removed) == (0, 4, 0)
    (sources / "src" / "a.dcm").write_bytes(instance("A, changed"))
    assert rd.build_index(iter(["a.dcm", ".", "a.dcm"]), table).rows == 1


def test_what_was_is_gone(sources: Path) -> None:
    pytest.importorskip("deltalake")
    for number, given in enumerate(("in.zip", ["in.zip"])):
        table = sources / f"t{number}"
        archive(sources / "in.zip", {"y.dcm": instance("Y"), "z.dcm": instance("Z")})
        assert rd.build_index(given, table).rows == 2
        archive(sources / "in.zip", {"z.dcm": instance("Z2")})
        changed = rd.build_index(given, table)
        assert (changed.rows, changed.removed, len(rd.open_index(table))) == (1, 2, 1)
    rd.build_index("src", "s")
    (sources / "src" / "a.dcm").unlink()
    (sources / "src" / "a.dcm").mkdir()
    assert rd.build_index("src", "s").removed == 1
    assert len(rd.open_index("s")) == 2


def test_a_source_that_is_not_there(sources: Path) -> None:
    pytest.importorskip("deltalake")
    for word in ("srcc", "srcc/*.dcm", "srcc/**/x[12].dcm", f"file://{sources}/srcc"):
        with pytest.raises(FileNotFoundError):
            rd.index(word)
        with pytest.raises(FileNotFoundError):
            rd.build_index(word, "t")
        assert not (sources / "t").exists()
    assert rd.build_index([("from memory", instance("M"))], "t").rows == 1
    assert len(rd.open_index("t")) == 1
    # A share that is not mounted costs no row.
    rd.build_index(["src"], "s")
    (sources / "src").rename(sources / "away")
    rd.build_index(["src"], "s")
    assert rd.open_index("s").query("select count(*) from index where status = 'ok'").fetchall() == [(3,)]


def test_what_is_no_dicom_may_be_a_row(sources: Path) -> None:
    pytest.importorskip("deltalake")
    assert rd.index("src").counts["skipped"] == 1
    index = rd.index("src", not_dicom="row")
    assert (len(index), index.counts["skipped"], index.counts["failed"]) == (4, 0, 1)
    (refused,) = (row for row in pa.table(index).to_pylist() if row["status"] == "error")
    assert refused["path"].endswith("README.txt")
    assert refused["error"].startswith("InvalidDicomError: ")
    assert sum(len(batch) for batch in rd.scan("src", not_dicom="row")) == 4
    assert rd.build_index("src", "t").rows == 3
    assert rd.build_index("src", "t", not_dicom="row").rows == 1  # one that is remembered as none
    for ask in (rd.index, rd.scan):
        with pytest.raises(ValueError, match="not_dicom is"):
            ask("src", not_dicom="rows")
    command = [sys.executable, "-m", "rapidicom", "index", "src", "-o", "o.parquet", "--not-dicom-rows"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert pq.read_table("o.parquet").num_rows == 4


@pytest.mark.parametrize("name", ["in.zip", "in.tar"])
def test_a_member_may_be_named_itself(name: str, sources: Path) -> None:
    pytest.importorskip("fsspec")
    pytest.importorskip("deltalake")
    scheme, path = (
        name[-3:],
        archive(sources / name, {"a/1.dcm": builders.small(), "a/2.dcm": builders.small(), "3": b"no"}),
    )
    everything = [f"{scheme}://a/1.dcm::{path}", f"{scheme}://a/2.dcm::{path}"]
    assert (
        list(rows(str(path)))
        == list(rows(f"{scheme}://*::{name}"))
        == list(rows(f"{scheme}://a::{path}"))
        == everything
    )
    assert list(rows(f"{scheme}://a/2.dcm::{path}")) == list(rows([f"{scheme}://*/2*::{path}"])) == everything[1:]
    assert rd.build_index([everything[1]], "t", frames=True).rows == 1
    assert rd.open_index("t").frame(0).shape == (4, 4)
    with pytest.raises(OSError, match=r"a/9\.dcm"):
        rd.index(f"{scheme}://a/9.dcm::{path}")


def test_what_other_packages_raise_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    with pytest.raises(OSError, match=r"^\S+: Generic URL error: Unable to recognise URL .*$"):
        rd.index("s3://")
    from rapidicom._foreign import plainly

    class Strange(Exception):
        """Of a package that we do not know."""

    with pytest.raises(OSError, match=r"^s3://b: red: more$"), plainly("s3://b", Exception):
        raise Strange("\x1b[31mred\x1b[0m\n  \N{DOWNWARDS ARROW WITH TIP RIGHTWARDS} more\n\nDebug source:\nGeneric {}")
    with pytest.raises(PermissionError, match="s3://b"), plainly("s3://b", Exception):
        raise Strange('Error: Os { code: 13, kind: PermissionDenied, message: "" }')
    with pytest.raises(Strange), plainly("s3://b", ArithmeticError):
        raise Strange("of the caller")


def test_a_refusal_has_its_name() -> None:
    class Failing:
        size, mtime_ns = 100_000, 1

        def __init__(self, good: bytes) -> None:
            self.good = good

        def read(self, offset: int, length: int) -> bytes:
            if offset:
                raise PermissionError("403 forbidden")
            return self.good[:length]

    at_once, later = rows([("a", Failing(b"")), ("b", Failing(large("B")))], hash="xxh3").values()
    assert at_once["status"] == "error"
    assert later["error"] == "PermissionError: 403 forbidden"
