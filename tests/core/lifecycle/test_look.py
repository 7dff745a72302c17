"""A look inside a trained model: what is asked of its backend, what is kept, and what is a line instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltui.core.analysis.inside import embeddings, heat_maps
from dltui.core.contract import Spec, Split
from dltui.core.errors import RunError
from dltui.core.lifecycle.inside import look
from dltui.core.reading.reader import RunReader
from tests.core.analysis.test_evaluation import read

SPEC = Spec("classification", (28, 28, 1), 10, tuple(f"class {n}" for n in range(10)))


class Backend:
    """A backend whose heat lies where an image is bright, and whose features are the means of rows."""

    title = "NumPy"

    def __init__(self) -> None:
        self.asked: list[slice] = []

    def heat_maps(self, x: Any, rows: slice, outputs: Any) -> Any:
        self.asked.append(rows)
        assert outputs.shape == (rows.stop - rows.start, 2)
        return np.repeat(x[rows, None, ::4, ::4, 0], 2, axis=1).astype(np.float32)

    def embeddings(self, x: Any, rows: slice) -> Any:
        return x[rows].mean(axis=(2, 3)).astype(np.float32)


def trained(backend: Any, spec: Spec = SPEC) -> Any:
    return SimpleNamespace(backend=backend, spec=spec, model=SimpleNamespace(id="cnn-numpy"), trainable=lambda x: x)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunReader:
    found = read(tmp_path)
    predicted = found.predictions("test")
    assert predicted is not None
    count = len(predicted["ids"])
    x = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), dtype=np.uint8)
    test = Split(x, predicted["labels"], predicted["ids"])
    monkeypatch.setattr(look, "test_split", lambda reader, asked: test)
    monkeypatch.setattr(embeddings, "neighbors", lambda components: np.zeros((0, 2), np.float32))
    return found


def test_what_is_seen_is_kept_beside_the_predictions(reader: RunReader) -> None:
    backend = Backend()
    assert look.look_inside(reader.directory, trained(backend), {}) == []
    found, points = heat_maps.read(reader), embeddings.read(reader)
    assert found is not None
    assert points is not None
    assert all(rows.stop - rows.start <= look.ROWS for rows in backend.asked)
    assert backend.asked[-1].stop == len(found.ids) == len(found.maps)
    mistakes = reader.predictions("test")["wrong"]  # type: ignore[index]
    assert (found.outputs[: len(mistakes), 0] != found.outputs[: len(mistakes), 1]).all()
    assert found.maps.shape[1:] == (2, 7, 7)
    assert float(found.maps.max()) == 1.0
    assert points.features == 28
    assert len(points.pca) == len(points.labels) == embeddings.MOST


def test_one_of_them_alone(reader: RunReader) -> None:
    assert look.look_inside(reader.directory, trained(Backend()), {}, [heat_maps.NAME]) == []
    assert heat_maps.read(reader) is not None
    assert embeddings.read(reader) is None


def test_what_there_is_not_is_a_line_each(reader: RunReader) -> None:
    class Plain:
        title = "NumPy"

    wanted = [f"no {name} of cnn-numpy: NumPy does not make them" for name in ("heat maps", "embeddings")]
    assert look.look_inside(reader.directory, trained(Plain()), {}) == wanted
    vectors = replace(SPEC, input_shape=(4,))
    (line,) = look.look_inside(reader.directory, trained(Backend(), vectors), {}, [heat_maps.NAME])
    assert "which parts of an image" in line
    assert heat_maps.read(reader) is embeddings.read(reader) is None


def test_refusals(reader: RunReader, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Split(np.zeros((3, 28, 28, 1), np.uint8), np.zeros(3, np.int64), np.arange(3))
    monkeypatch.setattr(look, "test_split", lambda reader, asked: short)
    with pytest.raises(RunError, match="was tested on 1,000 samples, its data has 3 today"):
        look.look_inside(reader.directory, trained(Backend()), {})
    untested = read(reader.directory.path.parent / "other", status="failed", done=1)
    with pytest.raises(RunError, match="no test result yet"):
        look.look_inside(untested.directory, trained(Backend()), {})
