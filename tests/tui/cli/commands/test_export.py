"""`dltui export` of models, and what it refuses; figures are in test_demo and under tests/exports."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.numpy import load_file

from dltui.core.errors import UsageError
from dltui.core.lifecycle import model_process
from dltui.tui.cli import main
from dltui.tui.cli.commands import export
from tests.helpers.command import Run, runner
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def dltui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    make_sample_run(tmp_path / "runs", run_id="r", image=False)

    return runner(capsys, "export")


def test_weights_are_those_of_this_moment(dltui: Run, tmp_path: Path) -> None:
    """Whatever an earlier export has left."""
    before = tmp_path / "exports" / "r" / "model.safetensors"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"of an earlier state")
    for words in ((), ("--to", "out")):
        code, out, _ = dltui("r", "--format", "safetensors", *words)
        assert code == 0
        file = Path(out.splitlines()[0].removeprefix("wrote "))
        weights = load_file(file)
        assert set(weights) == {"dense/kernel", "dense/bias"}
        assert weights["dense/kernel"][0, 0] == 8.0, "those of the best epoch"
    assert file.parent == tmp_path / "out" / "r"


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_what_cannot_be_written_is_one_line_and_leaves_no_part(dltui: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out" / "r"
    (folder / name).mkdir(parents=True)
    code, out, err = dltui("r", "--format", "safetensors", "--to", "out")
    assert (code, out) == (2, "")
    assert err == f"dltui: cannot write to {folder}: Is a directory; choose another with --to DIR\n"
    assert not [path for path in folder.iterdir() if path.name not in ("model.safetensors", "model.json")]
    (tmp_path / "file").write_text("")
    code, out, err = dltui("r", "--format", "onnx", "--to", "file")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "file/r: Not a directory; choose another" in err


def test_a_disk_that_is_full_for_a_model_is_one_line(tmp_path: Path) -> None:
    def full(trainable: Any, spec: Any, form: str, draft: Path) -> None:
        draft.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(draft))

    backend = SimpleNamespace(formats=("onnx",), title="x", convert=full)
    spec = SimpleNamespace(input_shape=(2,), named_inputs=(), is_image=False)
    found: Any = SimpleNamespace(backend=backend, spec=spec, trainable=lambda x: None)
    with pytest.raises(UsageError, match=r"cannot write to .*: No space left on device; choose another with --to DIR"):
        model_process.convert(found, "onnx", tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_tar_is_no_json(dltui: Run) -> None:
    line = "dltui: --to - writes a tar to standard output: leave out --json, or name a folder\n"
    assert dltui("r", "--to", "-", "--json") == (2, "", line)


def test_a_terminal_is_refused_before_the_samples_are_looked_at(
    dltui: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*given: object) -> None:
        raise AssertionError("it takes minutes")

    monkeypatch.setattr(export, "_look_inside", never)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True, flush=lambda: None))
    assert main.run(["export", "r", "--to", "-", "--explain"]) == 2
    assert "writes a tar: send it somewhere" in capsys.readouterr().err


def test_a_run_that_is_named_twice_is_written_once(dltui: Run, tmp_path: Path) -> None:
    words = ("r", str(tmp_path / "runs" / "r"), "r", "--format", "safetensors", "--json")
    code, out, _ = dltui(*words)
    assert (code, [row["id"] for row in json.loads(out)]) == (0, ["r"])
