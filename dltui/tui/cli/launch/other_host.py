"""`dltui train --host HOST ...`: the words go to that host, whose models and datasets they name."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import DltuiError, UsageError
from dltui.tui.cli.launch import seeds
from dltui.tui.cli.launch.model_flags import TrainCommand

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.cli.follow.follow import Style

FLAG = "--host"
OURS = ("--detach", "--plain", "--json")
"""Options that say how the run is followed here."""
NOT_THERE = ("--debug", "--dry-run", "--help", "-h")


class HostedTrain(TrainCommand):
    """`train`, which with --host reads no catalog of this host."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        host, words = taken(args)
        if host is None or extra.get("resilient_parsing"):
            return super().make_context(info_name, args, parent, **extra)
        context = there.make_context(info_name, [], parent, **extra)
        context.obj = (host, words)
        return context


def taken(args: list[str]) -> tuple[str | None, list[str]]:
    """The host that a command line names, and the other words. Raises UsageError for a host without a name."""
    host, rest, words = None, [], iter(args)
    for word in words:
        name, equals, value = word.partition("=")
        if name != FLAG:
            rest.append(word)
            continue
        if host is not None:
            raise UsageError("a run has one --host; start one on each")
        host = value if equals else next(words, "")
    return host, rest


@click.command("train", add_help_option=False)
@click.pass_context
def there(context: click.Context) -> int:
    """Start a run on another host, and follow it as one of this host."""
    from dltui.core.hosts.address import check_host
    from dltui.tui.cli.follow.follow import choose_style
    from dltui.tui.cli.hosts import near
    from dltui.tui.cli.output import say, say_json

    host, words = context.obj
    ours = {word: word in words for word in OURS}
    for word in words:
        if word in NOT_THERE:
            raise UsageError(f"{word} does not go with {FLAG}: ssh {check_host(host)} dltui train {word} ...")
    words = [word for word in words if word not in OURS]
    started = near.train(check_host(host), words)
    if ours["--detach"] or "--queue" in words:
        for run in started:
            if ours["--json"]:
                say_json({"type": "run", "id": run.id})
            else:
                say(near.background_line(run))
        return 0
    follow_one = _follower(choose_style(ours["--plain"], ours["--json"]))
    if len(started) == 1:
        return follow_one(started[0])
    way = seeds.Way(
        follow=follow_one,
        take_out=_take_out,
        say=lambda run: say_json({"type": "run", "id": run.id}),
        summary=lambda: _summary(started, ours["--json"]),
    )
    return seeds.follow_all(started, way, ours["--json"])


def _follower(style: Style) -> Callable[[RunDirectory], int]:
    """Follows a run of another host, and fetches its figures at its end."""
    from dltui.tui.cli.follow.follow import follow
    from dltui.tui.cli.hosts import near
    from dltui.tui.cli.output import warn

    def follow_one(run: RunDirectory) -> int:
        mirrored = near.follow_run(*near.name_of(run))
        code = follow(mirrored, style, asks=True, fetched=True)
        try:
            near.fetch_if_over(mirrored, as_json=style == "json")
        except DltuiError as error:
            # The other runs of its series go on.
            warn(f"dltui: {error}")
            return code or error.exit_code
        return code

    return follow_one


def _rows(runs: Sequence[RunDirectory]) -> list[dict[str, Any]]:
    """The rows of runs of one host, as it tells them."""
    from dltui.tui.cli.hosts import near

    ids = [run.id for run in runs]
    found = {row["id"]: row for row in near.rows(near.name_of(runs[0])[0])}
    return [found[name] for name in ids if name in found]


def _take_out(rest: Sequence[RunDirectory]) -> None:
    """Stop runs that have not begun, and wait until they are out of the queue of their host."""
    from dltui.core.reading.status import OVER
    from dltui.tui.cli.hosts import near

    with _warned():
        near.take_out(rest)
        deadline = time.monotonic() + seeds.LEAVING_SECONDS
        while any(row["status"] not in OVER for row in _rows(rest)) and time.monotonic() < deadline:
            time.sleep(0.5)


def _summary(runs: Sequence[RunDirectory], as_json: bool) -> None:
    with _warned():
        if rows := _rows(runs):
            seeds.summary(str(rows[0]["group"]), rows, as_json)


@contextlib.contextmanager
def _warned() -> Iterator[None]:
    """Say what the host cannot do; the exit code is that of the runs."""
    from dltui.tui.cli.output import warn

    try:
        yield
    except DltuiError as error:
        warn(f"dltui: {error}")
