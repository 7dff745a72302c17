"""What is proposed after a failure is a command line that can be run as it stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.analysis.suggestion import suggestion, with_flags
from dltui.core.errors import RunError
from dltui.core.reading.reader import RunReader
from dltui.core.worker.explain import explain, remedy
from tests.helpers.sample_run import make_sample_run


class OutOfMemoryError(RuntimeError):
    """Called as PyTorch calls its own."""


class ResourceExhaustedError(Exception):
    """Called as TensorFlow calls its own."""


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 15.89 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory"),
        ResourceExhaustedError(
            "Graph execution error: {{function_node}} OOM when allocating tensor with shape[256,32]"
        ),
        ResourceExhaustedError("failed to allocate memory [Op:Conv2D]"),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_batch(error: Exception) -> None:
    assert explain(error, 256) == "out of memory at batch size 256; try batch size 128"
    assert remedy(error, 256) == {"batch_size": 128}
    assert explain(error, 1) == "out of memory at batch size 1; try a smaller model"
    assert remedy(error, 1) == {}


def test_other_errors_propose_nothing_or_what_they_carry() -> None:
    assert remedy(ValueError("shapes"), 256) == {}
    assert remedy(RunError("the data is out of memory"), 256) == {}
    assert remedy(RunError("the loss is not finite", {"lr": 0.01}), 256) == {"lr": 0.01}


def test_a_full_disk_is_said_as_such() -> None:
    text = explain(OSError(28, "No space left on device", "/data/x"), 256)
    assert text.startswith("disk full: cannot write to /data/x; free some space")


def test_flags_take_the_place_of_those_that_are_there() -> None:
    flags = [["--lr", "0.01"], ["--batch-size", "64"]]
    assert with_flags(["dltui", "train", "m", "--lr", "0.1"], flags)[3:] == ["--lr", "0.01", "--batch-size", "64"]
    assert with_flags(["--batch-size=128"], flags) == ["--batch-size=64", "--lr", "0.01"]
    assert with_flags(["--no-amp"], [["--amp"]]) == ["--no-amp", "--amp"]


def test_the_command_has_every_digit_and_the_words_are_rounded(tmp_path: Path) -> None:
    reader = RunReader(make_sample_run(tmp_path, status="failed", done=2, run_id="wild-moth"))
    reader.refresh()
    assert reader.history.ended is not None
    reader.history.ended = replace(reader.history.ended, remedy={"lr": 0.0123456789, "deterministic": True})
    found = suggestion(reader)
    assert found is not None
    assert found.words == "lr 0.0123457, deterministic yes"
    assert found.command == "dltui fork wild-moth --lr 0.0123456789 --deterministic"


def test_with_a_checkpoint_it_is_a_fork_without_one_the_command_again(tmp_path: Path) -> None:
    reader = RunReader(make_sample_run(tmp_path, status="failed", done=2, run_id="wild-moth"))
    reader.refresh()
    found = suggestion(reader)
    assert found is not None
    assert (found.words, found.command) == ("lr 0.005", "dltui fork wild-moth --lr 0.005")
    reader.history.checkpoints.clear()
    again = suggestion(reader)
    assert again is not None
    assert again.command == "dltui train cnn-torch --dataset fashion-mnist --lr 0.005 --seed 0"


def test_a_run_that_did_not_fail_needs_no_remedy(tmp_path: Path) -> None:
    reader = RunReader(make_sample_run(tmp_path))
    reader.refresh()
    assert suggestion(reader) is None
