"""Benchmarks run here as trials of the programs themselves; no time is asserted."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltui.core.errors import DltuiError
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from tests.fakes import fake_plugin

FOLDER = Path(__file__).parents[2] / "benchmarks"
FASHION = next(
    (
        found
        for root in (*os.environ.get("DLTUI_DATA", "").split(":"), Path(__file__).parents[3] / "shared" / "data")
        if root and (found := Path(root, "fashion-mnist")).is_dir()
    ),
    None,
)
needs_fashion = pytest.mark.skipif(
    FASHION is None, reason="needs the files of Fashion-MNIST, in a folder of DLTUI_DATA"
)
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")


def run(program: str, *words: str, code: int = 0) -> str:
    command = [sys.executable, str(FOLDER / program), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return imported("gpu", monkeypatch)


def imported(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)


@needs_torch
@pytest.mark.longest
@pytest.mark.slow(20)
def test_gpu_runs_on_a_cpu(tmp_path: Path) -> None:
    kept = tmp_path / "found.json"
    words = ("--device", "cpu", "--tiny", "--models", "softmax", "--contenders", "dltui,bare,captured")
    said = run("gpu.py", *words, "--budget", "250", "--json", str(kept))
    assert "captured is left out: CUDA graphs need a GPU" in said
    (found,) = json.loads(kept.read_text())["results"]
    assert set(found["contenders"]) == {"dltui", "bare"}
    for contender in found["contenders"].values():
        assert len(contender["seconds"]) == 1
        assert contender["seconds"][0] > 0
    # 7,850 weights: two operations each, forward and for their gradients; the images need none.
    assert found["contenders"]["bare"]["floor"]["flops"] == 2 * 2 * 7_840 * 256
    assert "x as fast" in said


def test_gpu_names_what_was_cut(gpu: ModuleType) -> None:
    floor = {"flops": 2e9, "bytes": 3e6, "launches": 40, "seconds": 1e-4, "launch_seconds": 5e-6}
    contenders = {
        "dltui": {"seconds": [1e-3, 1e-3], "batch": 128, "mode": "graph", "epoch_seconds": 0.5},
        "bare": {"seconds": [2e-3], "batch": 128, "floor": floor},
        "loader0": {"seconds": [], "batch": 128},
        "lightning": {"seconds": [], "problem": "ImportError: no"},
    }
    said = gpu.lines({"model": "cnn", "contenders": contenders})
    assert said == [
        "cnn            floor          100.0 us/step: 2.000 GFLOP, 3.0 MB; 40 operators, 5.0 us each",
        "cnn            dltui         1000.0 us/step    128,000 samples/s  dltui 1.00x as fast [1.00, 1.00], 2 rounds",
        "                         graph, 0.500 s an epoch with evaluation",
        "cnn            bare          2000.0 us/step     64,000 samples/s  dltui 2.00x as fast [2.00, 2.00], 1 rounds",
        "cnn            loader0   not measured: time was up",
        "cnn            lightning not measured: ImportError: no",
    ]


def test_gpu_jobs_are_models_with_options(gpu: ModuleType) -> None:
    """Compiled steps are a job of their own, for those whose steps it changes, and that they are held against."""
    found = {job: gpu.options(job) for job in gpu.MODELS["cuda"].split(",")}
    assert found["cnn"] == {"precision": "fp32", "compile": "off"}
    assert found["cnn:compile"] == {"precision": "fp32", "compile": "on"}
    assert found["cnn:bf16"] == {"precision": "bf16", "compile": "off"}
    assert gpu.options("cnn:bf16:compile") == {"precision": "bf16", "compile": "on"}
    asked = ",".join(gpu.CONTENDERS)
    assert gpu.contenders("cnn:bf16", asked) == list(gpu.CONTENDERS)
    assert gpu.contenders("cnn:compile", asked) == ["dltui", "bare", "captured"]
    assert "cnn:compile" not in gpu.MODELS["cpu"].split(",")


def test_gpu_times_no_steps_that_are_run_otherwise(gpu: ModuleType) -> None:
    """On a GPU they must be a graph; why they are not stands beside it."""
    modes = {"off": "graph", "on": "graph + compile"}
    for compiled, wanted in modes.items():
        assert gpu._mode("cuda", SimpleNamespace(compile=compiled)) == wanted
        assert gpu._mode("cpu", SimpleNamespace(compile=compiled)) == ""
    for mode, wanted in (("eager", "graph"), ("graph", "graph + compile")):
        with pytest.raises(RuntimeError, match=f"^dltui's steps run as {mode}, not as "):
            gpu._journal(None, SimpleNamespace(mode=mode), None, 0.3, wanted)
    why = {"seconds": [], "problem": "RuntimeError: dltui's steps run as eager, not as graph", "how": "no memory"}
    assert gpu.lines({"model": "cnn", "contenders": {"dltui": why}}) == [
        f"cnn            dltui     not measured: {why['problem']}",
        f"{'':24} no memory",
    ]


def test_the_loop_that_is_timed_is_prepared_as_a_worker_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    contender, told = imported("contender", monkeypatch), []
    data, config = contender.random_data(100), fake_plugin.SoftmaxConfig(batch_size=10, epochs=3)

    class Ready(fake_plugin.NumpyTrainable):
        def prepare(self, plan: Any, steps: int) -> tuple[str, ...]:
            told.append((plan().steps, steps))
            return ("as a graph",)

    class Backend:
        def trainable(self, *given: Any) -> Any:
            return Ready(fake_plugin.build(config, data.spec), config, data)

    class Enough(Exception):
        pass

    def journal(run: Any, trainable: Any) -> Any:
        assert told == [(10, 30), "as a graph"]
        raise Enough

    monkeypatch.setenv("DLTUI_HOME", "")
    with pytest.raises(Enough):
        contender.run_loop(Backend(), None, config, data, "cpu", journal, lambda lines: told.extend(lines))


@needs_torch
@pytest.mark.long
def test_gpu_gives_all_contenders_one_precision() -> None:
    """PyTorch by itself takes TF32 for convolutions."""
    code = (
        "import types, bare_loops, gpu; from dltui.plugins.torch import precision\n"
        "precision.use = lambda name, device: print(name, device)\n"
        "bare_loops.run_bare = bare_loops.run_loader = lambda *given: None\n"
        "gpu._tell = lambda **facts: None\n"
        "given = types.SimpleNamespace(device='cpu', data_dir=None, tiny=True)\n"
        "gpu._floor = lambda *given: {}\n"
        "for who, job in (('bare', 'softmax'), ('captured', 'softmax:tf32'), ('loader0', 'softmax')):\n"
        "    gpu._train(who, job, given, None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["fp32 cpu", "tf32 cpu", "fp32 cpu"], done.stderr[-2000:]


def test_turns_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contender that ends, and another that never answers, take nothing from the one that does."""
    turns = imported("turns", monkeypatch)
    scripts = {
        "quick": "while input(): print(0.5, flush=True)",
        "ends": "input(); print(0.1, flush=True)",
        "hangs": "import time; time.sleep(60)",
    }
    children = {name: turns.start([sys.executable, "-c", script], {}, silent=True) for name, script in scripts.items()}
    began = time.monotonic()
    times = turns.measure(children, 3, began + 3)
    assert time.monotonic() - began < 30
    assert times["ends"] == times["hangs"] == []
    assert all(child.poll() is not None for child in children.values())


