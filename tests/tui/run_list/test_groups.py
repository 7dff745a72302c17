"""Runs of one series of seeds are one line of the list, with mean and spread; Enter shows them one by one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.rundir import notes
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.summary import Summary
from dltui.tui.run_list import table
from dltui.tui.run_list.lines import group_line
from dltui.tui.terminal.capabilities import Terminal
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, lines, make_home, shown, text, until
from tests.tui.sweep_page.sample import FakeSweeps, sample_view

SEEDS = (1, 2, 10)


@pytest.fixture
def grouped(tmp_path: Path) -> FakeServices:
    """Three finished runs of a group, and one that stands alone."""
    root = make_home(tmp_path / "runs", (("bold-wren", "finished", {}),))
    for seed in SEEDS:
        run = make_sample_run(root, run_id=f"lab-s{seed}", seed=seed)
        asked = json.loads(run.run_json.read_text())
        asked["group"] = "lab"
        asked["config"]["seed"] = seed
        run.run_json.write_text(json.dumps(asked))
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
