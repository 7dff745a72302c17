"""The closing lines of a followed run: how it ended, its files, how to copy them or come back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from dltui.core import fs, numbers
from dltui.core.machine.process import user_at_host
from dltui.core.reading.status import INCOMPLETE
from dltui.tui.draw.wording import trained_epochs

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory

EXIT_CODES = {"finished": 0, "stopped": 0, "failed": 1, "preempted": 75, "interrupted": 130}


def outcome(history: History, status: str, why: str) -> str:
    """The outcome: `finished: 10 epochs in 32 s, best validation accuracy 91.77 % (epoch 6), test accuracy 91.60 %`."""
    parts = []
    if status in ("finished", "stopped"):
        parts.append(f"{trained_epochs(history)} in {numbers.duration(history.elapsed)}")
        parts += [why] if why.startswith("stopped early") else []
    elif why:
        parts.append(why)
    if history.best is not None and history.monitor is not None:
        name, split = history.monitor["metric"], history.monitor["split"]
        value = (history.best.validation or {}).get(name)
        parts.append(f"best {split} {name} {numbers.metric(name, value)} (epoch {history.best.epoch})")
    if history.test is not None:
        metrics = history.test["metrics"]
        asked = (history.monitor or {}).get("metric", "")
        name = asked if asked in metrics else "accuracy" if "accuracy" in metrics else "loss"
        parts.append(f"test {name} {numbers.metric(name, metrics.get(name))}")
    return f"{status}: {', '.join(parts)}" if parts else status


def exported_files(folder: Path) -> list[Path]:
    """The files in an export folder, without hidden and temporary ones; [] where it is not there, or cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        return []


def take_home(folder: Path) -> list[str]:
    """The files of an export folder by name, and the command that copies them from another machine."""
    files = exported_files(folder)
    if not files:
        return []
    return [f"figures and tables in {folder}:", *_columns([path.name for path in files]), _take_home_line(folder)]


def take_over(run: RunDirectory) -> list[str]:
    """The line about the figures of a run of another host, which are drawn there; [] where none are drawn yet."""
    from dltui.core.rundir import notes

    return [f"figures and tables are {fetch_line(run)}"] if notes.figures_are_done(run) else []


def fetch_line(run: RunDirectory) -> str:
    """Where the figures of a run of another host are, and how they come here."""
    return f"on {run.id.partition(':')[0]}; fetch them: dltui export {shlex.quote(run.id)}"


def _take_home_line(folder: Path) -> str:
    """The command to copy the figures, ready to paste on the other machine."""
    from dltui.core.worker.figures import copy_line

    return f"copy them: {copy_line(user_at_host(), [folder])}"


def reattach_lines(reader: RunReader) -> list[str]:
    """Lines for a user who leaves a running run."""
    name = shlex.quote(reader.directory.id)
    return [f"the run goes on; back with: dltui attach {name}", f"end it with: dltui stop {name}"]


def next_step(reader: RunReader, status: str) -> list[str]:
    """Lines that say what to do about a run that did not finish, or that has trained badly."""
    name = shlex.quote(reader.directory.id)
    if status == "finished":
        return _judged(reader, name)
    if status in ("interrupted", "preempted", "stopped"):
        if not _has_checkpoint(reader):
            # One that crashed at once would crash again: what it printed comes first.
            printed = (
                [f"all that the process printed: {reader.directory.worker_log}"] if status == "interrupted" else []
            )
            return [*printed, f"begin it again: dltui resume {name}"]
        return [f"go on from the last checkpoint: dltui resume {name}"]
    if status == "failed":
        from dltui.core.analysis.suggestion import suggestion

        found = suggestion(reader)
        tried = [f"try {found.words}: {_where_it_is(reader, found.command)}"] if found else []
        return [*tried, f"all that the process printed: {reader.directory.worker_log}"]
    return []


def _judged(reader: RunReader, name: str) -> list[str]:
    """A line about curves that show a fault, and one with what can be tried."""
    from dltui.core.analysis.verdict import AGAIN, FLAGS, judge

    found = judge(reader.history, str(reader.run.get("config", {}).get("schedule", "")))
    if found is None or not found.bad or found.kind not in FLAGS:
        return []
    command = _where_it_is(reader, f"dltui train --like {name} {FLAGS[found.kind]} ...")
    tried = f"try {found.help.removeprefix(AGAIN)}: {command}"
    return [f"{found.text}: {found.evidence}", tried]


def _where_it_is(reader: RunReader, command: str) -> str:
    """A command about a run, to be typed on the host where the run is."""
    host, _, there = reader.directory.id.rpartition(":")
    return f"ssh {host} {command.replace(reader.directory.id, there)}" if host else command


def redraw(run_id: str, phase: str) -> list[str]:
    """The line for a run whose worker was killed while it drew the figures; [] for other runs."""
    return [f"{INCOMPLETE}: dltui export {shlex.quote(run_id)}"] if phase == INCOMPLETE else []


def _has_checkpoint(reader: RunReader) -> bool:
    """True if there is a checkpoint of the run itself or of the run that it was forked from."""
    if reader.told is not None:
        # Checkpoints of another host's run stay there.
        return bool(reader.history.checkpoints) or bool(reader.run.get("fork"))
    try:
        return any(reader.directory.checkpoints_dir.iterdir())
    except OSError:
        return False


def last_error(reader: RunReader) -> str:
    """The last error in the log, else the last line that the worker printed."""
    errors = [text for _, level, text in reader.history.logs if level == "error"]
    return errors[-1].removeprefix("it does not go on: ") if errors else last_output_line(reader)


def last_output_line(reader: RunReader) -> str:
    """The last line that the worker printed."""
    try:
        with fs.open_to_read(reader.directory.worker_log) as file:
            file.seek(max(file.seek(0, 2) - 4096, 0))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].strip().removeprefix("dltui: ") if lines else f"see {reader.directory.worker_log}"


def _columns(names: list[str], width: int = 100) -> list[str]:
    lines, line = [], " "
    for name in names:
        if len(line) + 2 + len(name) > width and line.strip():
            lines.append(line)
            line = " "
        line += " " + name
    return [*lines, line] if line.strip() else lines
