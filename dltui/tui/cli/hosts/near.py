"""Runs of other hosts for the commands of this one: HOST:RUN is followed through its mirror, and what a run's own host
has to do is asked of it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import DltuiError, UsageError
from dltui.core.hosts import address, mirror
from dltui.core.hosts.fetched import Fetched, fetch_figures
from dltui.core.hosts.link import HostError, Link
from dltui.core.hosts.mirror import Mirror
from dltui.core.machine.process import user_at_host
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line
from dltui.tui.cli.output import say, warn

if TYPE_CHECKING:
    from dltui.core.lifecycle.resume import Resumption

_LINKS: dict[str, Link] = {}
"""The links of this command line, by host."""
_NOTED: set[str] = set()
"""The hosts whose note about another version was shown."""
_MIRRORS: dict[RunDirectory, Mirror] = {}


def link_to(host: str) -> Link:
    """The link to a host, which answers. Raises DltuiError with the reason why it does not."""
    link = begin(host)
    link.wait()
    if link.state.note and host not in _NOTED:
        _NOTED.add(host)
        warn(f"dltui: {host}: {link.state.note}")
    return link


def begin(host: str) -> Link:
    """Begin to reach a host. Raises UsageError for what is none."""
    if host not in _LINKS:
        made = Link(address.chosen([host])[0])
        made.start()
        _LINKS[host] = made
        _at_the_end(lambda: _close(host))
    return _LINKS[host]


def _close(host: str) -> None:
    _NOTED.discard(host)
    _LINKS.pop(host).close()


def _at_the_end(work: Any) -> None:
    """Do something when the command is done."""
    click.get_current_context().call_on_close(work)


def follow_run(host: str, name: str) -> RunDirectory:
    """The mirror of a run of another host, which is kept up to date until the command is done. "" is the latest."""
    if click.get_current_context(silent=True) is None:
        # An agent's server: whoever talks to it must not choose where ssh leads.
        raise UsageError(f"runs of other hosts are not reached from here: {clean_line(address.joined(host, name), 80)}")
    link = link_to(host)
    kept = Mirror(link, str(link.ask("find", name=name)))
    _MIRRORS[kept.directory] = kept
    kept.start()

    def leave() -> None:
        # The commands that were left in it are on their way.
        kept.settle()
        kept.stop()
        _MIRRORS.pop(kept.directory, None)

    _at_the_end(leave)
    kept.ready()
    return kept.directory


def origin(run: RunDirectory) -> tuple[Link, str] | None:
    """The link and the name of a run of another host; None for a run of this host."""
    found = mirror.origin(run)
    return None if found is None else (link_to(found[0]), found[1])


def rows(host: str, facts: bool = False) -> list[dict[str, Any]]:
    """The rows of the runs of a host, as `all_rows` has them; each value is one that lists expect. With `facts` each
    also has what a filter can find of it, where its host tells.
    """
    link = link_to(host)
    found = link.ask("rows", seconds=None, **({"facts": True} if facts else {}))
    known = [_row(host, row) for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return [_by_our_clock(row, link.state.ahead) for row in known]


def _by_our_clock(row: dict[str, Any], ahead: float) -> dict[str, Any]:
    return row | {name: row[name] - ahead for name in ("since", "created") if row[name]}


_TEXTS = ("name", "status", "why", "phase", "note")
_TEXTS_OR_NONE = (
    "model", "framework", "task", "dataset", "device", "metric", "mode", "exports", "path",
)  # fmt: skip
_OF_THE_HOST = ("group", "sweep", "parent")
"""Names that runs of another host, or of this one, may have as well."""
_NUMBERS = ("since", "epoch", "epochs", "step", "total_steps", "seconds", "train_seconds")
_NUMBERS_OR_NONE = ("best", "best_epoch", "created", "seed")


def _row(host: str, row: dict[str, Any]) -> dict[str, Any]:
    test = row["test"].items() if isinstance(row.get("test"), dict) else ()
    return {
        "id": address.joined(host, clean_line(row.get("id", ""), 80)),
        **{name: clean_line(row.get(name) or "", 1_000) for name in _TEXTS},
        **{name: None if row.get(name) is None else clean_line(row[name], 1_000) for name in _TEXTS_OR_NONE},
        **{name: address.joined(host, clean_line(row[name], 80)) if row.get(name) else None for name in _OF_THE_HOST},
        **{name: _number(row.get(name)) or 0 for name in _NUMBERS},
        **{name: _number(row.get(name)) for name in _NUMBERS_OR_NONE},
        "test": {clean_line(key, 40): _number(value) for key, value in test} or None,
        "tags": [clean_line(tag, 60) for tag in row["tags"]] if isinstance(row.get("tags"), list) else [],
        "group_seeds": None,
        "host": host,
        **({"facts": _facts(host, row)} if "facts" in row else {}),
    }


def _facts(host: str, row: dict[str, Any]) -> dict[str, Any]:
    from dltui.tui.base.summary_json import READ

    try:
        known = READ["facts"](row["facts"])
    except (ValueError, TypeError, OverflowError):
        known = {}
    return {**known, "host": host, "id": address.joined(host, clean_line(row.get("id", ""), 80))}


def _number(value: object) -> Any:
    """The number itself; None for anything else."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
    return value if good else None


