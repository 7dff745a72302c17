"""The state of the list of runs: all runs, the visible lines, the marks and the cursor."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.tui.base.hosts.elsewhere import HostLine
    from dltui.tui.base.summary import Summary
    from dltui.tui.run_list.lines import Choice


class RunListState:
    """The plain values that the page and the handlers of its keys share."""

    def __init__(self) -> None:
        self.runs: list[Summary] = []
        self.read = False
        """The runs were read once: where there are none, there are really none."""
        self.devices: list[Device] | None = None
        self.hosts: tuple[HostLine, ...] = ()
        self.live = 0
        """The number of live runs."""
        self.lines: list[Summary] = []
        self.opened: set[str] = set()
        """The ids of the groups whose runs are shown separately."""
        self.inside: frozenset[str] = frozenset()
        """The ids of the runs that are shown below their group."""
        self.selected: str | None = None
        self.first = 0
        """The first line that is on the screen."""
        self._choice: Choice | None = None
        self._places: dict[str, int] = {}

    @property
    def choice(self) -> Choice:
        """The filter, the order and the marks; created after the first frame, when there are runs."""
        if self._choice is None:
            from dltui.tui.run_list.lines import Choice

            self._choice = Choice()
        return self._choice

    @property
    def filter(self) -> str:
        return self._choice.text if self._choice is not None else ""

    @property
    def marked(self) -> Collection[str]:
        """The ids of the marked runs."""
        return self._choice.marked if self._choice is not None else ()

    @property
    def index(self) -> int:
        """The place of the selected line in the list, or of its group; the first when it is gone."""
        return self._places.get(self.selected or "", 0)

    @property
    def line(self) -> Summary | None:
        """The selected run, or group of runs."""
        return self.lines[self.index] if self.lines else None

    @property
    def run(self) -> Summary | None:
        """The selected run; None on a group, which takes no commands."""
        return None if self.line is None or self.line.members else self.line

    def known(self, run: str) -> Summary | None:
        """The run of this id as it was read last; None when it is gone."""
        return next((one for one in self.runs if one.id == run), None)

    def refusal(self, key: str) -> str:
        """The reason why a key for one run does nothing on a group, and what to do; "" on a run, or without any."""
        line = self.line
        if line is None or not line.members:
            return ""
        if line.sweep and not line.via:
            return f"a sweep: Enter opens it, Enter again one of its runs, then {key} acts on that"
        choose = "choose one of its runs below" if line.id in self.opened else "Enter shows its runs"
        return f"a group: {choose}, then {key} acts on one"

    @property
    def targets(self) -> list[Summary]:
        """The runs that a key for several runs acts on: the marked runs, else the selected run or group."""
        marked = [run for run in self.runs if run.id in self.marked]
        if marked or self.line is None:
            return marked
        return list(self.line.members) or [run for run in self.runs if run.id == self.line.id]

    def fold(self) -> None:
        """Compute the lines again, after a change of the runs or the choice."""
        from dltui.tui.run_list.lines import lines

        self.lines = lines(self.runs, self.choice, self.opened)
        # Looked up at each frame: the lines themselves first, then what is folded in them.
        folded = {run.id: place for place, line in enumerate(self.lines) for run in line.members}
        self.inside = frozenset(run.id for line in self.lines if line.id in self.opened for run in line.members)
        self._places = folded | {line.id: place for place, line in enumerate(self.lines)}

    def take(self, runs: list[Summary]) -> None:
        """Take the current runs."""
        self.runs, self.read = runs, True
        self.live = sum(run.is_live for run in runs)
        before = self._places.get(self.selected or "")
        self.fold()
        if self.selected is None and self.lines:
            self.selected = self.lines[0].id
        elif before is not None and self.selected not in self._places and self.lines:
            # It went away elsewhere: the next key means its neighbor, and not the first run.
            self.selected = self.lines[min(before, len(self.lines) - 1)].id

    def move(self, by: int) -> None:
        """Select the line `by` places further, within the ends."""
        if self.lines:
            self.selected = self.lines[min(max(self.index + by, 0), len(self.lines) - 1)].id

    def toggle(self, group: str) -> None:
        """Show the runs of a group separately, or fold them."""
        self.opened ^= {group}
        self.fold()

    def leave(self, gone: set[str]) -> None:
        """Select the nearest line that stays when these runs are removed: the next, else the previous."""
        for one in gone:
            self.choice.marked.pop(one, None)
        at = next((n for n, line in enumerate(self.lines) if line.id == self.selected), 0)
        after = [*self.lines[at:], *reversed(self.lines[:at])]
        stays = (line for line in after if line.id not in gone and not {run.id for run in line.members} & gone)
        self.selected = next((line.id for line in stays), None)
