"""The datasets in the box: where files are looked for, what is refused and how, and what comes out."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dltui.core.contract import Dataset
from dltui.core.contract.config import DatasetOptions
from dltui.core.data.arrays import checked
from dltui.core.errors import RunError
from dltui.plugins.datasets import digits, dltui_datasets, lines
from dltui.plugins.datasets.downloads.expected_file import problem
from dltui.plugins.datasets.downloads.idx import read_idx
from dltui.plugins.datasets.fashion_mnist import FAMILY, NAMES, dataset
from tests.helpers.small_family import Told, make_files, make_member, pack, put

FASHION = FAMILY[0]


def told(tmp_path: Path, *folders: Path, explicit: Path | None = None) -> Told:
    return Told(explicit, folders, tmp_path / "downloads")


def small(files: dict[str, bytes]) -> Dataset:
    return dataset(make_member(files))


def test_files_are_taken_from_the_first_folder_that_has_the_right_ones(tmp_path: Path) -> None:
    files = make_files()
    wrong = put(tmp_path / "wrong", {**files, NAMES[0]: b"other" + files[NAMES[0]]})
    right = put(tmp_path / "right", files)
    put(tmp_path / "later", files)
    folders = (tmp_path / "absent", wrong, right, tmp_path / "later")
    assert small(files).sources(DatasetOptions(), folders) == [right / name for name in NAMES]
    arrays = small(files).prepare(DatasetOptions(), told(tmp_path, *folders))
    assert arrays.train[0].shape == (200, 28, 28)
    assert arrays.test[1].tolist() == [i % 10 for i in range(50)]
    assert arrays.classes == tuple("abcdefghij")


def spoil_truncated(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, NAMES[0]: files[NAMES[0]][:1000]}


def spoil_flipped(files: dict[str, bytes]) -> dict[str, bytes]:
    content = bytearray(files[NAMES[0]])
    content[5000] ^= 1
    return {**files, NAMES[0]: bytes(content)}


def spoil_longer(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, NAMES[0]: files[NAMES[0]] + b"\0"}


def another(files: dict[str, bytes]) -> dict[str, bytes]:
    return make_files(seed=1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_truncated, "truncated or another dataset's: 1,000 of "),
        (spoil_flipped, "corrupted or another dataset's: its SHA-256 differs"),
        (spoil_longer, "another dataset's"),
        (another, "another dataset's"),
    ],
)
@pytest.mark.parametrize("inside", ["", "small-mnist"])
def test_wrong_files_in_an_explicit_folder_are_an_error_and_never_passed_over(
    tmp_path: Path, spoil: object, words: str, inside: str
) -> None:
    files = make_files()
    given_dir = tmp_path / "given"
    put(given_dir / inside, spoil(files))  # type: ignore[operator]
    put(tmp_path / "downloads" / "small-mnist", files)
    context = told(tmp_path, given_dir / "small-mnist", given_dir, explicit=given_dir)
    assert small(files).sources(DatasetOptions(), context.data_dirs) == []
    with pytest.raises(RunError) as caught:
        small(files).prepare(DatasetOptions(), context)
    line = str(caught.value)
    assert line.startswith(str(given_dir / inside / NAMES[0]))
    assert words in line
    assert "leave out --data-dir" in line
    assert "\n" not in line


def test_an_explicit_folder_without_the_files_names_all_four(tmp_path: Path) -> None:
    context = told(tmp_path, tmp_path / "small-mnist", tmp_path, explicit=tmp_path)
    with pytest.raises(RunError, match="none of the files of small-mnist") as caught:
        small(make_files()).prepare(DatasetOptions(), context)
    assert all(name in str(caught.value) for name in NAMES)


def test_an_explicit_folder_with_some_files_names_those_that_miss(tmp_path: Path) -> None:
    files = make_files()
    put(tmp_path, {name: files[name] for name in NAMES[1:]})
    with pytest.raises(RunError, match=f"not all files of small-mnist: {NAMES[0]} missing"):
        small(files).prepare(DatasetOptions(), told(tmp_path, tmp_path / "small-mnist", tmp_path, explicit=tmp_path))


def test_an_explicit_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    with pytest.raises(RunError, match="is not a folder"):
        small(make_files()).prepare(DatasetOptions(), told(tmp_path, absent, explicit=absent))


def test_wrong_files_elsewhere_are_passed_over_and_said(tmp_path: Path) -> None:
    files = make_files()
    folder = put(tmp_path / "data", spoil_flipped(files))
    context = told(tmp_path, folder)
    with pytest.raises(RunError, match="is not on this machine"):
        small(files).prepare(DatasetOptions(), context)
    assert any(str(folder / NAMES[0]) in text and "SHA-256 differs" in text for text, _ in context.lines)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_said(tmp_path: Path) -> None:
    files = make_files()
    put(tmp_path, files)
    (tmp_path / NAMES[0]).chmod(0)
    assert problem(tmp_path / NAMES[0], make_member(files).files[0]) == "cannot be read: permission denied"


def test_the_catalog_can_tell_what_fashion_mnist_is() -> None:
    found = {entry.name: entry for entry in dltui_datasets()}
    assert list(found) == [
        "fashion-mnist", "mnist", "kmnist", "cifar10", "digits", "lines", "shapes", "waves", "folder", "masks", "csv",
        "images", "shards", "hf", "sequences",
    ]  # fmt: skip
    fashion = found["fashion-mnist"]
    assert fashion.files == NAMES
    assert fashion.download_bytes == 30_878_645
    assert len(fashion.urls) == 2
    assert FASHION.classes[0] == "T-shirt/top"
    assert FASHION.classes[9] == "Ankle boot"
    assert all(len(digest) == 64 for digest in FASHION.sha256)


def test_members_of_the_family_differ_in_every_file() -> None:
    files = [file for member in FAMILY for file in member.files]
    assert len({file.sha256 for file in files}) == len(files)
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in files)
    assert all(len(member.classes) == 10 and member.mirrors for member in FAMILY)


def test_files_of_another_member_are_told_apart(tmp_path: Path) -> None:
    """All share their names: in one folder only one of them can be found."""
    one, other = make_files(), make_files(seed=1)
    put(tmp_path, one)
    assert small(one).sources(DatasetOptions(), (tmp_path,)) == [tmp_path / name for name in NAMES]
    assert small(other).sources(DatasetOptions(), (tmp_path,)) == []


def real_fashion() -> Path | None:
    entries = [Path(entry) for entry in os.environ.get("DLTUI_DATA", "").split(os.pathsep) if entry]
    shared = Path(__file__).parents[3].parent / "shared" / "data"
    for folder in [path for entry in (*entries, shared) for path in (entry, entry / "fashion-mnist")]:
        if all((folder / name).is_file() for name in NAMES):
            return folder
    return None


@pytest.mark.skipif(real_fashion() is None, reason="no Fashion-MNIST in DLTUI_DATA or ../shared/data")
def test_the_real_fashion_mnist_is_recognized_and_read(tmp_path: Path) -> None:
    folder = real_fashion()
    assert folder is not None
    arrays = dataset(FASHION).prepare(DatasetOptions(), told(tmp_path, folder, explicit=folder))
    (train_x, train_y), (test_x, test_y) = arrays.train, arrays.test
    assert train_x.shape == (60_000, 28, 28)
    assert test_x.shape == (10_000, 28, 28)
    assert np.bincount(train_y).tolist() == [6000] * 10
    assert np.bincount(test_y).tolist() == [1000] * 10
    assert [arrays.classes[label] for label in train_y[:4]] == ["Ankle boot", "T-shirt/top", "T-shirt/top", "Dress"]


def test_digits_never_change() -> None:
    arrays = digits.DATASET.prepare(DatasetOptions(), told(Path()))
    (train_x, train_y), (test_x, test_y) = arrays.train, arrays.test
    assert train_x.shape == (1437, 8, 8)
    assert test_x.shape == (360, 8, 8)
    assert train_x.dtype == np.uint8
    assert (train_x.min(), train_x.max()) == (0, 255)
    assert arrays.classes == tuple("0123456789")
    digest = hashlib.sha256(b"".join(array.tobytes() for array in (train_x, train_y, test_x, test_y))).hexdigest()
    # Results on another test split could not be compared with earlier ones.
    assert digest == "ac5069f2229c31d6a991e7c5bda4293207063146dab942fbbaa8aef84223ce4d"


def test_digits_are_those_of_scikit_learn_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; from dltui.plugins.datasets.digits import _read\n"
        "assert _read().shape == (1797, 65) and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    quick = digits._read()
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    assert np.array_equal(digits._read(), quick)


def test_lines_hide_the_line_that_was_asked_for() -> None:
    options = lines.LinesOptions(n=20_000, w=-3.5, b=0.25, noise=0.5)
    arrays = lines.DATASET.prepare(options, told(Path()))
    (x, y), (_, test_y) = arrays.train, arrays.test
    assert x.shape == (16_000, 1)
    assert test_y.shape == (4_000, 1)
    assert x.dtype == y.dtype == np.float32
    assert -3 <= float(x.min()) < -2.9 < 2.9 < float(x.max()) <= 3
    w, b = np.polyfit(x[:, 0].astype(float), y[:, 0].astype(float), 1)
    standard_error = 0.5 / np.sqrt(len(x))
    assert abs(w + 3.5) < 4 * standard_error
    assert abs(b - 0.25) < 4 * standard_error
    assert np.std(y[:, 0] - w * x[:, 0] - b) == pytest.approx(0.5, rel=0.03)


def test_lines_repeat_with_their_seed() -> None:
    def points(seed: int) -> np.ndarray:
        return lines.DATASET.prepare(lines.LinesOptions(seed=seed), told(Path())).train[1]

    assert np.array_equal(points(1), points(1))
    assert not np.array_equal(points(1), points(2))


@pytest.mark.parametrize("wrong", [{"n": 9}, {"noise": -1}, {"w": float("nan")}, {"validation": 0}, {"slope": 1}])
def test_options_have_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        lines.LinesOptions(**wrong)  # type: ignore[arg-type]


def test_the_smallest_lines_are_data() -> None:
    arrays = lines.DATASET.prepare(lines.LinesOptions(n=10), told(Path()))
    assert len(checked("regression", arrays).train[0]) == 8


def test_idx_reads_what_was_packed(tmp_path: Path) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "a.gz").write_bytes(pack(array))
    assert np.array_equal(read_idx(tmp_path / "a.gz"), array)


@given(st.binary(max_size=64), st.booleans())
def test_idx_refuses_anything_else_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, zipped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.gz"
    path.write_bytes(gzip.compress(junk) if zipped else junk)
    try:
        array = read_idx(path)
    except RunError as error:
        refusal = str(error)
    else:
        assert array.nbytes == len(junk) - 4 - 4 * array.ndim
        return
    assert refusal.startswith(str(path))
    assert "\n" not in refusal
