"""The ranks of a run: their worker asks all of them, notices the one that is lost, and leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from dltui.core.contract import Rank, StepStats
from dltui.core.contract.config import TrainConfig
from dltui.core.contract.shares import share_of
from dltui.core.errors import RunError
from dltui.core.machine.process import this_host
from dltui.core.rundir import lock
from dltui.core.train.plan import Planner
from dltui.core.worker.attempt import Attempt
from dltui.core.worker.ranks import channel, distributed, meeting, supervisor
from dltui.core.worker.ranks.channel import Channel, Disconnected
from dltui.core.worker.ranks.distributed import DistributedTrainable
from dltui.core.worker.ranks.rank_process import Server
from dltui.core.worker.ranks.supervisor import RankError, RankLost, RankSupervisor, Reserved

ROOT = Path(__file__).parents[3]
DEVICES: list[dict[str, Any]] = [{"name": "cuda:0"}, {"name": "cuda:1"}]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MODULE", "tests.fakes.fake_rank")
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 1.0)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def two(fake: None) -> Iterator[RankSupervisor]:
    found = RankSupervisor(DEVICES)
    pids = found.pids
    yield found
    found.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_all_ranks_answer_in_their_order(two: RankSupervisor) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    answers = two.request_all({"do": "advance"}, {"x": array, "one": np.array(3.0), "none": np.zeros((0, 2))})
    assert [record["do"] for record, _ in answers] == ["advance", "advance"]
    assert np.array_equal(answers[1][1]["x"], 2 * array)
    assert (answers[0][1]["one"].shape, answers[0][1]["none"].shape) == ((), (0, 2))
    assert two.request({1: ({"do": "state"}, {})}).keys() == {1}
    two.check()
    # The other way round: an order to one rank while another is killed.
    os.kill(two.pids[0], signal.SIGKILL)
    with pytest.raises(RankLost, match=r"^rank 0 \(cuda:0\) was killed by SIGKILL; worker.log may say why$"):
        two.request({1: ({"do": "hang"}, {})})


def test_the_rank_that_began_it_is_named(fake: None) -> None:
    """The others fail, too, when one of them dies in the middle of a step; and wait for ever on some networks."""
    for fate, expected, text in (("raise", RankLost, "rank 1"), ("hang", RankLost, "rank 1")):
        some = begun()
        pids = some.pids
        with pytest.raises(expected, match=text):
            some.request({0: ({"do": fate}, {}), 1: ({"do": "die"}, {})})
        assert not any(psutil.pid_exists(pid) for pid in pids)
    some = begun()
    some.send_all({"do": "die"})
    with pytest.raises(RankLost, match=r"rank [01] .cuda:[01]. was killed"):
        check_as_in_a_pause(some)
    some = begun()
    with pytest.raises(RankError, match="no") as raised:
        some.request({0: ({"do": "hang"}, {}), 1: ({"do": "raise"}, {})})
    assert type(raised.value).__name__ == "ValueError"


def begun() -> RankSupervisor:
    """Ranks whose processes answer: from here on their answers come at about the same time."""
    found = RankSupervisor(DEVICES)
    found.request_all({"do": "advance"})
    return found


def check_as_in_a_pause(some: RankSupervisor) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        some.check()
        time.sleep(0.01)


def test_a_rank_that_failed_stays_until_its_worker_ends_it() -> None:
    """The others notice nothing of it: what they would say of a rank that is missing is not the reason."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with contextlib.suppress(Disconnected):
            Server(Channel(theirs)).serve()

    rank, worker = threading.Thread(target=serve), Channel(ours)
    rank.start()
    worker.send({"do": "state"})
    assert worker.receive()[0]["error"]["type"] == "AttributeError"
    rank.join(0.2)
    assert rank.is_alive()
    worker.close()
    rank.join(10)
    assert not rank.is_alive()
    theirs.close()


