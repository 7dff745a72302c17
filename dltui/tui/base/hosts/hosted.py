"""The services of a screen that also shows other hosts: what concerns a run there is asked of its host, all else is as
without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError, UsageError
from dltui.core.hosts import address, mirror
from dltui.core.hosts.fetched import fetch_figures
from dltui.core.machine.process import user_at_host
from dltui.core.rundir.commands import NOT_BEGUN
from dltui.core.text import clean_line
from dltui.tui.base.hosts.far_hosts import FarHosts
from dltui.tui.base.hosts.far_summary import resumption_from_json
from dltui.tui.base.services import Services
from dltui.tui.base.services.new_runs import Starting
from dltui.tui.base.services.results import Exporting, Trying
from dltui.tui.base.services.runs import Commands, Runs, Trash
from dltui.tui.base.services.this_host import Viewer

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.lifecycle.resume import Resumption
    from dltui.core.lifecycle.trained_model import Conversation
    from dltui.core.rundir.directory import RunDirectory


class HostedServices(Services):
    """Services of this host and others."""

    def __init__(self, hosts: FarHosts, read_only: bool = False) -> None:
        super().__init__(read_only)
        self.elsewhere = hosts
        self.viewer = FarViewer(read_only, hosts)
        self.runs = FarRuns(hosts)
        self.trash = FarTrash(hosts)
        self.starting = FarStarting(hosts)
        self.commands = FarCommands(hosts)
        self.exporting = FarExporting(self.viewer, hosts)
        self.trying = FarTrying(hosts)


class FarViewer(Viewer):
    """The rights of the viewer on each host."""

    def __init__(self, read_only: bool, hosts: FarHosts) -> None:
        super().__init__(read_only)
        self._hosts = hosts

    def may_command(self, run: RunDirectory) -> bool:
        far = self._hosts.of(run)
        return super().may_command(run) if far is None else not self.read_only and not far[0].state.read_only


class FarRuns(Runs):
    """The runs of all hosts."""

    def __init__(self, hosts: FarHosts) -> None:
        self._hosts = hosts

    def find(self, text: str | None) -> RunDirectory:
        far = address.elsewhere(text)
        if far is None:
            return super().find(text)
        found = self._hosts.directory(*far)
        # Whoever finds a run reads it: it is kept up to date until the screen is left.
        self._hosts.follow(found).ready()
        return found

    def goes_on(self, run: RunDirectory, clock: Callable[[], float]) -> bool:
        if self._hosts.of(run) is None:
            return super().goes_on(run, clock)
        return any(one.id == run.id and one.is_live for one in self._hosts.runs())

    def label(self, run: RunDirectory, **changes: Any) -> None:
        far = self._hosts.of(run)
        if far is None:
            super().label(run, **changes)
        else:
            far[0].ask("label", run=far[1], **changes)


class FarTrash(Trash):
    """Deletes runs of this host alone: what is deleted can be brought back only where it is."""

    def __init__(self, hosts: FarHosts) -> None:
        super().__init__()
        self._hosts = hosts

    def discard(self, run: RunDirectory, together: bool = False) -> None:
        far = self._hosts.of(run)
        if far is not None:
            raise UsageError(address.delete_there(far[0].host.name, far[1]))
        super().discard(run, together)


class FarCommands(Commands):
    """Commands to the runs of all hosts."""

    def __init__(self, hosts: FarHosts) -> None:
        self._hosts = hosts

    def send(
        self,
        run: RunDirectory,
        action: str,
        arguments: dict[str, Any],
        known_as: str | None = None,
        attempt: int | None = None,
    ) -> str:
        far = self._hosts.of(run)
        if far is None:
            return super().send(run, action, arguments, known_as, attempt)
        more: dict[str, Any] = {} if known_as is None else {"command": known_as}
        more |= {} if attempt is None else {"attempt": attempt}
        return str(far[0].ask("send", run=far[1], action=action, arguments=arguments, by=user_at_host(), **more))

    def take_out(self, run: RunDirectory) -> None:
        far = self._hosts.of(run)
        if far is None:
            super().take_out(run)
        else:
            far[0].ask("kill", seconds=None, run=far[1], attempt=NOT_BEGUN)

    def kill_cost(self, run: RunDirectory) -> str:
        far = self._hosts.of(run)
        return super().kill_cost(run) if far is None else clean_line(far[0].ask("kill_cost", run=far[1]), 200)

    def kill(self, run: RunDirectory, attempt: int | None = None) -> None:
        far = self._hosts.of(run)
        if far is None:
            super().kill(run, attempt)
        else:
            far[0].ask("kill", run=far[1], **({} if attempt is None else {"attempt": attempt}))


class FarStarting(Starting):
    """Starts runs on the host of their device."""

    def __init__(self, hosts: FarHosts) -> None:
        self._hosts = hosts

    def start(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        far = self._hosts.of_device(request.device)
        return super().start(request, catalog, tell) if far is None else self._there(request, tell)

    def enqueue(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        far = self._hosts.of_device(request.device)
        return super().enqueue(request, catalog, tell) if far is None else self._there(request, tell)

    def _there(self, request: RunRequest, tell: Callable[[str], None]) -> RunDirectory:
        """Start the command of a request on the host of its device, with what is installed and lies there."""
        found = self._hosts.of_device(request.device)
        if found is None:
            raise UsageError(f"no host has {clean_line(request.device, 60)}")
        link, _ = found
        words = list(request.command[2:])
        if "--host" in words:
            # Its own name there may be another.
            at = words.index("--host")
            del words[at : at + 2]
        tell(f"{link.host.name} prepares the data and starts the run")
        started = link.ask("train", seconds=None, words=words)
        if not isinstance(started, list) or not started:
            raise DltuiError(f"{link.host.name} did not say which run it started")
        return mirror.directory(link.host.name, str(started[0]))

    def try_out(self, command: Sequence[str]) -> None:
        if "--host" in command:
            raise UsageError("only a run of this host can be tried; Enter starts it there")
        super().try_out(command)

    def resumption(self, run: RunDirectory, more_epochs: int | None = None) -> Resumption:
        far = self._hosts.of(run)
        if far is None:
            return super().resumption(run, more_epochs)
        more = {} if more_epochs is None else {"more_epochs": more_epochs}
        return resumption_from_json(far[0].host.name, far[0].ask("resumption", seconds=None, run=far[1], **more))

    def resume(self, run: RunDirectory, more_epochs: int = 0) -> None:
        far = self._hosts.of(run)
        if far is None:
            super().resume(run, more_epochs)
        else:
            far[0].ask("resume", seconds=None, run=far[1], more_epochs=more_epochs)

    def fork(self, run: RunDirectory, words: list[str]) -> RunDirectory:
        far = self._hosts.of(run)
        if far is None:
            return super().fork(run, words)
        made = far[0].ask("fork", seconds=None, run=far[1], words=words)
        return mirror.directory(far[0].host.name, str(made))


class FarExporting(Exporting):
    """Draws figures where their run is, and fetches them."""

    def __init__(self, viewer: Viewer, hosts: FarHosts) -> None:
        super().__init__(viewer)
        self._hosts = hosts

    def export(self, run: RunDirectory) -> Path:
        far = self._hosts.of(run)
        return super().export(run) if far is None else fetch_figures(far[0], far[1]).folder

    def look_inside(self, run: RunDirectory) -> list[str]:
        far = self._hosts.of(run)
        if far is None:
            return super().look_inside(run)
        raise UsageError(f"made where the run is: ssh {far[0].host.name} dltui export {clean_line(far[1])} --explain")


class FarTrying(Trying):
    """Tries the models of this host alone: checkpoints stay where they are."""

    def __init__(self, hosts: FarHosts) -> None:
        self._hosts = hosts

    def open(self, run: RunDirectory) -> Conversation:
        far = self._hosts.of(run)
        if far is None:
            return super().open(run)
        raise UsageError(f"its weights are there: ssh -t {far[0].host.name} dltui attach {clean_line(far[1])}, then i")
