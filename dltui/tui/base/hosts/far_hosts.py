"""The hosts of `dltui --host`: links to them, what they list, and mirrors of the runs that pages show."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence

from dltui.core.errors import DltuiError, UsageError
from dltui.core.hosts import address, mirror
from dltui.core.hosts.address import Host
from dltui.core.hosts.link import HostError, Link
from dltui.core.hosts.mirror import Mirror
from dltui.core.machine.devices import Device
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import safe
from dltui.tui.base.hosts.elsewhere import Elsewhere, Followed, HostLine
from dltui.tui.base.hosts.far_summary import device_from_json, from_json, silenced
from dltui.tui.base.summary import Summary

SECONDS = 1.0
RESTING_SECONDS = 10.0
"""The pace while no page asks for the list."""
ASKED_SECONDS = 3.0
DEVICE_SECONDS = 4.0
DEVICE_PATIENCE = 5.0
LATE_SECONDS = 60.0
"""The seconds until devices that did not answer are asked for again: a driver that hangs may do so for hours."""
LEAVING_SECONDS = 0.5
MOST_RUNS = 20_000
LARGE_TABS = frozenset(("inside", "mistakes", "heat maps"))
"""What a tab wants that is drawn from the large files of a run."""


@dataclasses.dataclass(frozen=True)
class FarDevice(Device):
    """A device of another host; its name is HOST:DEVICE."""

    @property
    def kind(self) -> str:
        return self.name.split(":")[1]


class HostWatch:
    """Lists the runs and devices of a host again and again, in a thread of its own: a host that hangs holds up no
    other.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.runs: tuple[Summary, ...] = ()
        self.devices: tuple[Device, ...] | None = None
        self.asked = 0.0
        self._known: dict[str, Summary] = {}
        self._since = 0.0
        self._devices_at = 0.0
        self._lost: float | None = None
        self._over, self._soon = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dltui-host-{link.host.name}", daemon=True)

    def start(self) -> None:
        self.link.start()
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._soon.set()
        self.link.close()

    def nudge(self) -> None:
        self._soon.set()
        self.link.nudge()

    def changed(self) -> None:
        """The link came up or broke."""
        self._soon.set()

    def line(self) -> HostLine:
        """The host as the page shows it."""
        state, name = self.link.state, self.link.host.name
        if state.name == "up":
            return HostLine(name, self.devices, note=safe(state.note))
        if not state.reason:
            return HostLine(name, problem="connecting ...")
        again = max(int(state.again - time.monotonic() + 1), 0)
        return HostLine(name, problem=safe(state.reason), failed=True, again=again)

    def _run(self) -> None:
        while not self._over.is_set():
            self._soon.clear()
            try:
                self._look()
            except HostError:
                self._silence()
            except Exception:
                # An answer that makes no sense, as of a version far apart: what was listed before stays.
                self._since = 0.0
            rests = time.monotonic() - self.asked > ASKED_SECONDS
            self._soon.wait(RESTING_SECONDS if rests else SECONDS)

    def _look(self) -> None:
        state = self.link.state
        if state.name != "up":
            raise HostError("")
        anew = state.since != self._since
        found = self.link.ask("list", seconds=None, all=anew)
        if not isinstance(found, dict) or not isinstance(found.get("runs"), list):
            raise HostError("an answer without runs")
        known = {} if anew else dict(self._known)
        for name in found.get("gone") or ():
            known.pop(address.joined(self.link.host.name, str(name)), None)
        for one in found["runs"][:MOST_RUNS]:
            summary = from_json(self.link.host.name, one, state.ahead)
            if summary is not None and (summary.id in known or len(known) < MOST_RUNS):
                known[summary.id] = summary
        if anew or found["runs"] or found.get("gone") or self._lost is not None:
            self._known, self.runs = known, tuple(known.values())
        self._since, self._lost = state.since, None
        if anew or time.monotonic() - self._devices_at >= DEVICE_SECONDS:
            self._look_at_devices()

    def _look_at_devices(self) -> None:
        try:
            found = self.link.ask("devices", seconds=DEVICE_PATIENCE)
        except DltuiError as error:
            # The runs are known all the same.
            self.devices = None
            self._devices_at = time.monotonic() + (LATE_SECONDS if isinstance(error, HostError) else 0.0)
            return
        self._devices_at = time.monotonic()
        if isinstance(found, list):
            known = [device for device in map(device_from_json, found[:64]) if device is not None]
            self.devices = tuple(known)

    def _silence(self) -> None:
        """The host does not answer: what is known of it stays in the list, and says so."""
        self._since = 0.0
        if self._lost is None:
            self._lost = time.time()
        reason, since = self.link.state.reason or "connecting", self._lost
        runs = tuple(silenced(run, safe(reason), since) for run in self._known.values())
        if runs != self.runs:
            self.runs = runs


