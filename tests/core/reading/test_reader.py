"""Reading a run: the sample run as it was written, growing logs, damaged files, rows of the list."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.errors import NewerFormatError, RunError
from dltui.core.reading.reader import PREDICTIONS, RunReader
from dltui.core.reading.status import INCOMPLETE
from dltui.core.reading.summary import summary_row
from dltui.core.rundir import checkpoint, notes
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Evaluated, Logged, RunEnded
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.lock import RunLock
from dltui.core.rundir.log import EventLog
from tests.helpers.sample_run import CLASSES, make_sample_run


def read(run: RunDirectory) -> RunReader:
    reader = RunReader(run)
    assert reader.refresh()
    assert reader.bad_lines == 0
    return reader


@pytest.mark.parametrize("status", ["finished", "stopped", "failed", "preempted", "interrupted"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_sample_run_reads_as_it_was_written(tmp_path: Path, task: str, status: str) -> None:
    reader = read(make_sample_run(tmp_path, task=task, status=status))
    assert reader.status().name == status
    best = reader.history.best
    assert best is not None
    assert len(reader.history.points) == reader.history.step
    assert (reader.history.test is not None) == (status in ("finished", "stopped"))
    manifest = checkpoint.read_manifest(checkpoint.load_best(reader.directory).path)
    assert (manifest["best"], manifest["step"]) == (True, best.step)
    assert checkpoint.find_latest(reader.directory) is not None


@pytest.mark.parametrize(
    ("status", "phase"), [("running", "training"), ("paused", "paused"), ("starting", "importing")]
)
def test_a_sample_run_that_looks_alive(tmp_path: Path, status: str, phase: str) -> None:
    reader = RunReader(make_sample_run(tmp_path, status=status))
    reader.refresh()
    live = reader.live()
    assert live is not None
    found = reader.status(live.time + 1)
    assert (found.name, found.phase) == (status, phase)
    # Long after, its heartbeat is old: nothing looks alive for ever.
    assert reader.status(live.time + 3600).name == "silent"


def test_the_sample_run_is_the_same_every_time(tmp_path: Path) -> None:
    one, two = (make_sample_run(tmp_path / name) for name in "ab")
    assert one.events_path.read_bytes() == two.events_path.read_bytes()
    for name in PREDICTIONS:
        first, second = RunReader(one).predictions(name), RunReader(two).predictions(name)
        assert first is not None
        assert second is not None
        assert all(np.array_equal(first[key], second[key]) for key in first)


def test_predictions_of_classes_and_of_lines(tmp_path: Path) -> None:
    arrays = read(make_sample_run(tmp_path)).predictions("test")
    assert arrays is not None
    wrong, top = arrays["wrong"], arrays["top"]
    assert (arrays["labels"][wrong] != top[wrong, 0]).all()
    assert (np.diff(arrays["probabilities"][wrong, 0]) <= 0).all()
    assert arrays["thumbnails"].shape == (len(wrong), 28, 28, 1)
    assert arrays["labels"].max() == len(CLASSES) - 1
    line = read(make_sample_run(tmp_path, task="regression")).predictions("validation-best")
    assert line is not None
    assert line["x"].shape == line["y"].shape == line["prediction"].shape


def test_predictions_are_read_once_and_again_when_they_change(tmp_path: Path) -> None:
    reader = read(make_sample_run(tmp_path))
    first = reader.predictions("test")
    assert reader.predictions("test") is first
    path = reader.directory.predictions_dir / "test.npz"
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    assert reader.predictions("test") is not first
    assert reader.predictions("no such thing") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"\x80\x04K*.", "cut", "flipped"])
def test_damaged_predictions_are_one_line(tmp_path: Path, content: bytes | str) -> None:
    reader = read(make_sample_run(tmp_path))
    path = reader.directory.predictions_dir / "test.npz"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    path.write_bytes(
        content if isinstance(content, bytes) else {"cut": whole[:-100], "flipped": bytes(flipped)}[content]
    )
    with pytest.raises(RunError, match="damaged") as caught:
        reader.predictions("test")
    assert "\n" not in str(caught.value)


def test_pickled_predictions_are_never_loaded(tmp_path: Path) -> None:
    reader = read(make_sample_run(tmp_path))
    np.savez(reader.directory.predictions_dir / "test.npz", labels=np.array([print], dtype=object))
    with pytest.raises(RunError, match="damaged"):
        reader.predictions("test")


def test_refresh_follows_and_starts_again_with_another_file(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path, status="interrupted")
    reader = read(run)
    assert not reader.refresh()
    before = reader.history.logged
    log = EventLog(run.events_path, 1)
    log.append(Logged("info", "more"))
    log.close()
    assert reader.refresh()
    assert reader.history.logged == before + 1
    run.events_path.write_bytes(b"")
    assert reader.refresh()
    assert (reader.history.logged, len(reader.history.points)) == (0, 0)


def test_an_end_between_two_looks_is_not_an_interruption(tmp_path: Path) -> None:
    (tmp_path / "otter").mkdir()
    run = RunDirectory(tmp_path / "otter")
    heartbeat, log, reader = Heartbeat(run.path, 1), EventLog(run.events_path, 1), RunReader(run)
    reader.refresh()
    log.append(RunEnded("finished", "all epochs done", None, 1, 10, 1.0, 1.0))
    log.close()
    heartbeat.stop("ended")
    assert reader.status().name == "finished"


@pytest.mark.parametrize(
    "last", [{"phase": "exporting"}, {"phase": "evaluating"}, {"phase": "ended", "detail": INCOMPLETE}]
)
def test_a_kill_while_figures_are_drawn_is_told_until_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: dict[str, str]
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    reader = read(make_sample_run(tmp_path / "runs"))
    live = json.loads((reader.directory.path / "live.json").read_text())
    (reader.directory.path / "live.json").write_text(json.dumps({**live, **last}))
    row = summary_row(reader)
    assert (row["status"], row["phase"]) == ("finished", "figures incomplete")
    assert row["why"].endswith("; figures incomplete: dltui export brisk-otter")
    notes.figures_done(reader.directory, tmp_path / "elsewhere")
    assert reader.status().phase == "figures incomplete"
    notes.figures_done(reader.directory, Path(reader.run["exports"]))
    assert reader.status().phase == "ended"


def test_a_worker_that_could_not_write_its_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_sample_run(tmp_path, status="interrupted")
    live = json.loads((run.path / "live.json").read_text())
    (run.path / "live.json").write_text(json.dumps({**live, "pid": 999_999_999}))
    reader = read(run)
    assert reader.status().why.startswith("the worker was killed at epoch ")
    original = os.open

    def refuse(path: Path, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_WRONLY:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return original(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", refuse)
    where = f"nothing can be written to {reader.directory.path}"
    assert reader.status().why.startswith(f"read-only file system: {where}; the worker ended at epoch ")


def test_a_row_has_what_scripts_rely_on(tmp_path: Path) -> None:
    row = json.loads(json.dumps(summary_row(RunReader(make_sample_run(tmp_path))), allow_nan=False))
    assert row["id"] == row["name"] == "brisk-otter"
    assert (row["status"], row["model"], row["framework"]) == ("finished", "cnn-torch", "torch")
    assert (row["dataset"], row["device"], row["epoch"], row["epochs"]) == ("fashion-mnist", "cpu", 10, 10)
    assert (row["metric"], row["mode"], row["best_epoch"]) == ("accuracy", "max", 8)
    assert 0.9 < row["best"] < 0.93


@pytest.mark.parametrize("content", [None, "{", '{"format": 99}'])
def test_an_unreadable_run_is_a_row_with_the_same_keys(tmp_path: Path, content: str | None) -> None:
    run = make_sample_run(tmp_path)
    keys = set(summary_row(RunReader(run)))
    run.run_json.unlink()
    if content is not None:
        run.run_json.write_text(content)
    reader = RunReader(RunDirectory(run.path))
    row = summary_row(reader)
    assert set(row) == keys
    assert row["why"]
    with pytest.raises((RunError, NewerFormatError)):
        _ = reader.run


def test_a_row_is_json_whatever_the_metrics_are(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path, status="interrupted")
    log = EventLog(run.events_path, 1)
    log.append(Evaluated("test", 1, 40, {"loss": math.nan, "accuracy": 0.1}, 1.0))
    log.close()
    row = summary_row(RunReader(run))
    assert row["test"] == {"loss": None, "accuracy": 0.1}
    json.dumps(row, allow_nan=False)


def test_nothing_heavy_is_imported_to_read_a_run(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path)
    code = (
        "import sys; from dltui.core.reading.reader import RunReader; "
        "from dltui.core.reading.summary import summary_row; row = summary_row(RunReader(sys.argv[1]));"
        "heavy = {'numpy', 'pydantic', 'pluggy', 'textual', 'rich', 'safetensors'};"
        "print(row['status'], sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, check=True)
    assert done.stdout == "finished []\n"


def test_time_spent_is_told_by_the_log(tmp_path: Path) -> None:
    history = read(make_sample_run(tmp_path)).history
    assert history.train_seconds == pytest.approx(40.0)
    assert history.elapsed == pytest.approx(44.0)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_heartbeat_that_cannot_be_read_for_a_moment_is_the_last_one(tmp_path: Path, content: str) -> None:
    """As on a network disk, where it is replaced while it is read."""
    run = make_sample_run(tmp_path, status="running")
    reader = read(run)
    before = reader.live()
    assert before is not None
    (run.path / "live.json").write_text(content)
    assert reader.live() == before
    assert reader.status(before.time + 1).name == "running"
    (run.path / "live.json").unlink()
    assert reader.live() is None


def test_a_run_whose_heartbeat_is_empty_stopped_where_its_log_ends(tmp_path: Path) -> None:
    """A power cut leaves an empty file where what it replaced was not written yet."""
    run = make_sample_run(tmp_path, status="interrupted")
    (run.path / "live.json").write_bytes(b"")
    reader = read(run)
    found = reader.status()
    assert (found.name, found.why) == ("interrupted", "its worker has gone at epoch 7, step 20")
    assert found.since == reader.history.last_time
    worker = RunLock()
    worker.acquire(run.lock_path)
    assert (reader.status().name, reader.status().why) == ("silent", "its heartbeat cannot be read")
    worker.release()
    run.events_path.unlink()
    assert RunReader(run).status().why == "the worker never began; see worker.log"