@needs_torch
@pytest.mark.longest
@pytest.mark.slow(20)
def test_speedrun_makes_a_record(tmp_path: Path) -> None:
    kept = tmp_path / "found.json"
    words = ("--tiny", "--seeds", "2", "--device", "cpu", "--set", "lr=0.1", "--record", "--json", str(kept))
    said = run("speedrun.py", *words)
    (found,) = json.loads(kept.read_text())["runs"]
    assert [result["seed"] for result in found["results"]] == [1, 2]
    for result in found["results"]:
        assert result["seconds"] > 0
        assert result["warm_up"] > result["seconds"]
        assert 0 < result["test"] <= 100
    assert found["recipe"]["options"] == {"epochs": 2, "lr": 0.1}
    assert "| 92 % |" in said
    # Another sitting trains the seed that is missing.
    run("speedrun.py", *words[:1], "--seeds", "3", *words[3:])
    (again,) = json.loads(kept.read_text())["runs"]
    assert [result["seed"] for result in again["results"]] == [1, 2, 3]
    assert again["results"][:2] == found["results"]


def test_speedrun_does_not_mix_machines_or_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speedrun = imported("speedrun", monkeypatch)
    kept, recipe = tmp_path / "found.json", speedrun.Recipe("cnn-torch", {"epochs": 3})
    result = speedrun.Result(1, 2.0, 9.0, 93.0, 92.0)
    speedrun.Kept(kept, "a chip", "1a").add(92.0, recipe, result)
    assert speedrun.Kept(kept, "a chip", "1a").results(92.0, recipe) == {1: result}
    assert speedrun.Kept(kept, "a chip", "1a").results(92.0, speedrun.Recipe("cnn-torch", {"epochs": 4})) == {}
    for other in (("another", "1a"), ("a chip", "2b")):
        with pytest.raises(DltuiError, match=f"of a chip, code 1a; this is {', code '.join(other)}: name another file"):
            speedrun.Kept(kept, *other)
    for damaged in ("[]", "{", '{"hardware": "a chip", "code": "1a", "runs": [{"results": [{"seeds": 1}]}]}'):
        kept.write_text(damaged)
        with pytest.raises(DltuiError, match="no file of results"):
            speedrun.Kept(kept, "a chip", "1a")


