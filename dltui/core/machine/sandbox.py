"""Runs child processes that may hang, crash, fork or eat memory, and always gets them all back."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dltui.core.paths import working_directory

if TYPE_CHECKING:
    import psutil

MEMORY_BYTES = 1_500_000_000
POLL_SECONDS = 0.01
MEMORY_SECONDS = 0.05
ANSWER_BYTES = 16 << 20
OUTPUT_BYTES = 4_000
FAULTS = frozenset(
    (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS)
)
"""Signals that a process earns by what it does itself."""
MARK = "DLTUI_PROBE"
"""Environment variable by which children that left the process group are found again."""


@dataclass(frozen=True)
class Job:
    """A command that gets `question` on stdin and answers on the descriptor whose number replaces "{fd}"."""

    command: Sequence[str]
    question: bytes = b""
    seconds: float = 10.0
    memory: int = MEMORY_BYTES
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The result of a job: `reason` is "" when it ended by itself, with exit code `code`; `output` is the end of its
    output.
    """

    answer: bytes
    reason: str
    code: int
    passing: bool
    """The reason may be gone next time: the machine was slow or short of memory, or a signal came from elsewhere."""
    output: str
    slow: bool = False
    """True if it reached its limit of time or memory: trying again costs as much again."""


def run(job: Job) -> Outcome:
    """Run one job to its end."""
    return run_all([job])[0]


def run_all(jobs: Iterable[Job], at_once: int = 2) -> list[Outcome]:
    """Run jobs side by side, each with its own time limit. No process that they started is left when this returns."""
    mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    waiting = list(enumerate(jobs))[::-1]
    running: dict[int, _Child] = {}
    done: dict[int, Outcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, job = waiting.pop()
                try:
                    running[number] = _Child(job, mark)
                except OSError as error:
                    reason = f"cannot start {job.command[0]}: {error.strerror or error}"
                    done[number] = Outcome(b"", reason, 127, passing=True, output="")
            for number in list(running):
                outcome = running[number].poll()
                if outcome is not None:
                    done[number] = outcome
                    del running[number]
            if running:
                time.sleep(POLL_SECONDS)
    finally:
        for child in running.values():
            child.kill()
            child.close()
        _kill_marked(mark)
    return [done[number] for number in sorted(done)]


class _Child:
    """A running job."""

    def __init__(self, job: Job, mark: str) -> None:
        self.job = job
        # Closed by `_outcome` or `close`: they live longer than this function.
        self.answer = _scratch_file()
        self.output = _scratch_file()
        with _scratch_file() as question:
            question.write(job.question)
            question.seek(0)
            self.process = subprocess.Popen(
                [word.replace("{fd}", str(self.answer.fileno())) for word in job.command],
                stdin=question,
                stdout=self.output,
                stderr=self.output,
                pass_fds=[self.answer.fileno()],
                start_new_session=True,
                # Where the working directory is gone some libraries refuse to be loaded.
                cwd=None if working_directory() else "/",
                env={**os.environ, **job.environment, MARK: mark},
            )
        self.deadline = time.monotonic() + job.seconds
        self.next_look = 0.0

    def poll(self) -> Outcome | None:
        """The outcome of the job; None while it runs. Kills it when it exceeds its time or memory."""
        if self._ended():
            self.kill()
            code = self.process.returncode
            return self._outcome(_reason(code), passing=code < 0 and -code not in FAULTS)
        now = time.monotonic()
        if now >= self.deadline:
            self.kill()
            return self._outcome(f"timed out after {self.job.seconds:g} s", passing=True, slow=True)
        if now >= self.next_look:
            self.next_look = now + MEMORY_SECONDS
            if _memory(self.process.pid) > self.job.memory:
                self.kill()
                reason = f"used more than {self.job.memory / 1e9:g} GB of memory"
                return self._outcome(reason, passing=True, slow=True)
        return None

    def kill(self) -> None:
        """End the whole process group. Its leader is reaped last, so that its number cannot be another's by then."""
        descendants = _descendants(self.process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for descendant in descendants:
            with contextlib.suppress(Exception):
                descendant.kill()
        self.process.wait()

    def _ended(self) -> bool:
        if not hasattr(os, "waitid"):
            return self.process.poll() is not None
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def close(self) -> None:
        self.answer.close()
        self.output.close()

    def _outcome(self, reason: str, passing: bool, slow: bool = False) -> Outcome:
        with self.answer, self.output:
            answer = _read(self.answer, 0, ANSWER_BYTES)
            size = self.output.seek(0, os.SEEK_END)
            output = _read(self.output, max(0, size - OUTPUT_BYTES), OUTPUT_BYTES)
        words = output.decode("utf-8", "backslashreplace")
        return Outcome(answer, reason, self.process.returncode, passing, words, slow)


def _scratch_file() -> IO[bytes]:
    """A temporary file, in memory if possible, so that a full disk does not make a child fail."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("dltui"), "w+b")
    return tempfile.TemporaryFile()


def _reason(code: int) -> str:
    if code >= 0:
        return ""
    try:
        return f"crashed ({signal.Signals(-code).name})"
    except ValueError:
        return f"crashed (signal {-code})"


def _read(file: IO[bytes], start: int, most: int) -> bytes:
    file.seek(start)
    return file.read(most)


def _memory(pid: int) -> int:
    """The resident bytes of a process and its descendants; shared memory counts in each."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(pid)
        for process in [leader, *leader.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def _descendants(pid: int) -> list[psutil.Process]:
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _kill_marked(mark: str) -> None:
    """End processes that left group and session; on Linux their environment still tells where they came from."""
    wanted = f"{MARK}={mark}".encode()
    if not hasattr(os, "pidfd_open"):
        return
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted not in (entry / "environ").read_bytes():
                continue
            handle = os.pidfd_open(int(entry.name))
        except OSError:
            continue
        with contextlib.suppress(OSError):
            # Looked at again through the open handle: the number cannot have changed hands since.
            if wanted in (entry / "environ").read_bytes():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
