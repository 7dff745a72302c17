"""A flipped bit in any committed file is found; the run goes on from the checkpoint before and says so."""

from __future__ import annotations

import random
import shutil

import pytest

from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint
from dltui.core.rundir.directory import RunDirectory
from tests.faults.cuts import Recording, record
from tests.faults.disk import SimulatedDisk
from tests.faults.flips import kinds, missed
from tests.faults.lab import Lab, result
from tests.faults.planted import FLIPS


def interrupted(lab: Lab) -> RunDirectory:
    """A run that was killed in its last evaluation, after its last checkpoint."""
    recording = record(lab, epochs=2)
    disk = SimulatedDisk(recording.run.path)
    disk.top = SimulatedDisk(recording.before).top
    names = [call[0] for call in recording.trace]
    last = len(names) - names[::-1].index("saved")
    for call in recording.trace[: names.index("create", last)]:
        disk.apply(call)
    place = lab.place()
    disk.after_crash(lambda is_folder, count: count - 1, place)
    return RunDirectory(place)


@pytest.mark.slow
def test_a_thousand_flipped_bits(lab: Lab) -> None:
    run = interrupted(lab)
    assert missed(run, 1_000) == []
    # They were all put back.
    assert RunReader(run).bad_lines == 0
    assert lab.finish(run).weights is not None


@pytest.mark.parametrize("kind", ["checkpoint", "log"])
def test_the_run_goes_on_from_the_one_before_and_says_so(lab: Lab, recording: Recording, kind: str) -> None:
    generator = random.Random(1)
    whole = interrupted(lab)
    for _ in range(8):
        place = lab.place()
        shutil.copytree(whole.path, place)
        run = RunDirectory(place)
        newest = checkpoint.list_checkpoints(run)[-1].name
        path = generator.choice(kinds(run)[kind][0])
        bit = generator.randrange(path.stat().st_size * 8)
        damaged = bytearray(path.read_bytes())
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert lab.work(run) == 0
        assert result(run).weights == recording.result.weights
        reader = RunReader(run)
        reader.refresh()
        if kind == "checkpoint":
            told = [text for _, level, text in reader.history.logs if level == "warning"]
            assert len(told) == 1
            assert told[0].startswith(f"checkpoint {newest} damaged")
            assert (run.checkpoints_dir / f"damaged-{newest}").is_dir()
        else:
            assert reader.bad_lines in (1, 2)


@pytest.mark.parametrize("bug", FLIPS)
def test_a_planted_bug_is_found(lab: Lab, bug: str) -> None:
    with FLIPS[bug]():
        assert missed(interrupted(lab), 100)
