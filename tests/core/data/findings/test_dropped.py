"""Samples that a review marks are left out: recorded in the run, the same whatever becomes of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltui.core.contract import Arrays
from dltui.core.contract.types import Task
from dltui.core.data.arrays import checked
from dltui.core.data.findings import dropped
from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.data.prepare_process import prepare
from dltui.core.data.prepared import load_prepared
from dltui.core.errors import RunError, UsageError
from tests.core.data.test_prepare import Made, ask, made, silent

__all__ = ["made"]


def review(path: Path, *rows: tuple[str, int, str, str], name: str = "") -> Path:
    save_opinions(path, [Opinion(split, number, true, "", 1.0, mark, name) for split, number, true, mark in rows])
    return path


def test_marked_ones_are_left_out_of_their_split(made: Made, tmp_path: Path) -> None:
    whole = load_prepared(prepare(ask(), silent))
    validation = int(whole.validation.ids[0])
    path = review(
        tmp_path / "review.csv",
        ("train", int(whole.train.ids[0]), "", "duplicate"),
        # Judged as a mistake on validation, or by another division of the train part.
        ("train", validation, "", "wrong label"),
        ("test", 3, "dog", "broken"),
        ("test", 4, "cat", "keep"),
        ("test", 5, "dog", "suspect"),
    )
    found = load_prepared(prepare(ask(drop=str(path)), silent))
    assert found.train.ids.tolist() == whole.train.ids[1:].tolist()
    assert found.validation.ids.tolist() == whole.validation.ids[1:].tolist()
    assert found.test.ids.tolist() == [row for row in range(20) if row != 3]
    assert np.array_equal(found.test.y, made.arrays.test[1][found.test.ids])
    assert found.fingerprint != whole.fingerprint
    assert found.notes[0].startswith("left out by review.csv (")
    assert found.notes[0].endswith("): 1 of train, 1 of validation, 1 of test")
    assert "compares only with runs that leave out the same" in found.notes[1]


def test_a_run_has_the_same_data_when_the_file_changes(made: Made, tmp_path: Path) -> None:
    path = review(tmp_path / "review.csv", ("train", 7, "", "duplicate"))
    asked = ask(drop=str(path))
    asked[dropped.FIELD] = kept = dropped.record(str(path))
    assert kept is not None
    assert (kept["count"], len(kept["sha256"])) == (1, 64)
    before = load_prepared(prepare(asked, silent)).fingerprint
    review(path, ("train", 8, "", "duplicate"))
    assert load_prepared(prepare(asked, silent)).fingerprint == before
    path.unlink()
    assert load_prepared(prepare(asked, silent)).fingerprint == before
    assert dropped.summary(asked)[dropped.FIELD] == {key: kept[key] for key in ("file", "sha256", "count")}


def test_files_are_known_by_their_names(tmp_path: Path) -> None:
    x, y = np.zeros((4, 2, 2), np.uint8), np.array([0, 1, 0, 1])
    arrays = Arrays((x, y), (x, y), ("cat", "dog"), names={"train": ["a", "b", "c", "d"], "test": ["e", "f", "g", "h"]})
    parts = {"train": (x, y, np.array([0, 1])), "validation": (x, y, np.array([2, 3])), "test": (x, y, np.arange(4))}
    path = review(tmp_path / "review.csv", ("train", 0, "", "broken"), name="g")
    left, notes = dropped.leave_out(dropped.record(str(path)), "classification", arrays, parts)
    assert left["test"][2].tolist() == [0, 1, 3], "the file is in another split by now"
    path = review(tmp_path / "gone.csv", ("train", 0, "", "broken"), name="z")
    left, notes = dropped.leave_out(dropped.record(str(path)), "classification", arrays, parts)
    assert notes == [notes[0], "1 sample that gone.csv names is not in the data"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("train", 100, "", "broken"), "it names train sample 100, and there are 100"),
        (("test", 2, "dog", "broken"), "it names test sample 2 of class dog, which is cat here"),
    ],
)
def test_a_review_of_other_data_is_refused(
    made: Made, tmp_path: Path, row: tuple[str, int, str, str], says: str
) -> None:
    path = review(tmp_path / "review.csv", row)
    with pytest.raises(RunError, match=f"review.csv is of other data: {says}"):
        prepare(ask(drop=str(path)), silent)


def test_wrong_use_is_one_line(made: Made, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*: No such file or directory; drop names a review.csv"):
        dropped.record(str(tmp_path / "none.csv"))
    path = review(tmp_path / "kept.csv", ("train", 1, "", "keep"))
    with pytest.raises(UsageError, match="marks no sample to leave out; these marks do: wrong label"):
        dropped.record(str(path))
    path = review(tmp_path / "all.csv", *(("test", number, "", "broken") for number in range(20)))
    with pytest.raises(RunError, match="leaves out all samples of the test split"):
        prepare(ask(drop=str(path)), silent)


def test_columns_of_a_table_and_a_review(tmp_path: Path) -> None:
    path = review(tmp_path / "a,b.csv", ("train", 1, "", "broken"))
    assert dropped.review_of(str(path)) == str(path)
    assert dropped.review_of("kind,soil") == ""
    assert dropped.review_of("kind,mine.csv") == "mine.csv"
    assert dropped.without_review("kind,soil,mine.csv") == "kind,soil"
    assert dropped.without_review(str(path)) == ""
    assert dropped.record("kind,soil") is None
    assert dropped.placed("kind,mine.csv", {"file": "/at/mine.csv"}) == "kind,/at/mine.csv"


def test_of_a_file_that_a_table_names_twice_the_marked_row_is_left_out() -> None:
    rows = np.zeros((4, 2), np.float32)
    arrays = Arrays((rows, np.array([0, 1, 0, 1])), (rows, np.array([0, 1, 0, 1])), ("cat", "dog"))
    arrays = replace(arrays, names={"train": ["a.png", "b.png", "a.png", "c.png"], "test": list("wxyz")})

    def gone(number: int) -> dict[str, set[int]]:
        return dropped._find({"rows": [["train", number, "", "a.png"]]}, "classification", arrays, "review.csv")[0]

    assert gone(2)["train"] == {2}
    assert gone(1)["train"] == {0, 2}, "the row was another one then"


@pytest.mark.parametrize(
    ("true", "same"),
    [("3.7", True), ("4", True), ("3.6", True), ("37e-1", True), ("3.74", True), ("3", False), ("3.2", False)],
)
def test_a_target_may_be_rounded(true: str, same: bool) -> None:
    x, y = np.zeros((4, 2), np.float32), np.full((4, 1), 3.7412, np.float32)
    given = {"rows": [["train", 1, true, ""]]}
    if same:
        assert dropped._find(given, "regression", Arrays((x, y), (x, y)), "review.csv")[0]["train"] == {1}
        return
    with pytest.raises(RunError, match=rf"with the target {true}, which is 3\.7412 here"):
        dropped._find(given, "regression", Arrays((x, y), (x, y)), "review.csv")


def test_a_target_is_compared_with_what_was_taken_from_it() -> None:
    x, y = np.zeros((4, 2), np.float32), np.array([1_700_000_000.0, 1_700_000_001.25, 1_700_000_003.0, 1_700_000_009.5])
    found = checked("regression", Arrays((x, y), (x, y)))
    assert found.targets[0].offset

    def find(true: str) -> set[int]:
        return dropped._find({"rows": [["train", 1, true, ""]]}, "regression", found, "review.csv")[0]["train"]

    for true in ("1700000001.25", "1700000001.2500001", "1700000001", "1.7e9"):
        assert find(true) == {1}
    with pytest.raises(RunError, match=r"with the target 1700000003, which is 1700000001\.25 here"):
        find("1700000003")


def test_classes_and_labels_are_compared_and_none_is_taken_for_a_number() -> None:
    x = np.zeros((4, 2), np.float32)

    def find(task: Task, y: np.ndarray, true: str, **more: object) -> dict[str, set[int]]:
        arrays = Arrays((x, y), (x, y), ("cat", "dog"), **more)  # type: ignore[arg-type]
        return dropped._find({"rows": [["train", 1, true, "line 3"]]}, task, arrays, "review.csv")[0]

    numbers, labels = np.ones((4, 1), np.float32), np.array([[1, 0], [1, 1], [0, 1], [0, 0]], np.uint8)
    with pytest.raises(RunError, match="of class cat, and this run predicts numbers; check the data with --model"):
        find("regression", numbers, "cat")
    assert find("regression", numbers, "")["train"] == {1}
    # A person may write the number itself, rounded.
    assert find("regression", numbers, "1.0004")["train"] == {1}
    with pytest.raises(RunError, match=r"names train sample 1 with the target 0\.5, which is 1 here"):
        find("regression", numbers, "0.5")
    # A line of a file is the same whatever is predicted.
    lines = {"train": ["line 2", "line 5", "line 3", "line 4"], "test": list("wxyz")}
    assert find("regression", numbers, "cat", names=lines)["train"] == {2}
    assert find("multilabel", labels, "cat|dog")["train"] == {1}
    with pytest.raises(RunError, match=r"of class cat, which is cat\|dog here"):
        find("multilabel", labels, "cat")
    with pytest.raises(RunError, match=r"of class cat\|dog, which is dog here"):
        find("multilabel", labels, "cat|dog", names=lines)


def test_rows_that_people_wrote_are_read_and_others_counted(made: Made, tmp_path: Path) -> None:
    path, header = tmp_path / "review.csv", "split,id,true,said,probability,mark"
    rows = [
        "train,7,dog,cat,,Wrong label",
        "Train, 8 ,cat,,0.5,duplicate ",
        "train,9,dog,,0.5,wrong",
        "train,,,,,broken",
    ]
    path.write_text("\n".join([header, *rows, "train,11,dog,,0.5,", ""]))
    whole = load_prepared(prepare(ask(), silent))
    found = load_prepared(prepare(ask(drop=str(path)), silent))
    both = [*whole.train.ids.tolist(), *whole.validation.ids.tolist()]
    assert sorted([*found.train.ids.tolist(), *found.validation.ids.tolist()]) == sorted({*both} - {7, 8})
    assert found.notes[-1].startswith("review.csv has 2 rows without an id, or with a mark that is none of keep, wrong")
