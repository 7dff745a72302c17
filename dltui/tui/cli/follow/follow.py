"""Follows a run through its directory until it ends or the viewer leaves; shared by train, attach, resume and demo."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Literal

from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.lifecycle import trash
from dltui.core.lifecycle.kill import at_risk
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, commands, lock, place
from dltui.core.rundir.heartbeat import DRAWN
from dltui.tui.cli.follow import closing, waiting
from dltui.tui.cli.follow.outputs import JsonOutput, LiveOutput, Output, PlainOutput
from dltui.tui.cli.output import is_terminal, lost, say, terminal_output, warn, when_lost

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.rundir.heartbeat import Live
    from dltui.tui.cli.follow.keys import Keys


TICK = 0.25
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
LEAVE_CODES = {signal.SIGHUP: 129, signal.SIGTERM: 143}


Style = Literal["live", "plain", "json"]


def choose_style(plain: bool, json: bool) -> Style:
    if json:
        return "json"
    return "live" if terminal_output() and not plain else "plain"


def follow(
    run: RunDirectory,
    style: Style,
    child: int | None = None,
    fresh: bool = False,
    kept: bool = True,
    asks: bool = False,
    fetched: bool = False,
) -> int:
    """Show the run until it ends and return the exit code. `child` is the worker's pid when this process started it:
    then Ctrl-C asks whether to end it, and without a terminal signals are forwarded to it. With `asks` it also asks
    about a worker that was started on another host. A `fresh` run is deleted when it is refused before its first step.
    A run that is not `kept` ends with its viewer, and its files are not offered; nor are those of another host's run
    that are `fetched` then.
    """
    reader = RunReader(run)
    when_lost(_words_without(reader))
    asks = (asks or child is not None) and kept and is_terminal() and style != "json"
    output = _output(style, reader, asks, fetched, kept)
    follower = Follower(reader, output, child, fresh, kept, fetched)
    try:
        code = follower.run(asks)
    finally:
        output.stop()
    return _full_screen(reader) if follower.wants_screen else code


def _full_screen(reader: RunReader) -> int:
    """Show the run in the full screen, then how it ended, or how to come back; returns the exit code."""
    from dltui.core.hosts import mirror
    from dltui.tui.full_screen import run_app

    far = mirror.origin(reader.directory)
    if far is None:
        code = run_app(open_run=str(reader.directory.path))
    else:
        # Its large files, figures and checkpoints are there.
        code = run_app(open_run=reader.directory.id, hosts=[far[0]])
    reader.refresh()
    status = reader.status()
    if code or not status.over:
        return code
    for line in (closing.outcome(reader.history, status.name, status.why), *closing.next_step(reader, status.name)):
        say(line)
    return closing.EXIT_CODES.get(status.name, 1)


def _words_without(reader: RunReader) -> str:
    """The words about the run for an output that takes no more."""
    reader.refresh()
    status, name = reader.status(), reader.directory.id
    return f"{name} is {status.name}" if status.over else f"{name} goes on; back with: dltui attach {shlex.quote(name)}"


def _output(style: Style, reader: RunReader, asks: bool, fetched: bool = False, kept: bool = True) -> Output:
    if style == "json":
        return JsonOutput(reader, fetched)
    if style == "live":
        return LiveOutput(HINT if asks else "Ctrl-C leaves, the run goes on" if kept else "Ctrl-C ends it")
    return PlainOutput()


class Follower:
    """A viewer of a run."""

    def __init__(
        self,
        reader: RunReader,
        output: Output,
        child: int | None,
        fresh: bool = False,
        kept: bool = True,
        fetched: bool = False,
    ) -> None:
        self._kept, self._fetched = kept, fetched
        self.reader = reader
        self.fresh = fresh
        self.output = output
        self.child = child
        self.received: list[int] = []
        self.code: int | None = None
        self.asking = False
        self.wants_screen = False
        """The user goes on in the full screen."""
        self._told = False
        """The worker was told to end, because its run is not kept without a viewer."""
        self._ending = False
        """It was told so before it had ended by itself."""
        self._child_ended = False
        self._refused = False
        """The worker ended as failed, whatever its run is."""
        self._stopping: waiting.Waiting | None = None

    def run(self, asks: bool) -> int:
        with _signals(self.received, asks), _keys(asks) as keys:
            while True:
                self.reader.refresh()
                status = self.reader.status()
                launching.refresh(self.reader.directory, status)
                self.output.show(self.reader, status, self._notice(status))
                if self.code is not None or self._over(status):
                    break
                if self.child is None and lost():
                    # The output that would show it is gone.
                    self.code = 0
                    break
                self._handle_signals(asks, keys)
                self._handle_key(keys)
        status = self._last_status()
        gone = self._delete_refused(status)
        self.output.close(self.reader, status, [] if gone else self._closing(status))
        if gone:
            warn(f"dltui: {status.why}; nothing is left of {self.reader.directory.id}")
            return UsageError.exit_code
        if status.name == "failed" and not self._ending:
            warn(f"dltui: {self.reader.directory.id} failed: {status.why}")
        elif lost() and status.over:
            outcome = closing.outcome(self.reader.history, status.name, status.why)
            warn(f"dltui: {self.reader.directory.id} {outcome}")
        if self._refused and status.name in ("finished", "stopped"):
            warn(f"dltui: {self.reader.directory.id} does not go on: {closing.last_error(self.reader)}")
            return 1
        if self._ending and status.name != "finished":
            # However its worker has died of that.
            return closing.EXIT_CODES["preempted"]
        return self.code if self.code is not None else closing.EXIT_CODES.get(status.name, 1)

    def _delete_refused(self, status: Status) -> bool:
        """Delete a fresh run that was refused before its first step. True if it is gone."""
        ended = self.reader.history.ended
        if not self.fresh or status.name != "failed" or ended is None or not ended.refused:
            return False
        with contextlib.suppress(DltuiError):
            trash.delete(self.reader.directory)
        return not self.reader.directory.path.exists()

    def _notice(self, status: Status) -> list[str]:
        if status.over and self.child is not None:
            history = self.reader.history
            # A worker that failed before its first step draws nothing.
            refused = history.ended is not None and history.ended.refused
            return [DRAWING] if history.attempt is not None and not refused else []
        if self._stopping is not None:
            return waiting.lines(self.reader, self._stopping)
        if not self.asking:
            return []
        return question(self.reader.history, self.reader.live(), time.time())

    def _handle_signals(self, asks: bool, keys: Keys | None) -> None:
        while self.received:
            number = self.received.pop(0)
            if number == signal.SIGCONT:
                if keys:
                    keys.take()
            elif not self._kept and self.child is not None:
                self._end_child()
            elif number == signal.SIGHUP or (asks and number == signal.SIGTERM) or (self.child is None and not asks):
                self.code = LEAVE_CODES.get(signal.Signals(number), 0)
            elif asks and self.reader.status().over:
                self.code = closing.EXIT_CODES.get(self.reader.status().name, 1)
            elif asks:
                # Twice Ctrl-C: the answer that loses nothing.
                self.code = 0 if self.asking else None
                self.asking = True
            else:
                self._forward(number)

    def _end_child(self) -> None:
        """End the worker of a run that is not kept, whose folder goes with this process; the second time at once."""
        if not self._told:
            self.reader.refresh()
            self._ending = not self._child_gone() and self.reader.history.ended is None
        self._forward(signal.SIGKILL if self._told else signal.SIGTERM)
        self._told = True

    def _handle_key(self, keys: Keys | None) -> None:
        if keys is None:
            time.sleep(TICK)
            return
        key = keys.wait(TICK)
        if key == "o" and not self.asking and self._shows:
            self.code, self.wants_screen = 0, True
            return
        if not self.asking or not key:
            return
        self.asking = key.lower() not in ("d", "s", "k", "\x1b", "\r", "\n")
        if key.lower() == "d":
            self.code = 0
        elif key.lower() == "s":
            self._stopping = waiting.Waiting(self._send("stop"), "stop")
        elif key.lower() == "k":
            with contextlib.suppress(RunError):
                self._send("kill")
            self._forward(signal.SIGKILL)

    def _send(self, action: str) -> str:
        """Send a command to the attempt that is followed, and return its id. Raises RunError."""
        attempt = self.reader.status().attempt or None
        return commands.send(self.reader.directory.path, action, {}, attempt=attempt)

    @property
    def _shows(self) -> bool:
        """True if it is shown what `o` does."""
        return isinstance(self.output, LiveOutput) and not self.reader.status().over

    def _forward(self, number: int) -> None:
        """Forward a signal to the own child by its pid, which cannot be reused before the child was waited for."""
        if self.child is not None and not self._child_gone():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, number)

    def _child_gone(self) -> bool:
        """Reap the worker, so that it does not stay a zombie; True if it has ended or is no child of this process."""
        if self.child is None or self._child_ended:
            return True
        try:
            pid, code = os.waitpid(self.child, os.WNOHANG)
        except ChildProcessError:
            pid, code = self.child, 0
        self._refused = pid != 0 and os.WIFEXITED(code) and os.WEXITSTATUS(code) == 1
        self._child_ended = pid != 0
        return self._child_ended

    def _over(self, status: Status) -> bool:
        """True if the worker has gone and the figures are drawn; the end of the run alone does not suffice."""
        if self.child is not None:
            if not self._child_gone():
                return False
            # What the worker wrote between the last look and its end.
            self.reader.refresh()
            self.output.show(self.reader, self.reader.status(), ())
            return True
        return is_over(self.reader, status)

    def _closing(self, status: Status) -> list[str]:
        if self.wants_screen:
            return []
        if self.code is not None and not status.over:
            return closing.reattach_lines(self.reader)
        # Why a run failed goes to standard error, where scripts look for it.
        failed = status.name == "failed"
        lines = [] if failed else [closing.outcome(self.reader.history, status.name, status.why)]
        if not self._kept:
            return lines
        lines += closing.next_step(self.reader, status.name)
        lines += closing.redraw(self.reader.directory.id, status.phase)
        if self.reader.told is not None:
            return lines if self._fetched else lines + closing.take_over(self.reader.directory)
        return lines + closing.take_home(place.exports_folder(self.reader.directory))

    def _last_status(self) -> Status:
        """The final status; an own worker that has gone silently has failed, unless it was told to end, whatever its
        directory says.
        """
        status = self.reader.status()
        if self._child_ended and not status.over:
            if self._ending:
                return replace(status, name="interrupted", why="its worker was told to end")
            return replace(
                status, name="failed", why=f"its worker ended at once: {closing.last_output_line(self.reader)}"
            )
        return status


def is_over(reader: RunReader, status: Status) -> bool:
    """True if a run has ended, its worker has gone, and its launcher, which is asked, has not put it into its queue
    again.
    """
    if not (status.over and has_left(reader)):
        return False
    return not launching.refresh_all([(reader.directory, status)]) or reader.status().over


def has_left(reader: RunReader) -> bool:
    """True if the worker of a run that has ended has gone, as far as can be known: its figures are drawn, and its lock
    is free for the next command.
    """
    live = reader.live()
    if live is None:
        return not lock.is_held(reader.directory.lock_path)
    if claim.look(reader.directory.path, live).alive is not True:
        return True
    # What a logger of the run has started can only end before the worker does, which waits for it.
    return live.detail == DRAWN and os.environ.get("DLTUI_RUN") == reader.directory.id


@contextlib.contextmanager
def _signals(received: list[int], asks: bool) -> Iterator[None]:
    """Collect signals instead of ending the process. With `asks`, Ctrl-C at a terminal always is one."""

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    # What this process was told to ignore, by nohup or by a shell that started it in the background, stays ignored,
    # but for the key of a person at the terminal.
    heeded = (*FORWARDED, signal.SIGHUP, signal.SIGCONT)
    pressed = (signal.SIGINT,) if asks else ()
    numbers = [number for number in heeded if number in pressed or signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _keys(asks: bool) -> Iterator[Keys | None]:
    if not asks:
        yield None
        return
    from dltui.tui.cli.follow.keys import Keys

    with Keys() as keys:
        yield keys


CHOICES = "d detach   s stop and keep   k kill   Esc go on"
HINT = "Ctrl-C: detach, stop or kill   o: full screen"
DRAWING = "drawing the figures; Ctrl-C does not wait for them, they are drawn all the same"


def question(history: History, live: Live | None, now: float) -> list[str]:
    """The two lines of a question before a kill: its cost and the choices, each short enough for 80 columns."""
    return [f"a kill would lose: {at_risk(history, live, now)}", CHOICES]