def test_speedrun_refuses() -> None:
    assert "no recipe for 50; there is 92, 93, 94, 95" in run("speedrun.py", "--targets", "50", code=2)
    assert "at least 5 seeds" in run("speedrun.py", "--data-dir", ".", "--seeds", "2", "--record", code=2)
    assert "--data-dir FOLDER is needed" in run("speedrun.py", code=2)


def test_intervals_are_students(monkeypatch: pytest.MonkeyPatch) -> None:
    speedrun = imported("speedrun", monkeypatch)
    mean, half = speedrun.mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3
    # 2.776 * sqrt(2.5 / 5), as any table has it.
    assert half == pytest.approx(1.963, abs=1e-3)
    assert speedrun.with_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == "3.00 ± 1.96"
    assert speedrun.with_interval([1.0]) == "1.00"
    recipe = speedrun.Recipe("cnn-torch", {"epochs": 3})
    # What counts is the test split where it was measured, and the mean.
    results = [speedrun.Result(seed, 2.0, 9.0, 93.0, test) for seed, test in ((1, 91.0), (2, 92.0))]
    assert speedrun.summary(92, recipe, results).endswith("cnn-torch: NOT reached")
    assert "cnn-torch: reached" in speedrun.summary(91.5, recipe, results)
    cells = speedrun.record(91.5, recipe, results, "a chip").split(" | ")[1:]
    assert cells == [
        "91.5 %", "2.00 ± 0.00 s", "9.0 s", "91.50 ± 6.35 %", "93.00 %", "2", "cnn-torch epochs=3", "a chip |"
    ]  # fmt: skip


@pytest.mark.long
def test_photos_prepares_beside_a_pool(tmp_path: Path) -> None:
    words = ("--images", "40", "--classes", "2", "--width", "160", "--height", "120", "--size", "64", "--rounds", "1")
    said = run("photos.py", *words, "--folder", str(tmp_path))
    assert "40 JPEGs of 160x120" in said
    assert "of the speed of the pool" in said


@needs_torch
@pytest.mark.slow(20)
@pytest.mark.longest
def test_crops_takes_turns() -> None:
    words = ("--model", "cnn-small", "--images", "60", "--side", "32", "--batch", "4", "--steps", "2", "--rounds", "1")
    said = run("crops.py", *words)
    assert said.count("of the speed of plain") == 3
    assert "of the speed of crops" in said


@pytest.mark.slow(60)
@pytest.mark.longest
def test_memory_of_photos_is_seen_beside_a_loop(tmp_path: Path) -> None:
    sizes = ("--images", "24", "--classes", "2", "--width", "80", "--height", "60", "--rounds", "1")
    run("photos.py", *sizes, "--only-make", "--folder", str(tmp_path))
    few = ("--models", "cnn-torch", "--images", "24", "--size", "32", "--batch", "4", "--steps", "2")
    said = run("photo_memory.py", str(tmp_path), *few)
    assert said.count("of kept") == 3
    assert "photos, by phase: " in said


@needs_fashion
@pytest.mark.long
@pytest.mark.slow(15)
def test_planted_duplicates_are_found_in_fashion_mnist(tmp_path: Path) -> None:
    kept = tmp_path / "found.json"
    run("data_truth.py", "--data-dir", str(FASHION), "--json", str(kept))
    found = json.loads(kept.read_text())["duplicates"]
    assert found["exact"] == [60, 60]
    assert found["false_exact"] == 0
    assert found["near"][0] >= 0.9 * found["near"][1]
    assert len(found["false"]) <= 5


@needs_fashion
@needs_torch
@pytest.mark.longest
@pytest.mark.slow(40)
def test_planted_wrong_labels_are_found_in_fashion_mnist(tmp_path: Path) -> None:
    kept = tmp_path / "found.json"
    run("data_truth.py", "--data-dir", str(FASHION), "--json", str(kept), "--model", "softmax-torch", "--epochs", "3")
    (found,) = json.loads(kept.read_text())["labels"]
    assert found["among_first"][0] >= 70


