"""A launcher is chosen, its job is ended from any machine, and what it refuses leaves nothing."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.catalog.entries import Catalog, LauncherEntry
from dltui.core.catalog.fields import FieldSpec
from dltui.core.catalog.sources import Installed
from dltui.core.contract.launchers import Launcher, LaunchState
from dltui.core.errors import PluginError, RunError, UsageError
from dltui.core.lifecycle import kill, start, trash
from dltui.core.lifecycle.launch import asked_rows, launch_process, launched_process, launching
from dltui.core.machine import devices
from dltui.core.machine.devices import Device, left_open, visible_to
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import commands, heartbeat, launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import Live
from dltui.core.rundir.launch import Chosen, LaunchRecord
from dltui.core.worker.ranks.gathering import Gathering
from tests.helpers import known_catalog

PYTHON = "/usr/bin/python3"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return RunDirectory.create("one", {"created": time.time(), "config": {}, "launcher": {"name": "slurm"}})


def beat(run: RunDirectory, **changes: object) -> None:
    """A heartbeat of a worker on another host."""
    now = time.time()
    live = Live("node07", "another boot", 12, 34, 1, "training", now, now, step=7)
    content = asdict(replace(live, run=str(run.path), inode=heartbeat.inode(run.path), **changes))  # type: ignore[arg-type]
    (run.path / "live.json").write_text(json.dumps(content))


def entry(**changes: object) -> LauncherEntry:
    fields = (FieldSpec("gpus", "int", 0, "GPUs", minimum=0),)
    return replace(LauncherEntry("queue", "a queue", fields, False, {"python": PYTHON}), **changes)  # type: ignore[arg-type]


def test_a_launcher_is_usable_where_its_programs_and_packages_are() -> None:
    catalog = Catalog(installed={PYTHON: Installed(PYTHON, packages={"there": "1.0"})})
    assert launching.problem(entry(programs=("sh",), package="there"), catalog) == ""
    assert launching.problem(entry(programs=("no-such-program",)), catalog) == "there is no no-such-program on PATH"
    lacks = launching.problem(entry(package="ray", install="pip install 'dltui[ray]'"), catalog)
    assert lacks == f"needs ray: {PYTHON} -m pip install 'dltui[ray]'"
    catalog.launchers = {"queue": entry(), "local": entry(name="local"), "lost": entry(name="lost", package="lost")}
    assert list(launching.usable(catalog)) == ["local", "queue"]
    assert launching.check(Chosen("queue"), catalog)[0] == Chosen("queue", {"gpus": 0})
    with pytest.raises(UsageError, match="gpus must be"):
        launching.check(Chosen("queue", {"gpus": -1}), catalog)


def test_a_worker_on_another_host_is_killed_by_its_launcher(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr(launching, "end", lambda run: ended.append(run.id))
    launch.write(run.path, LaunchRecord("slurm", {}, time=time.time(), job={"id": "7"}))
    beat(run)
    reader = RunReader(run)
    assert reader.status().name == "running"
    assert kill.cost(reader) == "no checkpoint yet, 7 steps"
    kill.kill(reader)
    assert ended == ["one"]
    assert [command.action for command in commands.take(run.path)] == ["kill"]


def test_without_a_launcher_it_is_killed_where_it_runs(run: RunDirectory) -> None:
    beat(run)
    with pytest.raises(UsageError, match="one runs on node07; kill it there"):
        kill.kill(RunReader(run))


def test_a_launcher_is_asked_while_no_worker_tells_of_itself(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Done:
        def __init__(self, run: RunDirectory, action: str) -> None:
            asked.append(action)

        def poll(self) -> int:
            return 0

        def wait(self, seconds: float) -> int:
            return 0

    monkeypatch.setattr(launching, "_process", Done)
    record = LaunchRecord("slurm", {}, time=time.time(), job={"id": "7"})
    live, over = Status("queued"), Status("finished")
    assert not launching.refresh_all([(run, live)])
    launch.write(run.path, record)
    assert not launching.refresh_all([(run, over)])
    assert launching.refresh_all([(run, live)])
    launching.refresh(run, live)
    launching.refresh(run, live)
    assert asked == ["state", "state"]
    beat(run)
    assert not launching.refresh_all([(run, live)])
    beat(run, time=time.time() - 100)
    assert launching.refresh_all([(run, Status("silent"))])
    launch.write(run.path, replace(record, state="gone"))
    assert not launching.refresh_all([(run, live)])


def test_on_a_full_disk_no_job_is_left_and_each_can_be_ended(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[object] = []
    launcher = Launcher(
        "slurm",
        "",
        start=lambda launch, options: {"id": "8"},
        state=lambda launch, job: LaunchState("running"),
        kill=lambda launch, job: ended.append(job["id"]),
    )
    record = LaunchRecord("slurm", {}, job={"id": "7"})

    def full(run_dir: Path, record: LaunchRecord) -> None:
        raise RunError("cannot write: No space left on device")

    monkeypatch.setattr(launch, "write", full)
    with pytest.raises(RunError, match="No space left"):
        launch_process.start(run, launcher, record)
    launch_process.kill(run, launcher, record)
    assert ended == ["8", "7"]


@pytest.mark.parametrize("away", [True, False])
def test_a_job_that_has_begun_says_if_it_is_on_another_machine(run: RunDirectory, away: bool) -> None:
    state, job = LaunchState("running"), {"id": "8"}
    launcher = Launcher("slurm", "", lambda *to: job, lambda *to: state, lambda *to: None, away=away)
    launch_process.start(run, launcher, LaunchRecord("slurm", {}))
    record = launch.read(run.path)
    assert record is not None
    assert (record.job, record.away) == (job, away)
    assert launch.keeps_device(run.path).startswith("it is a job of slurm") is away


def test_another_machine_chooses_the_device_anew(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU that the run had here is not there."""
    monkeypatch.setattr(launching, "_ask", lambda run, action: None)
    here = {"name": "cuda:0", "title": "T4", "uuid": "GPU-1", "asked": "auto"}
    for instead, name in (({"device": here}, "auto"), ({"device": {"name": "cpu:2"}}, "cpu:2"), ({}, None)):
        launching.begin(run, 0, instead)
        record = launch.read(run.path)
        assert record is not None
        assert (record.instead.get("device") or {}).get("name") == name
        assert bool((record.instead.get("device") or {}).get("open")) is (name == "auto")


