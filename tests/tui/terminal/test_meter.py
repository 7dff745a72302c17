"""Frames are drawn at every tick, or at fewer where the link is too slow for that."""

from __future__ import annotations

import io

from dltui.tui.terminal.meter import Frames, Meter


class SlowLink(Meter):
    """A meter that finds the link twice as slow at its third tick."""

    seen = 0

    def tick(self) -> None:
        self.seen += 1
        self.ticks = 2 if self.seen >= 3 else 1


def test_without_a_terminal_every_tick_draws() -> None:
    said: list[int] = []
    frames = Frames(None)
    assert [frames.tick(said.append) for _ in range(4)] == [True] * 4
    assert said == []


def test_a_slow_link_gets_every_other_frame_and_is_told_of_once() -> None:
    said: list[int] = []
    frames = Frames(SlowLink(io.StringIO()))
    assert [frames.tick(said.append) for _ in range(6)] == [True, True, False, True, False, True]
    assert said == [2]
