"""The ranks that train together: sums over all of them, and the part of a batch that this one is at."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import torch
from torch import Tensor, distributed, nn

from dltui.core.contract.shares import Part
from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract import Rank

BUCKET = 1 << 23
"""The most numbers of gradients that are sent at once: 32 MiB of float32."""
NONE = Part(0, 0, 0)
PATIENCE = timedelta(days=20)
"""Longer than the worker waits for ranks, which alone ends a run; it does not count the time in which all stood still.
In milliseconds it fits into 31 bits.
"""
INTERFACES = {"darwin": "lo0"}
"""The network interface of ranks on one machine; on Linux it is "lo"."""


class Group:
    """All ranks of a run, on gloo for CPUs and on NCCL for NVIDIA's GPUs. Each sum is a meeting of all ranks: all must
    ask for the same sums in the same order.
    """

    def __init__(self, rank: Rank, device: torch.device) -> None:
        self.number, self.world = rank.number, rank.world
        self.part = NONE
        """The part of a batch that is computed now; `NONE` outside of steps."""
        self._device = device
        self._waited = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            if name not in os.environ:
                os.environ[name] = _interface(rank)
        kind = "nccl" if device.type == "cuda" else "gloo"
        place = {"rank": rank.number, "world_size": rank.world, **_meeting(rank)}
        distributed.init_process_group(kind, timeout=PATIENCE, **place)

    @property
    def in_step(self) -> bool:
        """True while a step of all ranks is computed. An evaluation is this rank's own."""
        return self.part.whole > 0

    @contextmanager
    def computing(self, part: Part) -> Iterator[None]:
        """Until the context ends this part of a batch is computed on all ranks."""
        self.part = part
        try:
            yield
        finally:
            self.part = NONE

    def sum_(self, tensor: Tensor) -> Tensor:
        """Replace a tensor by its sum over all ranks, the same bits on each."""
        with self._waiting():
            distributed.all_reduce(tensor)
        return tensor

    def share_first(self, tensors: Iterable[Tensor]) -> None:
        """Give all ranks the tensors of the first one."""
        with torch.no_grad():
            for tensor in tensors:
                dense = tensor.detach().contiguous()
                distributed.broadcast(torch.view_as_real(dense) if dense.is_complex() else dense, 0)
                tensor.detach().copy_(dense)

    def first(self, tensor: Tensor) -> Tensor:
        """The tensor of the first rank, in memory of the host."""
        found = tensor.to(self._device)
        with self._waiting():
            distributed.broadcast(found, 0)
        return found.cpu()

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradient of each parameter by its sum over all ranks. One that has a gradient on some ranks only
        counts as zero on the others; one without any keeps none.
        """
        buckets = _buckets([parameter for parameter in parameters if parameter.requires_grad])
        with self._waiting():
            sent = [(bucket, flat, distributed.all_reduce(flat, async_op=True)) for bucket, flat in map(_flat, buckets)]
            for _, _, work in sent:
                work.wait()
        for bucket, flat, _ in sent:
            _unpack(bucket, flat)

    def take_waited(self) -> float:
        """The seconds of waiting for sums since the last call; on a GPU all that was started must be done."""
        waited, self._waited = self._waited, 0.0
        events, self._events = self._events, []
        return waited + sum(float(first.elapsed_time(last)) for first, last in events) / 1000

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        if self._device.type != "cuda":
            began = perf_counter()
            yield
            self._waited += perf_counter() - began
            return
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        first.record()
        yield
        last.record()
        self._events.append((first, last))


def _meeting(rank: Rank) -> dict[str, Any]:
    """The arguments by which a process group finds its members. From a URL PyTorch takes the path as it is written
    there, with %20 for a blank.
    """
    url = urlsplit(rank.rendezvous)
    if url.scheme == "file":
        store = distributed.FileStore(unquote(url.path), rank.world)  # type: ignore[attr-defined]
        store.set_timeout(PATIENCE)
        return {"store": store}
    return {"init_method": rank.rendezvous}


def _interface(rank: Rank) -> str:
    """The network interface by which other ranks reach this one. Raises RunError."""
    host = rank.addresses[rank.number].rpartition(":")[0] if rank.addresses else ""
    if rank.rendezvous.startswith("file:") or host.startswith("127."):
        # On one machine nothing listens to a network.
        return INTERFACES.get(sys.platform, "lo")
    import psutil

    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address == host for one in addresses):
            return name
    raise RunError(f"no network interface of this machine has the address {host}; GLOO_SOCKET_IFNAME names one")


def sums_of(group: Group | None) -> Callable[[Tensor], Tensor]:
    """The sum over all ranks of a count in the current part of a batch, as a mean over this rank's samples needs it:
    weighted by this rank's share of the samples, means of all ranks then add up to the mean over all counted.
    """

    def over_all(count: Tensor) -> Tensor:
        if group is None or not group.in_step:
            return count
        return group.sum_(count.to(torch.float64 if count.device.type != "mps" else torch.float32)) * (
            group.part.samples / group.part.whole
        )

    return over_all


def _buckets(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters in the order of their layers, those of one type together, in pieces of about the same size."""
    found: list[list[nn.Parameter]] = []
    for _, same in groupby(parameters, key=lambda parameter: parameter.dtype):
        bucket, size = [], 0
        for parameter in same:
            bucket.append(parameter)
            size += parameter.numel()
            if size >= BUCKET:
                found.append(bucket)
                bucket, size = [], 0
        found += [bucket] if bucket else []
    return found


def _flat(bucket: list[nn.Parameter]) -> tuple[list[nn.Parameter], Tensor]:
    """The gradients of parameters in one row, and behind them a 1 for each that has one here."""
    for parameter in bucket:
        if parameter.grad is not None and parameter.grad.is_sparse:
            raise RunError("a layer has sparse gradients, which are not added up over devices; leave out sparse=True")
    first = bucket[0]
    rows = [_row(torch.zeros_like(one) if one.grad is None else one.grad) for one in bucket]
    there = [float(one.grad is not None) for one in bucket]
    # Numbers of the host only where there is something to tell: on a GPU they would be copied at each step.
    flags = rows[0].new_ones(len(bucket)) if all(there) else torch.tensor(there, dtype=rows[0].dtype).to(first.device)
    return bucket, torch.cat([*rows, flags])


def _row(gradient: Tensor) -> Tensor:
    gradient = gradient.detach()
    return (torch.view_as_real(gradient) if gradient.is_complex() else gradient).reshape(-1)


def _unpack(bucket: list[nn.Parameter], flat: Tensor) -> None:
    place = 0
    for number, parameter in enumerate(bucket):
        size = parameter.numel() * (2 if parameter.is_complex() else 1)
        row, place = flat[place : place + size], place + size
        if parameter.grad is None:
            if float(flat[number - len(bucket)]) == 0:
                continue
            parameter.grad = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        target = torch.view_as_real(parameter.grad) if parameter.is_complex() else parameter.grad
        target.copy_(row.view(target.shape))
