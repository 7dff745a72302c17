"""Follows a sweep from a terminal: a line for each trial that ends, and the best at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dltui.core.analysis.trials import trial
from dltui.core.numbers import metric
from dltui.core.sweep.view import SweepReader, SweepView, as_object, sweep_object, values_text
from dltui.core.text import plural
from dltui.tui.cli.output import lost, say, say_json, spelled, warn

if TYPE_CHECKING:
    from dltui.core.analysis.trials.trial import Trial

POLL_SECONDS = 0.5
_CODES = {"finished": 0, "running": 0, "stopped": 0, "interrupted": 130, "failed": 1}


def line(one: Trial) -> str:
    """A trial in one line: `lab-t003: lr 0.03: accuracy 91.2 % at epoch 4; pruned at epoch 3`."""
    best = "no value" if one.best is None else f"{one.metric} {metric(one.metric, one.best)} at epoch {one.best_epoch}"
    why = f": {one.why}" if one.status == "failed" else ""
    return f"{one.name}: {values_text(one)}: {best}; {one.standing()}{why}"


def goes_on(name: str) -> str:
    """The words for a user who leaves a sweep."""
    return f"the sweep goes on; dltui sweep show {name} tells how far it is, dltui sweep stop {name} stops it"


def follow(name: str, as_json: bool) -> int:
    """Tell of each trial that ends until the sweep is over, or nobody reads it any more. Returns the exit code, which
    is 1 for a sweep without a winner whose trials failed.
    """
    reader, told = SweepReader(name), set[str]()
    view = reader.look()
    try:
        while True:
            for one in [*view.trials, *view.confirming]:
                if one.over and one.status not in ("interrupted", "preempted") and one.run.id not in told:
                    told.add(one.run.id)
                    say_json({"type": "trial_ended", **as_object(one)}) if as_json else say(line(one))
            if view.over:
                break
            if lost():
                # The output that would show it is gone.
                return 0
            time.sleep(POLL_SECONDS)
            view = reader.look()
    except KeyboardInterrupt:
        (warn if as_json else say)(goes_on(name))
        return 0
    tell_end(view, as_json)
    return 1 if view.fruitless else _CODES.get(view.status, 1)


def tell_end(view: SweepView, as_json: bool) -> None:
    """Tell the state of a sweep and its best trial."""
    if as_json:
        say_json({"type": "sweep_ended", **sweep_object(view)})
        return
    say(f"{view.plan.name}: {view.status}, {view.head()}" + (f"; {view.hint}" if view.hint else ""))
    if view.fruitless:
        say(_fruitless(view))
    best = trial.winner(view.trials) or next(iter(trial.order(view.trials)), None)
    if best is not None and best.best is not None:
        say(f"best: {line(best)}")
    for text in results(view):
        say(text)


def _fruitless(view: SweepView) -> str:
    """Why a sweep that has ended has no winner."""
    failed = [one for one in view.trials if one.status == "failed"]
    if not failed:
        return "no values go together: no trial was trained"
    return f"no trial was trained to its end; {len(failed)} failed, as {failed[0].name}: {failed[0].why}"


def results(view: SweepView) -> list[str]:
    """Lines with the test results of the winner."""
    best = trial.winner(view.trials)
    if best is None:
        return []
    # Trials that were added later may have brought another winner.
    of_best = [one.test for one in view.confirming if one.confirms == best.number and one.test]
    found = [test[best.metric] for test in of_best if best.metric in test]
    if found:
        from dltui.core.analysis.groups import spread
        from dltui.tui.draw import wording

        value = spread(found)
        if value is None:
            return []
        told = spelled(wording.spread(best.metric, value))
        return [f"with {plural(value.count, 'seed')}: test {best.metric} {told}"]
    if best.test and best.metric in best.test:
        return [f"test {best.metric} {metric(best.metric, best.test[best.metric])} ({best.name})"]
    return []
