"""`rapidicom.build_index`: a table that is resumed, brought up to date, and never says what is not so."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

import builders
import rapidicom as rd

deltalake = pytest.importorskip("deltalake")
pa = pytest.importorskip("pyarrow")

KILLS = int(os.environ.get("RAPIDICOM_KILLS", "20"))


def write(path: Path, patient: str) -> None:
    """Write a small instance at once: a file that is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    element = builders.EXPLICIT.element
    temporary.write_bytes(builders.file(element(0x00100020, "LO", patient) + element(0x00280010, "US", 7)))
    temporary.replace(path)


def archive(folder: Path, files: int) -> Path:
    for n in range(files):
        write(folder / f"{n % 7:02}" / f"{n:05}.dcm", f"P{n}")
    return folder


def rows(table: Path) -> dict[str, str]:
    """Return path → Patient ID, each path once."""
    found = deltalake.DeltaTable(str(table)).to_pyarrow_table(columns=["path", "PatientID"]).to_pylist()
    paths = Counter(row["path"] for row in found)
    assert not (twice := [path for path, times in paths.items() if times > 1]), twice[:3]
    return {row["path"]: row["PatientID"] for row in found}


def truth(folder: Path) -> dict[str, str]:
    table = rd.index(folder, columns=["PatientID"]).to_pyarrow().to_pylist()
    return {os.path.abspath(row["path"]): row["PatientID"] for row in table}  # noqa: PTH100


def start(source: Path, table: Path, **options: object) -> subprocess.Popen[bytes]:
    words = f"import rapidicom as rd; rd.build_index({str(source)!r}, {str(table)!r}, **{options!r})"
    return subprocess.Popen([sys.executable, "-c", words], stderr=subprocess.PIPE)


def test_it_has_the_rows_of_index_and_can_be_read_by_others(tmp_path: Path) -> None:
    source = archive(tmp_path / "in", 300)
    (source / "broken.dcm").symlink_to("nowhere")
    (source / "notes.txt").write_text("no DICOM")
    report = rd.build_index(source, tmp_path / "t", frames=True)
    assert (report.files, report.rows, report.skipped, report.unchanged) == (302, 301, 1, 0)
    assert report.failed == sum(report.errors.values()) == 1
    here = rd.index(source, frames=True).to_pyarrow()
    there = deltalake.DeltaTable(str(tmp_path / "t")).to_pyarrow_table().sort_by("path")
    for name in here.column_names:
        assert there[name].to_pylist() == here[name].to_pylist(), name
    duckdb = pytest.importorskip("duckdb")
    parts = deltalake.DeltaTable(str(tmp_path / "t")).file_uris()
    assert duckdb.sql(f'select count(*), max("Rows") from read_parquet({parts})').fetchall() == [(301, 7)]


def test_the_log_says_what_the_parts_hold(tmp_path: Path) -> None:
    source = archive(tmp_path / "in", 50)
    rd.build_index(source, tmp_path / "t")
    actions = deltalake.DeltaTable(str(tmp_path / "t")).get_add_actions(flatten=True)
    (action,) = pa.table(actions).to_pylist()
    assert action["num_records"] == 50
    assert (action["min.PatientID"], action["max.PatientID"]) == ("P0", "P9")
    assert (action["min.Rows"], action["max.Rows"], action["null_count.Modality"]) == (7, 7, 50)


def test_again_it_reads_what_is_new_or_changed_alone(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 200), tmp_path / "t"
    (source / "notes.txt").write_text("no DICOM")
    rd.build_index(source, table, part_rows=30)
    again = rd.build_index(source, table)
    assert (again.files, again.unchanged, again.rows, again.bytes, again.skipped) == (201, 200, 0, 0, 1)
    version = again.version
    assert rd.build_index(source, table).version == version  # nothing is committed where nothing happened
    write(source / "00" / "00000.dcm", "CHANGED")
    write(source / "new.dcm", "NEW")
    (source / "01" / "00001.dcm").unlink()
    shutil.rmtree(source / "02")
    gone = 1 + len([n for n in range(200) if n % 7 == 2])
    third = rd.build_index(source, table)
    assert (third.rows, third.removed) == (2, gone + 1)
    assert rows(table) == truth(source)
    assert rd.build_index(source, table).rows == 0


def test_a_row_and_its_successor_are_never_there_together(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 120), tmp_path / "t"
    rd.build_index(source, table, part_rows=20)
    for n in range(0, 120, 3):
        write(source / f"{n % 7:02}" / f"{n:05}.dcm", f"Q{n}")
    rd.build_index(source, table, part_rows=10, threads=2)
    delta = deltalake.DeltaTable(str(table))
    for version in range(1, delta.version() + 1):
        delta.load_as_version(version)
        found = Counter(delta.to_pyarrow_table(columns=["path"])["path"].to_pylist())
        assert max(found.values()) == 1
    assert rows(table) == truth(source)


