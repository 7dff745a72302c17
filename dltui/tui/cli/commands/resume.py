"""`dltui resume`: resume a run; says why it ended, what is restored and what differs from the last attempt."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dltui.core.errors import DltuiError, UsageError
from dltui.core.hosts import mirror
from dltui.core.reading.status import OVER
from dltui.core.rundir.launch import Chosen
from dltui.tui.cli import completion
from dltui.tui.cli.follow.sending import known_status, open_run, order, settle
from dltui.tui.cli.launch import data_progress, launchers, seeds, start
from dltui.tui.cli.options import code, code_options
from dltui.tui.cli.output import is_terminal, say, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dltui.core.lifecycle.resume import Resumption
    from dltui.core.lifecycle.trust import Code
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory


@click.command(cls=launchers.LaunchCommand)
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--more-epochs",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="N epochs beyond those planned so far, also of a finished run; the schedule goes through them once more",
)
@click.option(
    "--device",
    metavar="DEV",
    shell_complete=completion.devices,
    help="go on there, also on more or fewer devices: cpu, cuda:N, cuda:0,cuda:1 ... [RUN's]",
)
@code_options
@launchers.launcher_option
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
@click.pass_context
def resume(
    context: click.Context,
    /,
    run: str | None,
    more_epochs: int | None,
    device: str | None,
    plugins: tuple[str, ...],
    trust: bool,
    **flags: Any,
) -> int:
    """Go on with a run, the latest by default: continues a paused run, restarts a run that has ended. The name of a
    series of seeds means all of its runs that are not finished.

    It goes on from its last checkpoint, in the middle of an epoch if need be; the curve stays one curve. Epochs that
    are added have a schedule of their own: constant stays as it is, cosine and one-cycle begin again (a warm restart),
    and what was trained before is not changed by it.
    """
    from dltui.core.lifecycle import series
    from dltui.core.rundir import launch

    group = series.members(run)
    reader = None if group else open_run(run)
    usual = launch.chosen(reader.directory.path, reader.directory.run()) if reader else None
    chosen = launchers.take(context.command.params, flags, usual)
    asked = _Asked(more_epochs, device, code(plugins, trust), chosen)
    if reader is None:
        return _resume_all(str(run), group, asked, flags)
    return _resume_one(reader, asked, flags)


class _Asked(NamedTuple):
    """What is to differ from before."""

    more_epochs: int | None
    device: str | None
    code: Code
    launcher: Chosen | None


def _resume_all(name: str, runs: Sequence[RunDirectory], asked: _Asked, flags: dict[str, Any]) -> int:
    """Go on with a series of seeds or with a sweep."""
    from dltui.core.sweep import start as sweeps

    if asked.launcher is not None:
        raise UsageError(f"{name} has several runs: give --launcher to each of them")
    if not sweeps.of_group(name):
        options = start.Options(command=(), **flags)
        return _restart_group(name, runs, asked, options)
    if asked.more_epochs is not None or asked.device or asked.code:
        raise UsageError(f"{name} is a sweep: dltui sweep resume {name} --more N adds trials")
    from dltui.tui.cli.launch import leading

    return leading.go_on(name, None, None, flags["detach"], flags["as_json"])


def _resume_one(reader: RunReader, asked: _Asked, flags: dict[str, Any]) -> int:
    status, name = known_status(reader), reader.directory.id
    more_epochs, device, code, launcher = asked
    if not status.over:
        _check_live(name, status.name, asked)
    if status.name == "paused":
        _unpause(reader, flags["as_json"])
        return 0
    if mirror.origin(reader.directory) is not None:
        if launcher is not None or device is not None or code:
            not_there = "--launcher, --device, --plugin and --trust"
            raise UsageError(f"{name} is a run of another host, started as before: leave {not_there} out")
        return _far(reader, more_epochs or 0, flags)
    options = start.Options(command=(), **flags)
    with _chosen(reader, launcher):
        pid = _restart(reader, more_epochs or 0, device, code, options)
    return start.stay(reader.directory, pid, options)


def _check_live(name: str, status: str, asked: _Asked) -> None:
    """Raise UsageError for changes to a run that has not ended."""
    if asked.more_epochs is not None:
        raise UsageError(f"{name} is {status}: epochs can be added when it has ended; or stop it first")
    if asked.device:
        raise UsageError(f"{name} is {status}: it changes its device when it has ended; dltui stop {name} first")
    if asked.launcher is not None:
        raise UsageError(f"{name} is {status}: it changes its launcher when it has ended; dltui stop {name} first")
    if asked.code:
        raise UsageError(f"{name} is {status}: --plugin and --trust count when it has ended; dltui stop {name} first")


@contextmanager
def _chosen(reader: RunReader, launcher: Chosen | None) -> Iterator[None]:
    """Let this launcher start the run from now on, unless it is refused in this context."""
    from dltui.core.lifecycle import trust
    from dltui.core.lifecycle.launch import launching
    from dltui.core.rundir import launch

    if launcher is None:
        yield
        return
    run = reader.directory
    before = launch.read(run.path)
    launching.choose(run, launcher, trust.catalog(run))
    written = launch.read(run.path)
    try:
        yield
    except (DltuiError, click.Abort):
        found = launch.read(run.path)
        # Nothing has begun then, but by another command at the same moment.
        if found is None or found == written or not found.job:
            launching.take_back(run, before)
        raise
    except KeyboardInterrupt:
        # Another record is that of a job which begins or has begun.
        if launch.read(run.path) == written:
            launching.take_back(run, before)
        raise


def _far(reader: RunReader, more_epochs: int, flags: dict[str, Any]) -> int:
    """Go on with a run of another host, there."""
    from dltui.tui.cli.follow.follow import choose_style, follow
    from dltui.tui.cli.hosts import near

    run = reader.directory
    _agree(near.resumption(run, more_epochs), run, more_epochs, flags["as_json"])
    near.resume(run, more_epochs)
    if not flags["detach"]:
        return follow(run, choose_style(flags["plain"], flags["as_json"]))
    if flags["as_json"]:
        start.say_run(run)
    else:
        say(f"{run.id} goes on; watch it with: dltui attach {shlex.quote(run.id)}")
    return 0


def _unpause(reader: RunReader, as_json: bool) -> None:
    name = reader.directory.id
    done = order(reader, "resume", {})
    settle(reader, "paused", False)
    if as_json:
        start.say_run(reader.directory)
        return
    status = reader.status()
    at = f"goes on at step {done['step']:,}"
    waits = f"{at} in its turn: {status.why}" if status.name == "queued" else at
    say(f"{name} {waits}; watch it with: dltui attach {name}")


def _restart_group(group: str, runs: Sequence[RunDirectory], asked: _Asked, options: start.Options) -> int:
    """Go on with the runs of a series that are not finished, one after the other; those that live are left alone."""
    from dltui.core.lifecycle import series
    from dltui.core.lifecycle.launch import launching

    more_epochs, device, code = asked.more_epochs or 0, asked.device, asked.code
    readers = [open_run(str(run.path)) for run in runs]
    launching.refresh_all((reader.directory, reader.status()) for reader in readers)
    statuses = [reader.status().name for reader in readers]
    for paused in (reader for reader, status in zip(readers, statuses, strict=True) if status == "paused"):
        _check_live(paused.directory.id, "paused", asked)
    # Who makes the series may still be at it while one of its runs starts.
    made = [] if "starting" in statuses else series.complete(group, runs)
    if made:
        _say(f"{', '.join(run.id for run in made)}: made now, the command that began the series was killed", options)
    ended = []
    for reader, status in zip(readers, statuses, strict=True):
        if status == "paused":
            _unpause(reader, options.as_json)
        elif status not in OVER:
            _say(f"{reader.directory.id} is {status}", options)
        elif status != "finished" or more_epochs:
            ended.append(reader)
    if not (ended or made):
        timed = any(run.run()["config"].get("max_time") for run in runs)
        longer = "" if timed else f"; train its runs longer with: dltui resume {group} --more-epochs 5"
        _say(f"{group}: nothing to resume{longer}", options)
        return 0
    instead = [_checked(reader, more_epochs, device, code, options) for reader in ended]
    instead += [_new(run, device, code) for run in made]
    started = [*(reader.directory for reader in ended), *made]
    alone = all(open_run(str(run.path)).status().over for run in runs)
    pids = series.start(started, alone, more_epochs, instead)
    return seeds.stay(group, [*runs, *made], started, pids, options)


def _new(run: RunDirectory, device: str | None, code: Code) -> dict[str, Any]:
    """The fields that replace those in run.json of a run that has not begun. Raises UsageError."""
    from dltui.core.lifecycle import trust
    from dltui.core.lifecycle.resume import on_device

    catalog = trust.catalog(run, code)
    return {**trust.replaced(run, catalog, code), **on_device(run, device, catalog)}


def _say(text: str, options: start.Options) -> None:
    if not options.as_json:
        say(text)


def _restart(reader: RunReader, more_epochs: int, device: str | None, code: Code, options: start.Options) -> int:
    """Start the worker again, and return its pid, 0 where it is no process of this one. Raises UsageError, RunError."""
    from dltui.core.analysis.trials import trial

    instead = _checked(reader, more_epochs, device, code, options)
    if trial.pin_resumed(reader):
        _say(f"{reader.directory.id} is pinned: the sweep does not prune it again", options)
    start.open_way(reader.directory, options)
    return start.begin(reader.directory, more_epochs, instead)


def _checked(
    reader: RunReader, more_epochs: int, device: str | None, code: Code, options: start.Options
) -> dict[str, Any]:
    """Say what going on means; what holds in place of what run.json says. Raises UsageError where it cannot be."""
    from dltui.core.lifecycle import trust
    from dltui.core.lifecycle.resume import on_device, prepare

    run = reader.directory
    catalog = trust.catalog(run, code)
    instead = {**trust.replaced(run, catalog, code), **on_device(run, device, catalog)}
    found = prepare(reader, catalog, more_epochs, instead, data_progress.teller())
    _agree(found, run, more_epochs, options.as_json)
    return instead


def _agree(found: Resumption, run: RunDirectory, more_epochs: int, as_json: bool) -> None:
    """Say what going on means, and ask where a part of the log is lost. Raises UsageError where nobody agrees."""
    if not as_json:
        for line in found.lines(run.id):
            say(line)
        if more_epochs:
            say(f"goes on to epoch {found.planned + more_epochs}: {found.done} of {found.planned} are done")
    if found.unknown and not _goes_on_all_the_same(run.id):
        far = mirror.origin(run)
        fork = f"ssh {far[0]} dltui fork {far[1]}" if far else f"dltui fork {run.id}"
        raise UsageError(f"{found.unknown}; begin at that checkpoint in a new run: {fork}")


def _goes_on_all_the_same(name: str) -> bool:
    return is_terminal() and click.confirm(visible(f"go on with {name} all the same?"))
