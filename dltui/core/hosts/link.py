"""A link to another host: a process (ssh) whose standard streams lead to `dltui serve-stdio` there. It comes back by
itself when it breaks; nobody waits for it without a limit.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dltui.core.errors import DltuiError
from dltui.core.hosts import wire
from dltui.core.hosts.address import PROGRAM, SERVE, Host
from dltui.core.rundir.directory import FORMAT
from dltui.core.text import clean_line
from dltui.core.version import __version__

HELLO_SECONDS = 20.0
"""The time in seconds that a login and the start of dltui may take."""
QUIET_SECONDS = 20.0
"""A link on which a question is open and nothing comes for so long is broken."""
PING_SECONDS = 15.0
HELD_SECONDS = 5.0
CLOCK_SECONDS = 3.0
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
"""The seconds before each attempt to come back; the last from then on."""
_MOST_GREETING = 200
"""Lines that a login may print before the server speaks."""
_CUT = 160
_PLACE = re.compile(r"^ssh: (connect to host \S+ port \d+: )?")


class HostError(DltuiError):
    """A host that does not answer."""


@dataclass(frozen=True)
class LinkState:
    """The state of a link: "connecting", "up" or "down" with its `reason`. `note` is about a version that differs;
    `again` is the monotonic time of the next attempt.
    """

    name: str = "connecting"
    reason: str = ""
    note: str = ""
    again: float = 0.0
    since: float = 0.0
    """The monotonic time at which the link came up: another one is another server, which knows nothing of before."""
    read_only: bool = False
    ahead: float = 0.0
    """The seconds by which the clock there is ahead of the one here; 0 for clocks that agree."""


@dataclass
class _Open:
    """A question without its answer."""

    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: DltuiError | None = None


class Link:
    """A link to a host; its methods may be called in any thread."""

    def __init__(self, host: Host, changed: Callable[[], None] = lambda: None) -> None:
        self.host = host
        self.state = LinkState()
        self.traffic = [0, 0]
        """The bytes that were sent and received, before ssh encrypts them."""
        self._changed = changed
        self._lock = threading.Lock()
        self._open: dict[int, _Open] = {}
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = self._asked = 0.0
        self._closed, self._soon = threading.Event(), threading.Event()
        self._tried = threading.Event()
        self._errors: list[str] = []
        self._thread = threading.Thread(target=self._run, name=f"dltui-link-{host.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the link, and with it the server there."""
        self._closed.set()
        self._soon.set()
        self._end()

    def nudge(self) -> None:
        """Try to come back at once."""
        self._soon.set()

    def wait(self, seconds: float = HELLO_SECONDS) -> None:
        """Wait until the first attempt has an outcome. Raises HostError when it failed."""
        self._tried.wait(seconds)
        if self.state.name != "up":
            raise self._down()

    def ask(self, do: str, seconds: float | None = QUIET_SECONDS, **arguments: Any) -> Any:
        """The answer to a question; `seconds` None waits as long as the link lives. Raises HostError when the host
        does not answer, and the error of the answer.
        """
        waiting, number = self._send(do, arguments)
        if not waiting.done.wait(seconds):
            with self._lock:
                self._open.pop(number, None)
            raise self._down(f"no answer for {seconds:.0f} s")
        if waiting.error is not None:
            raise waiting.error
        return waiting.result

    def _send(self, do: str, arguments: Mapping[str, Any]) -> tuple[_Open, int]:
        """Send a question. Raises HostError."""
        waiting = _Open()
        with self._lock:
            process = self._process
            if self.state.name != "up" or process is None or process.stdin is None:
                raise self._down()
            self._number += 1
            self._asked = time.monotonic()
            if not self._open:
                self._heard = self._asked
            self._open[self._number] = waiting
            line = wire.encode({**arguments, "id": self._number, "do": do})
            self.traffic[0] += len(line)
            try:
                process.stdin.write(line)
            except (OSError, ValueError):
                self._open.pop(self._number, None)
                raise self._down("the connection broke") from None
            return waiting, self._number

    def _down(self, reason: str = "") -> HostError:
        state = self.state
        why = reason or state.reason or ("connecting" if state.name == "connecting" else "the connection broke")
        return HostError(f"{self.host.name} does not answer: {why}")

    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                reason = self._connect_and_listen()
            except (OSError, wire.WireError) as error:
                reason = clean_line(getattr(error, "strerror", None) or error, _CUT)
            except Exception as error:
                # Whatever is said there, the link comes back by itself.
                reason = f"an answer that makes no sense ({type(error).__name__})"
            self._end()
            self._forget()
            # One that held for a while comes back soon.
            held = self.state.name == "up" and time.monotonic() - began > HELD_SECONDS
            failures = 0 if held else failures + 1
            pause = PAUSES[min(failures, len(PAUSES)) - 1] if failures else 0.0
            self._fail(reason, time.monotonic() + pause)
            self._soon.wait(pause)
            self._soon.clear()

    def _forget(self) -> None:
        """Close the pipes of a process that has ended; only the thread that reads them does."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdout is not None:
            process.stdout.close()

    def _fail(self, reason: str, again: float) -> None:
        """Say that the host does not answer, to whoever waits for an answer too."""
        with self._lock:
            self.state = LinkState("down", reason, again=again)
            waiting, self._open = list(self._open.values()), {}
        for one in waiting:
            one.error = self._down()
            one.done.set()
        self._tried.set()
        self._changed()

    def _connect_and_listen(self) -> str:
        """Hold a connection for as long as it lives, and return why it ended."""
        self._errors = []
        with self._lock:
            if self._closed.is_set():
                return "closed"
            try:
                # In a session of its own: Ctrl-C is not meant for it, and it has no terminal to ask on.
                process = self._process = subprocess.Popen(
                    self.host.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                    bufsize=0,
                )
            except OSError as error:
                return _cannot_start(self.host, error)
        assert process.stdout is not None
        threading.Thread(target=self._read_errors, args=(process,), name="dltui-link-errors", daemon=True).start()
        lines = wire.Lines(process.stdout.fileno(), wire.MOST_ANSWER)
        rest = self._greet(lines)
        if isinstance(rest, str):
            return rest
        return self._listen(lines, rest)

    def _greet(self, lines: wire.Lines) -> list[bytes] | str:
        """Wait for the first line of the server, after what a login may print. Returns the lines that came after it, or
        why there is no server.
        """
        deadline, seen, last = time.monotonic() + HELLO_SECONDS, 0, ""
        while time.monotonic() < deadline:
            if not _readable(lines.fd, 0.5):
                if self._closed.is_set():
                    return "closed"
                continue
            found = lines.read()
            if found is None:
                return self._ended(last)
            for place, line in enumerate(found):
                with contextlib.suppress(wire.WireError):
                    hello = wire.decode(line)
                    if hello.get("dltui") == SERVE:
                        return self._welcome(hello) or found[place + 1 :]
                last, seen = clean_line(line.decode("utf-8", "replace"), _CUT) or last, seen + 1
            if seen > _MOST_GREETING:
                return f"it prints, and no dltui answers: {last}"
        return f"no answer for {HELLO_SECONDS:.0f} s"

    def _welcome(self, hello: Mapping[str, Any]) -> str:
        """Take the first line of a server. Returns the reason why the two sides do not understand each other."""
        version = clean_line(hello.get("version", "?"), 20)
        if hello.get("protocol") != wire.PROTOCOL:
            return f"its dltui {version} speaks another protocol than this one ({__version__}); upgrade the older one"
        note = f"dltui {version} there, {__version__} here" if version != __version__ else ""
        number = hello.get("format")
        if type(number) is int and number > FORMAT:
            note += f"; its runs have format {number}, which this dltui cannot read: upgrade it"
        with self._lock:
            self._heard = self._asked = time.monotonic()
            self.state = LinkState(
                "up",
                note=note,
                since=self._heard,
                read_only=hello.get("read_only") is True,
                ahead=_ahead(hello.get("time"), time.time()),
            )
        self._tried.set()
        self._changed()
        return ""

    def _listen(self, lines: wire.Lines, first: list[bytes]) -> str:
        """Take answers until the link ends; returns why."""
        unpacker = wire.Unpacker()
        found: list[bytes] | None = first
        while found is not None:
            for line in found:
                self.traffic[1] += len(line) + 1
                self._take(wire.decode(line), unpacker)
            if _readable(lines.fd, 1.0):
                found = lines.read()
                self._heard = time.monotonic()
                continue
            found, now = [], time.monotonic()
            if self._open and now - self._heard > QUIET_SECONDS:
                return f"no answer for {now - self._heard:.0f} s"
            quiet = now - max(self._asked, self._heard)
            if quiet > (PING_SECONDS / 3 if self._open else PING_SECONDS):
                # Nobody waits for the answer: it is a sign of life.
                with contextlib.suppress(HostError):
                    self._send("ping", {})
        return self._ended("")

    def _take(self, answer: Mapping[str, Any], unpacker: wire.Unpacker) -> None:
        error = None
        result = None
        if "z" in answer:
            # Also when nobody waits any more: what follows is packed with it.
            result = unpacker.unpack(answer["z"])
        else:
            error = DltuiError(clean_line(answer.get("error", "an answer without content"), 1_000))
            error.exit_code = 2 if answer.get("code") == 2 else 1
        number = answer.get("id")
        with self._lock:
            waiting = self._open.pop(number, None) if type(number) is int else None
        if waiting is not None:
            waiting.result, waiting.error = result, error
            waiting.done.set()

    def _read_errors(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the last lines that the process wrote to standard error."""
        assert process.stderr is not None
        lines = wire.Lines(process.stderr.fileno(), 1 << 16)
        with contextlib.suppress(OSError, wire.WireError):
            while (found := lines.read()) is not None:
                for line in found:
                    text = clean_line(line.decode("utf-8", "replace"), _CUT)
                    self._errors = [*self._errors[-4:], text] if text else self._errors

    def _ended(self, printed: str) -> str:
        """The reason why the process has ended, as it said it."""
        process = self._process
        code: int | None = None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(2.0)
        # Its last words may be on their way.
        time.sleep(0.05)
        said = self._errors[-1] if self._errors else printed
        if code == 127 or "command not found" in said:
            return f'dltui is not found there; say where it is: [hosts.{self.host.name}] dltui = "/path/to/dltui"'
        if SERVE in said and "no command" in said:
            return f"its dltui is too old: it has no {SERVE}"
        # ssh names its place first, which the host's line has already.
        said = _PLACE.sub("", said)
        return said or ("the connection was closed" if not code else f"{self.host.command[0]} ended with code {code}")

    def _end(self) -> None:
        """End the process with all that it started, such as the connection of a jump host."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1.0)


def _ahead(told: object, now: float) -> float:
    """The seconds by which another clock is ahead; 0 where it does not tell, or the way here explains it."""
    if not isinstance(told, (int, float)) or not abs(told) < 1e15:
        return 0.0
    return told - now if abs(told - now) > CLOCK_SECONDS else 0.0


def _readable(fd: int, seconds: float) -> bool:
    return bool(select.select([fd], [], [], seconds)[0])


def _cannot_start(host: Host, error: OSError) -> str:
    """The reason why there is no program that leads to a host, and what to do."""
    program = clean_line(host.command[0], _CUT)
    if program == "ssh" and isinstance(error, FileNotFoundError):
        return "ssh is not installed here (apt install openssh-client)"
    reason = clean_line(error.strerror or error, _CUT).lower()
    return f"{program} cannot be started here ({reason}): {PROGRAM}, or [hosts.{host.name}] command, names it"
