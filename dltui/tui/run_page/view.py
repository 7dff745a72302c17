"""An immutable snapshot of a run: made by the thread that reads it, drawn by the screen."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.analysis.cost import Prices
from dltui.core.analysis.evaluation import LatestEvaluation
from dltui.core.analysis.inside.heat_maps import LatestHeatMaps
from dltui.core.analysis.past import LatestPast, Past
from dltui.core.analysis.suggestion import Suggestion, suggestion
from dltui.core.analysis.verdict import Verdict, judge
from dltui.core.errors import DltuiError, UsageError
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.history import History
from dltui.core.reading.progress import Progress, progress
from dltui.core.reading.status import OVER
from dltui.core.rundir import place
from dltui.core.tasks.registry import task_of
from dltui.tui.base.summary import Summary, open_reader, summarize
from dltui.tui.run_page.hardware_watch import Hardware, HardwareWatch

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix
    from dltui.core.analysis.inside.heat_maps import HeatMaps
    from dltui.core.analysis.labels import Labels
    from dltui.core.analysis.masks.worst import Masks
    from dltui.core.analysis.mistakes import Mistakes
    from dltui.core.analysis.regression import Fit
    from dltui.core.data.findings.review import Key, Opinion
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Live
    from dltui.core.tasks.definition import Inside
    from dltui.tui.run_page.hardware_watch import Measure

LOG_BYTES = 65_536
REST_SECONDS = 1.0
"""As long as nothing in a run's folder changes, it is looked at this often: its worker may be gone."""
NO_PRICES = Prices()


@dataclass(frozen=True)
class RunView:
    """A snapshot of a run. `content` grows with each change that does not come from the clock."""

    content: int
    summary: Summary
    asked: dict[str, Any]
    history: History = field(repr=False)
    live: Live | None
    progress: Progress | None
    output: tuple[str, ...] = ()
    matrix: Matrix | None = None
    labels: Labels | None = None
    masks: Masks | None = None
    fit: Fit | None = None
    suggestion: Suggestion | None = None
    """A suggestion after a failure."""
    figures: bool = False
    """True if its export folder exists."""
    mistakes: Mistakes | None = None
    review: Mapping[Key, Opinion] = field(default_factory=dict)
    """The user's marks on the mistakes."""
    problem: str = ""
    """Why not all that the open tab needs can be read."""
    heat_maps: HeatMaps | None = None
    verdict: Verdict | None = None
    """The verdict on the curves."""
    hardware: Hardware | None = None
    prices: Prices = NO_PRICES
    past: Past | None = None
    """The matrices and mistakes that were kept of its epochs."""

    @property
    def ended(self) -> bool:
        return self.summary.status in OVER

    @property
    def inside(self) -> Inside:
        """The kind of tabs about its predictions."""
        return task_of(self.asked.get("task")).inside

    @property
    def main_metric(self) -> str:
        """The metric that is shown beside the loss."""
        return task_of(self.asked.get("task")).metric

    @property
    def base_lr(self) -> float | None:
        """The last requested learning rate; for a schedule its peak."""
        changes = self.history.lr_changes
        value = changes[-1][1] if changes else self.asked.get("config", {}).get("lr")
        return float(value) if isinstance(value, (int, float)) else None

    @property
    def steps_per_epoch(self) -> int:
        return max(self.history.attempt.steps_per_epoch, 1) if self.history.attempt else 1


