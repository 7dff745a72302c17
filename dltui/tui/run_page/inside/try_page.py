"""The page on which a trained model is tried on an image: the picture, the likeliest answers, a heat map."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core import paths
from dltui.core.errors import RunError, UsageError
from dltui.core.text import safe
from dltui.core.text import width as cells_of
from dltui.tui.base.page import Page, bind
from dltui.tui.base.path_completion import completed
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed, in_thread
from dltui.tui.draw.picture import picture
from dltui.tui.draw.printed import pieces
from dltui.tui.draw.styled_text import Row, bar, beside, cells, cut_left, fit, left, right
from dltui.tui.draw.wording import probability

if TYPE_CHECKING:
    from textual.widget import Widget

    from dltui.core.lifecycle.trained_model import Conversation
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.draw.styled_text import Look

MOST_VALUES = 4_000_000
SMALL, LARGE, WIDE = 40, 64, 116
"""The most cells across the picture, and the columns from which on it is large."""
LEAST_LABEL = 24
NARROW = 56
"""The columns below which the name of the image is as short as its picture is narrow."""


@dataclass(frozen=True, eq=False)
class Tried:
    """An answer about an image; every text is safe for a terminal."""

    name: str
    image: Any
    best: tuple[tuple[str, float], ...]
    true: tuple[str, ...] | None = None
    """The right answers of a test image; None for an image of the user's."""
    heat: Any = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Tried:
        """Raises RunError for an answer that makes no sense."""
        try:
            image = _array(told["image"], told["shape"], "uint8")
            heat = _array(told["heat"], told["heat_shape"], "float16") if "heat" in told else None
            best = tuple((safe(name), float(chance)) for name, chance in told["best"])
            true = tuple(map(safe, told["true"])) if "true" in told else None
            return cls(safe(told["name"]), image, best, true, heat)
        except (KeyError, ValueError, TypeError) as error:
            raise RunError(f"the answer cannot be read: {error}") from None


def _array(text: str, shape: Iterable[int], kind: str) -> Any:
    import numpy as np

    found = np.frombuffer(base64.b64decode(text), dtype=kind).reshape([int(size) for size in shape])
    if not 0 < found.size <= MOST_VALUES:
        raise ValueError(f"{found.size} values")
    return found


class Answered(Message):
    """A message with the answer to a question."""

    def __init__(self, number: int, found: Tried, test: int | None) -> None:
        super().__init__()
        self.number, self.found, self.test = number, found, test


class TryPage(Page):
    """The page. Its process with the model starts when it is opened, and ends with it."""

    name_of_page = "Try the model"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter,i", "path", "image of yours", "the path of an image; Tab completes it"),
        bind("n,right,space", "test(1)", "next test image"),
        bind("N,left", "test(-1)", "previous test image"),
        bind("h", "heat", "heat map", "what in the image speaks for the likeliest answer, or the image"),
        bind("escape", "back", "back", "back to the run"),
    ]

    def __init__(self, run: RunDirectory, name: str) -> None:
        super().__init__()
        self.run, self.name_of_run = run, name
        self.found: Tried | None = None
        self.heat = False
        self.busy = "importing the framework and loading the weights ..."
        """What it waits for; empty while it does not."""
        self._question: dict[str, Any] = {"test": 0}
        self._test = 0
        self._number = 0
        self._model: Conversation | None = None
        self._asking = threading.Lock()
        self._left = False
        self._path = ""

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        map_key = ("h", "hide map" if self.heat else "heat map")
        return (("Enter", "image of yours"), ("n", "next test image"), map_key, ("Esc", "back"))

    def body(self) -> Iterable[Widget]:
        yield Rows(self._rows, id="tried")

    def on_mount(self) -> None:
        self._ask({"test": 0})

    def on_unmount(self) -> None:
        self._left = True
        if self._model is not None:
            self._model.close()

    def head(self, width: int) -> Row:
        title: Row = [(" dltui", "accent bold"), ("  Try the model", "bold"), (f"   {self.name_of_run}", "dim")]
        return self.top_bar(title, width)

    def status_line(self) -> str:
        return f"{self.name_of_run}: try the model"

    def idle(self) -> Row:
        if self.busy:
            return [(f" {self.busy}", "accent")]
        return [(" Enter takes the path of an image of yours; n the next image of the test split", "faint")]

    def _ask(self, question: dict[str, Any]) -> None:
        """Ask the model in a thread; of several questions the last one counts."""
        self._question = question
        self._number += 1
        number, asked = self._number, {**question, "heat": self.heat}
        self.busy = self.busy or "asking the model ..."
        in_thread(self, "try", lambda: self._answer(number, asked))
        self.redraw()

    def _answer(self, number: int, question: dict[str, Any]) -> Message | None:
        with self._asking:
            if number != self._number or self._left:
                return None
            if self._model is None:
                self._model = self.host.services.trying.open(self.run)
                if self._left:
                    # The page was left while the process was started.
                    self._model.close()
                    return None
            try:
                told = self._model.ask(question)
            except RunError:
                if self._left:
                    return None
                raise
            return Answered(number, Tried.of(told), told.get("test"))

    def on_answered(self, message: Answered) -> None:
        if message.number == self._number:
            self.busy, self.found = "", message.found
            if message.test is not None:
                self._test = int(message.test)
                self._question = {"test": self._test}
            self.redraw()

    def on_failed(self, message: Failed) -> None:
        self.busy = ""
        # A network without convolutions has no heat map: the next image is asked for without one.
        self.heat = self.heat and self.found is not None and self.found.heat is not None
        self.notice.say(message.reason, "bad", seconds=60)
        self.redraw()

    def action_path(self) -> None:
        self.notice.prompt("image", self._path, _problem, self._take, complete=completed)

    def _take(self, text: str) -> None:
        self._path = text
        self._ask({"file": paths.absolute(text)})

    def action_test(self, by: int) -> None:
        self._test += by if "test" in self._question else 0
        self._ask({"test": self._test})

    def action_heat(self) -> None:
        self.heat = not self.heat
        self._ask(self._question)

    def action_back(self) -> None:
        self.host.back()

    def _rows(self, width: int, height: int) -> list[Row]:
        if self.found is None:
            return [[], [(f"  {self.busy or 'no answer yet'}", "dim")]]
        return tried_rows(self.found, width, height, self.host.look)


