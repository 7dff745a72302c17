"""The questions that `dltui serve-stdio` answers. What it may be asked, and what not, stands in SECURITY.md."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dltui.core import paths
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.hosts import asked, files
from dltui.core.hosts.serve import Operation
from dltui.core.numbers import plain_json
from dltui.core.rundir import commands, names, notes, place
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line
from dltui.tui.base.all_runs import RunList
from dltui.tui.base.services import Services
from dltui.tui.base.services.runs import read
from dltui.tui.base.summary import Summary
from dltui.tui.base.summary_json import as_json
from dltui.tui.cli.hosts.device_looks import DeviceLooks

SLOW = (
    "list", "rows", "devices", "large", "export", "figure", "train", "resumption", "resume", "kill", "fork", "pull",
    "send",
)  # fmt: skip
READ_ONLY = "this server only reads: it was started with --read-only"
MOST_WORDS = 500
MOST_WORD = 4_096
MOST_EPOCHS = 1_000_000
MODEL = ("model", "predict")
"""The stems of what `dltui export --format onnx` and the like write beside figures."""
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
        self._devices = DeviceLooks(services.machine.devices)
        self._elsewhere: dict[str, Path] = {}
        """Folders of figures that could not be drawn into that of their run, by its id."""

    def operations(self) -> dict[str, Operation]:
        """Every question by its name."""
        reading: dict[str, Operation] = {
            "ping": lambda question: {},
            "list": self.runs,
            "rows": self.rows,
            "find": self.find,
            "devices": lambda question: self._devices.latest(),
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
        """The rows of `dltui runs --json`; with `facts` each with what a filter can find."""
        from dltui.core.lifecycle.launch.asked_rows import asked_rows

        found = [row for row in asked_rows() if _can_be_asked_for(str(row["id"]))]
        return [row | {"facts": _facts(row)} for row in found] if question.get("facts") is True else found

    def find(self, question: Mapping[str, Any]) -> str:
        """The id of the run that a name means; the latest for ""."""
        text = asked.text(question, "name")
        if os.sep in text or text in (".", "..", "~"):
            raise UsageError("a run of another host is named by its name, not by a path")
        return names.check_run_name(self._services.runs.find(text or None).id)

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
        """Draw the figures of a run here, in the cache where its own folder cannot be written, and name their files."""
        from dltui.core.worker.figures import check_formats, draw

        run, formats = asked.run(question), question.get("formats")
        chosen = check_formats(map(str, formats)) if isinstance(formats, list) else None
        self._elsewhere.pop(run.id, None)
        try:
            draw(run, place.exports_folder(run), chosen)
        except UsageError:
            self._draw_elsewhere(run, chosen)
        return self.figures(question)

    def _draw_elsewhere(self, run: RunDirectory, formats: list[str] | None) -> None:
        from dltui.core.worker.figures import draw

        folder = paths.cache_dir() / "figures" / run.id
        shutil.rmtree(folder, ignore_errors=True)
        try:
            draw(run, folder, formats)
        except UsageError:
            where = f"neither its folder for figures nor {clean_line(folder)}"
            raise RunError(f"{run.id}: {where} can be written") from None
        self._elsewhere[run.id] = folder

    def figures(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The folder of a run's figures, and its files with their sizes."""
        run = asked.run(question)
        folder, found = self._drawn(run)
        return {"folder": str(folder), "files": {path.name: path.stat().st_size for path in found}}

    def figure(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A piece of a file in the folder of a run's figures."""
        name = asked.text(question, "file")
        folder, found = self._drawn(asked.run(question))
        if name not in [path.name for path in found]:
            raise UsageError("no such figure")
        return files.piece(folder, name, question)

    def _drawn(self, run: RunDirectory) -> tuple[Path, list[Path]]:
        """The folder of a run's figures, and what exporters have made in it, no links. Without a list: all but a
        model.
        """
        if run.id in self._elsewhere:
            return self._elsewhere[run.id], _files(self._elsewhere[run.id])
        folder, named = place.exports_folder(run), notes.figures_drawn(run)
        if named:
            return folder, [path for path in _files(folder) if path.name in named]
        # A run that has not drawn to its end has no list; a model and its description may lie among them.
        return folder, [path for path in _files(folder) if path.stem not in MODEL]

    def resumption(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The plan of resuming a run, for `more_epochs` where they are chosen."""
        more = asked.whole(question, "more_epochs", MOST_EPOCHS) if "more_epochs" in question else None
        return asdict(self._services.starting.resumption(asked.run(question), more))

    def resume(self, question: Mapping[str, Any]) -> None:
        """Start a worker that goes on from the last checkpoint; a finished run goes on for more epochs only."""
        from dltui.core.lifecycle.resume import resumable

        run, more_epochs = asked.run(question), asked.whole(question, "more_epochs", MOST_EPOCHS)
        resumable(read(run), more_epochs)
        self._services.starting.resume(run, more_epochs)

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


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a filter can find of a run, as the screen finds it."""
    from dltui.core.analysis.measures import run_filter

    run: dict[str, Any] = {}
    with contextlib.suppress(DltuiError):
        run = RunDirectory(paths.runs_dir() / str(row["id"])).run()
    return {name: plain_json(value) for name, value in run_filter.facts(row, run).items()}


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


def _files(folder: Path) -> list[Path]:
    """The files that the folder of figures has for others: no hidden ones, and no links."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )
