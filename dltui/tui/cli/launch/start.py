"""Starts the run of a command line: followed, detached, in the foreground, or as a dry run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.fields import key_values
from dltui.core.errors import UsageError
from dltui.core.rundir import launch, place
from dltui.core.worker.figures import RUN_FORMATS, check_formats
from dltui.tui.cli.follow import closing
from dltui.tui.cli.launch import data_progress
from dltui.tui.cli.output import say, say_json, when_lost

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry, ModelEntry
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.launch import Chosen

FAVORITES = ("fashion-mnist", "lines")
DRY_RUNS = {0: "all of it works; nothing was kept", 75: "ended before its end; nothing was kept"}
"""What is said of a dry run, by its exit code."""


@dataclass(frozen=True)
class Options:
    """`dltui train`'s options other than hyperparameters."""

    command: tuple[str, ...]
    dataset: str | None = None
    data_dir: str | None = None
    data: tuple[str, ...] = ()
    device: str = "auto"
    name: str | None = None
    exports: str = "exports"
    formats: str = "svg"
    plugins: tuple[str, ...] = ()
    detach: bool = False
    queue: bool = False
    plain: bool = False
    as_json: bool = False
    debug: bool = False
    dry_run: bool = False
    seeds: str | None = None
    share: str | None = None
    loggers: tuple[str, ...] = ()
    launcher: Chosen | None = None


def start(catalog: Catalog, model: ModelEntry, config: Mapping[str, Any], options: Options) -> int:
    """Create the run, start its worker and follow it. Returns the exit code; raises UsageError and leaves no run."""
    check(options)
    if options.dry_run:
        return _dry_run(catalog, model, config, options)
    return carry_out(create(catalog, model, config, options), options, fresh=True)


def check(options: Options) -> None:
    """Raise UsageError for options that exclude each other."""
    if options.detach and (options.debug or options.dry_run):
        raise UsageError("--detach starts the run in the background; it does not go with --debug or --dry-run")
    if options.debug and (options.as_json or options.plain):
        raise UsageError("--debug shows what the worker itself prints; it does not go with --json or --plain")
    if options.queue and (options.debug or options.dry_run):
        raise UsageError("--queue waits in the background; it does not go with --debug or --dry-run")
    if options.launcher is not None and not options.launcher.is_default and (options.debug or options.dry_run):
        raise UsageError(
            f"--launcher {options.launcher.name} trains elsewhere; it does not go with --debug or --dry-run"
        )


def create(catalog: Catalog, model: ModelEntry, config: Mapping[str, Any], options: Options) -> RunDirectory:
    """The run directory of a checked request. Says what was suited to the data."""
    from dltui.core.lifecycle.create import create_run

    asked = settled(catalog, model, config, options)
    run = create_run(asked, catalog, data_progress.teller())
    for note in () if options.as_json else run.run()["notes"][len(asked.notes) :]:
        say(note)
    return run


def settled(catalog: Catalog, model: ModelEntry, config: Mapping[str, Any], options: Options) -> RunRequest:
    """The request of a command line, with a number in place of a value that is to be found, and says how it was found.
    Raises UsageError or RunError.
    """
    from dltui.core.finders.find import Finder

    asked = Finder(data_progress.teller()).settled(request(catalog, model, config, options), catalog)
    for note in () if options.as_json else asked.notes:
        say(note)
    return asked


def request(catalog: Catalog, model: ModelEntry, config: Mapping[str, Any], options: Options) -> RunRequest:
    """The request that the command line describes. Raises UsageError."""
    from dltui.core.lifecycle.create import RunRequest

    dataset = choose_dataset(catalog, model, options.dataset)
    return RunRequest(
        model=model.id,
        dataset=dataset.name,
        dataset_options={**dataset.given, **key_values(options.data, dataset.fields, f"dataset {dataset.name}")},
        data_dir=options.data_dir,
        device=options.device,
        config=dict(config),
        name=options.name,
        exports=options.exports,
        formats=tuple(check_formats(options.formats.split(","), RUN_FORMATS)),
        plugins=tuple(Path(path) for path in options.plugins),
        command=options.command,
        dry_run=options.dry_run,
        share=options.share,
        loggers=options.loggers,
        **({} if options.launcher is None else _launched(options.launcher)),
    )


def _launched(launcher: Chosen) -> dict[str, Any]:
    return {"launcher": launcher.name, "launcher_options": launcher.options}


def choose_dataset(catalog: Catalog, model: ModelEntry, name: str | None) -> DatasetEntry:
    """The named dataset, or the default for the model's task."""
    if name is not None:
        return catalog.dataset(name)
    fitting = [entry for entry in catalog.datasets.values() if entry.suits(model) and not entry.takes]
    if not fitting:
        raise UsageError(f"no dataset for {model.task} is installed; see dltui plugins list")
    return min(fitting, key=lambda entry: (entry.name not in FAVORITES, entry.name))


