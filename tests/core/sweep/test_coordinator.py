"""A sweep from its first trial to the test of its winner, and what it goes on with after a death."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from dltui.core.analysis.trials import trial
from dltui.core.analysis.trials.space import Dimension
from dltui.core.analysis.trials.trial import Trial, TrialReader
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import DataError, RunError, UsageError
from dltui.core.lifecycle.create import RunRequest
from dltui.core.machine.devices import Device
from dltui.core.rundir import commands
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep import coordinator, start
from dltui.core.sweep.actions import Sweeps
from dltui.core.sweep.folder import SweepFolder
from dltui.core.sweep.view import look, unfinished
from dltui.core.train import evaluation, loop
from dltui.core.worker import attempt
from dltui.core.worker.waiting import device_queue
from tests.core.sweep.lab import LR, PLAN, REQUEST, SweepLab
from tests.faults.lab import result


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepLab:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return SweepLab(tmp_path)


def told(name: str) -> list[object]:
    return [(one.number, one.values, one.standing(), one.why, result(one.run)) for one in TrialReader(name).trials()]


def test_only_the_winner_sees_the_test_split(lab: SweepLab) -> None:
    folder = lab.sweep()
    lab.finish(folder)
    view = look("lab")
    assert (view.status, view.left, len(view.trials)) == ("finished", False, 9)
    best = trial.winner(view.trials)
    assert best is not None
    assert best == trial.order(view.trials)[0]
    assert [one.number for one in view.trials if one.test] == [best.number]
    # A run like any other, whose command repeats it.
    asked = best.run.run()
    assert asked["command"][-3:] == ["--lr", str(best.values["lr"]), "--no-test"]
    assert (asked["group"], asked["config"]["test"], asked["sweep"]["trial"]) == ("lab", False, best.number)

    pruned = [one for one in view.trials if one.pruned]
    assert pruned
    assert {one.pruned for one in pruned} <= {1, 3}
    for one in pruned:
        assert (one.done, one.standing()) == (one.pruned, f"pruned at epoch {one.pruned}")
        saved = trial.RunReader(one.run)
        saved.refresh()
        assert saved.history.checkpoints[-1]["epoch"] == one.pruned
    assert view.epochs_spent() < 0.6 * 9 * 9


def test_where_no_trial_has_a_value_the_loss_decides(lab: SweepLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that of a validation split of one class."""
    request = replace(REQUEST, config={**REQUEST.config, "monitor": "validation.auroc"})
    monkeypatch.setattr("tests.core.sweep.lab.REQUEST", request)
    monkeypatch.setattr(evaluation, "report", lambda *_: {"auroc": math.nan})
    lab.finish(lab.sweep(trials=4))
    view = look("lab")
    assert (view.status, view.left) == ("finished", False)
    best = trial.winner(view.trials)
    assert best is not None
    assert (best.metric, best.best) == ("loss", min(best.losses.values()))
    assert [one.number for one in view.trials if one.test] == [best.number]
    assert any(one.pruned for one in view.trials)
    assert all(one.done == (one.pruned or 9) for one in view.trials)


def test_a_value_is_better_than_none() -> None:
    run = RunDirectory(Path("/nowhere"))
    valued = Trial(0, run, {}, "finished", metric="auroc", scores={1: 0.5}, losses={1: 3.0})
    missing = Trial(1, run, {}, "finished", metric="auroc", losses={1: 0.1})
    begun = Trial(2, run, {}, "running", metric="auroc")
    assert trial.comparable([valued, missing, begun]) == [valued, missing, begun]
    assert trial.winner([missing, valued]) is valued
    assert [one.best for one in trial.comparable([missing, begun])] == [0.1, None]
    assert trial.comparable([begun]) == [begun]


def test_a_coordinator_that_dies_after_each_step_changes_nothing(lab: SweepLab) -> None:
    lab.finish(lab.sweep(name="whole", trials=4))
    folder = lab.sweep(trials=4)
    with lab.at_work():
        # Each knows nothing of the one before.
        while lab.coordinator(folder).step():
            pass
    assert [row[1:] for row in told("lab")] == [row[1:] for row in told("whole")]  # type: ignore[index]