def test_after_compaction_and_vacuum_it_goes_on(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 90), tmp_path / "t"
    rd.build_index(source, table, part_rows=10, threads=1)
    assert len(deltalake.DeltaTable(str(table)).file_uris()) > 3
    rd.delta.compact(table)
    assert len(deltalake.DeltaTable(str(table)).file_uris()) == 1
    (table / "part-left-by-a-killed-process.zstd.parquet.tmp").write_bytes(b"x")
    assert rd.delta.vacuum(table, hours=0)
    assert not list(table.glob("*.tmp"))
    assert rd.build_index(source, table).unchanged == 90
    write(source / "00" / "00000.dcm", "CHANGED")
    assert rd.build_index(source, table).removed == 1
    assert rows(table) == truth(source)


def test_paths_that_are_no_text_are_kept(tmp_path: Path) -> None:
    source, table = tmp_path / "in", tmp_path / "t"
    write(source / "plain.dcm", "A")
    odd = os.fsencode(source) + b"/\xff" + b"x" * 200 + b".dcm"
    Path(os.fsdecode(odd)).write_bytes((source / "plain.dcm").read_bytes())
    rd.build_index(source, table)
    found = deltalake.DeltaTable(str(table)).to_pyarrow_table(columns=["path", "path_bytes"]).to_pylist()
    assert sorted(row["path_bytes"] or row["path"].encode() for row in found) == sorted(
        [odd, os.fsencode(source) + b"/plain.dcm"]
    )
    assert rd.build_index(source, table).unchanged == 2
    Path(os.fsdecode(odd)).unlink()
    assert rd.build_index(source, table).removed == 1


def test_wrong_arguments_fail_before_a_file_is_read(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 3), tmp_path / "t"
    with pytest.raises(ValueError, match="nearest is PatientID"):
        rd.build_index(source, table, columns=["PatientIdd"])
    with pytest.raises(ValueError, match="shard"):
        rd.build_index(source, table, shard=(2, 2))
    with pytest.raises(OSError, match="absent"):
        rd.build_index(tmp_path / "absent", table)
    with pytest.raises(ValueError, match="choose another"):
        rd.build_index(source, tmp_path / "a%20b")
    assert not table.exists()
    rd.build_index(source, table, columns=["PatientID"])
    with pytest.raises(ValueError, match="other columns"):
        rd.build_index(source, table, columns=["PatientID", "Modality"])
    assert rd.build_index(source, table, columns=["PatientID"]).unchanged == 3
    assert rd.build_index(source, table).unchanged == 3
    deltalake.write_deltalake(str(tmp_path / "foreign"), pa.table({"a": [1]}))
    with pytest.raises(ValueError, match="not one that rapidicom made"):
        rd.build_index(source, tmp_path / "foreign")


def test_rows_hold_what_index_offers(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 5), tmp_path / "t"
    with zipfile.ZipFile(source / "a.zip", "w") as zipped:
        zipped.write(source / "00" / "00000.dcm", "inner.dcm")
    report = rd.build_index(source, table, columns=["PatientID"], json=True, hash="xxh3", archives=True)
    assert report.rows == 6
    found = deltalake.DeltaTable(str(table)).to_pyarrow_table().to_pylist()
    (member,) = [row for row in found if row["path"].startswith("zip://inner.dcm::")]
    (same,) = [row for row in found if row["path"].endswith("00000.dcm")]
    assert member["file_xxh3"] == same["file_xxh3"]
    assert json.loads(member["json"])["00100020"]["Value"] == ["P0"]
    assert rd.build_index(source, table, archives=True).unchanged == 6
    assert rd.build_index(source, table, hash="xxh3", archives=True).unchanged == 6
    with pytest.raises(ValueError, match="file_sha256"):
        rd.build_index(source, table, hash="sha256")


def test_an_empty_folder_takes_no_rows_out(tmp_path: Path) -> None:
    """A share that is not mounted is an empty folder."""
    source, table = archive(tmp_path / "in", 9), tmp_path / "t"
    rd.build_index(source, table)
    source.rename(tmp_path / "elsewhere")
    source.mkdir()
    with pytest.raises(OSError, match="mounted"):
        rd.build_index(source, table)
    assert len(rows(table)) == 9


def test_a_list_of_paths_takes_out_only_what_it_names(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 20), tmp_path / "t"
    rd.build_index(source, table)
    files = sorted(path for path in source.rglob("*.dcm"))
    files[0].unlink()
    files[5].unlink()
    report = rd.build_index(iter([files[0], files[1]]), table)
    assert (report.failed, report.unchanged, report.removed) == (1, 1, 1)
    assert len(rows(table)) == 20


