"""metrics.csv, summary.json and model.safetensors: exact values, and the fields that scripts rely on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from dltui.core.analysis.evaluation import Evaluation
from dltui.core.reading.history import History
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from dltui.exports.about import command, neutral
from dltui.exports.tables import labels
from dltui.exports.tables.metrics import table
from dltui.exports.tables.summary import export, summary
from dltui.exports.write import write
from dltui.tui.cli import main
from tests.core.analysis.test_labels import made
from tests.exports.runs import reader
from tests.helpers.sample_run import BATCH, make_sample_run

SUMMARY = {
    "run_id", "run_token", "model", "framework", "dataset", "device", "ranks", "seed", "status", "epochs", "best_epoch",
    "parameters",
    "samples_per_second", "train_seconds", "weights_sha256", "command", "versions", "parent",
    "parent_step", "mode", "precision", "us_per_step",
    "gpu_wh", "cpu_wh", "cost", "currency",
}  # fmt: skip
RECEIPT = {
    "receipt", "run_id", "run_token", "model", "framework", "plugin", "dataset", "dataset_options", "data_fingerprint",
    "dropped", "config", "seed", "steering", "parent", "device", "device_title", "threads", "mode", "host", "versions",
    "attempts", "run_sha256", "status", "epochs", "steps", "weights_sha256", "state_sha256", "twin_start",
}  # fmt: skip
"""All that a repetition of the run needs, and what must come of it."""


def test_summary_has_the_fields_that_scripts_rely_on(tmp_path: Path) -> None:
    found = summary(reader(tmp_path))
    assert set(found) == SUMMARY | RECEIPT | {"validation_accuracy", "test_accuracy", "test_loss"}
    assert found["status"] == "finished"
    assert found["best_epoch"] == 8
    line = summary(reader(tmp_path / "lines", task="regression"))
    assert set(line) == SUMMARY | RECEIPT | {"validation_mse", "test_mse", "slope", "intercept"}
    assert line["slope"] == pytest.approx(1.997, abs=1e-4)
    assert line["intercept"] == pytest.approx(1.01, abs=1e-4)


def test_the_receipt_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = make_sample_run(tmp_path / "runs", run_id="r", epochs=1, image=False)
    assert main.run(["export", "r", "--receipt", "--to", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out" / "r").iterdir()] == ["receipt.json"]
    found = json.loads((tmp_path / "out" / "r" / "receipt.json").read_text())
    assert set(found) == RECEIPT
    assert (found["config"], found["data_fingerprint"]) == (run.run()["config"], "5f" * 32)
    assert (found["weights_sha256"], len(found["state_sha256"])) == ("ab" * 32, 64)
    assert main.run(["export", "r", "--receipt", "--format", "png"]) == 2
    assert "--receipt writes receipt.json alone" in capsys.readouterr().err


def test_summary_says_how_steps_were_run(tmp_path: Path) -> None:
    found = summary(reader(tmp_path))
    assert (found["mode"], found["precision"]) == ("eager", None), "its run.json is an old one"
    assert found["us_per_step"] == pytest.approx(BATCH / found["samples_per_second"] * 1e6)


def test_what_is_not_known_yet_is_null(tmp_path: Path) -> None:
    write(reader(tmp_path, status="running", done=0), tmp_path / "out", ["svg"])
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["epochs"] == 0
    for name in ("best_epoch", "validation_accuracy", "test_accuracy", "samples_per_second", "weights_sha256"):
        assert found[name] is None


def test_no_number_that_json_lacks_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is nested, as in the options of another's run."""
    found = {"cost": float("nan"), "config": {"lr": float("inf"), "widths": [1, float("nan")]}, "epochs": 3}
    monkeypatch.setattr("dltui.exports.tables.summary.summary", lambda _: found)
    export(reader(tmp_path), tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert written == {"cost": None, "config": {"lr": None, "widths": [1, None]}, "epochs": 3}


def test_a_table_of_metrics_is_exact(tmp_path: Path) -> None:
    found = reader(tmp_path)
    write(found, tmp_path / "out", ["svg"])
    with (tmp_path / "out" / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert float(rows[7]["validation_accuracy"]) == found.history.epochs[8].validation["accuracy"]
    assert float(rows[0]["train_loss"]) == found.history.epochs[1].train["loss"]


def test_weights_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    write(reader(tmp_path), tmp_path / "out", ["svg"])
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert set(weights) == {"dense/kernel", "dense/bias"}
    assert weights["dense/kernel"][0, 0] == 8.0


def test_weights_are_the_averages_that_were_evaluated(tmp_path: Path) -> None:
    """Of a run with --ema: those that `predict` and the other formats of the model have."""
    from safetensors.numpy import load

    run = RunDirectory(tmp_path / "r")
    run.checkpoints_dir.mkdir(parents=True)
    weights = {"weights/dense/kernel": np.zeros(2), "weights/norm/mean": np.ones(1), "average/steps": np.array(5)}
    state = {**weights, "average/dense/kernel": np.full(2, 0.5)}
    checkpoint.save(run, 5, 1, state, {"best": {"epoch": 1, "step": 5, "value": 0.5}}, True)
    found = load(checkpoint.dump_weights(run) or b"")
    assert {name: array.tolist() for name, array in found.items()} == {"dense/kernel": [0.5, 0.5], "norm/mean": [1.0]}


def test_commands_lose_what_names_a_place_or_a_run() -> None:
    said = ["/venv/bin/dltui", "train", "cnn-torch", "--name", "x", "--lr=0.1", "--exports=/tmp/x", "--data-dir", "/d"]
    assert command(said) == "dltui train cnn-torch --lr=0.1"
    plugin = ["dltui", "train", "net", "--plugin", "/home/me/my net.py", "--dataset", "folder:/data/pets/", "--json"]
    assert command(plugin) == "dltui train net --plugin 'my net.py' --dataset folder:pets"


def test_values_lose_the_folders_of_paths() -> None:
    assert neutral({"path": "/a/b c/d.csv", "n": 3, "both": ["x=~/k", "plain"]}) == {
        "path": "d.csv",
        "n": 3,
        "both": ["x=k", "plain"],
    }


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("target=km/h", "target=km/h"),
        ("targets=price/m2,area", "targets=price/m2,area"),
        ("hf:alice/flowers", "hf:alice/flowers"),
        ("timm:someone/net.v2", "timm:someone/net.v2"),
        ("folder:data/pets/", "folder:pets"),
        ("dataset=csv:./a b/c.csv", "dataset=csv:c.csv"),
        ("data path=/home/me/a, lr=0.1", "data path=a, lr=0.1"),
        ("plugins/net.py", "net.py"),
        ("drop=../x/review.csv,km/h", "drop=review.csv,km/h"),
        ("webhook=file:keys/hook", "webhook=file:hook"),
        ("a, /home/me", "a, me"),
        ("~me/x", "x"),
        ("/", ""),
        ("setup=source /home/me/venv/bin/activate", "setup=source activate"),
        ("module load cuda; . ~/env/bin/activate && cd ../x/y/", "module load cuda; . activate && cd y"),
        ("source '/home/me/env' price / area", "source 'env' price / area"),
        ("source ./venv/activate km/h a/b", "source activate km/h a/b"),
    ],
)
def test_only_paths_lose_their_folders(text: str, wanted: str) -> None:
    assert neutral(text) == wanted


