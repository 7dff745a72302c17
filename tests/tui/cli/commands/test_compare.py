"""`dltui compare`: its table and curves in terminals of any kind, JSON, files, wrong use."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dltui.core.analysis.comparison import compare
from dltui.core.reading.reader import RunReader
from dltui.core.text import width
from dltui.tui.cli.commands import compare as compare_command
from dltui.tui.draw.styled_text import plain
from tests.helpers.command import runner
from tests.helpers.marks import few
from tests.helpers.sample_run import make_sample_run

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    folder = tmp_path / "runs"
    for name, model, epochs in (("one", "cnn-torch", 10), ("two", "mlp-torch", 5)):
        run = make_sample_run(folder, run_id=name, epochs=epochs)
        run.run_json.write_text(json.dumps(run.run() | {"model": model}))
    make_sample_run(folder, run_id="line", task="regression")
    return folder


@pytest.fixture
def call(runs: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    return runner(capsys, "compare")


def test_results_and_differences_in_one_table(call: Compare) -> None:
    code, out, err = call("one", "two", "--goal", "90%")
    assert (code, err) == (0, "")
    rows = {line[:19].strip(): line[19:].split() for line in out.splitlines()[2:14]}
    assert rows["validation accuracy"] == ["91.69", "%", "*", "91.00", "%"]
    assert rows["at epoch"] == ["8", "of", "10", "5", "of", "5"]
    assert rows["training time"] == ["40", "s", "20", "s"]
    assert rows["to 90.00 %"] == ["16", "s", "16", "s"]
    assert rows["samples/s"] == ["15,320", "*", "15,220"]
    assert rows["model"] == ["cnn-torch", "mlp-torch"]
    assert "seed" not in rows
    assert "validation accuracy %" in out
    assert "validation loss" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("columns", few([80, 30, 60, 100, 200], 2))
def test_no_line_is_longer_than_the_terminal(runs: Path, columns: int) -> None:
    for run_id in ("three", "four", "five"):
        make_sample_run(runs, run_id=run_id, seed=len(run_id))
    readers = [RunReader(runs / name) for name in ("one", "two", "three", "four", "five")]
    for reader in readers:
        reader.refresh()
    readers[1].directory.set_labels(name="シャツ" * 30)
    lines = plain(compare_command.lines(compare(readers), columns))
    assert max(map(width, lines)) <= max(columns, 52)
    for name in ("one", "three", "four", "five"):
        assert any(line.rstrip().endswith(f"● {name}") or f" {name}" in line for line in lines), name


def test_without_utf8_there_are_letters(runs: Path, monkeypatch: pytest.MonkeyPatch, call: Compare) -> None:
    monkeypatch.setattr("dltui.tui.cli.output.can_show", str.isascii)
    monkeypatch.setattr(compare_command, "can_show", str.isascii)
    code, out, _ = call("one", "two")
    assert code == 0
    assert out.isascii()
    assert "a one" in out
    assert "b two" in out


def test_json_is_one_object(call: Compare) -> None:
    code, out, err = call("one", "two", "--json", "--goal", "0.9")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["winner"], found["metric"], found["goal"]) == ("one", "accuracy", 0.9)
    assert found["differences"] == {"model": ["cnn-torch", "mlp-torch"], "epochs": [10, 5]}
    assert [run["reached"]["epoch"] for run in found["runs"]] == [4, 4]
    assert len(found["epochs"]) == 10
    assert found["epochs"][7]["accuracy"][0] == found["runs"][0]["best"]["value"]
    assert found["epochs"][7]["accuracy"][1] is None


def test_files_are_written_by_a_process(call: Compare, tmp_path: Path) -> None:
    code, out, err = call("one", "two", "--to", str(tmp_path / "out"), "--format", "svg,png", "--json")
    assert (code, err) == (0, "")
    files = json.loads(out)["files"]
    assert [Path(name).name for name in files] == [
        "comparison.svg", "comparison.png", "comparison.csv", "comparison_epochs.csv",
    ]  # fmt: skip
    assert all(Path(name).is_file() for name in files)


def test_limits_that_hold_change_nothing(call: Compare) -> None:
    code, _, err = call("one", "two", "--fail-if", "validation.accuracy -0.8%", "--fail-if", "step_us +5%")
    assert (code, err) == (0, "")
    assert call("two", "one", "--fail-if", "validation.accuracy -0%")[0] == 0


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ("validation.accuracy -0.5%", "is 0.910028, of one 0.916891: -0.749 %; allowed is -0.5%"),
        ("validation.accuracy-0.001", "is 0.910028, of one 0.916891: -0.006864; allowed is -0.001"),
        ("step_us +.5%", "is 16820, of one 16710.2: +0.657 %; allowed is +.5%"),
    ],
)
def test_a_run_that_is_worse_than_the_first_fails(call: Compare, limit: str, line: str) -> None:
    code, out, err = call("one", "two", "--fail-if", limit)
    name = "step_us" if limit.startswith("step") else "validation.accuracy"
    assert (code, err) == (1, f"dltui: {name} of two {line}\n")
    assert "validation accuracy" in out
    found = json.loads(call("one", "two", "--json", "--fail-if", limit)[1])
    assert [failure["run"] for failure in found["failures"]] == ["two"]


def test_a_run_without_a_value_fails(call: Compare, runs: Path) -> None:
    make_sample_run(runs, run_id="early", status="failed")
    code, _, err = call("one", "early", "--fail-if", "test.accuracy -1%")
    assert (code, err) == (1, "dltui: early has no test.accuracy: nothing shows that 'test.accuracy -1%' holds\n")


def test_sample_by_sample(call: Compare, runs: Path) -> None:
    path = runs / "two" / "predictions" / "test.npz"
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    row = arrays["wrong"][0]
    arrays["top"][row, 0] = arrays["labels"][row]
    np.savez(path, **{**arrays, "wrong": arrays["wrong"][1:], "thumbnails": arrays["thumbnails"][1:]})
    code, out, err = call("one", "two", "--samples")
    assert (code, err) == (0, "")
    assert "only two right        1" in out
    assert "McNemar's exact test: p = 1: the difference could be chance" in out
    assert out.splitlines()[-1].split()[-1] == str(arrays["ids"][row])
    samples = json.loads(call("one", "two", "--samples", "--json")[1])["samples"]
    assert [one["id"] for one in samples["only_second_right"]] == [int(arrays["ids"][row])]
    assert (samples["only_first_right"], samples["total"], samples["mcnemar_p"]) == ([], 1000, 1.0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "name two runs or more to compare; `dltui runs` lists them"),
        (("one",), "name two runs or more to compare; `dltui runs` lists them"),
        (("one", "tow"), 'no run "tow"; did you mean two?'),
        (("one", "line"), "runs of different tasks cannot be compared: one is classification, line is regression"),
        (("one", "two", "--goal", "92"), "the goal is an accuracy, at most 1 or 100%, got 92; did you mean 92%?"),
        (("one", "two", "--goal", "fast"), "--goal wants a value like 0.9 or 90%, got 'fast'"),
        (("one", "two", "--goal", "-1"), "the goal must be greater than 0, got -1"),
        (
            ("one", "two", "--fail-if", "test.accuracy"),
            "--fail-if wants NAME -X% or NAME +X, as in 'validation.accuracy -0.5%', got 'test.accuracy'",
        ),
        (
            ("one", "two", "--fail-if", "validation.accuracy -1"),
            "validation.accuracy is from 0 to 1, so that -1 allows anything; did you mean -1%?",
        ),
        (("one", "two", "--fail-if", "foo -1%"), 'no measure "foo"; names are those like validation.accuracy'),
        (("one", "two", "--fail-if", "step_ms +5%"), 'no measure "step_ms"; did you mean step_us?'),
        (
            ("one", "two", "--fail-if", "test.acuracy -1%"),
            'one: the run does not measure "test.acuracy"; did you mean test.accuracy?',
        ),
        (("one", "two", "--to", "/dev/null/x"), "cannot write to /dev/null/x: Not a directory; choose another folder"),
    ],
)
def test_wrong_use_is_one_line(call: Compare, arguments: tuple[str, ...], line: str) -> None:
    code, _, err = call(*arguments)
    assert (code, err) == (2, f"dltui: {line}\n")
