"""Rows of the list of runs: those that were kept are those that would be read, whatever happened to files and cache."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import zlib
from pathlib import Path

import pytest

from dltui.core import paths
from dltui.core.reading import last_row, rows, summary
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import heartbeat, log, notes
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli import main
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for run_id, status in (("one", "finished"), ("two", "finished"), ("live", "running")):
        make_sample_run(folder, run_id=run_id, status=status, epochs=4, done=3, image=False)
    return folder


@pytest.fixture(autouse=True)
def _home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setattr(rows, "QUIET_NS", 0)
    shutil.copytree(made, paths.runs_dir())


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that are read."""
    names: list[str] = []
    original = rows._read

    def note(folder: str) -> rows.Row:
        names.append(folder.rpartition("/")[2])
        return original(folder)

    monkeypatch.setattr(rows, "_read", note)
    return names


def kept() -> Path:
    (file,) = (paths.cache_dir() / "rows").iterdir()
    return file


def test_what_has_ended_is_read_once(read: list[str]) -> None:
    first = rows.all_rows()
    read.clear()
    assert {row["id"] for row in first} == {"one", "two", "live"}
    again = rows.all_rows()
    assert [row for row in again if row["id"] != "live"] == [row for row in first if row["id"] != "live"]
    assert read == ["live"]
    assert kept().stat().st_mode & 0o777 == 0o600


def test_what_changes_is_read_again(read: list[str]) -> None:
    rows.all_rows()
    read.clear()
    RunDirectory(paths.runs_dir() / "one").set_labels(name="better")
    assert {row["name"] for row in rows.all_rows()} == {"better", "two", "live"}
    assert sorted(read) == ["live", "one"]


def test_a_byte_that_flips_in_place_is_noticed() -> None:
    rows.all_rows()
    log = paths.runs_dir() / "one" / "events.jsonl"
    before = log.stat()
    log.write_bytes(log.read_bytes().replace(b"run_ended", b"run_endet"))
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert {row["id"]: row["status"] for row in rows.all_rows()}["one"] != "finished"


def test_what_goes_is_forgotten_and_what_takes_its_name_is_read() -> None:
    rows.all_rows()
    shutil.rmtree(paths.runs_dir() / "one")
    assert {row["id"] for row in rows.all_rows()} == {"two", "live"}
    assert '"one"' not in kept().read_text()
    shutil.copytree(paths.runs_dir() / "live", paths.runs_dir() / "two-b")
    (paths.runs_dir() / "two").rename(paths.runs_dir() / "old")
    (paths.runs_dir() / "two-b").rename(paths.runs_dir() / "two")
    assert {row["id"]: row["status"] for row in rows.all_rows()}["two"] != "finished"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"finished", b"failed__"),
        lambda data: b"",
        lambda data: b"[]\n[]",
        lambda data: b"\xff" * 100,
        lambda data: b"[" * 100_000,
    ],
)
def test_a_damaged_cache_counts_for_nothing(damage: object) -> None:
    expected = [row for row in rows.all_rows() if row["id"] != "live"]
    kept().write_bytes(damage(kept().read_bytes()))  # type: ignore[operator]
    assert [row for row in rows.all_rows() if row["id"] != "live"] == expected


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "file" / "cache"))
    assert len(rows.all_rows()) == 3


