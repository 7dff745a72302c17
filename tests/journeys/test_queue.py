"""Queued runs: workers that wait for their device, one after the other, with nobody watching."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from dltui.core.machine import process
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE, terminal

RUN = ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--device", "cpu")
SECONDS = 120

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def ended(program: Program, name: str) -> float:
    """When the run ended."""
    deadline = time.monotonic() + SECONDS
    while program.reader(name).history.ended is None:
        assert time.monotonic() < deadline, program.reader(name).status()
        time.sleep(0.05)
    return program.reader(name).history.ended_at


def began(program: Program, name: str) -> float:
    for line in (program.run(name) / "events.jsonl").read_bytes().splitlines():
        event = json.loads(line)
        if event["type"] == "attempt_started":
            return float(event["time"])
    raise AssertionError(f"{name} never began")


def queued(program: Program, name: str, why: str) -> None:
    program.wait(name, lambda live: live.phase == "queued" and live.detail == why)


@pytest.mark.long
def test_three_run_one_after_the_other_also_when_the_second_fails(program: Program) -> None:
    plugin = program.folder / "second.py"
    shutil.copy(FAKE, plugin)
    program(*RUN, "--queue", "--name", "first", "--epochs", "6", "--step-seconds", "0.05")
    said = program("train", "softmax-numpy", "--plugin", str(plugin), *RUN[4:], "--queue", "--name", "second")
    assert "second is queued for cpu" in said.stdout
    program(*RUN, "--queue", "--name", "third")
    queued(program, "second", "1st in line for cpu, after first")
    queued(program, "third", "2nd in line for cpu, after second")
    rows = {row["id"]: row for row in json.loads(program("runs", "--json").stdout)}
    assert (rows["third"]["status"], rows["third"]["why"]) == ("queued", "2nd in line for cpu, after second")
    plugin.unlink()
    finish = [ended(program, name) for name in ("first", "second", "third")]
    ways = [program.reader(name).status().name for name in ("first", "second", "third")]
    assert ways == ["finished", "failed", "finished"]
    assert finish == sorted(finish)
    assert began(program, "third") > finish[1] > finish[0]


@pytest.mark.longest
def test_a_queued_run_waits_for_one_that_was_started_at_once(program: Program) -> None:
    program(*RUN, "--detach", "--name", "now", "--epochs", "4", "--step-seconds", "0.05")
    program.wait("now", lambda live: live.step > 0)
    program(*RUN, "--queue", "--name", "later")
    queued(program, "later", "1st in line for cpu, after now")
    assert ended(program, "later") > began(program, "later") > ended(program, "now")


@pytest.mark.slow(30)
@pytest.mark.longest
def test_stop_and_kill_take_a_run_out_of_the_queue_and_the_others_go_on(program: Program) -> None:
    program(*RUN, "--detach", "--name", "now", "--epochs", "400", "--step-seconds", "0.05")
    program.wait("now", lambda live: live.step > 0)
    for name in ("killed", "stopped", "last"):
        program(*RUN, "--queue", "--name", name)
    queued(program, "last", "3rd in line for cpu, after stopped")
    assert "stopped taken out of the queue" in program("stop", "stopped").stdout
    queued(program, "last", "2nd in line for cpu, after killed")
    program("kill", "killed", "--yes")
    queued(program, "last", "1st in line for cpu, after now")
    program("kill", "now", "--yes")
    ended(program, "last")
    assert program.reader("last").status().name == "finished"
    stopped = program.reader("stopped").status()
    assert (stopped.name, stopped.why.split(";")[0]) == ("stopped", "taken out of the queue before it began")
    assert program.reader("killed").status().name == "interrupted"
    program("resume", "stopped", "--plain")
    assert program.reader("stopped").status().name == "finished"


@pytest.mark.longest
def test_on_the_screen_a_queued_run_shows_its_place_and_s_takes_it_out(program: Program) -> None:
    program(*RUN, "--detach", "--name", "now", "--epochs", "400", "--step-seconds", "0.05")
    program(*RUN, "--queue", "--name", "later")
    queued(program, "later", "1st in line for cpu, after now")
    screen = terminal(program, "attach", "later")
    screen.expect("QUEUED")
    screen.expect("1st in line for cpu, after now")
    screen.send("s")
    screen.expect("out of the queue")
    screen.send("y")
    ended(program, "later")
    assert program.reader("later").status().why.startswith("taken out of the queue")
    screen.send("q")
    screen.wait()
    assert screen.exitstatus == 0
    program("kill", "now", "--yes")


@pytest.mark.longest
def test_what_a_queued_run_cannot_obey_is_said(program: Program) -> None:
    program(*RUN, "--detach", "--name", "now", "--epochs", "400", "--step-seconds", "0.05")
    program(*RUN, "--queue", "--name", "later")
    live = program.wait("later", lambda live: live.phase == "queued")
    assert "the run is queued" in program("pause", "later", code=2).stderr
    assert process.alive(live.process)
    program("stop", "later")
    program("kill", "now", "--yes")
