"""The ranks of several machines find the worker of their run, and nobody else does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.core.machine import cpu
from dltui.core.rundir.launch import Chosen, device_word, workers
from dltui.core.worker.ranks import gathering, supervisor
from dltui.core.worker.ranks.gathering import Gathering
from dltui.core.worker.ranks.supervisor import RankLost, RankSupervisor

ROOT = Path(__file__).parents[3]
DEVICES: list[dict[str, Any]] = [{"name": "cpu"}, {"name": "cpu"}]
STAYS = lambda: False  # noqa: E731


@pytest.fixture
def place() -> Gathering:
    """Rank 0's place, which waits for another."""
    with gathering.listen("127.0.0.1") as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        inherited = os.dup(listener.fileno())
    # As in a worker, the one descriptor left: what was not accepted when it closes is refused, not left waiting.
    return Gathering(0, 2, address, "a secret", inherited)


def come(place: Gathering) -> threading.Thread:
    """Let rank 1 connect and say a word."""

    def connect() -> None:
        with gathering.connect(replace(place, number=1)) as connection:
            connection.sendall(b"here")

    thread = threading.Thread(target=connect)
    thread.start()
    return thread


def test_a_place_is_told_by_a_variable(place: Gathering) -> None:
    assert gathering.told(place.environment) == place
    assert gathering.told({}) is None
    for text in ("{", '{"number": 1}', "[]"):
        with pytest.raises(RunError, match="DLTUI_RANKS cannot be read"):
            gathering.told({gathering.VARIABLE: text})


def test_ranks_that_know_the_secret_come_and_others_do_not(place: Gathering, monkeypatch: pytest.MonkeyPatch) -> None:
    host, port = place.host, int(place.address.rpartition(":")[2])
    with socket.create_connection((host, port)) as stranger, socket.create_connection((host, port)):
        stranger.sendall(bytes(200))
        stranger.shutdown(socket.SHUT_WR)
        wrong = threading.Thread(target=refused, args=(replace(place, number=1, secret="another"),))
        wrong.start()
        rank = come(place)
        # The rank does not wait for those that say nothing.
        monkeypatch.setattr(gathering, "PROOF_SECONDS", 3600.0)
        found = gathering.gather(place, 30.0, STAYS)
    assert found.keys() == {1}
    assert found[1].recv(4, socket.MSG_WAITALL) == b"here"
    found[1].close()
    rank.join()
    wrong.join()


