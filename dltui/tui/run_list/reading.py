"""The threads that read all runs and the devices of this machine for the list of runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

from dltui.core.errors import UsageError
from dltui.tui.base.threads import Watcher, post

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.tui.base.hosts.elsewhere import HostLine
    from dltui.tui.base.page import Page
    from dltui.tui.base.summary import Summary

SECONDS = 0.5
DEVICE_SECONDS = 2.0
HOST_SECONDS = 0.5


class RunsRead(Message):
    """A message with all runs."""

    def __init__(self, runs: list[Summary]) -> None:
        super().__init__()
        self.runs = runs


class DevicesRead(Message):
    """A message with the devices of this machine, and the other hosts with theirs."""

    def __init__(self, devices: list[Device], hosts: tuple[HostLine, ...] = ()) -> None:
        super().__init__()
        self.devices = devices
        self.hosts = hosts


class Reading:
    """Posts `RunsRead` and `DevicesRead` to the page when something has changed; created after the first frame, because
    reading may be slow.
    """

    def __init__(self, page: Page) -> None:
        from dltui.tui.base.all_runs import RunList

        self._page = page
        self._runs = RunList(page.host.services.runs.folder(), page.host.services.clock.now)
        self._thorough = True
        self._last: tuple[list[Summary], Sequence[Summary]] | None = None
        self._last_devices: tuple[list[Device], tuple[HostLine, ...]] | None = None
        self._devices_at = -DEVICE_SECONDS
        # Other hosts come and go meanwhile.
        seconds = HOST_SECONDS if page.host.services.elsewhere.lines() else DEVICE_SECONDS
        self._watchers = (
            Watcher(page, self._look_at_runs, SECONDS),
            Watcher(page, self._look_at_devices, seconds),
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
        self._devices_at = -DEVICE_SECONDS
        self._page.host.services.elsewhere.nudge()
        for watcher in self._watchers:
            watcher.nudge()

    def _look_at_runs(self) -> Message | None:
        if not self._page.on_top:
            return None
        thorough, self._thorough = self._thorough, False
        try:
            runs = self._runs.read(thorough)
        except UsageError:
            # The runs of other hosts are shown all the same; the watcher says the reason.
            if (message := self._changed(self._runs.known)) is not None:
                post(self._page, message)
            raise
        return self._changed(runs)

    def _changed(self, runs: list[Summary]) -> Message | None:
        """All runs, with these of this home; None if they are as before."""
        others = self._page.host.services.elsewhere.runs()
        if self._last is not None and runs is self._last[0] and others is self._last[1]:
            return None
        self._last = runs, others
        from dltui.tui.base.all_runs import in_order

        return RunsRead(in_order([*runs, *others]) if others else runs)

    def _look_at_devices(self) -> Message | None:
        if not self._page.on_top:
            return None
        services, now = self._page.host.services, time.monotonic()
        devices, hosts = self._last_devices[0] if self._last_devices else [], services.elsewhere.lines()
        if now - self._devices_at >= DEVICE_SECONDS:
            devices, self._devices_at = services.machine.devices(), now
        if (devices, hosts) == self._last_devices:
            return None
        self._last_devices = devices, hosts
        return DevicesRead(devices, hosts)
