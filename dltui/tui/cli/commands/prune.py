"""`dltui prune`: delete old runs and runs that are not among the best, after showing their size."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dltui.core import numbers
from dltui.core.errors import UsageError
from dltui.core.tasks.registry import lowest_is_best
from dltui.core.text import plural
from dltui.tui.cli.follow import deleting
from dltui.tui.cli.output import is_terminal, say, say_json, table

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory

DAY = 86_400.0


@click.command()
@click.option("--keep-best", type=click.IntRange(min=0), metavar="N", help="of each model and dataset, keep the N best")
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="only runs that ended so long ago")
@click.option("--dry-run", is_flag=True, help="only show what would be deleted")
@click.option("--yes", is_flag=True, help="do not ask")
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects; with --dry-run or --yes")
def prune(keep_best: int | None, older_than: float | None, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Delete ended runs for good: those that --older-than and --keep-best both let go. Figures stay."""
    if keep_best is None and older_than is None:
        raise UsageError("name the runs to delete: --keep-best N, --older-than DAYS, or both")
    if older_than is not None and not math.isfinite(older_than):
        raise UsageError(f"--older-than takes a number of days, not {older_than}")
    if not (dry_run or yes) and (as_json or not is_terminal()):
        raise UsageError("cannot ask for confirmation here: use --dry-run to look, or --yes to delete")
    rows, left_alone = _rows()
    doomed = choose(rows, keep_best, older_than, time.time())
    if not as_json:
        _show(doomed)
        for line in left_alone:
            say(line)
    go = bool(doomed) and not dry_run and (yes or click.confirm("delete all of these for good?"))
    left = deleting.delete([one.run for one in doomed], as_json) if go else {}
    if as_json:
        say_json([_as_object(one, go and one.run not in left, left.get(one.run)) for one in doomed])
    return 1 if left else 0


class Ended(NamedTuple):
    """A run that has ended: its summary, the bytes of its files, and a word that runs on the same data share."""

    row: dict[str, Any]
    size: int
    run: RunDirectory
    data: str


def _as_object(one: Ended, deleted: bool, why: str | None) -> dict[str, Any]:
    found = {"id": one.row["id"], "bytes": one.size, "deleted": deleted, "path": one.row["path"]}
    return {**found, "why": why} if why else found


def choose(runs: Sequence[Ended], keep_best: int | None, older_than: float | None, now: float) -> list[Ended]:
    """The runs to delete, oldest first: old enough, and not among the best of their model and data."""
    kept = _best(runs, keep_best)
    limit = now - (older_than or 0) * DAY
    found = [one for one in runs if one.row["id"] not in kept and _ended(one.row) <= limit]
    return sorted(found, key=lambda one: _ended(one.row))


def _best(runs: Sequence[Ended], count: int | None) -> set[str]:
    """The ids of the best runs of each model, data and metric."""
    if not count:
        return set()
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in runs:
        row = one.row
        if row["best"] is not None and row["best"] == row["best"]:
            groups.setdefault((row["model"], one.data, row["metric"], row["mode"]), []).append(row)
    kept = set()
    for (_, _, metric, mode), group in groups.items():
        ordered = sorted(group, key=lambda row: row["best"], reverse=not lowest_is_best(str(metric), mode))
        kept |= {row["id"] for row in ordered[:count]}
    return kept


def _ended(row: dict[str, Any]) -> float:
    return float(row["since"] or row["created"] or 0)


def _rows() -> tuple[list[Ended], list[str]]:
    """The ended runs that are not links, and the reasons why others are left alone, one line each."""
    from dltui.core.lifecycle import trash
    from dltui.core.lifecycle.launch.asked_rows import asked_rows
    from dltui.core.reading.reader import RunReader
    from dltui.core.reading.summary import summary_row
    from dltui.core.rundir.directory import list_runs

    # What launchers say of jobs that may wait in their queues again.
    asked_rows()
    found, left_alone = [], []
    for run in list_runs():
        reader = RunReader(run)
        row = summary_row(reader)
        if not reader.status().over or not trash.is_ours(run):
            continue
        why = trash.kept(run)
        if why:
            left_alone.append(f"{run.id} is left alone: {why}")
        else:
            found.append(Ended(row, _size(run), run, _data(reader)))
    return found, left_alone


def _data(reader: RunReader) -> str:
    """The fingerprint of the data; of a run that has not told it the dataset with all of its options."""
    attempt = reader.history.attempt
    told = attempt.dataset.get("fingerprint") if attempt else None
    asked = reader.run
    named = [asked.get("dataset_plugin") or asked.get("dataset"), asked.get("data_dir"), asked.get("dataset_options")]
    return str(told) if told else json.dumps(named, sort_keys=True)


def _size(run: RunDirectory) -> int:
    """The bytes of all files; files that vanish meanwhile count nothing."""
    total = 0
    for path in run.path.rglob("*"):
        try:
            total += path.lstat().st_size if not path.is_dir() else 0
        except OSError:
            continue
    return total


def _show(doomed: Sequence[Ended]) -> None:
    if not doomed:
        say("no run to delete")
        return
    now = time.time()
    rows = [["RUN", "MODEL", "DATASET", "BEST", "ENDED", "SIZE"]]
    for row, size, *_ in doomed:
        best = numbers.metric(row["metric"] or "", row["best"])
        ago = numbers.age(now - _ended(row))
        rows.append([row["id"], row["model"] or "?", row["dataset"] or "?", best, f"{ago} ago", numbers.size(size)])
    for line in table(rows, frozenset({3, 4, 5})):
        say(line)
    say(f"{plural(len(doomed), 'run')}, {numbers.size(sum(one.size for one in doomed))}")