def test_who_says_nothing_is_sent_away(place: Gathering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(gathering, "PROOF_SECONDS", 0.05)
    monkeypatch.setattr(gathering, "MOST_PENDING", 3)
    strangers = [socket.create_connection((place.host, int(place.address.rpartition(":")[2]))) for _ in range(5)]
    with pytest.raises(RunError, match="did not come within 1 s"):
        gathering.gather(place, 1.0, STAYS)
    for stranger in strangers:
        with stranger:
            stranger.settimeout(10.0)
            assert len(stranger.recv(100)) == gathering.PROOF_BYTES
            assert stranger.recv(100) == b""


def test_a_rank_may_speak_slowly(place: Gathering) -> None:
    """Its words come a byte at a time, and what follows them is left for the worker."""
    left, right = socket.socketpair()
    pending = gathering._Pending(left, place.secret)
    question = right.recv(gathering.PROOF_BYTES)
    told = bytes(gathering.PROOF_BYTES) + gathering._proof(place.secret, "rank", question) + bytes([0, 0, 0, 7])
    for byte in told[:-1]:
        right.sendall(bytes([byte]))
        assert pending.listen() is None
    right.sendall(told[-1:] + b"more")
    assert pending.listen() == 7
    assert left.recv(100) == b"more"
    assert right.recv(100) == gathering._proof(place.secret, "worker", bytes(gathering.PROOF_BYTES))
    for one in (left, right):
        one.close()
    os.close(place.listener)


def refused(place: Gathering) -> None:
    with pytest.raises(RunError, match=r"rank 1 does not reach its worker at 127\.0\.0\.1:"):
        gathering.connect(place)


def test_a_rank_that_does_not_come_ends_the_wait(place: Gathering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LOOK_SECONDS", 0.05)
    with pytest.raises(RunError, match=r"^rank 1 did not come within 0.1 s$"):
        gathering.gather(replace(place, listener=os.dup(place.listener)), 0.1, STAYS)
    with pytest.raises(RunError, match="rank 1 did not come"):
        gathering.gather(place, 600.0, lambda: True)


def test_a_rank_whose_worker_ends_first_does_not_wait(place: Gathering) -> None:
    with gathering.listen("127.0.0.1") as other:
        ended = replace(place, address=f"127.0.0.1:{other.getsockname()[1]}", number=1)
    refused(ended)
    os.close(place.listener)


def test_a_worker_and_a_rank_that_was_started_elsewhere(place: Gathering, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers orders as the others do, and its end is noticed."""
    monkeypatch.setattr(supervisor, "MODULE", "tests.fakes.fake_rank")
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.5)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    far = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.fakes.fake_rank"],
        env={**os.environ, **replace(place, number=1).environment},
    )
    both = RankSupervisor(DEVICES, gathering=place)
    assert len(both.pids) == 1
    assert [record["do"] for record, _ in both.request_all({"do": "advance"})] == ["advance", "advance"]
    far.kill()
    far.wait()
    with pytest.raises(RankLost, match=r"^rank 1 \(cpu of 127.0.0.1\) is gone; worker.log may say why$"):
        both.request_all({"do": "advance"})


def test_a_rank_that_was_started_elsewhere_ends_with_its_worker(
    place: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MODULE", "tests.fakes.fake_rank")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-P", "-m", "dltui.core.worker.ranks.rank_process"]
    far = subprocess.Popen(command, env={**os.environ, **replace(place, number=1).environment})
    both = RankSupervisor(DEVICES, gathering=place)
    told = both.request({1: ({"do": "reserve", "host": "127.0.0.1"}, {})})[1][0]
    assert 0 < told["port"] < 65536
    assert (told["cpus"], told["allowed"], told["processors"]) == (cpu.cpu_count(), cpu.allowed(), cpu.processors())
    both.kill()
    assert far.wait(20) != 0


@pytest.mark.parametrize(
    ("own", "others", "hosts"),
    [
        # The second rank is beside the first, and came by the name of its own machine.
        (["127.0.1.1", "10.0.0.1"], ["127.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.1", "10.0.0.2"]),
        (["10.0.0.1", "10.0.0.1"], ["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.1", "10.0.0.2"]),
        (["127.0.1.1", "127.0.1.1"], ["127.0.0.1", "127.0.0.1"], ["127.0.1.1"] * 3),
    ],
)
def test_no_rank_is_sent_to_its_own_loopback_interface(own: list[str], others: list[str], hosts: list[str]) -> None:
    assert supervisor.hosts_of(own, others) == hosts


def answer(cpus: int, allowed: int, *processors: int) -> dict[str, Any]:
    return {"port": 7, "cpus": cpus, "allowed": allowed, "processors": list(processors)}


@pytest.mark.parametrize(
    ("hosts", "answers", "threads"),
    [
        # Bound by Slurm, each to its own; on a machine that binds nobody; told by a launcher that binds nobody.
        ("aabb", [answer(2, 2, 0, 1), answer(2, 2, 2, 3)] * 2, [2, 2, 2, 2]),
        ("aab", [answer(8, 8, *range(8))] * 3, [4, 4, 8]),
        ("aab", [answer(3, 8, *range(8))] * 2 + [answer(1, 8, *range(8))], [3, 3, 1]),
        # A quota for all, and more ranks than processors.
        ("aa", [answer(2, 2, *range(8))] * 2, [1, 1]),
        ("aaa", [answer(1, 1, 0)] * 3, [1, 1, 1]),
        ("ab", [answer(4, 4)] * 2, [4, 4]),
    ],
)
def test_ranks_of_a_launcher_have_the_processors_that_they_were_given(
    hosts: str, answers: list[dict[str, Any]], threads: list[int]
) -> None:
    found = supervisor._reserved(list(hosts), answers)
    assert [one.threads for one in found] == threads
    assert [one.address for one in found] == [f"{host}:7" for host in hosts]


def test_a_launcher_that_starts_another_number_is_an_error(place: Gathering) -> None:
    with pytest.raises(RunError, match="its launcher has started 2 ranks for 3 devices"):
        RankSupervisor([*DEVICES, {"name": "cpu"}], gathering=place)
    os.close(place.listener)


def test_each_of_several_workers_has_the_same_device() -> None:
    assert device_word(Chosen("ray", {"workers": 2, "gpus": 0}), "auto") == "cpu"
    assert device_word(Chosen("ray", {"workers": 2, "gpus": 1}), "auto") == "cuda"
    assert device_word(Chosen("ray", {"workers": 1, "gpus": 2}), "auto") == "cuda:0,cuda:1"
    assert device_word(Chosen("ray", {"workers": 2}), "cpu") == "cpu"
    assert [workers(Chosen("ray", {"workers": word})) for word in (3, 1, "3", True)] == [3, 1, 1, 1]
    assert json.loads(Gathering(1, 2, "a:1", "s").environment[gathering.VARIABLE])["number"] == 1
