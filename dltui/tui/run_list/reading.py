"""The threads that read all runs and the devices of this machine for the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from dltui.tui.base.threads import Watcher

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.tui.base.page import Page
    from dltui.tui.base.summary import Summary

SECONDS = 0.5
DEVICE_SECONDS = 2.0


class RunsRead(Message):
    """A message with all runs."""

    def __init__(self, runs: list[Summary]) -> None:
        super().__init__()
        self.runs = runs


class DevicesRead(Message):
    """A message with the devices of this machine."""

    def __init__(self, devices: list[Device]) -> None:
        super().__init__()
        self.devices = devices


class Reading:
    """Posts `RunsRead` and `DevicesRead` to the page when something has changed; created after the first frame, because
    reading may be slow.
    """

    def __init__(self, page: Page) -> None:
        from dltui.tui.base.all_runs import RunList

        self._page = page
        self._runs = RunList(page.host.services.runs.folder(), page.host.services.clock.now)
        self._thorough = True
        self._last: list[Summary] | None = None
        self._last_devices: list[Device] | None = None
        self._watchers = (
            Watcher(page, self._look_at_runs, SECONDS),
            Watcher(page, self._look_at_devices, DEVICE_SECONDS),
        )

    def start(self) -> None:
        if not self._page.on_top:
            self.rest()
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        for watcher in self._watchers:
            watcher.stop()

    def rest(self) -> None:
        """Pause reading until the next nudge."""
        for watcher in self._watchers:
            watcher.rest()

    def nudge(self) -> None:
        """Read at once, with every file of every run."""
        self._thorough = True
        for watcher in self._watchers:
            watcher.nudge()

    def _look_at_runs(self) -> Message | None:
        if not self._page.on_top:
            return None
        thorough, self._thorough = self._thorough, False
        runs = self._runs.read(thorough)
        if runs is self._last:
            return None
        self._last = runs
        return RunsRead(runs)

    def _look_at_devices(self) -> Message | None:
        if not self._page.on_top:
            return None
        devices = self._page.host.services.machine.devices()
        if devices == self._last_devices:
            return None
        self._last_devices = devices
        return DevicesRead(devices)
