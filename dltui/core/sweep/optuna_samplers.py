"""Lets Optuna choose trials: a study is made anew in memory from the run directories for each of them.

Its sampler is seeded by the sweep's seed and the number of the trial, so that it does not matter how often the
coordinator was killed in between.
"""

from __future__ import annotations

import importlib.util
import random
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.analysis.trials.space import Dimension, Values
    from dltui.core.analysis.trials.trial import Trial

FIRST = 10
"""Trials that are drawn at random before the results count."""


def check(sampler: str) -> None:
    """Check that Optuna is here, and what the sampler needs of others. Raises UsageError."""
    if importlib.util.find_spec("optuna") is None:
        raise UsageError(f"sampler {sampler} needs Optuna: pip install 'dltui[sweep]'; random and grid need nothing")
    if sampler == "gp" and importlib.util.find_spec("torch") is None:
        raise UsageError("sampler gp needs PyTorch beside Optuna; tpe needs nothing more")


def values(plan: Plan, number: int, before: Sequence[Trial]) -> Values:
    """The values of trial `number`, by the results of those `before` it. Raises UsageError."""
    check(plan.sampler)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        # Of what is experimental in it.
        warnings.simplefilter("ignore")
        distributions = {one.name: _distribution(one) for one in plan.space}
        study = optuna.create_study(direction="maximize", sampler=_sampler(plan, number))
        study.add_trials([found for trial in before if (found := _told(trial, plan, distributions)) is not None])
        proposal = study.ask(distributions)
    return {one.name: _value(one, proposal.params[one.name]) for one in plan.space}


def _sampler(plan: Plan, number: int) -> Any:
    import optuna

    seed = random.Random(f"{plan.seed}/{number}").randrange(2**31)
    first = min(FIRST, max(plan.trials // 4, 2 * len(plan.space), 3))
    if plan.sampler == "gp":
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=first, deterministic_objective=True)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=first, multivariate=True, constant_liar=True)


def _distribution(dimension: Dimension) -> Any:
    from optuna import distributions

    if dimension.kind == "choice":
        # By their place: a choice may be of a type that Optuna does not take, such as a list.
        return distributions.CategoricalDistribution(list(range(len(dimension.values))))
    if dimension.kind == "int":
        return distributions.IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _value(dimension: Dimension, given: Any) -> Any:
    if dimension.kind == "choice":
        return dimension.values[given]
    if dimension.kind == "int":
        return int(given)
    return dimension.at(dimension.place(float(given)) or 0.0)


def _told(trial: Trial, plan: Plan, distributions: Any) -> Any:
    """A trial as Optuna knows it; None for one whose values are not of this space."""
    from optuna.trial import TrialState, create_trial

    params = {}
    for one in plan.space:
        value = trial.values.get(one.name)
        if one.place(value) is None:
            return None
        params[one.name] = one.values.index(value) if one.kind == "choice" else value
    # What came of it so far, also of one that was pruned: its best value up to there.
    steps = {epoch: trial.sign * score for epoch, score in trial.scores.items()}
    if not trial.over:
        return create_trial(params=params, distributions=distributions, state=TrialState.RUNNING)
    if trial.best is None:
        return create_trial(params=params, distributions=distributions, state=TrialState.FAIL)
    if trial.pruned:
        state, value = TrialState.PRUNED, None
    else:
        state, value = TrialState.COMPLETE, trial.sign * trial.best
    return create_trial(params=params, distributions=distributions, state=state, value=value, intermediate_values=steps)
