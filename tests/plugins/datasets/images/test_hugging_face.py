"""hf:NAME, with a stand-in for the library, and with itself where it is installed."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from dltui.core.data import network
from dltui.core.errors import RunError
from tests.helpers.own_data import left_in_cache, make_image, prepared


class Image:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    def __init__(self, names: list[str]) -> None:
        self.names = names


class DatasetNotFoundError(FileNotFoundError):
    """As the library has it: a dataset that is not there, though the hub is."""


class Table:
    """A split as the library has it."""

    def __init__(self, rows: list[dict[str, Any]], features: dict[str, Any]) -> None:
        self.rows, self.features = rows, features

    def cast_column(self, name: str, kind: Any) -> Table:
        assert not kind.decode
        return self

    def select_columns(self, names: list[str]) -> Table:
        return Table([{name: row[name] for name in names} for row in self.rows], self.features)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    # Nothing is asked of the network.
    monkeypatch.setattr(network, "answered", lambda url: True)
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The splits that the library gives, or the error that it raises."""
    found = SimpleNamespace(splits={}, error=None, asked=None)

    def load_dataset(name: str, config: str | None, revision: str | None) -> Any:
        found.asked = (name, config, revision)
        if found.error:
            raise found.error
        return found.splits

    module = ModuleType("datasets")
    vars(module).update(load_dataset=load_dataset, Image=Image, disable_progress_bars=lambda: None)
    monkeypatch.setitem(sys.modules, "datasets", module)
    return found


def png(seed: int) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def table(numbers: range, names: list[str] | None = None) -> Table:
    rows = [{"image": {"bytes": png(n), "path": None}, "label": n % 2 if names else "ab"[n % 2]} for n in numbers]
    return Table(rows, {"image": Image(), "label": ClassLabel(names) if names else SimpleNamespace()})


@pytest.mark.parametrize("names", [["cat", "dog"], None])
def test_splits_and_classes_are_those_of_the_hub(hub: SimpleNamespace, names: list[str] | None, tmp_path: Path) -> None:
    hub.splits = {
        "train": table(range(20), names),
        "test": table(range(20, 24), names),
        "extra": table(range(2), names),
    }
    # An image that the library keeps as a file.
    path = make_image(tmp_path / "x.png", seed=5)
    hub.splits["test"].rows[0]["image"] = {"bytes": None, "path": str(path)}
    data = prepared("hf", path="someone/pets", revision="v1")
    assert hub.asked == ("someone/pets", None, "v1")
    assert data.spec.classes == (tuple(names) if names else ("a", "b"))
    assert [len(data.train), len(data.validation), len(data.test)] == [18, 2, 4]
    assert np.array_equal(data.test.x[0], np.asarray(Pillow.open(path)))
    assert np.array_equal(data.test.x[1], np.asarray(Pillow.open(io.BytesIO(png(21)))))
    assert data.notes[:2] == (
        "columns of someone/pets: image, label",
        "left out, as no train, validation or test part: extra",
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionError("Couldn't reach the Hub"), "the hub cannot be reached, and it is not in the cache"),
        (DatasetNotFoundError("Dataset 'x' doesn't exist on the Hub"), "loaded: Dataset 'x' doesn't exist on the Hub$"),
        (OSError(28, "No space left on device"), "No space left"),
        (ValueError("Unknown config 'x'.\nmore"), r"hf:someone/pets cannot be loaded: Unknown config 'x'\.$"),
    ],
)
def test_errors_are_one_line(hub: SimpleNamespace, tmp_path: Path, error: Exception, words: str) -> None:
    hub.error = error
    with pytest.raises(OSError if error.args[0] == 28 else RunError, match=words):
        prepared("hf", path="someone/pets")
    assert left_in_cache(tmp_path / "home") == []


def test_columns_and_rows_that_do_not_fit(hub: SimpleNamespace) -> None:
    hub.splits = {"train": Table([], {"text": SimpleNamespace(), "label": SimpleNamespace()})}
    with pytest.raises(
        RunError, match="has no column '' of images; name one by --data image=COLUMN, it has text, label"
    ):
        prepared("hf", path="someone/pets")
    hub.splits = {"train": table(range(10), ["cat", "dog"])}
    hub.splits["train"].rows[3]["label"] = None
    with pytest.raises(RunError, match="row 3 of train has no class; choose another column by --data target=COLUMN"):
        prepared("hf", path="someone/pets")
    hub.splits = {"train": table(range(10))}
    hub.splits["train"].rows[4]["label"] = float("nan")
    with pytest.raises(RunError, match="row 4 of train has no class"):
        prepared("hf", path="someone/pets")


def test_classes_keep_their_order_and_a_test_part_without_any_is_left_out(hub: SimpleNamespace) -> None:
    hub.splits = {"train": table(range(20), ["dog", "cat"]), "test": table(range(6), ["dog", "cat"])}
    for row in hub.splits["test"].rows:
        row["label"] = -1
    data = prepared("hf", path="someone/pets")
    assert data.spec.classes == ("dog", "cat")
    assert data.notes[1] == "left out, as its rows have no classes: test"
    assert [len(data.train), len(data.validation), len(data.test)] == [14, 2, 4]


def test_a_folder_is_no_name_of_the_hub(hub: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)
    for path in ("pets", "./elsewhere"):
        with pytest.raises(RunError, match=f"hf:{path} is a path on this machine; use folder:{path}, or hf:USER/NAME"):
            prepared("hf", path=path)
    assert hub.asked is None


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(RunError, match=r"needs the library datasets: pip install 'dltui\[hf\]'"):
        prepared("hf", path="someone/pets")


@pytest.mark.slow(10)
@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="needs datasets")
def test_the_library_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of images on this machine is a dataset of the library's, too."""
    import datasets

    for split, each in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            for number in range(each):
                make_image(tmp_path / "pets" / split / name / f"{number}.png", seed=number)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    real, folder = datasets.load_dataset, str(tmp_path / "pets")
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config, revision: real(folder))
    data = prepared("hf", path="someone/pets")
    assert data.spec.classes == ("cat", "dog")
    assert len(data.test) == 6