def test_a_rank_lost_before_the_test_is_no_bad_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is interrupted; it does not go on with the last weights on ranks that are gone."""

    def lose(state: object) -> None:
        raise RankLost("rank 1 (cpu) was killed")

    monkeypatch.setattr("dltui.core.rundir.checkpoint.load_best", lambda run: SimpleNamespace(state={}))
    planner = SimpleNamespace(config=SimpleNamespace(ema=0.0))
    loop: Any = SimpleNamespace(trainable=SimpleNamespace(load_state=lose), planner=planner)
    attempt: Any = SimpleNamespace(run=None, journal=None)
    with pytest.raises(RankLost):
        Attempt._load_best(attempt, loop)


def test_a_rank_that_is_stopped_ends_the_run(fake: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it does not read the order, which is larger than what a socket holds."""
    monkeypatch.setenv("DLTUI_RANK_SECONDS", "0.3")
    monkeypatch.setattr(supervisor, "BEFORE_STEPS", 20)
    some = RankSupervisor(DEVICES)
    pids = some.pids
    some.request_all({"do": "advance"})
    os.kill(pids[1], signal.SIGSTOP)
    with pytest.raises(RankLost, match=r"^rank 1 \(cuda:1\) is stopped and did not answer for 0.3 s \(DLTUI_RANK_SEC"):
        some.request_all({"do": "begin_epoch"}, {"x": np.zeros(1 << 20)})
    assert not any(psutil.pid_exists(pid) for pid in pids)
    some = RankSupervisor(DEVICES)
    some.request_all({"do": "advance"})
    with pytest.raises(RankLost, match=r"^rank 0 \(cuda:0\), rank 1 \(cuda:1\) did not answer for 0.3 s"):
        some.request_all({"do": "hang"})


@pytest.mark.parametrize("word", ["soon", "0", "-1", "nan", "inf", "1e30"])
def test_a_time_limit_that_is_none_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("DLTUI_RANK_SECONDS", word)
    with pytest.raises(RunError, match=r"^DLTUI_RANK_SECONDS is '.*'; it wants seconds, such as 600$"):
        RankSupervisor(DEVICES)


def test_ranks_end_with_their_worker(fake: None) -> None:
    code = (
        "import sys, time; from dltui.core.worker.ranks import supervisor as s; s.MODULE = 'tests.fakes.fake_rank'\n"
        "c = s.RankSupervisor([{'name': 'cpu'}] * 2); c.request_all({'do': 'x'}); c.send_all({'do': 'hang'})\n"
        "print(*c.pids, flush=True); time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    pids = [int(word) for word in worker.stdout.readline().split()]
    assert len(pids) == 2
    worker.kill()
    worker.wait()
    worker.stdout.close()
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, pids))