class FarRun(Followed):
    """A run of another host that a page follows: its mirror, which all pages share."""

    def __init__(self, hosts: FarHosts, kept: Mirror) -> None:
        self._hosts, self._mirror = hosts, kept
        self._wants: frozenset[str] = frozenset()

    def ready(self) -> None:
        self._mirror.ready()
        if self._wants & LARGE_TABS:
            self._mirror.want_large()

    def want(self, wants: frozenset[str]) -> None:
        self._wants = wants

    def bring_predictions(self) -> None:
        self._mirror.ready()
        self._mirror.refresh(large=True)

    def stop(self) -> None:
        self._hosts.leave(self._mirror)


class FarHosts(Elsewhere):
    """Several hosts."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.watches: dict[str, HostWatch] = {}
        for host in hosts:
            self.watches[host.name] = HostWatch(Link(host, lambda name=host.name: self._changed(name)))  # type: ignore[misc]
        self._mirrors: dict[RunDirectory, tuple[Mirror, int]] = {}
        self._lock = threading.Lock()
        self._last: tuple[tuple[tuple[Summary, ...], ...], tuple[Summary, ...]] = ((), ())

    def _changed(self, name: str) -> None:
        if name in self.watches:
            self.watches[name].changed()

    def begin(self) -> None:
        for watch in self.watches.values():
            watch.start()

    def end(self) -> None:
        with self._lock:
            mirrors = [kept for kept, _ in self._mirrors.values()]
        for kept in mirrors:
            kept.stop()
        for watch in self.watches.values():
            watch.stop()
        for kept in mirrors:
            # Each removes what it has not copied to the end.
            kept.stop(LEAVING_SECONDS)

    def runs(self) -> Sequence[Summary]:
        now = time.monotonic()
        for watch in self.watches.values():
            if now - watch.asked > ASKED_SECONDS:
                watch.changed()
            watch.asked = now
        each = tuple(watch.runs for watch in self.watches.values())
        if len(each) != len(self._last[0]) or any(a is not b for a, b in zip(each, self._last[0], strict=True)):
            self._last = (each, tuple(run for runs in each for run in runs))
        return self._last[1]

    def lines(self) -> tuple[HostLine, ...]:
        return tuple(watch.line() for watch in self.watches.values())

    def devices(self) -> list[Device]:
        found: list[Device] = []
        for name, watch in self.watches.items():
            if watch.link.state.name == "up":
                found += [
                    FarDevice(**{**dataclasses.asdict(one), "name": f"{name}:{one.name}", "processes": one.processes})
                    for one in watch.devices or ()
                ]
        return found

    def nudge(self) -> None:
        for watch in self.watches.values():
            watch.nudge()

    def follow(self, run: RunDirectory) -> Followed:
        found = self.of(run)
        if found is None:
            return Followed()
        with self._lock:
            kept, count = self._mirrors.get(run, (None, 0))
            if kept is None:
                kept = Mirror(*found)
                kept.start()
            self._mirrors[run] = (kept, count + 1)
        return FarRun(self, kept)

    def leave(self, kept: Mirror) -> None:
        """A page that followed a run was left; the last one ends its mirror."""
        with self._lock:
            _, count = self._mirrors.get(kept.directory, (kept, 0))
            if count > 1:
                self._mirrors[kept.directory] = (kept, count - 1)
                return
            self._mirrors.pop(kept.directory, None)
        kept.stop()

    def of(self, run: RunDirectory) -> tuple[Link, str] | None:
        """The link and the name of a run of another host; None for a run of this host."""
        found = mirror.origin(run)
        if found is None or found[0] not in self.watches:
            return None
        return self.watches[found[0]].link, found[1]

    def directory(self, host: str, name: str) -> RunDirectory:
        """The run of a host that a name means. Raises DltuiError."""
        if host not in self.watches:
            raise UsageError(f"host {host} was not named: dltui --host {host}")
        link = self.watches[host].link
        link.wait()
        return mirror.directory(host, str(link.ask("find", name=name)))

    def of_device(self, device: str) -> tuple[Link, str] | None:
        """The link and the word of a device that is called HOST:DEVICE; None for a device of this host."""
        host, word = address.of_device(device) or ("", "")
        return (self.watches[host].link, word) if host in self.watches else None
