"""Predictions of many files are made a piece at a time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from dltui.core.contract import Input, Spec
from dltui.core.lifecycle import model_process
from tests.helpers.own_data import make_image


class Model:
    """A model that tells the mean of a sample, of at most two rows at once."""

    predict_rows = 2

    def __init__(self, spec: Spec, reading: dict[str, Any], table: tuple[Input, ...] = ()) -> None:
        self.spec, self.reading, self.table = spec, reading, table
        self.asked: list[int] = []

    def trainable(self, x: Any) -> Any:
        def predict(split: str, rows: slice) -> Any:
            part = x[rows]
            self.asked.append(len(part))
            if self.spec.named_inputs:
                return part["numbers"]
            if self.table:
                return part.sum(axis=1, keepdims=True)
            height, width, _ = self.spec.input_shape
            first = part[:, :, :, 0] > part.reshape(len(part), -1).mean(axis=1)[:, None, None]
            return np.stack([first, ~first], axis=3).astype(np.float32).reshape(-1, height, width, 2)

        return SimpleNamespace(predict=predict, predict_rows=self.predict_rows)


def test_rows_of_tables(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n2\n3\n")
    (tmp_path / "y.csv").write_text("a\n4\n5\n")
    spec = Spec("regression", (), 1, named_inputs=(Input("numbers", (1,), places=("a",)),))
    model = Model(spec, {})
    found: Any = model
    rows = model_process.predict(found, [str(tmp_path / name) for name in ("x.csv", "y.csv")])
    assert model.asked == [2, 2, 1]
    assert [(row["file"], row["line"]) for row in rows] == [(0, 2), (0, 3), (0, 4), (1, 2), (1, 3)]
    assert [row["outputs"] for row in rows] == [[1], [2], [3], [4], [5]]


def test_rows_of_tables_for_a_single_input(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("b,a\nred,1\nblue,2\ngreen,3\n")
    columns = (
        Input("numbers", (1,), places=("a",)),
        Input("categories", (1,), "int32", (3,), places=("b",), texts=(("", "blue", "red"),)),
    )
    found: Any = Model(Spec("regression", (3,), 1), {}, columns)
    rows = model_process.predict(found, [str(tmp_path / "x.csv")])
    assert [(row["line"], row["outputs"]) for row in rows] == [(2, [2]), (3, [3]), (4, [3])]


def test_masks_of_images(tmp_path: Path) -> None:
    files = [str(make_image(tmp_path / f"{number}.png", seed=number)) for number in range(3)]
    model = Model(Spec("segmentation", (8, 8, 3), 2, ("a", "b")), {"height": 8, "width": 8, "channels": 3})
    found: Any = model
    rows = model_process.predict(found, files, str(tmp_path / "masks"))
    assert model.asked == [2, 1]
    assert [row["image"] for row in rows] == files
    assert [Path(row["mask"]).name for row in rows] == ["0.png", "1.png", "2.png"]
