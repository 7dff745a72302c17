"""A range that is typed into a field of the form makes it a sweep."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Dimension
from dltui.core.lifecycle.forms.presets import Presets
from dltui.tui.new_run import outcome
from dltui.tui.new_run.form import RunForm
from dltui.tui.new_run.start_keys import _trials_problem
from tests.tui.sample_catalog import make_catalog
from tests.tui.scenario import FakeServices, lines, ready, shown, text, until
from tests.tui.sweep_page.sample import FakeSweeps, sample_view


class Begun(FakeSweeps):
    def start(self, plan: Plan, request: Any, catalog: Any, tell: Any) -> str:
        self.done.append(("start", (plan, request)))
        return "lab"


@pytest.fixture
def sweeps(nothing: FakeServices) -> Begun:
    nothing.sweeps = Begun(sample_view(nothing.root))
    return nothing.sweeps


async def type_into(app: Any, pilot: Any, name: str, typed: str) -> None:
    """Choose a setting, and type its value."""
    page = app.screen
    await until(pilot, lambda: ready(app))
    while page.state.group != "settings":
        await pilot.press("tab")
    page.state.setting_at = next(i for i, row in enumerate(page.state.form.settings()) if row.spec.name == name)
    await pilot.press(*typed, "enter")


async def test_the_number_of_trials_is_asked_and_the_sweep_is_shown(nothing: FakeServices, sweeps: Begun) -> None:
    async with shown(nothing, new=True) as (app, pilot):
        await type_into(app, pilot, "lr", "0.01..0.3:log")
        assert "New sweep" in lines(app)[0]
        assert "dltui sweep" in text(app)
        assert "--lr 0.01..0.3:log" in outcome.command_line(app.screen.state.form)  # type: ignore[attr-defined]
        await type_into(app, pilot, "schedule", ",constant")
        await pilot.press("enter")
        assert "how many trials" in text(app)
        await pilot.press("backspace", "backspace", "1", "2", "enter")
        await until(pilot, lambda: bool(sweeps.done))
        await until(pilot, lambda: app.screen.name_of_page == "Sweep")  # type: ignore[attr-defined]
        ((_, (plan, request)),) = sweeps.done  # type: ignore[misc]
        assert plan.space == (
            Dimension("lr", "float", 0.01, 0.3, True),
            Dimension("schedule", "choice", values=("one-cycle", "constant")),
        )
        assert (plan.trials, plan.command[-2:]) == (12, ("--trials", "12"))
        assert (dict(request.config), request.formats) == ({}, ("none",))
        assert not nothing.started


def form(**texts: str) -> RunForm:
    """A form with these texts, typed in this order; `preset` is the format that is set in a file, `batch` the batch
    size there.
    """
    preset, batch = texts.pop("preset", ""), texts.pop("batch", "")
    table = ({"format": preset} if preset else {}) | ({"batch_size": batch} if batch else {})
    found = RunForm.with_defaults(make_catalog(), Presets((("dltui.toml", table),), environment={}))
    for name, typed in texts.items():
        found.put(next(row for row in found.settings() if row.spec.name == name), typed)
    return found


@pytest.mark.parametrize(
    ("texts", "formats", "words"),
    [
        ({"lr": "0.1,0.3"}, ("none",), []),
        ({"lr": "0.1,0.3", "format": "svg"}, ("svg",), ["--format", "svg"]),
        ({"lr": "0.1,0.3", "preset": "pdf"}, ("pdf",), ["--format", "pdf"]),
        ({"lr": "0.1,0.3", "preset": "svg"}, ("svg",), ["--format", "svg"]),
        ({"lr": "0.1,0.3", "preset": "pdf", "format": "none"}, ("none",), ["--format", "none"]),
        ({"lr": "0.1"}, ("svg",), []),
    ],
)
def test_trials_have_the_figures_that_the_row_shows(
    texts: dict[str, str], formats: tuple[str, ...], words: list[str]
) -> None:
    filled = form(**texts)
    row = next(row for row in filled.settings() if row.key == "run:format")
    assert (filled.text(row), outcome.request(filled).formats) == (",".join(formats), formats)
    command = outcome.command(filled)
    assert command[command.index("--format") :] == words if words else "--format" not in command


def test_a_batch_size_that_is_to_be_found_is_none_of_a_sweep() -> None:
    filled = form(lr="0.1,0.3", batch_size="fit")
    row, problem = filled.first_problem()
    assert problem == "--batch-size fit is found for a single run, a sweep takes a number"
    assert row is not None
    assert row.key == "model:batch_size"
    filled.put(next(one for one in filled.settings() if one.spec.name == "lr"), "0.1")
    assert filled.first_problem() == (None, "")


def test_a_sweep_has_the_usual_batch_size_where_that_of_a_file_is_to_be_found() -> None:
    filled = form(batch="fit")
    assert outcome.request(filled).config == {"batch_size": "fit"}
    filled.put(next(row for row in filled.settings() if row.spec.name == "lr"), "0.1,0.3")
    assert filled.first_problem() == (None, "")
    assert outcome.request(filled).config == {}
    assert "--batch-size" not in outcome.command(filled)
    assert outcome.request(form(batch="32", lr="0.1,0.3")).config == {"batch_size": 32}


def test_the_usual_batch_size_that_is_typed_in_a_sweep_stays_where_a_file_says_fit() -> None:
    usual = next(row.default for row in form().settings() if row.spec.name == "batch_size")
    filled = form(batch="fit", lr="0.1,0.3", batch_size=usual)
    assert outcome.request(filled).config == {"batch_size": int(usual)}
    filled.put(next(row for row in filled.settings() if row.spec.name == "lr"), "0.1")
    assert outcome.request(filled).config["batch_size"] == int(usual)
    filled.put(next(row for row in filled.settings() if row.spec.name == "batch_size"), "fit")
    assert "model:batch_size" not in filled.typed


def test_no_number_of_trials_is_too_long_to_be_refused() -> None:
    assert _trials_problem(" 12 ") == ""
    assert "a whole number from 1 to" in _trials_problem("9" * 5_000)


async def test_a_wrong_range_is_a_problem_of_its_row(nothing: FakeServices, sweeps: Begun) -> None:
    async with shown(nothing, new=True) as (app, pilot):
        await type_into(app, pilot, "lr", "0.3..0.1")
        assert "lower end first" in text(app)
        await pilot.press("enter")
        assert not sweeps.done


async def test_what_needs_one_value_says_so(nothing: FakeServices, sweeps: Begun) -> None:
    async with shown(nothing, new=True) as (app, pilot):
        await type_into(app, pilot, "epochs", "5..20")
        for key in ("t", "l", "b"):
            await pilot.press(key)
            assert "a range makes this a sweep" in text(app)
        assert "20 epochs of" in text(app)
        # One value in its place, and it is a run again.
        await type_into(app, pilot, "epochs", "8")
        assert "New run" in lines(app)[0]
