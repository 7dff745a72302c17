"""Slurm: the script, the words of its programs, and whole runs through a small Slurm of the tests' own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.sources import own
from dltui.core.contract.launchers import Launch, LaunchState
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import kill, start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.lifecycle.launch import launching
from dltui.core.machine import nvidia
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from dltui.plugins.launchers import node_process, slurm
from dltui.plugins.launchers.slurm import SlurmOptions, script
from tests.fakes.slurm import FakeSlurm
from tests.helpers import known_catalog

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: known_catalog.Fill) -> Iterator[FakeSlurm]:
    found = FakeSlurm(tmp_path / "slurm")
    know_catalog(tmp_path / "home")
    for name, value in {**found.environment, "DLTUI_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launching, "ASK_SECONDS", 0.0)
    yield found
    found.stop()


@pytest.fixture
def catalog(cluster: FakeSlurm) -> Catalog:
    return load_catalog([FAKE])


def request(tmp_path: Path, name: str, launcher: str = "slurm", **config: object) -> RunRequest:
    return RunRequest(
        "softmax-numpy",
        "blobs",
        {"n": 200},
        device="cpu",
        config={"epochs": 2, "batch_size": 16, "lr": 1.0, **config},
        name=name,
        exports=str(tmp_path / "exports"),
        formats=("none",),
        plugins=(FAKE,),
        launcher=launcher,
    )


def read(run: RunDirectory) -> RunReader:
    reader = RunReader(run)
    reader.refresh()
    return reader


def launched(tmp_path: Path) -> Launch:
    run_dir = tmp_path / "a run"
    run_dir.mkdir(exist_ok=True)
    command = ("/usr/bin/python", "-P", "-m", "it", str(run_dir))
    return Launch(run_dir, "a-run", command, {"DLTUI_HOME": "/ho me"}, run_dir / "worker.log")


def test_the_script_can_be_read_and_carried_out(tmp_path: Path) -> None:
    options = SlurmOptions(
        partition="gpu", time="60", gpus=2, cpus=8, memory="32G", more="--exclusive", setup="module load cuda"
    )
    text = script(launched(tmp_path), options)
    for line in (
        f"#SBATCH --job-name={slurm.job_name(launched(tmp_path))}",
        f'#SBATCH --output="{tmp_path}/a run/worker.log"',
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR2@90",
        "#SBATCH --partition=gpu",
        "#SBATCH --time=60",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --exclusive",
        "export DLTUI_HOME='/ho me'",
        "export SRUN_CPUS_PER_TASK=8",
        'export DLTUI_CPUS="${SLURM_CPUS_PER_TASK:-}"',
        "module load cuda",
        f"srun /usr/bin/python -P -m it '{tmp_path}/a run' &",
    ):
        assert line in text.splitlines()
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_the_script_of_several_nodes_starts_a_rank_for_each_gpu(tmp_path: Path) -> None:
    lines = script(launched(tmp_path), SlurmOptions(nodes=2, gpus=4)).splitlines()
    node = "/usr/bin/python -P -m dltui.plugins.launchers.node_process"
    for line in (
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks=8",
        "#SBATCH --ntasks-per-node=4",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --signal=B:USR2@90",
        f'export DLTUI_NODES="$({node})"',
        f"srun {node} /usr/bin/python -P -m it '{tmp_path}/a run' &",
    ):
        assert line in lines
    assert launch.workers(launch.Chosen("slurm", {"nodes": 2, "gpus": 4})) == 8
    assert launch.workers(launch.Chosen("slurm", {"nodes": 2, "gpus": 0})) == 2
    assert launch.workers(launch.Chosen("slurm", {"nodes": 1, "gpus": 4})) == 1


def test_each_task_of_a_node_sees_its_own_gpu() -> None:
    cuda, hip, rocr = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"
    for told, number, wanted in (
        ({cuda: "2,5"}, 1, {cuda: "5"}),
        ({rocr: "2,5"}, 1, {rocr: "5"}),
        # Of those that ROCm leaves.
        ({rocr: "2,5", hip: "0,1", cuda: "0,1"}, 1, {hip: "1", cuda: "1"}),
        ({cuda: "2", "SLURM_NTASKS_PER_NODE": "2"}, 1, {}),
        ({}, 0, {}),
    ):
        assert node_process.own_gpu(told, number) == wanted


@pytest.mark.parametrize(
    ("tasks", "gpus", "hides", "number", "shown"),
    [
        ("4", 4, False, 3, "GPU-3"),
        ("4", 2, False, 3, None),
        ("4", 0, True, 3, "3"),
        ("2", 0, False, 1, None),
        # It may choose one.
        ("1", 4, False, 0, None),
        ("", 4, False, 0, None),
    ],
)
def test_tasks_that_are_told_nothing_of_gpus_have_one_each(
    monkeypatch: pytest.MonkeyPatch, tasks: str, gpus: int, hides: bool, number: int, shown: str | None
) -> None:
    monkeypatch.setattr(nvidia, "gpus", lambda: [nvidia.Gpu(f"GPU-{place}", "A") for place in range(gpus)])
    monkeypatch.setattr(node_process, "hides_gpu", lambda: hides)
    wanted = {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert node_process.own_gpu({"SLURM_NTASKS_PER_NODE": tasks}, number) == wanted


def test_tasks_that_are_told_nothing_of_gpus_have_parts_of_them_and_none_that_does_not_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = [nvidia.Gpu(f"MIG-{place}", "A", number=0) for place in range(2)]
    broken = nvidia.Gpu("GPU-1", "A", problem="it fell off the bus", number=1)
    monkeypatch.setattr(nvidia, "gpus", lambda: [broken, *parts])
    shown = [node_process.own_gpu({"SLURM_NTASKS_PER_NODE": "3"}, number) for number in range(3)]
    assert [one.get("CUDA_VISIBLE_DEVICES") for one in shown] == ["MIG-0", "MIG-1", None]


def test_runs_of_one_name_in_two_folders_have_jobs_of_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that followed another is cancelled by its name: it must not be that of another run."""
    one = launched(tmp_path)
    other = replace(one, run_dir=tmp_path / "elsewhere" / "a run")
    assert slurm.job_name(one).startswith("dltui-a-run-")
    assert slurm.job_name(one) != slurm.job_name(other)
    said: list[tuple[str, ...]] = []

    def forgotten(program: str, *words: str) -> str:
        said.append((program, *words))
        if "12" in words:
            raise RunError("scancel: Kill job error on job id 12: Invalid job id specified")
        return ""

    monkeypatch.setattr(slurm, "_slurm", forgotten)
    slurm.kill(one, {"id": "12", "name": slurm.job_name(one)})
    assert said[-1] == ("scancel", "--me", f"--name={slurm.job_name(one)}")


