"""`dltui pause | stop | kill | checkpoint | set | stacks`: commands to a running run, each one acknowledged."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import RunError, UsageError
from dltui.core.hosts import mirror
from dltui.core.numbers import exact
from dltui.core.reading.launched import WAITING
from dltui.core.rundir import place
from dltui.tui.cli import completion
from dltui.tui.cli.follow import closing
from dltui.tui.cli.follow.new_rate import checked_rate, checked_step
from dltui.tui.cli.follow.sending import (
    SETTLE_SECONDS,
    alive_run,
    is_named,
    known_status,
    open_run,
    order,
    settle,
    settle_released,
    take_out,
)
from dltui.tui.cli.output import confirmed, say

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--release", is_flag=True, help="save it and give its device back; it goes on bit for bit")
@click.option("--until-free", is_flag=True, help="with --release: go on by itself when others have used the device")
def pause(run: str, release: bool, until_free: bool) -> int:
    """Pause a run between two steps; it keeps its memory and its device. `dltui resume RUN` goes on.

    With --release it saves a checkpoint and gives its device with all memory back; runs that wait in the queue of the
    device, or are started now, go first. `dltui resume RUN` puts it back into the queue. With --until-free it goes on
    by itself once another run or program has used the device and it is free again.
    """
    reader = alive_run(run, "pause")
    name = reader.directory.id
    if not release:
        if until_free:
            raise UsageError("--until-free belongs to --release: without it the run keeps its device")
        done = order(reader, "pause", {})
        settle(reader, "paused", True)
        say(f"{name} paused at step {done['step']:,}; go on with: dltui resume {name}")
        return 0
    done = order(reader, "pause", {"release": True, "until_free": until_free})
    settle_released(reader)
    device = reader.run["device"]["name"]
    when = f"goes on when {device} was used and is free again, or" if until_free else "go on"
    say(f"{name} paused at step {done['step']:,} and gave {device} back; {when} with: dltui resume {name}")
    return 0


@click.command()
@click.argument("run", shell_complete=completion.runs)
def stop(run: str) -> int:
    """End a run early and keep everything: checkpoint, test result with the best epoch so far, figures."""
    reader = alive_run(run, "stop")
    queued = reader.status().name == "queued"
    if reader.status().phase == WAITING:
        take_out(reader)
        say(f"{reader.directory.id} taken out of the queue; start it with: dltui resume {reader.directory.id}")
        return 0
    done = order(reader, "stop", {})
    if queued:
        say(f"{reader.directory.id} taken out of the queue; start it with: dltui resume {reader.directory.id}")
        return 0
    found = reader.directory
    where = f"in {place.exports_folder(found)}" if reader.told is None else closing.fetch_line(found)
    say(f"{found.id} stopped at step {done['step']:,}; figures will be {where}")
    return 0


@click.command()
@click.argument("run", shell_complete=completion.runs)
def checkpoint(run: str) -> int:
    """Save a checkpoint of a run now."""
    reader = alive_run(run, "save")
    done = order(reader, "checkpoint", {})
    say(f"{reader.directory.id}: checkpoint at step {done['step']:,}")
    return 0


@click.command("set")
@click.argument("run", shell_complete=completion.runs)
@click.argument("value", metavar="lr=X", required=False)
@click.option("--at-step", type=int, metavar="N", help="from this step on instead of at once")
def set_value(run: str, value: str | None, at_step: int | None) -> int:
    """Change the learning rate of a running run: `dltui set RUN lr=0.01`. The schedule's shape stays."""
    if value is None:
        raise UsageError(f"of which run? dltui set RUN {run}" if "=" in run else f"to what? dltui set {run} lr=0.01")
    reader = alive_run(run, "set")
    arguments: dict[str, Any] = {"lr": checked_rate(reader, _number(value))}
    if at_step is not None:
        arguments["at_step"] = checked_step(reader, at_step)
    done = order(reader, "set", arguments)
    say(f"{reader.directory.id}: lr {exact(arguments['lr'])} from step {done['step']:,} on")
    return 0


def _number(text: str) -> str:
    """The number in `lr=X`. Raises UsageError."""
    key, equals, number = text.partition("=")
    if key.strip() != "lr" or not equals:
        raise UsageError(f"only the learning rate can be changed: lr=X, got {text!r}")
    return number


@click.command()
@click.argument("run", shell_complete=completion.runs)
def stacks(run: str) -> int:
    """Show the stacks of a run's worker threads, to examine a run that hangs. The run is not disturbed."""
    from dltui.core.rundir import claim

    reader = alive_run(run, "look at")
    live, log = reader.live(), reader.directory.worker_log
    if live is None:
        raise UsageError(f"{reader.directory.id} has no process yet; try again in a moment")
    begin = len(_printed(log))
    claim.send_signal(reader.directory.path, live, signal.SIGQUIT)
    deadline = time.monotonic() + SETTLE_SECONDS
    told = b""
    while time.monotonic() < deadline and b"most recent call first" not in told:
        time.sleep(0.1)
        told = _printed(log)[begin:]
    if not told:
        raise RunError(f"{reader.directory.id} does not answer (stopped, or stuck in the kernel); end it: dltui kill")
    for line in told.decode("utf-8", "replace").splitlines():
        say(line)
    return 0


def _printed(log: Path) -> bytes:
    """All that a worker has printed; nothing of one in the foreground, which has no log."""
    try:
        return log.read_bytes()
    except OSError:
        return b""


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--yes", is_flag=True, help="do not ask")
def kill(run: str, yes: bool) -> int:
    """End a run at once. What came after its last checkpoint is lost; `dltui resume` goes on from there."""
    from dltui.core.lifecycle import kill as run_kill
    from dltui.tui.cli.hosts import near

    reader = open_run(run)
    far = mirror.origin(reader.directory) is not None
    status = known_status(reader)
    attempt, over = status.attempt or None, status.over
    cost = near.kill_cost(reader.directory) if far else run_kill.cost(reader)
    named = is_named(reader.directory, run)
    if not confirmed(f"kill {reader.directory.id}? lost: {cost}", named, yes):
        return 0
    if far:
        near.kill(reader.directory, attempt)
    else:
        run_kill.kill(reader, attempt)
    if over:
        say(f"the worker of {reader.directory.id} was ended ({cost})")
        return 0
    say(f"{reader.directory.id} killed ({cost}); go on with: dltui resume {reader.directory.id}")
    return 0