def test_a_fork_counts_the_epochs_of_its_parent(tmp_path: Path) -> None:
    found = reader(tmp_path)
    found.history.epochs = {number: one for number, one in found.history.epochs.items() if number > 5}
    table = summary(found)
    assert (table["epochs"], table["best_epoch"]) == (10, 8)


def test_names_of_metrics_are_neither_control_codes_nor_formulas() -> None:
    history = History()
    named = {"\x1b]0;x\x07": 1.0, "=cmd|x": 2.0}
    base = {"attempt": 1, "time": 1.0, "epoch": 1, "step": 1, "seconds": 1.0}
    history.fold([{**base, "seq": 1, "type": "epoch_ended", "train": named, "lr": 0.1, "samples_per_second": 1.0}])
    head = table(list(history.epochs.values())).splitlines()[0]
    assert "\x1b" not in head
    assert "train_\\x1b]0;x\\x07,train_=cmd|x" in head
    assert all("\x1b" not in name for name in history.metric_names)


def test_a_multi_label_run_has_a_table_of_its_labels() -> None:
    found = Evaluation(made(count=2), ("rain", "=cmd()"), made("validation", 1, 2)).labels
    assert found is not None
    head, *rows = [line.split(",") for line in labels.table(found).splitlines()]
    assert head[:3] == ["label", "samples", "average_precision"]
    assert [row[0] for row in rows] == ["rain", "'=cmd()"]
    assert float(rows[0][2]) == found.scores[0].average_precision