def test_a_few_are_asked_about_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(launching, "_ASKING", {})
    asking: list[str] = []

    class Asking:
        def __init__(self, run: RunDirectory, action: str) -> None:
            self.run = run.id
            asking.append(run.id)

        def poll(self) -> int | None:
            return None if self.run in asking else 0

        def wait(self, seconds: float) -> int:
            assert len(asking) <= launching.MOST_ASKED
            asking.remove(self.run)
            return 0

    monkeypatch.setattr(launching, "_process", Asking)
    runs = [RunDirectory.create(f"r{number}", {"created": time.time(), "config": {}}) for number in range(10)]
    for one in runs:
        launch.write(one.path, LaunchRecord("slurm", {}, time=time.time(), job={"id": "7"}))
    assert launching.refresh_all([(one, Status("queued")) for one in runs])
    assert asking == []
    counts = []
    for _ in range(4):
        for one in runs:
            launching.refresh(one, Status("queued"))
        counts.append(len(asking))
        asking.clear()
    assert counts == [4, 4, 2, 0], "each has its turn"


def test_a_launcher_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: known_catalog.Fill
) -> None:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    run = RunDirectory.create("one", {"created": time.time(), "config": {}})
    launch.write(run.path, LaunchRecord("slurp", {}))
    heartbeat.record_starting(run.path, os.getpid(), creator=True)
    with pytest.raises(UsageError, match="launcher slurp of one is not installed; see dltui plugins list"):
        launching.begin(run)
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("options", "word", "wanted"),
    [
        ({"gpus": 2}, "auto", "cuda:0,cuda:1"),
        ({"gpus": 2}, "cuda:1", "cuda:1"),
        ({"gpus": 1}, "auto", "auto"),
        ({"gpus": "2"}, "auto", "auto"),
        ({}, "auto", "auto"),
    ],
)
def test_auto_is_all_gpus_of_a_job(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], word: str, wanted: str
) -> None:
    two = RunDirectory.create("two", {**run.run(), "device": left_open(word)})
    launch.write(two.path, LaunchRecord("slurm", options))
    asked: list[str] = []

    def resolve(text: str, *rest: object) -> Device:
        asked.append(text)
        return Device(text, "GPUs")

    monkeypatch.setattr(start, "resolve", resolve)
    found = start._on_this_machine(two, {})["device"]
    assert asked == [wanted]
    assert (found["name"], found["asked"]) == (wanted, word), "another job may have more or fewer"


