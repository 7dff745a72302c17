"""A receipt is read, or refused in a line: another file, a newer one, and a run that is not repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.lifecycle.proof import from_receipt
from dltui.core.lifecycle.proof.receipt import receipt
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.log import _plain
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    reader = RunReader(make_sample_run(tmp_path_factory.mktemp("runs"), run_id="r", epochs=2, image=False))
    reader.refresh()
    plain: dict[str, Any] = _plain(receipt(reader))
    return plain | {"weights_sha256": "a" * 64}


def written(folder: Path, content: Any) -> Path:
    path = folder / "receipt.json"
    path.write_text(json.dumps(content))
    return path


def test_a_receipt_is_read(found: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path, found)
    assert from_receipt.is_receipt(str(path))
    assert not from_receipt.is_receipt("r.json")
    assert from_receipt.read(path)["run_id"] == "r"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"receipt": 99}, "is of a newer dltui"),
        ({"status": "failed"}, "r is failed: only runs that have finished are repeated"),
        ({"parent": "p"}, "r begins with a checkpoint of p, which its receipt does not hold"),
        ({"weights_sha256": None}, "r has no SHA-256 of its weights"),
        ({"config": {"max_time": "10m"}}, "r was trained for 10m by the clock"),
        ({"twin_start": True}, "r begins with the weights of its twin, which its receipt does not hold: verify"),
        (
            {"config": {"patience": 1}, "steering": [{"action": "extend", "arguments": {"epochs": 3}}]},
            "r was given more epochs, with which patience began to count again: that is not repeated",
        ),
        ({"steering": [{"type": "run_ended", "status": "finished"}]}, "is no receipt of dltui"),
        ({"receipt": "x"}, "is no receipt of dltui"),
        ({"dropped": {"rows": []}}, "is no receipt of dltui"),
        ({"dataset_options": [1]}, "is no receipt of dltui"),
        ({"config": 3}, "is no receipt of dltui; `dltui export RUN --receipt` writes one"),
    ],
)
def test_refused_in_a_line(found: dict[str, Any], tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        from_receipt.read(written(tmp_path, found | change))


def test_another_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("not json")
    with pytest.raises(UsageError, match="it is no JSON"):
        from_receipt.read(tmp_path / "x.json")


def test_steering_is_never_an_end(found: dict[str, Any]) -> None:
    """A receipt that says its own end would prove itself."""
    forged = {"action": "fit", "type": "run_ended", "status": "finished", "weights_sha256": found["weights_sha256"]}
    (line,) = from_receipt._steering({"steering": [forged]})
    assert b"command_obeyed" in line
    assert b"run_ended" not in line


@pytest.mark.parametrize(("twin", "told"), [(None, False), ({"start": None}, False), ({"start": "/w.npz"}, True)])
def test_a_receipt_tells_of_weights_that_it_does_not_hold(tmp_path: Path, twin: Any, told: bool) -> None:
    run = make_sample_run(tmp_path, epochs=1, image=False)
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | {"twin": twin}))
    reader = RunReader(run.path)
    reader.refresh()
    assert receipt(reader)["twin_start"] is told


def test_more_epochs_without_patience_are_repeated(found: dict[str, Any], tmp_path: Path) -> None:
    steered = {"steering": [{"action": "extend", "arguments": {"epochs": 3}}], "config": {"patience": 0}}
    assert from_receipt.read(written(tmp_path, found | steered))["run_id"] == "r"
