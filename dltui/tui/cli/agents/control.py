"""The tools that change something: start a run, and send commands to it. Each is in the run's log with who did it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.tui.cli.follow.sending import alive_run, open_run, order, settle, settle_released


def start_run(
    by: str,
    model: str,
    dataset: str = "",
    config: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    device: str = "auto",
    name: str = "",
    plugins: Sequence[str] = (),
) -> dict[str, Any]:
    """Start a run in the background: `config` are hyperparameters, as {"epochs": 5, "lr": 0.1}, `data` are options of
    the dataset. Without a dataset the model's usual one is taken. Returns at once; watch it with read_run or wait_for.
    """
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.catalog.fields import flag_words
    from dltui.core.finders.find import Finder
    from dltui.core.lifecycle.create import RunRequest, create_run
    from dltui.core.lifecycle.start import spawn_worker
    from dltui.tui.cli.launch.start import choose_dataset

    catalog = load_catalog(plugins)
    entry = catalog.model(model)
    chosen = choose_dataset(catalog, entry, dataset or None)
    # A client may start the server where nothing can be written.
    exports = "exports" if os.access(Path.cwd(), os.W_OK) else str(paths.home() / "exports")
    words = ["dltui", "train", entry.id, "--dataset", chosen.reference, "--device", device, "--exports", exports]
    words += [word for path in plugins for word in ("--plugin", path)]
    words += [word for key, value in (config or {}).items() for word in flag_words(key, value)]
    words += [word for key, value in (data or {}).items() for word in ("--data", f"{key}={value}")]
    request = RunRequest(
        model=entry.id,
        dataset=chosen.name,
        dataset_options={**chosen.given, **(data or {})},
        device=device,
        config=dict(config or {}),
        name=name or None,
        plugins=tuple(map(Path, plugins)),
        exports=exports,
        command=tuple(words),
        notes=(f"started by {by}",),
    )
    run = create_run(Finder(_silent).settled(request, catalog), catalog, _silent)
    spawn_worker(run)
    return {"run": run.id, "path": str(run.path), "exports": str(run.run()["exports"]), "command": words}


def stop_run(by: str, run: str) -> dict[str, Any]:
    """End a run early and keep everything: checkpoint, test result with the best epoch so far, figures."""
    return _order(by, run, "stop", {})


def pause_run(by: str, run: str, release: bool = False, until_free: bool = False) -> dict[str, Any]:
    """Pause a run between two steps; it keeps its memory and its device. With `release` it saves a checkpoint and gives
    its device back, also with `until_free`, where it goes on by itself once others have used the device.
    """
    if not (release or until_free):
        done = _order(by, run, "pause", {})
        settle(open_run(run), "paused", True)
        return done
    done = _order(by, run, "pause", {"release": True, "until_free": until_free})
    settle_released(open_run(run))
    return done


def resume_run(by: str, run: str, more_epochs: int = 0) -> dict[str, Any]:
    """Go on with a paused run, or with one that has ended, from its last checkpoint; `more_epochs` are added to one
    that is finished.
    """
    reader = open_run(run)
    status = reader.status()
    if status.name == "paused" and not more_epochs:
        done = _order(by, run, "resume", {})
        settle(open_run(run), "paused", False)
        return done
    if not status.over:
        why = "epochs can be added when it has ended" if more_epochs else "nothing to resume"
        raise UsageError(f"{reader.directory.id} is {status.name}: {why}")
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


def set_learning_rate(by: str, run: str, lr: float, at_step: int = -1) -> dict[str, Any]:
    """Change the learning rate of a running run, at once or from a step on; the schedule's shape stays."""
    return _order(by, run, "set", {"lr": lr} | ({"at_step": at_step} if at_step >= 0 else {}))


def save_checkpoint(by: str, run: str) -> dict[str, Any]:
    """Save a checkpoint of a running run now."""
    return _order(by, run, "checkpoint", {})


def _order(by: str, run: str, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    from dltui.core.rundir.commands import problem_of

    reader = alive_run(run, action)
    problem = problem_of(action, arguments)
    if problem:
        raise UsageError(problem)
    done = order(reader, action, arguments, by)
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
