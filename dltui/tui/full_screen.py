"""Shows the app on the terminal and leaves a clean terminal behind."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence

from dltui.tui.app import make_app
from dltui.tui.base.effects import mouse
from dltui.tui.base.services import Services
from dltui.tui.terminal.capabilities import examine, forget_misleading, quiet_stderr
from dltui.tui.terminal.leaving import WaysOut


def run_app(
    open_run: str | None = None,
    new: bool = False,
    read_only: bool = False,
    hosts: Sequence[str] = (),
    replay: bool = False,
) -> int:
    """Show the full screen until the user leaves, with the runs of these other hosts, by default of those in the
    settings. Returns the exit code: after a signal 128 plus its number.

    Raises UsageError for a run or a host that does not exist and for an invalid settings file.
    """
    services = _services(read_only, hosts)
    services.elsewhere.begin()
    try:
        return _show(services, open_run, new, replay)
    finally:
        services.elsewhere.end()


def _services(read_only: bool, names: Sequence[str]) -> Services:
    """The services of this host, and of others where there are any."""
    from dltui.core.settings import load_settings

    if not names and not load_settings().tables.get("hosts"):
        return Services(read_only)
    from dltui.core.hosts import address
    from dltui.tui.base.hosts.far_hosts import FarHosts
    from dltui.tui.base.hosts.hosted import HostedServices

    return HostedServices(FarHosts(address.chosen(names)), read_only)


def _show(services: Services, open_run: str | None, new: bool, replay: bool) -> int:
    run = None if open_run is None else services.runs.find(open_run)
    settings, first_time = services.settings.load(), services.viewer.first_time()
    terminal = examine(os.environ)
    forget_misleading(os.environ)
    with WaysOut() as ways_out, quiet_stderr() as meter:
        ways_out.meter = meter
        app = make_app(services, terminal, run, new, meter, settings, replay)
        app.ways_out = ways_out
        app.first_time, app.after_first_frame = first_time, _settle
        try:
            app.run(mouse=mouse.wanted(settings.mouse, os.environ))
        finally:
            _end_without_terminal(app.return_code)
    deleted = services.trash.leave()
    if app.return_code in (0, 1):
        for line in (*app.last_lines(), *deleted):
            sys.stdout.write(line + "\n")
    return app.return_code or 0


def _settle() -> None:
    """Do the work that was left out to show the first frame sooner: garbage collection, a lower priority."""
    from dltui.core.machine import priority

    gc.enable()
    priority.give_way()


def _end_without_terminal(code: int | None) -> None:
    """End the process at once if the reader of keys still runs: the terminal was not given back, and Python would wait
    for it.
    """
    if any(thread.name == "textual-input" for thread in threading.enumerate()):
        os._exit(code or 128 + signal.SIGHUP)
