"""`dltui resume`: go on with a run; says why it ended, what is restored and what differs from the last attempt."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import click

from dltui import __version__
from dltui.core.errors import UsageError
from dltui.tui.cli import completion
from dltui.tui.cli.control import open_run, order, settle
from dltui.tui.cli.terminal import say

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog
    from dltui.core.history import History
    from dltui.core.reader import RunReader


@click.command()
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
def resume(run: str | None, detach: bool, plain: bool, as_json: bool) -> int:
    """Go on with a run, the latest by default: un-pauses one that is paused, restarts one that has ended early."""
    reader = open_run(run)
    status = reader.status()
    name = reader.directory.id
    if status.name == "paused":
        done = order(reader, "resume", {})
        settle(reader, "paused", False)
        say(f"{name} goes on at step {done['step']:,}; watch it with: dltui attach {name}")
        return 0
    if not status.over:
        raise UsageError(f"{name} is {status.name}; watch it with: dltui attach {name}")
    if status.name == "finished":
        raise UsageError(f"{name} is finished: nothing to resume")
    return _restart(reader, f"{status.name}: {status.why}" if status.why else status.name, detach, plain, as_json)


def _restart(reader: RunReader, ended: str, detach: bool, plain: bool, as_json: bool) -> int:
    from dltui.core import devices
    from dltui.core.catalog import load_catalog
    from dltui.tui.cli import start

    catalog = load_catalog(plugins=list(reader.run.get("plugins", [])))
    model = catalog.model(reader.run["model"])
    if not model.available:
        raise UsageError(f"{model.id} cannot be used here: {model.reason}")
    devices.resolve(reader.run["device"]["name"])
    if not as_json:
        say(f"{reader.directory.id} was {ended}")
        say(restored(reader.history))
        for line in differences(reader, catalog):
            say(line)
    options = start.Options(command=(), detach=detach, plain=plain, as_json=as_json)
    return start.carry_out(reader.directory, options)


def restored(history: History) -> str:
    """Which checkpoint the next attempt begins with."""
    if not history.checkpoints:
        return "no checkpoint: it begins again"
    last = history.checkpoints[-1]
    total = f" of {history.attempt.total_steps:,}" if history.attempt else ""
    what = "weights, optimizer, random state and position"
    return f"restored: {what} of {last['name']} (step {int(last['step']):,}{total})"


def differences(reader: RunReader, catalog: Catalog) -> list[str]:
    """What is not as it was in the last attempt: with a difference, arithmetic may differ in the last bits."""
    from dltui.core import process

    attempt = reader.history.attempt
    if attempt is None:
        return []
    backend = catalog.backends.get(attempt.framework)
    here = {"dltui": __version__, "python": platform.python_version()}
    if backend is not None and backend.version:
        here[backend.package] = backend.version
    lines = [
        f"differs: {name} {before} then, {here[name]} today"
        for name, before in attempt.versions.items()
        if name in here and here[name] != before
    ]
    if attempt.host != process.this_host():
        lines.append(f"differs: it ran on {attempt.host}")
    return lines + _threads(reader.run["config"], attempt.threads)


def _threads(config: dict[str, object], before: int) -> list[str]:
    from dltui.core.devices import cpu_count

    today = cpu_count()
    if config.get("threads") or today == before:
        return []
    return [f"differs: {before} CPU threads then, {today} today"]