@pytest.mark.parametrize("folder", ['a "run"', "a\n#SBATCH --wrap=x", "a\\run x"])
def test_a_folder_that_no_script_can_hold_is_refused(tmp_path: Path, folder: str) -> None:
    one = replace(launched(tmp_path), run_dir=tmp_path / folder)
    with pytest.raises(RunError, match="cannot stand in a job script; rename that folder") as raised:
        script(one, SlurmOptions())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "given", [{"partition": "a b"}, {"setup": "a\nb"}, {"more": "job.sh"}, {"time": "1\n#SBATCH --x"}]
)
def test_options_that_no_script_can_hold_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        SlurmOptions(**given)  # type: ignore[arg-type]


def test_the_words_of_squeue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers: dict[str, str] = {}

    def said(program: str, *words: str) -> str:
        kind = "name" if any(word.startswith("--name=") for word in words) else words[-1]
        text = answers.get(kind, "")
        if text.startswith("!"):
            raise RunError(text[1:])
        return text

    monkeypatch.setattr(slurm, "_slurm", said)
    job, one = {"id": "12", "name": "dltui-one"}, launched(tmp_path)
    line = "--format=%i|%T|%r|%N"
    answers |= {line: "12|PENDING|Priority|\n", "--format=%P|%Q": "gpu|4\n", "--format=%i": "9\n12\n13\n"}
    assert slurm.state(one, job) == LaunchState("waiting", "others come first", 2)
    answers[line] = "12|PENDING|QOSMaxJobsPerUserLimit|\n"
    answers["--format=%i"] = "!squeue: slow"
    assert slurm.state(one, job) == LaunchState("waiting", "QOSMaxJobsPerUserLimit", 0)
    answers[line] = "12|RUNNING|None|node07\n"
    assert slurm.state(one, job) == LaunchState("running", "node07")
    answers[line] = "12|TIMEOUT|None|node07\n"
    assert slurm.state(one, job) == LaunchState("gone", "timeout")
    answers[line] = "!squeue: slurm_load_jobs error: Invalid job id specified"
    assert slurm.state(one, job).name == "gone"
    answers["name"] = "15|RUNNING|None|node09\n"
    assert slurm.state(one, job) == LaunchState("running", "node09")
    answers[line] = "!squeue: Unable to contact slurm controller"
    with pytest.raises(RunError, match="Unable to contact"):
        slurm.state(one, job)


