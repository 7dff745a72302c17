"""`dltui train MODEL --seeds 1,2,3`: a run per seed, one after the other, and their common result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.text import plural
from dltui.tui.cli.launch import start
from dltui.tui.cli.output import say, say_json, spelled
from dltui.tui.draw import wording

if TYPE_CHECKING:
    from dltui.core.analysis.groups import Group
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.rundir.directory import RunDirectory


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
    """Train every seed, each when the run before it has finished. If the user leaves, the rest goes on in the
    background.
    """
    from dltui.core.lifecycle import series
    from dltui.core.lifecycle.create import create_run

    start.check(options)
    if options.dry_run:
        raise UsageError("--dry-run tries one run; it does not go with --seeds")
    if "seed" in config:
        raise UsageError("--seed and --seeds exclude one another")
    seeds = parse(options.seeds, model)
    request = start.request(catalog, model, config, options)
    group = series.group_name(options.name)
    runs: list[RunDirectory] = []
    for position, seed in enumerate(seeds, start=1):
        run = create_run(series.member(request, group, seed), catalog)
        runs.append(run)
        code = start.carry_out(run, options)
        if options.queue:
            # Each is a worker of its own that waits for its turn.
            continue
        status, rest = _status(run), seeds[position:]
        if status is None and rest:
            series.spawn(run, request, group, rest)
            _say_rest(f"seed {_list(rest)} follows" if len(rest) == 1 else f"seeds {_list(rest)} follow", options)
        if status is None:
            return code
        if status != "finished":
            if rest:
                _say_rest(f"{group} ends here: seed {seed} was {status}, {_list(rest)} not trained", options)
            return code
    if options.queue:
        return 0
    _summary(group, seeds, runs, options.as_json)
    return 0


def _status(run: RunDirectory) -> str | None:
    """The status of a run that has ended; None when the user left it and it goes on."""
    from dltui.core.reading.reader import RunReader

    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    return status.name if status.over else None


def _say_rest(text: str, options: start.Options) -> None:
    if not options.as_json:
        say(text)


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _summary(group: str, seeds: Sequence[int], runs: Sequence[RunDirectory], as_json: bool) -> None:
    from dltui.core.analysis.groups import Group
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.summary import summary_row

    whole = Group(group, tuple(summary_row(RunReader(run)) for run in runs))
    metric = str(whole.rows[0].get("metric") or "loss")
    if not as_json:
        parts = [f"{group}: {plural(len(runs), 'seed')} ({_list(seeds)})", *_parts(whole, metric)]
        say(", ".join(parts))
        return
    best, test = whole.best(), whole.test(metric)
    say_json(
        {
            "type": "group_ended",
            "group": group,
            "runs": [run.id for run in runs],
            "seeds": list(seeds),
            "metric": metric,
            "best": asdict(best) if best else None,
            "test": asdict(test) if test else None,
        }
    )


def _parts(group: Group, metric: str) -> list[str]:
    """The results with their standard deviation over the seeds: `test accuracy 84.52 ±.10 %`."""
    found = [("test", group.test(metric)), ("best validation", group.best())]
    return [f"{title} {metric} {spelled(wording.spread(metric, value))}" for title, value in found if value is not None]
