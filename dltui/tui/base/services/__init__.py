"""The objects through which the screens reach core and the disk, one for each subject; a test replaces them, with a
fixed clock and no processes.
"""

from __future__ import annotations

from dltui.core.sweep.actions import Sweeps
from dltui.tui.base.hosts.elsewhere import Elsewhere
from dltui.tui.base.services.new_runs import CatalogLoader, Finding, Starting, WarmProcess
from dltui.tui.base.services.results import Exporting, Trying
from dltui.tui.base.services.runs import Commands, Runs, Trash
from dltui.tui.base.services.this_host import Clock, Machine, SettingsFile, Viewer


class Services:
    """The services, one object for each subject. Every method but those of `clock` may block: they are called in
    threads.
    """

    def __init__(self, read_only: bool = False) -> None:
        self.clock = Clock()
        self.viewer = Viewer(read_only)
        self.settings = SettingsFile()
        self.runs = Runs()
        self.elsewhere = Elsewhere()
        self.trash = Trash()
        self.catalog = CatalogLoader()
        self.machine = Machine()
        self.starting = Starting()
        self.sweeps = Sweeps()
        self.finding = Finding()
        self.warm = WarmProcess()
        self.commands = Commands()
        self.exporting = Exporting(self.viewer)
        self.trying = Trying()