def test_each_of_several_workers_sees_one_gpu(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker of the run, whose first rank is beside it, and a rank of another machine."""
    two = RunDirectory.create("two", {**run.run(), "python": PYTHON, "device": left_open("auto")})
    launch.write(two.path, LaunchRecord("ray", {"workers": 2, "gpus": 1}))
    monkeypatch.setattr(start, "resolve", lambda text, *rest: Device(f"{text}:0", "GPU", "GPU-a"))
    for name, value in Gathering(0, 2, "a:1", "s").environment.items():
        monkeypatch.setenv(name, value)
    command, environment = start.worker_command(two)
    device = json.loads(command[command.index("--instead") + 1])["device"]
    assert [one["uuid"] for one in device["devices"]] == ["GPU-a", "GPU-a"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", environment["CUDA_VISIBLE_DEVICES"])
    assert visible_to(0)["CUDA_VISIBLE_DEVICES"] == "GPU-a"
    command, environment = start.rank_command(two)
    assert command == [PYTHON, "-P", "-m", "dltui.core.worker.ranks.rank_process"]
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-a"


@pytest.mark.parametrize(
    ("options", "wanted"), [({"nodes": 2, "gpus": 1}, "cuda:0,cuda:1"), ({"workers": 3, "gpus": 0}, "cpu:3")]
)
def test_workers_that_no_launcher_has_started_are_ranks_of_this_machine(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], wanted: str
) -> None:
    """As of a run that is trained again from its directory, to see if it repeats."""
    two = RunDirectory.create("two", {**run.run(), "device": left_open("auto")})
    launch.write(two.path, LaunchRecord("slurm", options))
    gpus = [Device(f"cuda:{number}", "GPU", f"GPU-{number}") for number in range(2)]
    monkeypatch.setattr(devices, "list_devices", lambda: [*gpus, Device("cpu", "CPU")])
    found = start._on_this_machine(two, {})["device"]
    assert (found["name"], found["asked"]) == (wanted, "auto")
    assert len({one["uuid"] for one in found["devices"]}) == (2 if "cuda" in wanted else 1)
    monkeypatch.setattr(devices, "list_devices", lambda: [gpus[0], Device("cpu", "CPU")])
    if "cuda" in wanted:
        with pytest.raises(UsageError, match=r'^no device "cuda:1"; this machine has cuda:0, cpu$'):
            start.worker_command(two)


def launcher(given: Any, ended: list[object]) -> Launcher:
    """One whose start and state return this, or raise it."""

    def give(launch: object, asked: object) -> Any:
        if isinstance(given, BaseException):
            raise given
        return given

    return Launcher("lab", "", give, give, lambda launch, job: ended.append(dict(job)))


def test_a_start_that_returns_no_job_is_told(run: RunDirectory) -> None:
    for given, what in ((None, "None"), ("7", "a str"), (7, "a int")):
        ended: list[object] = []
        told = f"start returned {what}, no dict of JSON values: the job that it may have started is not known to dltui"
        with pytest.raises(PluginError, match=told):
            launch_process.start(run, launcher(given, ended), LaunchRecord("lab", {}))
        assert ended == []


@pytest.mark.parametrize("job", [{"path": Path("/x")}, {"x": float("nan")}, {7: "x"}])
def test_a_job_that_cannot_be_kept_is_ended(run: RunDirectory, job: dict[Any, Any]) -> None:
    ended: list[object] = []
    with pytest.raises(PluginError, match=r"start must return a dict of JSON values; its job was ended$"):
        launch_process.start(run, launcher(job, ended), LaunchRecord("lab", {}))
    assert len(ended) == 1

    def fails(launch: object, job: object) -> None:
        raise KeyError("pid")

    with pytest.raises(PluginError, match="its job could not be ended"):
        launch_process.start(run, replace(launcher(job, []), kill=fails), LaunchRecord("lab", {}))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (RunError("squeue timed out"), "squeue timed out"),
        (KeyError("pid"), "KeyError: 'pid' (test_launching.py line "),
        (SystemExit(1), "it called sys.exit()"),
        (None, "launcher lab: state returned NoneType; it must be a LaunchState: waiting, running, gone, unknown"),
        (LaunchState("pending"), "launcher lab: state returned pending; it must be a LaunchState"),  # type: ignore[arg-type]
        (LaunchState("waiting", place="first"), "ValueError: invalid literal for int()"),  # type: ignore[arg-type]
    ],
)
def test_a_state_that_fails_is_unknown_with_its_reason(run: RunDirectory, given: Any, reason: str) -> None:
    record = LaunchRecord("lab", {}, time=time.time(), job={"id": "7"}, state="waiting")
    launch.write(run.path, record)
    launch_process.state(run, launcher(given, []), record)
    found = launch.read(run.path)
    assert found is not None
    assert found.state == "unknown"
    assert found.reason.startswith(reason)
    assert found.asked > 0


def test_a_launcher_that_is_gone_is_told_when_it_is_asked(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_process.trust, "catalog", lambda run: Catalog())
    launch.write(run.path, LaunchRecord("slurm", {}, job={"id": "7"}))
    with pytest.raises(UsageError, match="launcher slurm of one is not installed"):
        launch_process.act("state", run.path)
    found = launch.read(run.path)
    assert found is not None
    assert (found.state, found.reason[:31]) == ("unknown", "launcher slurm of one is not in")


def test_a_job_of_a_launcher_that_is_gone_is_given_up(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its run could not be deleted otherwise."""
    monkeypatch.setattr(launch_process.trust, "catalog", lambda run: Catalog())
    launch.write(run.path, LaunchRecord("slurm", {}, job={"id": "7"}, requeues=True, state="unknown"))
    assert launching.has_job(run)
    with pytest.raises(UsageError, match=r"is not installed; .*; its job was not ended, and is not "):
        launch_process.act("kill", run.path)
    assert launching.is_withdrawn(run)
    status = RunReader(run).status()
    assert (status.name, status.why.split(" by ")[0]) == ("interrupted", "given up")
    trash.check(run)
    # Its launcher may be there again, and its job as well.
    monkeypatch.setattr(launching, "_ask", lambda run, action: launch_process.act(action, run.path))
    ended: list[Any] = []
    monkeypatch.setattr(launch_process, "_launcher", lambda run, record: launcher({}, ended))
    kill.kill(RunReader(run))
    assert len(ended) == 1
    with pytest.raises(UsageError, match="nothing to kill"):
        kill.kill(RunReader(run))


def test_a_job_is_not_given_up_while_a_plugin_cannot_be_loaded(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Catalog(problems=[("lab.py", "it took longer than 20 s")])
    monkeypatch.setattr(launch_process.trust, "catalog", lambda run: broken)
    launch.write(run.path, LaunchRecord("lab", {}, job={"id": "7"}))
    with pytest.raises(UsageError, match="launcher lab of one is not here, and not every plugin could be loaded; see"):
        launch_process.act("kill", run.path)
    assert launching.has_job(run)


def test_another_launcher_is_not_asked_about_a_job_that_was_given_up(run: RunDirectory) -> None:
    launch.write(run.path, LaunchRecord("lab", {}, job={"id": "7"}, withdrawn=True, given_up=True))
    assert launching.is_given_up(run)
    launching.choose(run, Chosen(), Catalog())
    assert not launching.is_given_up(run)


@pytest.mark.parametrize("name", launching.ASKED)
def test_only_a_launcher_that_puts_jobs_back_is_asked_about_a_run_that_may_begin_again(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its node may be lost, and its job in the queue again."""
    monkeypatch.setattr(launching, "_process", lambda *words: SimpleNamespace(wait=lambda seconds: 0))
    record, over = LaunchRecord("slurm", {}, time=time.time(), job={"id": "7"}), Status(name)
    for changes, asked in (({}, False), ({"requeues": True}, True), ({"requeues": True, "withdrawn": True}, False)):
        launch.write(run.path, replace(record, **changes))  # type: ignore[arg-type]
        assert launching.refresh_all([(run, over)]) is asked


def test_a_list_asks_about_runs_that_may_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"path": f"/{name}", "status": name} for name in ("interrupted", "preempted", "failed", "running")]
    asked: list[str] = []
    monkeypatch.setattr(asked_rows, "all_rows", lambda: rows)
    monkeypatch.setattr(launching, "refresh_all", lambda runs: asked.extend(run.id for run, _ in runs))
    assert asked_rows.asked_rows() == rows
    assert asked == ["interrupted", "preempted", "running"]


def test_a_worker_that_cannot_be_started_there_is_one_line(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launched_process, "worker", lambda run_dir: (["/no/such/python"], {}))
    assert launched_process.main([str(run.path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("dltui: cannot start the worker with /no/such/python on ")
    assert error.endswith(": No such file or directory\n")


def test_a_worker_that_leaves_another_machine_is_waited_for(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks: list[Path] = []

    def look(run_dir: Path) -> None:
        looks.append(run_dir)
        if len(looks) != 3:
            raise UsageError("one is running on gpu01: its heartbeat moves")

    monkeypatch.setattr(launched_process.claim, "wait_for_last", look)
    monkeypatch.setattr(launched_process.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(launched_process, "worker", lambda run_dir: (["/no/such/python"], {}))
    launched_process.main([str(run.path)])
    assert len(looks) == 3
    monkeypatch.setattr(launched_process, "LOCK_SECONDS", -1.0)
    capsys.readouterr()
    assert launched_process.main([str(run.path)]) == 2
    assert capsys.readouterr().err == "dltui: one is running on gpu01: its heartbeat moves\n"