def kill_cost(run: RunDirectory) -> str:
    """A description of what a kill of a run would lose, as its host tells. Raises DltuiError."""
    link, name = _there(run)
    return clean_line(link.ask("kill_cost", run=name), 200)


def kill(run: RunDirectory, attempt: int | None = None) -> None:
    """End an attempt of a run at once, None is any, or a job that waits (`commands.NOT_BEGUN`). Raises DltuiError where
    its host cannot.
    """
    link, name = _there(run)
    link.ask("kill", seconds=None, run=name, **({} if attempt is None else {"attempt": attempt}))


def _there(run: RunDirectory) -> tuple[Link, str]:
    found = origin(run)
    assert found is not None
    return found


def export(run: RunDirectory, to: str | None, formats: Sequence[str] | None) -> Fetched:
    """Draw the figures of a run on its host, and fetch them. Raises DltuiError."""
    from dltui.core import paths

    wanted = paths.expanded(to).absolute() / run.id.replace(":", "-") if to else None
    return fetch_figures(*_there(run), to=wanted, formats=formats, tell=warn)


def _answer(link: Link, do: str, **words: Any) -> Any:
    """The answer to a question, whose refusal says which host it speaks of. Raises HostError or UsageError."""
    try:
        return link.ask(do, seconds=None, **words)
    except HostError:
        raise
    except DltuiError as error:
        raise UsageError(f"{link.host.name}: {error}") from None


def resumption(run: RunDirectory, more_epochs: int) -> Resumption:
    """The plan of going on with a run on its host. Raises DltuiError, also where it cannot go on."""
    from dltui.tui.base.hosts.far_summary import resumption_from_json

    link, name = _there(run)
    found = _answer(link, "resumption", run=name, more_epochs=more_epochs)
    return resumption_from_json(link.host.name, found)


def resume(run: RunDirectory, more_epochs: int) -> None:
    """Go on with a run on its host. Its mirror knows of it from then on: else the status of before would be taken for
    its end. Raises DltuiError.
    """
    link, name = _there(run)
    _answer(link, "resume", run=name, more_epochs=more_epochs)
    try:
        if run in _MIRRORS:
            _MIRRORS[run].refresh()
    except HostError:
        back = f"watch it with: dltui attach {shlex.quote(run.id)}"
        raise HostError(f"{run.id} goes on, and {link.host.name} has not told how yet; {back}") from None


def bring_predictions(run: RunDirectory) -> None:
    """Copy the predictions of a run that is followed, as they are now; nothing for a run of this host. Raises
    HostError.
    """
    if run in _MIRRORS:
        _MIRRORS[run].refresh(large=True)


def take_out(runs: Sequence[RunDirectory]) -> None:
    """Stop runs of other hosts that wait in a queue: the last one first, so that none begins meanwhile."""
    for run in reversed(runs):
        link, name = _there(run)
        with contextlib.suppress(DltuiError):
            link.ask("send", run=name, action="stop", arguments={}, by=user_at_host())


OWN_DATA = ("--data-dir", "--plugin")
OWN_PREFIXES = ("folder:", "csv:", "./", "../", "~/")


def train(host: str, words: Sequence[str]) -> list[RunDirectory]:
    """Start a run on another host by the words of a command line. Returns its mirror, and those of a series."""
    link = link_to(host)
    if _names_files(words):
        warn(f"dltui: data and plugins are read on {host}: paths are paths there")
    started = _answer(link, "train", words=list(words))
    if not isinstance(started, list) or not started:
        raise UsageError(f"{host} did not say which run it started")
    return [mirror.directory(host, str(name)) for name in started]


def background_line(run: RunDirectory) -> str:
    """The line about a run that was started and is not followed."""
    return f"{run.id} trains in the background; watch it with: dltui attach {shlex.quote(run.id)}"


def name_of(run: RunDirectory) -> tuple[str, str]:
    """The host and the name of a run of another host."""
    host, _, name = run.id.partition(address.SEPARATOR)
    return host, name


def fetch_if_over(run: RunDirectory, as_json: bool) -> None:
    """Fetch the figures that the worker of a run has drawn at its end, none while it goes on, and name them. Raises
    DltuiError.
    """
    from dltui.core.reading.reader import RunReader
    from dltui.tui.cli.follow.outputs import say_exported

    reader = RunReader(run)
    reader.refresh()
    status, fetched = reader.status(), None
    if status.over and reader.history.epochs:
        try:
            fetched = fetch_figures(*_there(run), draw=False, tell=warn)
        except DltuiError:
            if as_json:
                # A reader of the stream waits for its last line.
                say_exported(run, status, [])
            raise
    if as_json:
        say_exported(run, status, fetched.files if fetched else [])
    elif fetched and fetched.files:
        say(f"figures and tables, fetched from {name_of(run)[0]}, in {fetched.folder}:")
        say("  " + "  ".join(path.name for path in fetched.files))


def _names_files(words: Sequence[str]) -> bool:
    values = [part for word in words for part in (word, word.partition("=")[2])]
    return any(word.partition("=")[0] in OWN_DATA for word in words) or any(
        value.startswith(OWN_PREFIXES) or (os.sep in value and not value.startswith("-")) for value in values
    )
