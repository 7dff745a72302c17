"""Reads a run from its directory, again and again if it goes on: for screens, plain output, figures and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import status as state
from dltui.core.history import History
from dltui.core.live import Live, read_live
from dltui.core.log import LogTail
from dltui.core.rundir import RunDirectory

if TYPE_CHECKING:
    from dltui.core.contract import Array

PREDICTIONS = ("validation-latest", "validation-best", "test")


class RunReader:
    """One run. `run` is what was asked (run.json), `history` what happened up to the last `refresh`."""

    def __init__(self, run: RunDirectory | Path | str) -> None:
        self.directory = run if isinstance(run, RunDirectory) else RunDirectory(Path(run))
        self.run: dict[str, Any] = self.directory.run()
        self.history = History()
        self._tail = LogTail(self.directory.events_path)

    def refresh(self) -> bool:
        """Read what came since the last call; whether there was anything."""
        records = self._tail.read()
        if self._tail.restarted:
            self.history = History()
        self.history.feed(records)
        return bool(records) or self._tail.restarted

    @property
    def bad_lines(self) -> int:
        """Lines of the log that were damaged and left out."""
        return self._tail.bad_lines

    @property
    def labels(self) -> dict[str, Any]:
        return self.directory.labels()

    def live(self) -> Live | None:
        return read_live(self.directory.path)

    def status(self, now: float | None = None) -> state.Status:
        return state.tell(self.history, self.live(), float(self.run.get("created", 0.0)), now)

    def predictions(self, which: str) -> dict[str, Array] | None:
        """The arrays of "validation-latest", "validation-best" or "test"; None while there are none."""
        import zipfile

        import numpy as np

        try:
            with np.load(self.directory.predictions_dir / f"{which}.npz", allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, zipfile.BadZipFile, KeyError):
            return None

    def summary_row(self, now: float | None = None) -> dict[str, Any]:
        """The run as one object of `dltui runs --json`."""
        run, history, status, labels = self.run, self.history, self.status(now), self.labels
        best, monitor = history.best, history.monitor
        epochs = history.attempt.epochs if history.attempt else run.get("config", {}).get("epochs")
        return {
            "id": self.directory.id,
            "name": labels["name"],
            "status": status.name,
            "model": run.get("model"),
            "framework": run.get("framework"),
            "dataset": run.get("dataset"),
            "device": (run.get("device") or {}).get("name"),
            "epoch": len(history.epochs),
            "epochs": epochs,
            "best": best.validation[monitor["metric"]] if best and monitor else None,
            "monitor": monitor["metric"] if monitor else None,
            "test": history.test["metrics"] if history.test else None,
            "why": status.why,
            "phase": status.phase,
            "step": history.last_step,
            "total_steps": history.attempt.total_steps if history.attempt else None,
            "created": run.get("created"),
            "seconds": round(history.elapsed, 3),
            "tags": labels["tags"],
            "note": labels["note"],
        }
