"""How fast dltui trains on a GPU beside loops written by hand, and beside what the device could do at best.

    python benchmarks/gpu.py [--device cuda|cpu] [--models softmax,mlp,cnn,cnn:compile,cnn:bf16,resnet18,resnet18:bf16]
                             [--data-dir FOLDER] [--budget 240] [--json FILE] [--tiny]

FOLDER holds the four official files of Fashion-MNIST; without it random images of the same shape are trained on. For
each model, the contenders are processes that take turns, a slice of about a third of a second at a time:

    dltui      its training loop with event log, heartbeat, commands and checkpoints, on a run directory, with steps
               prepared as in a worker: on a GPU they must be a CUDA graph, not compiled, or with `:compile` compiled;
               only training is timed, and the mean time of an epoch with its evaluation is told beside it
    bare       a loop written by hand: data on the device, fused optimizer, statistics read once a slice
    captured   the same step as a CUDA graph (only with --device cuda)
    loader0    the usual loop: a DataLoader, loss.item() at each step
    loader8    the same with eight worker processes
    lightning  Lightning's Trainer with progress bar and CSV log, where it is installed

All have the same precision. In fp32 none takes TF32, which PyTorch takes for convolutions unless it is told not to;
with `:tf32` all do. Of `:compile` only the first three are timed: the others would be those of the plain model.

Told beside are the least times that the arithmetic and the bytes of a step allow at the speed that this device shows in
a large matrix product and a large copy, and the number of operators of the bare step with the time that launching one
takes. All of it takes at most --budget seconds: what did not fit in is named. --tiny is a trial of the program itself.
Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contender import fashion_data, random_data, run_loop
from turns import Turns, interval, measure, start

from dltui.core.errors import UsageError
from dltui.core.machine.devices import Device, choose, list_devices, worker_environment

MODELS = {
    "cuda": "softmax,mlp,cnn,cnn:compile,cnn:bf16,resnet18,resnet18:bf16",
    "cpu": "softmax,mlp,cnn,cnn:bf16,resnet18,resnet18:bf16",
}
COMPILE = "compile"
COMPILING = 2.0
"""The time of a job that compiles, in parts of that of another."""
OWN_STEPS = ("dltui", "bare", "captured")
CONTENDERS = (*OWN_STEPS, "loader0", "loader8", "lightning")
SLICE_SECONDS = 0.3
TINY_SLICE_SECONDS = 0.02
ROUNDS = 40
MARGIN = 8.0
"""Seconds kept for the last children to end."""
EPOCHS = 10_000


def contend(contender: str, job: str, arguments: argparse.Namespace) -> None:
    """A contender's process. What it has to tell beside its times goes to the file of $BENCHMARK_FACTS."""
    turns = Turns()
    try:
        _train(contender, job, arguments, turns)
    except Exception as error:
        _tell(problem=f"{type(error).__name__}: {str(error).strip() or 'no reason given'}".splitlines()[0])
        raise


def _train(contender: str, job: str, arguments: argparse.Namespace, turns: Turns) -> None:
    import torch
    from bare_loops import Bare, run_bare, run_lightning, run_loader

    from dltui.plugins import torch as plugin
    from dltui.plugins.torch import precision, session

    name = job.partition(":")[0]
    model = next(model for model in plugin.dltui_models() if model.name == name)
    # Batches of 128 for all but softmax and MLP, which have larger ones by default.
    config = model.config(epochs=EPOCHS, **options(job))
    data = fashion_data(arguments.data_dir) if arguments.data_dir else random_data(1_024 if arguments.tiny else 54_000)
    seconds = TINY_SLICE_SECONDS if arguments.tiny else SLICE_SECONDS
    _tell(batch=config.batch_size)
    if contender == "dltui":
        backend = plugin.dltui_backends()[0]
        how = lambda lines: _tell(how="; ".join(lines))  # noqa: E731
        journal = lambda *at: _journal(*at, turns, seconds, _mode(arguments.device, config))  # noqa: E731
        run_loop(backend, model, config, data, arguments.device, journal, how)
        return
    device = session.start(config, arguments.device)
    precision.use(config.precision, device)
    module = model.build(config, data.spec)
    if contender in ("bare", "captured"):
        bare = Bare(module, config, data, device)
        if contender == "bare":
            _tell(floor=_floor(bare, config))
        run_bare(bare, turns, seconds, contender == "captured")
    elif contender == "lightning":
        run_lightning(module, config, data, device, turns, seconds, os.environ["BENCHMARK_HOME"])
    else:
        torch.backends.cudnn.benchmark = False
        run_loader(module, config, data, device, turns, seconds, int(contender.removeprefix("loader")))


