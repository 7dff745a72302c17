"""Ray: what its processes are told, and whole runs on a cluster of this machine."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.sources import own
from dltui.core.contract.launchers import Launch
from dltui.core.lifecycle import start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.launch import LaunchRecord
from dltui.plugins.launchers import ray, ray_driver_process
from dltui.plugins.launchers.ray import RayOptions
from tests.helpers.marks import few

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
needs_ray = pytest.mark.skipif(own().version("ray") is None, reason="ray is not installed: pip install 'dltui[ray]'")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def test_ports_want_a_token_that_is_for_this_user_alone(home: Path) -> None:
    told = ray.environment("")
    assert (told["RAY_AUTH_MODE"], told["RAY_USAGE_STATS_ENABLED"]) == ("token", "0")
    assert told["RAY_worker_niceness"] == "0"
    token = Path(told["RAY_AUTH_TOKEN_PATH"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    first = token.read_text()
    assert len(first) == 64
    assert Path(ray.environment("")["RAY_AUTH_TOKEN_PATH"]).read_text() == first
    assert "RAY_AUTH_MODE" not in ray.environment("head:6379")


def test_several_workers_are_refused_in_a_line() -> None:
    with pytest.raises(ValueError, match="a run has one worker of Ray; leave --workers out"):
        RayOptions(workers=2)


def test_the_driver_is_the_job(home: Path) -> None:
    (home / "one").mkdir()
    one = Launch(home / "one", "one", ("true",), {}, home / "one" / "worker.log")
    job = ray.local.begin(["/bin/sleep", "60"], dict(os.environ), one)
    assert ray.state(one, job).name == "waiting"
    ray.LAUNCHER.kill(one, job)
    os.waitpid(int(job["pid"]), 0)
    assert ray.state(one, job).name == "gone"
    ray.LAUNCHER.kill(one, job)


@pytest.mark.parametrize(
    ("code", "withdrawn", "again"), [(0, False, False), (1, False, False), (75, False, True), (75, True, False)]
)
def test_ray_starts_what_was_lost_again(home: Path, code: int, withdrawn: bool, again: bool) -> None:
    run = RunDirectory.create("one", {"created": 0.0})
    launch.write(run.path, LaunchRecord("ray", {}, job={"pid": 1}, withdrawn=withdrawn))
    asked = {"run_dir": str(run.path), "command": ["/bin/sh", "-c", f"echo said; exit {code}"], "environment": {}}
    if again:
        with pytest.raises(RuntimeError, match="ended with 75; it goes on from its last checkpoint"):
            ray_driver_process.train(asked)
    else:
        ray_driver_process.train(asked)
    assert run.worker_log.read_text() == "said\n"


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to end a child with its parent")
def test_a_command_dies_with_its_parent() -> None:
    leash = "dltui.plugins.launchers.leash_process"
    code = f"""
import os, subprocess, sys
found = subprocess.Popen([sys.executable, "-P", "-m", "{leash}", str(os.getpid()), "/bin/sleep", "60"])
while b"sleep" not in open(f"/proc/{{found.pid}}/cmdline", "rb").read()[:12]: pass
print(found.pid, flush=True); os.kill(os.getpid(), 9)
"""
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    until(lambda: not psutil.pid_exists(int(parent.stdout)) or _is_dead(int(parent.stdout)), 10.0)


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def started(home: Path) -> Iterator[Callable[..., RunDirectory]]:
    """Starts runs by Ray, and ends them."""
    runs: list[RunDirectory] = []

    def begin(model: str, dataset: str, **config: object) -> RunDirectory:
        request = RunRequest(
            model,
            dataset,
            device="cpu",
            config=config,
            name=f"r{len(runs)}",
            exports=str(home / "exports"),
            formats=("none",),
            plugins=(FAKE,),
            launcher="ray",
        )
        runs.append(create_run(request, load_catalog([FAKE])))
        assert start.spawn_worker(runs[-1]) == 0
        return runs[-1]

    yield begin
    for run in runs:
        launching.end(run)


@needs_ray
@pytest.mark.longest
@pytest.mark.slow(60)
@pytest.mark.timeout(600)
def test_a_worker_that_is_killed_goes_on(started: Callable[..., RunDirectory]) -> None:
    """The worker of Ray is killed, and the run's own with it: both begin again, from the last checkpoint."""
    run = started("softmax-numpy", "blobs", epochs=20, step_seconds=0.03, checkpoint_seconds=0.5)
    reader = RunReader(run)
    until(lambda: reader.refresh() and len(reader.history.checkpoints) >= 2, 300.0)
    live = reader.live()
    assert live is not None
    os.kill(psutil.Process(live.pid).ppid(), signal.SIGKILL)
    until(lambda: (reader.refresh(), reader.status().name)[1] == "finished", 300.0)
    assert reader.history.attempts_started == 2
    assert len(reader.history.epochs) == 20


@needs_ray
@pytest.mark.slow(90)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("framework", few(("torch", "tensorflow"), 0, long=0))
def test_both_frameworks_train_as_they_do_here(started: Callable[..., RunDirectory], framework: str) -> None:
    if own().version(framework) is None:
        pytest.skip(f"{framework} is not installed")
    run = started(f"mlp-{framework}", "digits", epochs=3, threads=1)
    reader = RunReader(run)
    until(lambda: (reader.refresh(), reader.status().name)[1] == "finished", 400.0)
    here = create_run(
        RunRequest(
            f"mlp-{framework}", "digits", device="cpu", config={"epochs": 3, "threads": 1}, name="here",
            exports=str(run.path.parent.parent / "e"), formats=("none",),
        ),
        load_catalog(),
    )  # fmt: skip
    os.waitpid(start.spawn_worker(here), 0)
    whole = RunReader(here)
    whole.refresh()
    assert reader.history.ended is not None
    assert whole.history.ended is not None
    assert reader.history.ended.weights_sha256 == whole.history.ended.weights_sha256


def until(done: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
