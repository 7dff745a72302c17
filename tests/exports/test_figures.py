"""Figures: the same bytes each time, valid XML, whatever the class names are; golden files show what changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dltui.core.errors import RunError, UsageError
from dltui.core.reader import RunReader
from dltui.exports.__main__ import write
from dltui.exports.about import command
from dltui.exports.confusion_matrix import Confusion
from dltui.exports.regression import fitted_line
from dltui.exports.summary import summary
from tests.core.sample_run import make_sample_run

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "\x1b]52;c;aGk=\x07", "<script>&\"'", "[bold", "$x^2$ \\frac", "\u202eevil", "\ud800", "a\x00b", "\uffff",
    "シャツ" * 30, "x" * 300,
)  # fmt: skip
SUMMARY = {
    "run_id", "model", "framework", "dataset", "device", "seed", "status", "epochs", "best_epoch", "parameters",
    "samples_per_second", "train_seconds", "weights_sha256", "command", "versions",
}  # fmt: skip


def reader(path: Path, **options: object) -> RunReader:
    found = RunReader(make_sample_run(path / "runs", **options))  # type: ignore[arg-type]
    found.refresh()
    return found


def names(files: list[Path]) -> set[str]:
    return {path.name for path in files}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_golden(tmp_path: Path, task: str) -> None:
    """Set DLTUI_UPDATE_GOLDEN=1 to accept what is drawn, then look at every picture."""
    files = [path for path in write(reader(tmp_path, task=task), tmp_path / "out", ["svg"]) if path.suffix == ".svg"]
    assert len(files) == (3 if task == "classification" else 2)
    for path in files:
        golden = GOLDEN / f"{task}-{path.name}"
        if os.environ.get("DLTUI_UPDATE_GOLDEN"):
            golden.write_bytes(path.read_bytes())
        assert path.read_bytes() == golden.read_bytes(), f"{path.name} is not as it was; see {path}"


def test_the_same_run_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    one = write(reader(tmp_path / "a", run_id="one"), tmp_path / "out1", ["svg"])
    two = write(reader(tmp_path / "b", run_id="two"), tmp_path / "out2", ["svg"])
    for before, after in zip(one, two, strict=True):
        if before.suffix == ".svg":
            assert before.read_bytes() == after.read_bytes()
            assert str(tmp_path) not in before.read_text()


def test_svgs_are_described_and_carry_the_run(tmp_path: Path) -> None:
    for path in write(reader(tmp_path), tmp_path / "out", ["svg"]):
        if path.suffix == ".svg":
            root = ElementTree.parse(path).getroot()
            assert root.find("{http://www.w3.org/2000/svg}title") is not None
            assert root.find("{http://www.w3.org/2000/svg}desc") is not None
            text = path.read_text()
            for fact in ("cnn-torch", "fingerprint", "lr=0.05", "seed", "torch=2.14.1", "dltui train cnn-torch"):
                assert fact in text, (path.name, fact)


@pytest.mark.parametrize("formats", [["svg", "png", "pdf"]])
def test_hostile_class_names_stay_text(tmp_path: Path, formats: list[str]) -> None:
    files = write(reader(tmp_path, classes=HOSTILE), tmp_path / "out", formats)
    assert {"confusion_matrix.svg", "confusion_matrix.png", "confusion_matrix.pdf", "mislabeled.svg"} <= names(files)
    for path in files:
        if path.suffix == ".svg":
            ElementTree.parse(path)
            assert "\x1b" not in path.read_text()
            assert "<script" not in path.read_text()


def test_a_hundred_classes_list_the_worst_pairs(tmp_path: Path) -> None:
    classes = tuple(f"class {number}" for number in range(100))
    found = reader(tmp_path, classes=classes)
    assert "confusion_matrix.svg" in names(write(found, tmp_path / "out", ["svg"]))
    counts = np.zeros((100, 100), dtype=np.int64)
    counts[3, 7], counts[1, 2], counts[5, 5] = 9, 4, 80
    confusion = Confusion("m on d", classes, counts, "test")
    assert confusion.pairs() == [(3, 7, 9), (1, 2, 4)]
    assert confusion.accuracy == 80 / 93


@pytest.mark.parametrize("done", [0, 1, 6])
def test_a_running_run_gives_what_there_is(tmp_path: Path, done: int) -> None:
    files = write(reader(tmp_path, status="running", done=done), tmp_path / "out", ["svg"])
    expected = {"summary.json"}
    if done:
        expected |= {"training_metrics.svg", "confusion_matrix.svg", "mislabeled.svg", "metrics.csv"}
        expected |= {"model.safetensors"}
    assert names(files) == expected


def test_data_without_images_have_no_grid(tmp_path: Path) -> None:
    assert "mislabeled.svg" not in names(write(reader(tmp_path, image=False), tmp_path / "out", ["svg"]))


def test_summary_has_the_fields_that_scripts_rely_on(tmp_path: Path) -> None:
    found = summary(reader(tmp_path))
    assert set(found) == SUMMARY | {"validation_accuracy", "test_accuracy", "test_loss"}
    assert found["status"] == "finished"
    assert found["best_epoch"] == 8
    line = summary(reader(tmp_path / "lines", task="regression"))
    assert set(line) == SUMMARY | {"validation_mse", "test_mse", "slope", "intercept"}
    assert line["slope"] == pytest.approx(1.997, abs=1e-4)
    assert line["intercept"] == pytest.approx(1.01, abs=1e-4)


def test_a_table_of_metrics_is_exact(tmp_path: Path) -> None:
    found = reader(tmp_path)
    write(found, tmp_path / "out", ["svg"])
    header, *rows = (tmp_path / "out" / "metrics.csv").read_text().splitlines()
    columns = header.split(",")
    assert len(rows) == 10
    value = float(rows[7].split(",")[columns.index("validation_accuracy")])
    assert value == found.history.epochs[8].validation["accuracy"]


def test_weights_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    write(reader(tmp_path), tmp_path / "out", ["svg"])
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert set(weights) == {"dense/kernel", "dense/bias"}
    assert weights["dense/kernel"][0, 0] == 8.0


def test_commands_lose_what_names_a_place_or_a_run() -> None:
    said = ["/venv/bin/dltui", "train", "cnn-torch", "--name", "x", "--lr=0.1", "--exports=/tmp/x", "--data-dir", "/d"]
    assert command(said) == "dltui train cnn-torch --lr=0.1"


def test_a_line_needs_one_feature() -> None:
    x = np.array([[0.0], [1.0]], dtype=np.float32)
    assert fitted_line(x, 3 * x + 1) == pytest.approx((3.0, 1.0))
    assert fitted_line(np.ones((3, 2), np.float32), x) is None
    assert fitted_line(np.ones((3, 1), np.float32), np.ones((3, 1), np.float32)) is None


def test_a_target_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UsageError, match="cannot write figures to"):
        write(reader(tmp_path), blocked / "out", ["svg"])


def test_one_exporter_that_fails_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(reader: RunReader, target: Path) -> None:
        raise ZeroDivisionError("in a plugin")

    monkeypatch.setattr("dltui.exports.training_metrics.export", fail)
    with pytest.raises(RunError, match=r"cannot draw training_metrics\.svg: ZeroDivisionError: in a plugin"):
        write(reader(tmp_path), tmp_path / "out", ["svg"])
    assert (tmp_path / "out" / "summary.json").exists()
    assert not (tmp_path / "out" / "training_metrics.svg").exists()


def test_the_process_prints_its_files_and_ends_with_one_line_on_errors(tmp_path: Path) -> None:
    run = make_sample_run(tmp_path / "runs")
    base = [sys.executable, "-P", "-m", "dltui.exports"]
    done = subprocess.run(
        [*base, str(run.path), "--to", str(tmp_path / "out"), "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)
    assert all(Path(name).is_file() for name in files)
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    for arguments in ([str(tmp_path)], [str(run.path), "--format", "gif"]):
        failed = subprocess.run([*base, *arguments], capture_output=True, text=True)
        assert failed.returncode != 0
        assert failed.stderr.startswith("dltui: ")
        assert failed.stderr.count("\n") == 1


def test_listing_the_exporters_imports_no_plotting_library() -> None:
    code = "import dltui.exports, sys; dltui.exports.dltui_exporters(); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
