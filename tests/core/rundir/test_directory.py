"""Run directories: made in one step, found by what people type, refused when they are not understood."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dltui.core import fs
from dltui.core.errors import NewerFormatError, RunError, UsageError
from dltui.core.machine.process import this_host
from dltui.core.rundir import checksum, directory
from dltui.core.rundir.directory import FORMAT, RunDirectory, find_run, list_runs
from dltui.core.rundir.lock import RunLock
from tests.helpers.faulty import FaultyFileSystem


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make(name: str, created: float = 0.0) -> RunDirectory:
    return RunDirectory.create(name, {"created": created, "model": "cnn-torch"})


def test_a_new_run_has_its_folders_and_is_private(home: Path) -> None:
    run = make("otter")
    assert run.path == home / "runs" / "otter"
    asked = dict(run.run())
    assert asked.pop("birth")["path"] == str(run.path)
    assert asked == {"format": FORMAT, "id": "otter", "created": 0.0, "model": "cnn-torch"}
    assert run.labels() == {"name": "otter", "tags": [], "note": ""}
    for folder, _, files in os.walk(home):
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        assert all(stat.S_IMODE((Path(folder) / file).stat().st_mode) == 0o600 for file in files)
    assert {entry.name for entry in run.path.iterdir()} == {
        "run.json", "labels.json", "lock", "control", "checkpoints", "predictions",
    }  # fmt: skip


def test_a_taken_or_bad_name_leaves_the_old_run_and_nothing_else(home: Path) -> None:
    make("otter", 1.0)
    with pytest.raises(UsageError, match="there is a run otter already"):
        make("otter", 2.0)
    with pytest.raises(UsageError, match="not allowed"):
        make("../otter")
    assert [entry.name for entry in (home / "runs").iterdir()] == ["otter"]
    assert find_run("otter").run()["created"] == 1.0


def test_a_run_is_locked_until_it_has_its_name(home: Path) -> None:
    """Another command would take its folder for one that a killed process left."""
    held = []
    code = "import sys; from pathlib import Path; from dltui.core.rundir import lock\n"
    code += "print(lock.is_held(Path(sys.argv[1])))"

    class Spy(fs.FileSystem):
        def rename(self, old: Path, new: Path) -> None:
            words = [sys.executable, "-c", code, str(old / "lock")]
            held.append(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
            super().rename(old, new)

    with fs.use(Spy()):
        make("otter")
    assert held == ["True\n"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_whatever_call_fails_a_run_is_whole_or_absent(home: Path, code: int) -> None:
    for number in range(60):
        with fs.use(FaultyFileSystem(number, code)) as system:
            try:
                make(f"run-{number}")
            except UsageError as error:
                assert "cannot write" in str(error) or "already" in str(error)  # noqa: PT017
        assert isinstance(system, FaultyFileSystem)
        left = [entry for entry in (home / "runs").iterdir() if entry.name != ".keep"]
        assert all((entry / "run.json").is_file() and entry.name == f"run-{number}" for entry in left)
        if system.count <= number:
            assert left
            return
        for entry in left:
            fs.remove_dir(entry)
    raise AssertionError("it never succeeded")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": true}', '{"format": "1"}', '{"format": 0}', "[" * 9999]
)
def test_a_damaged_run_is_one_line(content: str) -> None:
    run = make("otter")
    run.run_json.write_text(content)
    with pytest.raises(RunError) as caught:
        RunDirectory(run.path).run()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"config": "x"}, "config is no object of hyperparameters"),
        ({"config": {"epochs": [3]}}, "config is no object of hyperparameters"),
        ({"config": {"lr": {"a": 1}}}, "config is no object of hyperparameters"),
        ({"dataset_options": [1]}, "dataset_options is no object of options"),
        ({"command": 3}, "command is no list of texts"),
        ({"plugins": [{}]}, "plugins is no list of texts"),
        ({"device": "cpu"}, "device is no object"),
        ({"device": {"title": ["x"]}}, "device.title is no text"),
        ({"device": {"devices": [{"name": 1}]}}, "device.devices is no list of devices"),
        ({"task": None}, "task is no text"),
        ({"created": 10**400}, "created is no number"),
        ({"draws": "no"}, "draws is no flag"),
    ],
)
def test_a_field_of_a_wrong_type_is_damage_also_under_a_seal(wrong: dict[str, object], words: str) -> None:
    run = make("otter")
    run.run_json.write_text(json.dumps(checksum.sealed({**run.run(), **wrong})))
    with pytest.raises(RunError, match=rf"run\.json is damaged: {words}; start the run again$"):
        RunDirectory(run.path).run()


def test_a_newer_format_is_refused_and_says_so() -> None:
    run = make("otter")
    run.run_json.write_text(json.dumps({"format": FORMAT + 1}))
    with pytest.raises(NewerFormatError, match="upgrade dltui"):
        RunDirectory(run.path).run()


def test_fields_that_are_not_known_are_kept() -> None:
    run = RunDirectory.create("otter", {"created": 0, "of the future": [1]})
    assert RunDirectory(run.path).run()["of the future"] == [1]


def test_labels_change_alone_and_survive_damage() -> None:
    run = make("otter")
    run.set_labels(name="best so far", tags=["a"])
    run.set_labels(note="hm")
    assert run.labels() == {"name": "best so far", "tags": ["a"], "note": "hm"}
    run.labels_json.write_text('{"name": 5, "tags": "x", "note": null}')
    assert run.labels() == {"name": "5", "tags": [], "note": ""}
    run.labels_json.write_text("nonsense")
    assert run.labels()["name"] == "otter"


def test_labels_are_read_again_when_they_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = make("otter"), []
    reading = directory._read_object
    monkeypatch.setattr(directory, "_read_object", lambda path: read.append(path) or reading(path))
    assert [run.labels()["name"] for _ in range(3)] == ["otter"] * 3
    assert read == [run.labels_json]
    RunDirectory(run.path).set_labels(name="by another process")
    assert run.labels()["name"] == "by another process"


def test_runs_are_listed_newest_first_and_what_is_no_run_is_left_out(home: Path) -> None:
    for name, created in (("old", 1.0), ("newest", 3.0), ("middle", 2.0)):
        make(name, created)
    (home / "runs" / "no-run").mkdir()
    (home / "runs" / ".x.tmp").mkdir()
    assert [run.id for run in list_runs()] == ["newest", "middle", "old"]


def test_a_run_of_a_clock_that_was_ahead_does_not_stay_the_latest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = time.time()
    make("ahead", made + 3650 * 86_400)
    make("now", time.time())
    assert find_run(None).id == "now"
    # Where the times of files were wrong, too.
    monkeypatch.setattr(directory.time, "time", lambda: made - 3650 * 86_400)
    make("earlier", directory.time.time())
    assert find_run(None).id == "earlier"


def test_finding(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no runs yet"):
        find_run(None)
    for number, name in enumerate(("brisk-otter", "brisk-owl", "calm-ibis")):
        make(name, float(number))
    RunDirectory(home / "runs" / "brisk-owl").set_labels(name="night bird")
    monkeypatch.chdir(home / "runs")
    assert find_run(None).id == "calm-ibis"
    assert find_run("calm").id == "calm-ibis"
    assert find_run("brisk-otter").id == "brisk-otter"
    assert find_run("night bird").id == "brisk-owl"
    assert find_run(str(home / "runs" / "brisk-owl")).id == "brisk-owl"
    assert find_run("./brisk-owl/").path == home / "runs" / "brisk-owl"
    with pytest.raises(UsageError, match="could be any of 2 runs"):
        find_run("brisk")
    with pytest.raises(UsageError, match="did you mean brisk-otter"):
        find_run("brisk-oter")
    with pytest.raises(UsageError, match="is not a run"):
        find_run(str(tmp_path))
    with pytest.raises(UsageError) as caught:
        find_run("\x1b[31m\n")
    assert "\x1b" not in str(caught.value)


def test_the_name_of_a_sweep_leads_to_it(home: Path) -> None:
    for name in ("lab-t000", "lab-t001"):
        make(name)
    (home / "sweeps" / "lab").mkdir(parents=True)
    (home / "sweeps" / "lab" / "sweep.json").write_text("{}")
    with pytest.raises(
        UsageError, match="lab is a sweep, not a run: `dltui sweep show lab`, or name a trial: lab-t001"
    ):
        find_run("lab")
    # Also where a single trial is left.
    shutil.rmtree(home / "runs" / "lab-t001")
    with pytest.raises(UsageError, match="lab is a sweep, not a run"):
        find_run("lab")


def test_an_exact_id_wins_over_longer_ones() -> None:
    make("otter")
    make("otter-2")
    assert find_run("otter").id == "otter"


def test_an_exact_id_is_found_without_a_look_at_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    make("otter")
    make("owl").set_labels(name="lr:0.1")
    read: list[Path] = []
    reading = directory._read_object
    monkeypatch.setattr(directory, "_read_object", lambda path: read.append(path) or reading(path))
    assert find_run("otter").id == "otter"
    assert directory.is_run("owl")
    assert read == []
    assert directory.is_run("lr:0.1")
    assert not directory.is_run("lr:0")
    assert {path.name for path in read} == {"labels.json"}


def test_a_folder_that_is_no_run_has_no_name(home: Path) -> None:
    (home / "runs" / "notes").mkdir(parents=True)
    (home / "runs" / "notes" / "labels.json").write_text('{"name": "mine"}')
    assert not directory.is_run("notes")
    assert not directory.is_run("mine")
    for text in (".", "..", "", "a\0b", "x" * 300):
        assert not directory.is_run(text)


def test_a_path_that_cannot_be_looked_at_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^cannot look at .*x: file name too long$"):
        find_run(str(tmp_path / ("x" * 300)))


def test_what_another_host_is_making_is_left_alone(home: Path) -> None:
    """Its locks may not show here; one that was killed is removed later, and one of this host at once."""
    temp = home / "runs" / ".x.00000000.tmp"

    def begun(lock: str) -> None:
        temp.mkdir(parents=True, exist_ok=True)
        (temp / "lock").write_text(lock)

    for number, lock in enumerate(("", '{"host": "another"}')):
        begun(lock)
        make(f"other-{number}")
        assert temp.is_dir()
    for path in (temp / "lock", temp):
        os.utime(path, (1, 1))
    make("later")
    assert not temp.exists()
    begun(json.dumps({"host": this_host()}))
    make("mine")
    assert not temp.exists()


def test_a_run_that_is_locked_while_it_is_looked_at_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temp, held = home / "runs" / ".x.00000000.tmp", RunLock()
    temp.mkdir(parents=True)

    def read(path: Path) -> dict[str, object]:
        held.acquire(path)
        return {"host": this_host()}

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(directory, "_read_object", read)
        assert not directory._is_left(temp)
    held.release()
    assert directory._is_left(temp)


def test_of_two_threads_that_make_runs_none_frees_the_lock_of_the_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temp = home / "runs" / ".x.00000000.tmp"
    read, held = directory._read_object, RunLock()
    other = threading.Thread(target=directory._fill, args=(RunDirectory(temp), {"id": "x"}, held))

    def read_slowly(path: Path) -> dict[str, object] | None:
        other.start()
        while not temp.exists():
            time.sleep(0.01)
        other.join(0.2)
        return read(path)

    temp.parent.mkdir(parents=True)
    monkeypatch.setattr(directory, "_read_object", read_slowly)
    assert not directory._is_left(temp)
    other.join()
    look = "import sys, pathlib; from dltui.core.rundir import lock; print(lock.is_held(pathlib.Path(sys.argv[1])))"
    seen = subprocess.run(
        [sys.executable, "-c", look, str(temp / "lock")], capture_output=True, text=True, check=True
    ).stdout
    held.release()
    assert seen == "True\n"
