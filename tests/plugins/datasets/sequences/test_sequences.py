"""sequences:PATH: what becomes of somebody's own sequences, and what is said of some that are no good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.errors import RunError
from dltui.plugins.datasets.sequences import waves
from dltui.plugins.datasets.sequences.arrange import arrange
from dltui.plugins.datasets.sequences.dataset import DATASET, _read
from dltui.plugins.datasets.sequences.options import SequencesOptions
from tests.helpers.own_data import make_table, prepared


def archive(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def random(rows: int = 40, steps: int = 6, features: int = 2) -> Any:
    return np.random.default_rng(0).normal(3, 2, (rows, steps, features))


def found(path: Path, task: Any = "classification", **options: Any) -> Any:
    asked = SequencesOptions(path=str(path), **options)
    return arrange(_read(path, asked), asked, task)


def test_an_archive_with_lengths(tmp_path: Path) -> None:
    x, lengths = random(), np.arange(40) % 6 + 1
    path = archive(tmp_path / "a.npz", x=x, y=np.arange(40) % 2, lengths=lengths)
    data = prepared("sequences", takes=("sequence",), path=str(path))
    one = data.spec.named_inputs[0]
    assert (one.name, one.shape, one.padded, data.spec.classes) == ("sequence", (6, 2), True, ("0", "1"))
    assert sum(len(data.split(name)) for name in ("train", "validation", "test")) == 40
    shown = data.train.x["sequence"][np.arange(6) < data.train.x["sequence_length"][:, None]]
    assert one.mean == pytest.approx(shown.mean(axis=0).tolist(), abs=1e-4)
    assert (data.train.x["sequence"][np.arange(6) >= data.train.x["sequence_length"][:, None]] == 0).all()


def test_an_archive_padded_with_nan_and_with_its_own_test_part(tmp_path: Path) -> None:
    x = random()
    x[::2, 4:] = np.nan
    parts = {"x_train": x[:30], "y_train": ["a", "b"] * 15, "x_test": x[30:], "y_test": ["b"] * 10}
    arrays = found(archive(tmp_path / "a.npz", **parts))
    assert len(arrays.test[1]) == 10
    assert sorted({len(steps) for steps in arrays.train[0]["sequence"]}) == [4, 6]
    assert arrays.classes == ("a", "b")


def test_a_table_with_a_line_for_each_step(tmp_path: Path) -> None:
    lines = ["id,x,y,kind"]
    for number in range(20):
        lines += [f"s{number},{step},{-step}.5,{'ab'[number % 2]}" for step in range(1 + number % 3)]
    arrays = found(make_table(tmp_path / "t.csv", lines), target="kind", scale=False)
    assert arrays.named_inputs[0].places == ("x", "y")
    assert arrays.names["test"][0].startswith("s")
    assert arrays.train[0]["sequence"][0][0].tolist() == [0.0, 0.5]


def test_a_folder_of_tables_and_a_length(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        make_table(folder / f"{number}.csv", ["x,y", *(f"{step},1.5" for step in range(5 + number))])
    arrays = found(tmp_path, length=6)
    assert arrays.classes == ("a", "b")
    assert arrays.named_inputs[0].shape == (6, 2)
    assert arrays.notes == ("sequences are cut after 6 steps: 10 of 12; --data length=N keeps more",)
    assert DATASET.sources(SequencesOptions(path=str(tmp_path)), ())


def test_numbers_as_targets(tmp_path: Path) -> None:
    arrays = found(archive(tmp_path / "a.npz", x=random(), y=np.linspace(0, 1, 40)), "regression")
    assert arrays.train[1].shape == (len(arrays.train[0]["sequence"]), 1)


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"x": random()}, "holds x; wanted are x .n, steps, features. and y"),
        ({"x": np.zeros(4), "y": np.zeros(4)}, "x is float64 .4,., wanted are numbers .n, steps, features."),
        ({"x": random(), "y": np.zeros(39)}, "y is float64 .39,., wanted is a class or a number for each of 40"),
        ({"x": random(), "y": np.arange(40), "lengths": np.full(40, 7)}, "sequence 0 of x has 7 as its length; it can"),
        ({"x": np.full((40, 3, 1), np.nan), "y": np.arange(40)}, "sequence 0 is empty; remove it"),
        ({"x": np.array([{}, []], dtype=object), "y": np.arange(2)}, "holds Python objects, which are not loaded"),
        ({"x": random(3), "y": np.arange(3)}, "has too few sequences, 3 in all"),
        ({"x": np.zeros((40, 0, 2)), "y": np.arange(40)}, "x is float64 .40, 0, 2., wanted are numbers"),
    ],
)
def test_a_wrong_archive_is_told_in_one_line(tmp_path: Path, arrays: dict[str, Any], line: str) -> None:
    with pytest.raises(RunError, match=line):
        found(archive(tmp_path / "a.npz", **arrays))


def test_a_file_that_is_no_archive_is_told_in_one_line(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, random())
    with pytest.raises(RunError, match=r"is a single array, wanted is an \.npz archive of x"):
        found(tmp_path / "a.npz")


def test_a_constant_feature_is_only_moved(tmp_path: Path) -> None:
    x = random()
    x[..., 0] *= 1e-9
    x[..., 1] = 0.1
    one = found(archive(tmp_path / "a.npz", x=x, y=np.arange(40) % 2)).named_inputs[0]
    assert one.std[1] == 1.0
    assert one.std[0] == pytest.approx(2e-9, rel=0.15)


def test_a_gap_inside_of_a_sequence_is_told(tmp_path: Path) -> None:
    x = random()
    x[3, 2, 1] = np.nan
    with pytest.raises(RunError, match="step 2 of sequence 3 has a missing number; fill it in"):
        found(archive(tmp_path / "a.npz", x=x, y=np.arange(40) % 2))


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["id,x,label", "a,1,u", "a,2,v"], "line 3: the sequence 'a' has 'v' as its target, before it was 'u'"),
        (["id,x,label", "a,1,u", "a,,u", "b,3,v"], "line 3 has '' as 'x', which is no number"),
        (["id,x,label", "a,1,", "b,2,u"], "line 2 has no 'label', the target"),
        (["id,label", "a,u", "b,v"], "wanted are a column that tells sequences apart, columns of numbers, and a targ"),
        (["id,x,label", "a,1,u,9"], "line 2 has 4 columns, the first has 3"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(tmp_path: Path, lines: list[str], line: str) -> None:
    with pytest.raises(RunError, match=line):
        found(make_table(tmp_path / "t.csv", lines))


def test_ragged_rows_of_a_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    make_table(tmp_path / "a" / "1.csv", ["1,2", "3,4"])
    make_table(tmp_path / "a" / "2.csv", ["1,2", "3,x"])
    with pytest.raises(RunError, match=r"2\.csv line 2 has 'x', which is no number"):
        found(tmp_path)
    make_table(tmp_path / "a" / "2.csv", ["1,2,3", "3,4,5"])
    with pytest.raises(RunError, match=r"2\.csv line 1 has 3 numbers, others have 2"):
        found(tmp_path)


def test_who_knows_the_waves_reaches_the_optimum() -> None:
    """By choosing the nearer wave, on the waves that the dataset makes."""
    arrays = waves.prepare(waves.WavesOptions(noise=1.5), None)  # type: ignore[arg-type]
    x, lengths, y = arrays.test[0]["sequence"][..., 0], arrays.test[0]["sequence_length"], arrays.test[1]
    there = np.arange(waves.LONGEST) < lengths[:, None]
    away = [((x - wave) ** 2 * there).sum(axis=1) for wave in waves._waves()]
    best = arrays.inputs["best_test_accuracy"]  # type: ignore[index]
    assert best == pytest.approx(0.9547, abs=1e-3)
    assert float(np.mean((away[1] < away[0]) == y)) == pytest.approx(best, abs=0.015)