def options(job: str) -> dict[str, str]:
    """The hyperparameters that a job such as "cnn:bf16" or "cnn:compile" has beside the defaults of its model."""
    words = job.split(":")[1:]
    precisions = [word for word in words if word != COMPILE]
    # By itself dltui would weigh the time of compiling against that of an endless run.
    return {"precision": precisions[0] if precisions else "fp32", "compile": "on" if COMPILE in words else "off"}


def _mode(device: str, config: Any) -> str:
    """How dltui's steps must be run for their times to mean anything; "" for any way."""
    if device != "cuda":
        return ""
    return "graph + compile" if config.compile == "on" else "graph"


def _journal(run: Any, trainable: Any, turns: Turns, seconds: float, wanted: str) -> Any:
    """A journal that also tells how the steps are run, and how long epochs take with all that belongs to them. Raises
    RuntimeError where they are not run as `wanted`.
    """
    from turn_journal import TimedJournal

    from dltui.core.rundir.events import Evaluated

    if wanted and trainable.mode != wanted:
        raise RuntimeError(f"dltui's steps run as {trainable.mode}, not as {wanted}")

    class Journal(TimedJournal):
        epochs = 0
        evaluated = False

        def emit(self, event: Any, sync: bool = False) -> None:
            super().emit(event, sync)
            self.evaluated = self.evaluated or isinstance(event, Evaluated)

        def phase(self, name: str, detail: str = "") -> None:
            # Before the clock of training starts.
            if name == "training":
                self.look()
            super().phase(name, detail)

        def look(self) -> None:
            _tell(mode=str(getattr(trainable, "mode", "eager")))
            if not self.evaluated:
                return
            self.epochs, self.evaluated = self.epochs + 1, False
            # The first epoch warms up.
            if self.epochs == 1:
                self.start = self.turns.clock()
            else:
                _tell(epoch_seconds=(self.turns.clock() - self.start) / (self.epochs - 1))

    return Journal(run, turns, seconds=seconds)


def _floor(bare: Any, config: Any) -> dict[str, float]:
    """The work of a step, and the least time for it on this device."""
    import torch
    from floor import count, measure_rates

    bare()
    work = count(bare, bare.module, bare.optimizer)
    rates = measure_rates(bare.device, torch.bfloat16 if config.precision == "bf16" else torch.float32)
    return {
        **asdict(work),
        "seconds": rates.floor(work),
        "launch_seconds": rates.launch,
        "flops_per_second": rates.flops,
        "bytes_per_second": rates.bytes,
    }


def _tell(**facts: Any) -> None:
    """Add facts to those of this contender. The parent may kill it at any time: the file is replaced as a whole."""
    file = Path(os.environ["BENCHMARK_FACTS"])
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if all(known.get(name) == value for name, value in facts.items()):
        return
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**known, **facts}), encoding="utf-8")
    fresh.replace(file)


def compete(job: str, arguments: argparse.Namespace, device: Device, until: float) -> dict[str, Any]:
    """The times and facts of all contenders of a model, in seconds a step."""
    with tempfile.TemporaryDirectory() as home:
        wanted = [name for name in contenders(job, arguments.contenders) if name not in left_out(arguments.device)]
        facts = {contender: Path(home) / f"{contender}.json" for contender in wanted}
        children = {}
        for contender in wanted:
            command = [sys.executable, __file__, "--contender", contender, "--models", job, *_passed_on(arguments)]
            children[contender] = start(
                command,
                {
                    "BENCHMARK_FACTS": str(facts[contender]),
                    "BENCHMARK_HOME": f"{home}/{contender}",
                    **_environment(contender, device),
                },
                silent=True,
            )
        times = measure(children, 1 if arguments.tiny else ROUNDS, until)
        told = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in facts.items() if file.exists()}
    return {
        "model": job,
        "contenders": {name: {**told.get(name, {}), "seconds": times[name]} for name in wanted},
        "left_out": left_out(arguments.device),
    }