def is_running(pid: int) -> bool:
    """False for one that has ended, also while nobody has taken notice of it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_a_plan_survives_the_way() -> None:
    config = TrainConfig(batch_size=4, augment="crop", color=0.1, erase=0.5, mixup=0.3)
    plan = share_of(Planner(config, 20, shape=(8, 8, 3), stored=(10, 10, 3)).epoch(2, skip=1), 1, 2)
    back = channel.plan_of(*channel.plan_message(plan))
    assert (back.epoch, back.first_step, back.whole, back.batch) == (2, 11, 4, 2)
    for name in ("indices", "lr", "color", "erasing", "crops"):
        assert np.array_equal(getattr(back, name), getattr(plan, name))
    assert back.mixing is not None
    assert plan.mixing is not None
    assert np.array_equal(back.mixing.partners, plan.mixing.partners)


class Told:
    """Stands for a supervisor, and keeps the orders that it is to give."""

    def __init__(self, *reserved: Reserved, world: int = 2) -> None:
        self._reserved, self._world = list(reserved), world
        self.orders: list[dict[str, Any]] = []
        self.speeds: list[float | None] = [1.0, 2.0]

    def __len__(self) -> int:
        return self._world

    def reserved(self) -> list[Reserved]:
        return self._reserved

    def meeting(self) -> Path:
        return Path("/tmp/my job/x")

    def request(self, orders: Any) -> Any:
        self.orders = [record for record, _ in orders.values()]
        return {number: ({"own_loss": False, "notes": [], "layers": []}, {}) for number in orders}

    def request_all(self, record: Any) -> Any:
        told = {"rss": 1, "peak": 2, "data_seconds": None}
        return [({**told, "speed": speed}, {"loss": np.zeros(1)}) for speed in self.speeds]


def test_the_threads_of_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "cpu_count", lambda: 8)

    def threads(told: Told, asked: int) -> tuple[list[int], int]:
        trainable = DistributedTrainable(told, Path("x"), asked, None, print)  # type: ignore[arg-type]
        return [order["threads"] for order in told.orders], trainable.threads

    far = (Reserved("a:1", 4), Reserved("a:2", 4), Reserved("b:1", 2))
    assert threads(Told(*far, world=3), 0) == ([4, 4, 2], 10)
    assert threads(Told(*far, world=3), 6) == ([2, 2, 2], 0)
    assert threads(Told(), 0) == ([4, 4], 0)
    assert threads(Told(world=16), 0) == ([1] * 16, 0)


def test_where_ranks_meet() -> None:
    for reserved, place in (
        ((Reserved("a:1", 1), Reserved("b:2", 1)), "tcp://a:1"),
        ((Reserved("a:1", 1), Reserved("a:2", 1)), "file:///tmp/my%20job/x"),
        ((), "file:///tmp/my%20job/x"),
    ):
        told = Told(*reserved)
        DistributedTrainable(told, Path("x"), 0, None, print)  # type: ignore[arg-type]
        assert [order["rendezvous"] for order in told.orders] == [place] * 2


def test_no_speed_is_told_where_the_waiting_is_not_known() -> None:
    told, found = Told(), []
    trainable = DistributedTrainable(told, Path("x"), 0, None, found.append)  # type: ignore[arg-type]
    trainable.advance(1)
    told.speeds = [1.0, None]
    trainable.advance(1)
    assert [usage.speeds for usage in found] == [(1.0, 2.0), ()]


@pytest.mark.parametrize(("spread", "samples"), [("ranks", 5), ("replicas+ranks", 2)])
def test_the_speed_of_a_rank_counts_its_own_samples(monkeypatch: pytest.MonkeyPatch, spread: str, samples: int) -> None:
    """Of a plan of whole batches it has its columns of them; in 2.5 s, half a second of which it waited."""
    clock = iter([0.0, 2.5] * 2)
    monkeypatch.setattr("dltui.core.worker.ranks.rank_process.time.perf_counter", lambda: next(clock))
    server: Any = Server(SimpleNamespace())  # type: ignore[arg-type]
    server._rank, server._backend = Rank(1, 2, ""), SimpleNamespace(spread=spread)
    stats = StepStats(np.zeros(2), waited=0.5)
    server._trainable = SimpleNamespace(begin_epoch=lambda plan: (), advance=lambda steps: stats)
    server._begin_epoch(*channel.plan_message(Planner(TrainConfig(batch_size=5), 20).epoch(0)))
    assert server._advance({"steps": 2}, {})[0]["speed"] == pytest.approx(samples)
    stats = StepStats(np.zeros(2))
    assert server._advance({"steps": 2}, {})[0]["speed"] is None


def test_a_meeting_place_stays_as_long_as_the_ranks(
    fake: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their libraries go on to look there; one of a worker that was killed is removed later."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own, other = f"dltui-ranks-{this_host()}-", "dltui-ranks-another-host-"
    for name in (f"{own}left", f"{own}young", f"{other}left"):
        (tmp_path / name).mkdir()
    for name in (f"{own}left", f"{other}left"):
        os.utime(tmp_path / name, (0, 0))
    some = RankSupervisor(DEVICES)
    place = some.meeting()
    place.touch()
    os.utime(place.parent, (0, 0))
    meeting.Meeting().end()
    assert {path.name for path in tmp_path.iterdir()} == {place.parent.name, f"{own}young", f"{other}left"}
    some.close()
    assert not place.parent.exists()


def test_a_meeting_place_stays_on_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: lock.RunLock, path: Path) -> None:
        raise RunError("no locks available")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(lock.RunLock, "acquire", refuse)
    place = meeting.Meeting()
    assert place.file.parent.is_dir()
    os.utime(place.file.parent, (0, 0))
    meeting.Meeting().end()
    assert list(tmp_path.iterdir()) == [place.file.parent]
    place.end()
    assert list(tmp_path.iterdir()) == []


def test_ranks_without_a_temporary_folder_say_so(fake: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with contextlib.closing(RankSupervisor(DEVICES)) as ranks, pytest.raises(RunError) as refused:
        DistributedTrainable._builds(SimpleNamespace(_supervisor=ranks), Path("x"), 2, [])  # type: ignore[arg-type]
    assert str(refused.value).startswith("ranks cannot meet in a temporary folder: No usable temporary directory")
