"""The loggers of a run: chosen when it is created, started and awaited by its worker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from dltui.core.errors import RunError, UsageError
from dltui.core.rundir import confidential
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.rundir.directory import RunDirectory

LEAVING_SECONDS = 2.0
"""The time in seconds that is waited for the loggers of a run that gives its device back; they are not ended then."""
LAST_SECONDS = 30.0
"""The time in seconds that a logger may take after the run has ended: an upload, a command."""
NOT_BEGUN = "does not start"
"""The word of the log for a logger that did not begin, which `plugins check` looks for."""
REFUSED = 78
"""The exit code of a logger that did not begin, as for an option that it cannot use."""


def chosen(texts: Iterable[str], catalog: Catalog) -> list[dict[str, Any]]:
    """The entries of run.json for `--log NAME[=OPTION]`. Raises UsageError for an unknown or uninstalled logger."""
    found = []
    for text in texts:
        name, _, option = text.partition("=")
        entry = catalog.loggers.get(name)
        if entry is None:
            from dltui.core.text import suggest

            hint = suggest(name, catalog.loggers) or f"there is {', '.join(catalog.loggers) or 'none'}"
            raise UsageError(f'no logger "{clean_line(name, 40)}"; {hint}')
        installed = catalog.installed.get(str(entry["python"]))
        package = str(entry["package"])
        if package and installed and installed.version(package) is None:
            raise UsageError(f"logger {name} needs {package}: {entry['install']}")
        found.append({"name": name, "option": confidential.checked(name, option), "source": dict(entry)})
    return found


@dataclass(frozen=True)
class _Started:
    name: str
    option: str
    process: subprocess.Popen[bytes]
    words: IO[bytes]


class Loggers:
    """The loggers of an attempt. A logger that fails only adds a line to the run's log."""

    def __init__(self, run: RunDirectory, wanted: Sequence[Mapping[str, Any]], attempt: int) -> None:
        self.problems: list[str] = []
        self._run, self._wanted, self._attempt = run, wanted, attempt
        self._started: list[_Started] = []

    def start(self) -> None:
        """Start the processes."""
        found = (self._start(self._run, one, self._attempt) for one in confidential.unmasked(self._run, self._wanted))
        self._started = [started for started in found if started]

    @property
    def are_awaited(self) -> bool:
        """True if `finish` has loggers to wait for."""
        return bool(self._started)

    def leave(self) -> None:
        """Have the loggers end with what there is, as the attempt gives its device back."""
        for one in self._started:
            one.process.terminate()
        deadline = time.monotonic() + LEAVING_SECONDS
        for one in self._started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.0, deadline - time.monotonic()))
        self._started = []

    def finish(self, seconds: float = LAST_SECONDS) -> list[str]:
        """Wait for all loggers; returns their problems, one line each."""
        deadline = time.monotonic() + seconds
        for one in self._started:
            try:
                code = one.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()
                self.problems.append(f"logger {one.name} was ended {seconds:.0f} s after the run")
            else:
                self._look(one, code)
            one.words.close()
        return self.problems

    def _start(self, run: RunDirectory, one: Mapping[str, Any], attempt: int) -> _Started | None:
        name = clean_line(one["name"], 40)
        try:
            option = confidential.resolved(name, str(one.get("option") or ""))
        except RunError as error:
            self.problems.append(f"logger {name} {NOT_BEGUN}: {error}")
            return None
        command = [
            str(one["source"].get("python") or sys.executable),
            "-P",
            "-m",
            "dltui.core.worker.logger_process",
            str(run.path),
        ]
        # Lives as long as the process: what it says last is why it failed.
        words = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            # In a session of its own: a signal that ends the worker's group lets it write the end.
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=words, start_new_session=True)
            assert process.stdin is not None
            # Its own question who started it may come after that one's death.
            question = {**one, "option": option, "attempt": attempt, "worker": os.getpid()}
            process.stdin.write(json.dumps(question).encode())
            process.stdin.close()
        except OSError as error:
            words.close()
            self.problems.append(f"logger {name} {NOT_BEGUN}: {error.strerror}")
            return None
        return _Started(name, option, process, words)

    def _look(self, one: _Started, code: int) -> None:
        if code:
            one.words.seek(0)
            lines = one.words.read().decode("utf-8", "replace").strip().splitlines()
            reason = confidential.hide((lines or [f"exit code {code}"])[-1], one.name, one.option)
            what = NOT_BEGUN if code == REFUSED else "failed"
            self.problems.append(f"logger {one.name} {what}: {clean_line(reason, 300)}")
