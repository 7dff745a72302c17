"""Finds values for the form: a learning rate on a page of its own, and a batch size. Both propose, the person takes."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import BindingType
from textual.message import Message

from dltui.core.analysis.forecast import FREE
from dltui.core.catalog.fields import FITTED, flag_words
from dltui.core.errors import DltuiError
from dltui.core.numbers import exact
from dltui.core.text import safe
from dltui.tui.base.page import Page, bind, press
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, in_thread
from dltui.tui.draw.chart import draw
from dltui.tui.draw.printed import pieces, told
from dltui.tui.draw.styled_text import Row, cut, cut_words, fit
from dltui.tui.new_run import outcome, rate_chart
from dltui.tui.new_run.form import DROP

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.finders.find import Rates
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.services.new_runs import Finding
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.start_keys import StartKeys
    from dltui.tui.new_run.state import FormState

FIND_KEYS = (
    press("l", "find a learning rate", "test learning rates for a moment with these settings, and propose one"),
    press("b", "find a batch size", "the largest that fits into memory and leaves ten steps an epoch"),
    press("d", "look at the data", "its duplicates, leakage between splits, blank samples and classes"),
)
"""For the bindings of a page that has `FindKeys`."""
WORDS = 3
"""Rows of words below the chart."""


class Asked(NamedTuple):
    """The choices that a batch size depends on."""

    model: str
    dataset: str
    device: str
    launcher: str
    texts: tuple[tuple[str, str], ...]
    """Of the rows that change the memory of a step, by their keys."""

    @classmethod
    def of(cls, form: RunForm) -> Asked:
        """The choices of a form."""
        rows = (setting for setting in form.settings() if setting.kind in ("model", "data"))
        texts = tuple((row.key, form.text(row)) for row in rows if row.spec.name not in FREE | {FITTED})
        model = form.model.id if form.model else form.model_name
        return cls(model, form.dataset_name, form.device, form.launcher, texts)


class BatchFound(Message):
    """A message with a batch size that fits, and the choices that it was looked for with."""

    def __init__(self, asked: Asked, batch: int, why: str) -> None:
        super().__init__()
        self.asked, self.batch, self.why = asked, batch, why


class RatesFound(Message):
    """A message with the result of a range test."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.rates = rates


class Search:
    """A search for a batch size, in a thread."""

    def __init__(self, finding: Finding) -> None:
        self.progress = "looking for a batch size that fits"
        self.over = False
        self.finder = finding.finder(self._tell)

    def _tell(self, text: str) -> None:
        """Store the progress; drawn at the next tick."""
        self.progress = f"looking for a batch size that fits: {text}"


class FindKeys:
    """Handles FIND_KEYS; what is found becomes the value of its row when the person takes it."""

    def __init__(self, page: Page, state: FormState, starting: StartKeys, changed: Callable[[], None]) -> None:
        """`changed` is called when the form has other content."""
        self._page, self._state, self._starting, self._changed = page, state, starting, changed
        self._search: Search | None = None
        """The last one, unless it was ended."""
        self._found: BatchFound | None = None
        """What is still to be proposed."""
        self.answers: dict[str, Answer] = {"l": self.rates, "b": self.batch, "d": self.data}

    def rates(self) -> None:
        form = self._state.form
        if form is not None and self._findable(form):
            self.cancel()
            self._page.app.push_screen(RatesPage(form, lambda lr: self._take("lr", lr)))

    def data(self) -> None:
        form = self._state.form
        if form is not None and form.dataset is not None and self._findable(form):
            self._page.host.open_data(form.dataset, outcome.request(form), self._leave_out, form.model)

    def _leave_out(self, review: Path) -> None:
        """Put a review into the field `drop`, beside the columns of a table that stand there."""
        from dltui.core.data.findings import dropped

        form = self._state.form
        setting = next((each for each in form.settings() if each.key == DROP), None) if form else None
        if form is not None and setting is not None:
            self._put(DROP, dropped.placed(form.text(setting), {"file": str(review)}))

    def _findable(self, form: RunForm) -> bool:
        """True if values can be found for the run; else the reason is shown."""
        if not form.is_sweep:
            return self._starting.startable(form)
        self._page.notice.say("a range makes this a sweep: one value in its place lets others be found", "warn")
        return False

    def batch(self) -> None:
        form = self._state.form
        if form is None or self._under_way is not None or not self._findable(form):
            return
        self._search = search = Search(self._page.host.services.finding)
        self._page.notice.clear_message()
        asked, request, catalog = Asked.of(form), outcome.request(form), form.catalog

        def work() -> Message | None:
            try:
                found = BatchFound(asked, *search.finder.batch_size(request, catalog))
            except DltuiError:
                if self._search is search:
                    raise
                # Nobody waits for it.
                return None
            else:
                return found if self._search is search else None
            finally:
                search.over = True

        in_thread(self._page, "fit", work)

    def cancel(self) -> None:
        """End the search that is under way, because something else needs the device or the form was left."""
        search, self._search = self._under_way, None
        if search is not None:
            search.finder.cancel()

    def found(self, message: BatchFound, typing: bool) -> None:
        """Propose the batch size, or have it proposed when nothing is typed any more."""
        self._found = message
        self.propose(typing)

    def propose(self, typing: bool) -> None:
        """Propose what was found, unless something is being typed: its next letter would be the answer."""
        if self._found is None or typing or not self._page.on_top:
            return
        found, self._found, form = self._found, None, self._state.form
        if form is None or Asked.of(form) != found.asked:
            of = f"{found.asked.model} on {found.asked.dataset}, as the form was"
            self._page.notice.say(f"for {of}, batch size {found.batch:,} fits: {found.why}", "warn", seconds=30)
            return
        text = f"batch size {found.batch:,} fits; Enter takes it, Esc leaves it: {safe(found.why)}"
        self._page.notice.ask(text, {"enter": lambda: self._take(FITTED, found.batch, found.why)})

    def row(self) -> Row:
        """The pending search; empty without one."""
        search = self._under_way
        return [(f" {safe(search.progress)} ...", "accent")] if search is not None else []

    @property
    def _under_way(self) -> Search | None:
        return self._search if self._search is not None and not self._search.over else None

    def _take(self, name: str, value: float, why: str = "") -> None:
        self._put(f"model:{name}", exact(value), why)

    def _put(self, key: str, text: str, why: str = "") -> None:
        """Make a text the value of a row."""
        form = self._state.form
        setting = next((each for each in form.settings() if each.key == key), None) if form else None
        if form is None or setting is None:
            return
        self._state.edit = None
        form.put(setting, text)
        self._state.show(setting)
        self._changed()
        taken = f"{setting.label} {safe(text)} taken"
        self._page.notice.say(f"{taken}: {why}" if why else taken, "good")


