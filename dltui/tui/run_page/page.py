"""One run: its curves while they grow, what it confuses, what happened; and the keys that steer it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.text import safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.summary import Summary
from dltui.tui.base.threads import Watcher
from dltui.tui.draw.styled_text import Row, fit, rule
from dltui.tui.draw.wording import RESUMABLE, duration
from dltui.tui.run_page import log
from dltui.tui.run_page.curves.chart_grid import moment
from dltui.tui.run_page.curves.overlays import Overlaid, Overlays
from dltui.tui.run_page.curves.tab import CurveActions
from dltui.tui.run_page.head import progress_row, tabs, title
from dltui.tui.run_page.inside.tabs import InsideActions
from dltui.tui.run_page.metrics_table import metrics, numbers, verdict_row
from dltui.tui.run_page.tabs import TABS, Tab, draw_tab
from dltui.tui.run_page.view import RunView, RunWatch

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.summary import Summary
    from dltui.tui.run_page.curves.curve_view import Looking


class RunRead(Message):
    """The run as it is, and those laid over it."""

    def __init__(self, view: RunView, others: tuple[Overlaid, ...]) -> None:
        super().__init__()
        self.view = view
        self.others = others


class RunBell(Page):
    """A page about one run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("b", "bell", "bell", "notifications of this run on or off"),
    ]

    @property
    def run(self) -> Summary | None:
        """The run that the key means."""
        raise NotImplementedError

    def action_bell(self) -> None:
        if self.run is None:
            return
        if self.dltui.settings.notices == "off":
            self.notice.say("notifications are off for all runs; S opens the settings", "warn")
        elif self.dltui.notices.toggle(self.run.id):
            self.notice.say(f"the terminal notifies you when {self.run.name} ends; b turns that off", "good")
        else:
            self.notice.say(f"no notifications of {self.run.name}; b turns them on", "good")


