"""Uses a trained model in a process with its framework: `python -P -m dltui.core.lifecycle.model_process RUN_DIR`.

The question comes as JSON on stdin: {"predict": [file, ...]}, {"convert": FORMAT, "to": file} or {"look":
["heat-maps", "embeddings"]}, with what holds in place of run.json as "instead". The answer is the last line on stdout:
{"rows": [...]}, {"written": file}, {"lines": [...]} or {"error": one line}, with the "exit_code" for it.

With --serve each line on stdin after the first, {"instead": ...}, is a question of `inside.one_image`, and a line
answers it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dltui.core import fs
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dltui.core.contract.types import Array
    from dltui.core.lifecycle.inside.one_image import OneImage
    from dltui.core.lifecycle.trained_model import TrainedModel


def load_image(path: str, reading: Mapping[str, Any]) -> Array:
    """The pixels of an image, uint8 (height, width, channels), prepared exactly as for training. Raises UsageError."""
    from dltui.core.data import image_file

    if not reading:
        raise UsageError(
            "this model takes numbers that came from no table; use it elsewhere: dltui export RUN --format onnx"
        )
    try:
        return image_file.read(path, reading)
    except image_file.UnreadableError as error:
        raise UsageError(f"{clean_line(path)} cannot be read: {clean_line(error, 100)}") from None


def predict(found: TrainedModel, images: list[str], masks: str | None = None) -> list[dict[str, Any]]:
    """A row per image: its path and the model's answer, such as its best classes with their probabilities. Predicted
    masks are written into the folder `masks`, as palette PNGs in the size that the model sees.
    """
    import numpy as np

    from dltui.core.tasks.registry import TASKS

    if found.spec.named_inputs or found.table:
        return _predict_rows(found, images)
    x = np.stack([load_image(path, found.reading) for path in images])
    rows: list[dict[str, Any]] = []
    for outputs in _outputs(found, x):
        answers = TASKS[found.spec.task].arithmetic.answers(outputs, found.spec.classes)
        some = [{"image": path, **answer} for path, answer in zip(images[len(rows) :], answers, strict=False)]
        if masks is not None:
            for row, mask in zip(some, outputs.argmax(axis=3).astype(np.uint8), strict=True):
                row["mask"] = str(_write_mask(Path(masks), Path(row["image"]).stem, mask))
        rows += some
    return rows


def _outputs(found: TrainedModel, x: Array) -> Iterator[Array]:
    """The outputs for samples, a piece at a time: large ones of many samples do not fit into memory."""
    from dltui.core.tasks.regression.scaling import in_full
    from dltui.core.train import evaluation

    trainable = found.trainable(x)
    most = evaluation.rows_at_once(trainable, found.spec)
    for first in range(0, len(x), most):
        yield in_full(trainable.predict("test", slice(first, min(first + most, len(x)))), found.spec)


def _write_mask(folder: Path, name: str, mask: Array) -> Path:
    """Write a mask, under another name than any file that is there. Raises RunError."""
    from PIL import Image

    from dltui.core.tasks.segmentation import colors

    content, image = io.BytesIO(), Image.fromarray(mask)
    image.putpalette(colors.palette().tobytes())
    image.save(content, "PNG")
    names = (f"{name}.png", *(f"{name}-{number}.png" for number in range(2, 10_000)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = next(path for path in (folder / called for called in names) if not path.exists())
        fs.write_atomic(target, content.getvalue())
    except OSError as error:
        raise RunError(f"no mask can be written to {clean_line(folder)}: {clean_line(error.strerror)}") from None
    return target


def _predict_rows(found: TrainedModel, files: list[str]) -> list[dict[str, Any]]:
    """A row for each sample of the files: a text, a sequence, or a line of a table."""
    import numpy as np

    from dltui.core.inputs import given
    from dltui.core.tasks.registry import TASKS

    named = found.spec.named_inputs
    parts = [given.read(path, named) if named else given.read_rows(path, found.table) for path in files]
    x = np.concatenate([part for part, _ in parts])
    arithmetic = TASKS[found.spec.task].arithmetic
    answers = [answer for outputs in _outputs(found, x) for answer in arithmetic.answers(outputs, found.spec.classes)]
    places = [
        {"file": number, **({"line": line} if line else {})}
        for number, (_, lines) in enumerate(parts)
        for line in lines
    ]
    return [{"image": files[place["file"]], **place, **answer} for place, answer in zip(places, answers, strict=True)]


def convert(found: TrainedModel, form: str, target: Path) -> None:
    """Write the model atomically in a format that its backend knows. Raises RunError, UsageError for a folder that
    takes no more.
    """
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
    except OSError as error:
        where, why = clean_line(target.parent), clean_line(error.strerror or error, 200)
        raise UsageError(f"cannot write to {where}: {why}; choose another with --to DIR") from None
    finally:
        draft.unlink(missing_ok=True)


def _serve(answers: TextIO) -> int:
    """Answer questions about single images until there are no more. A model that cannot be loaded is the answer to
    each of them."""
    run, instead = RunDirectory(Path(sys.argv[1])), json.loads(sys.stdin.readline())["instead"]
    model: OneImage | None = None

    def work(question: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal model
        if model is None:
            from dltui.core.lifecycle.inside.one_image import OneImage
            from dltui.core.lifecycle.trained_model import load_trained_model

            model = OneImage(run, load_trained_model(run, instead), {**run.run(), **instead})
        return model.answer(question)

    for line in sys.stdin:
        _answer(answers, work, json.loads(line))
    return 0


def _answer(answers: TextIO, work: Callable[[Mapping[str, Any]], dict[str, Any]], question: Mapping[str, Any]) -> int:
    """Write what comes of a question as a line, an error as one, too. Returns 1 after an error."""
    try:
        answer = work(question)
    except DltuiError as error:
        answer = {"error": str(error), "exit_code": error.exit_code}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": clean_line(f"{type(error).__name__}: {error}", 400)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 1 if "error" in answer else 0


def _once(question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to the only question of a process."""
    from dltui.core.lifecycle.trained_model import load_trained_model

    run, instead = RunDirectory(Path(sys.argv[1])), question.get("instead") or {}
    found = load_trained_model(run, instead)
    if "predict" in question:
        return {"rows": predict(found, question["predict"], question.get("masks"))}
    if "look" in question:
        from dltui.core.lifecycle.inside.look import look_inside

        return {"lines": look_inside(run, found, {**run.run(), **instead}, question["look"])}
    convert(found, question["convert"], Path(question["to"]))
    return {"written": question["to"]}


def main() -> int:
    # What frameworks print goes where errors go.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if "--serve" in sys.argv[2:]:
        return _serve(answers)
    return _answer(answers, _once, json.load(sys.stdin))


if __name__ == "__main__":
    sys.exit(main())
