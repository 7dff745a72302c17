"""Training loops written by hand for PyTorch, each of which takes turns: on the device, captured, from a DataLoader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from contender import make_optimizer
from floor import synchronize
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from turns import Turns

from dltui.core.contract import Data

MOST_STEPS = 2_000
"""Steps of a slice at most."""


class Bare:
    """A training step on tables that lie on the device: gather, normalize, forward, loss, backward, update, statistics.

    A counter on the device chooses the batch, so that a captured step moves on by itself.
    """

    def __init__(self, module: Any, config: Any, data: Data, device: torch.device) -> None:
        steps = len(data.train) // config.batch_size
        self.device, self._config = device, config
        self.module = module.to(device, memory_format=torch.channels_last).train()
        self.optimizer = make_optimizer(self.module, config, fused=True, capturable=device.type == "cuda")
        self._x = torch.from_numpy(data.train.x).to(device).flatten(1)
        self._y = torch.from_numpy(data.train.y).to(device)
        self._shape = data.spec.input_shape
        self._mean, self._std = data.spec.mean[0], data.spec.std[0]
        order = torch.randperm(len(data.train))[: steps * config.batch_size]
        self._table = order.view(steps, config.batch_size).to(device)
        self._step = torch.zeros(1, dtype=torch.int64, device=device)
        self._losses, self._correct = torch.zeros(steps, device=device), torch.zeros(steps, device=device)

    def __call__(self) -> None:
        rows = self._table.index_select(0, self._step).flatten()
        targets = self._y.index_select(0, rows)
        x = self._x.index_select(0, rows).float().sub_(self._mean).div_(self._std)
        self.optimizer.zero_grad(set_to_none=True)
        with arithmetic(self._config, self.device):
            outputs = self.module(x.view(-1, *self._shape).permute(0, 3, 1, 2))
        outputs = outputs.float()
        loss = functional.cross_entropy(outputs, targets)
        loss.backward()
        self.optimizer.step()
        self._losses.index_copy_(0, self._step, loss.detach().reshape(1))
        self._correct.index_copy_(0, self._step, (outputs.argmax(1) == targets).sum().reshape(1).float())
        self._step.add_(1).remainder_(len(self._table))

    def statistics(self) -> list[float]:
        """The sums of all steps, for which the host waits."""
        both: list[float] = torch.stack([self._losses.sum(), self._correct.sum()]).tolist()
        return both

    def captured(self) -> Callable[[], None]:
        """The same step as one CUDA graph."""
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            for _ in range(3):
                self()
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self()
        return graph.replay


def arithmetic(config: Any, device: torch.device) -> AbstractContextManager[object]:
    # A cache of converted weights would outlive the graph that made them.
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16", cache_enabled=False)


def run_bare(bare: Bare, turns: Turns, seconds: float, captured: bool = False) -> None:
    """Slices of as many steps as take about `seconds`."""
    step = bare.captured() if captured else bare
    step()
    synchronize(bare.device)
    began = time.perf_counter()
    for _ in range(3):
        step()
    synchronize(bare.device)
    steps = int(min(max(seconds * 3 / (time.perf_counter() - began), 1), MOST_STEPS))
    turns.begin()
    while True:
        began = time.perf_counter()
        for _ in range(steps):
            step()
        _ = bare.statistics()
        turns.end((time.perf_counter() - began) / steps)


class Images(Dataset[tuple[Tensor, int]]):
    """One sample at a time, scaled to 0..1, as torchvision's datasets with ToTensor give it."""

    def __init__(self, data: Data) -> None:
        self._x, self._y = data.train.x, data.train.y

    def __len__(self) -> int:
        return len(self._y)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return torch.from_numpy(np.moveaxis(self._x[row], -1, 0)).float().div(255), int(self._y[row])


def make_loader(data: Data, config: Any, workers: int, device: torch.device) -> DataLoader[Any]:
    return DataLoader(
        Images(data),
        config.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )


def run_loader(
    module: Any, config: Any, data: Data, device: torch.device, turns: Turns, seconds: float, workers: int
) -> None:
    """The usual loop: batches from a DataLoader, `loss.item()` at each step."""
    module = module.to(device).train()
    optimizer = make_optimizer(module, config)
    batches = _forever(make_loader(data, config, workers, device))
    _loader_step(module, optimizer, config, next(batches), device)
    turns.begin()
    steps, began = 0, time.perf_counter()
    while True:
        _loader_step(module, optimizer, config, next(batches), device)
        steps += 1
        if time.perf_counter() - began >= seconds:
            turns.end((time.perf_counter() - began) / steps)
            steps, began = 0, time.perf_counter()


def _loader_step(module: Any, optimizer: Any, config: Any, batch: tuple[Tensor, Tensor], device: torch.device) -> None:
    images, targets = (part.to(device, non_blocking=True) for part in batch)
    with arithmetic(config, device):
        outputs = module(images)
    loss = functional.cross_entropy(outputs.float(), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    _ = loss.item(), (outputs.argmax(1) == targets).sum().item()


def _forever(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def run_lightning(
    module: Any, config: Any, data: Data, device: torch.device, turns: Turns, seconds: float, folder: str
) -> None:
    """Lightning's Trainer with its progress bar and CSV log; data from a DataLoader without workers."""
    from lightning import pytorch as lightning
    from lightning.pytorch.loggers import CSVLogger

    class Net(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            outputs = self.module(batch[0])
            loss = functional.cross_entropy(outputs, batch[1])
            self.log_dict({"loss": loss, "accuracy": (outputs.argmax(1) == batch[1]).float().mean()}, prog_bar=True)
            return loss

        def configure_optimizers(self) -> Any:
            return make_optimizer(self.module, config)

    class Slices(lightning.Callback):  # type: ignore[misc]
        def on_train_start(self, *_: Any) -> None:
            turns.begin()
            self.steps, self.began = 0, time.perf_counter()

        def on_train_batch_end(self, *_: Any) -> None:
            self.steps += 1
            if time.perf_counter() - self.began >= seconds:
                synchronize(device)
                turns.end((time.perf_counter() - self.began) / self.steps)
                self.steps, self.began = 0, time.perf_counter()

    trainer = lightning.Trainer(
        max_epochs=-1,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        logger=CSVLogger(folder),
        callbacks=[Slices()],
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(Net(), make_loader(data, config, 0, device))