def test_trials_that_were_interrupted_go_on_and_others_do_not(lab: SweepLab) -> None:
    folder = lab.sweep(trials=3, pruner="none")
    lab.asleep = {"lab-t001"}
    with lab.at_work(), mock.patch.object(trial.RunReader, "status", _status):
        leader = lab.coordinator(folder)
        for _ in range(12):
            leader.step()
    ids = [run for run, _ in lab.started]
    # Left alone after so many deaths; the others are trained, and the best of them is tested.
    assert ids.count("lab-t001") == 1 + coordinator.MOST_DEATHS
    assert ids.count("lab-t002") + ids.count("lab-t000") == 3
    assert look("lab").status == "interrupted"


def _status(reader: trial.RunReader) -> object:
    """The status as it is when the time to start is over."""
    return reader.look(10_000_000_000.0)[0]


@pytest.mark.parametrize("queued", [True, False])
def test_a_trial_whose_job_may_be_in_the_queue_again_is_asked_about_before_it_is_started(
    lab: SweepLab, started: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch, queued: bool
) -> None:
    leader, asked = lab.coordinator(lab.sweep(trials=1)), list[str]()
    every = [Trial(0, lab.lab.new_run(), {}, "interrupted", over=True)]

    def ask(runs: list[tuple[RunDirectory, Any]]) -> bool:
        asked.extend(f"{run.id} {status.name}" for run, status in runs)
        if queued:
            every[0] = replace(every[0], status="queued", over=False)
        return True

    no_wait = mock.Mock()
    monkeypatch.setattr(coordinator.launching, "refresh_all", ask)
    monkeypatch.setattr(coordinator.launching, "refresh", no_wait)
    monkeypatch.setattr(leader._reader, "all", lambda: list(every))
    name = every[0].run.id
    assert leader.step()
    assert (started, asked, no_wait.call_count) == ([], [f"{name} interrupted"], 0)
    assert leader.step()
    # However long its answer takes, it is asked once before each start.
    assert (started, len(asked)) == ([] if queued else [(name, False)], 1)
    if not queued:
        assert leader.step()
        assert (len(started), len(asked)) == (1, 2)