class RunWatch:
    """Reads a run, in a thread. `wants` names further content of the open tab: "output", "inside", "mistakes",
    "heat maps", "hardware".
    """

    def __init__(
        self,
        directory: RunDirectory,
        clock: Callable[[], float],
        measure: Measure | None = None,
        prices: Callable[[], Prices] = Prices,
    ) -> None:
        self._prices = functools.cache(prices)
        self.directory = directory
        self._machine = HardwareWatch(measure, clock) if measure is not None else None
        self.wants: frozenset[str] = frozenset()
        self._clock = clock
        self._opened: tuple[RunReader, dict[str, Any]] | None = None
        self._known: tuple[Any, ...] = ()
        self._inside: LatestEvaluation | None = None
        self._heat_maps: LatestHeatMaps | None = None
        self._past: LatestPast | None = None
        self._history: History | None = None
        self._verdict: Verdict | None = None
        self._judged: tuple[Any, ...] = ()
        self._content = 0
        self._files: tuple[frozenset[str], int] | None = None
        self._looked = 0.0
        self._output: tuple[tuple[int, int], tuple[str, ...]] = ((0, 0), ())

    def look(self) -> RunView | None:
        """A snapshot of the run, or None when nothing has changed. Raises DltuiError for a folder that is no run."""
        if self._opened is None:
            self._opened = open_reader(self.directory, self._clock)
            self._inside = LatestEvaluation(self._opened[0])
            self._heat_maps = LatestHeatMaps(self._opened[0])
            self._past = LatestPast(self._opened[0])
        reader, asked = self._opened
        changed, wants = reader.refresh(), self.wants
        if not (self._is_due(wants) or changed):
            return None
        status, live = reader.look()
        launching.refresh(reader.directory, status)
        at = progress(reader.history, live)
        summary = summarize(reader, asked, status, live, at)
        tabs = self._tabs(wants, asked, summary, live)
        drawn = summary.status in OVER and summary.phase != "exporting"
        # pathlib raises where the folder above may not be entered.
        figures = drawn and os.path.isdir(self._exports())  # noqa: PTH112
        content = (*tabs.values(), wants, summary.status)
        known = (summary, live, figures, content)
        if not changed and known == self._known:
            return None
        self._content += changed or self._known[-1:] != (content,)
        if changed or self._history is None:
            self._history = reader.history.copy()
            self._judge(asked)
        self._known = known
        return RunView(
            self._content,
            summary,
            asked,
            self._history,
            live,
            at,
            suggestion=suggestion(reader),
            figures=figures,
            verdict=self._verdict,
            **tabs,
        )

    def _is_due(self, wants: frozenset[str]) -> bool:
        """False if no file in the folder of the run has been replaced since the last look, which was a moment ago. What
        is wanted besides may lie elsewhere, or grow.
        """
        try:
            files = (wants, self.directory.path.stat().st_mtime_ns)
        except OSError:
            files = (wants, 0)
        now = time.monotonic()
        if files == self._files and not wants and now < self._looked + REST_SECONDS:
            return False
        self._files, self._looked = files, now
        return True

    def _tabs(
        self, wants: frozenset[str], asked: dict[str, Any], summary: Summary, live: Live | None
    ) -> dict[str, Any]:
        """The fields of RunView that the open tab needs beside the history."""
        printed = "output" in wants or summary.status == "failed"
        found: dict[str, Any] = {"output": self._read_output() if printed else ()}
        kind = task_of(asked.get("task")).inside
        for name, look in (*self._predicted(wants, kind), *self._measured(wants, summary, live)):
            try:
                found[name] = look()
            except DltuiError as error:
                # What can be read is shown all the same.
                found.setdefault("problem", str(error))
        return found

    def _predicted(self, wants: frozenset[str], kind: Inside) -> Iterator[tuple[str, Callable[[], Any]]]:
        """The fields about its predictions, with what reads them: each raises DltuiError for damaged files."""
        inside = self._inside
        if inside is None:
            return
        if kind == "fit":
            yield "fit", inside.fit
        elif kind == "labels" and "inside" in wants:
            yield "labels", inside.labels
        elif kind == "masks" and "inside" in wants:
            yield "masks", inside.masks
            yield "matrix", inside.matrix
        elif kind == "classes" and "inside" in wants:
            yield "matrix", inside.matrix
            if self._past is not None:
                yield "past", self._past.look
        if self._heat_maps is not None and "heat maps" in wants:
            yield "heat_maps", self._heat_maps.look
        if kind == "classes" and "mistakes" in wants:
            yield "mistakes", inside.mistakes
            yield "review", lambda: self._review(inside) if inside.mistakes() is not None else {}

    def _measured(
        self, wants: frozenset[str], summary: Summary, live: Live | None
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        """The fields about its machine, with what reads them: the prices raise UsageError when they are none."""
        machine = self._machine
        if machine is not None and "hardware" in wants:
            beating = live if summary.status not in OVER else None
            yield "hardware", lambda: machine.look(self.directory.path, summary.host, beating)
            yield "prices", self._prices

    def _review(self, inside: LatestEvaluation) -> Mapping[Key, Opinion]:
        """The marks on the mistakes. Raises UsageError."""
        try:
            return inside.review(self._exports())
        except UsageError as error:
            raise UsageError(f"no marks are shown: {error}") from error

    def _judge(self, asked: dict[str, Any]) -> None:
        """Update the verdict after an evaluation or the end, because verdicts depend on nothing else."""
        history = self._history
        assert history is not None
        epochs = history.epochs
        key = (len(epochs), epochs[max(epochs)] if epochs else None, history.ended, not len(history.points))
        if key != self._judged:
            self._judged = key
            self._verdict = judge(history, str(asked.get("config", {}).get("schedule", "")))

    def _exports(self) -> Path:
        """The folder of the figures; a folder that does not exist when it is not known."""
        try:
            return place.exports_folder(self.directory)
        except DltuiError:
            return self.directory.path / "exports"

    def _read_output(self) -> tuple[str, ...]:
        """The last lines that the process printed."""
        path: Path = self.directory.worker_log
        try:
            found = path.stat()
            key = (found.st_size, found.st_mtime_ns)
            if key != self._output[0]:
                with fs.open_to_read(path) as file:
                    file.seek(max(0, found.st_size - LOG_BYTES))
                    text = file.read().decode("utf-8", "replace")
                self._output = (key, tuple(text.splitlines()))
        except OSError:
            return ()
        return self._output[1]
