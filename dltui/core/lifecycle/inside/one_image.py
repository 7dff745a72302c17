"""Answers of a trained model about single images, a file or one of the test split, with what in it speaks for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.analysis.inside.heat_maps import packed
from dltui.core.data import image_file
from dltui.core.errors import RunError
from dltui.core.lifecycle.inside.look import test_split
from dltui.core.reading.reader import RunReader
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.scores.softmax import log_softmax, sigmoid
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract import Split
    from dltui.core.contract.types import Array
    from dltui.core.lifecycle.trained_model import TrainedModel
    from dltui.core.rundir.directory import RunDirectory

MOST = 5
"""The likeliest answers that are told."""
TARGETS = ("class", "labels")


class OneImage:
    """Answers {"file": path} and {"test": number}, each with "heat" where a heat map is wanted. The answer has the
    `image` as the model sees it (`shape`, uint8 in base64), the `best` answers, for a test image the `true` ones,
    its place among `images`, and `heat` (`heat_shape`, float16 in base64).
    """

    def __init__(self, run: RunDirectory, found: TrainedModel, asked: Mapping[str, Any]) -> None:
        if not found.spec.is_image or TASKS[found.spec.task].targets not in TARGETS:
            raise RunError(
                "this can be tried on models that tell classes or labels of images; dltui predict has others"
            )
        self._found, self._run, self._asked = found, run, asked
        self._test: Split | None = None

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question. Raises RunError."""
        if "file" in question:
            image, more = self._read(str(question["file"])), {"name": clean_line(question["file"], 200)}
        else:
            image, more = self._of_test(int(question["test"]))
        x = image[None]
        trainable = self._found.trainable(x)
        outputs = trainable.predict("test", slice(0, 1))
        chances = self._chances(outputs)
        order = np.argsort(-outputs[0], kind="stable")[:MOST]
        names = self._found.spec.classes
        told: dict[str, Any] = {
            **more,
            "image": base64.b64encode(np.ascontiguousarray(image).tobytes()).decode(),
            "shape": list(image.shape),
            "best": [[clean_line(names[number], 100), float(chances[number])] for number in order],
        }
        look = getattr(self._found.backend, "heat_maps", None)
        if question.get("heat") and look is not None:
            maps = packed(look(trainable, slice(0, 1), np.array([[order[0], order[0]]], np.int64)))[0, 0]
            told |= {"heat": base64.b64encode(maps.tobytes()).decode(), "heat_shape": list(maps.shape)}
        return told

    def _chances(self, outputs: Array) -> Array:
        """The probability of each class or label."""
        if TASKS[self._found.spec.task].targets == "labels":
            return sigmoid(outputs[0])
        return np.asarray(np.exp(log_softmax(outputs[:1])[0]))

    def _read(self, path: str) -> Array:
        try:
            return image_file.read(path, self._found.reading)
        except (image_file.UnreadableError, OSError) as error:
            raise RunError(f"{clean_line(path, 200)} cannot be read: {clean_line(error, 100)}") from None

    def _of_test(self, number: int) -> tuple[Array, dict[str, Any]]:
        """A test image and its right answers; after the last comes the first."""
        if self._test is None:
            reader = RunReader(self._run)
            reader.refresh()
            self._test = test_split(reader, self._asked)
        test, names = self._test, self._found.spec.classes
        number %= len(test)
        target = np.atleast_1d(np.asarray(test.y[number]))
        true = [int(target[0])] if TASKS[self._found.spec.task].targets == "class" else np.flatnonzero(target).tolist()
        more = {"test": number, "images": len(test), "true": [clean_line(names[one], 100) for one in true]}
        return np.asarray(test.x[number]), more | {"name": f"test image {number + 1:,} of {len(test):,}"}