def test_numbers_that_are_none_hurt_one_row_only() -> None:
    live = paths.runs_dir() / "live" / "live.json"
    content = json.loads(live.read_text())
    live.write_text(json.dumps(content | {"phase_since": 0}).replace('"phase_since": 0', '"phase_since": 1e999'))
    json.dumps(rows.all_rows(), allow_nan=False)
    asked = paths.runs_dir() / "one" / "run.json"
    asked.write_text(asked.read_text().replace('"created": ', '"created": NaN, "x": '))
    # A number of JSON that is infinite all the same; earlier runs had no checksum.
    other = paths.runs_dir() / "two" / "run.json"
    content = {key: value for key, value in json.loads(other.read_text()).items() if key != "sha256"}
    other.write_text(json.dumps(content | {"seed": "huge"}).replace('"huge"', "1e999"))
    found = {row["id"]: row for row in rows.all_rows()}
    assert (found["two"]["status"], found["two"]["seed"]) == ("finished", None)
    assert found["one"]["status"] == "failed"
    assert "damaged" in found["one"]["why"]
    json.dumps(list(found.values()), allow_nan=False)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run whose worker has left its row."""
    monkeypatch.setattr(last_row, "SLACK_NS", 0)
    run = RunDirectory(paths.runs_dir() / "one")
    last_row.write(RunReader(run))
    # The clock of a file system ticks a few hundred times a second.
    time.sleep(0.02)
    return run


def row_of(name: str) -> rows.Row:
    return {row["id"]: row for row in rows.all_rows()}[name]


def test_the_row_that_a_worker_left_is_what_its_files_say(one: RunDirectory, read: list[str]) -> None:
    left = row_of("one")
    assert "one" not in read
    assert list(left.items()) == list(rows._read(str(one.path)).items())


def test_a_run_that_is_not_over_leaves_no_row() -> None:
    run = RunDirectory(paths.runs_dir() / "live")
    last_row.write(RunReader(run))
    assert not (run.path / last_row.NAME).exists()


def test_labels_are_those_of_this_moment(one: RunDirectory, read: list[str]) -> None:
    one.set_labels(name="better", tags=["a"])
    assert (row_of("one")["name"], row_of("one")["tags"]) == ("better", ["a"])
    assert "one" not in read


@pytest.mark.parametrize(
    "change",
    [
        lambda run: heartbeat.record_starting(run.path, os.getpid()),
        lambda run: run.events_path.open("ab").write(b"x"),
        lambda run: run.run_json.touch(),
        lambda run: (run.path / "live.json").write_text("{}"),
        last_row.forget,
        lambda run: (run.path / last_row.NAME).write_bytes((run.path / last_row.NAME).read_bytes()[:-40]),
        lambda run: (run.path / last_row.NAME).write_bytes(b"[" * 100_000),
        lambda run: os.truncate(run.path / last_row.NAME, 3 << 30),
    ],
)
def test_a_row_that_no_longer_holds_is_not_believed(change: object, one: RunDirectory, read: list[str]) -> None:
    change(one)  # type: ignore[operator]
    rows.all_rows()
    assert "one" in read


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "running"}, {"status": "interrupted"}, {"phase": "exporting"}, {"epoch": "3"}, {"epochs": None},
        {"best": []}, {"test": {"accuracy": "high"}}, {"test": 1}, {"name": None}, {"tags": "a"}, {"metric": 3},
        {"tags": [1]}, {"seed": [1]}, {"group_seeds": "12"}, {"group_seeds": [[1]]}, {"since": math.inf},
        {"best": -math.inf}, {"created": 10**400}, {"test": {"accuracy": math.inf}},
    ],
)  # fmt: skip
def test_a_row_of_another_hand_is_not_believed(wrong: dict[str, object], one: RunDirectory, read: list[str]) -> None:
    file = one.path / last_row.NAME
    record = log.decode(file.read_bytes().rstrip(b"\n"))
    assert record is not None
    line = json.dumps({**record, "row": {**record["row"], **wrong}}).replace("Infinity", "1e999")[:-1].encode()
    file.write_bytes(b'%b,"crc":"%08x"}' % (line, zlib.crc32(line)))
    assert row_of("one")["status"] == "finished"
    assert "one" in read


def test_a_label_that_changes_while_the_row_is_written_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    run, original = RunDirectory(paths.runs_dir() / "one"), last_row.summary_row

    def interrupted(reader: RunReader) -> rows.Row:
        row = original(reader)
        run.set_labels(name="late")
        time.sleep(0.02)
        return row

    monkeypatch.setattr(last_row, "summary_row", interrupted)
    last_row.write(RunReader(run))
    assert row_of("one")["name"] == "late"


def test_a_row_forgets_the_seeds_of_a_series_that_is_whole_now(read: list[str]) -> None:
    run = RunDirectory(paths.runs_dir() / "one")
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"group": "lab"}))
    notes.series_begun(run.path, [1, 2])
    last_row.write(RunReader(run))
    assert row_of("one")["group_seeds"] == [1, 2]
    notes.series_made(run.path)
    assert row_of("one")["group_seeds"] is None
    assert "one" not in read


def test_a_reader_that_has_read_the_log_leaves_the_row_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RunReader(paths.runs_dir() / "one")
    reader.refresh()
    monkeypatch.setattr(log.LogTail, "_take", lambda *_: pytest.fail("reads the log again"))
    last_row.write(reader)
    assert (reader.directory.path / last_row.NAME).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"created": 10**400},
        {"seed": [1], "group": "lab"},
        {"config": {"epochs": [3]}, "group": "lab"},
        {"config": "x"},
        {"dataset_options": "x"},
        {"device": {"title": {}}, "command": 3},
    ],
)
def test_a_run_of_another_hand_hurts_no_list(wrong: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        asked = paths.runs_dir() / name / "run.json"
        asked.write_text(json.dumps(json.loads(asked.read_text()) | wrong))
        (paths.runs_dir() / name / "events.jsonl").unlink()
    for words in (
        ["runs"],
        ["runs", "--json"],
        ["runs", "--filter", "lr>=0.01"],
        ["prune", "--keep-best", "1", "--dry-run"],
    ):
        assert main.run(words) == 0, words
        assert capsys.readouterr().err == ""


def test_a_run_that_no_code_expects_is_a_row_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_at_one(reader: RunReader) -> dict[str, object]:
        if reader.directory.id == "one":
            raise KeyError("x")
        return summary.summary_row(reader)

    monkeypatch.setattr(rows, "summary_row", fail_at_one)
    found = {row["id"]: row for row in rows.all_rows()}
    assert (found["one"]["status"], found["one"]["why"]) == ("failed", "it cannot be read: KeyError: 'x'")
    assert found["two"]["status"] == "finished"
