"""`dltui runs`: the runs, newest first."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dltui.core import numbers, paths
from dltui.core.errors import UsageError
from dltui.core.reading.status import INCOMPLETE, OVER
from dltui.core.text import clean_line, plural
from dltui.tui.cli.output import say, say_json, say_table, spelled, warn
from dltui.tui.draw import wording

if TYPE_CHECKING:
    from dltui.core.analysis.groups import Group

STATE = 6
HEADER = ["NAME", "MODEL", "DATA", "WHERE", "DONE", "BEST", "STATE", ""]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
@click.option(
    "--filter",
    "wanted",
    metavar="TEXT",
    default="",
    help="only these: 'model:cnn dataset:digits host:gpu02 tag:x -status:failed lr>=0.01 word'",
)
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="the runs of another host instead; repeatable")
@click.option("--all", "unfold", is_flag=True, help="every run of a group in a line of its own")
def runs(as_json: bool, wanted: str, hosts: tuple[str, ...], unfold: bool) -> int:
    """List the runs, newest first."""
    from dltui.core.analysis.groups import Group, fold, missing_seeds
    from dltui.core.analysis.measures import run_filter
    from dltui.core.lifecycle.launch.asked_rows import asked_rows

    terms = run_filter.parse(wanted)
    found = _of_hosts(hosts, facts=bool(terms)) if hosts else asked_rows()
    known = [_facts(row) for row in found] if terms else [{}] * len(found)
    rows = [row for row, facts in zip(found, known, strict=True) if run_filter.matches(terms, facts)]
    if not found and not hosts:
        _check_readable()
    if as_json:
        say_json(rows)
        return 0
    if found and not rows:
        say(f"none of {plural(len(found), 'run')} matches; {run_filter.unknown(terms, known) or 'see dltui runs'}")
        return 0
    if not rows:
        say("no runs yet; `dltui demo` trains one in a minute, `dltui train MODEL` is the real thing")
        return 0
    now = time.time()
    missing = missing_seeds((str(row.get("group") or ""), row.get("seed"), _wanted(row)) for row in found)
    folded = fold(rows, missing)
    shown = [columns(entry, now) for entry in (rows if unfold else folded)]
    say_table([HEADER, *shown], right=frozenset({4, 5}), yielding=(1, 2, 3, 0), style=_style)
    for group in folded:
        if isinstance(group, Group) and group.standing:
            say(f"{group.name}: {group.standing}")
    for row in rows:
        if row.get("why") and (row["status"] in ("failed", "silent", "interrupted") or row.get("phase") == INCOMPLETE):
            say(f"{row['id']}: {row['why']}")
    return 0


def _check_readable() -> None:
    """Raise UsageError where there may be runs that nobody can read."""
    try:
        os.scandir(paths.runs_dir()).close()
    except FileNotFoundError:
        return
    except OSError as error:
        where, why = clean_line(paths.runs_dir()), (error.strerror or str(error)).lower()
        raise UsageError(f"the runs in {where} cannot be read: {why}; DLTUI_HOME names another folder") from None


def _of_hosts(hosts: Sequence[str], facts: bool = False) -> list[dict[str, Any]]:
    """The rows of other hosts, newest first; all are asked at once, and one that does not answer costs only its own.
    Raises an error where none answers.
    """
    from dltui.core.errors import DltuiError
    from dltui.tui.cli.hosts import near

    found: dict[str, list[dict[str, Any]]] = {}
    problems: dict[str, DltuiError] = {}

    def ask(host: str) -> None:
        try:
            found[host] = near.rows(host, facts)
        except DltuiError as error:
            problems[host] = error

    wanted = list(dict.fromkeys(hosts))
    for host in wanted:
        near.begin(host)
    asking = [threading.Thread(target=ask, args=(host,), daemon=True) for host in wanted]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    silent = [problems[host] for host in wanted if host in problems]
    for error in silent[: len(wanted) - 1]:
        warn(f"dltui: {error}")
    if len(silent) == len(wanted):
        raise silent[-1]
    rows = [row for host in wanted for row in found.get(host, ())]
    return sorted(rows, key=lambda row: row.get("created") or 0.0, reverse=True)


def _wanted(row: dict[str, Any]) -> list[int]:
    seeds = row.get("group_seeds")
    return seeds if isinstance(seeds, list) else []


def _style(column: int, text: str) -> str:
    return wording.STATUS_STYLES.get(text, "") if column == STATE else ""


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    """What the filter can find of a run; what another host told of it is taken out of its row."""
    from dltui.core.analysis.measures import run_filter
    from dltui.core.errors import DltuiError
    from dltui.core.rundir.directory import RunDirectory

    if ":" in str(row["id"]):
        told: dict[str, Any] | None = row.pop("facts", None)
        return run_filter.facts(row, {}) if told is None else told
    try:
        asked = RunDirectory(paths.runs_dir() / str(row["id"])).run()
    except DltuiError:
        asked = {}
    return run_filter.facts(row, asked)


def columns(row: Any, now: float) -> list[str]:
    """A run, or a group of runs, as a row of the table."""
    return run_columns(row, now) if isinstance(row, dict) else group_columns(row, now)


def group_columns(group: Group, now: float) -> list[str]:
    """A group as a row of the table, `lab3 (3 seeds)`: the mean with its spread, and the epochs of all; of a sweep the
    best value.
    """
    first = run_columns(dict(group.rows[0]), now)
    done, epochs = (sum(int(row.get(key) or 0) for row in group.rows) for key in ("epoch", "epochs"))
    best = group.best()
    if group.is_sweep:
        title, leader = f"{group.name} ({plural(len(group), 'trial')})", group.leader()
        text = best_text(leader.get("best"), str(leader.get("metric") or ""))
        return [title, *first[1:4], f"{done}/{epochs}", text, group.status, first[7]]
    text = spelled(wording.spread(group.metric, best)) if best else "-"
    title = f"{group.name} ({plural(len(group), 'seed')})"
    same = len({row.get("epoch") for row in group.rows}) == 1 and done == epochs and not group.missing
    # A product, since the sum of epochs says nothing of how long each was trained.
    done_text = f"{len(group.rows)}x{done // len(group.rows)}" if same else f"{done}/{epochs}"
    statuses = [row["status"] for row in group.rows]
    finished = statuses.count("finished")
    state = group.status if finished == len(group) else f"{finished} of {len(group)}, {group.status}"
    return [title, *first[1:4], done_text, text, state, first[7]]


def run_columns(row: dict[str, Any], now: float) -> list[str]:
    """A run as a row of the table."""
    best = row.get("best")
    name = row.get("metric") or ""
    done = f"{row.get('epoch') or 0}/{row['epochs']}" if row.get("epochs") else "-"
    created = row.get("created")
    return [
        str(row["name"] or row["id"]) + (f" (from {row['parent']})" if row.get("parent") else ""),
        str(row.get("model") or "-"),
        str(row.get("dataset") or "-"),
        _where(row),
        done,
        best_text(best, name),
        "drawing figures" if row["status"] in OVER and row.get("phase") == "exporting" else str(row["status"]),
        numbers.age(now - created) if isinstance(created, (int, float)) else "",
    ]


def _where(row: dict[str, Any]) -> str:
    """The device of a run, with the host for one of another host."""
    device = str(row.get("device") or "-")
    return f"{row['host']}:{device.removeprefix('cuda:')}" if ":" in str(row["id"]) else device


def best_text(best: Any, name: str) -> str:
    """The best value of the monitor, from either form of the row."""
    if isinstance(best, dict):
        name, best = str(best.get("metric", name)), best.get("value")
    if not isinstance(best, (int, float)):
        return "-"
    return numbers.metric(name or "loss", float(best))
