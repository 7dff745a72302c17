"""The position in a run's past: a held epoch, or a replay at the pace of its own log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dltui.core.numbers import duration
from dltui.tui.draw.styled_text import Row, bar, cells, ends

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.tui.run_page.view import RunView


WHOLE = 20.0
"""The time in seconds of a replay of a whole run at the first speed, however long the run took."""
SPEEDS = (1.0, 4.0, 16.0)
LEAST_BAR = 8


@dataclass(frozen=True)
class Replay:
    """A replay: at `seconds` of training at the time `since`, from there on at `speed`; with speed 0 it is held at
    `step`. At the speed `whole` the whole run takes `WHOLE`.
    """

    step: float
    seconds: float = 0.0
    speed: float = 0.0
    since: float = 0.0
    whole: float = 1.0
    before: float = 0.0
    """The speed of a replay that is on hold."""

    @property
    def state(self) -> str:
        """The text for the head of the page."""
        if not self.speed:
            return "PAST"
        return "REPLAY" if self.speed == self.whole else f"REPLAY {self.speed:g}x"

    def moved(self, history: History, now: float) -> Replay | None:
        """The replay at the time `now`; None when it has come to the end."""
        if not self.speed:
            return self
        import numpy as np

        from dltui.tui.draw.run_charts.axis import clock

        steps, seconds = clock(history)
        at = self.seconds + (now - self.since) * self.speed
        if at >= seconds[-1]:
            return None
        return replace(self, step=float(np.interp(at, seconds, steps)), seconds=at, since=now)

    def turned(self, history: History, now: float) -> Replay:
        """The replay on hold, or going on from where it is held."""
        if self.speed:
            return replace(self, speed=0.0, before=self.speed)
        # A live run is longer than before the hold, so that all of it takes another speed.
        whole = _whole(history)
        speed = whole if self.before in (0.0, self.whole) else self.before
        return replace(self, speed=speed, since=now, whole=whole)

    def faster(self, now: float) -> Replay:
        """The replay at the next speed; after the last speed at the first."""
        speeds = tuple(dict.fromkeys((self.whole, *SPEEDS)))
        return replace(self, speed=speeds[(speeds.index(self.speed) + 1) % len(speeds)], since=now)


def begun(history: History, now: float) -> Replay:
    """A replay from the start."""
    whole = _whole(history)
    return Replay(0.0, 0.0, whole, now, whole)


def _whole(history: History) -> float:
    """The speed at which the whole run takes `WHOLE`."""
    from dltui.tui.draw.run_charts.axis import clock

    return max(float(clock(history)[1][-1]) / WHOLE, 1e-9)


def epoch_before(history: History, step: float) -> float:
    """The end of the epoch before this step; 0 when there is none."""
    return float(max((record.step for record in history.epochs.values() if record.step < step), default=0))


def epoch_after(history: History, step: float) -> float | None:
    """The end of the epoch after this step; None when it is not over."""
    after = min((record.step for record in history.epochs.values() if record.step > step), default=None)
    return None if after is None else float(after)


def held(history: History, step: float) -> Replay:
    """A replay held at a step."""
    import numpy as np

    from dltui.tui.draw.run_charts.axis import clock

    steps, seconds = clock(history)
    return Replay(step, float(np.interp(step, steps, seconds)))


def view_of(view: RunView, replay: Replay) -> RunView:
    """The snapshot of the run at the replay's moment."""
    from dltui.core.reading.progress import progress

    past = view.history.as_of(replay.step)
    shown = replace(view, history=past, progress=progress(past, None))
    if view.past is None or not view.past.records:
        return shown
    seen = view.past.of(past)
    return replace(shown, matrix=seen.matrix if seen else None, mistakes=seen.mistakes if seen else None)


def past_row(now: RunView, past: RunView, replay: Replay, width: int) -> Row:
    """The row with the epoch, the training time so far, and the keys that lead back."""
    from dltui.tui.draw.run_charts.axis import clock

    whole = float(clock(now.history)[1][-1])
    done, epochs = past.history.epochs_done, past.progress.epochs if past.progress else 0
    what = f" after epoch {done} of {epochs} " if not replay.speed else f" epoch {min(done + 1, epochs)} of {epochs} "
    end: Row = [(f" {duration(replay.seconds)} of {duration(whole)}  ", "bold")]
    keys = [
        ("Space", "hold" if replay.speed else "go on"),
        ("End", "as it is"),
        ("P", "speed" if replay.speed else "from the start"),
        ("[ ]", "epoch"),
    ]
    for key, label in keys:
        more: Row = [(key, "key bold"), (f" {label}  ", "dim")]
        end += more if cells([(what, ""), *end, *more]) + LEAST_BAR <= width else []
    row: Row = [(what, "warn bold")]
    room = max(width - cells(row) - cells(end), 0)
    row += bar(replay.seconds / whole if whole else 0.0, room, "warn")
    return ends(row, end, width)
