"""The second row of a run's page while it shows the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.format import duration
from dltui.tui.ink import Row, cells, ends
from dltui.tui.widgets.bars import bar

if TYPE_CHECKING:
    from dltui.tui.replay import Replay
    from dltui.tui.view import RunView


def past_row(now: RunView, past: RunView, replay: Replay, width: int) -> Row:
    """Which epoch, how far into the training, and the keys that lead back."""
    from dltui.tui.widgets.axis import clock

    whole = float(clock(now.history)[1][-1])
    done, epochs = len(past.history.epochs), past.progress.epochs if past.progress else 0
    what = f" after epoch {done} of {epochs} " if not replay.speed else f" epoch {min(done + 1, epochs)} of {epochs} "
    end: Row = [(f" {duration(replay.seconds)} of {duration(whole)}  ", "bold")]
    end += [
        ("[ ]", "key bold"),
        (" epoch  ", "dim"),
        ("P", "key bold"),
        (" faster  " if replay.speed else " play  ", "dim"),
    ]
    end += [("End", "key bold"), (" as it is ", "dim")]
    row: Row = [(what, "warn bold")]
    room = max(width - cells(row) - cells(end), 0)
    row += bar(replay.seconds / whole if whole else 0.0, room, "warn")
    return ends(row, end, width)