def test_a_refused_job_is_a_line_and_leaves_nothing(cluster: FakeSlurm, catalog: Catalog, tmp_path: Path) -> None:
    cluster.refuse("sbatch: error: invalid partition specified: gpux\nsbatch: error: Batch job submission failed\n")
    run = create_run(request(tmp_path, "refused"), catalog)
    with pytest.raises(UsageError, match="invalid partition specified: gpux"):
        start.spawn_worker(run)
    assert not run.path.exists()


@pytest.mark.parametrize(
    ("text", "code"), [("Submitted. Have fun", 0), ("sbatch: error: Socket timed out on send/recv operation", 1)]
)
def test_a_job_that_was_submitted_is_known_whatever_sbatch_says(
    cluster: FakeSlurm, tmp_path: Path, text: str, code: int
) -> None:
    """Else it would train the run beside the next that is submitted."""
    cluster.hold()
    cluster.answer(text, code)
    one = launched(tmp_path)
    job = slurm.start(one, SlurmOptions())
    assert job == {"id": "1000", "name": slurm.job_name(one)}
    assert (one.run_dir / slurm.SCRIPT).exists()
    slurm.kill(one, job)
    cluster.wait()


def test_without_sbatch_no_run_is_made(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(UsageError, match="launcher slurm cannot be used here: there is no sbatch on PATH"):
        create_run(request(tmp_path, "nowhere"), catalog)
    assert "slurm" not in launching.usable(catalog)


def test_several_gpus_of_a_job_are_for_frameworks_that_use_them(
    cluster: FakeSlurm, catalog: Catalog, tmp_path: Path
) -> None:
    """`--device auto` trains on all GPUs of its job, which is checked before there is a run."""
    two = replace(request(tmp_path, "two"), device="auto", launcher_options={"gpus": 2})
    with pytest.raises(UsageError, match="trains on one device, not on cuda:0,cuda:1; choose one of them"):
        create_run(two, catalog)
    assert create_run(replace(two, launcher_options={"gpus": 1}), catalog).run()["device"]["name"] == "auto"


WORKER = """
trap 'exit {code}' USR2 TERM
touch {place}/began.$(ls {place} | grep -c began)
for _ in $(seq 500); do sleep 0.02; done
"""


@pytest.mark.parametrize(
    ("warning", "code", "without", "starts"),
    [
        ("USR2", 75, (), [2]),
        ("USR1", 75, (), [2]),
        ("USR2", 1, (), [1]),
        ("TERM", 75, (), [2]),
        ("USR2", 75, ("scontrol",), [1, 1]),
    ],
)
def test_the_script_goes_into_the_queue_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    warning: str,
    code: int,
    without: tuple[str, ...],
    starts: list[int],
) -> None:
    """What fails after a warning does not; without scontrol it is another job, which is found by its name."""
    cluster = FakeSlurm(tmp_path / "slurm", without)
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    one = launched(tmp_path)
    command = ("/bin/bash", "-c", WORKER.format(code=code, place=str(one.run_dir).replace(" ", "\\ ")))
    one = replace(one, command=command)
    job = slurm.start(one, SlurmOptions())
    until((one.run_dir / "began.0").exists)
    assert slurm.state(one, job) == LaunchState("running", "node07")
    cluster.preempt("1000", warning)
    if len(starts) == 1 and starts[0] == 1:
        cluster.wait()
        assert slurm.state(one, job).name == "gone"
    else:
        until((one.run_dir / "began.1").exists)
        assert slurm.state(one, job) == LaunchState("running", "node07")
        slurm.kill(one, job)
        cluster.wait()
    assert [found["starts"] for found in cluster.jobs()] == starts
    cluster.stop()


