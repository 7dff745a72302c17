"""The tabs about a model's predictions: confusion, mistakes and classes; for a regression, its fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING

from dltui.core.analysis.mistakes import Filter, parse
from dltui.tui.draw.chart import draw
from dltui.tui.draw.run_charts.fit import residual_chart
from dltui.tui.run_page.compact.pairs import is_small, pairs
from dltui.tui.run_page.inside.classes import classes
from dltui.tui.run_page.inside.confusion import confusion
from dltui.tui.run_page.inside.cursor import CLASS_ORDERS, CellCursor, ClassCursor, MistakeCursor
from dltui.tui.run_page.inside.fit import fitted, of_fit
from dltui.tui.run_page.inside.heat import HeatKey
from dltui.tui.run_page.inside.labels import LabelCursor, of_labels, precision_recall, table, wrong
from dltui.tui.run_page.inside.marks import Marks
from dltui.tui.run_page.inside.masks import ious, worst
from dltui.tui.run_page.inside.mistakes_view import mistakes, places
from dltui.tui.run_page.inside.nothing import why_none
from dltui.tui.run_page.inside.residuals import largest
from dltui.tui.run_page.tab import Keys, Tab

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.core.analysis.mistakes import Mistakes
    from dltui.core.tasks.definition import Inside
    from dltui.tui.base.page import Page
    from dltui.tui.draw.styled_text import Row
    from dltui.tui.run_page.view import RunView
    from dltui.tui.run_page.watched_run import WatchedRun

PAGE = 10
"""The rows by which the keys for a page scroll."""
ShowMistakes = Callable[[Filter], None]
"""Opens the mistakes that a filter keeps."""


class MatrixTab(Tab):
    """A tab about the confusion matrix, from which Enter leads to the mistakes; for a regression it shows the fit."""

    names: Mapping[Inside, str] = {}
    """Its names for tasks without classes."""

    def __init__(self, page: Page, run: WatchedRun, show_mistakes: ShowMistakes) -> None:
        super().__init__(page, run)
        self.show_mistakes = show_mistakes
        self.label_cursor = LabelCursor()

    @property
    def of_present(self) -> bool:
        return not self.run.follows

    @property
    def title(self) -> str:
        return self.names.get(self.run.evaluated.inside, self.name) if self.run.evaluated is not None else self.name

    @property
    def wants(self) -> frozenset[str]:
        return frozenset({"inside"})

    @property
    def matrix(self) -> Matrix | None:
        """The confusion matrix; None before the first evaluation, and for a regression."""
        return self.run.evaluated.matrix if self.run.evaluated is not None else None

    @property
    def keys(self) -> Keys:
        """The keys of a list of labels or targets; none without one."""
        return _moving(self.run.evaluated, "label") if _listed(self.run.evaluated) > 1 else ()

    def key(self, width: int, height: int) -> tuple[object, ...]:
        return (*super().key(width, height), self.label_cursor.at)

    def scroll(self, by: int) -> None:
        """Move to another label or target, where there are several."""
        self.label_cursor.move(by, _listed(self.run.evaluated))


class ConfusionTab(MatrixTab):
    """The confusion matrix with a cursor on a cell."""

    name = "Confusion"
    names: Mapping[Inside, str] = {"fit": "Fit", "labels": "Labels"}

    def __init__(self, page: Page, run: WatchedRun, show_mistakes: ShowMistakes) -> None:
        super().__init__(page, run, show_mistakes)
        self.cursor = CellCursor()
        self.answers_everywhere = {"percent_sign": self._turn_unit}

    @property
    def keys(self) -> Keys:
        if self.matrix is None:
            return super().keys
        if is_small(*self.size):
            return (*((("Enter", "show"),) if self.matrix.unit == "samples" else ()), ("↑↓", "pair"), ("e", "export"))
        unit = "counts" if self.cursor.percent else "share"
        if self.run.evaluated is not None and self.run.evaluated.inside == "masks":
            return (("↑↓←→", "cell"), ("%", unit), ("o", "order"), ("e", "export"))
        return (("Enter", "show"), ("↑↓←→", "cell"), ("%", unit), ("o", "order"), ("e", "export"))

    def key(self, width: int, height: int) -> tuple[object, ...]:
        return (*super().key(width, height), *astuple(self.cursor))

    def rows(self, width: int, height: int) -> list[Row]:
        view, look = self.run.evaluated, self.page.host.look
        if view is None:
            return []
        if view.inside == "fit":
            return of_fit(view, lambda found: fitted(found.of(self.label_cursor.at), width, height, look))
        if view.inside == "labels":
            return of_labels(view, lambda found: table(found, self.label_cursor, width, height))
        note = _note(self.run, view, "after the first epoch: which classes it confuses")
        if view.matrix is not None and is_small(width, height):
            return pairs(view.matrix, self.cursor, width, height)
        return confusion(view.matrix, self.cursor, width, height, look, note)

    def scroll(self, by: int) -> None:
        super().scroll(by)
        if self.matrix is not None and is_small(*self.size):
            self.cursor.move_pair(self.matrix, by)
        elif self.matrix is not None:
            self.cursor.move_cell(self.matrix, by, 0)

    def aside(self, by: int) -> None:
        if self.matrix is not None and not is_small(*self.size):
            self.cursor.move_cell(self.matrix, 0, by)
        self.page.redraw("#tab")

    def enter(self) -> None:
        # Pixels are no samples that could be shown one by one.
        if self.matrix is not None and self.matrix.unit == "samples":
            if is_small(*self.size):
                # To the pair that is shown.
                self.cursor.move_pair(self.matrix, 0)
            true, said = self.cursor.chosen(self.matrix)
            self.show_mistakes(Filter(true, None if true == said else said))

    def order(self) -> bool:
        self.cursor.hardest_first = not self.cursor.hardest_first
        self.page.redraw("#tab")
        return True

    def _turn_unit(self) -> None:
        self.cursor.percent = not self.cursor.percent
        self.page.redraw("#tab")


class ClassesTab(MatrixTab):
    """The table of classes with a cursor on a row."""

    name = "Classes"
    names: Mapping[Inside, str] = {"fit": "Residuals", "labels": "Precision", "masks": "IoU"}

    def __init__(self, page: Page, run: WatchedRun, show_mistakes: ShowMistakes) -> None:
        super().__init__(page, run, show_mistakes)
        self.cursor = ClassCursor()

    @property
    def keys(self) -> Keys:
        if self.matrix is None:
            return super().keys
        if self.run.evaluated is not None and self.run.evaluated.inside == "masks":
            return (("↑↓", "class"), ("o", "sort"), ("e", "export"))
        return (("Enter", "show mistakes"), ("↑↓", "class"), ("o", "sort"), ("e", "export"))

    def key(self, width: int, height: int) -> tuple[object, ...]:
        return (*super().key(width, height), *astuple(self.cursor))

    def rows(self, width: int, height: int) -> list[Row]:
        view, look = self.run.evaluated, self.page.host.look
        if view is None:
            return []
        if view.inside == "fit":
            chosen = self.label_cursor.at
            return of_fit(view, lambda found: draw(residual_chart(found.of(chosen)), width - 1, height, look))
        if view.inside == "labels":
            return of_labels(view, lambda found: precision_recall(found, self.label_cursor, width, height, look))
        if view.masks is not None:
            return ious(view.masks.matrix, self.cursor, view.masks.mean_iou, width, height)
        note = _note(self.run, view, "after the first epoch: precision and recall of each class")
        return classes(view.matrix, self.cursor, width, height, note)

    def scroll(self, by: int) -> None:
        super().scroll(by)
        if self.matrix is not None:
            self.cursor.move_class(self.matrix, by)

    def enter(self) -> None:
        if self.matrix is not None and self.matrix.unit == "samples":
            scores = self.cursor.scores(self.matrix)
            self.show_mistakes(Filter(scores[min(self.cursor.at, len(scores) - 1)].number))

    def order(self) -> bool:
        self.cursor.order = (self.cursor.order + 1) % len(CLASS_ORDERS)
        self.page.redraw("#tab")
        return True


class MistakesTab(Tab):
    """The misclassified samples, with the user's marks."""

    name = "Mistakes"

    def __init__(self, page: Page, run: WatchedRun) -> None:
        super().__init__(page, run)
        self.cursor = MistakeCursor()
        self.label_cursor = LabelCursor()
        self.marks = Marks(page, run)
        self.heat = HeatKey(page, run)
        self.answers = {"space": self._mark, "slash": self._ask_filter, "h": self.heat.turn}

    @property
    def wants(self) -> frozenset[str]:
        return frozenset({"inside", "mistakes", "heat maps"})

    @property
    def of_present(self) -> bool:
        return not self.run.follows

    @property
    def mistakes(self) -> Mistakes | None:
        """The mistakes; None before the first evaluation, and for a regression."""
        return self.run.evaluated.mistakes if self.run.evaluated is not None else None

    @property
    def keys(self) -> Keys:
        labels = self.run.evaluated.labels if self.run.evaluated is not None else None
        found = labels.images if labels is not None else self.mistakes.images if self.mistakes is not None else ()
        heat = (("h", "heat"),) if len(found) else ()
        if self.mistakes is None:
            view = self.run.evaluated
            several = view is not None and view.masks is not None and len(view.masks.worst) > 1
            return (*_moving(view, "row"), *heat) if several or _listed(view) > 1 else ()
        space = ("Space", "mark" if self.run.replay is None else "hold, go on")
        return (space, ("f", "filter"), ("/", "by name"), ("PgDn", "page"), *heat, ("e", "export"))

    def key(self, width: int, height: int) -> tuple[object, ...]:
        cursors = (*astuple(self.cursor), self.label_cursor.at, self.heat.which)
        return (*super().key(width, height), *cursors, *self.marks.unsaved.values())

    def rows(self, width: int, height: int) -> list[Row]:
        view, look = self.run.evaluated, self.page.host.look
        if view is None:
            return []
        if view.inside == "fit":
            return of_fit(view, lambda found: largest(found.of(self.label_cursor.at), width, height))
        if view.inside == "labels":
            heat = self.heat.heat
            return of_labels(view, lambda found: wrong(found, self.label_cursor, width, height, look, heat))
        if view.masks is not None:
            return worst(view.masks, self.label_cursor, width, height, look)
        note = _note(self.run, view, "after the first epoch: the samples that it gets wrong")
        known = self.marks.known(view)
        # Heat maps are of the test result, not of an earlier epoch.
        heat = self.heat.heat if self.run.replay is None else None
        return mistakes(view.mistakes, known, self.cursor, width, height, look, note, heat)

    def scroll(self, by: int) -> None:
        view = self.run.evaluated
        if view is not None and view.masks is not None:
            rows = len(view.masks.worst)
        else:
            rows = len(view.labels.wrong) if view is not None and view.labels is not None else _listed(view)
        self.label_cursor.move(by, rows)
        if self.mistakes is not None:
            room = places(*self.size, self.mistakes)
            # A page is what is shown, whatever number of rows that is; the wheel goes by rows.
            self.cursor.move_mistake(self.mistakes, by * room.columns if abs(by) < PAGE else by // PAGE * room.page)

    def aside(self, by: int) -> None:
        if self.mistakes is not None:
            self.cursor.move_mistake(self.mistakes, by)
        self.page.redraw("#tab")

    def filter(self) -> None:
        if self.mistakes is not None:
            self.cursor.turn_filter(self.mistakes)
            self.page.redraw("#tab")

    def _show(self, which: Filter) -> None:
        self.cursor.show(which)
        self.page.redraw("#tab")

    def _ask_filter(self) -> None:
        found = self.mistakes
        if found is not None:
            self.page.notice.prompt(
                "true class, >predicted class, or both",
                "",
                lambda text: "" if parse(text, found.classes) else "no such class",
                lambda text: self._show(parse(text, found.classes) or Filter()),
            )

    def _mark(self) -> None:
        if self.run.replay is not None:
            self.run.hold()
            return
        mistake = self.cursor.current(self.mistakes)
        if self.mistakes is not None and mistake is not None:
            self.marks.turn(self.mistakes, mistake)


def _note(run: WatchedRun, view: RunView, text: str) -> str:
    """What is said where there are no predictions: what will come, or that nothing will."""
    return text if run.replay is not None else why_none(view, text)


def _listed(view: RunView | None) -> int:
    """The number of labels, or of targets of a regression."""
    if view is not None and view.labels is not None:
        return len(view.labels.scores)
    return view.fit.y.shape[1] if view is not None and view.fit is not None else 0


def _moving(view: RunView | None, what: str) -> Keys:
    """The keys of a list, which chooses `what`; for a regression a target."""
    return (("↑↓", "target" if view is not None and view.inside == "fit" else what), ("e", "export"))
