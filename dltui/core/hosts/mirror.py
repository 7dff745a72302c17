"""A copy of a run's directory that is kept up to date over a link, for the readers here; commands that are left in it
go to the original. Checkpoints stay where they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dltui.core import fs, paths
from dltui.core.errors import DltuiError
from dltui.core.hosts import address, bounds, files, looks, received, transfer, wire
from dltui.core.hosts.link import HostError, Link
from dltui.core.rundir import claim, commands, names
from dltui.core.rundir.claim import Told
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line

SECONDS = 1.0
STOP_SECONDS = 5.0
RESTING_SECONDS = 5.0
"""The pace for a run that is over."""
WANTED = "wanted"
WANTED_SECONDS = 15.0
LARGE_SECONDS = 5.0
"""The seconds between two looks at the large files that an open tab needs."""
PULL_SECONDS = 120.0
"""A first look at a long log takes its time."""
_TOLD_SECONDS = 5.0
_PRINTED_MOST = 1 << 20


def folder() -> Path:
    """The folder of all mirrors: a cache, made again when it is removed."""
    return paths.cache_dir() / "hosts"


def directory(host: str, run: str) -> RunDirectory:
    """The mirror of a run; its id is HOST:RUN. Raises UsageError for a name that is none."""
    names.check_run_name(run)
    return RunDirectory(f"{folder()}/{address.check_host(host)}/{address.joined(host, run)}")


def origin(run: RunDirectory) -> tuple[str, str] | None:
    """The host and the name of the run that a directory mirrors; None for a run of this host."""
    if run.path.parent.parent != folder():
        return None
    found = address.split(run.id)
    return found if found is not None and found[0] == run.path.parent.name else None


class Mirror:
    """Keeps the mirror of a run up to date in a thread, from `start` to `stop`."""

    def __init__(self, link: Link, run: str) -> None:
        self.directory = directory(link.host.name, run)
        self._link, self._run = link, run
        self._since = -1.0
        """The server that knows what has been copied, by the time at which its link came up."""
        self._large: dict[str, Any] = {}
        self._printed = -1
        self._told: Told | None = None
        self._looked = self._wrote = self._seen_to = 0.0
        self._first, self._over = threading.Event(), threading.Event()
        self._soon = threading.Event()
        self._problem: DltuiError | None = None
        self._lock = -1
        self._thread = threading.Thread(target=self._keep, name="dltui-mirror", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 0.0) -> None:
        """Stop; what has been copied stays. Waits up to `seconds` until another may keep the mirror."""
        self._over.set()
        self._soon.set()
        if seconds:
            self._thread.join(seconds)

    def ready(self) -> None:
        """Wait until the run has been copied once, for as long as anything of it comes. Raises the error that prevents
        it.
        """
        if not self._comes(lambda: self._first.wait(0.1), self.directory.path, PULL_SECONDS):
            raise self._late()
        if self._problem is not None:
            raise self._problem

    def refresh(self, seconds: float = 10.0, large: bool = False) -> None:
        """Wait until the run has been copied once more, from its state of now on, by whichever process keeps the
        mirror; `large` files too, for as long as anything of them comes. Raises HostError where that cannot be, or
        takes longer than `seconds`.
        """

        def answered() -> bool:
            if large:
                self.want_large()
            time.sleep(0.05)
            return looks.reply(ask) is not None

        if large:
            # Before the look is asked for, which else may come without them.
            self.want_large()
        try:
            ask = looks.ask(self.directory.path)
            try:
                self._soon.set()
                if not self._comes(answered, self.directory.predictions_dir, seconds):
                    raise self._late()
                problem = looks.reply(ask)
            finally:
                looks.answer([ask])
        except OSError as error:
            raise HostError(self._cannot_write(error)) from None
        if problem:
            raise HostError(problem)

    def _comes(self, done: Callable[[], bool], folder: Path, seconds: float) -> bool:
        """Wait until something is done, which itself waits a little. False once it is not done and the files below a
        folder have not grown for `seconds`.
        """
        size, deadline = -1, 0.0
        while not done():
            before, size = size, bounds.size(folder)
            if size != before:
                deadline = time.monotonic() + seconds
            elif time.monotonic() > deadline:
                return False
        return True

    def _late(self) -> HostError:
        return HostError(f"{self._link.host.name} does not answer in time")

    def want_large(self) -> None:
        """Also copy the large files, for a while from now on."""
        if time.time() - self._wanted_at() > WANTED_SECONDS / 3:
            with contextlib.suppress(OSError):
                (self.directory.path / WANTED).touch()

    def settle(self, seconds: float = 5.0) -> None:
        """Wait until the commands that were left have been taken to the original."""
        deadline = time.monotonic() + seconds
        while commands.take(self.directory.path) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _keep(self) -> None:
        try:
            self._open()
            while not self._over.is_set():
                if not self._tick():
                    self._rest()
        except (OSError, DltuiError) as error:
            self._fail(error if isinstance(error, DltuiError) else HostError(self._cannot_write(error)))
        finally:
            if self._lock >= 0:
                os.close(self._lock)

    def _rest(self) -> None:
        """Wait until the next look is due; of a run that is over until a viewer, in whichever process, waits for it."""
        over = self._told is not None and not self._told.alive
        for _ in range(round(RESTING_SECONDS / SECONDS) if over else 1):
            if self._soon.wait(SECONDS) or self._wants_large() or looks.asked(self.directory.path):
                break
            if commands.take(self.directory.path):
                break
        self._soon.clear()

    def _cannot_write(self, error: OSError) -> str:
        return f"cannot write to {self.directory.path.parent}: {error.strerror}"

    def _open(self) -> None:
        """Make the folder and take it for this process, if it is free."""
        paths.ensure_private_dir(self.directory.path)
        paths.ensure_private_dir(self.directory.control_dir)
        self._lock = os.open(self.directory.path / bounds.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._mine():
            for place in (self.directory.path, self.directory.predictions_dir):
                # What a process left that ended while it copied.
                fs.sweep(place, 0.0)
            # Nobody waits for what was left when the last viewer left.
            for command in commands.take(self.directory.path):
                commands.done(command)
            commands.forget_refusals(self.directory.path)
            bounds.clean(folder(), self.directory.path)

    def _mine(self) -> bool:
        """True if this process keeps the mirror: two that write would double its log."""
        with contextlib.suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def _tick(self) -> bool:
        """Copy what is new. Returns True when there is more at once."""
        if not self._mine():
            if self.directory.run_json.is_file():
                self._first.set()
            return False
        asked = looks.asked(self.directory.path)
        try:
            return self._look(asked)
        except DltuiError as error:
            problem = error
        except OSError as error:
            problem = HostError(self._cannot_write(error))
        except Exception as error:
            # The answers are another machine's: none of them may end the thread, and leave a copy that stands still.
            problem = HostError(f"an answer that makes no sense ({type(error).__name__})")
        if isinstance(problem, (HostError, wire.WireError)):
            self._say_silent(problem)
        else:
            self._fail(problem)
        looks.refuse(asked, problem)
        return False

    def _look(self, asked: list[Path]) -> bool:
        """Copy what is new, for those who asked too. Returns True when there is more at once. Raises DltuiError or
        OSError.
        """
        self._forward()
        more = self._pull()
        if not more:
            self._problem = None
            self._first.set()
        whole = self._pull_large(at_once=bool(asked) and not more)
        if whole and not more:
            looks.answer(asked)
        elif not whole and not self._over.is_set():
            host = self._link.host.name
            looks.refuse(asked, f"the predictions on {host} are written anew faster than they are copied; try again")
        return more

    def _fail(self, error: DltuiError) -> None:
        """Say why there is no copy, to who waits for the first."""
        self._problem = error
        self._first.set()

    def _say_silent(self, error: DltuiError) -> None:
        """Leave a word that the host does not answer; what was copied stays readable."""
        if not self.directory.run_json.is_file():
            self._fail(error)
            return
        self._first.set()
        reason = clean_line(error, 300).removeprefix(f"{self._link.host.name} does not answer: ")
        if self._told is None:
            self._told = claim.read_told(self.directory.path)
        if self._told is not None and self._told.problem != reason:
            heard = self._told.heard or time.time()
            self._told = replace(self._told, problem=reason, heard=heard)
            with contextlib.suppress(OSError):
                claim.write_told(self.directory.path, self._told)

    def _forward(self) -> None:
        """Take the commands that viewers left here to the original, each under its own id: one that was taken twice is
        obeyed once.
        """
        for command in commands.take(self.directory.path):
            more: dict[str, Any] = {} if command.attempt is None else {"attempt": command.attempt}
            if command.action != "kill":
                more |= {"command": command.id, "action": command.action, "arguments": command.arguments}
            try:
                self._link.ask("send" if "action" in more else "kill", run=self._run, by=command.by, **more)
            except HostError:
                raise
            except DltuiError as error:
                commands.refuse(command, str(error))
                continue
            commands.done(command)

    def _pull(self) -> bool:
        folder, since = self.directory.path, self._link.state.since
        question: dict[str, Any] = {"printed": max(self._printed, 0)} if self._needs_printed() else {}
        if since != self._since:
            # To another server, or after an answer that was lost.
            question["log"] = received.place(folder / files.LOG)
        self._since = -1.0
        answer = self._link.ask("pull", seconds=PULL_SECONDS, run=self._run, **question)
        if not isinstance(answer, dict):
            raise wire.WireError("an answer that is no object")
        # A server that knows nothing of this copy gives all files that there are.
        gone: dict[str, Any] = {name: {} for name in files.SMALL} if "log" in question else {}
        for name, found in (gone | received.table(answer, "files")).items():
            self._take(name, found)
        more = received.append_log(folder / files.LOG, received.table(answer, "log"))
        if isinstance(answer.get("printed"), dict):
            self._take_printed(answer["printed"])
        if not more:
            # What it says is in the log by then.
            self._tell(received.table(answer, "told"))
        self._since = since
        return more

    def _needs_printed(self) -> bool:
        return self._printed < 0 or self._wants_large() or self._told is None or not self._told.alive

    def _take(self, name: str, found: object) -> None:
        """Take a small file, of the known names only."""
        if name not in files.SMALL or not isinstance(found, dict):
            raise wire.WireError("a file that was not asked for")
        path = self.directory.path / name
        if found:
            fs.write_atomic(path, wire.from_json(found), sync=False)
        else:
            path.unlink(missing_ok=True)

    def _take_printed(self, found: dict[str, Any]) -> None:
        """Take what was printed: the last of it, which is all that readers show."""
        path, data = self.directory.worker_log, wire.from_json(found)
        start, size = received.number(found, "from"), received.number(found, "size")
        old = path.stat().st_size if path.exists() else 0
        if start != self._printed or old > _PRINTED_MOST:
            fs.write_atomic(path, data, sync=False)
        elif data:
            received.write_end(path, data)
        self._printed = size

    def _tell(self, found: dict[str, Any]) -> None:
        """Leave the word about the status."""
        told = Told(
            host=self._link.host.name,
            status=clean_line(found.get("status", ""), 20),
            why=clean_line(found.get("why", ""), 1_000),
            phase=clean_line(found.get("phase", ""), 40),
            since=received.by_own_clock(received.seconds(found.get("since")), self._link.state.ahead),
            alive=found.get("alive") is True,
            attempt=received.attempt(found.get("attempt")),
        )
        now = time.monotonic()
        if told != self._told or now - self._wrote > _TOLD_SECONDS:
            claim.write_told(self.directory.path, told)
            self._told, self._wrote = told, now

    def _wants_large(self) -> bool:
        return time.time() - self._wanted_at() < WANTED_SECONDS

    def _wanted_at(self) -> float:
        """When a viewer last needed the large files; its process may be another than that which keeps the mirror."""
        try:
            return (self.directory.path / WANTED).stat().st_mtime
        except OSError:
            return 0.0

    def _pull_large(self, at_once: bool) -> bool:
        """Copy the large files that have changed, while a viewer needs them. False if one of them did not come."""
        now, whole = time.monotonic(), True
        if (now - self._looked < LARGE_SECONDS and not at_once) or not self._wants_large():
            return True
        self._looked = self._seen_to = now
        paths.ensure_private_dir(self.directory.predictions_dir)
        stamps = received.table(self._link.ask("stamps", run=self._run), "stamps")
        for name in files.LARGE:
            if name not in stamps:
                # As of a run that was made anew under its name.
                (self.directory.path / name).unlink(missing_ok=True)
            elif self._large.get(name) != stamps[name]:
                path = self.directory.path / name
                if not transfer.fetch(
                    self._link, path, leaves=self._see_to_others, do="large", run=self._run, file=name
                ):
                    whole = False
                    continue
            self._large[name] = stamps.get(name)
        return whole

    def _see_to_others(self) -> bool:
        """Between two pieces of a large file: the commands that were left, and the log. True once the mirror is to
        stop.
        """
        if time.monotonic() - self._seen_to >= SECONDS:
            self._forward()
            self._pull()
            self._seen_to = time.monotonic()
        return self._over.is_set()


def once(link: Link, run: str) -> RunDirectory:
    """The mirror of a run as it is now. Raises DltuiError."""
    kept = Mirror(link, run)
    kept.start()
    try:
        kept.ready()
    finally:
        # Else the next copy finds the mirror kept still, and takes it as it is.
        kept.stop(STOP_SECONDS)
    return kept.directory
