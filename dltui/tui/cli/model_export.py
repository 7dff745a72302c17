"""`dltui export RUN --format onnx`: the trained model for use elsewhere, with a script that runs it on an image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError, UsageError
from dltui.core.reader import RunReader
from dltui.tui.cli.predict_script import script

if TYPE_CHECKING:
    from dltui.core.rundir import RunDirectory

SUFFIXES = {"onnx": "onnx", "safetensors": "safetensors", "keras": "keras", "torch": "pt2"}


def write(run: RunDirectory, folder: Path, formats: list[str]) -> list[Path]:
    """Write model.SUFFIX for each format, model.json about it, and predict.py for what can be run without dltui.

    Raises RunError when the run has no checkpoint yet, or its framework does not know a format.
    """
    from dltui.core.portable import ask

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}; choose another with --to DIR") from None
    written = []
    for form in formats:
        target = folder / f"model.{SUFFIXES[form]}"
        if form == "safetensors":
            _weights(run, target)
        else:
            ask(run, {"convert": form, "to": str(target)})
        written.append(target)
    about = folder / "model.json"
    about.write_text(json.dumps(_about(run), indent=1) + "\n", encoding="utf-8")
    written.append(about)
    runnable = [form for form in formats if form != "safetensors"]
    if runnable:
        (folder / "predict.py").write_text(script(runnable[0], SUFFIXES[runnable[0]]), encoding="utf-8")
        written.append(folder / "predict.py")
    return written


def _weights(run: RunDirectory, target: Path) -> None:
    """Those that each export has, drawn by the process that draws."""
    from dltui.tui.cli.export import draw

    made = Path(run.run()["exports"]) / "model.safetensors"
    if not made.is_file():
        draw(run, made.parent, None)
    if not made.is_file():
        raise RunError(f"{run.id} has no checkpoint yet")
    if made != target:
        shutil.copyfile(made, target)


def _about(run: RunDirectory) -> dict[str, Any]:
    """What a reader of the model must know: what goes in, what comes out."""
    reader = RunReader(run)
    reader.refresh()
    asked, attempt = run.run(), reader.history.attempt
    dataset = attempt.dataset if attempt else {}
    about = {name: dataset.get(name) for name in ("task", "input_shape", "classes", "mean", "std")}
    return {"model": asked["model"], "dataset": asked["dataset"], **about}
