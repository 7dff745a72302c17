"""sequences:PATH: what becomes of somebody's own sequences, and what is said of some that are no good."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.errors import RunError
from dltui.core.inputs.given import read as read_samples
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
        (
            {"x": random(), "y": np.where(np.arange(40) == 7, np.nan, 1)},
            "y of sequence 7 is nan, no target; fill it in",
        ),
        (
            {"x": random(), "y": np.where(np.arange(40) == 7, np.inf, 1)},
            "y of sequence 7 is inf, no target; fill it in",
        ),
        ({"x": random(), "y": ["a", "nan"] * 20}, "y of sequence 1 is 'nan', no target; fill it in or remove"),
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


def broken(path: Path, kind: str) -> Path:
    """An archive that cannot be read for some reason."""
    compressed = kind == "compressed"
    (np.savez_compressed if compressed else np.savez)(path, x=random(), y=np.arange(40) % 2)
    content = bytearray(path.read_bytes())
    there = content.find(b"PK\x01\x02")
    if kind == "encrypted":
        content[6] |= 1
        content[there + 8] |= 1
    elif kind == "method":
        content[8] = content[there + 10] = 99
    elif kind == "compressed":
        content[300:340] = b"\xff" * 40
    path.write_bytes(content)
    if kind in ("large", "endless"):
        head = io.BytesIO()
        shape = (10**12, 10, 2) if kind == "large" else (10**30, 10, 2)
        np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("x.npy", head.getvalue())
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("encrypted", "is encrypted"),
        ("method", "compression method"),
        ("compressed", ""),
        ("large", "Unable to allocate"),
        ("endless", "too large"),
    ],
)
def test_an_archive_that_cannot_be_read_is_told_with_its_name(tmp_path: Path, kind: str, reason: str) -> None:
    with pytest.raises(
        RunError, match=rf"a\.npz cannot be read: .*{reason}.*; make it again with numpy\.savez"
    ) as told:
        found(broken(tmp_path / "a.npz", kind))
    assert "\n" not in str(told.value)


def test_classes_of_many_digits_and_long_names_stay_apart(tmp_path: Path) -> None:
    ids = 76561198000000001 + np.arange(40) % 2
    assert found(archive(tmp_path / "a.npz", x=random(), y=ids)).classes == ("76561198000000001", "76561198000000002")
    for number in range(20):
        folder = tmp_path / "own" / ("n" * 150 + "ab"[number % 2])
        folder.mkdir(parents=True, exist_ok=True)
        make_table(folder / f"{number}.csv", ["1,2", "3,4"])
    assert [name[-1] for name in found(tmp_path / "own").classes] == ["a", "b"]


def test_one_number_in_two_writings_is_one_class(tmp_path: Path) -> None:
    lines = ["id,x,kind", *(f"s{number},1,{('1', '1.0', '2')[number % 3]}" for number in range(30))]
    assert found(make_table(tmp_path / "t.csv", lines)).classes == ("1", "2")


def own_folder(root: Path, head: str, row: str, folders: tuple[str, ...] = ("a", "b")) -> Path:
    """A folder with ten files for each class, of a first line and five rows."""
    for name in folders:
        (root / name).mkdir(parents=True)
        for number in range(10):
            make_table(root / name / f"{number}.csv", [head, *(row.format(number, step) for step in range(5))])
    return root


def test_what_systems_and_programs_keep_is_no_class(tmp_path: Path) -> None:
    root = own_folder(tmp_path / "own", "x,y", "{}.5,{}.5", ("a", "b", ".ipynb_checkpoints", "__MACOSX"))
    (root / "a" / "desktop.ini").write_text("[x]")
    arrays = found(root)
    assert (arrays.classes, arrays.notes) == (("a", "b"), ())
    assert len(DATASET.sources(SequencesOptions(path=str(root)), ())) == 20


@pytest.mark.parametrize(
    ("head", "row", "steps"),
    [
        ("0,1", "{}.5,{}.25", 5),
        ("0,1,2", "{}.5,{}.25,0.5", 5),
        ("0,1", "{}.5,{}", 6),
        ("0", "{}.5{}", 6),
        ("0.0,1.0", "{}.5,{}.25", 6),
    ],
)
def test_numbers_in_the_first_line_of_every_file_can_be_names(tmp_path: Path, head: str, row: str, steps: int) -> None:
    arrays = found(own_folder(tmp_path / "own", head, row))
    assert {len(rows) for rows in arrays.train[0]["sequence"]} == {steps}
    told = f"left out, as names of features: the line '{head}', with which every file begins"
    assert arrays.notes == ((told,) if steps == 5 else ())


def test_first_lines_that_differ_are_steps_and_a_missing_one_is_told(tmp_path: Path) -> None:
    root = own_folder(tmp_path / "own", "0,1", "{}.5,{}.25")
    make_table(root / "b" / "9.csv", ["0,2", "1.5,2.5"])
    assert max(len(rows) for rows in found(root).train[0]["sequence"]) == 6
    make_table(root / "a" / "0.csv", ["nan,nan", "1.5,2.5"])
    with pytest.raises(RunError, match=r"a/0\.csv line 1 has 'nan', which is no number"):
        found(root)


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


def test_times_keep_the_digits_in_which_they_differ(tmp_path: Path) -> None:
    """As they do near zero, after the scaling as well."""
    far, near = random(), random()
    near[..., 0] = np.arange(240).reshape(40, 6) * 7 % 600
    far[..., 0] = near[..., 0] + 1_700_000_000
    both = [
        prepared("sequences", takes=("sequence",), path=str(archive(tmp_path / name, x=x, y=np.arange(40) % 2)))
        for name, x in (("far.npz", far), ("near.npz", near))
    ]
    one, other = (data.spec.named_inputs[0] for data in both)
    assert other.offsets == ()
    assert one.offsets[0] == pytest.approx(1_700_000_000, abs=600)
    assert one.offsets[1] == 0
    assert one.std == pytest.approx(other.std)
    scaled = [(data.train.x["sequence"] - of.mean) / of.std for data, of in zip(both, (one, other), strict=True)]
    np.testing.assert_allclose(*scaled, atol=1e-4)
    assert both[0].notes == (
        f"column 'feature 1' has more digits than float32: taken as the distance from {one.offsets[0]:.0f}",
    )


def test_predict_reads_times_as_training_did(tmp_path: Path) -> None:
    lines = ["id,time,x,kind"]
    rows = [[(1_700_000_000 + 60 * number + step, step / 4) for step in range(5)] for number in range(20)]
    lines += [f"s{n},{time},{x},{'ab'[n % 2]}" for n, steps in enumerate(rows) for time, x in steps]
    data = prepared("sequences", takes=("sequence",), path=str(make_table(tmp_path / "t.csv", lines)))
    name = bytes(data.train.names[0]).decode()
    new = make_table(tmp_path / "new.csv", ["time,x", *(f"{time},{x}" for time, x in rows[int(name[1:])])])
    x, _ = read_samples(str(new), data.spec.named_inputs)
    assert np.array_equal(x["sequence"][0], data.train.x["sequence"][0])
    assert len(np.unique(x["sequence"][0][:, 0])) == 5


@pytest.mark.parametrize("start", [1_700_000_000, 1_700_000_000.25, 2**60])
def test_large_targets_keep_the_digits_in_which_they_differ(tmp_path: Path, start: float) -> None:
    path = archive(tmp_path / "a.npz", x=random(), y=np.arange(40) * 3 + start)
    data = prepared("sequences", "regression", takes=("sequence",), path=str(path))
    every = np.sort(np.concatenate([part.y[:, 0] for part in (data.train, data.validation, data.test)]))
    assert np.array_equal(np.diff(every), np.full(39, 3))
    assert data.spec.targets[0].offset == pytest.approx(start + 58, abs=20)


@pytest.mark.parametrize("named", [True, False])
def test_what_a_review_leaves_out_counts_in_no_scale(tmp_path: Path, named: bool) -> None:
    x = random(features=1)
    if named:
        lines = [f"s{n},{value},{'ab'[n % 2]}" for n, steps in enumerate(x[..., 0].tolist()) for value in steps]
        path = make_table(tmp_path / "t.csv", ["id,x,kind", *lines])
    else:
        path = archive(tmp_path / "a.npz", x=x, y=np.arange(40) % 2)
    asked = {"takes": ("sequence",), "path": str(path)}
    train = prepared("sequences", **asked).train
    name = train.names[3].decode() if named else ""
    save_opinions(tmp_path / "review.csv", [Opinion("train", int(train.ids[3]), "", "", 1.0, "broken", name)])
    one = prepared("sequences", **asked, drop=str(tmp_path / "review.csv")).spec.named_inputs[0]
    assert one.mean[0] == pytest.approx(np.delete(train.x["sequence"], 3, axis=0).mean(), rel=1e-5)
    assert one.mean[0] != pytest.approx(train.x["sequence"].mean(), rel=1e-5)


def numbered(head: str, row: str, sequences: int = 40) -> list[str]:
    """A table of ten steps for each sequence, sorted by class, with the number of each line."""
    lines = [row.format(n // 10, n % 7, "ab"[n >= sequences * 5], n=n) for n in range(sequences * 10)]
    return [head, *lines]


@pytest.mark.parametrize(
    ("head", "row"),
    [(",id,x,label", "{n},s{},{},{}"), (",name,x,label", "{n},s{},{},{}"), ("id,x,row,label", "s{},{},{n},{}")],
)
def test_what_numbers_the_lines_is_neither_feature_nor_id(tmp_path: Path, head: str, row: str) -> None:
    arrays = found(make_table(tmp_path / "t.csv", numbered(head, row)))
    assert arrays.named_inputs[0].places == ("x",)
    assert sum(len(part[1]) for part in (arrays.train, arrays.test, arrays.validation)) == 40
    assert [note for note in arrays.notes if "is left out: it numbers the rows" in note]


def test_without_an_id_beside_the_number_of_the_line_there_are_no_sequences(tmp_path: Path) -> None:
    path = make_table(tmp_path / "t.csv", [",x,label", *(f"{n},{n % 7}.5,{'ab'[n % 2]}" for n in range(40))])
    with pytest.raises(RunError, match="wanted are a column that tells sequences apart"):
        found(path)


def test_a_line_without_an_id_is_told(tmp_path: Path) -> None:
    path = make_table(tmp_path / "t.csv", ["id,x,label", "a,1,u", ",2,u", ",3,u"])
    with pytest.raises(RunError, match="line 3 has no 'id', which tells sequences apart: fill it in or remove it"):
        found(path)


def test_ids_may_be_what_means_a_gap_elsewhere(tmp_path: Path) -> None:
    ids = ["NA", "nan", "null", "?", *(f"s{n}" for n in range(16))]
    lines = [f"{name},{n + step / 2},{'ab'[n % 2]}" for n, name in enumerate(ids) for step in range(3)]
    arrays = found(make_table(tmp_path / "t.csv", ["id,x,label", *lines]))
    assert {name for names in arrays.names.values() for name in names} == set(ids)


def two_orders(root: Path, other: str) -> Path:
    """A folder of two classes, whose files name their columns in two ways."""
    for number in range(20):
        (root / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        head, rows = (("x,y", "{}.5,1000"), (other, "1000,{}.5"))[number % 2]
        make_table(root / "ab"[number % 2] / f"{number}.csv", [head, *(rows.format(step) for step in range(5))])
    return root


def test_features_of_a_folder_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    arrays = found(two_orders(tmp_path, "y,x"))
    assert arrays.named_inputs[0].places == ("x", "y")
    steps = np.concatenate(arrays.train[0]["sequence"]) + np.array(arrays.named_inputs[0].offsets or (0, 0))
    assert (steps[:, 0] < 10).all()
    with pytest.raises(RunError, match=r"1\.csv names the features y, z, and .*0\.csv x, y; give both the same names"):
        found(two_orders(tmp_path, "y,z"))


def test_names_of_features_are_compared_without_capitals(tmp_path: Path) -> None:
    arrays = found(two_orders(tmp_path, "Y,X"))
    assert (arrays.named_inputs[0].places, arrays.notes) == (("x", "y"), ())
    assert (np.concatenate(arrays.train[0]["sequence"])[:, 0] < 10).all()


def test_features_whose_names_share_nothing_keep_their_order(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        rows = [f"ch1_run{number},ch2_run{number}", *(f"{step}.5,1000" for step in range(5))]
        make_table(tmp_path / "ab"[number % 2] / f"{number:02}.csv", rows)
    arrays = found(tmp_path)
    assert (np.concatenate(arrays.train[0]["sequence"])[:, 0] < 10).all()
    told = "19 files with other names of features than 00.csv, such as 02.csv: taken in the order of each file"
    assert arrays.notes == (told,)


def test_numbers_that_are_names_are_known_to_predict(tmp_path: Path) -> None:
    arrays = found(own_folder(tmp_path / "own", "0,1", "{}.5,{}.25"))
    assert arrays.named_inputs[0].places == ("0", "1")
    x, _ = read_samples(str(make_table(tmp_path / "new.csv", ["0,1", "1,2"])), arrays.named_inputs)
    assert x["sequence_length"].tolist() == [1]


def test_decimal_commas_of_targets_and_in_predict(tmp_path: Path) -> None:
    lines = ["id;x;y;label", *(f"s{n // 3};{n % 7},5;{n % 5},25;{n // 3},75" for n in range(60))]
    arrays = found(make_table(tmp_path / "t.csv", lines), "regression")
    targets = np.concatenate([part[1] for part in (arrays.train, arrays.test, arrays.validation)])
    assert sorted(targets[:, 0].tolist()) == [n + 0.75 for n in range(20)]
    x, _ = read_samples(str(make_table(tmp_path / "new.csv", ["x;y", "0,5;1,5", "1;2"])), arrays.named_inputs)
    assert x["sequence"][0][:2].tolist() == [[0.5, 1.5], [1, 2]]


@pytest.mark.parametrize("end", ["_val", "_valid", "_validation"])
def test_an_archive_with_its_own_validation_part(tmp_path: Path, end: str) -> None:
    x, y = random(50), np.arange(50) % 2
    parts = {"_train": slice(30), end: slice(30, 38), "_test": slice(38, 50)}
    arrays = {f"{name}{part}": values[rows] for part, rows in parts.items() for name, values in (("x", x), ("y", y))}
    data = found(archive(tmp_path / "a.npz", **arrays, mask=np.ones(3), lengths=np.full(50, 6)))
    assert [len(part[1]) for part in (data.train, data.validation, data.test)] == [30, 8, 12]
    shown = np.stack(data.validation[0]["sequence"]) + np.array(data.named_inputs[0].offsets or (0, 0))
    np.testing.assert_allclose(shown, x[30:38], rtol=1e-5)
    assert "arrays that are left out: mask, lengths" in data.notes


def test_half_a_validation_part_is_none(tmp_path: Path) -> None:
    x, y = random(50), np.arange(50) % 2
    arrays = {"x_train": x[:30], "y_train": y[:30], "x_val": x[30:38], "x_test": x[38:], "y_test": y[38:]}
    data = found(archive(tmp_path / "a.npz", **arrays))
    assert len(data.train[1]) + len(data.validation[1]) == 30
    assert "arrays that are left out: x_val" in data.notes


def test_the_longest_sequence_counts_wherever_it_is(tmp_path: Path) -> None:
    x = random(steps=9)
    x[:30, 5:] = np.nan
    parts = {"x_train": x[:30], "y_train": np.arange(30) % 2, "x_test": x[30:], "y_test": np.arange(10) % 2}
    path = archive(tmp_path / "a.npz", **parts)
    arrays = found(path)
    assert (arrays.named_inputs[0].shape, arrays.notes) == ((9, 2), ())
    assert found(path, length=7).notes == ("sequences are cut after 7 steps: 10 of 40; --data length=N keeps more",)
