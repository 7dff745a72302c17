"""The rows of the run page between its top bar and its notice: progress, tabs, the open tab, metrics, last events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dltui.tui.base.rows import Rows
from dltui.tui.draw.styled_text import Row, fit, rule
from dltui.tui.run_page import log
from dltui.tui.run_page.compact.rows import compact_numbers, compact_progress
from dltui.tui.run_page.curves.fault import told_above
from dltui.tui.run_page.head import progress_row, tabs
from dltui.tui.run_page.metrics_table import HEIGHT, metrics, numbers, verdict_row

if TYPE_CHECKING:
    from dltui.tui.base.page import Page
    from dltui.tui.run_page.tabs import Tabs
    from dltui.tui.run_page.watched_run import WatchedRun

COMPACT = 76
"""Columns below which the progress has a single bar."""


class Body:
    """Draws the rows for a page."""

    def __init__(self, page: Page, run: WatchedRun, tabs: Tabs) -> None:
        self._page, self._run, self._tabs = page, run, tabs
        self._drawn: dict[str, tuple[tuple[object, ...], list[Row]]] = {}

    def widgets(self) -> Iterable[Rows]:
        """The widgets from top to bottom."""
        yield Rows(self._progress, id="progress")
        yield Rows(self._row_of_tabs, id="tabs")
        yield Rows(self._open_tab, id="tab")
        yield Rows(self._numbers, id="numbers")
        yield Rows(self._last, id="last")

    def _progress(self, width: int, height: int) -> list[Row]:
        if self._run.replay is not None:
            return [fit(self._run.past_row(width), width)]
        if width < COMPACT:
            return [fit(compact_progress(self._run.view, self._page.host.services.clock.now(), width), width)]
        why = self._tabs.open is not self._tabs.curves or told_above(self._run.view, width)
        return [fit(progress_row(self._run.view, self._page.host.services.clock.now(), width, why), width)]

    def _row_of_tabs(self, width: int, height: int) -> list[Row]:
        names, look = [tab.title for tab in self._tabs.all], self._page.host.look
        return [tabs(names, self._tabs.number, self._tabs.open.hints, width, look.ascii or look.mono)]

    def _open_tab(self, width: int, height: int) -> list[Row]:
        tab = self._tabs.open

        def make() -> list[Row]:
            if self._run.replay is None or not tab.of_present:
                return tab.rows(width, height)
            return [
                [(" this tab shows the run as it is now: of earlier epochs only curves are kept", "warn")],
                *tab.rows(width, height - 1),
            ]

        return self._kept("tab", (tab, width, height, *tab.key(width, height)), make)

    def _numbers(self, width: int, height: int) -> list[Row]:
        view, now = self._run.shown, self._page.host.services.clock.now()

        def make() -> list[Row]:
            if height < HEIGHT:
                return compact_numbers(view, width, height)
            table = self._kept("metrics", self._happened, lambda: metrics(view) if view else [])
            said = verdict_row(view.verdict if view else None, width)
            return [rule(width), *numbers(view, table, now, width), said]

        memory = view.live.rss if view and view.live else 0
        known = (view.history, view.ended, view.verdict, memory) if view else ()
        # Ages are told in seconds.
        return self._kept("numbers", (width, height, int(now), *known), make)

    def _last(self, width: int, height: int) -> list[Row]:
        services = self._page.host.services

        def make() -> list[Row]:
            lines = log.timeline(self._run.shown.history, height) if self._run.shown else []
            return log.last_rows(lines, width, height, lambda when: services.clock.time_of_day(when, seconds=True))

        return self._kept("last", (width, height, *self._happened), make)

    @property
    def _happened(self) -> tuple[object, ...]:
        """A value that only changes when more than steps has happened."""
        history = self._run.view.history if self._run.view else None
        return log.changes(history) if history else ()

    def _kept(self, name: str, key: tuple[object, ...], make: Callable[[], list[Row]]) -> list[Row]:
        """Cached rows that are slow to draw, drawn again only when their content has changed."""
        past = self._run.replay.step if self._run.replay else None
        whole = (*key, self._page.host.look, past)
        if name not in self._drawn or self._drawn[name][0] != whole:
            self._drawn[name] = (whole, make())
        return self._drawn[name][1]
