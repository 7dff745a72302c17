"""Runs of one series of seeds are one line of the list, with mean and spread; Enter shows them one by one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.analysis.groups import Group
from dltui.core.reading.status import Status
from dltui.core.rundir import notes
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.summary import Summary, open_reader, summarize
from dltui.tui.base.summary_json import as_json, fields_from_json
from dltui.tui.run_list import table
from dltui.tui.run_list.lines import arranged, group_line
from dltui.tui.terminal.capabilities import Terminal
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, finish, lines, make_home, shown, text, until
from tests.tui.sweep_page.sample import FakeSweeps, sample_view

SEEDS = (1, 2, 10)


def member(root: Path, seed: int, status: str = "finished") -> None:
    """Make a run of the group."""
    run = make_sample_run(root, run_id=f"lab-s{seed}", seed=seed, status=status)
    asked = json.loads(run.run_json.read_text())
    asked["group"] = "lab"
    asked["config"]["seed"] = seed
    run.run_json.write_text(json.dumps(asked))


@pytest.fixture
def grouped(tmp_path: Path) -> FakeServices:
    """Three finished runs of a group, and one that stands alone."""
    root = make_home(tmp_path / "runs", (("bold-wren", "finished", {}),))
    for seed in SEEDS:
        member(root, seed)
    return FakeServices(root)


async def test_a_group_is_one_line_until_it_is_opened(grouped: FakeServices) -> None:
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        assert "lab-s1" not in text(app)
        (line,) = (line for line in lines(app) if line.lstrip(" ›").startswith("lab (3 seeds)"))
        assert "±" in line
        assert "3x10" in line
        app.screen.state.selected = "group/lab"
        await pilot.press("enter")
        await until(pilot, lambda: all(f"lab-s{seed}" in text(app) for seed in SEEDS))
        await pilot.press("enter")
        await until(pilot, lambda: "lab-s1" not in text(app))


async def test_a_sweep_is_its_best_trial_and_enter_opens_it(grouped: FakeServices) -> None:
    for seed in SEEDS:
        path = grouped.root / f"lab-s{seed}" / "run.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "sweep": {"name": "lab", "trial": seed}}))
    sweeps = FakeSweeps(sample_view(grouped.root))
    grouped.sweeps = sweeps
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (3 trials)" in text(app))
        (line,) = (line for line in lines(app) if line.lstrip(" ›").startswith("lab (3 trials)"))
        assert "±" not in line
        assert "finished" in line
        app.screen.state.selected = "group/lab"
        app.screen.redraw()
        await pilot.pause()
        said = text(app)
        assert "Enter opens the sweep; above: its best trial" in said
        assert "differs from default  lr 0.05" in said
        assert "mean ± sd" not in said
        assert not any(line.startswith(" seeds") for line in lines(app))
        await pilot.press("p")
        assert "a sweep: Enter opens it, Enter again one of its runs, then p acts on that" in lines(app)[-2]
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.name_of_page == "Sweep" and app.screen.found is not None)


async def test_a_group_whose_maker_was_killed_says_what_is_missing(grouped: FakeServices) -> None:
    for seed in SEEDS[1:]:
        shutil.rmtree(grouped.root / f"lab-s{seed}")
    notes.series_begun(grouped.root / "lab-s1", SEEDS)
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        await pilot.press("end")
        await until(pilot, lambda: "1 of 3 finished" in text(app))
        said = " ".join(text(app).split())
        assert "1 of 3 finished, interrupted, seeds 2, 10 without a run: dltui resume lab" in said


async def test_its_detail_tells_every_seed_in_order(grouped: FakeServices) -> None:
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        await pilot.press("end")
        await until(pilot, lambda: "mean ± sd" in text(app))
        (seeds,) = (line for line in lines(app) if line.startswith(" seeds"))
        assert [word for word in seeds.split() if word.isdigit()] == [str(seed) for seed in SEEDS]


async def test_a_group_takes_no_orders(grouped: FakeServices) -> None:
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        app.screen.state.selected = "group/lab"
        for key in "pswera":
            await pilot.press(key)
        assert grouped.started == grouped.resumed == []
        assert not list(grouped.root.glob("*/control/*.json"))


@pytest.mark.parametrize("key", [*"pGsKwlraRNfy"])
async def test_a_key_for_one_run_says_on_a_group_what_to_do(grouped: FakeServices, key: str) -> None:
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        app.screen.state.selected = "group/lab"
        await pilot.press(key)
        assert lines(app)[-2].strip() == f"a group: Enter shows its runs, then {key} acts on one"
        await pilot.press("enter", key)
        assert lines(app)[-2].strip() == f"a group: choose one of its runs below, then {key} acts on one"


async def test_a_run_below_its_group_goes_by_its_own_name(grouped: FakeServices) -> None:
    member(grouped.root, 0, "running")
    async with shown(grouped) as (app, pilot):
        await until(pilot, lambda: "lab (4 seeds)" in text(app))
        app.screen.state.selected = "group/lab"
        await pilot.press("enter", "down", "s")
        assert any(line.startswith("›   lab-s0 ") for line in lines(app))
        assert lines(app)[-2].startswith(" stop lab-s0 early")
        await pilot.press("y")
        await until(pilot, lambda: "stop: sent, waiting" in lines(app)[-2])
        finish(grouped, "lab-s0")
        await until(pilot, lambda: app.screen.state.known("lab-s0").status == "finished")
        await until(pilot, lambda: "waiting" not in lines(app)[-2])
        # Alone in its group, it stands where other runs do.
        await pilot.press("slash", *"lab-s2", "enter")
        assert any(line.startswith("› lab-s2 ") for line in lines(app))


async def test_the_cursor_comes_back_to_the_run_that_was_looked_at(grouped: FakeServices) -> None:
    """Opened from the shell, it is not where the cursor was; folded into its group, the group stands for it."""
    async with shown(grouped, run="bold-wren") as (app, pilot):
        await pilot.press("escape")
        await until(pilot, lambda: bool(app.screen.state.lines))
        assert app.screen.state.line.id == "bold-wren"
    async with shown(grouped, run="lab-s2") as (app, pilot):
        await pilot.press("escape")
        await until(pilot, lambda: bool(app.screen.state.lines))
        assert app.screen.state.line.id == "group/lab"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.state.line.id == "lab-s2")


async def test_letters_spell_the_spread(grouped: FakeServices) -> None:
    async with shown(grouped, terminal=Terminal(ascii=True)) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        await pilot.press("end")
        await until(pilot, lambda: "mean +/- sd" in text(app))
        assert "?." not in text(app)


@pytest.mark.parametrize(
    ("best", "room", "letters", "signs"),
    [
        ("91.44 ±0.80 %", 10, "91.4+/-.8%", "91.44±.80%"),
        ("91.44 ±0.80 %", 15, "91.44+/-0.80 %", "91.44±0.80 %"),
        ("91.44 ±1.26 %", 10, "91.44 %", "91.4±1.3%"),
        ("0.1234 ±0.0012", 10, "0.1234", "0.1234"),
        ("91.44 %", 10, "91.44 %", "91.44 %"),
    ],
)
def test_a_spread_keeps_its_unit_and_gives_way_to_its_mean(best: str, room: int, letters: str, signs: str) -> None:
    member = Summary(RunDirectory(Path("/r")), "r", "r", "finished")
    group = replace(member, best=best, members=(member,))
    assert table._best(group, room, ascii_only=True) == letters
    assert table._best(group, room, ascii_only=False) == signs


def test_of_equal_trials_the_first_stands_for_the_sweep() -> None:
    """As in the sweep itself; runs are listed newest first."""
    trial = Summary(RunDirectory(Path("x")), "t", "t", "finished", sweep="lab", best_name="accuracy")
    values = {"t2": 0.9, "t1": 0.9, "t0": 0.8}
    members = [replace(trial, id=name, name=name, best_value=value) for name, value in values.items()]
    assert group_line(members).why == "best: t1"


@pytest.mark.parametrize(
    ("statuses", "status", "why"),
    [
        (["finished", "failed", "stopped"], "finished", "best: t0"),
        (["finished", "failed", "interrupted"], "interrupted", "1 of 3 finished, interrupted: dltui resume lab"),
        (["finished", "preempted"], "preempted", "1 of 2 finished, preempted: dltui resume lab"),
        (["finished", "interrupted", "running"], "running", "best: t0"),
    ],
)
def test_a_sweep_has_the_same_status_everywhere(statuses: list[str], status: str, why: str) -> None:
    trial = Summary(RunDirectory(Path("x")), "t0", "t0", "finished", sweep="lab", group="lab", best_name="accuracy")
    members = [replace(trial, id=f"t{number}", status=word) for number, word in enumerate(statuses)]
    line = group_line([replace(members[0], best_value=0.5), *members[1:]])
    rows = tuple({"status": word, "sweep": "lab", "best": None} for word in statuses)
    assert (line.status, line.why) == (status, why)
    assert (Group("lab", rows).status, Group("lab", rows).standing) == (status, "" if why.startswith("best") else why)


@pytest.mark.parametrize(
    ("others", "missing", "left"),
    [
        ([("finished", None)], (), 40.0),
        ([("running", 90.0)], (), 90.0),
        ([("queued", None)], (), None),
        ([("running", None)], (), None),
        ([("finished", None)], (3,), None),
    ],
)
def test_a_group_is_done_when_its_last_run_is(
    others: list[tuple[str, float | None]], missing: tuple[int, ...], left: float | None
) -> None:
    member = Summary(RunDirectory(Path("/r")), "r", "r", "running", left=40.0, group="lab")
    members = [member, *(replace(member, status=status, left=seconds) for status, seconds in others)]
    assert group_line(members, missing).left == left


@pytest.mark.parametrize(("trial", "left"), [(2, None), (9, 40.0)])
def test_a_sweep_with_trials_to_come_says_not_when_it_is_done(tmp_path: Path, trial: int, left: float | None) -> None:
    run = make_sample_run(tmp_path, run_id="lab-t", status="running")
    asked = json.loads(run.run_json.read_text())
    asked |= {"group": "lab", "sweep": {"name": "lab", "trial": trial, "plan": {"trials": 10}}}
    run.run_json.write_text(json.dumps(asked))
    reader, _ = open_reader(run, lambda: 0.0)
    reader.refresh()
    found = summarize(reader, asked, Status("running"), None, None)
    assert found.trials_to_come == 9 - trial
    assert fields_from_json(json.loads(json.dumps(as_json(found)))).get("trials_to_come", 0) == 9 - trial
    members = [replace(found, left=40.0), replace(found, status="finished", left=None, trials_to_come=9)]
    assert group_line(members).left == left


def test_the_newest_trial_says_how_many_a_sweep_has_to_come() -> None:
    """After `sweep resume lab --more 10` the older trials tell of the first plan."""
    first = Summary(RunDirectory(Path("/r")), "r", "r", "finished", group="lab", sweep="lab", created=1.0)
    second = replace(first, status="running", left=40.0, created=2.0, trials_to_come=9)
    assert group_line([second, first]).left is None
    assert group_line([replace(second, trials_to_come=0), replace(first, trials_to_come=3)]).left == 40.0


def test_a_long_name_leaves_room_for_the_number_of_runs() -> None:
    member = Summary(RunDirectory(Path("x")), "silent-egret-s1", "silent-egret-s1", "finished", group="silent-egret")
    line = group_line([replace(member, id=f"s{seed}", epochs_done=5, epochs=5) for seed in SEEDS])
    (row,) = table.table([line], 1, 0, 80, 1, 0.0, "gpu01", False)
    shown = "".join(text for text, _ in row)
    assert "silent-eg… (3) " in shown
    assert " 3x5 " in shown


@pytest.mark.parametrize(
    ("dataset", "shown"), [("folder:pets", " pets "), ("csv:prices.csv", " prices.… "), ("digits", " digits ")]
)
def test_own_data_goes_by_its_own_name(dataset: str, shown: str) -> None:
    run = Summary(RunDirectory(Path("x")), "x", "x", "finished", dataset=dataset)
    (row,) = table.table([run], 1, 0, 80, 1, 0.0, "gpu01", False)
    assert shown in "".join(text for text, _ in row)


async def test_compare_tells_mean_and_spread_of_a_series(grouped: FakeServices) -> None:
    async with shown(grouped, (120, 40)) as (app, pilot):
        await until(pilot, lambda: "lab (3 seeds)" in text(app))
        app.screen.state.selected = "group/lab"
        await pilot.press("space", "c")
        await until(pilot, lambda: "lab: 3 seeds, validation accuracy 91.69 ±" in text(app))


@pytest.mark.parametrize(
    ("name", "best", "value", "cell"),
    [
        ("accuracy", "91.44 %", 0.9144, "91.44 %"),
        ("balanced_accuracy", "91.44 %", 0.9144, "91.44 %"),
        ("f1", "0.9144", 0.9144, "f1 0.914"),
        ("average_precision", "0.9144", 0.9144, "0.9144"),
    ],
)
def test_the_best_value_of_any_metric_has_room(name: str, best: str, value: float, cell: str) -> None:
    run = Summary(RunDirectory(Path("/r")), "r", "r", "finished", best=best, best_name=name, best_value=value)
    assert table._best(run, 10, ascii_only=False) == cell


def test_the_best_is_what_the_monitor_of_the_runs_takes_for_it() -> None:
    """The score of a model of its own, of which the name tells nothing, and an F1 whose lowest value was asked for."""
    one = Summary(RunDirectory(Path("x")), "low", "low", "finished", best_value=0.2)
    other = replace(one, id="high", name="high", best_value=0.7)
    for name, mode, ids in (("score", "max", ["high", "low"]), ("f1", "min", ["low", "high"])):
        runs = [replace(run, best_name=name, best_mode=mode, sweep="lab", group="lab") for run in (one, other)]
        assert [run.id for run in arranged(runs, "best")] == ids
        assert group_line(runs).why == f"best: {runs[0].name if mode == 'min' else runs[1].name}"


def test_a_loss_that_stands_in_for_a_metric_is_no_value_of_it() -> None:
    valued = Summary(RunDirectory(Path("x")), "a", "a", "finished", best_name="miou", best_mode="max", best_value=0.2)
    without = replace(valued, id="b", name="b", best_name="loss", best_mode="min", best_value=0.1)
    assert group_line([without, valued]).best == "0.2000"
    sweep = group_line([replace(run, sweep="lab") for run in (without, valued)])
    assert (sweep.why, sweep.best_name) == ("best: a", "miou")


def test_a_series_whose_newest_run_waits_tells_of_the_others() -> None:
    waits = Summary(RunDirectory(Path("x")), "lab-s2", "lab-s2", "queued", group="lab")
    done = replace(waits, id="lab-s1", status="finished", best_name="accuracy", best_value=0.5, test="accuracy 40.00 %")
    line = group_line([waits, replace(done, test_value=0.4)])
    assert (line.best, line.best_name, line.test) == ("50.00 %", "accuracy", "accuracy 40.00 %")


def test_enter_on_a_sweep_of_another_host_shows_its_runs() -> None:
    trial = Summary(RunDirectory(Path("x")), "t0", "t0", "finished", group="lab", sweep="lab", via="gpu7")
    line = group_line([trial, replace(trial, id="t1", name="t1")])
    said = "\n".join("".join(text for text, _ in row) for row in table.detail(line, 80, 8, 0.0, str, False))
    assert "Enter shows its runs one by one, or hides them; above: its best trial" in said
