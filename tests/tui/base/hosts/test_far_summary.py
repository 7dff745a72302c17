"""Summaries of runs come from another host: each value is checked and cleaned."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base import summary_json
from dltui.tui.base.hosts.far_summary import device_from_json, from_json, silenced
from dltui.tui.base.services import Clock
from dltui.tui.base.summary import Summary
from dltui.tui.base.summary_json import as_json
from dltui.tui.run_list import table

FULL = Summary(
    directory=RunDirectory("/far/runs/bold-wren"), id="bold-wren", name="Bold", status="running", why="w",
    phase="training", since=1.5, model="cnn", framework="torch", dataset="digits", device="cuda:1", host="box",
    epochs_done=3, epochs=9, fraction=0.3, left=12.0, best="91 %", best_epoch=2, best_name="accuracy",
    best_value=0.91, trend=(0.1, 0.2), tags=("a", "b"), note="n", facts={"lr": 0.1, "tags": ["a"], "host": "box"},
    test="acc", test_value=0.9, seed="1", group="lab", group_seeds=(1, 2), sweep="s", created=5.0, ended=6.0,
    differs=(("lr", "1", "2"),), exports="/e", command="dltui train", obeyed=(("id", "pause", 7),),
)  # fmt: skip


def test_a_summary_comes_back_as_it_was() -> None:
    found = from_json("gpu01", json.loads(json.dumps(as_json(FULL))))
    assert found is not None
    for field in dataclasses.fields(Summary):
        if field.name not in ("directory", "id", "host", "group", "sweep", "facts", "via", "members"):
            assert getattr(found, field.name) == getattr(FULL, field.name), field.name
    assert (found.id, found.host, found.via) == ("gpu01:bold-wren", "gpu01", "gpu01")
    assert (found.group, found.sweep) == ("gpu01:lab", "gpu01:s")
    assert found.facts["host"] == "gpu01"


def test_every_field_is_read() -> None:
    known = {*summary_json.READ, "directory", "id", "host", "members", "via"}
    assert {field.name for field in dataclasses.fields(Summary)} == known


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        {"id": "../x"},
        {"id": "a/b"},
        {"id": "ok", "epochs": "nine"},
        {"id": "ok", "created": float("nan")},
        {"id": "ok", "trend": ["x"]},
        {"id": "ok", "trend": [0.0] * 1000},
        {"id": "ok", "differs": [["a", "b"]]},
        {"id": "ok", "facts": []},
        {"id": "ok", "since": True},
    ],
)
def test_what_makes_no_sense_is_no_run(found: Any) -> None:
    assert from_json("gpu01", found) is None


def test_control_characters_are_made_visible() -> None:
    found = from_json("gpu01", {"id": "ok", "name": "a\x1b[2Jb", "why": "x\ny", "facts": {"k\x07": "v\x1b"}})
    assert found is not None
    assert "\x1b" not in found.name + found.why + "".join(map(str, found.facts.items()))
    assert "\n" not in found.why


def test_a_run_of_another_version_has_its_known_fields() -> None:
    found = from_json("gpu01", {"id": "ok", "name": "Ok", "status": "running", "invented": {"a": 1}})
    assert found is not None
    assert found.status == "running"


def test_a_host_that_is_silent_makes_its_live_runs_silent() -> None:
    live = from_json("gpu01", {"id": "ok", "status": "running", "left": 4.0})
    over = from_json("gpu01", {"id": "ok", "status": "finished"})
    assert live is not None
    assert over is not None
    quiet = silenced(live, "Connection refused", 10.0)
    assert (quiet.status, quiet.why, quiet.left) == ("silent", "gpu01 does not answer: Connection refused", None)
    assert silenced(over, "x", 1.0) is over


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"name": "cuda:0", "processes": 7},
        {"name": "cuda:0", "processes": [["u"]]},
        {"name": "cuda:0", "free_bytes": "much"},
    ],
)
def test_what_makes_no_sense_is_no_device(found: Any) -> None:
    assert device_from_json(found) is None


def test_a_device_comes_back() -> None:
    found = device_from_json({"name": "cuda:0", "title": "T4\x1b", "free_bytes": 5, "processes": [["ann", 7, 9]]})
    assert found is not None
    assert (found.name, found.free_bytes, found.processes) == ("cuda:0", 5, (("ann", 7, 9),))
    assert "\x1b" not in found.title


def test_the_times_of_another_clock_are_those_of_this_one() -> None:
    found = from_json("gpu01", {"id": "ok", "since": 5_000.0, "created": 4_000.0, "ended": 0.0}, ahead=1_000.0)
    assert found is not None
    assert (found.since, found.created, found.ended) == (4_000.0, 3_000.0, 0.0)


@pytest.mark.parametrize("value", [1e308, -1e308, 1e18, -1e18])
def test_no_number_of_a_host_ends_the_screen(value: float) -> None:
    for name in ("since", "created", "ended", "left", "fraction", "best_value"):
        for status in ("running", "finished", "paused", "unheard of"):
            more = {"trend": [value, -value, value], "epochs": 3, "best": "1", "best_name": "loss"}
            found = from_json("gpu01", {"id": "ok", "status": status, name: value, **more})
            assert found is not None
            table.table([found], 0, 0, 200, 5, 1e9, "here", False, hosts=True)
            table.detail(found, 200, 9, 1e9, Clock().time_of_day, False)