def test_what_a_user_killed_stays_so(lab: SweepLab) -> None:
    folder = lab.sweep(trials=1, pruner="none")
    lab.asleep = {"lab-t000"}
    with lab.at_work(), mock.patch.object(trial.RunReader, "status", _status):
        lab.coordinator(folder).step()
        commands.send(TrialReader("lab").runs()[0].path, "kill", {})
        assert not lab.coordinator(folder).step()
    assert [run for run, _ in lab.started] == ["lab-t000"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The runs whose workers were started, and whether at once; these workers do nothing."""
    found: list[tuple[str, bool]] = []

    def queue(run: RunDirectory, at_once: bool, instead: object) -> int:
        found.append((run.id, at_once))
        return 0

    monkeypatch.setattr(coordinator, "queue_worker", queue)
    return found


def test_trials_that_were_interrupted_wait_for_their_device_as_one(
    lab: SweepLab, started: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    leader, with_device = lab.coordinator(lab.sweep(trials=6, parallel=3)), set[str]()
    lost = [Trial(number, lab.lab.new_run(), {}, "preempted", over=True) for number in range(5)]
    ids = [one.run.id for one in lost]
    monkeypatch.setattr(coordinator, "_has_device", lambda run: run.id in with_device)

    def starts(going: set[int], ended: set[int]) -> list[tuple[str, bool]]:
        """What is started while these trials go on."""
        words = {**dict.fromkeys(going, "running"), **dict.fromkeys(ended, "finished")}
        every = [replace(one, status=words.get(one.number, one.status), over=one.number not in going) for one in lost]
        monkeypatch.setattr(leader._reader, "all", lambda: every)
        before = len(started)
        assert leader.step()
        return started[before:]

    assert starts(set(), set()) == [(ids[0], False)]
    assert starts({0}, set()) == []
    with_device.update(ids)
    assert starts({0}, set()) == [(ids[1], True)]
    assert starts({0, 1}, set()) == [(ids[2], True)]
    assert starts({0, 1, 2}, set()) == []
    # The last of them come before a new one.
    assert starts({1, 2}, {0}) == [(ids[3], True)]
    assert starts({2, 3}, {0, 1}) == [(ids[4], True)]


def test_runs_that_confirm_the_winner_train_beside_each_other(
    lab: SweepLab, started: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = lab.coordinator(lab.sweep(trials=1, parallel=3, confirm=4))
    best = Trial(0, lab.lab.new_run(), {"lr": 0.1}, "finished", metric="accuracy", scores={1: 0.9}, over=True)
    every = [best]

    def create(request: RunRequest, catalog: Catalog, tell: Any) -> RunDirectory:
        every.append(Trial(0, lab.lab.new_run(seed=request.config["seed"]), {}, "running", confirms=0))
        return every[-1].run

    monkeypatch.setattr(coordinator, "create_run", create)
    monkeypatch.setattr(coordinator, "_has_device", lambda run: True)
    monkeypatch.setattr(leader._reader, "all", lambda: every)
    assert [leader.step() for _ in range(5)] == [True] * 5
    assert [at_once for _, at_once in started] == [False, True, True]


def test_no_seed_that_a_trial_had_confirms_the_winner() -> None:
    seeds = Dimension("seed", "choice", values=(1, 3, 2))
    plan = replace(PLAN, space=(seeds, LR), confirm=2)
    assert coordinator.confirming_seeds(plan, REQUEST) == [4, 5]
    assert coordinator.confirming_seeds(replace(plan, space=(Dimension("seed", "int", 5, 9),)), REQUEST) == [10, 11]
    best = Trial(0, RunDirectory(Path("/nowhere")), {"seed": 3, "lr": 0.1}, "finished")
    request = coordinator.confirming_request(plan, REQUEST, best, 4)
    assert (request.config["seed"], request.config["lr"]) == (4, 0.1)
    assert request.sweep is not None
    assert request.sweep["values"] == {"lr": 0.1}
    assert list(request.command)[-4:] == ["--lr", "0.1", "--seed", "4"]


def test_seeds_that_would_be_too_large_at_the_end_are_refused_at_the_start() -> None:
    catalog: Any = mock.Mock()
    catalog.model().field.return_value = FieldSpec("seed", "int", 0, minimum=0, maximum=9)
    request = replace(REQUEST, config={"seed": 8})
    start._check_seeds(replace(PLAN, confirm=1), request, catalog)
    with pytest.raises(UsageError, match=r"have seeds up to 10: seed must be a whole number from 0 to 9, got 10"):
        start._check_seeds(replace(PLAN, confirm=2), request, catalog)


def test_the_winner_is_trained_again_with_other_seeds(lab: SweepLab) -> None:
    lab.finish(lab.sweep(trials=2, confirm=2))
    view = look("lab")
    best = trial.winner(view.trials)
    assert best is not None
    assert best.test is None
    assert [one.confirms for one in view.confirming] == [best.number] * 2
    runs = [one.run.run() for one in view.confirming]
    assert [(run["group"], run["config"]["seed"], run["config"]["lr"]) for run in runs] == [
        (f"lab-winner-t{best.number:03d}", 1, best.values["lr"]),
        (f"lab-winner-t{best.number:03d}", 2, best.values["lr"]),
    ]
    assert all(one.test for one in view.confirming)


def test_a_confirming_run_is_known_by_its_seed(lab: SweepLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is numbered where there are figures under its name."""
    made = lab._create
    monkeypatch.setattr(
        lab,
        "_create",
        lambda request: made(
            replace(request, name=f"{request.name}-2") if "-winner-" in str(request.name) else request
        ),
    )
    folder = lab.sweep(trials=1, confirm=1)
    with lab.at_work():
        leader = lab.coordinator(folder)
        assert sum(1 for _ in iter(lambda: leader.step(), False)) < 20
    assert len(look("lab").confirming) == 1


def test_names_that_would_be_too_long_at_the_end_are_refused_at_the_start() -> None:
    plan = replace(PLAN, name="a" * 44, trials=9, confirm=2)
    request = replace(REQUEST, config={"seed": 12345678})
    with pytest.raises(UsageError, match=r"with seed 12345680 have longer names; take one of at most 42 letters"):
        start._check_names(plan, request)
    start._check_names(replace(plan, name="a" * 42), request)
    start._check_names(replace(plan, confirm=0), request)


def refusing(*numbers: int, by_data: bool = False) -> Callable[[RunRequest, Catalog], Any]:
    """A check that refuses these trials, at once or when the data is prepared."""

    def check(request: RunRequest, catalog: Catalog) -> Any:
        assert request.sweep is not None
        found, error = mock.Mock(), UsageError("lr and epochs do not go together")
        if request.sweep["trial"] in numbers:
            if not by_data:
                raise error
            found.prepare.side_effect = error
        return found

    return check


@pytest.mark.parametrize("by_data", [False, True])
def test_values_that_do_not_go_together_are_left_out(lab: SweepLab, by_data: bool) -> None:
    folder, said = lab.sweep(trials=3, pruner="none"), []

    with lab.at_work(), mock.patch.object(coordinator, "check_request", refusing(1, by_data=by_data)):
        leader = coordinator.Coordinator(folder, mock.Mock(), said.append)
        while leader.step():
            pass
    assert [one.number for one in TrialReader("lab").trials()] == [0, 2]
    assert said == ["trial 1 cannot be trained: lr and epochs do not go together"]


@pytest.mark.parametrize(("by_data", "prepared"), [(False, [0, 2]), (True, [0, 1, 0, 2])])
def test_data_is_prepared_no_more_often_than_it_must_be(lab: SweepLab, by_data: bool, prepared: list[int]) -> None:
    """Once for each trial, and again for the first where one was refused by the data."""
    folder, looked, check = lab.sweep(trials=3, pruner="none"), list[int](), refusing(1, by_data=by_data)

    def noted(request: RunRequest, catalog: Catalog) -> Any:
        found = check(request, catalog)
        assert request.sweep is not None
        found.prepare, prepare, number = mock.Mock(), found.prepare, request.sweep["trial"]
        found.prepare.side_effect = lambda tell: (looked.append(number), prepare(tell))
        return found

    with lab.at_work(), mock.patch.object(coordinator, "check_request", noted):
        leader = lab.coordinator(folder)
        while leader.step():
            pass
    assert looked == prepared


def test_a_run_that_cannot_be_written_refuses_no_values(lab: SweepLab) -> None:
    folder = lab.sweep(trials=2)
    with lab.at_work():
        leader = lab.coordinator(folder)
        leader.step()
        full = mock.Mock(side_effect=UsageError("cannot write to /runs"))
        with mock.patch.object(coordinator, "create_checked", full), pytest.raises(UsageError, match="cannot write"):
            leader.step()
    assert folder.refused() == {}


def test_values_that_do_not_go_together_are_not_drawn_again(lab: SweepLab) -> None:
    choices = Dimension("lr", "choice", values=(0.1, 0.2, 0.3))
    for seed in range(4):
        folder = lab.sweep(name=f"lab{seed}", seed=seed, trials=3, pruner="none", space=(choices,))
        with lab.at_work(), mock.patch.object(coordinator, "check_request", refusing(1)):
            while lab.coordinator(folder).step():
                pass
        tried = [*(one.values for one in TrialReader(folder.name).trials()), *folder.refused().values()]
        assert sorted(one["lr"] for one in tried) == [0.1, 0.2, 0.3]


def test_values_that_do_not_go_together_are_kept(lab: SweepLab) -> None:
    folder = lab.sweep()
    folder.refuse(3, {"layers": (8, 4), "lr": 0.1})
    folder.refuse(1, {"layers": (8,), "lr": 0.2})
    assert folder.refused() == {1: {"layers": (8,), "lr": 0.2}, 3: {"layers": (8, 4), "lr": 0.1}}
    for damaged in ("1 4", "[]", '{"trial": 1}'):
        (folder.path / "refused").write_text(damaged)
        assert folder.refused() == {}


def first(*refused: int, error: type[UsageError] = UsageError, by_data: bool = False) -> tuple[list[int], Any]:
    """The trials that are looked at when a sweep begins, and what was refused, or the error."""
    looked: list[int] = []

    def check(request: RunRequest, catalog: Catalog) -> Any:
        assert request.sweep is not None
        number, found = request.sweep["trial"], mock.Mock()
        looked.append(number)
        found.prepare.side_effect = error(f"not {number}") if number in refused else None
        if number in refused and not by_data:
            raise error(f"not {number}")
        return found

    plan = replace(PLAN, space=(Dimension("epochs", "choice", values=(1, 2, 3)),), trials=3, sampler="grid")
    with mock.patch.object(start, "check_request", check):
        try:
            return looked, start._first(plan, REQUEST, Catalog(), print)[1]
        except UsageError as told:
            return looked, str(told)


@pytest.mark.parametrize("by_data", [False, True])
def test_a_sweep_begins_with_the_first_values_that_go_together(by_data: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert first() == ([0], {})
    assert first(0, 1, by_data=by_data) == ([0, 1, 2], {0: {"epochs": 1}, 1: {"epochs": 2}})
    assert first(0, 1, 2, by_data=by_data) == ([0, 1, 2], "not 0")
    # Other values do not help where the data cannot be read, and not all of thousands are looked at.
    assert first(0, 1, error=DataError, by_data=True) == ([0], "not 0")
    monkeypatch.setattr(start, "LOOKING_SECONDS", -1.0)
    assert first(0, 1, by_data=by_data) == ([0, 1, 2], {0: {"epochs": 1}, 1: {"epochs": 2}})
    monkeypatch.setattr(start, "LEAST", 1)
    assert first(0, 1, by_data=by_data) == ([0], "not 0")


@pytest.mark.parametrize(("seconds", "looked"), [(-1.0, start.LEAST), (math.inf, 2 * start.LEAST)])
def test_what_no_values_help_is_looked_at_for_a_time_and_at_least_a_number_of_times(
    monkeypatch: pytest.MonkeyPatch, seconds: float, looked: int
) -> None:
    """Such as a metric that is not known."""
    check = mock.Mock(side_effect=UsageError("no metric x"))
    monkeypatch.setattr(start, "LOOKING_SECONDS", seconds)
    with mock.patch.object(start, "check_request", check), pytest.raises(UsageError, match="no metric x"):
        start._first(replace(PLAN, trials=2 * start.LEAST), REQUEST, Catalog(), print)
    assert check.call_count == looked


@pytest.mark.parametrize("changes", [{"config": {"max_time": "1h30"}}, {"values": ("1h", "1h30")}])
def test_a_time_that_is_not_clear_begins_no_sweep(changes: dict[str, Any]) -> None:
    request = replace(REQUEST, config=changes.get("config", {}))
    plan = replace(PLAN, space=(LR, Dimension("max_time", "choice", values=changes.get("values", ("1h",)))))
    with pytest.raises(UsageError, match="not 1h30"):
        start._check_times(plan, request)
    start._check_times(replace(PLAN, space=(LR,)), REQUEST)


def test_the_values_that_were_refused_come_with_the_folder(lab: SweepLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SweepFolder, "_note", mock.Mock(side_effect=RunError("no space")))
    refused = {0: {"lr": 0.1}, 1: {"lr": 0.2}}
    assert SweepFolder.create(PLAN, REQUEST, [], refused).refused() == refused


def test_a_space_without_values_that_go_together_is_looked_through_once() -> None:
    plan = replace(PLAN, space=(Dimension("epochs", "choice", values=(1, 2)),), trials=9)
    check = mock.Mock(side_effect=UsageError("not together"))
    with mock.patch.object(start, "check_request", check), pytest.raises(UsageError, match="not together"):
        start._first(plan, REQUEST, Catalog(), print)
    assert check.call_count == 2


def test_a_sweep_whose_last_trial_is_refused_is_finished(lab: SweepLab) -> None:
    folder = lab.sweep(trials=2)
    with lab.at_work(), mock.patch.object(coordinator, "check_request", refusing(1)):
        while lab.coordinator(folder).step():
            pass
        assert (look("lab").status, look("lab").left, len(look("lab").trials)) == ("finished", False, 1)
    # Added trials have other numbers.
    folder.change(trials=3)
    lab.finish(folder)
    assert [one.number for one in look("lab").trials] == [0, 2]


def test_what_is_wrong_for_all_trials_refuses_none(lab: SweepLab) -> None:
    folder = lab.sweep(trials=3)
    with lab.at_work():
        leader = lab.coordinator(folder)
        leader.step()
        with (
            mock.patch.object(coordinator, "check_request", refusing(0, 1)),
            pytest.raises(UsageError, match="do not go together"),
        ):
            leader.step()
    assert folder.refused() == {}
    lab.finish(folder)
    assert len(look("lab").trials) == 3


def test_a_test_that_fails_is_not_repeated_and_changes_no_winner(lab: SweepLab) -> None:
    folder = lab.sweep(trials=3, pruner="none")
    with mock.patch.object(attempt.Attempt, "_evaluate_test", side_effect=RunError("no memory")):
        lab.finish(folder)
    view = look("lab")
    best = trial.winner(view.trials)
    assert best is not None
    assert best == trial.order(view.trials)[0]
    assert [run for run, instead in lab.started if instead] == [best.run.id]
    assert (best.status, view.status, view.left) == ("failed", "finished", False)
    assert [one.status for one in view.trials if one != best] == ["finished"] * 2


def test_a_winner_whose_test_a_user_killed_stays_the_winner() -> None:
    run = RunDirectory(Path("/nowhere"))
    best = Trial(0, run, {}, "interrupted", "killed by me@here", scores={1: 0.9}, over=True, was_finished=True)
    other = Trial(1, run, {}, "finished", scores={1: 0.5}, over=True)
    assert trial.winner([best, other]) is best
    assert not trial.lacks_test(best)
    assert not unfinished(replace(PLAN, trials=2), [best, other], [])
    assert unfinished(replace(PLAN, trials=2), [replace(best, why="its process is gone"), other], [])
    # Trained in all its epochs, whatever came then.
    assert replace(other, status="failed", epochs=1).whole
    assert not replace(other, status="failed", epochs=2).whole


def test_a_pruned_trial_that_is_resumed_is_pinned_and_goes_on_to_its_end(lab: SweepLab) -> None:
    lab.finish(lab.sweep(trials=4))
    pruned = next(one for one in TrialReader("lab").trials() if one.pruned == 1)
    reader = trial.RunReader(pruned.run)
    reader.refresh()
    assert trial.pin_resumed(reader)
    lab.start(pruned.run)
    after = TrialReader("lab").trials()[pruned.number]
    assert (after.status, after.done, after.pinned) == ("finished", 9, True)
    # The first epoch is the one that it had.
    assert after.scores[1] == pruned.scores[1]


def test_a_promoted_trial_is_judged_again_at_the_next_rung(lab: SweepLab) -> None:
    lab.finish(lab.sweep(trials=4))
    worst = trial.order([one for one in TrialReader("lab").trials() if one.pruned == 1])[-1]
    lab.start(worst.run)
    after = TrialReader("lab").trials()[worst.number]
    assert (after.pruned, after.done) == (3, 3)


def test_a_promoted_trial_that_is_interrupted_is_not_judged_at_the_same_rung_again(lab: SweepLab) -> None:
    lab.finish(lab.sweep(trials=4))
    worst = trial.order([one for one in TrialReader("lab").trials() if one.pruned == 1])[-1]

    def leave(self: attempt.Attempt) -> str:
        return self.leave_queue("preempted")

    # In the queue, and then before its next checkpoint.
    for owner, name, new in (
        (attempt.Attempt, "train", leave),
        (loop.Loop, "run", mock.Mock(side_effect=loop.Preempted)),
    ):
        with mock.patch.object(owner, name, new):
            lab.start(worst.run)
        between = TrialReader("lab").trials()[worst.number]
        assert (between.status, between.done) == ("preempted", 1)
    assert look("lab").left
    lab.start(worst.run)
    after = TrialReader("lab").trials()[worst.number]
    assert (after.pruned, after.done) == (3, 3)


def test_a_worker_that_cannot_be_signaled_keeps_none_from_being_stopped(lab: SweepLab) -> None:
    run = lab.lab.new_run()
    going, over, live = mock.Mock(over=False), mock.Mock(over=True), mock.Mock()
    with (
        mock.patch.object(start.RunReader, "status", side_effect=[going, going, going, over, going, going]),
        mock.patch.object(start.kill, "victim", side_effect=[UsageError("no process yet"), live, live, live]),
        mock.patch.object(start.claim, "send_signal", side_effect=[None, RunError("gone"), RunError("elsewhere")]),
        mock.patch.object(start.time, "sleep"),
    ):
        # It tells of itself only later; it has just ended; it is out of reach.
        assert start._preempt(run, math.inf)
        assert start._preempt(run, -math.inf)
        assert not start._preempt(run, -math.inf)


@pytest.mark.parametrize(("pruner", "read"), [("none", []), ("asha", [1, 3]), ("median", [1, 2, 3, 4])])
def test_a_judge_reads_the_others_only_where_it_decides(pruner: str, read: list[int]) -> None:
    judge = trial.Judge(RunDirectory(Path("/nowhere")), replace(PLAN, pruner=pruner), 0)
    looked: list[int] = []
    with (
        mock.patch.object(RunDirectory, "labels", return_value={"tags": []}),
        mock.patch.object(TrialReader, "curves", return_value=[]) as curves,
    ):
        for epoch in range(1, 5):
            assert judge(epoch, 0.5, mock.Mock(mode="max")) == ""
            looked += [epoch] * curves.call_count
            curves.reset_mock()
    assert looked == read


def test_more_trials_are_added_and_a_stop_holds(lab: SweepLab) -> None:
    folder = lab.sweep(trials=2, pruner="none")
    lab.finish(folder)
    folder.change(trials=4)
    assert look("lab").left
    folder.stop()
    assert (look("lab").status, look("lab").hint) == ("stopped", "dltui sweep resume lab")
    folder.begin_again()
    lab.finish(folder)
    assert len(TrialReader("lab").trials()) == 4


@pytest.fixture
def coordinators(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    """What starts the processes of coordinators, which end at once."""
    found = mock.Mock(return_value=mock.Mock(pid=7, poll=lambda: 0))
    monkeypatch.setattr(start.start, "new_process", found)
    return found


def test_a_coordinator_that_is_to_end_is_waited_for(
    lab: SweepLab, coordinators: mock.Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, led = lab.sweep(), iter([True, True])
    monkeypatch.setattr(SweepFolder, "is_led", property(lambda self: next(led, False)))
    folder.stop()
    assert start.lead(folder) == 7
    assert not folder.is_stopped
    # One that goes on is left alone, and one that does not end is said.
    monkeypatch.setattr(SweepFolder, "is_led", True)
    assert start.lead(folder) is None
    folder.stop()
    monkeypatch.setattr(start, "STARTING_SECONDS", 0.0)
    with pytest.raises(RunError, match=r"^lab is still being stopped; try again in a minute: dltui sweep resume lab$"):
        start.lead(folder)
    assert coordinators.call_count == 1
    assert folder.is_stopped


def test_more_trials_begin_a_coordinator_where_there_are_any(lab: SweepLab, coordinators: mock.Mock) -> None:
    lab.sweep(space=(Dimension("lr", "choice", values=(0.1, 0.2, 0.3)),), trials=2, pruner="none")
    assert Sweeps().more("lab", 10) == 1
    assert Sweeps().more("lab", 10) == 0
    assert coordinators.call_count == 2, "two of the trials wait to be trained"


def test_a_sweep_that_has_all_and_has_done_all_stays_as_it_is(lab: SweepLab, coordinators: mock.Mock) -> None:
    folder = lab.sweep(space=(Dimension("lr", "choice", values=(0.1, 0.2)),), trials=2, pruner="none")
    lab.finish(folder)
    told = r"^lab has no more trials: all combinations have one, and nothing is left to do$"
    for more in (lambda: start.more(folder, 10, parallel=3), lambda: Sweeps().more("lab", 10)):
        with pytest.raises(UsageError, match=told):
            more()
    assert (folder.plan().parallel, coordinators.call_count) == (1, 0)


def test_a_stop_says_which_trials_it_could_not_reach(lab: SweepLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.sweep()
    told = "not reached from this machine: lab-t001, lab-t004; dltui stop RUN stops them for good"
    for names, said in (([], ""), (["lab-t001", "lab-t004"], told)):
        monkeypatch.setattr(start, "stop", lambda sweep, names=names: names)
        assert Sweeps().stop("lab") == said


def test_trials_at_once_are_spread_over_gpus_that_were_left_open(
    lab: SweepLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus = [Device(f"cuda:{number}", "H200", f"GPU-{number}", problem=why) for number, why in ((0, None), (1, None))]
    gpus.append(Device("cuda:2", "H200", "GPU-2", problem="its driver is too old"))
    monkeypatch.setattr(coordinator, "list_devices", lambda: [*gpus, Device("cpu", "CPU")])
    folder = lab.sweep(parallel=2)
    leader = lab.coordinator(folder)
    leader._request = replace(leader._request, device="auto")
    plan = folder.plan()
    assert leader._device(plan, []) == "cuda:0"
    run = lab.lab.new_run()
    run.run()["device"] = {"name": "cuda:0", "title": "H200", "uuid": "GPU-0"}
    going = [trial.Trial(0, run, {}, "running")]
    assert leader._device(plan, going) == "cuda:1"
    assert leader._device(replace(plan, parallel=1), going) == "auto"
    leader._request = replace(leader._request, device="cpu")
    assert leader._device(plan, going) == "cpu"


def test_a_gpu_that_others_fill_is_taken_last(lab: SweepLab, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"cuda:0": 3, "cuda:1": 79, "cuda:2": 79}

    def listed() -> list[Device]:
        gpus = [Device(name, "H100", f"GPU-{name}", total_bytes=80, free_bytes=left) for name, left in free.items()]
        return [*gpus, Device("cpu", "CPU")]

    monkeypatch.setattr(coordinator, "list_devices", listed)
    folder = lab.sweep(parallel=8)
    leader, plan = lab.coordinator(folder), folder.plan()
    going: list[Trial] = []
    places: list[device_queue.Place] = []

    def train(name: str) -> RunDirectory:
        run = lab.lab.new_run()
        run.run()["device"] = {"name": name, "title": "H100", "uuid": f"GPU-{name}"}
        places.append(device_queue.Place(run))
        places[-1].occupy()
        free[name] = 3
        return run

    leader._request = replace(leader._request, device="auto")
    for name in ("cuda:1", "cuda:2", "cuda:1", "cuda:2"):
        assert leader._device(plan, going) == name
        going.append(Trial(0, train(name), {}, "running"))
    free["cuda:0"] = 79
    assert leader._device(plan, going) == "cuda:0"
    # Another run trains there, if with little memory.
    train("cuda:0")
    free["cuda:0"] = 79
    assert leader._device(plan, going) == "cuda:1"
    assert leader._device(plan, []) == "cuda:0", "where all would wait"
    for place in places:
        place.leave()