def _problem(text: str) -> str:
    """The problem of the path of an image, or ""; asked at every key."""
    try:
        file = paths.absolute(text)
    except UsageError as error:
        return str(error)
    # pathlib raises where a folder may not be entered, or a name is too long.
    return "" if os.path.isfile(file) else "no such file"  # noqa: PTH113


def tried_rows(found: Tried, width: int, height: int, look: Look) -> list[Row]:
    """The picture at the left, the likeliest answers with their probabilities at the right."""
    size = min(LARGE if width >= WIDE else SMALL, 2 * (height - 3))
    pixels = found.image
    if found.heat is not None:
        from dltui.core.analysis.inside.heat_maps import overlay

        pixels = overlay(pixels, found.heat)
    shown = picture(pixels, size, size // 2, look)
    wide, gap = max(cells(shown[0]) if shown else 0, LEAST_LABEL if width >= NARROW else 8), 6 if width >= NARROW else 3
    called: Row = [(cut_left(found.name, wide), "dim")]
    image: list[Row] = [[], *([("  ", ""), *row] for row in shown), [("  ", ""), *called]]
    across = wide + gap
    return beside([(image, across), (_answers(found, min(width - across, 70)), width - across)], height)


def _answers(found: Tried, width: int) -> list[Row]:
    """A row for each answer: `Shirt ━━━━━─── 62 %`; the right ones are labeled, not only colored."""
    names = max((cells_of(name) for name, _ in found.best), default=0)
    label = min(names, max(width - 24, 8))
    rows: list[Row] = [[], [("predicted", "heading"), *_verdict(found)], []]
    for number, (name, chance) in enumerate(found.best):
        true = found.true is not None and name in found.true
        style = "good" if true else "validation"
        row: Row = [(left(name, label) + " ", "bold" if number == 0 else "")]
        row += [*bar(chance, max(width - label - 14, 4), style), (right(probability(chance), 7), "bold")]
        rows.append(fit([*row, (" true" if true else "", "good")], width))
    likely = {name for name, _ in found.best}
    told = [(f"true: {name}, less likely", "good") for name in found.true or () if name not in likely]
    if found.heat is not None:
        told += [("", ""), (f"bright: what speaks for {found.best[0][0]}", "dim")]
    # Names may be long.
    return rows + [[(line, style)] for text, style in told for line in pieces(text, width - 1)]


def _verdict(found: Tried) -> Row:
    if found.true is None or not found.best:
        return []
    right_one = found.best[0][0] in found.true
    return [("   right", "good bold") if right_one else ("   wrong", "bad bold")]