def test_shards_divide_a_source_and_commit_at_once(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 1200), tmp_path / "t"
    builders = [start(source, table, shard=(i, 2), part_rows=40, threads=1) for i in range(2)]
    seen, versions = 0, set()
    while any(builder.poll() is None for builder in builders):
        if deltalake.DeltaTable.is_deltatable(str(table)):
            now = rows(table)
            assert len(now) >= seen
            seen = len(now)
            versions.add(deltalake.DeltaTable(str(table)).version())
    for builder in builders:
        _, words = builder.communicate()
        assert builder.returncode == 0, words.decode()
    assert rows(table) == truth(source)
    assert {rd.build_index(source, table, shard=(i, 2)).rows for i in range(2)} == {0}


def test_two_builds_of_one_shard_do_not_double_rows(tmp_path: Path) -> None:
    source, table = archive(tmp_path / "in", 400), tmp_path / "t"
    builders = [start(source, table, part_rows=50, threads=1) for _ in range(2)]
    for builder in builders:
        _, words = builder.communicate()
        assert builder.returncode == 0, words.decode()
    assert rows(table) == truth(source)


@pytest.mark.slow
def test_killed_at_any_instant_it_goes_on(tmp_path: Path) -> None:
    """No committed row is lost, none is there twice, and the end is that of an undisturbed build."""
    source, table = archive(tmp_path / "in", 600), tmp_path / "t"
    chance = random.Random(20261123)
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import rapidicom, deltalake"], check=True)
    bare = time.monotonic() - begun
    committed: dict[str, str] = {}
    killed = 0
    for round_ in range(KILLS):
        there = len(list(table.rglob("*")))
        builder = start(source, table, part_rows=25, threads=1 + round_ % 2)
        if round_ % 4 == 3:  # while it starts
            time.sleep(bare * 0.6 * chance.random())
        else:  # by what it has written, not by time: it is busy on any machine
            wanted = there + chance.randrange(1, 5)
            while builder.poll() is None and len(list(table.rglob("*"))) < wanted:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
        builder.send_signal(signal.SIGKILL)
        killed += builder.wait() == -signal.SIGKILL
        if deltalake.DeltaTable.is_deltatable(str(table)):
            now = rows(table)
            assert now.keys() >= committed.keys()
            committed = now
        for n in chance.sample(range(600), 60):  # something to replace, too
            write(source / f"{n % 7:02}" / f"{n:05}.dcm", f"R{round_}-{n}")
    assert killed >= KILLS // 2
    rd.build_index(source, table)
    rd.build_index(source, tmp_path / "undisturbed")
    assert rows(table) == rows(tmp_path / "undisturbed") == truth(source)


@pytest.mark.slow
def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    source = archive(tmp_path / "in", 300)
    words = textwrap.dedent("""
        import resource, signal, sys, rapidicom as rd
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
        try:
            rd.build_index(sys.argv[1], sys.argv[2], part_rows=60, threads=1)
        except OSError as error:
            print(error)
            sys.exit(7)
    """)
    ended = set()
    for point in range(20):
        table = tmp_path / f"t{point}"
        limit = 200 + point * 1500
        done = subprocess.run([sys.executable, "-c", words, str(source), str(table), str(limit)], capture_output=True)
        ended.add(done.returncode)
        assert done.returncode in (0, 7), done.stderr.decode()
        assert done.stdout.count(b"\n") == (done.returncode == 7), done.stdout
        assert b"\x1b" not in done.stdout
        if deltalake.DeltaTable.is_deltatable(str(table)):
            assert truth(source).items() >= rows(table).items()
        rd.build_index(source, table)
        assert rows(table) == truth(source)
        assert resource.getrlimit(resource.RLIMIT_FSIZE)
    assert 7 in ended


def test_what_deltalake_says_is_said_in_one_line(tmp_path: Path) -> None:
    source = archive(tmp_path / "in", 3)
    (tmp_path / "file").write_bytes(b"")
    for out in ("file", "file/inside"):
        with pytest.raises(NotADirectoryError) as refusal:
            rd.build_index(source, tmp_path / out)
        assert refusal.value.filename == str(tmp_path / out)
    with pytest.raises(PermissionError):
        rd.build_index(source, "/sys/no folder is made here")
    (tmp_path / "rubbish" / "_delta_log").mkdir(parents=True)
    (tmp_path / "rubbish" / "_delta_log" / f"{0:020}.json").write_text("rubbish")
    for ask in (lambda: rd.build_index(source, tmp_path / "rubbish"), lambda: rd.open_index(tmp_path / "rubbish")):
        with pytest.raises((OSError, ValueError), match=r"^.*rubbish: .*$"):
            ask()
    command = [sys.executable, "-m", "rapidicom", "index", str(source), "-o", str(tmp_path / "file/inside/")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"rapidicom: [Errno 20] Not a directory: '{tmp_path / 'file/inside'}'"]
