"""The ranks of a run as their worker sees them: it starts them, gives orders, and notices at once when one is lost."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError
from dltui.core.machine.devices import visible_to
from dltui.core.text import clean_line
from dltui.core.worker.ranks import RANK_PROCESS
from dltui.core.worker.ranks.channel import Channel, Disconnected, Message
from dltui.core.worker.ranks.gathering import Gathering, gather
from dltui.core.worker.ranks.meeting import Meeting

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

MODULE = RANK_PROCESS
GRACE_SECONDS = 2.0
"""After the first error of a rank: so long the worker waits to hear which one began it. Those that were in a step with
a rank that died fail, too."""
END_SECONDS = 5.0
PATIENCE = "DLTUI_RANK_SECONDS"
"""The variable with the seconds in which ranks must answer."""
PATIENCE_SECONDS = 600.0
"""A chunk of steps takes about 100 ms, and an answer to anything else not much longer."""
MOST_SECONDS = 1e8
"""What a socket's time limit can hold."""
LOOK_SECONDS = 1.0
"""The time that a single look for answers waits. What counts is the sum of looks in vain: a worker that was stopped
together with its ranks goes on with them."""
BEFORE_STEPS = 6
"""So many times longer ranks may take until their first step is done: they import, build and compile."""


def patience() -> float:
    """The seconds in which ranks must answer. Raises RunError for a word that is no such number."""
    word = os.environ.get(PATIENCE, "")
    try:
        seconds = float(word or PATIENCE_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise RunError(f"{PATIENCE} is {clean_line(repr(word), 40)}; it wants seconds, such as {PATIENCE_SECONDS:.0f}")
    return seconds


class RankLost(RunError):
    """A rank has ended that should not have."""


class RankError(Exception):
    """What a rank's framework or a model's own code raised, as the rank told it; `place` is the line of a plugin's
    code."""

    place = ""


@dataclass
class _Rank:
    name: str
    process: subprocess.Popen[bytes] | None
    """None for a rank that a launcher has started, which ends with its channel."""
    channel: Channel
    host: str = ""

    def wait(self, seconds: float) -> None:
        """Wait for its end."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(seconds, 0.0))


@dataclass(frozen=True)
class Reserved:
    """What a rank has on its machine: the `address` HOST:PORT, whose port is free, and its share of the processors."""

    address: str
    threads: int


class RankSupervisor:
    """The processes of all ranks. One that is stopped, or hangs in its driver, leaves all others waiting: the run ends
    when no answer comes for `patience`.
    """

    def __init__(
        self,
        devices: Sequence[Mapping[str, Any]],
        python: str = sys.executable,
        gathering: Gathering | None = None,
        leaves: Callable[[], bool] = lambda: False,
    ) -> None:
        """Start a process for each device of run.json; with a `gathering` only that of the first, and wait for the
        others, which a launcher has started, until the run `leaves`. Raises RunError, and RankLost for those that do
        not come.
        """
        self._patience, self._has_stepped = patience(), False
        self._gathering = gathering
        self._meeting: Meeting | None = None
        self._ranks: list[_Rank] = []
        names = [str(device["name"]) for device in devices]
        try:
            for number, name in enumerate(names[:1] if gathering else names):
                self._ranks.append(_start(number, name, python))
            if gathering is not None:
                self._ranks += _gathered(gathering, names, self._patience, leaves)
            for rank in self._ranks:
                rank.channel.limit(self._patience)
        except OSError as error:
            self.kill()
            raise RunError(f"cannot start a rank: {error.strerror}") from error
        except RunError:
            self.kill()
            raise

    def __len__(self) -> int:
        return len(self._ranks)

    @property
    def pids(self) -> list[int]:
        return [rank.process.pid for rank in self._ranks if rank.process is not None]

    def meeting(self) -> Path:
        """A file of this machine by which ranks find one another, for as long as they are there. Raises OSError."""
        self._meeting = Meeting()
        return self._meeting.file

    def reserved(self) -> list[Reserved]:
        """What each rank has on its machine; [] where this process has started all of them."""
        if self._gathering is None:
            return []
        connections = [rank.channel.connection for rank in self._ranks[1:]]
        hosts = hosts_of([one.getsockname()[0] for one in connections], [rank.host for rank in self._ranks[1:]])
        answers = self.request({number: ({"do": "reserve", "host": host}, {}) for number, host in enumerate(hosts)})
        return _reserved(hosts, [answers[number][0] for number in range(len(hosts))])

    def request(self, orders: Mapping[int, tuple[Mapping[str, Any], Mapping[str, Array]]]) -> dict[int, Message]:
        """Give ranks their orders at the same time, by their numbers, and wait for all answers. Raises RankLost, and
        what a rank raised.
        """
        with contextlib.suppress(Disconnected):
            # One that is gone is noticed below.
            for number, (record, arrays) in orders.items():
                self._ranks[number].channel.send(record, arrays)
        answers = self._answers(list(orders))
        self._has_stepped = self._has_stepped or any(record["do"] == "advance" for record, _ in orders.values())
        return answers

    def request_all(self, record: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> list[Message]:
        """Give all ranks the same order."""
        answers = self.request(dict.fromkeys(range(len(self)), (record, arrays or {})))
        return [answers[number] for number in range(len(self))]

    def check(self) -> None:
        """Notice a rank that has ended while nothing was asked of it. Raises RankLost."""
        # What there is to read without an order is the end.
        ended = select.select([rank.channel.connection for rank in self._ranks], [], [], 0)[0]
        lost = [number for number, rank in enumerate(self._ranks) if rank.channel.connection in ended]
        if lost:
            error = self._error([{"lost": number} for number in lost])
            self.kill()
            raise error

    def send_all(self, record: Mapping[str, Any]) -> None:
        """Give all ranks an order whose answers are taken later, by `receive_all`."""
        with contextlib.suppress(Disconnected):
            for rank in self._ranks:
                rank.channel.send(record)

    def receive_all(self) -> list[Message]:
        """Wait for the answers of all ranks. Raises as `request`."""
        found = self._answers(list(range(len(self))))
        return [found[number] for number in range(len(self))]

    def _answers(self, waiting: list[int]) -> dict[int, Message]:
        found: dict[int, Message] = {}
        failed: list[dict[str, Any]] = []
        deadline: float | None = None
        seconds = self._patience * (1 if self._has_stepped else BEFORE_STEPS)
        look, waited = min(LOOK_SECONDS, seconds), 0.0
        with selectors.DefaultSelector() as selector:
            # All, also those without an order: a rank that ends is needed for the next step.
            for number, rank in enumerate(self._ranks):
                selector.register(rank.channel.connection, selectors.EVENT_READ, number)
            while deadline is None and len(found) < len(waiting):
                ready = selector.select(look)
                waited += 0.0 if ready else look
                if waited >= seconds:
                    silence = self._silence([number for number in waiting if number not in found], seconds)
                    self.kill()
                    raise silence
                for key, _ in ready:
                    failed_at = self._take(key.data, found, failed)
                    if failed_at is not None:
                        deadline = deadline or failed_at + GRACE_SECONDS
                        selector.unregister(key.fileobj)
            while deadline is not None and len(selector.get_map()) > 0 and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    self._take(key.data, found, failed)
                    # Nothing more is to be learned from it.
                    selector.unregister(key.fileobj)
        if deadline is not None:
            error = self._error(failed)
            # What is left of them waits for a step that cannot end.
            self.kill()
            raise error
        return found

    def _take(self, number: int, found: dict[int, Message], failed: list[dict[str, Any]]) -> float | None:
        """Take a rank's answer; returns the time of an error or of its end, None after an answer."""
        try:
            answer = self._ranks[number].channel.receive()
        except Disconnected:
            # Without a word: killed, or crashed in native code.
            failed.append({"lost": number})
        else:
            found[number] = answer
            if "error" not in answer[0]:
                return None
            failed.append({**answer[0]["error"], "number": number})
        return time.monotonic()

    def _error(self, failed: Sequence[Mapping[str, Any]]) -> Exception:
        """Why there is no next step."""
        told = {int(one["number"]) for one in failed if "number" in one}
        lost = {int(one["lost"]) for one in failed if "lost" in one} - told
        if lost:
            return RankLost("; ".join(self._fate(number) for number in sorted(lost)))
        first = next(one for one in failed if "number" in one)
        if first["expected"]:
            return RunError(f"{first['text']}{first['place']}", first["remedy"])
        return _error(str(first["type"]), str(first["text"]), str(first["place"]))

    def _silence(self, silent: Sequence[int], seconds: float) -> RankLost:
        """Why there is no answer of these ranks: those that are stopped keep the others waiting."""
        stopped = [number for number in silent if _is_stopped(self._ranks[number].process)]
        names = ", ".join(self._name(number) for number in stopped or silent)
        what = f" {'is' if len(stopped) == 1 else 'are'} stopped and" if stopped else ""
        told = f"{names}{what} did not answer for {seconds:g} s ({PATIENCE}); worker.log may say why"
        return RankLost(clean_line(told))

    def _fate(self, number: int) -> str:
        """How a rank ended."""
        rank = self._ranks[number]
        rank.wait(GRACE_SECONDS)
        code = None if rank.process is None else rank.process.returncode
        how = "is gone" if code is None else f"ended with code {code}"
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"was killed by {signal.Signals(-code).name}"
        return clean_line(f"{self._name(number)} {how}; worker.log may say why")

    def _name(self, number: int) -> str:
        rank = self._ranks[number]
        return f"rank {number} ({rank.name}{' of ' + rank.host if rank.host else ''})"

    def close(self) -> None:
        """Let all ranks end."""
        for rank in self._ranks:
            with contextlib.suppress(Disconnected):
                rank.channel.send({"do": "end"})
        deadline = time.monotonic() + END_SECONDS
        for rank in self._ranks:
            rank.wait(deadline - time.monotonic())
        self.kill()

    def kill(self) -> None:
        """End all ranks at once."""
        for rank in self._ranks:
            if rank.process is not None:
                rank.process.kill()
        deadline = time.monotonic() + END_SECONDS
        for rank in self._ranks:
            # One that a driver holds in the kernel ends when the driver lets go of it.
            rank.wait(deadline - time.monotonic())
            rank.channel.close()
        self._ranks = []
        if self._meeting is not None:
            self._meeting.end()
            self._meeting = None


def _start(number: int, name: str, python: str) -> _Rank:
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [python, "-P", "-m", MODULE, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env={**os.environ, **visible_to(number)},
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Rank(name, process, Channel(ours))


def _gathered(place: Gathering, names: Sequence[str], patience: float, leaves: Callable[[], bool]) -> Sequence[_Rank]:
    """The ranks that a launcher has started. Raises RankLost for those that do not come."""
    if place.world != len(names):
        raise RunError(f"its launcher has started {place.world} ranks for {len(names)} devices")
    try:
        found = gather(place, patience, leaves)
    except RunError as error:
        raise RankLost(str(error)) from None
    return [
        _Rank(names[number], None, Channel(found[number]), found[number].getpeername()[0])
        for number in range(1, place.world)
    ]


def hosts_of(own: Sequence[str], others: Sequence[str]) -> list[str]:
    """The host of each rank, from the ends of the connections with all but the first: `own` are those of its machine. A
    rank that came by the loopback interface is on that machine, which others reach by another address.
    """
    reached = next((host for host in own if not _is_loopback(host)), own[0])
    return [reached, *(reached if _is_loopback(host) else host for host in others)]


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


def _reserved(hosts: Sequence[str], answers: Sequence[Mapping[str, Any]]) -> list[Reserved]:
    """From what ranks tell: processors that they may use are shared by those of a machine that may use the same, but
    for a number that a launcher has told a rank.
    """
    same = [(host, tuple(answer["processors"])) for host, answer in zip(hosts, answers, strict=True)]
    count = Counter(same)
    return [
        Reserved(f"{host}:{answer['port']}", max(1, min(answer["cpus"], answer["allowed"] // count[place])))
        for host, answer, place in zip(hosts, answers, same, strict=True)
    ]


def _is_stopped(process: subprocess.Popen[bytes] | None) -> bool:
    """True for a process of this machine that a signal has stopped."""
    import psutil

    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        return psutil.Process(process.pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    return False


def _error(kind: str, text: str, place: str) -> Exception:
    """An exception of this name and text, for the line that the run ends with."""
    error: type[RankError] = type(clean_line(kind, 100), (RankError,), {})
    found = error(text)
    found.place = place
    return found
