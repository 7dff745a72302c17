"""Decides whether the worker of a heartbeat lives and belongs to this directory: its lock and its words decide, its pid
alone proves nothing. A copy of a run carries the heartbeat of a worker that belongs to the original.

Of a mirror, a copy of another host's run that is kept up to date here, only that host can tell whether its worker
lives: its word lies in the mirror. Who keeps a mirror takes the commands in its control folder to the original.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.errors import RunError, UsageError
from dltui.core.machine import process
from dltui.core.numbers import no_number
from dltui.core.rundir import heartbeat, lock
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.machine.process import ProcessId
    from dltui.core.rundir.heartbeat import Live

_LAST_SECONDS = 120.0
FRESH_SECONDS = 20.0
"""A worker that cannot be seen and holds no lock that can be seen is taken for alive while its heartbeat is younger."""
REMOTE_SECONDS = 90.0
"""The same of a worker on another host, where only the heartbeat counts: network disks show files late."""
WATCH_SECONDS = 10.0
"""Before a run is taken from a worker of which only the heartbeat could tell, it has to stand still for that long
before our eyes: it moves every second, and the clock of its host may be off by any time."""


TOLD = "mirror.json"
HEARD_SECONDS = 30.0
"""A mirror of which nothing was heard for longer is kept up to date by nobody."""
_MOST_TOLD = 64 * 1024
_TOLD_TYPES: dict[str, Any] = {"str": clean_line, "float": float, "bool": bool, "int": int}


@dataclass(frozen=True)
class Told:
    """What another host said of a run: its status there. `alive` is true while its worker lives, `heard` the unix time
    at which the host was last heard of, `problem` the reason why it is not heard of any more, `attempt` the attempt of
    its worker, 0 where that is not known.
    """

    host: str
    status: str
    why: str = ""
    phase: str = ""
    since: float = 0.0
    alive: bool = False
    heard: float = 0.0
    problem: str = ""
    attempt: int = 0

    def silence(self, now: float) -> str:
        """The reason why the word is an old one; "" while the host is heard of."""
        if self.problem:
            return f"{self.host} does not answer: {self.problem}"
        quiet = now - self.heard
        return f"nothing heard of {self.host} for {quiet:.0f} s" if quiet > HEARD_SECONDS else ""


_TOLD_KINDS = {field.name: _TOLD_TYPES[str(field.type)] for field in dataclasses.fields(Told)}


def read_told(run_dir: Path) -> Told | None:
    """The word about a mirrored run; None for a run of this host."""
    if not os.path.lexists(f"{run_dir}/{TOLD}"):
        return None
    try:
        content = json.loads(fs.read_limited(run_dir / TOLD, _MOST_TOLD), parse_constant=no_number)
        return Told(**{name: kind(content[name]) for name, kind in _TOLD_KINDS.items() if name in content})
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def write_told(run_dir: Path, told: Told) -> None:
    """Leave the word in a mirror. Raises OSError."""
    content = dataclasses.asdict(told) | {"heard": told.heard or time.time()}
    fs.write_atomic(run_dir / TOLD, json.dumps(content, allow_nan=False).encode("ascii"), sync=False)


class Watch:
    """Follows a heartbeat by the clock of this process. `moved` is true once it has changed before our eyes."""

    def __init__(self) -> None:
        self.moved = False
        self._beat: tuple[float, int] | None = None
        self._since = time.monotonic()

    def see(self, live: Live | None) -> None:
        """Take note of the heartbeat as it was just read."""
        beat = (live.time, live.counter) if live else None
        if beat != self._beat:
            self.moved = self._beat is not None
            self._beat, self._since = beat, time.monotonic()

    @property
    def standing(self) -> float:
        """The seconds for which it has not changed."""
        return time.monotonic() - self._since


def quiet(standing: float, moved: bool, age: float) -> float:
    """The seconds since a worker of another machine was heard of. Its clock may be off, and with it the `age` of the
    heartbeat: once that has moved before our eyes, only our own clock counts.
    """
    return standing if moved else max(standing, age)


@dataclass(frozen=True)
class Claim:
    """The state of a worker. `alive` is None when it cannot be known from here. `process` is the worker as this process
    can signal it, None when it may not; `copied` names the run directory to which the heartbeat belongs, when that is
    another directory. With a `watch` the worker is of another machine and its lock is free, as far as that can be seen:
    the heartbeat alone protects the run, and this is how this process has followed it.
    """

    alive: bool | None
    process: ProcessId | None = None
    copied: str = ""
    watch: Watch | None = None


_watched: dict[Path, Watch] = {}


def look(run_dir: Path, live: Live) -> Claim:
    """The relation of the worker in `live` to this directory. That of a mirror lives where its original is."""
    told = read_told(run_dir)
    return Claim(told.alive) if told is not None else look_here(run_dir, live)


def look_here(run_dir: Path, live: Live) -> Claim:
    """The same of a directory that is no mirror."""
    here = live.boot_id == process.boot_id()
    found = lock.look(run_dir / "lock")
    moved = bool(live.inode) and live.inode != heartbeat.inode(run_dir)
    if here and moved and not (found and found.held) and process.alive(live.process) is not False:
        return Claim(False, copied=live.run or "another run")
    if found is None:
        alive = process.alive(live.process)
        # Without the lock it is the worker's own word that ties it to this directory.
        return Claim(alive, live.process if alive and live.inode and not moved else None)
    if not here:
        return _elsewhere(run_dir, live, found.held)
    return _held(live, found.pid) if found.held else _free(live)


def _elsewhere(run_dir: Path, live: Live, held: bool) -> Claim:
    """The claim of a worker of another machine, or of another boot of this one."""
    alive = process.alive(live.process)
    if held or alive is not None:
        return Claim(alive)
    return Claim(None, watch=_watching(run_dir, live))


def _watching(run_dir: Path, live: Live) -> Watch:
    watch = _watched.setdefault(run_dir, Watch())
    watch.see(live)
    return watch


def _held(live: Live, pid: int) -> Claim:
    """The claim for a lock that is held: by the worker, or by the next worker, which has not reported yet."""
    number = pid or live.pid
    if process.start_ticks(number) == live.start_ticks:
        return Claim(True, replace(live.process, host=process.this_host(), pid=number))
    return Claim(False) if pid and process.start_ticks(pid) is not None else Claim(None)


def _free(live: Live) -> Claim:
    """The claim for a lock that is free. A network disk may not show locks of other hosts."""
    elsewhere = live.namespace not in (0, process.namespace())
    if not elsewhere and process.start_ticks(live.pid) == live.start_ticks:
        return Claim(False, copied=live.run or "another run")
    elsewhere = elsewhere or live.host != process.this_host()
    return Claim(None) if elsewhere and age(live) < FRESH_SECONDS else Claim(False)


def age(live: Live) -> float:
    """Seconds since the heartbeat: by the clock of the machine's boot where the boot is the same, so that setting the
    time of day changes nothing; else by the time of day.
    """
    if live.monotonic and live.boot_id == process.boot_id() and live.monotonic <= time.monotonic() + 1:
        return max(time.monotonic() - live.monotonic, 0.0)
    return time.time() - live.time


def send_signal(run_dir: Path, live: Live, number: int) -> None:
    """Send a signal to the worker of this directory and to no other process. Raises RunError when that is not
    possible.
    """
    name, claim = clean_line(run_dir.name), look(run_dir, live)
    if claim.copied:
        raise RunError(f"{name} is a copy: the worker (pid {live.pid}) is that of {clean_line(claim.copied)}")
    if claim.alive is False:
        raise RunError(f"the worker (pid {live.pid}) has gone already")
    if claim.process is not None:
        process.send_signal(claim.process, number)
        return
    if live.host != process.this_host():
        raise RunError(f"the worker runs on {live.host}; log in there to signal it")
    raise RunError(
        f"the worker of {name} cannot be seen from here (another container?): use dltui stop, or end it there"
    )


def wait_for_last(run_dir: Path) -> None:
    """Wait until no worker of the run can be at work any more: that of a run that has ended still draws the figures,
    and holds the lock until then. Raises UsageError for one of another machine whose heartbeat moves.
    """
    deadline, live = time.monotonic() + _LAST_SECONDS, None
    while time.monotonic() < deadline:
        live = heartbeat.read_live(run_dir, live)
        if live is None or _has_gone(run_dir, live):
            return
        time.sleep(0.05)


def _has_gone(run_dir: Path, live: Live) -> bool:
    """True if the worker has ended, as far as can be seen: one of another machine is heard of until it has."""
    found = look(run_dir, live)
    if live.phase not in ("exporting", "ended"):
        return found.watch is None or _stands_still(run_dir, live, found.watch)
    if found.alive is not None or (live.phase == "ended" and found.watch is not None):
        # After its last word it writes no more.
        return not found.alive
    watch = _watching(run_dir, live)
    return quiet(watch.standing, watch.moved, age(live)) >= FRESH_SECONDS


def _stands_still(run_dir: Path, live: Live, watch: Watch) -> bool:
    """True if the heartbeat was watched for long enough. Raises UsageError where it moves."""
    if watch.moved and watch.standing <= REMOTE_SECONDS:
        raise UsageError(f"{clean_line(run_dir.name)} is running on {live.host}: its heartbeat moves")
    return watch.standing >= WATCH_SECONDS
