"""Runs that differ in their seed alone: created together, each with its own worker, which waits in the queue of the
device for its turn. No process manages the series, so that none can end and stop it.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.analysis.groups import missing_seeds
from dltui.core.errors import DltuiError, UsageError
from dltui.core.lifecycle.create import RunRequest, create_like, create_run
from dltui.core.lifecycle.start import queue_worker
from dltui.core.rundir import notes, place
from dltui.core.rundir.directory import RunDirectory, is_run, list_runs
from dltui.core.rundir.names import check_run_name, free_name, run_name

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog


def group_name(wanted: str | None) -> str:
    """The group name of a series of runs: the wanted name or a made-up name, numbered when another group has it.

    Raises UsageError.
    """
    base = check_run_name(wanted) if wanted is not None else run_name(random.Random())
    return free_name(base, {_group(run) for run in list_runs()}.__contains__)


def _group(run: RunDirectory) -> object:
    try:
        return run.run().get("group")
    except DltuiError:
        return None


def members(text: str | None) -> list[RunDirectory]:
    """The runs of the group of this name, oldest first; [] when a run has this name."""
    if not text or is_run(text):
        return []
    return [run for run in reversed(list_runs()) if _group(run) == text]


def member(request: RunRequest, group: str, seed: int) -> RunRequest:
    """The request for one run of the series. Its command trains this run alone."""
    return replace(
        request,
        config={**request.config, "seed": seed},
        name=_name(group, seed),
        group=group,
        command=_alone(request.command, seed),
    )


def _name(group: str, seed: int) -> str:
    return f"{group}-s{seed}"


def _alone(command: Sequence[str], seed: int) -> tuple[str, ...]:
    words = list(command)
    for position, word in enumerate(words):
        if word in ("--seeds", "--seed"):
            words[position : position + 2] = ["--seed", str(seed)]
        elif word.startswith(("--seeds=", "--seed=")):
            words[position] = f"--seed={seed}"
    return tuple(words)


def create(request: RunRequest, group: str, seeds: Sequence[int], catalog: Catalog) -> list[RunDirectory]:
    """Create a run for each seed; returns their directories. Raises UsageError, and then no run is left; whoever is
    killed leaves runs that name those that are missing.
    """

    def note(run: RunDirectory) -> None:
        notes.series_begun(run.path, seeds)

    made: list[RunDirectory] = []
    try:
        for seed in seeds:
            made.append(create_run(member(request, group, seed), catalog, fill=note))
    except BaseException:
        for run in made:
            with contextlib.suppress(OSError):
                fs.remove_dir(run.path)
        raise
    _whole(made)
    return made


def complete(group: str, runs: Sequence[RunDirectory]) -> list[RunDirectory]:
    """Create the runs of a series that its maker did not get to, like the first one but for their seeds. Raises
    UsageError.
    """
    lacking = missing_seeds((group, run.run().get("seed"), notes.series_seeds(run.path)) for run in runs)
    made = [_like(runs[0], group, seed) for seed in lacking.get(group, ())]
    _whole(runs)
    return made


def _like(run: RunDirectory, group: str, seed: int) -> RunDirectory:
    why = place.untrusted_reason(run)
    if why:
        raise UsageError(f"seed {seed} of {group} has no run, and {run.id} is no pattern for it: {why}")
    asked = run.run()
    changes = {
        "config": {**asked["config"], "seed": seed},
        "seed": seed,
        "command": _alone(asked.get("command") or (), seed),
    }
    return create_like(run, _name(group, seed), changes)


def _whole(runs: Iterable[RunDirectory]) -> None:
    for run in runs:
        notes.series_made(run.path)


def start(
    runs: Sequence[RunDirectory],
    at_once: bool,
    more_epochs: int = 0,
    instead: Sequence[Mapping[str, Any]] | None = None,
) -> list[int]:
    """Start the worker of each run; they wait for each other in the queue of the device. With `at_once` the first does
    not wait for other runs there. `instead` replaces fields of each run.json. Returns their pids. Raises RunError.
    """
    others = instead or [{}] * len(runs)
    return [
        queue_worker(run, at_once and place == 0, more_epochs, other)
        for place, (run, other) in enumerate(zip(runs, others, strict=True))
    ]
