"""Chooses the values of the next trial: a function of the seed, the number of the trial and the results so far."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

from dltui.core.analysis.trials import space
from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Values
from dltui.core.analysis.trials.trial import Trial
from dltui.core.errors import UsageError

TRIES = 200
"""Draws after which a trial may be like an earlier one."""


def check(plan: Plan) -> None:
    """Check that the sampler can be used here. Raises UsageError."""
    if plan.sampler in ("tpe", "gp"):
        from dltui.core.sweep import optuna_samplers

        optuna_samplers.check(plan.sampler)


def values(plan: Plan, number: int, before: Sequence[Trial], refused: Collection[Values] = ()) -> Values:
    """The values of trial `number`; `before` are the trials that there are, in the order of their numbers, `refused`
    the values that do not go together. Raises UsageError.
    """
    if plan.sampler == "grid":
        found = next(itertools.islice(space.grid(plan.space), number, None), None)
        if found is None:
            raise UsageError(f"the grid of {plan.name} has only {number} trials")
        return found
    taken = [*(dict(trial.values) for trial in before), *refused]
    if plan.sampler in ("tpe", "gp"):
        from dltui.core.sweep import optuna_samplers

        proposal = optuna_samplers.values(plan, number, before)
        if proposal not in taken:
            return proposal
    return _drawn(plan, number, taken)


def _drawn(plan: Plan, number: int, taken: Sequence[Values]) -> Values:
    """Values that no trial has had, if the draws find any: the same seed would give the same result."""
    draws = (space.draw(plan.space, plan.seed, number, attempt) for attempt in range(TRIES))
    found = next((draw for draw in draws if draw not in taken), None)
    if found is None and 0 < space.combinations(plan.space) <= 10 * TRIES:
        every = (dict(zip([one.name for one in plan.space], combination, strict=True)) for combination in _all(plan))
        found = next((one for one in every if one not in taken), None)
    return found or space.draw(plan.space, plan.seed, number)


def _all(plan: Plan) -> itertools.product[tuple[object, ...]]:
    return itertools.product(*(one.every() for one in plan.space))
