"""Runs training steps as replays of one that was captured: on a GPU most of a small step is launching its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import torch

from dltui.core.text import clean_line
from dltui.core.worker.explain import is_out_of_memory
from dltui.plugins.torch.steps.kept import Kept, addresses, attributes
from dltui.plugins.torch.steps.program import Program, Tables, columns

if TYPE_CHECKING:
    from torch import Tensor

    from dltui.core.contract import EpochPlan
    from dltui.plugins.torch.steps.eager import Eager

Replay = Callable[[], None]
MEASURED = 10
"""The replays whose time is taken, at most."""
TRIED = 3
"""The steps that are tried: the first ones choose algorithms and reserve memory, which no capture allows."""
NEAR = 0.01
"""By how much a replayed loss may differ from that of the same step before the capture: atomic additions and the like
change last digits; a value that the capture froze changes the first ones."""


class Refused(Exception):
    """A step cannot be captured; the text says why."""


@contextmanager
def refusing() -> Iterator[None]:
    """Raises Refused, with the reason in words, in place of whatever a module, the compiler or the driver raises: eager
    steps tell it again if it is a mistake.
    """
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(reason_of(error)) from error


class Recorder(Protocol):
    """Captures steps on a device."""

    def warm_up(self, step: Replay, times: int) -> None:
        """Run a step so many times as it will be captured. Raises an exception where it waits for a value."""

    def record(self, step: Replay) -> Replay:
        """Capture a step without running it."""

    def wait(self) -> None:
        """Wait until all that was started is done."""


class CudaGraphs:
    """Captures steps in CUDA graphs."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def warm_up(self, step: Replay, times: int) -> None:
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        try:
            with torch.cuda.stream(self._stream):
                for number in range(times):
                    # An error then is better than in a capture, which leaves PyTorch's random numbers in a bad state.
                    torch.cuda.set_sync_debug_mode("error" if number else "default")
                    step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
            torch.cuda.current_stream(self._device).wait_stream(self._stream)

    def record(self, step: Replay) -> Replay:
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device, such as PyTorch's own for the backward pass.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            step()
        replay: Replay = graph.replay
        return replay

    def wait(self) -> None:
        torch.cuda.synchronize(self._device)


def recorder(device: torch.device) -> Recorder | None:
    """The recorder of a device; None for one whose steps run eagerly."""
    return CudaGraphs(device) if device.type == "cuda" else None


class Captured:
    """Replays a captured step. The tables of its plan and its results stay where they are; a plan that does not fit
    them is captured anew."""

    mode = "graph"
    data_seconds: float | None = None

    def __init__(self, eager: Eager, recorder: Recorder) -> None:
        """`eager` runs the same steps one by one."""
        computation, rates, device = eager.computation, eager.rates, eager.device
        self._computation, self._samples, self._rates = computation, eager.samples, rates
        self._device, self._dtype, self._recorder = device, computation.dtype, recorder
        self._now = rates.keep_on(device)
        if computation.average is not None:
            computation.average.count_on(device)
        self._tables: Tables | None = None
        self._replay: Replay | None = None
        self._places: list[int] = []
        self._read: list[Tensor] = []
        self._next = self.batch = 0
        self.step_seconds = 0.0
        """How long a replay took when it was tried."""

    def forget(self) -> None:
        """Capture anew before the next step: other parameters are trained than before."""
        self._tables, self._replay, self._places, self._read = None, None, [], []

    def begin(self, plan: EpochPlan) -> None:
        """Take a plan. Raises Refused if it must be captured and cannot be, or has no room on the device."""
        with refusing():
            found = self._columns(plan)
            if self._tables is None or not self._tables.fit(found) or addresses(self._computation) != self._places:
                self._capture(plan, found)
            assert self._tables is not None
            self._tables.fill(found)
        self._next, self.batch = 0, plan.batch

    def advance(self, steps: int) -> Tensor:
        """As of `Eager`: the results of the next steps (2 or more, steps), which are only queued."""
        assert self._replay is not None
        assert self._tables is not None
        for _ in range(steps):
            self._replay()
        first, self._next = self._next, self._next + steps
        return self._tables.results[:, first : self._next].clone()

    def _columns(self, plan: EpochPlan) -> dict[str, Tensor]:
        found = columns(plan, self._samples, self._device, self._dtype)
        return {**found, "lr": torch.from_numpy(self._rates.table(plan.lr)).to(self._now)}

    def capture(self, plan: EpochPlan) -> None:
        """Capture the steps of a plan and of all that are like it. Nothing that training depends on is then changed.

        Raises Refused with the reason where they cannot be captured.
        """
        with refusing():
            self._capture(plan, self._columns(plan))

    def _capture(self, plan: EpochPlan, found: dict[str, Tensor]) -> None:
        """The same for a plan with its columns. Raises whatever a step raises."""
        self.forget()
        tables = Tables(found, plan.steps, self._device, self._dtype)
        step = Program(self._computation, self._samples, self._now, tables)
        kept = Kept(self._computation, self._device)
        try:
            replay = self._try_out(step, tables, found, kept)
        finally:
            kept.restore()
        self._tables, self._replay, self._places = tables, replay, addresses(self._computation)
        # A replay reads what lies where it lay. An evaluation may put something else in the place of a layer's table.
        self._read = attributes(self._computation.module)

    def _try_out(self, step: Program, tables: Tables, found: dict[str, Tensor], kept: Kept) -> Replay:
        """The replay of a captured step, after comparing it with the step itself. Raises Refused."""
        times = min(TRIED, tables.capacity)
        tables.fill(found)
        self._recorder.warm_up(_repeating(step, tables), TRIED)
        expected = tables.results[:, :times].clone()
        reason = kept.reason()
        if reason:
            raise Refused(reason)
        kept.restore()
        tables.fill(found)
        tables.results.zero_()
        replay = self._recorder.record(step)
        repeat = _repeating(replay, tables)
        for _ in range(TRIED):
            repeat()
        losses, wanted = tables.results[0, :times].cpu(), expected[0].cpu()
        if not torch.allclose(losses, wanted, rtol=NEAR, atol=NEAR, equal_nan=True):
            raise Refused("replayed steps compute something else")
        self.step_seconds = self._measure(replay, tables)
        return replay

    def _measure(self, replay: Replay, tables: Tables) -> float:
        """The seconds of a replay, with nothing launched between two. What it changes is put back by the caller."""
        times = min(MEASURED, tables.capacity)
        tables.counter.zero_()
        self._recorder.wait()
        began = perf_counter()
        for _ in range(times):
            replay()
        self._recorder.wait()
        return (perf_counter() - began) / times


def _repeating(step: Replay, tables: Tables) -> Replay:
    """A step, or its replay, that goes on with the first row of the tables after their last."""
    done = 0

    def run() -> None:
        nonlocal done
        if done and done % tables.capacity == 0:
            tables.counter.zero_()
        done += 1
        step()

    return run


def reason_of(error: BaseException) -> str:
    """The first line of an error, in words where it is a known one."""
    # The compiler wraps what it found.
    found: BaseException = getattr(error, "inner_exception", None) or error
    if is_out_of_memory(found):
        return "there is no memory for it"
    text = str(found).strip()
    if "capturing" in text or "synchroniz" in text:
        return "it waits for a value, such as float(tensor) or a tensor of the host does"
    first = text.splitlines()[0] if text else type(error).__name__
    return clean_line(first, 200)