def contenders(job: str, asked: str) -> list[str]:
    """Those of the contenders that were asked for whose times belong to a job."""
    return [name for name in asked.split(",") if COMPILE not in job.split(":") or name in OWN_STEPS]


def _environment(contender: str, device: Device) -> dict[str, str]:
    """The variables that show the device alone; how threads wait, too, except for loops that know nothing of dltui."""
    own = worker_environment(device)
    if contender in OWN_STEPS:
        return own
    return {name: value for name, value in own.items() if name.endswith(("_VISIBLE_DEVICES", "_DEVICE_ORDER"))}


def left_out(device: str) -> dict[str, str]:
    """The contenders that cannot be tried here, each with the reason."""
    found = {}
    if device != "cuda":
        found["captured"] = "CUDA graphs need a GPU"
    if importlib.util.find_spec("lightning") is None:
        found["lightning"] = "not installed"
    return found


def _passed_on(arguments: argparse.Namespace) -> list[str]:
    data = ["--data-dir", str(arguments.data_dir)] if arguments.data_dir else []
    return ["--device", arguments.device, *data, *(["--tiny"] if arguments.tiny else [])]


def lines(found: dict[str, Any]) -> list[str]:
    """The result for one model as text, a line a contender."""
    times = found["contenders"]
    own = times.get("dltui", {}).get("seconds", [])
    made = []
    floor = times.get("bare", {}).get("floor")
    if floor:
        made.append(
            f"{found['model']:14} floor     {1e6 * floor['seconds']:10.1f} us/step: {floor['flops'] / 1e9:.3f} GFLOP, "
            f"{floor['bytes'] / 1e6:.1f} MB; {floor['launches']} operators, {1e6 * floor['launch_seconds']:.1f} us each"
        )
    for name, of in times.items():
        how = [f"{'':24} {of['how']}"] if of.get("how") else []
        if not of["seconds"]:
            made += [f"{found['model']:14} {name:9} not measured: {of.get('problem', 'time was up')}", *how]
            continue
        step = statistics.median(of["seconds"])
        text = f"{found['model']:14} {name:9} {1e6 * step:10.1f} us/step {of['batch'] / step:10,.0f} samples/s"
        pairs = list(zip(own, of["seconds"], strict=False))
        if pairs:
            middle, low, high = interval([other / mine for mine, other in pairs])
            text += f"  dltui {middle:.2f}x as fast [{low:.2f}, {high:.2f}], {len(pairs)} rounds"
        made.append(text)
        if "mode" in of:
            epoch = f", {of['epoch_seconds']:.3f} s an epoch with evaluation" if "epoch_seconds" in of else ""
            made += [f"{'':24} {of['mode']}{epoch}", *how]
    return made


def main() -> None:
    arguments = _arguments()
    if arguments.contender:
        contend(arguments.contender, arguments.models, arguments)
        return
    end = time.monotonic() + arguments.budget - min(MARGIN, arguments.budget / 10)
    try:
        device = choose(arguments.device, list_devices())
    except UsageError as error:
        raise SystemExit(f"gpu.py: {error}") from None
    jobs = (arguments.models or MODELS[arguments.device]).split(",")
    print(f"{device.title}; at most {arguments.budget:.0f} s", flush=True)
    if device.kind == "cuda":
        print("in fp32 no contender takes TF32", flush=True)
    for name, why in left_out(arguments.device).items():
        print(f"{name} is left out: {why}", flush=True)
    results = []
    for number, job in enumerate(jobs):
        now = time.monotonic()
        share = _weight(job) / sum(map(_weight, jobs[number:]))
        found = compete(job, arguments, device, now + share * max(end - now, 0))
        results.append(found)
        print(*lines(found), sep="\n", flush=True)
    if arguments.json:
        record = {"device": device.title, "python": platform.python_version(), "results": results}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _weight(job: str) -> float:
    return COMPILING if COMPILE in job.split(":") else 1.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    asked = "names, with :bf16, :tf32 for that precision, :compile for compiled steps"
    parser.add_argument("--models", help=f"{asked} [{MODELS['cuda']}]")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--budget", type=float, default=240.0, help="seconds for all of it")
    parser.add_argument("--json", type=Path, help="also write all times there")
    parser.add_argument("--tiny", action="store_true", help="a trial of the program itself: few images, one round")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
