"""Writes the pictures of a sweep and its table: `python -P -m dltui.exports.sweeps NAME DIR`."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from dltui.core import fs
from dltui.core.analysis.trials import trial
from dltui.core.errors import DltuiError
from dltui.core.numbers import exact
from dltui.core.sweep import view
from dltui.core.sweep.view import SweepView
from dltui.core.text import cell
from dltui.exports.about import About, command, neutral
from dltui.exports.figures import style
from dltui.exports.save import save
from dltui.exports.sweeps import figures
from dltui.exports.write import into, say_files


def main(argv: Sequence[str] | None = None) -> int:
    name, folder = sys.argv[1:] if argv is None else argv
    try:
        files = write(view.look(name), Path(folder))
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code
    say_files(files, False)
    return 0


def write(found: SweepView, folder: Path) -> list[Path]:
    """Write all pictures and the table; all or, when the folder cannot be written, none. Raises UsageError."""

    def draft(temp: Path) -> list[Path]:
        drafts = []
        with style.applied():
            for name, draw in figures.FIGURES.items():
                save(draw(found), temp / f"{name}.svg", about(found, name))
                drafts.append(temp / f"{name}.svg")
        fs.write_atomic(temp / "trials.csv", table(found).encode("utf-8", "backslashreplace"))
        return [*drafts, temp / "trials.csv"]

    return into(folder, draft)


def about(found: SweepView, name: str) -> About:
    """The description of a picture: the sweep's plan and command."""
    facts = {"command": command(found.plan.command)} if found.plan.command else {}
    facts |= {"sampler": found.plan.sampler, "pruner": found.plan.pruner, "seed": str(found.plan.seed)}
    facts |= {f"range of {one.name}": neutral(one.text()) for one in found.plan.space}
    return About.of(f"Sweep: {name.replace('_', ' ')}", f"{len(found.trials)} trials.", facts)


def table(found: SweepView) -> str:
    """The trials as CSV, the best first. A value that varies is in the column "setting NAME"."""
    names = [one.name for one in found.plan.space]
    best = f"best_validation_{found.metric}" if found.metric else "best_validation"
    head = ["trial", "status", best, "best_epoch", "epochs_done", *(f"setting {name}" for name in names)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(cell, head))
    for one in trial.order(found.trials):
        values = [_cell(one.values.get(name)) for name in names]
        result = "" if one.best is None else exact(one.best)
        writer.writerow([one.number, one.standing(), result, one.best_epoch or "", one.done, *values])
    return text.getvalue()


def _cell(value: object) -> str:
    return cell(value) if isinstance(value, str) else exact(value)


if __name__ == "__main__":
    sys.exit(main())
