"""The time, who looks and with which settings, and the devices of this machine."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.analysis.cost import Prices
    from dltui.core.machine.devices import Device
    from dltui.core.machine.usage import Meter, Sample
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.terminal.settings import ScreenSettings


class Clock:
    """The time that all pages show."""

    def now(self) -> float:
        return time.time()

    def passed(self) -> float:
        """The seconds since some moment: they pass evenly also while the time of the machine is set."""
        return time.monotonic()

    def time_of_day(self, when: float, seconds: bool = False) -> str:
        try:
            return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(when))
        except (OverflowError, OSError, ValueError):
            # The log of another user or host may name any time.
            return "?"


class Viewer:
    """The user in front of the screen: the machine and the rights."""

    def __init__(self, read_only: bool) -> None:
        self.read_only = read_only

    def where(self) -> str:
        """The name of the viewer and of this machine: `user@host`."""
        from dltui.core.machine.process import user_at_host

        return user_at_host()

    def host(self) -> str:
        from dltui.core.machine.process import this_host

        return this_host()

    def first_time(self) -> bool:
        """True if no screen was ever open here: each writes a log from its start on."""
        from dltui.core import paths
        from dltui.tui.terminal.capabilities import SCREEN_LOG

        # pathlib raises where the home may not be entered.
        return not os.path.exists(paths.home() / SCREEN_LOG)  # noqa: PTH110

    def may_command(self, run: RunDirectory) -> bool:
        """True if this viewer may give commands: not when read-only, nor without write access to the run."""
        return not self.read_only and os.access(run.path, os.W_OK) and os.access(run.control_dir, os.W_OK)


class SettingsFile:
    """The saved settings of the screen."""

    saving = threading.Lock()
    """To be held while they are saved: threads save in any order."""
    _known: ScreenSettings | None = None
    """What this screen last loaded or saved."""

    def load(self) -> ScreenSettings:
        """The settings. Raises UsageError."""
        from dltui.tui.terminal.settings import load_screen

        self._known = load_screen()
        return self._known

    def save(self, settings: ScreenSettings) -> None:
        """Save what this screen has changed. Raises UsageError."""
        from dltui.tui.terminal.settings import save_screen

        save_screen(settings, self._known)
        self._known = settings


class Machine:
    """The devices and the load of this machine."""

    def __init__(self) -> None:
        self._meter: Meter | None = None

    def devices(self) -> list[Device]:
        from dltui.core.catalog.framework_devices import list_devices

        return list_devices()

    def measure(self, folder: Path, pid: int | None) -> Sample:
        """A sample of this machine's load, with the disk of a folder and the process of a run."""
        from dltui.core.catalog.framework_devices import list_devices
        from dltui.core.machine.usage import Meter

        if self._meter is None:
            # No framework is asked: those that one has found before are known.
            self._meter = Meter(devices=list_devices)
        return self._meter.sample(folder, pid)

    def prices(self) -> Prices:
        """The prices of the user's settings."""
        from dltui.core.analysis.cost import own_prices

        return own_prices()
