"""Rows of the list of runs: those that were kept are those that would be read, whatever happened to files and cache."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from dltui.core import paths
from dltui.core.reading import rows
from dltui.core.rundir.directory import RunDirectory
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setattr(rows, "QUIET_NS", 0)
    for run_id in ("one", "two"):
        make_sample_run(paths.runs_dir(), run_id=run_id)
    make_sample_run(paths.runs_dir(), run_id="live", status="running")


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
    found = {row["id"]: row for row in rows.all_rows()}
    assert found["one"]["status"] == "failed"
    assert "damaged" in found["one"]["why"]
    json.dumps(list(found.values()), allow_nan=False)
