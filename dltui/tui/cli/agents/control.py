"""The tools that change something: start a run, and send commands to it. Each is in the run's log with who did it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.numbers import exact
from dltui.core.reading.launched import WAITING
from dltui.tui.cli.follow.new_rate import checked_rate, checked_step
from dltui.tui.cli.follow.sending import (
    alive_run,
    known_status,
    open_run,
    order,
    settle,
    settle_released,
    take_out,
)

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

ANSWER_SECONDS = 60.0
"""Seconds in which a run must acknowledge a command: no client waits longer, and none can take a change back."""
AT_ONCE = -1


def start_run(
    by: str,
    model: str,
    dataset: str = "",
    config: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    device: str = "",
    name: str = "",
    plugins: Sequence[str] = (),
) -> dict[str, Any]:
    """Start a run in the background: `config` are hyperparameters, as {"epochs": 5, "lr": 0.1}, `data` are options of
    the dataset. What is left out is as the user has set it for trainings, which `presets` of the answer tells; else the
    model's usual dataset and the best device are taken. Returns at once; watch it with read_run or wait_for.
    """
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.finders.find import Finder
    from dltui.core.lifecycle.create import create_run
    from dltui.core.lifecycle.forms.presets import load_presets
    from dltui.core.lifecycle.start import spawn_worker
    from dltui.tui.cli.launch import presets, start

    catalog = load_catalog(plugins)
    entry = catalog.model(model)
    catalog.check_taken(plugins, entry.id, dataset or None)
    chosen: dict[str, Any] = {"dataset": dataset or None, "device": device or "auto", "exports": _exports()}
    values, given = dict(config or {}), {"dataset": dataset, "device": device}
    used = presets.fill(load_presets().of(entry, catalog), values, chosen, lambda name: bool(given.get(name)))
    if not any(preset.name == "exports" for preset in used):
        given["exports"] = chosen["exports"]
    pairs = tuple(f"{key}={exact(value)}" for key, value in (data or {}).items())
    words = (*_words(entry.id, given, config or {}, pairs, plugins), *presets.flags(used))
    options = start.Options(command=words, data=pairs, plugins=tuple(plugins), name=name or None, **chosen)
    request = replace(start.request(catalog, entry, values, options), notes=(f"started by {by}",))
    run = create_run(Finder(_silent).settled(request, catalog), catalog, _silent)
    spawn_worker(run)
    problems = [f"plugin {where}: {reason}" for where, reason in catalog.problems_of(plugins)]
    where = {"run": run.id, "path": str(run.path), "exports": str(run.run()["exports"])}
    return {**where, "command": list(words), "presets": presets.lines(used), "problems": problems}


def _exports() -> str:
    """The folder for figures where nothing else is set: a client may start the server where nothing can be written."""
    return "exports" if os.access(Path.cwd(), os.W_OK) else str(paths.home() / "exports")


def _words(
    model: str, given: Mapping[str, str], config: Mapping[str, Any], pairs: Sequence[str], plugins: Sequence[str]
) -> list[str]:
    """The command line of what an agent has asked for."""
    from dltui.core.catalog.fields import flag_words

    words = ["dltui", "train", model]
    words += [word for name, value in given.items() if value for word in (f"--{name}", value)]
    words += [word for path in plugins for word in ("--plugin", path)]
    words += [word for key, value in config.items() for word in flag_words(key, value)]
    return words + [word for pair in pairs for word in ("--data", pair)]


def stop_run(by: str, run: str) -> dict[str, Any]:
    """End a run early and keep everything: checkpoint, test result with the best epoch so far, figures. One that has
    not begun is taken out of its queue.
    """
    reader = alive_run(run, "stop")
    if reader.status().phase == WAITING:
        take_out(reader, by)
        return {"run": reader.directory.id, "action": "stop", "arguments": {}, "epoch": 0, "step": 0, "by": by}
    return _order(by, reader, "stop", {})


def pause_run(by: str, run: str, release: bool = False, until_free: bool = False) -> dict[str, Any]:
    """Pause a run between two steps; it keeps its memory and its device. With `release` it saves a checkpoint and gives
    its device back, also with `until_free`, where it goes on by itself once others have used the device.
    """
    reader = alive_run(run, "pause")
    if not (release or until_free):
        done = _order(by, reader, "pause", {})
        settle(reader, "paused", True)
        return done
    done = _order(by, reader, "pause", {"release": True, "until_free": until_free})
    settle_released(reader)
    return done


def resume_run(by: str, run: str, more_epochs: int = 0) -> dict[str, Any]:
    """Go on with a paused run, or with one that has ended, from its last checkpoint; `more_epochs` are added to one
    that is finished.
    """
    if more_epochs < 0:
        raise UsageError(f"more_epochs must be at least 0, got {more_epochs}")
    reader = open_run(run)
    status = reader.status()
    if status.name == "paused" and not more_epochs:
        done = _order(by, alive_run(run, "resume"), "resume", {})
        settle(open_run(run), "paused", False)
        return done
    if status.over:
        # Its launcher may have put it back into its queue.
        status = known_status(reader)
    if not status.over:
        why = "epochs can be added when it has ended" if more_epochs else "nothing to resume"
        raise UsageError(f"{reader.directory.id} is {status.name}: {why}")
    return _restart(by, reader, more_epochs)


def _restart(by: str, reader: RunReader, more_epochs: int) -> dict[str, Any]:
    """Start a new worker for a run that has ended."""
    from dltui.core.analysis.trials.trial import pin_resumed
    from dltui.core.lifecycle import trust
    from dltui.core.lifecycle.resume import prepare
    from dltui.core.lifecycle.start import spawn_worker
    from dltui.core.rundir import commands

    catalog = trust.catalog(reader.directory)
    instead = trust.replaced(reader.directory, catalog)
    plan = prepare(reader, catalog, more_epochs, instead, _silent)
    if plan.unknown:
        raise UsageError(f"{plan.unknown}; begin at that checkpoint in a new run: dltui fork {reader.directory.id}")
    pin_resumed(reader)
    spawn_worker(reader.directory, more_epochs, instead=instead)
    # The new worker acknowledges it: the log then says who went on with the run.
    commands.send(reader.directory.path, "resume", {}, by)
    return {"run": reader.directory.id, "differs": list(plan.differs), "epochs": plan.planned + more_epochs}


def set_learning_rate(by: str, run: str, lr: float, at_step: int = AT_ONCE) -> dict[str, Any]:
    """Change the learning rate of a running run, at once or from a step on; the schedule's shape stays."""
    reader = alive_run(run, "set")
    arguments: dict[str, Any] = {"lr": checked_rate(reader, lr)}
    if at_step != AT_ONCE:
        arguments["at_step"] = checked_step(reader, at_step)
    return _order(by, reader, "set", arguments)


def save_checkpoint(by: str, run: str) -> dict[str, Any]:
    """Save a checkpoint of a running run now."""
    return _order(by, alive_run(run, "save"), "checkpoint", {})


def _order(by: str, reader: RunReader, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    from dltui.core.rundir.commands import problem_of

    problem = problem_of(action, arguments)
    if problem:
        raise UsageError(problem)
    done = order(reader, action, arguments, by, ANSWER_SECONDS)
    return {
        "run": reader.directory.id,
        **{key: done.get(key) for key in ("action", "arguments", "epoch", "step", "by")},
    }


def _silent(text: str) -> None:
    """Progress that no terminal shows."""


TOOLS: tuple[Callable[..., dict[str, Any]], ...] = (
    start_run,
    stop_run,
    pause_run,
    resume_run,
    set_learning_rate,
    save_checkpoint,
)
