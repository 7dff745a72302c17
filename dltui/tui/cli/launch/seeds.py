"""`dltui train MODEL --seeds 1,2,3`: a run per seed, one after the other, and their common result.

The runs wait for one another in the queue of their device: the process that follows them may end at any time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from dltui.core.errors import DltuiError, UsageError
from dltui.core.text import plural
from dltui.tui.cli.launch import start
from dltui.tui.cli.output import say, say_json, spelled
from dltui.tui.draw import wording

if TYPE_CHECKING:
    from dltui.core.analysis.groups import Group, Row
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.rundir.directory import RunDirectory

LEAVING_SECONDS = 10.0


def parse(text: str, model: ModelEntry) -> list[int]:
    """The seeds in `"1,2,3"`, checked by the model. Raises UsageError."""
    field = model.field("seed")
    words = [word.strip() for word in text.split(",") if word.strip()]
    if field is None or not words:
        raise UsageError(f"--seeds wants numbers like 1,2,3, got {text!r}")
    seeds = [int(field.parse(word)) for word in words]
    if len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds names a seed twice: {text}")
    return seeds


def start_all(catalog: Catalog, model: ModelEntry, config: Mapping[str, Any], options: start.Options) -> int:
    """Create a run for each seed and start them all, each to train when the run before it has ended."""
    from dltui.core.lifecycle import series

    start.check(options)
    if options.dry_run:
        raise UsageError("--dry-run tries one run; it does not go with --seeds")
    if "seed" in config:
        raise UsageError("--seed and --seeds exclude one another")
    seeds = parse(options.seeds or "", model)
    request = start.settled(catalog, model, config, options)
    group = series.group_name(options.name)
    runs = series.create(request, group, seeds, catalog)
    if options.debug:
        return _in_turn(group, runs, options)
    for run in runs:
        start.open_way(run, options)
    pids = series.start(runs, at_once=not options.queue)
    if options.queue:
        for run in runs:
            start.say_queued(run, options.as_json)
        return 0
    return stay(group, runs, runs, pids, options)


def _in_turn(group: str, runs: Sequence[RunDirectory], options: start.Options) -> int:
    """Train them one after the other in the foreground of this terminal, up to the first that does not finish."""
    for run in runs:
        code = start.carry_out(run, options)
        if code:
            return code
    summary(group, _rows(runs), options.as_json)
    return 0


def stay(
    group: str,
    runs: Sequence[RunDirectory],
    started: Sequence[RunDirectory],
    pids: Sequence[int],
    options: start.Options,
) -> int:
    """Follow the `started` runs of a group as `follow_all`; each has one of the `pids`."""
    pid_of = dict(zip(started, pids, strict=True))
    way = Way(
        follow=lambda run: start.stay(run, pid_of[run], options),
        take_out=_take_out,
        say=start.say_run,
        summary=lambda: summary(group, _rows(runs), options.as_json),
    )
    return follow_all(started, way, options.as_json)


class Way(NamedTuple):
    """How the runs of a series are dealt with where they are: one is followed, with an exit code; those that wait are
    taken out of the queue; one is said as JSON; and what came of all of them is said.
    """

    follow: Callable[[RunDirectory], int]
    take_out: Callable[[Sequence[RunDirectory]], None]
    say: Callable[[RunDirectory], None]
    summary: Callable[[], None]


def follow_all(started: Sequence[RunDirectory], way: Way, as_json: bool) -> int:
    """Follow runs, one after the other, until the user leaves. Stopping one stops those that follow. Returns the first
    exit code that is not 0.
    """
    codes = []
    for place, run in enumerate(started):
        rest = started[place + 1 :]
        code = way.follow(run)
        codes.append(code)
        status = _status(run)
        if status is None:
            _say_rest(rest, way, as_json)
            return code
        if status in ("stopped", "preempted") and rest:
            way.take_out(rest)
            break
    way.summary()
    return next(filter(None, codes), 0)


def _status(run: RunDirectory) -> str | None:
    """The status of a run that has ended; None when the user left it and it goes on."""
    from dltui.core.reading.reader import RunReader

    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    return status.name if status.over else None


def _say_rest(rest: Sequence[RunDirectory], way: Way, as_json: bool) -> None:
    for run in rest if as_json else ():
        way.say(run)
    if rest and not as_json:
        names = ", ".join(run.id for run in rest)
        say(f"{names} {'follows' if len(rest) == 1 else 'follow, one after the other'}")


def _take_out(rest: Sequence[RunDirectory]) -> None:
    """Stop runs that have not begun, and wait until they are out of the queue: the last one first, so that none
    begins meanwhile."""
    from dltui.core.rundir import commands

    for run in reversed(rest):
        with contextlib.suppress(DltuiError):
            commands.send(run.path, "stop", {})
    deadline = time.monotonic() + LEAVING_SECONDS
    while any(_status(run) is None for run in rest) and time.monotonic() < deadline:
        time.sleep(0.1)


def _rows(runs: Sequence[RunDirectory]) -> list[Row]:
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.summary import summary_row

    return [summary_row(RunReader(run)) for run in runs]


def summary(group: str, rows: Sequence[Row], as_json: bool) -> None:
    """Say what came of the runs of a group, which have these rows."""
    from dltui.core.analysis.groups import Group

    whole = Group(group, tuple(rows))
    metric = whole.metric
    seeds = [row["seed"] for row in whole.rows]
    if not as_json:
        listed = ", ".join(map(str, seeds))
        say(", ".join([f"{group}: {plural(len(rows), 'seed')} ({listed})", *_parts(whole, metric)]))
        if whole.standing:
            say(f"{group}: {whole.standing}")
        return
    best, test = whole.best(), whole.test(metric)
    say_json(
        {
            "type": "group_ended",
            "group": group,
            "runs": [row["id"] for row in rows],
            "seeds": seeds,
            "metric": metric,
            "best": asdict(best) if best else None,
            "test": asdict(test) if test else None,
        }
    )


def _parts(group: Group, metric: str) -> list[str]:
    """The results with their standard deviation over the seeds: `test accuracy 84.52 ±0.10 %`."""
    found = [("test", group.test(metric)), ("best validation", group.best())]
    return [f"{title} {metric} {spelled(wording.spread(metric, value))}" for title, value in found if value is not None]
