"""The run directory: its files by name, how it is made, and how a person's word finds it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from dltui.core import fs, paths
from dltui.core.errors import NewerFormatError, UsageError
from dltui.core.names import suggest
from dltui.core.text import clean_line

FORMAT = 1


class RunDirectory:
    """One run on disk. Making the object touches nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def labels_json(self) -> Path:
        return self.path / "labels.json"

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def live_path(self) -> Path:
        return self.path / "live.json"

    @property
    def control_dir(self) -> Path:
        return self.path / "control"

    @property
    def checkpoints_dir(self) -> Path:
        return self.path / "checkpoints"

    @property
    def predictions_dir(self) -> Path:
        return self.path / "predictions"

    @property
    def worker_log(self) -> Path:
        return self.path / "worker.log"

    @classmethod
    def create(cls, run_id: str, run: dict[str, Any]) -> RunDirectory:
        """Make the directory with run.json and labels.json at once. Raises UsageError when that cannot be done."""
        root = paths.runs_dir()
        paths.ensure_private_dir(root)
        final = root / run_id
        if final.exists():
            raise UsageError(f'there is a run "{run_id}" already; choose another --name')
        temp = fs.temp_beside(final)
        try:
            _fill(temp, {"format": FORMAT, **run, "id": run_id})
            fs.commit_dir(temp, final)
        except OSError as error:
            fs.remove_tree(temp)
            raise UsageError(
                f"cannot create a run in {root}: {error.strerror}; set DLTUI_HOME to another folder"
            ) from error
        return cls(final)

    def run(self) -> dict[str, Any]:
        """What was asked. Raises UsageError for a folder that is no run, NewerFormatError for a newer dltui's run."""
        try:
            record = json.loads(self.run_json.read_bytes())
            number = int(record["format"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(f"{clean_line(self.path)} is no run directory: run.json is missing or damaged") from error
        if number > FORMAT:
            raise NewerFormatError(
                f"{clean_line(self.id)} was written by a newer dltui (format {number}, this one reads up to {FORMAT}); "
                "upgrade with pip install -U dltui"
            )
        return dict(record)

    def labels(self) -> dict[str, Any]:
        """Name, tags and note; defaults where a person broke the file."""
        labels: dict[str, Any] = {"name": self.id, "tags": [], "note": ""}
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads(self.labels_json.read_bytes())
            if isinstance(found, dict):
                labels |= {
                    key: value for key, value in found.items() if isinstance(value, type(labels.get(key, value)))
                }
        return labels

    def set_labels(self, **changes: Any) -> None:
        fs.write_atomic(self.labels_json, _json(self.labels() | changes))


def list_runs() -> list[RunDirectory]:
    """Every run of this home, newest first."""
    try:
        entries = [entry for entry in paths.runs_dir().iterdir() if not entry.name.startswith(".")]
    except OSError:
        return []
    dated = [(_created(entry), entry.name, entry) for entry in entries]
    return [RunDirectory(path) for created, _, path in sorted(dated, reverse=True) if created is not None]


def find_run(text: str | None) -> RunDirectory:
    """The latest run for None; else by id, path, name or the unique beginning of an id.

    Raises UsageError, with what was probably meant.
    """
    runs = list_runs()
    if text is None:
        if not runs:
            raise UsageError("there is no run yet; start one with: dltui train MODEL")
        return runs[0]
    for run in runs:
        if run.id == text:
            return run
    if "/" in text or text in (".", ".."):
        run = RunDirectory(Path(text).absolute())
        run.run()
        return run
    found = [run for run in runs if run.labels()["name"] == text] or [run for run in runs if run.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    shown = clean_line(text, 80)
    if found:
        raise UsageError(f'"{shown}" fits {len(found)} runs: {", ".join(run.id for run in found[:4])}; say which')
    hint = suggest(text, [run.id for run in runs]) or "dltui runs lists them"
    raise UsageError(f'no run "{shown}"; {hint}')


def _fill(temp: Path, run: dict[str, Any]) -> None:
    fs.system().mkdir(temp)
    for name in ("control", "checkpoints", "predictions"):
        fs.system().mkdir(temp / name)
    fs.write_file(temp / "run.json", _json(run))
    fs.write_file(temp / "labels.json", _json({"name": run.get("name") or run["id"], "tags": [], "note": ""}))


def _json(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, indent=1, ensure_ascii=True) + "\n").encode()


def _created(path: Path) -> float | None:
    """When a run was created; None for what is no run."""
    try:
        record = json.loads((path / "run.json").read_bytes())
        return float(record.get("created", 0.0))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
