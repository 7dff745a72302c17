"""A sweep as its folder and its runs tell it, for lines, screens and JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.analysis.trials import trial as trials
from dltui.core.numbers import exact
from dltui.core.sweep import folder as folders
from dltui.core.text import plural

if TYPE_CHECKING:
    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.analysis.trials.trial import Trial


def unfinished(plan: Plan, own: Sequence[Trial], confirming: Sequence[Trial], refused: Collection[int] = ()) -> bool:
    """True when a coordinator would find something to do."""
    if trials.following(own, refused) < plan.trials:
        return True
    if any((one.status in trials.LOST and not one.killed) or not one.over for one in [*own, *confirming]):
        return True
    best = trials.winner(own)
    if best is None:
        return False
    if plan.confirm:
        return sum(one.confirms == best.number for one in confirming) < plan.confirm
    return trials.lacks_test(best)


@dataclass(frozen=True)
class SweepView:
    """A sweep at one moment; `left`: a coordinator would find something to do."""

    plan: Plan
    trials: tuple[Trial, ...]
    confirming: tuple[Trial, ...] = ()
    status: str = "running"
    hint: str = ""
    """The command that goes on with it."""
    left: bool = False

    @property
    def over(self) -> bool:
        """True if nothing happens any more, until a user does something."""
        return self.status != "running" or (bool(self.hint) and all(one.over for one in self.trials))

    @property
    def metric(self) -> str:
        """The metric by which trials are compared; "" before one has begun."""
        return next((one.metric for one in self.trials if one.metric), "")

    @property
    def fruitless(self) -> bool:
        """True if it is finished without a winner, because trials failed or none could be trained."""
        if self.status != "finished" or trials.winner(self.trials) is not None:
            return False
        return not self.trials or any(one.status == "failed" for one in self.trials)

    def epochs_spent(self) -> int:
        return sum(one.done for one in self.trials)

    def head(self) -> str:
        """`12 of 20 trials, 2 running; 41 of 180 epochs spent`."""
        ended = sum(one.over for one in self.trials)
        going = sum(not one.over for one in self.trials)
        also = f", {going} running" if going else ""
        most, spent = self.plan.most_epochs, self.epochs_spent()
        epochs = plural(spent, "epoch") if most is None else f"{spent} of {most} epochs"
        return f"{ended} of {plural(self.plan.trials, 'trial')}{also}; {epochs} spent"


class SweepReader:
    """Follows a sweep."""

    def __init__(self, name: str) -> None:
        self._folder, self._reader = folders.SweepFolder(name), trials.TrialReader(name)

    def look(self) -> SweepView:
        """The sweep as it is now. Raises UsageError when there is none of this name."""
        plan, folder = folders.known_plan(self._folder.name), self._folder
        # Asked before the trials: the coordinator that has just ended has left all that it did.
        led = folder.exists and folder.is_led
        every = self._reader.all()
        own = tuple(one for one in every if one.confirms is None)
        confirming = tuple(one for one in every if one.confirms is not None)
        left = unfinished(plan, own, confirming, folder.refused())
        over = all(one.over for one in every)
        status, hint = ("running", "") if led else folders.standing(folder, over, left)
        return SweepView(plan, own, confirming, status, hint, left)


def look(name: str) -> SweepView:
    """A sweep as it is now. Raises UsageError when there is none of this name."""
    return SweepReader(name).look()


def values_text(one: Trial) -> str:
    """The values of a trial: `lr 0.03, batch_size 64`."""
    return ", ".join(f"{name} {exact(value)}" for name, value in one.values.items())


def as_object(one: Trial) -> dict[str, Any]:
    """A trial of `--json`."""
    return {
        "trial": one.number,
        "id": one.run.id,
        "name": one.name,
        "status": one.status,
        "why": one.why,
        "values": dict(one.values),
        "metric": one.metric or None,
        "best": one.best,
        "best_epoch": one.best_epoch or None,
        "epoch": one.done,
        "epochs": one.epochs,
        "pruned": one.pruned,
        "pinned": one.pinned,
        "confirms": one.confirms,
        "test": dict(one.test) if one.test else None,
        "train_seconds": round(one.seconds, 3),
        "path": str(one.run.path),
    }


def sweep_object(view: SweepView) -> dict[str, Any]:
    """A sweep of `--json`, with its trials, the best first."""
    best = trials.winner(view.trials)
    return {
        "sweep": view.plan.name,
        "status": view.status,
        "hint": view.hint or None,
        "plan": view.plan.to_json(),
        "epochs_spent": view.epochs_spent(),
        "winner": best.run.id if best else None,
        "trials": [as_object(one) for one in trials.order(view.trials)],
        "confirmations": [as_object(one) for one in view.confirming],
    }
