"""The state of the list of runs: all runs, the lines that are shown of them, what is marked and where the cursor is."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.tui.base.summary import Summary
    from dltui.tui.run_list.lines import Choice


class RunListState:
    """Plain values, shared by the page and the objects that answer its keys."""

    def __init__(self) -> None:
        self.runs: list[Summary] = []
        self.read = False
        """The runs were read once: where there are none, there are really none."""
        self.devices: list[Device] | None = None
        self.live = 0
        """How many of the runs are live."""
        self.lines: list[Summary] = []
        self.opened: set[str] = set()
        """Ids of the groups whose runs are shown one by one."""
        self.selected: str | None = None
        self.first = 0
        """The first line that is on the screen."""
        self._choice: Choice | None = None
        self._places: dict[str, int] = {}

    @property
    def choice(self) -> Choice:
        """The filter, the order and the marks; made after the first frame, when there are runs to choose from."""
        if self._choice is None:
            from dltui.tui.run_list.lines import Choice

            self._choice = Choice()
        return self._choice

    @property
    def filter(self) -> str:
        return self._choice.text if self._choice is not None else ""

    @property
    def marked(self) -> Collection[str]:
        """Ids of the marked runs."""
        return self._choice.marked if self._choice is not None else ()

    @property
    def index(self) -> int:
        """The place of the selected line in the list, or of its group; the first one when it is gone."""
        return self._places.get(self.selected or "", 0)

    @property
    def line(self) -> Summary | None:
        """The selected run, or group of runs."""
        return self.lines[self.index] if self.lines else None

    @property
    def run(self) -> Summary | None:
        """The selected run; None on a group, which takes no orders."""
        return None if self.line is None or self.line.members else self.line

    @property
    def targets(self) -> list[Summary]:
        """The runs that a key for several runs means: the marked ones, else the selected run or group."""
        marked = [run for run in self.runs if run.id in self.marked]
        if marked or self.line is None:
            return marked
        return list(self.line.members) or [run for run in self.runs if run.id == self.line.id]

    def fold(self) -> None:
        """Choose the lines again, after the runs or what is chosen of them have changed."""
        from dltui.tui.run_list.lines import lines

        self.lines = lines(self.runs, self.choice, self.opened)
        # Looked up at each frame: the lines themselves first, then what is folded in them.
        folded = {run.id: place for place, line in enumerate(self.lines) for run in line.members}
        self._places = folded | {line.id: place for place, line in enumerate(self.lines)}

    def take(self, runs: list[Summary]) -> None:
        """Take the runs as they are now."""
        self.runs, self.read = runs, True
        self.live = sum(run.is_live for run in runs)
        self.fold()
        if self.selected is None and self.lines:
            self.selected = self.lines[0].id

    def move(self, by: int) -> None:
        """Select the line `by` places further, not beyond the ends."""
        if self.lines:
            self.selected = self.lines[min(max(self.index + by, 0), len(self.lines) - 1)].id

    def toggle(self, group: str) -> None:
        """Show the runs of a group one by one, or fold them."""
        self.opened ^= {group}
        self.fold()

    def leave(self, gone: set[str]) -> None:
        """Select the next line that stays, as one's eyes do, when these runs go."""
        for one in gone:
            self.choice.marked.pop(one, None)
        at = next((n for n, line in enumerate(self.lines) if line.id == self.selected), 0)
        after = [*self.lines[at:], *reversed(self.lines[:at])]
        stays = (line for line in after if line.id not in gone and not {run.id for run in line.members} & gone)
        self.selected = next((line.id for line in stays), None)
