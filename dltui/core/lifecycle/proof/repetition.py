"""Compares a run with its repetition: the same weights, or the first step at which the losses part, and what differs
between the two environments. Pure functions of what was read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError
from dltui.core.numbers import exact
from dltui.core.reading.history import History
from dltui.core.rundir import checkpoint
from dltui.core.rundir.log import LogTail
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.events import AttemptStarted

DIGITS = 12
"""Digits of a SHA-256 that are shown."""
_NOT_COMPARED = frozenset({"threads", "checkpoint_seconds"})
"""Hyperparameters that an attempt tells otherwise, or that change no weights."""


@dataclass(frozen=True)
class Difference:
    """A difference between the environments of a run and of its repetition."""

    name: str
    then: str
    now: str


@dataclass(frozen=True)
class Parting:
    """The first loss that is not the same. It is the mean of the steps `first` to `last`, counted from 1."""

    first: int
    last: int
    then: float
    now: float


@dataclass(frozen=True)
class Verdict:
    """The result of a repetition. `weights` and `state` are the SHA-256 then and now, None where there is none;
    `steps` losses agree.
    """

    run: str
    equal: bool
    steps: int
    parting: Parting | None
    weights: tuple[str | None, str | None]
    state: tuple[str | None, str | None]
    differences: tuple[Difference, ...]
    has_losses: bool = True
    """False for the run of a receipt, of which only the weights are known."""


def verdict(before: RunReader, now: RunReader) -> Verdict:
    """The verdict about a run and its repetition as last refreshed; one that has not ended has parted."""
    apart = parting(before.history, now.history)
    weights = (_weights(before.history), _weights(now.history))
    states = (state_sha256(before.directory), state_sha256(now.directory))
    same = weights[0] is not None and weights[0] == weights[1] and (None in states or states[0] == states[1])
    return Verdict(
        run=clean_line(before.directory.id, 100),
        equal=same and apart is None,
        steps=apart.first - 1 if apart else now.history.step,
        parting=apart,
        weights=weights,
        state=states,
        differences=tuple(differences(before, now)),
    )


def _weights(history: History) -> str | None:
    return history.ended.weights_sha256 if history.ended else None


def parting(before: History, now: History) -> Parting | None:
    """The first loss of the same steps in both logs that differs; None while there is none. In a long run a loss is the
    mean of several steps, and at which it begins and ends also depends on the clock: other steps are not compared.
    """
    known = dict(zip(_spans(before), before.points.loss, strict=True))
    for span, loss in zip(_spans(now), now.points.loss, strict=True):
        then = known.get(span, loss)
        if then != loss and not (math.isnan(then) and math.isnan(loss)):
            return Parting(int(span[0]) + 1, int(span[1]), then, loss)
    return None


def _spans(history: History) -> Iterable[tuple[float, float]]:
    """The steps of each loss: those after the first number, up to the second."""
    return pairwise([0.0, *history.points.steps])


def state_sha256(run: RunDirectory) -> str | None:
    """The SHA-256 of the newest checkpoint's arrays, by its manifest: weights, optimizer and random state."""
    path = checkpoint.find_latest(run)
    try:
        files = checkpoint.read_manifest(path).get("files") if path else None
        found = files[checkpoint.ARRAYS]["sha256"] if isinstance(files, dict) else None
    except (DltuiError, KeyError, TypeError):
        return None
    return str(found) if found else None


def differences(before: RunReader, now: RunReader) -> list[Difference]:
    """The differences between the environments of all attempts of a run and of its repetition."""
    attempt = now.history.attempt
    if attempt is None:
        return []
    then = [facts(event, before.run["config"]) for event in attempts(before.directory)]
    today = facts(attempt, now.run["config"])
    found = [*_changed_request(before)]
    for name in dict.fromkeys(name for known in [*then, today] for name in known):
        values = list(dict.fromkeys(known.get(name, "-") for known in then))
        if values != [today.get(name, "-")]:
            found.append(Difference(name, ", then ".join(values), today.get(name, "-")))
    return found


def _changed_request(before: RunReader) -> list[Difference]:
    """The difference of a run.json that is not that of the last attempt."""
    attempt = before.history.attempt
    if attempt is None or not attempt.run_sha256:
        return []
    today = hashlib.sha256(before.directory.run_json.read_bytes()).hexdigest()
    return [Difference("run.json", attempt.run_sha256[:DIGITS], today[:DIGITS])] if today != attempt.run_sha256 else []


def attempts(run: RunDirectory) -> list[AttemptStarted]:
    """The starts of all attempts of a run, oldest first, without those that an earlier step superseded entirely."""
    found: list[AttemptStarted] = []
    for record in LogTail(run.events_path).read():
        if record.get("type") != "attempt_started":
            continue
        history = History()
        history.fold([record])
        if history.attempt is not None:
            found = [kept for kept in found if kept.start_step < history.attempt.start_step]
            found.append(history.attempt)
    return found


def facts(attempt: AttemptStarted, config: Mapping[str, Any]) -> dict[str, str]:
    """The environment of an attempt by names: hyperparameters (`config`, where the log has none), data, code,
    versions, threads, device.
    """
    settings = {**(attempt.config or config)}
    device, plugin = attempt.device, attempt.plugin
    code = plugin.get("code")
    data = str(attempt.dataset.get("fingerprint") or "-")[:DIGITS]
    known: dict[str, Any] = {name: exact(value) for name, value in settings.items() if name not in _NOT_COMPARED}
    known |= {"data": data, "data options": exact_options(attempt.dataset.get("options") or {})}
    known |= {"code of the model": code[:DIGITS]} if isinstance(code, str) else {}
    beside = plugin.get("beside")
    known |= {"code beside the model": beside[:DIGITS]} if isinstance(beside, str) else {}
    known |= {"threads": attempt.threads, "steps are run": attempt.mode or "-"}
    known |= {"device": f"{device.get('name')} ({device.get('title')})", "host": attempt.host, **attempt.versions}
    return {clean_line(name, 60): clean_line(value, 100) for name, value in known.items()}


def exact_options(options: Mapping[str, Any]) -> str:
    """Options as a text: `n=600, noise=60`."""
    return ", ".join(f"{name}={exact(value)}" for name, value in sorted(options.items())) or "-"
