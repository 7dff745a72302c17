"""Checkpoints: old or new, never neither, whatever fails or dies; every flipped bit found; the best one kept."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.rundir import checkpoint, checksum
from dltui.core.rundir.checkpoint import CheckpointDamaged
from dltui.core.rundir.directory import RunDirectory
from tests.helpers.faulty import FaultyFileSystem


def state(number: float) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "weights/dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4) + number,
        "weights/dense/bias": np.full(4, number, dtype=np.float64),
        "optimizer/step": np.array(int(number)),
        "rng/cpu": np.arange(8, dtype=np.uint8),
        "rng/philox": np.array([1, 2**32 - 1], dtype=np.uint32),
        "weights/empty": np.zeros((0, 3), dtype=np.float32),
        "weights/turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype and np.array_equal(one[key], other[key]) for key in one
    )


def at(step: int | None) -> dict[str, Any] | None:
    return None if step is None else {"epoch": step // 10, "step": step, "value": 0.5}


def save(run: RunDirectory, step: int, best: int | None = None, attempt: int = 1) -> checkpoint.CheckpointInfo:
    loop_state = {"epoch": step // 10, "best": at(best)}
    return checkpoint.save(run, step, attempt, state(step), loop_state, best == step)


def latest(run: RunDirectory) -> tuple[checkpoint.Checkpoint | None, list[str]]:
    said: list[str] = []
    return checkpoint.load_latest(run, said.append), said


def names(run: RunDirectory) -> list[str]:
    return sorted(path.name for path in run.checkpoints_dir.iterdir())


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    found = RunDirectory(tmp_path / "otter")
    found.checkpoints_dir.mkdir(parents=True)
    return found


def test_what_was_saved_is_what_is_loaded(run: RunDirectory) -> None:
    info = save(run, 1640, best=1640, attempt=2)
    assert info.name == "a02-step-00001640"
    assert {path.name for path in info.path.iterdir()} == {"state.safetensors", "state.json", "manifest.json"}
    assert info.bytes == sum(path.stat().st_size for path in info.path.iterdir())
    arrays, loop_state = checkpoint.load(info.path)
    assert same(arrays, state(1640))
    assert loop_state == {"epoch": 164, "best": at(1640)}
    for path in (info.path, *info.path.iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_the_order_of_calls_survives_a_power_cut(run: RunDirectory) -> None:
    with fs.use(FaultyFileSystem()) as system:
        save(run, 10)
    assert isinstance(system, FaultyFileSystem)
    order = [name for name, _ in system.trace if name in ("write", "fsync", "rename")]
    assert order == ["write"] * 3 + ["fsync"] * 4 + ["rename", "fsync"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_whatever_call_fails_the_older_one_is_good_and_nothing_half_has_a_name(run: RunDirectory, code: int) -> None:
    save(run, 10)
    swept = 0
    while True:
        with fs.use(FaultyFileSystem(swept, code, torn=swept % 2 == 1)) as system:
            try:
                save(run, 20)
            except OSError as error:
                assert error.errno == code  # noqa: PT017
        assert isinstance(system, FaultyFileSystem)
        found, said = latest(run)
        assert found is not None
        assert said == []
        assert same(found.state, state(10 if found.name == "a01-step-00000010" else 20))
        assert not any(fs.is_temp(name) for name in names(run))
        if system.count <= swept:
            assert found.name == "a01-step-00000020"
            break
        shutil.rmtree(run.checkpoints_dir / "a01-step-00000020", ignore_errors=True)
        swept += 1
    assert swept == 16


class Killed(BaseException):
    """What a process does after it was killed: nothing."""


class DyingFileSystem(FaultyFileSystem):
    def _call(self, name: str, *arguments: Any) -> Any:
        if self.fail_at is not None and self.count >= self.fail_at:
            self.count += 1
            raise Killed
        return super()._call(name, *arguments)

    def rmdir(self, path: Path) -> None:
        self._call("rmdir", path)


def test_killed_before_any_call_of_save_and_prune_a_resume_finds_old_or_new(tmp_path: Path) -> None:
    for swept in range(200):
        run = RunDirectory(tmp_path / f"run-{swept}")
        run.checkpoints_dir.mkdir(parents=True)
        for step in (10, 20, 30):
            save(run, step, best=10)
        finished = False
        with fs.use(DyingFileSystem(swept)):
            try:
                save(run, 40, best=40)
                checkpoint.prune(run)
                finished = True
            except Killed:
                pass
        found, said = latest(run)
        assert found is not None
        assert said == []
        step = int(found.name[-8:])
        assert step in (30, 40)
        assert same(found.state, state(step))
        best = checkpoint.load_best(run)
        assert same(best.state, state(40 if step == 40 else 10))
        checkpoint.prune(run)
        assert not any(fs.is_temp(name) for name in names(run))
        if finished:
            assert names(run) == [f"a01-step-{step:08d}" for step in (10, 30, 40)]
            return
    raise AssertionError("it never finished")


def test_every_flipped_bit_is_found_told_and_kept_aside(run: RunDirectory) -> None:
    save(run, 10)
    new = save(run, 20)
    generator = random.Random(0)
    for file in sorted(new.path.iterdir()):
        whole = file.read_bytes()
        for _ in range(150):
            position = generator.randrange(len(whole) * 8)
            damaged = bytearray(whole)
            damaged[position // 8] ^= 1 << position % 8
            file.write_bytes(damaged)
            with pytest.raises(RunError):
                checkpoint.load(new.path)
        file.write_bytes(whole)
    checkpoint.load(new.path)
    with (new.path / checkpoint.ARRAYS).open("r+b") as handle:
        handle.seek(-1, os.SEEK_END)
        handle.write(b"\x55")
    found, said = latest(run)
    assert found is not None
    assert same(found.state, state(10))
    assert said == [
        "checkpoint a01-step-00000020 damaged (SHA-256 of state.safetensors differs), using a01-step-00000010"
    ]
    assert names(run) == ["a01-step-00000010", "damaged-a01-step-00000020"]


@pytest.mark.parametrize("file", ["state.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("content", [None, b"", b"\x80\x04K*.", b"{}", b"[" * 100_000, "longer", "shorter"])
def test_foreign_cut_and_missing_files_are_one_wording(
    run: RunDirectory, file: str, content: bytes | str | None
) -> None:
    save(run, 10)
    path = save(run, 20).path / file
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes({"longer": whole + b"\0", "shorter": whole[:-2]}.get(content, content))  # type: ignore[call-overload]
    with pytest.raises(CheckpointDamaged, match=r"^checkpoint a01-step-00000020 damaged \(.*\)$"):
        checkpoint.load(path.parent)
    found, said = latest(run)
    assert found is not None
    assert found.name == "a01-step-00000010"
    assert len(said) == 1


def test_when_all_are_damaged_a_person_decides(run: RunDirectory) -> None:
    for step in (10, 20):
        (save(run, step).path / "state.json").write_bytes(b"x")
    for _ in range(2):
        with pytest.raises(RunError, match="no other is left"):
            latest(run)
    assert len(names(run)) == 2


def test_a_newer_one_is_not_called_damaged(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    info = save(run, 10)
    monkeypatch.setattr(checkpoint, "FORMAT", 0)
    with pytest.raises(RunError, match="newer dltui"):
        latest(run)
    assert names(run) == [info.name]


def test_no_checkpoint_is_none(run: RunDirectory) -> None:
    (run.checkpoints_dir / "notes").mkdir()
    assert latest(run) == (None, [])
    assert checkpoint.find_best(run) is None
    assert checkpoint.find_latest(run) is None
    with pytest.raises(RunError, match="no checkpoint that was best"):
        checkpoint.load_best(run)
    assert checkpoint.list_checkpoints(RunDirectory(run.path / "nowhere")) == []


def test_the_last_two_and_the_best_are_kept(run: RunDirectory) -> None:
    for step, best in ((10, 10), (20, 20), (30, 20), (40, 20), (50, 20)):
        save(run, step, best)
        checkpoint.prune(run)
    assert names(run) == [f"a01-step-{step:08d}" for step in (20, 40, 50)]
    assert checkpoint.find_best(run) == run.checkpoints_dir / "a01-step-00000020"


def test_the_best_of_the_one_before_stays_so_that_falling_back_finds_it(run: RunDirectory) -> None:
    for step, best in ((10, 10), (20, 10), (30, 30)):
        save(run, step, best)
    checkpoint.prune(run)
    (run.checkpoints_dir / "a01-step-00000030" / "state.json").write_bytes(b"")
    found, _ = latest(run)
    assert found is not None
    assert found.name == "a01-step-00000020"
    assert same(checkpoint.load_best(run).state, state(10))


def test_a_later_attempt_comes_after_an_earlier_one_with_more_steps(run: RunDirectory) -> None:
    save(run, 90, attempt=1)
    save(run, 50, attempt=2)
    found, _ = latest(run)
    assert found is not None
    assert found.name == "a02-step-00000050"


def test_the_same_step_twice_keeps_both(run: RunDirectory) -> None:
    save(run, 10, best=10)
    again = save(run, 10)
    assert again.name == "a01-step-00000010-2"
    assert latest(run)[0].name == again.name  # type: ignore[union-attr]
    assert checkpoint.prune(run) == []


def test_the_best_of_a_step_that_was_saved_again_and_again_is_kept(run: RunDirectory) -> None:
    """As by somebody who saves while an epoch is evaluated: the newest of a step is the last in their order."""
    for _ in range(7):
        saved = save(run, 13)
        checkpoint.prune(run)
        assert names(run)[-1] == saved.name
    best = save(run, 13, best=13)
    checkpoint.prune(run)
    for _ in range(3):
        save(run, 23, best=13)
        checkpoint.prune(run)
    found = checkpoint.find_best(run)
    assert found is not None
    assert found.name == best.name


def test_a_full_disk_is_said_before_anything_is_written(run: RunDirectory) -> None:
    class Full(FaultyFileSystem):
        def free_bytes(self, path: Path) -> int:
            return 1000

    with fs.use(Full()) as system, pytest.raises(OSError) as caught:
        save(run, 10)
    assert fs.is_disk_full(caught.value)
    assert isinstance(system, FaultyFileSystem)
    assert system.trace == []
    assert names(run) == []


def forge(path: Path, file: str, **described: Any) -> None:
    """Describe a file in the manifest as anybody can."""
    manifest = json.loads((path / checkpoint.MANIFEST).read_bytes())
    manifest["files"][file] |= described
    (path / checkpoint.MANIFEST).write_text(json.dumps(checksum.sealed(manifest)))


@pytest.mark.parametrize(
    ("most", "words"),
    [(1 << 20, r"cannot be read here: state\.safetensors has 67,108,864 B, more than 1,048,576 B$"),
     (1 << 40, r"damaged \(SHA-256 of state\.safetensors differs\)$")],
)  # fmt: skip
def test_a_file_of_any_size_takes_no_memory(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, most: int, words: str
) -> None:
    """Of another hand: a file with a hole in it takes no room on its disk either."""
    info = save(run, 10)
    os.truncate(info.path / checkpoint.ARRAYS, 64 << 20)
    forge(info.path, checkpoint.ARRAYS, bytes=64 << 20)
    monkeypatch.setattr(checkpoint.memory, "total_and_available", lambda: (most, most))
    checkpoint.load(save(run, 20).path)
    tracemalloc.start()
    with pytest.raises(RunError, match=words):
        checkpoint.load(info.path)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"epoch": "x"}, "epoch is no count"),
        ({"epoch": -1}, "epoch is no count"),
        ({"epoch": 10**400}, "epoch is no count"),
        ({"step_in_epoch": 1.5}, "step_in_epoch is no count"),
        ({"train_seconds": None}, "train_seconds is no number"),
        ({"first_loss": "x"}, "first_loss is no number"),
        ({"sums": [1.0]}, "sums is no object of numbers"),
        ({"sums": {"loss": "x"}}, "sums is no object of numbers"),
        ({"best": [1]}, "best is no epoch with its value"),
        ({"best": {"step": 1}}, "best is no epoch with its value"),
        ({"best": {"epoch": 1, "step": "1", "value": 0.5}}, "best is no epoch with its value"),
        ({"counted": {"epoch": 1, "step": 1, "value": []}}, "counted is no epoch with its value"),
        ({"steering": {"commands": [{"id": 1}]}}, "steering is no object with commands"),
        ({"steering": []}, "steering is no object with commands"),
    ],
)
def test_a_position_of_a_wrong_type_is_damage_also_under_a_seal(
    run: RunDirectory, state: dict[str, Any], words: str
) -> None:
    info = save(run, 10)
    text = json.dumps({"step": 10, "loop_state": state}).encode()
    (info.path / checkpoint.LOOP_STATE).write_bytes(text)
    forge(info.path, checkpoint.LOOP_STATE, **checkpoint._describe(text))
    with pytest.raises(CheckpointDamaged, match=rf"^checkpoint a01-step-00000010 damaged \({words}\)$"):
        checkpoint.load(info.path)


def test_one_that_its_worker_replaces_is_gone_and_not_damaged(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (10, 20):
        save(run, step, best=step)
    gone, read = [], checkpoint.read

    def replaced(path: Path) -> checkpoint.Checkpoint:
        if not gone:
            gone.append(path)
            for step in (30, 40):
                save(run, step, best=step)
            checkpoint.prune(run)
        return read(path)

    monkeypatch.setattr(checkpoint, "read", replaced)
    assert checkpoint.load_best(run).step == 40
    assert not gone[0].exists()
    with pytest.raises(checkpoint.CheckpointGone, match="is gone: another has replaced it"):
        checkpoint.load(gone[0])
