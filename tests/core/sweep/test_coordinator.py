"""A sweep from its first trial to the test of its winner, and what it goes on with after a death."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from dltui.core.analysis.trials import trial
from dltui.core.analysis.trials.trial import Trial, TrialReader
from dltui.core.catalog.entries import Catalog
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle.create import RunRequest
from dltui.core.machine.devices import Device
from dltui.core.rundir import commands
from dltui.core.rundir.directory import RunDirectory
from dltui.core.sweep import coordinator, start
from dltui.core.sweep.view import look, unfinished
from dltui.core.train import evaluation, loop
from dltui.core.worker import attempt
from dltui.core.worker.waiting import device_queue
from tests.core.sweep.lab import PLAN, REQUEST, SweepLab
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


def test_what_a_user_killed_stays_so(lab: SweepLab) -> None:
    folder = lab.sweep(trials=1, pruner="none")
    lab.asleep = {"lab-t000"}
    with lab.at_work(), mock.patch.object(trial.RunReader, "status", _status):
        lab.coordinator(folder).step()
        commands.send(TrialReader("lab").runs()[0].path, "kill", {})
        assert not lab.coordinator(folder).step()
    assert [run for run, _ in lab.started] == ["lab-t000"]


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
        lambda request, *rest: made(
            replace(request, name=f"{request.name}-2") if "-winner-" in str(request.name) else request, *rest
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


def refusing(*numbers: int) -> Callable[[RunRequest, Catalog], None]:
    """A check that refuses these trials."""

    def check(request: RunRequest, catalog: Catalog) -> None:
        assert request.sweep is not None
        if request.sweep["trial"] in numbers:
            raise UsageError("lr and epochs do not go together")

    return check


def test_values_that_do_not_go_together_are_left_out(lab: SweepLab) -> None:
    folder, said = lab.sweep(trials=3, pruner="none"), []

    with lab.at_work(), mock.patch.object(coordinator, "check_request", refusing(1)):
        leader = coordinator.Coordinator(folder, mock.Mock(), said.append)
        while leader.step():
            pass
    assert [one.number for one in TrialReader("lab").trials()] == [0, 2]
    assert said == ["trial 1 cannot be trained: lr and epochs do not go together"]


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
    assert folder.refused() == set()
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
