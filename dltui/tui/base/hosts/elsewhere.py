"""The other hosts as the pages see them. Here there are none: `hosted.py` has those of `dltui --host`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.summary import Summary


class HostLine(NamedTuple):
    """Another host for a line: its devices while it answers, else the reason why not; every string is safe for a
    terminal. `failed` is false before the first attempt to reach it has ended. `note` is about another version of
    dltui, `again` the seconds until the next attempt.
    """

    name: str
    devices: tuple[Device, ...] | None = None
    problem: str = ""
    failed: bool = False
    note: str = ""
    again: int = 0


class Followed:
    """A run that a page follows; one of this host needs nothing for that."""

    def ready(self) -> None:
        """Wait until the run can be read. Raises DltuiError with the reason why it cannot."""

    def want(self, wants: frozenset[str]) -> None:
        """Set what the open tab needs, as `RunWatch.wants`."""

    def bring_predictions(self) -> None:
        """Wait until the predictions of the run are here as they are now. Raises DltuiError."""

    def stop(self) -> None:
        """The page was left."""


class Elsewhere:
    """The runs and devices of other hosts. Nothing here waits for a host."""

    def begin(self) -> None:
        """Begin to reach the hosts."""

    def end(self) -> None:
        """Leave the hosts; their runs go on."""

    def runs(self) -> Sequence[Summary]:
        """The runs of all hosts as last heard; the same object as long as nothing has changed."""
        return ()

    def lines(self) -> tuple[HostLine, ...]:
        """The hosts, in the order in which they were named."""
        return ()

    def devices(self) -> list[Device]:
        """The devices of the hosts that answer, as HOST:DEVICE."""
        return []

    def nudge(self) -> None:
        """Look at once."""

    def follow(self, run: RunDirectory) -> Followed:
        """Keep a run readable while a page shows it."""
        return Followed()