def carry_out(
    run: RunDirectory,
    options: Options,
    more_epochs: int = 0,
    instead: Mapping[str, Any] | None = None,
    fresh: bool = False,
) -> int:
    """Start the worker of a run directory and follow it as the options say; `more_epochs` are added to its plan,
    `instead` replaces fields of run.json, `fresh` is the argument of `follow`.
    """
    from dltui.core.lifecycle.start import queue_worker

    open_way(run, options)
    if options.debug:
        return _foreground(run)
    if not options.queue:
        return stay(run, begin(run, more_epochs, instead), options, fresh)
    when_lost(_goes_on(run))
    queue_worker(run)
    say_queued(run, options.as_json)
    return 0


def begin(run: RunDirectory, more_epochs: int = 0, instead: Mapping[str, Any] | None = None) -> int:
    """Start the worker of a run that is to be followed, as `spawn_worker`. Raises UsageError and RunError likewise."""
    from dltui.core.lifecycle.start import spawn_worker

    when_lost(_goes_on(run))
    return spawn_worker(run, more_epochs, instead=instead)


def _goes_on(run: RunDirectory) -> str:
    return f"{run.id} goes on; back with: dltui attach {shlex.quote(run.id)}"


def stay(run: RunDirectory, pid: int, options: Options, fresh: bool = False) -> int:
    """Stay with a run whose worker has been started, as the options say; `pid` is 0 where it is no process of this one,
    `fresh` is the argument of `follow`.
    """
    if options.detach:
        _say_detached(run, options.as_json)
        return 0
    from dltui.tui.cli.follow.follow import choose_style, follow

    style = choose_style(options.plain, options.as_json)
    if style == "plain":
        asked = run.run()
        say(f"{run.id}: {asked['model']} on {asked['dataset']}, {asked['device']['name']}; {run.path}")
    return follow(run, style, child=pid or None, fresh=fresh, kept=not options.dry_run)


def open_way(run: RunDirectory, options: Options) -> None:
    """Let the group reach a run that is shared, and say so."""
    from dltui.core import paths
    from dltui.core.rundir import share

    if not run.run().get("share") or options.as_json:
        return
    say(f"your group may watch: dltui attach {shlex.quote(str(run.path))}")
    problem = share.open_way(run.path, paths.home())
    if problem:
        say(problem)


def _say_detached(run: RunDirectory, as_json: bool) -> None:
    if as_json or not launch.chosen(run.path, run.run()).is_default:
        say_queued(run, as_json)
        return
    say(f"{run.id} trains in the background; watch it with: dltui attach {shlex.quote(run.id)}")
    say(f"figures will be in {place.exports_folder(run)}")


def say_queued(run: RunDirectory, as_json: bool) -> None:
    """Say that a run waits for its device."""
    if as_json:
        say_run(run)
        return
    say(f"{run.id} is queued for {_queue_of(run)}; watch it with: dltui attach {shlex.quote(run.id)}")
    say(f"dltui stop {shlex.quote(run.id)} takes it out of the queue")


def _queue_of(run: RunDirectory) -> str:
    """What a run waits for: its device, or its launcher."""
    launcher = launch.chosen(run.path, run.run())
    return str(run.run()["device"]["name"]) if launcher.is_default else launcher.name


def say_run(run: RunDirectory) -> None:
    """A run as an object of `--json`."""
    say_json({"type": "run", "id": run.id, "path": str(run.path), "exports": str(place.exports_folder(run))})


def _foreground(run: RunDirectory) -> int:
    """Run the worker in this process in the foreground, where a debugger can be used."""
    from dltui.core.lifecycle.start import worker_command

    command, environment = worker_command(run)
    # Ctrl-C belongs to the worker; it is in the same process group.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = subprocess.call([*command, "--debug"], env=environment)
    finally:
        signal.signal(signal.SIGINT, before)
    when_lost(f"{run.id} has ended; see: dltui runs")
    for line in closing.take_home(place.exports_folder(run)):
        say(line)
    return code if code >= 0 else 130


def _dry_run(catalog: Catalog, model: ModelEntry, config: Mapping[str, Any], options: Options) -> int:
    """Run everything once in a folder that is deleted: the home is temporary, the cache of data is the user's."""
    from dltui.core import paths

    kept = {"DLTUI_CACHE": str(paths.cache_dir()), "DLTUI_CONFIG": str(paths.config_file())}
    if options.exports != "exports":
        raise UsageError("--dry-run writes to a temporary place; it does not go with --exports")
    with tempfile.TemporaryDirectory(prefix="dltui-dry-run-", ignore_cleanup_errors=True) as folder:
        before = {name: os.environ.get(name) for name in (*kept, "DLTUI_HOME")}
        os.environ.update(kept, DLTUI_HOME=folder)
        try:
            moved = replace(options, exports=str(Path(folder) / "exports"))
            code = carry_out(create(catalog, model, config, moved), moved)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
    if not options.as_json:
        said = DRY_RUNS.get(code, "it does not work; see above")
        say(f"dry run: {said}")
    return code
