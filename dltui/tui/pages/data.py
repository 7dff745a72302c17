"""The page Data: what is wrong with a dataset, pair by pair with its pictures; marks are rows of a review.csv."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.text import plural, safe
from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, in_thread
from dltui.tui.draw.printed import told
from dltui.tui.draw.styled_text import Row, fit

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.catalog.entries import DatasetEntry, ModelEntry
    from dltui.core.data.findings.ask import Looked
    from dltui.core.data.findings.review import Key, Opinion
    from dltui.tui.pages.data_rows import Item


class LookedAt(Message):
    """A message with what was found, and what the review holds."""

    def __init__(self, found: Looked, review: Mapping[Key, Opinion]) -> None:
        super().__init__()
        self.found, self.review = found, review


class Saved(Message):
    """A message that marks are on the disk."""

    def __init__(self, review: Mapping[Key, Opinion]) -> None:
        super().__init__()
        self.review = review


def review_file(exports: str, entry: DatasetEntry, options: Mapping[str, Any], model: ModelEntry | None) -> Path:
    """The review of a dataset: in a folder of its own among the figures. Of data that fits several tasks each has one,
    for its splits have samples of their own.
    """
    from dltui.core import paths
    from dltui.core.data.findings.review import NAME

    task = f" {entry.task_with(options, model)}" if model and entry.task == "any" else ""
    dataset = entry.reference + task
    name = re.sub(r"[^A-Za-z0-9._]+", "-", dataset).strip("-.")[:60]
    if name != dataset:
        # Others may be left with the same letters.
        name += f"-{hashlib.sha256(dataset.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return Path(paths.absolute(exports or "exports")) / f"data-{name}" / NAME


class DataPage(Page):
    """A page about a dataset as a model reads it. `take` gets the path of the review, for a run that leaves out what it
    marks.
    """

    name_of_page = "Data"
    keys: tuple[tuple[str, str], ...] = (
        ("Space", "mark"),
        ("x", "other"),
        ("a", "all"),
        ("Tab", "classes"),
        ("Enter", "use"),
        ("Esc", "back"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down,j", "move(1)", "down", "next"),
        bind("up,k", "move(-1)", "up", "previous"),
        bind("pagedown", "move(10)", "ten down"),
        bind("pageup", "move(-10)", "ten up"),
        bind("home", "move(-1000000)", "first"),
        bind("end", "move(1000000)", "last"),
        bind("space", "mark", "mark", "mark it to be left out, or take the mark back; saved in review.csv"),
        bind("x", "other", "the other", "leave out the other sample of the pair"),
        bind("a", "mark_all", "mark all", "mark all that were found, as proposed"),
        bind("tab", "turn", "classes", "the samples of each class, or what was found"),
        bind("enter", "use", "leave out", "leave the marked samples out of the new run"),
        bind("escape", "back", "back", "back to the form"),
    ]

    def __init__(
        self, entry: DatasetEntry, options: Mapping[str, Any], data_dir: str | None, review: Path,
        take: Callable[[Path], None], model: ModelEntry | None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._entry, self._options, self._data_dir, self._model = entry, options, data_dir, model
        self.review_path, self._take = review, take
        self.found: Looked | None = None
        self.problem = ""
        """Why there is nothing to show."""
        self.items: list[Item] = []
        self.marks: dict[Key, Opinion] = {}
        self.at = 0
        self.by_class = False
        self._progress = "preparing the data"
        self._saving = threading.Lock()

    def body(self) -> Iterable[Widget]:
        yield Rows(self._rows, id="data-rows")

    def on_mount(self) -> None:
        self.call_after_refresh(lambda: in_thread(self, "data", self._look))

    def _look(self) -> Message:
        """Look at the data in a thread."""
        from dltui.core.data.findings.review import read_file

        catalog = self.host.services.catalog
        found = catalog.findings(self._entry, self._options, self._data_dir, self._tell, self._model)
        return LookedAt(found, read_file(self.review_path))

    def _tell(self, text: str) -> None:
        """Store the progress. Called in a thread; drawn at the next tick."""
        self._progress = text

    def tick(self) -> None:
        super().tick()
        if self.found is None and not self.problem:
            self.redraw("#data-rows")

    def on_looked_at(self, message: LookedAt) -> None:
        from dltui.tui.pages.data_rows import items

        self.found, self.marks = message.found, dict(message.review)
        self.items = items(message.found.findings)
        self.by_class = not self.items
        self.redraw()

    def on_saved(self, message: Saved) -> None:
        from dltui.core.data.findings.review import LEFT_OUT

        self.marks = dict(message.review)
        out = sum(one.mark in LEFT_OUT for one in self.marks.values())
        self.notice.say(f"review.csv marks {plural(out, 'sample')} that Enter leaves out", "good")
        self.redraw()

    def on_failed(self, message: Failed) -> None:
        if self.found is not None:
            self.notice.say(message.reason, "bad", seconds=60)
            return
        self.problem, self.keys = safe(message.reason), self.keys[-1:]
        self.redraw()

    def head(self, width: int) -> Row:
        title: Row = [(" dltui", "accent bold"), ("  Data", "bold"), (f"   {self._entry.reference}", "dim")]
        return self.top_bar(title, width)

    def status_line(self) -> str:
        return "what is wrong with the data"

    def _rows(self, width: int, height: int) -> list[Row]:
        if self.problem:
            return [fit(row, width) for row in told(self.problem, "bad", width)]
        if self.found is None:
            return [fit([(f" {self._progress} ...", "dim")], width)]
        from dltui.tui.pages import data_rows

        if self.by_class:
            return data_rows.classes(self.found.findings, width, height)
        return data_rows.rows(self.found, self.items, self.marks, self.at, width, height, self.host.look)

    def action_move(self, by: int) -> None:
        self.at = max(min(self.at + by, len(self.items) - 1), 0)
        self.redraw("#data-rows")

    def action_turn(self) -> None:
        self.by_class = (not self.by_class and self.found is not None) or not self.items
        self.redraw("#data-rows")

    def action_mark(self) -> None:
        if self.found is None or self.by_class or not self.items:
            return
        opinion = self.items[self.at].opinion
        marked = self.marks.get(opinion.key)
        self._save([replace(opinion, mark="")] if marked else [opinion])

    def action_other(self) -> None:
        if self.found is None or self.by_class or not self.items:
            return
        before = self.items[self.at]
        self.items[self.at] = after = before.turned()
        was_marked = before is not after and before.opinion.key in self.marks
        self._save([replace(before.opinion, mark=""), after.opinion] if was_marked else [])
        self.redraw("#data-rows")

    def action_mark_all(self) -> None:
        if self.found is not None:
            self._save([item.opinion for item in self.items if item.opinion.key not in self.marks])

    def _save(self, opinions: list[Opinion]) -> None:
        """Show marks at once, and write them in a thread."""
        if not opinions:
            return
        for opinion in opinions:
            if opinion.mark:
                self.marks[opinion.key] = opinion
            else:
                self.marks.pop(opinion.key, None)
        self.redraw("#data-rows")

        def work() -> Message:
            from dltui.core.data.findings.review import save_opinions

            with self._saving:
                return Saved(save_opinions(self.review_path, opinions))

        self.host.carry_out(self, "review", work)

    def action_use(self) -> None:
        from dltui.core.data.findings.review import LEFT_OUT

        if not any(opinion.mark in LEFT_OUT for opinion in self.marks.values()):
            self.notice.say("nothing is marked: Space marks a sample, a all that were found", "warn")
            return
        self._take(self.review_path)
        self.host.back()

    def action_back(self) -> None:
        self.host.back()