class TabActions(InsideActions, CurveActions):
    """Passes a key on to what the open tab does with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "aside(-1)", "left", "curves: a cursor, Esc takes it away; confusion and mistakes: to the left"),
        bind("right", "aside(1)", "right", "curves: a cursor; confusion and mistakes: to the right"),
        bind("enter", "look_inside", "show", "curves: one chart, or all; a cell or a class: the mistakes in it"),
        bind("f", "filter", "filter / window", "curves: all or the last tenth; mistakes: those of the same classes"),
    ]

    def go_back(self) -> bool:
        """Also from mistakes to the cell or the class that they were opened from."""
        if self.state.tab is Tab.MISTAKES and self.state.origin is not None:
            self.show_tab(self.state.origin)
            return True
        return super().go_back()

    def action_aside(self, by: int) -> None:
        if self.state.tab is Tab.CURVES:
            self.action_point(by)
        else:
            super().action_aside(by)

    def action_look_inside(self) -> None:
        if self.state.tab is Tab.CURVES:
            self.action_zoom()
        else:
            super().action_look_inside()

    def action_filter(self) -> None:
        if self.state.tab is Tab.CURVES:
            self.action_window()
        else:
            super().action_filter()


class RunPage(RunBell, TabActions):
    """A run, live or ended."""

    name_of_page = "Run"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            bind(str(number + 1), f"tab({number})", tab.value, f"show {tab.value.lower()}")
            for number, tab in enumerate(TABS)
        ),
        bind("tab", "turn(1)", "next tab"),
        bind("shift+tab", "turn(-1)", "previous tab"),
        bind("escape", "back", "back", "to where this was opened from, at last to the list of runs"),
        bind("o", "output", "order / output", "another order of classes; in the log: what the process printed"),
        bind("t", "try_remedy", "try", "after a failure: the form of a new run, filled with what may help"),
        bind("up,k", "scroll(-1)", "up", "scroll up; on the curves, another chart"),
        bind("down,j", "scroll(1)", "down", "scroll down; on the curves, another chart"),
        bind("pageup", "scroll(-10)", "page up"),
        bind("pagedown", "scroll(10)", "page down"),
        bind("home", "scroll(-100000)", "first line"),
        bind("end", "scroll(100000)", "last line", "the last line; on the curves, the run as it is"),
    ]
    DEFAULT_CSS = """
    RunPage #progress, RunPage #tabs { height: 1; }
    RunPage #numbers { height: 7; }
    RunPage #last { height: 1; }
    RunPage.tall #last { height: 4; }
    RunPage.taller #last { height: 8; }
    RunPage.whole #numbers, RunPage.whole #last { display: none; }
    """

    def __init__(self, directory: RunDirectory) -> None:
        super().__init__()
        self.directory = directory
        self._drawn: dict[str, tuple[tuple[object, ...], list[Row]]] = {}
        self._watch: RunWatch | None = None
        self._overlays: Overlays | None = None
        self._watcher: Watcher | None = None
        self._stale = False

    def body(self) -> Iterable[Widget]:
        yield Rows(self._progress, id="progress")
        yield Rows(self._tabs, id="tabs")
        yield Rows(self._tab, id="tab")
        yield Rows(self._numbers, id="numbers")
        yield Rows(self._last, id="last")

    def on_mount(self) -> None:
        self._watch = RunWatch(self.directory, self.dltui.services.clock, self.dltui.services.measure)
        self._overlays = Overlays(self.dltui.services.find, self.dltui.services.clock)
        self._watcher = Watcher(self, self._look, self.dltui.pace)
        self.call_after_refresh(self._watcher.start)

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        if self.view is not None and self.view.summary.is_live:
            self.dltui.goes_on(self.view.summary.id)

    def on_resize(self, event: object) -> None:
        super().on_resize(event)  # type: ignore[arg-type]
        self.set_class(36 <= self.size.height < 46, "tall")
        self.set_class(self.size.height >= 46, "taller")

    def _look(self) -> Message | None:
        if self._watch is None or self._overlays is None or (self.view is not None and not self.on_top):
            return None
        view, others = self._watch.look(), self._overlays.look()
        # The same tuple as before means that none of them has changed.
        if view is None and (others is self.state.others or self.view is None):
            return None
        return RunRead(view or self.view, others)  # type: ignore[arg-type]

    def on_run_read(self, message: RunRead) -> None:
        before, self.view, self.state.others = self.view, message.view, message.others
        self.dltui.notices.seen([self.view.summary])
        self.orders.acknowledge(self.view.summary.obeyed)
        if self.view.ended:
            self.orders.forget(self.view.summary.name)
        if before is not None and not before.ended and self.view.ended:
            self.notice.say(f"{self.view.summary.name}: {self.view.summary.status}; e exports the figures", "good")
        # Drawn with the next tick: the terminal gets one frame, not one for each thing that happened.
        self._stale = True
        if before is None:
            self.redraw()

    @property
    def run(self) -> Summary | None:
        return self.view.summary if self.view else None

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        """Of a run that has ended other things can be asked than of one that lives; a tab may have keys of its own."""
        if own := self.state.keys(self.view):
            return own
        if not self.dltui.services.may_command(self.directory):
            return (("Tab", "next tab"), ("v", "overlay runs"), ("a", "again"), ("y", "copy"), ("Esc", "runs"))
        if self.view is not None and self.view.ended:
            if self.view.suggestion is not None:
                tried = ("t", f"try {safe(self.view.suggestion.words)}")
                return (tried, ("r", "resume"), ("a", "again"), ("y", "copy"), ("Esc", "runs"))
            first = (("r", "resume" if self.view.summary.status in RESUMABLE else "more epochs"),)
            return (*first, ("e", "export"), ("a", "again"), ("y", "copy"), ("Esc", "runs"))
        if self.view is not None and self.view.summary.status == "queued":
            return (("s", "take out of the queue"), ("a", "again"), ("y", "copy"), ("Esc", "runs"))
        if self.view is not None and self.view.summary.status == "silent":
            return (("K", "kill"), ("a", "again"), ("y", "copy"), ("Esc", "runs"))
        pause = "continue" if self.view is not None and self.view.summary.status == "paused" else "pause"
        steering = (("p", pause), ("s", "stop and keep"), ("w", "checkpoint"), ("l", "lr"))
        return (*steering, ("e", "export")) if self.run is not None and self.run.epochs_done else steering

    def learning_rate(self) -> float | None:
        return self.view.base_lr if self.view else None

    def tick(self) -> None:
        self.play(self.dltui.services.clock())
        self.redraw(*(() if self._stale else ("#head", "#progress", "#numbers", "#notice")))
        self._stale = False

    def head(self, width: int) -> Row:
        services = self.dltui.services
        clock = services.time_of_day(services.clock())
        state = self.replay.state if self.replay else ""
        return title(self.view, safe(self.directory.id), clock, not services.may_command(self.directory), width, state)

    def status_line(self) -> str:
        run, at = self.run, self.view.progress if self.view else None
        if run is None:
            return safe(self.directory.id)
        how_far = f", epoch {at.epoch} of {at.epochs}" if at and run.is_live else ""
        left = f", {duration(at.left)} left" if at and at.left is not None else ""
        return f"{run.name}: {run.status}{how_far}{left}"

    def idle(self) -> Row:
        waiting = super().idle() or self.curve_idle(self.size.width)
        if waiting or self.run is None:
            return waiting
        if self.run.status == "silent":
            return [(f" K ends it; dltui stacks {self.run.id} tells where it stands", "warn")]
        if self.run.is_live:
            return [(f" q leaves, the run goes on; back with: dltui attach {self.run.id}", "faint")]
        if self.view is not None and self.view.suggestion is not None:
            return [
                (f" t tries {safe(self.view.suggestion.words)}; or: {safe(self.view.suggestion.command)}", "accent")
            ]
        if self.view is not None and self.view.figures:
            return [(f" figures in {self.run.exports}; e exports them", "faint")]
        return []

    def _progress(self, width: int, height: int) -> list[Row]:
        if self.replay is not None:
            return [fit(self.past_row(width), width)]
        return [fit(progress_row(self.view, self.dltui.services.clock(), width), width)]

    def _tabs(self, width: int, height: int) -> list[Row]:
        names = [tab.title(self.view) for tab in TABS]
        look = self.dltui.look
        return [tabs(names, TABS.index(self.state.tab), self.state.hint(), width, look.ascii or look.mono)]

    def _tab(self, width: int, height: int) -> list[Row]:
        def make() -> list[Row]:
            return draw_tab(self.state, self.shown, width, height, self.dltui.look, self.dltui.services)

        of_curves = self.state.tab is Tab.CURVES
        known = moment(self.shown, self.state.looking, width, height) if of_curves else self._content
        return self._kept("tab", (width, height, self.state.key(), known), make)

    def _numbers(self, width: int, height: int) -> list[Row]:
        view, now = self.shown, self.dltui.services.clock()

        def make() -> list[Row]:
            table = self._kept("metrics", self._happened, lambda: metrics(view) if view else [])
            said = verdict_row(view.verdict if view else None, width)
            return [rule(width), *numbers(view, table, now, width), said]

        memory = view.live.rss if view and view.live else 0
        known = (view.history, view.ended, view.verdict, memory) if view else ()
        # What it tells by the clock is told in seconds.
        return self._kept("numbers", (width, int(now), *known), make)

    def _last(self, width: int, height: int) -> list[Row]:
        services = self.dltui.services

        def make() -> list[Row]:
            lines = log.timeline(self.shown.history, height) if self.shown else []
            return log.rows(lines, width, height, 0, lambda when: services.time_of_day(when, seconds=True))

        return self._kept("last", (width, height, *self._happened), make)

    @property
    def _content(self) -> tuple[object, ...]:
        return (self.view.content if self.view else None,)

    @property
    def _happened(self) -> tuple[object, ...]:
        """The same as long as nothing but steps has happened."""
        history = self.view.history if self.view else None
        return (history.happened, history.damaged, history.attempts) if history else ()

    def _kept(self, name: str, key: tuple[object, ...], make: Callable[[], list[Row]]) -> list[Row]:
        """Rows that are costly to draw, drawn again only when what they show has changed."""
        past = self.replay.step if self.replay else None
        whole = (*key, self.dltui.look, past)
        if name not in self._drawn or self._drawn[name][0] != whole:
            self._drawn[name] = (whole, make())
        return self._drawn[name][1]

    def show_tab(self, tab: Tab, origin: Tab | None = None) -> None:
        self.state.choose(tab, origin)
        if self._watch is not None and self._watcher is not None:
            self._watch.wants = self.state.wants()
            self._watcher.nudge()
        self.set_class(tab is not Tab.CURVES, "whole")
        self.call_after_refresh(self.redraw)

    def action_tab(self, number: int) -> None:
        self.show_tab(TABS[number])

    def action_turn(self, by: int) -> None:
        self.show_tab(TABS[(TABS.index(self.state.tab) + by) % len(TABS)])

    def action_back(self) -> None:
        if not self.go_back():
            self.dltui.home(self.directory.id)

    def overlay(self, looking: Looking) -> None:
        self.state.looking = looking
        if self._overlays is not None and self._watcher is not None:
            self._overlays.wanted = looking.others
            self._watcher.nudge()

    def action_output(self) -> None:
        if self.state.reorder():
            self.redraw("#tab")
            return
        self.state.output = not self.state.output
        self.show_tab(Tab.LOG)

    def action_try_remedy(self) -> None:
        found = self.view.suggestion if self.view else None
        if found is None:
            self.notice.say("nothing to try: that is proposed after a failure", "bad")
        else:
            self.dltui.open_form(self.directory, found.values)

    def action_scroll(self, by: int) -> None:
        if self.state.tab is Tab.CURVES and abs(by) == 1:
            self.choose_chart(by)
        elif self.state.tab is Tab.CURVES:
            self.to_present()
        else:
            self.state.scroll(by, self.shown, self.tab_size)
        self.redraw()
