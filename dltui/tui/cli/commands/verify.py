"""`dltui verify`: train a run again in a temporary place, and prove the same weights or name what differs."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dltui.core.errors import RunError
from dltui.core.numbers import duration
from dltui.core.text import plural
from dltui.tui.cli import completion
from dltui.tui.cli.options import code, code_options
from dltui.tui.cli.output import say, say_json, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType
    from typing import Any

    from dltui.core.lifecycle.proof.repetition import Parting, Verdict
    from dltui.core.lifecycle.trust import Code

SHOWN = 16
"""Digits of a SHA-256 in a line; --json has all of them."""
NOT_REPEATED = 3
"""The exit code when the run could not be trained again, so that nothing is proven either way."""


@click.command()
@click.argument("run", required=False, shell_complete=completion.runs)
@code_options
@click.option("--json", "as_json", is_flag=True, help="one JSON object, at the end")
def verify(run: str | None, plugins: tuple[str, ...], trust: bool, as_json: bool) -> int:
    """Train a finished run, the latest by default, again from its run directory, and compare: exit code 0 when the
    same weights come out (by the SHA-256 of the final state), 1 when not, 2 for a run that is not repeated, 3 when it
    could not be trained to its end here.

    It trains with the same settings, data, threads and device, in a temporary place; rates set and epochs added while
    it ran are repeated as its log has them. Where the losses part it ends, names the step, and says what differs
    between then and now: settings, data, code, versions, threads, device.

    In place of RUN a receipt will do, receipt.json or the summary.json of an export: it has no losses, but the weights.
    """
    began = time.monotonic()
    try:
        with _ended_by_signals():
            found, asked = _proved(run, code(plugins, trust))
    except RunError as error:
        warn(f"dltui: {error}")
        return NOT_REPEATED
    if as_json:
        say_json(asdict(found) | {"seconds": round(time.monotonic() - began, 3)})
    else:
        for line in lines(found, asked, time.monotonic() - began):
            say(line)
    return 0 if found.equal else 1


def _proved(run: str | None, code: Code) -> tuple[Verdict, Mapping[str, Any]]:
    """The verdict about a run, or about the run of a receipt, and what its run.json says."""
    from dltui.core.lifecycle.proof import from_receipt
    from dltui.core.lifecycle.proof import verify as repeated
    from dltui.tui.cli.follow.sending import open_run
    from dltui.tui.cli.launch import data_progress

    if run is not None and from_receipt.is_receipt(run):
        from dltui.core.catalog.assemble import load_catalog

        found = from_receipt.read(Path(run))
        return from_receipt.prove(found, load_catalog(code.plugins), data_progress.teller())
    reader = open_run(run)
    return repeated.verify(reader, code, data_progress.teller()), reader.run


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a signal that ends this process end its worker too and remove what it made."""

    def leave(number: int, frame: FrameType | None) -> None:
        # Once: a second signal must not interrupt the clearing up.
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        sys.exit(128 + number)

    # Under nohup a hangup stays ignored.
    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def lines(found: Verdict, run: Mapping[str, Any], seconds: float) -> list[str]:
    """The verdict and its reasons, a line each."""
    rows = [_verdict(found, seconds)]
    rows += [f"differs: {one.name}: {one.then} then, {one.now} now" for one in found.differences]
    if found.equal:
        return rows
    if not found.differences:
        rows.append("nothing differs that the log tells: settings, data, code, versions, threads, device, host")
    on_gpu = str((run.get("device") or {}).get("name")).partition(":")[0] != "cpu"
    if on_gpu and not run["config"].get("deterministic"):
        rows.append("on a GPU only runs with --deterministic repeat bit for bit")
    return rows


def _verdict(found: Verdict, seconds: float) -> str:
    weights = [(digest or "none")[:SHOWN] for digest in found.weights]
    if found.equal:
        losses = f", {plural(found.steps, 'loss', 'losses')}" if found.has_losses else ""
        return f"equal: {found.run} trained again in {duration(seconds)}: weights {weights[0]} (SHA-256){losses}"
    if found.parting is not None:
        return f"different: the losses of {found.run} part at {_where(found.parting)}"
    if found.weights[0] == found.weights[1]:
        states = [(digest or "none")[:SHOWN] for digest in found.state]
        return f"different: the weights of {found.run} are equal, its final state is not: {states[0]}, now {states[1]}"
    losses = "no loss differs (to six digits)" if found.has_losses else "of its losses a receipt tells nothing"
    return f"different: the weights of {found.run} were {weights[0]}, now {weights[1]}; {losses}"


def _where(parting: Parting) -> str:
    steps = f"step {parting.last:,}"
    if parting.first < parting.last:
        steps = f"steps {parting.first:,} to {parting.last:,}"
    return f"{steps}: {parting.then:g} then, {parting.now:g} now"
