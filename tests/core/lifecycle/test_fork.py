"""What a fork takes over of its parent: how long it trains, its schedule and its learning rate."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.errors import UsageError
from dltui.core.lifecycle import fork
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.checkpoint import Checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import CommandObeyed
from dltui.core.rundir.log import EventLog
from tests.faults.lab import FAKE, Lab
from tests.helpers.sample_run import make_sample_run

SAVED = {"type": "checkpoint_saved", "name": "c", "step": 20}


def command(action: str, step: int) -> dict[str, Any]:
    return {"type": "command_obeyed", "action": action, "step": step, "arguments": {}}


@pytest.mark.parametrize(("new_length", "kept"), [(False, ["set", "fit"]), (True, ["set"])])
def test_estimates_of_steps_end_with_a_new_length(new_length: bool, kept: list[str]) -> None:
    records = [command("set", 5), command("fit", 10), command("fit", 30), SAVED]
    found = fork.inherited(records, "c", 20, new_length)
    assert [record["action"] for record in found if record["type"] == "command_obeyed"] == kept


@pytest.mark.parametrize(("seconds", "left"), [(1.0, True), (2.0, False), (1.97, False)])
def test_a_fork_needs_time_that_is_left(tmp_path: Path, seconds: float, left: bool) -> None:
    parent = RunReader(make_sample_run(tmp_path, status="finished"))
    found = Checkpoint("c", tmp_path / "c", {}, {"train_seconds": seconds}, 20)
    origin = fork._Origin(found, None, {}, {"train_seconds": seconds}, True)
    if left:
        fork._check_time(parent, origin, "2s")
        return
    with pytest.raises(UsageError, match="nothing of 2s is left: give a longer --max-time"):
        fork._check_time(parent, origin, "2s")


@pytest.mark.parametrize(("changes", "test"), [({}, None), ({"test": False}, False)])
def test_a_fork_of_a_trial_evaluates_its_test_split(changes: dict[str, Any], test: bool | None) -> None:
    asked = {"config": {"lr": 0.1, "test": False, "gone": 1}, "sweep": {"trial": 1}}
    found = fork._config(asked, changes, {"lr", "test"})
    assert (found.get("test"), "gone" in found) == (test, False)
    # Other runs keep what they were asked for.
    assert fork._config({**asked, "sweep": None}, {}, {"lr", "test"})["test"] is False


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_parent_that_trains_on_may_replace_what_a_fork_begins_with(tmp_path: Path, which: fork.Which) -> None:
    """What is needed of its checkpoints is read at once; the data may be prepared for long after that."""
    parent = RunReader(make_sample_run(tmp_path, status="finished"))
    found, best = fork._choose(parent.directory, which)
    assert found.step == (400 if which == "last" else 320)
    assert (best and best.step) == (320 if which == "last" else None)
    shutil.rmtree(parent.directory.checkpoints_dir)
    origin = fork._origin(found, best, {}, {}, False)
    run = make_sample_run(tmp_path, run_id="fork", status="queued")
    saved = [*fork._bring_best(run, origin, 1, {}), fork._save(run, origin, 1)]
    assert [one.step for one in saved] == ([320, 400] if which == "last" else [320])
    assert [one.best for one in saved] == ([True, False] if which == "last" else [True])


def test_a_checkpoint_that_was_replaced_is_chosen_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_sample_run(tmp_path, status="finished")
    gone, read = [], checkpoint.read

    def replaced(path: Path) -> Checkpoint:
        if not gone:
            gone.append(path)
            shutil.rmtree(path)
        return read(path)

    monkeypatch.setattr(checkpoint, "read", replaced)
    assert fork._choose(run, "last")[0].step == 360
    assert gone[0].name == "a01-step-00000400"


def test_predictions_that_are_no_file_are_left_out(tmp_path: Path) -> None:
    parent, run = (make_sample_run(tmp_path, run_id=name) for name in ("parent", "fork"))
    for path in run.predictions_dir.iterdir():
        path.unlink()
    place = parent.predictions_dir / "validation-best.npz"
    place.unlink()
    os.mkfifo(place)
    fork._copy_predictions(run, parent, "last")
    assert [path.name for path in run.predictions_dir.iterdir()] == ["validation-latest.npz"]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(tmp_path_factory.mktemp("catalog") / "home"))
        return load_catalog([FAKE])


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return Lab(tmp_path)


def commanded(run: RunDirectory, action: str, step: int, **arguments: Any) -> None:
    """Write a command into the log of a run that has ended, as that of an attempt without a checkpoint would be."""
    log = EventLog(run.events_path, 2)
    log.append(CommandObeyed(f"{action}-{step}", action, arguments, 0, step, "me", 0.0))
    log.close()


def read(run: RunDirectory) -> RunReader:
    reader = RunReader(run)
    reader.refresh()
    return reader


def forked(lab: Lab, parent: RunDirectory, catalog: Catalog, **changes: Any) -> RunDirectory:
    request = fork.ForkRequest(changes, name="fork", exports=str(lab.folder / "exports"))
    return fork.fork(read(parent), request, catalog)


def test_epochs_that_were_added_after_the_checkpoint_are_trained(lab: Lab, catalog: Catalog) -> None:
    """The attempt that was to train them has saved nothing."""
    parent = lab.new_run(epochs=2)
    lab.finish(parent)
    commanded(parent, "extend", read(parent).history.step, epochs=2)
    run = forked(lab, parent, catalog, lr=0.5)
    lab.finish(run)
    assert sorted(read(run).history.epochs) == [1, 2, 3, 4]


def test_epochs_stand_where_the_fork_begins_however_late_they_were_added() -> None:
    saved = {**SAVED, "epoch": 2}
    added = {**command("extend", 40), "epoch": 4, "arguments": {"epochs": 5}}
    (found,) = fork.inherited([saved, added, command("set", 40)], "c", 20, False)
    assert found == {**added, "epoch": 2, "step": 20}
    assert fork.inherited([saved, added], "c", 20, True) == []


@pytest.mark.parametrize(("changes", "lr"), [({}, 0.25), ({"lr": 3.0}, 3.0)])
def test_a_rate_that_was_set_stays_with_other_batches(
    lab: Lab, catalog: Catalog, changes: dict[str, float], lr: float
) -> None:
    parent = lab.new_run(epochs=2)
    lab.finish(parent)
    commanded(parent, "set", 5, lr=0.25)
    commanded(parent, "set", 10_000, lr=0.75)
    run = forked(lab, parent, catalog, batch_size=24, epochs=3, **changes)
    assert (run.run()["config"]["lr"], read(run).history.lr_changes) == ((3.0, []) if changes else (2.0, [(0, 0.25)]))
    lab.finish(run)
    assert read(run).history.points.lr[-1] == lr
    (told,) = (text for _, _, text in read(run).history.logs if text.startswith("forked from"))
    assert ("lr stays 0.25, as it was set while the parent trained" in told) == (lr == 0.25)
    assert ("lr 0.25 -> 3" in told) == (lr == 3.0)


def test_the_rate_of_run_json_is_a_change_where_another_one_was_set(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path)
    given = {"lr": 0.05, "momentum": 0.9, "seed": 4}
    assert fork.changes_of(read(run), given) == {"seed": 4}
    commanded(run, "set", 5, lr=0.01)
    assert fork.changes_of(read(run), given) == {"lr": 0.05, "seed": 4}


@pytest.mark.parametrize("batch_size", [40, 24])
def test_a_rate_that_the_model_would_not_be_given_stays_as_well(lab: Lab, catalog: Catalog, batch_size: int) -> None:
    """A command may set any up to its own bound."""
    parent = lab.new_run(epochs=1)
    lab.finish(parent)
    commanded(parent, "set", 5, lr=50.0)
    run = forked(lab, parent, catalog, batch_size=batch_size, epochs=2)
    assert [lr for _, lr in read(run).history.lr_changes] == [50.0]


@pytest.mark.parametrize(("set_lr", "lr"), [([], 2.0), ([(5, 0.25)], 0.25), ([(10_000, 0.25)], 2.0)])
def test_the_rate_that_holds_at_the_checkpoint_is_no_change(
    lab: Lab, catalog: Catalog, set_lr: list[tuple[int, float]], lr: float
) -> None:
    parent = lab.new_run(epochs=1)
    lab.finish(parent)
    for step, rate in set_lr:
        commanded(parent, "set", step, lr=rate)
    run = forked(lab, parent, catalog, epochs=2, lr=lr)
    assert run.run()["fork"]["changes"] == {"epochs": 2}
    (told,) = (text for _, _, text in read(run).history.logs if text.startswith("forked from"))
    assert "lr 0" not in told
    assert "lr 2" not in told
    lab.finish(run)
    assert read(run).history.points.lr[-1] == pytest.approx(lr)


def test_a_time_of_the_parent_that_is_not_clear_stays(
    lab: Lab, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork, "_check_epochs", lambda *_: None)
    parent = lab.new_run(max_time="10s5")
    lab.finish(parent)
    with pytest.raises(UsageError, match="max_time takes a duration such as 90s, 10m or 1h30m, not 20s5"):
        forked(lab, parent, catalog, max_time="20s5")
    assert forked(lab, parent, catalog, seed=4).run()["config"]["max_time"] == "10s5"


@pytest.mark.parametrize("changes", [{}, {"batch_size": 24}])
def test_the_schedule_of_a_fork_for_a_longer_time_goes_on(lab: Lab, catalog: Catalog, changes: dict[str, Any]) -> None:
    parent = lab.new_run(max_time="20s", schedule="cosine", lr=1.0)
    lab.finish(parent)
    ended = read(parent).history
    assert ended.points.lr[-1] < 0.01
    run = forked(lab, parent, catalog, max_time="40s", **changes)
    lab.finish(run)
    history = read(run).history
    begun = 0 if changes else run.run()["fork"]["step"]
    rates = [rate for step, rate in zip(history.points.steps, history.points.lr, strict=True) if step > begun]
    assert max(rates) == pytest.approx(0.5, abs=0.1), "half of the time is used"
    assert rates[-1] < 0.01