class RatesPage(Page):
    """A learning-rate range test that runs in the background, its curve, and the rate that it proposes."""

    name_of_page = "Learning rates"
    keys = (("Enter", "take the rate"), ("Esc", "leave it"))
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "take", "take", "put the proposed rate into the form"),
        bind("y", "copy", "copy command", "copy the command line with the proposed rate"),
        bind("escape", "back", "back", "leave the form as it was; a test under way ends"),
    ]
    low = 14
    DEFAULT_CSS = """
    RatesPage #words { height: 3; }
    RatesPage.low #words { height: 1; }
    """

    def __init__(self, form: RunForm, take: Callable[[float], None]) -> None:
        super().__init__()
        self.form = form
        self.found: Rates | None = None
        self.problem = ""
        self._take = take
        self._points: list[tuple[float, float]] = []
        self._told = "starting"

    def body(self) -> Iterable[Widget]:
        yield Rows(self._chart, id="chart")
        yield Rows(self._words, id="words")

    def on_mount(self) -> None:
        self._finder = self.host.services.finding.finder(self._tell, lambda lr, loss: self._points.append((lr, loss)))
        request, catalog = outcome.request(self.form), self.form.catalog
        in_thread(self, "rates", lambda: RatesFound(self._finder.rates(request, catalog)))

    def on_unmount(self) -> None:
        if self.found is None:
            self._finder.cancel()

    def _tell(self, text: str) -> None:
        """Store the progress. Called in a thread; drawn at the next tick."""
        self._told = text

    def on_rates_found(self, message: RatesFound) -> None:
        self.found = message.rates
        self.redraw()

    def on_failed(self, message: Failed) -> None:
        self.problem = message.reason
        self.redraw()

    def tick(self) -> None:
        self.redraw(*(("#head", "#notice") if self.found or self.problem else ()))

    def head(self, width: int) -> Row:
        of = safe(f"{self.form.model.id if self.form.model else ''} on {self.form.dataset_name}")
        return self.top_bar([(" dltui", "accent bold"), ("  Learning rates   ", "bold"), (of, "dim")], width)

    def status_line(self) -> str:
        return "a test of learning rates"

    def idle(self) -> Row:
        if self.problem:
            return [(" the test failed; Esc goes back", "bad")]
        if self.found is None:
            return [(f" {safe(self._told)} ...{self._done()}; no run is made", "accent")]
        if self.found.suggestion is None:
            return [(" nothing to take; Esc goes back", "warn")]
        return [(f" Enter takes lr {exact(self.found.suggestion)}, Esc leaves the form as it was", "good")]

    def _done(self) -> str:
        """The part of the test that is done."""
        from dltui.core.finders.rate_range import HIGHEST, LOWEST

        if not self._points:
            return ""
        return f" {100 * math.log(self._points[-1][0] / LOWEST) / math.log(HIGHEST / LOWEST):.0f} %"

    def _chart(self, width: int, height: int) -> list[Row]:
        from dltui.core.finders.rate_range import HIGHEST, LOWEST

        if self.found is not None:
            shown = rate_chart.chart(self.found)
        else:
            points = list(self._points)
            shown = rate_chart.partial([lr for lr, _ in points], [loss for _, loss in points], LOWEST, HIGHEST)
        return draw(shown, width, height, self.host.look)

    def _words(self, width: int, height: int) -> list[Row]:
        if self.problem:
            return [fit(row, width) for row in told(safe(self.problem), "bad", width)[:WORDS]]
        if self.found is None:
            return [fit([(" the rate grows from step to step until the loss diverges", "dim")], width)]
        proposal = safe(rate_chart.proposal(self.found))
        if height == 1:
            return [fit([(f" {cut_words(proposal, width - 2)}", "bold")], width)]
        lines = pieces(proposal, width - 2)[: WORDS - 1]
        rows = [fit([(f" {line}", "bold" if not place else "dim")], width) for place, line in enumerate(lines)]
        command = cut(safe(self.command()), width - 4)
        return [*rows, fit([(" $ ", "faint"), (command, "accent")], width)]

    def command(self) -> str:
        """The command line of the run with the proposed rate."""
        words = outcome.command(self.form)
        if self.found is None or self.found.suggestion is None:
            return shlex.join(words)
        if "--lr" in words:
            place = words.index("--lr")
            del words[place : place + 2]
        return shlex.join([*words, *flag_words("lr", self.found.suggestion)])

    def action_take(self) -> None:
        if self.found is not None and self.found.suggestion is not None:
            self.host.back()
            self._take(self.found.suggestion)

    def action_copy(self) -> None:
        self.host.copy_to_clipboard(self.command())
        self.notice.say("copied, if your terminal allows it")

    def action_back(self) -> None:
        self.host.back()