@needs_torch
@pytest.mark.longest
@pytest.mark.slow(30)
def test_sweeps_are_compared(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    kept = tmp_path / "found.json"
    run("sweeps.py", "--part", "samplers", "--seeds", "1", "--trials", "3", "--real-trials", "2", "--json", str(kept))
    rows = json.loads(kept.read_text())["samplers"]
    assert {row["sampler"] for row in rows} == {"random", "tpe"}
    assert len(rows) == 8


def test_known_optima_are_those_of_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes come as often as their probabilities say; of several targets the worst counts, in units of its own."""
    optima = imported("optima", monkeypatch)
    random, chances = np.random.default_rng(0), np.tile([0.2, 0.5, 0.3], (20_000, 1))
    assert np.bincount(optima.drawn(random, chances)) / 20_000 == pytest.approx([0.2, 0.5, 0.3], abs=0.015)
    found = {problem.task: problem for problem in optima.problems(tmp_path, 0)}
    assert all(problem.optimum > problem.blind for problem in found.values() if problem.metric != "rmse")
    table = np.genfromtxt(tmp_path / "numbers.csv", delimiter=",", skip_header=1)[:, 4:]
    assert table.std(axis=0) / optima.SCALES == pytest.approx([found["several numbers"].blind] * 3, rel=0.03)
    errors = {"a": {"mse": 0.25}, "b": {"mse": 490_000.0}, "c": {"mse": 0.000016}}
    assert optima.value("rmse", {"targets": errors}) == pytest.approx(0.7)


@needs_torch
@pytest.mark.longest
@pytest.mark.slow(30)
def test_a_table_is_learned_to_its_optimum(tmp_path: Path) -> None:
    kept = tmp_path / "found.json"
    run("optima.py", "--only", "labels", "--frameworks", "torch", "--json", str(kept))
    (row,) = json.loads(kept.read_text())
    assert row["ratio"] > 0.95


@pytest.mark.parametrize(
    ("accuracies", "code", "points"), [((0.7, 0.3, 0.8, 0.4), 0, "+40.0"), ((0.5, 0.45) * 2, 1, "+5.0")]
)
def test_fine_tuned_and_from_scratch_are_compared(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    accuracies: tuple[float, ...],
    code: int,
    points: str,
) -> None:
    program, coming = imported("fine_tuning", monkeypatch), iter(accuracies)
    monkeypatch.setattr(program, "train", lambda way, seed, *_: program.Row(way, seed, next(coming), 3, 10, 32, 1.0))
    monkeypatch.setattr(sys, "argv", ["fine_tuning.py", "photos", "--seeds", "0", "1"])
    assert program.main() == code
    *rows, last = capsys.readouterr().out.splitlines()
    assert [row.split(":")[0] for row in rows] == [
        f"{way:<12} seed {seed}" for seed in (0, 1) for way in ("fine-tuned", "from scratch")
    ]
    assert last.endswith(f": {points} points")


def test_runs_that_are_kept_do_not_hide_those_of_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = imported("fine_tuning", monkeypatch)
    coming = iter((0.5, 0.75))

    def trained(command: list[str], **_: Any) -> Any:
        place = Path(command[command.index("--exports") + 1], f"run-{time.monotonic_ns()}")
        place.mkdir(parents=True)
        told = {"test_accuracy": next(coming), "best_epoch": 1, "config": {"epochs": 2, "batch_size": 8}}
        (place / "summary.json").write_text(json.dumps(told))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(program.subprocess, "run", trained)
    asked = SimpleNamespace(model="m", folder=tmp_path)
    rows = [program.train("from scratch", 0, asked, tmp_path / "kept") for _ in range(2)]
    assert [row.accuracy for row in rows] == [0.5, 0.75]


def test_the_memory_of_a_command_is_its_own() -> None:
    """Not that of a larger child before it. Asked in a small process: a child begins as large as who starts it."""
    child = "import sys; kept = b'x' * (int(input()) << 20); print(len(kept) >> 20); print('told', file=sys.stderr)"
    code = (
        "import os, sys, photos\n"
        "for size in ('200', '1'):\n"
        "    print(photos.carried_out([sys.executable, '-c', sys.argv[1]], size, dict(os.environ)))\n"
    )
    said = subprocess.run([sys.executable, "-c", code, child], cwd=FOLDER, capture_output=True, text=True, check=True)
    large, small = map(ast.literal_eval, said.stdout.splitlines())
    assert (large[:2], small[:2]) == (("200\n", "told\n"), ("1\n", "told\n"))
    assert large[2] - small[2] > 100 << 10


def test_a_run_is_over_before_the_next_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warm_start = imported("warm_start", monkeypatch)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = RunDirectory.create("otter", {"created": time.time()})
    script = (
        "import sys, time; from pathlib import Path; from dltui.core.rundir.heartbeat import Heartbeat; "
        "from dltui.core.rundir.lock import RunLock; "
        "RunLock().acquire(Path(sys.argv[1], 'lock')); beat = Heartbeat(Path(sys.argv[1]), 1, (5, 50)); "
        "beat.phase('training'); print('ready', flush=True); time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script, str(run.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        warm_start.end(RunReader(run))
        assert worker.wait(timeout=10) == -signal.SIGKILL
    finally:
        worker.kill()
        worker.wait()
