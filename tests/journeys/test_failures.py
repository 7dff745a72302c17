"""Out of memory, a full disk, a loss that is no number or jumps: said clearly, the last good checkpoint kept, and what
is proposed works."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.helpers.marks import few
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

HEAD = "        images, y = self.data.train.x[rows], self.data.train.y[rows]\n"
TAIL = "        self.steps_done += 1\n"
CUDA = 'raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 2.00 GiB")'
TENSORFLOW = 'raise type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor with shape[32,9]")'
FULL = 'raise OSError(28, "No space left on device", "/somewhere/scratch")'


def plugin(folder: Path, code: str, after: bool = False) -> str:
    """The fake plugin, which does something at its 31st step unless batches are small or the step size is."""
    when = "self.steps_done == 30 and self.config.batch_size > 16 and self.config.lr > 0.05"
    line = f"        if {when}:\n            {code}\n"
    text = FAKE.read_text()
    place = TAIL if after else HEAD
    assert text.count(place) == 1
    (folder / "net.py").write_text(text.replace(place, line + place))
    return str(folder / "net.py")


def train(program: Program, file: str, *more: str, code: int = 1) -> str:
    arguments = ("--dataset", "blobs", "--epochs", "6", "--name", "r", "--checkpoint-seconds", "0.05", *more)
    done = program("train", "softmax-numpy", "--plugin", file, *arguments, code=code)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "code", few([CUDA, TENSORFLOW, "raise MemoryError"], 1, long=0), ids=["torch", "tensorflow", "python"]
)
def test_out_of_memory(program: Program, code: str) -> None:
    out = train(program, plugin(program.folder, code), "--step-seconds", "0.01")
    assert "dltui: r failed: out of memory at batch size 32; try batch size 16" in out
    reader = program.reader("r")
    assert reader.status().name == "failed"
    assert reader.history.checkpoints
    assert reader.history.ended is not None
    assert reader.history.ended.remedy == {"batch_size": 16}
    (proposed,) = [line for line in out.splitlines() if line.startswith("try batch size 16: ")]
    words = shlex.split(proposed.removeprefix("try batch size 16: dltui "))
    assert words == ["fork", "r", "--batch-size", "16"]
    program(*words, "--plain")
    assert program.reader("r-fork").status().name == "finished"


@pytest.mark.longest
def test_out_of_memory_before_any_checkpoint_is_the_command_again(program: Program) -> None:
    file = plugin(program.folder, CUDA)
    Path(file).write_text(Path(file).read_text().replace("self.steps_done == 30", "self.steps_done == 0"))
    out = train(program, file)
    (proposed,) = [line for line in out.splitlines() if line.startswith("try batch size 16: ")]
    words = shlex.split(proposed.removeprefix("try batch size 16: dltui "))
    assert words[:2] == ["train", "softmax-numpy"]
    assert words[-2:] == ["--batch-size", "16"]
    program(*words)


@pytest.mark.long
def test_a_loss_that_is_no_number(program: Program) -> None:
    out = train(program, plugin(program.folder, "loss = float('nan')", after=True), "--step-seconds", "0.01")
    assert "the loss is not a finite number at step 31; try lr 0.01" in out
    reader = program.reader("r")
    assert 0 < reader.history.checkpoints[-1]["step"] <= 30
    assert "try lr 0.01: dltui fork r --lr 0.01" in out
    program("fork", "r", "--lr", "0.01", "--plain")
    assert program.reader("r-fork").status().name == "finished"


def test_a_jump_is_marked_and_nothing_is_done_about_it(program: Program) -> None:
    out = train(program, plugin(program.folder, "loss = loss * 500", after=True), code=0)
    assert "warning: loss spike at step 31: " in out
    assert program.reader("r").status().name == "finished"


def test_a_full_disk_inside_a_framework(program: Program) -> None:
    out = train(program, plugin(program.folder, FULL), "--step-seconds", "0.01")
    assert "disk full: cannot write to /somewhere/scratch; free some space, then resume" in out
    assert program.reader("r").history.checkpoints
