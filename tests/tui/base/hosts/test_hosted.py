"""What concerns a run of another host is asked of that host; all else is done here."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.errors import DltuiError, UsageError
from dltui.core.hosts import mirror
from dltui.core.hosts.address import Host
from dltui.core.hosts.link import HostError, Link, LinkState
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.hosts import far_hosts
from dltui.tui.base.hosts.far_hosts import FarHosts, FarRun, HostWatch
from dltui.tui.base.hosts.far_summary import from_json
from dltui.tui.base.hosts.hosted import HostedServices


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The questions to hosts, which are answered at once."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    found: list[dict[str, Any]] = []
    plan = {"ended": "stopped\x1b", "restored": "restored epoch 3", "differs": ["a"], "planned": 9, "done": "x"}
    answers = {"send": "id-7", "kill_cost": "all\x07", "train": ["made"], "fork": "forked", "resumption": plan}

    def ask(self: Link, do: str, seconds: float | None = None, **arguments: Any) -> Any:
        found.append({"do": do, **arguments})
        return answers.get(do)

    monkeypatch.setattr(Link, "ask", ask)
    return found


@pytest.fixture
def services() -> HostedServices:
    found = FarHosts([Host("gpu01", ("false",)), Host("gpu02", ("false",))])
    found.watches["gpu01"].link.state = LinkState("up")
    found.watches["gpu02"].link.state = LinkState("up", read_only=True)
    return HostedServices(found)


def test_commands_go_to_the_runs_own_host(services: HostedServices, asked: list[dict[str, Any]]) -> None:
    run = mirror.directory("gpu01", "brisk-otter")
    assert services.commands.send(run, "set", {"lr": 0.1}) == "id-7"
    assert services.commands.kill_cost(run) == "all\\x07"
    services.commands.kill(run, 2)
    services.commands.take_out(run)
    services.commands.send(run, "stop", {}, "my-id", 2)
    services.runs.label(run, tags=["a"])
    services.starting.resume(run, 3)
    assert services.starting.fork(run, ["lr=1"]).id == "gpu01:forked"
    assert [one["do"] for one in asked] == ["send", "kill_cost", "kill", "kill", "send", "label", "resume", "fork"]
    assert [one.get("command") for one in asked if one["do"] == "send"] == [None, "my-id"]
    assert [one.get("attempt") for one in asked[:5]] == [None, None, 2, 0, 2]
    assert {one["run"] for one in asked} == {"brisk-otter"}
    assert asked[0]["by"]


def test_a_plan_from_there_is_checked(services: HostedServices, asked: list[dict[str, Any]]) -> None:
    plan = services.starting.resumption(mirror.directory("gpu01", "brisk-otter"))
    assert (plan.ended, plan.differs, plan.planned, plan.done) == ("stopped\\x1b", ("a",), 9, 0)


def test_a_run_of_this_host_is_no_question(
    services: HostedServices, asked: list[dict[str, Any]], tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "home" / "runs" / "mine")
    run.control_dir.mkdir(parents=True)
    services.commands.send(run, "stop", {})
    assert len(list(run.control_dir.iterdir())) == 1
    assert asked == []


def test_a_run_starts_on_the_host_of_its_device(services: HostedServices, asked: list[dict[str, Any]]) -> None:
    command = ("dltui", "train", "cnn-torch", "--host", "gpu01", "--device", "cuda:1", "--lr", "0.1")
    request: Any = SimpleNamespace(device="gpu01:cuda:1", command=command)
    catalog: Any = None
    made = services.starting.start(request, catalog, lambda text: None)
    assert made.id == "gpu01:made"
    assert asked == [{"do": "train", "words": ["cnn-torch", "--device", "cuda:1", "--lr", "0.1"]}]
    with pytest.raises(UsageError, match="only a run of this host can be tried"):
        services.starting.try_out(command)


def test_rights_are_those_of_each_host(services: HostedServices) -> None:
    assert services.viewer.may_command(mirror.directory("gpu01", "a"))
    assert not services.viewer.may_command(mirror.directory("gpu02", "a"))


def test_a_run_is_deleted_where_it_is(services: HostedServices) -> None:
    with pytest.raises(UsageError, match="delete it there: ssh gpu01 dltui rm a"):
        services.trash.discard(mirror.directory("gpu01", "a"))


def test_a_model_is_tried_where_its_weights_are(services: HostedServices) -> None:
    with pytest.raises(UsageError, match="ssh -t gpu01 dltui attach a, then i"):
        services.trying.open(mirror.directory("gpu01", "a"))


def test_a_host_that_is_down_says_so_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    found = FarHosts([Host("gpu01", ("false",))])
    found.watches["gpu01"].link.state = LinkState("down", "timed out")
    with pytest.raises(HostError, match="gpu01 does not answer: timed out"):
        HostedServices(found).commands.send(mirror.directory("gpu01", "a"), "stop", {})


def test_what_goes_on_there_is_known_from_its_host(services: HostedServices, asked: list[dict[str, Any]]) -> None:
    runs = [from_json("gpu01", {"id": name, "status": name}) for name in ("running", "finished")]
    hosts: Any = services.elsewhere
    hosts.watches["gpu01"].runs = tuple(runs)
    names = ("running", "finished", "unknown")
    found = [services.runs.goes_on(mirror.directory("gpu01", name), time.time) for name in names]
    assert found == [True, False, False]


def watched(monkeypatch: pytest.MonkeyPatch, fails: Exception) -> tuple[HostWatch, list[str]]:
    """The watch of a host whose devices fail, and its questions."""
    watch, asked = HostWatch(Link(Host("gpu01", ("false",)))), []
    watch.link.state = LinkState("up", since=1.0)

    def ask(self: Link, do: str, seconds: float | None = None, **arguments: Any) -> Any:
        asked.append(do)
        if do == "devices":
            raise fails
        return {"runs": [{"id": "r", "status": "running"}], "gone": []}

    monkeypatch.setattr(Link, "ask", ask)
    return watch, asked


def test_devices_that_hang_cost_the_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    watch, asked = watched(monkeypatch, HostError("gpu01 does not answer: no answer for 5 s"))
    for _ in range(3):
        watch._look()
    assert [run.status for run in watch.runs] == ["running"]
    assert (watch.devices, watch.line().problem) == (None, "")
    assert asked == ["list", "devices", "list", "list"], "a driver that hangs is left alone for a while"


def test_devices_that_fail_are_asked_for_again_soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setattr(far_hosts, "DEVICE_SECONDS", 0.0)
    watch, asked = watched(monkeypatch, DltuiError("its devices cannot be listed"))
    for _ in range(2):
        watch._look()
    assert asked == ["list", "devices"] * 2


def test_leaving_waits_until_copies_have_ended(services: HostedServices) -> None:
    stopped: list[float] = []
    kept: Any = SimpleNamespace(stop=lambda seconds=0.0: stopped.append(seconds))
    hosts: Any = services.elsewhere
    hosts._mirrors[mirror.directory("gpu01", "a")] = (kept, 1)
    hosts.end()
    assert stopped == [0.0, far_hosts.LEAVING_SECONDS]


def test_predictions_are_brought_when_a_page_wants_them_now(services: HostedServices) -> None:
    done: list[str] = []
    kept: Any = SimpleNamespace(
        ready=lambda: done.append("ready"), refresh=lambda large: done.append(f"refreshed {large}")
    )
    FarRun(services.elsewhere, kept).bring_predictions()  # type: ignore[arg-type]
    assert done == ["ready", "refreshed True"]
