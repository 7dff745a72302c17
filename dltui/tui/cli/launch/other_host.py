"""`dltui train --host HOST ...`: the words go to that host, whose models and datasets they name."""

from __future__ import annotations

from typing import Any

import click

from dltui.core.errors import UsageError
from dltui.tui.cli.launch.model_flags import TrainCommand

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
    from dltui.tui.cli.follow.follow import choose_style, follow
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
    style, code = choose_style(ours["--plain"], ours["--json"]), 0
    for run in started:
        mirrored = near.follow_run(*near.name_of(run))
        code = code or follow(mirrored, style, asks=True)
        code = code or near.fetch_if_over(mirrored, quiet=style == "json")
    return code
