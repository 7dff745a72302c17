"""How fast dltui's worker path trains the PyTorch models, beside loops written by hand.

    python benchmarks/train_throughput.py --data-dir FOLDER [--models softmax,mlp,cnn] [--rounds 40]
                                          [--threads N] [--json FILE] [--without-loader]

FOLDER holds the four official files of Fashion-MNIST. Each contender is a process of its own; they take turns, one
slice at a time, so that a noisy machine hurts all of them alike. A slice is an epoch over the same part of the
training images with loss and accuracy of every step, then an evaluation of a ninth as many images:

    dltui   a run's worker as `dltui train` starts it: data preparation, training loop, event log, heartbeat,
            commands, predictions, checkpoints
    again   the same once more: the A/A control, whose ratio has to contain 1
    bare    a loop written by hand around the same network, with dltui's thread and memory settings: uint8 images in
            memory, fused optimizer, channels-last, statistics summed on the device and read once an epoch
    loader  the usual loop: torchvision.datasets.FashionMNIST, ToTensor, DataLoader, loss.item() at each step

Printed are the milliseconds of a step and, as the median over the rounds with a 95 % bootstrap interval, how many
times faster dltui is. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from contender import FILES, make_attempt, make_optimizer, make_spec, read_idx
from turn_journal import TurnJournal
from turns import Turns, interval, measure, start

from dltui.core.contract import Data, Split
from dltui.core.machine.devices import Device, worker_environment
from dltui.plugins import torch as plugin

ROWS = {"softmax": 54_000, "mlp": 54_000, "cnn": 8_960}
"""Training images of a slice: a whole epoch, but for the CNN, whose epochs last seconds."""
CONTENDERS = ("dltui", "bare", "again", "loader")
EPOCHS = 10_000


def evaluated_rows(name: str) -> int:
    return ROWS[name] // 9


def threads() -> int:
    """CPU threads of each contender; 0: dltui's and PyTorch's own choice, all cores."""
    return int(os.environ["BENCHMARK_THREADS"])


def run_dltui(name: str, folder: Path, turns: Turns) -> None:
    from dltui.core.train.loop import Loop
    from dltui.core.train.plan import Planner

    attempt = make_attempt(f"{name}-torch", folder, "cpu", {"epochs": EPOCHS, "threads": threads()})
    attempt.journal.__class__ = TurnJournal
    journal: Any = attempt.journal
    journal.turns = turns
    # The worker's own preparations; then its loop, on fewer images and without the others' turns on its clock.
    whole = attempt._prepare()
    part = _part(whole.data, name)
    planner = Planner(whole.planner.config, len(part.train))
    turns.begin()
    Loop(whole.trainable, part, planner, journal, clock=turns.clock).run()


def _part(data: Data, name: str) -> Data:
    def first(split: Split, rows: int) -> Split:
        return Split(split.x[:rows], split.y[:rows], split.ids[:rows])

    return replace(data, train=first(data.train, ROWS[name]), validation=first(data.validation, evaluated_rows(name)))


def run_bare(name: str, folder: Path, turns: Turns) -> None:
    import torch
    from torch.nn import functional

    from dltui.plugins.torch import session

    images, labels = (read_idx(folder / f"{file}.gz") for file in FILES[:2])
    mean, std = float(images.mean()), float(images.std())
    model = next(model for model in plugin.dltui_models() if model.name == name)
    config = model.config(threads=threads())
    session.start(config, "cpu")
    module = model.build(config, make_spec(mean, std)).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(module, config, fused=True)
    x, y = torch.from_numpy(images).flatten(1), torch.from_numpy(labels.astype(np.int64))
    train, validation = ROWS[name], slice(54_000, 54_000 + evaluated_rows(name))

    def batch(some: torch.Tensor) -> torch.Tensor:
        return some.float().sub_(mean).div_(std).view(-1, 28, 28, 1).permute(0, 3, 1, 2)

    turns.begin()
    while True:
        module.train()
        losses, correct = [], []
        for rows in torch.randperm(train)[: train // config.batch_size * config.batch_size].split(config.batch_size):
            targets = y.index_select(0, rows)
            outputs = module(batch(x.index_select(0, rows)))
            loss = functional.cross_entropy(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            correct.append((outputs.argmax(1) == targets).sum())
        _ = torch.stack(losses).mean().item(), torch.stack(correct).sum().item()
        module.eval()
        with torch.inference_mode():
            pieces = zip(x[validation].split(500), y[validation].split(500), strict=True)
            measured = [_measure(module(batch(some)), targets) for some, targets in pieces]
        _ = torch.stack(measured).sum(0).tolist()
        turns.end()


def run_loader(name: str, folder: Path, turns: Turns) -> None:
    import torch
    from torch.nn import functional
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    model = next(model for model in plugin.dltui_models() if model.name == name)
    config = model.config()
    if threads():
        torch.set_num_threads(threads())
    module = model.build(config, make_spec(0.5, 0.5))
    optimizer = make_optimizer(module, config)
    dataset = datasets.FashionMNIST(_unpacked(folder), train=True, transform=transforms.ToTensor())
    train = DataLoader(Subset(dataset, range(ROWS[name])), config.batch_size, shuffle=True, drop_last=True)
    validation = DataLoader(Subset(dataset, range(54_000, 54_000 + evaluated_rows(name))), 500)
    turns.begin()
    while True:
        module.train()
        total, correct = 0.0, 0
        for images, targets in train:
            outputs = module(images)
            loss = functional.cross_entropy(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(targets)
            correct += (outputs.argmax(1) == targets).sum().item()
        module.eval()
        with torch.no_grad():
            for images, targets in validation:
                _ = _measure(module(images), targets).tolist()
        turns.end()


def _measure(outputs: Any, targets: Any) -> Any:
    """Sums of loss and hits of a batch, on the device."""
    import torch

    loss = torch.nn.functional.cross_entropy(outputs, targets, reduction="sum")
    return torch.stack([loss, (outputs.argmax(1) == targets).sum().to(loss.dtype)])


def _unpacked(folder: Path) -> Path:
    """The same files as torchvision wants them."""
    root = Path(os.environ["DLTUI_HOME"]) / "torchvision"
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        with gzip.open(folder / f"{file}.gz") as packed, (raw / file).open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    return root


def contend(contender: str, name: str, folder: Path) -> None:
    contenders: dict[str, Callable[[str, Path, Turns], None]] = {
        "dltui": run_dltui,
        "again": run_dltui,
        "bare": run_bare,
        "loader": run_loader,
    }
    contenders[contender](name, folder, Turns())


def compete(name: str, folder: Path, rounds: int, cores: int, loader: bool) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as home:
        children = {
            contender: start(
                [sys.executable, __file__, "--contender", contender, "--models", name, "--data-dir", str(folder)],
                {
                    "DLTUI_HOME": f"{home}/{contender}",
                    "CUDA_VISIBLE_DEVICES": "",
                    "BENCHMARK_THREADS": str(cores),
                    # How a worker's threads wait, for all but the loop that knows nothing of dltui.
                    **({} if contender == "loader" else worker_environment(Device("cpu", "CPU"))),
                },
            )
            for contender in CONTENDERS
            if loader or contender != "loader"
        }
        return measure(children, rounds)


def report(name: str, times: dict[str, list[float]]) -> dict[str, Any]:
    batch = next(model for model in plugin.dltui_models() if model.name == name).config().batch_size
    found: dict[str, Any] = {"model": name, "rounds": len(times["dltui"])}
    for contender in times:
        step = 1e3 * statistics.median(times[contender]) / (ROWS[name] // batch)
        ratios = [other / own for own, other in zip(times["dltui"], times[contender], strict=True)]
        middle, low, high = interval(ratios)
        found[contender] = {"ms_per_step": step, "ratio": middle, "interval": [low, high], "seconds": times[contender]}
        print(f"{name:8} {contender:6} {step:9.3f} ms/step   {middle:6.3f}  [{low:.3f}, {high:.3f}]", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--models", default="softmax,mlp,cnn")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each contender; 0: all cores")
    parser.add_argument("--json", type=Path, help="also write all times there")
    parser.add_argument("--without-loader", action="store_true", help="it takes most of the time")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.data_dir.resolve()
    if arguments.contender:
        contend(arguments.contender, arguments.models, folder)
        return
    print("model    who         time of a step   dltui is so many times as fast [95 % interval]", flush=True)
    found = [
        report(name, compete(name, folder, arguments.rounds, arguments.threads, not arguments.without_loader))
        for name in arguments.models.split(",")
    ]
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
