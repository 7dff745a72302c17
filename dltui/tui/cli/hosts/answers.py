"""The questions that `dltui serve-stdio` answers. What it may be asked, and what not, stands in SECURITY.md."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dltui.core.errors import RunError, UsageError
from dltui.core.hosts import asked, files
from dltui.core.hosts.serve import Operation
from dltui.core.rundir import commands, names, place
from dltui.core.text import clean_line
from dltui.tui.base.all_runs import RunList
from dltui.tui.base.services import Services
from dltui.tui.base.summary import Summary
from dltui.tui.base.summary_json import as_json

SLOW = (
    "list", "rows", "devices", "large", "export", "figure", "train", "resumption", "resume", "kill", "fork", "pull",
    "send",
)  # fmt: skip
READ_ONLY = "this server only reads: it was started with --read-only"
DEVICE_SECONDS = 2.0
MOST_WORDS = 500
MOST_WORD = 4_096
REFUSED_WORDS = ("--debug", "--dry-run", "--help", "-h", "--host", "--json", "--plain")
"""Options of `train` that mean nothing, or something else, on the far side."""


class Answers:
    """The answers of this host. Runs are named by their ids, files by a list of known names: nothing that is asked
    leads out of the folder of the runs.
    """

    def __init__(self, services: Services, read_only: bool = False) -> None:
        self._services, self._read_only = services, read_only
        self._list = RunList(services.runs.folder(), services.clock.now, keeps=True)
        self._list_lock = threading.Lock()
        self._sent: dict[str, Summary] = {}
        self._pulls = files.Pulls()
        self._devices: tuple[float, list[dict[str, Any]]] = (-DEVICE_SECONDS, [])
        self._device_lock = threading.Lock()

    def operations(self) -> dict[str, Operation]:
        """Every question by its name."""
        reading: dict[str, Operation] = {
            "ping": lambda question: {},
            "list": self.runs,
            "rows": self.rows,
            "find": self.find,
            "devices": self.devices,
            "pull": self._pulls.pull,
            "stamps": files.stamps,
            "large": files.large,
            "figures": self.figures,
            "figure": self.figure,
            "kill_cost": lambda question: self._services.commands.kill_cost(asked.run(question)),
        }
        changing: dict[str, Operation] = {
            "send": self.send,
            "kill": self.kill,
            "label": self.label,
            "export": self.export,
            "resumption": self.resumption,
            "resume": self.resume,
            "fork": self.fork,
            "train": self.train,
        }
        return reading | (dict.fromkeys(changing, _refuse) if self._read_only else changing)

    def runs(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The runs that changed since the last time, the ids of those that are gone."""
        with self._list_lock:
            found = {run.id: run for run in self._list.read(question.get("all") is True)}
            if question.get("all") is True:
                self._sent = {}
            new = [run for name, run in found.items() if self._sent.get(name) is not run and _can_be_asked_for(name)]
            gone = [name for name in self._sent if name not in found]
            self._sent = found
        return {"runs": [as_json(run) for run in new], "gone": gone}

    def rows(self, question: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of `dltui runs --json`."""
        from dltui.core.reading.rows import all_rows

        return [row for row in all_rows() if _can_be_asked_for(str(row["id"]))]

    def find(self, question: Mapping[str, Any]) -> str:
        """The id of the run that a name means; the latest for ""."""
        text = asked.text(question, "name")
        if os.sep in text or text in (".", "..", "~"):
            raise UsageError("a run of another host is named by its name, not by a path")
        return names.check_run_name(self._services.runs.find(text or None).id)

    def devices(self, question: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The devices of this host."""
        with self._device_lock:
            if time.monotonic() - self._devices[0] >= DEVICE_SECONDS:
                self._devices = (time.monotonic(), [asdict(one) for one in self._services.machine.devices()])
            return self._devices[1]

    def send(self, question: Mapping[str, Any]) -> str:
        """Leave a command for a run's worker, under the id that the asker waits for. Returns the id."""
        action, arguments = asked.text(question, "action"), asked.table(question, "arguments")
        problem = "use kill" if action == "kill" else commands.problem_of(action, arguments)
        if problem:
            raise UsageError(f"{clean_line(action, 40)}: {problem}")
        known_as = asked.text(question, "command") if "command" in question else None
        if known_as is not None and not commands.is_id(known_as):
            raise UsageError("that is no id of a command")
        run, attempt = asked.run(question), _attempt(question)
        if known_as is not None and self._pulls.readers.has_obeyed(run, known_as):
            # Its sender asks again when the answer was lost.
            return known_as
        if problem := commands.meant_for_another(attempt, self._pulls.readers.status(run)["attempt"]):
            raise UsageError(problem)
        return commands.send(run.path, action, arguments, _by(question), known_as, attempt)

    def kill(self, question: Mapping[str, Any]) -> None:
        """End a run at once."""
        self._services.commands.kill(asked.run(question), _attempt(question))

    def label(self, question: Mapping[str, Any]) -> None:
        """Change the name, tags or note of a run."""
        changes: dict[str, Any] = {
            name: asked.text(question, name) for name in ("name", "note") if question.get(name) is not None
        }
        if question.get("tags") is not None:
            tags = question["tags"]
            if not isinstance(tags, list) or len(tags) > 50 or not all(isinstance(tag, str) for tag in tags):
                raise UsageError("tags must be a list of texts")
            changes["tags"] = [tag[:60] for tag in tags]
        self._services.runs.label(asked.run(question), **changes)

    def export(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Draw the figures of a run here, and name their files."""
        from dltui.core.worker.figures import check_formats, draw

        run, formats = asked.run(question), question.get("formats")
        chosen = check_formats(map(str, formats)) if isinstance(formats, list) else None
        draw(run, place.exports_folder(run), chosen)
        return self.figures(question)

    def figures(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The folder of a run's figures, and its files with their sizes."""
        folder = place.exports_folder(asked.run(question))
        return {"folder": str(folder), "files": {path.name: path.stat().st_size for path in _figures(folder)}}

    def figure(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A piece of a file in the folder of a run's figures."""
        folder, name = place.exports_folder(asked.run(question)), asked.text(question, "file")
        if name not in [path.name for path in _figures(folder)]:
            raise UsageError("no such figure")
        return files.piece(folder, name, question)

    def resumption(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The plan of resuming a run."""
        return asdict(self._services.starting.resumption(asked.run(question)))

    def resume(self, question: Mapping[str, Any]) -> None:
        """Start a worker that goes on from the last checkpoint."""
        self._services.starting.resume(asked.run(question), asked.whole(question, "more_epochs", 1_000_000))

    def fork(self, question: Mapping[str, Any]) -> str:
        """Start a run that begins with the last checkpoint of another. Returns its id."""
        return self._services.starting.fork(asked.run(question), _words(question)).id

    def train(self, question: Mapping[str, Any]) -> list[str]:
        """Start what `dltui train WORDS` would start here. Returns the ids of its runs."""
        words = _words(question)
        for word in words:
            if word.partition("=")[0] in REFUSED_WORDS:
                raise UsageError(f"{word.partition('=')[0]} does not go with another host")
        command = [sys.executable, "-P", "-m", "dltui", "train", "--detach", "--json", *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        started = [found for line in done.stdout.splitlines() if (found := _started(line))]
        if not started:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            reason = said[-1] if said else f"exit code {done.returncode}"
            raise RunError(clean_line(reason, 500).removeprefix("dltui: "))
        return started


def _refuse(question: Mapping[str, Any]) -> None:
    raise UsageError(READ_ONLY)


def _can_be_asked_for(name: str) -> bool:
    """True for a name that a run is made with: a folder that was copied here may have any."""
    try:
        names.check_run_name(name)
    except UsageError:
        return False
    return True


def _by(question: Mapping[str, Any]) -> str | None:
    return clean_line(asked.text(question, "by"), 100) if question.get("by") else None


def _attempt(question: Mapping[str, Any]) -> int | None:
    return asked.whole(question, "attempt") if question.get("attempt") is not None else None


def _words(question: Mapping[str, Any]) -> list[str]:
    words = question.get("words")
    if not isinstance(words, list) or len(words) > MOST_WORDS:
        raise UsageError("words must be a list of texts")
    if not all(isinstance(word, str) and len(word) <= MOST_WORD and "\0" not in word for word in words):
        raise UsageError("words must be a list of texts")
    return words


def _started(line: str) -> str:
    """The id of a run that a line of `dltui train --json` tells of; "" for another line."""
    import json

    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) and found.get("type") == "run" else ""


def _figures(folder: Path) -> list[Path]:
    """The files that the folder of figures has for others: no hidden ones, and no links."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )
