"""`dltui wait`: return when a run has ended or a condition on its progress holds, for scripts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from dltui.core.numbers import duration, rounded
from dltui.tui.cli import completion
from dltui.tui.cli.output import say, say_json, warn

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dltui.core.analysis.measures.condition import Condition
    from dltui.core.reading.reader import RunReader
    from dltui.tui.cli.follow.until import Outcome

TIMED_OUT = 124
"""The exit code of timeout(1), too."""


def _conditions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The beginnings of usual conditions."""
    from click.shell_completion import CompletionItem

    from dltui.core.analysis.measures.measured import USUAL

    names = [*USUAL, "epoch", "step"]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command()
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--until",
    metavar="COND",
    shell_complete=_conditions,
    help="return as soon as an epoch meets it: 'validation.accuracy>=0.92', 'train.loss<0.1', 'epoch>=5'",
)
@click.option("--timeout", metavar="TIME", help=f"wait for 90s, 10m or 1h30m at most; then exit code {TIMED_OUT}")
@click.option("--json", "as_json", is_flag=True, help="one JSON object, at the end")
def wait(run: str | None, until: str | None, timeout: str | None, as_json: bool) -> int:
    """Wait until a run, the latest by default, has ended and its figures are drawn, or until a condition holds.

    Exit code 0: it finished or was stopped, or the condition holds. With --until, 1: it finished or was stopped and the
    condition never held. With and without it: 1 failed, 75 preempted, 130 interrupted. 124: the time is over. The run
    is not touched by any of it.
    """
    from dltui.core.analysis.measures import condition
    from dltui.core.train.options import time_budget
    from dltui.tui.cli.follow import until as waiting
    from dltui.tui.cli.follow.sending import open_run

    wanted = condition.parse(until) if until is not None else None
    seconds = time_budget.parse(timeout, "--timeout") if timeout is not None else None
    reader = open_run(run)
    _ = reader.run
    began = time.monotonic()
    found = waiting.wait(reader, wanted, None if seconds is None else began + seconds)
    code = _exit_code(found, wanted)
    if as_json:
        say_json(waiting.as_object(reader, found, wanted, time.monotonic() - began) | {"exit_code": code})
    else:
        line = _line(reader, found, wanted, seconds or 0.0)
        say(line) if code == 0 else warn(f"dltui: {line}")
    return code


def _exit_code(found: Outcome, wanted: Condition | None) -> int:
    from dltui.tui.cli.follow.closing import EXIT_CODES

    if found.reason == "condition":
        return 0
    if found.reason == "timeout":
        return TIMED_OUT
    code = EXIT_CODES.get(found.status.name, 1)
    return code or int(wanted is not None)


def _line(reader: RunReader, found: Outcome, wanted: Condition | None, seconds: float) -> str:
    from dltui.core.analysis.measures.condition import last
    from dltui.tui.cli.follow.closing import outcome

    name, status = reader.directory.id, found.status
    if found.met is not None and wanted is not None:
        where = "" if wanted.name in ("epoch", "step") else f" (epoch {found.met.epoch})"
        return f"{name}: {wanted.text} holds: {rounded(found.met.value)}{where}"
    newest = last(wanted, reader.history) if wanted else None
    so_far = f"; {wanted.name} is {rounded(newest.value)}" if wanted and newest else ""
    if found.reason == "timeout":
        return f"{name} is {status.name} after {duration(seconds)} of waiting{so_far}"
    never = f"{wanted.text} never held{so_far}; " if wanted else ""
    return f"{name}: {never}{outcome(reader.history, status.name, status.why)}"
