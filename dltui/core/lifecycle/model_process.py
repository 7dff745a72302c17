"""Uses a trained model in a process with its framework: `python -P -m dltui.core.lifecycle.model_process RUN_DIR`.

The question comes as JSON on stdin: {"predict": [file, ...]} or {"convert": FORMAT, "to": file}, with what holds in
place of run.json as "instead". The
answer is the last line on stdout: {"rows": [...]}, {"written": file} or {"error": one line}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError, RunError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dltui.core.contract.types import Array
    from dltui.core.lifecycle.trained_model import TrainedModel


def load_image(path: str, reading: Mapping[str, Any]) -> Array:
    """The pixels of an image, uint8 (height, width, channels), prepared exactly as for training. Raises RunError."""
    from dltui.core.data import image_file

    if not reading:
        raise RunError("this model takes no images, and rows of numbers are not read from a file; tabular reads them")
    try:
        return image_file.read(path, reading)
    except image_file.UnreadableError as error:
        raise RunError(f"{clean_line(path)} cannot be read: {clean_line(error, 100)}") from None


def predict(found: TrainedModel, images: list[str]) -> list[dict[str, Any]]:
    """A row per image: its path and the model's answer, such as its best classes with their probabilities."""
    import numpy as np

    from dltui.core.tasks.registry import TASKS

    if found.spec.named_inputs:
        return _predict_named(found, images)
    x = np.stack([load_image(path, found.reading) for path in images])
    outputs = found.trainable(x).predict("test", slice(0, len(x)))
    answers = TASKS[found.spec.task].arithmetic.answers(outputs, found.spec.classes)
    return [{"image": path, **answer} for path, answer in zip(images, answers, strict=True)]


def _predict_named(found: TrainedModel, files: list[str]) -> list[dict[str, Any]]:
    """A row for each sample of the files: a text, a sequence, or a line of a table."""
    import numpy as np

    from dltui.core.inputs import given
    from dltui.core.tasks.registry import TASKS

    parts = [given.read(path, found.spec.named_inputs) for path in files]
    x = np.concatenate([part for part, _ in parts])
    outputs = found.trainable(x).predict("test", slice(0, len(x)))
    answers = TASKS[found.spec.task].arithmetic.answers(outputs, found.spec.classes)
    places = [
        {"file": number, **({"line": line} if line else {})}
        for number, (_, lines) in enumerate(parts)
        for line in lines
    ]
    return [{"image": files[place["file"]], **place, **answer} for place, answer in zip(places, answers, strict=True)]


def convert(found: TrainedModel, form: str, target: Path) -> None:
    """Write the model atomically in a format that its backend knows. Raises RunError."""
    import numpy as np

    from dltui.core.inputs.records import zeros

    known = tuple(getattr(found.backend, "formats", ()))
    if form not in known:
        hint = f"it has safetensors, {', '.join(known)}" if known else "it has safetensors alone"
        raise RunError(f"{found.backend.title} does not write {form}; {hint}")
    shape, named = found.spec.input_shape, found.spec.named_inputs
    empty = zeros(named, 1) if named else np.zeros((1, *shape), np.uint8 if found.spec.is_image else np.float32)
    trainable = found.trainable(empty)
    draft = target.with_name(f".{target.stem}.partial{target.suffix}")
    try:
        found.backend.convert(trainable, found.spec, form, draft)  # type: ignore[attr-defined]
        draft.replace(target)
    except ModuleNotFoundError as error:
        raise RunError(f"{form} needs {error.name}: pip install 'dltui[onnx]'") from None
    finally:
        draft.unlink(missing_ok=True)


def main() -> int:
    # What frameworks print goes where errors go.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    question = json.load(sys.stdin)
    try:
        from dltui.core.lifecycle.trained_model import load_trained_model

        found = load_trained_model(RunDirectory(Path(sys.argv[1])), question.get("instead") or {})
        if "predict" in question:
            answer: dict[str, Any] = {"rows": predict(found, question["predict"])}
        else:
            convert(found, question["convert"], Path(question["to"]))
            answer = {"written": question["to"]}
    except DltuiError as error:
        answer = {"error": str(error)}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": clean_line(f"{type(error).__name__}: {error}", 400)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 1 if "error" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