@pytest.mark.slow
@pytest.mark.long
def test_a_run_waits_is_preempted_and_ends_as_if_nothing_had_been(
    cluster: FakeSlurm, catalog: Catalog, tmp_path: Path
) -> None:
    cluster.hold()
    whole = taken_out(cluster, catalog, tmp_path)
    run = create_run(request(tmp_path, "first", step_seconds=0.02, checkpoint_seconds=0.05), catalog)
    assert start.spawn_worker(run) == 0
    launching.refresh_all([(run, read(run).status())])
    status = read(run).status()
    assert (status.name, status.why) == ("queued", "waits in the queue of slurm: no room yet, 1st in line")
    cluster.release()
    until(lambda: read(run).history.step >= 4)
    cluster.preempt("1001")
    cluster.wait()
    assert [job.get("starts", 0) for job in cluster.jobs()] == [0, 2]
    assert read(run).history.attempts_started == 2
    assert weights(run) == weights(whole)


@pytest.mark.slow(60)
@pytest.mark.longest
@pytest.mark.skipif(own().version("torch") is None, reason="needs PyTorch")
def test_two_nodes_train_one_run_through_a_preemption_and_a_lost_rank(
    cluster: FakeSlurm, catalog: Catalog, tmp_path: Path
) -> None:
    """The weights are those of two undisturbed ranks of this machine."""
    config = {"epochs": 60, "batch_size": 64, "threads": 2, "deterministic": True, "checkpoint_seconds": 0.3}
    two = replace(
        request(tmp_path, "two"), model="cnn-torch", dataset="digits", dataset_options={}, config=config, device="auto",
        launcher_options={"nodes": 2},
    )  # fmt: skip
    run = create_run(two, catalog)
    start.spawn_worker(run)
    until(lambda: len(read(run).history.checkpoints) >= 1)
    cluster.preempt("1000", grace=60.0)
    until(lambda: read(run).history.attempts_started == 2 and len(read(run).history.checkpoints) >= 3)
    os.kill(cluster.tasks("1000")[1], signal.SIGKILL)
    cluster.wait()
    status = read(run).status()
    assert (status.name, status.why.split(";")[0]) == ("interrupted", "rank 1 (cpu of 127.0.0.1) is gone")
    start.spawn_worker(run)
    cluster.wait(120.0)
    whole = create_run(replace(two, name="whole", launcher="local", launcher_options={}, device="cpu:2"), catalog)
    os.waitpid(start.spawn_worker(whole), 0)
    assert read(run).history.attempts_started == 3
    assert weights(run) == weights(whole)


def taken_out(cluster: FakeSlurm, catalog: Catalog, tmp_path: Path) -> RunDirectory:
    """A run that was taken out of the queue, and then trained as a process of this machine."""
    run = create_run(request(tmp_path, "whole"), catalog)
    start.spawn_worker(run)
    assert "nothing trained yet" in kill.cost(read(run))
    kill.kill(read(run))
    status = read(run).status()
    assert (status.name, status.why.split()[:2]) == ("interrupted", ["ended", "by"])
    cluster.wait()
    assert cluster.jobs()[0]["state"] == "CANCELLED"
    launching.choose(run, launch.Chosen(), catalog)
    assert read(run).status().over
    os.waitpid(start.spawn_worker(run), 0)
    return run


def weights(run: RunDirectory) -> str | None:
    """The weights of a run that has finished."""
    reader = read(run)
    assert reader.status().name == "finished"
    assert reader.history.ended is not None
    return reader.history.ended.weights_sha256


def until(done: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)
