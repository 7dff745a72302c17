"""`dltui runs`: what there is, newest first."""

from __future__ import annotations

import time
from typing import Any

import click

from dltui.tui.cli import numbers
from dltui.tui.cli.terminal import say, say_json

HEADER = ["NAME", "MODEL", "DATA", "WHERE", "DONE", "BEST", "STATE", ""]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def runs(as_json: bool) -> int:
    """List the runs, newest first."""
    from dltui.core.rundir import list_runs

    rows = [row for run in list_runs() if (row := _row(run)) is not None]
    if as_json:
        say_json(rows)
        return 0
    if not rows:
        say("no runs yet; `dltui demo` trains one in a minute, `dltui train MODEL` is the real thing")
        return 0
    now = time.time()
    for line in numbers.table([HEADER, *[columns(row, now) for row in rows]], right=frozenset({4, 5})):
        say(line)
    for row in rows:
        if row.get("why") and row["status"] in ("failed", "silent", "interrupted"):
            say(f"{row['id']}: {row['why']}")
    return 0


def _row(run: Any) -> dict[str, Any] | None:
    """One object of `--json`; a directory that cannot be read is shown with its reason instead of hidden."""
    from dltui.core.errors import DltuiError
    from dltui.core.reader import RunReader

    try:
        reader = RunReader(run)
        reader.refresh()
        return reader.summary_row()
    except (DltuiError, OSError) as error:
        unknown = dict.fromkeys(("model", "framework", "dataset", "device", "epoch", "epochs", "best"))
        return {"id": run.id, "name": run.id, "status": "failed", **unknown, "note": str(error), "why": str(error)}


def columns(row: dict[str, Any], now: float) -> list[str]:
    """A run as a row of the table."""
    best = row.get("best")
    name = row.get("metric") or ""
    done = f"{row.get('epoch') or 0}/{row['epochs']}" if row.get("epochs") else "-"
    created = row.get("created")
    return [
        str(row["name"] or row["id"]),
        str(row.get("model") or "-"),
        str(row.get("dataset") or "-"),
        str(row.get("device") or "-"),
        done,
        best_text(best, name),
        str(row["status"]),
        numbers.age(now - created) if isinstance(created, (int, float)) else "",
    ]


def best_text(best: Any, name: str) -> str:
    """The best value of the monitor, whichever way the row carries it."""
    if isinstance(best, dict):
        name, best = str(best.get("metric", name)), best.get("value")
    if not isinstance(best, (int, float)):
        return "-"
    return numbers.metric(name or "loss", float(best))
