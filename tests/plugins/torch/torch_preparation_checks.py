"""Checks of the preparation of captured and compiled steps, and of what must outlast it. Run like `torch_checks`."""

from __future__ import annotations

import sys
import weakref
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dltui.plugins.torch.steps import captured, compiled, kept, preparation
from dltui.plugins.torch.steps.kept import Kept
from dltui.plugins.torch.steps.preparation import Preparation
from tests.plugins.torch.torch_captured_checks import SPEC, Calls, Compiler, Fails, follow, make
from tests.plugins.torch.torch_setting import assert_same
from tests.plugins.twin_child import image_spec, make_data

EAGER = "steps run one operation at a time, not as a CUDA graph"
LATER = "steps run one operation at a time from here, not as a CUDA graph"
NO_MEMORY = "there is no memory for it"


def full(*arguments: Any, **options: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class Bound(Calls):
    """A stand-in that keeps the tensor in which the first captured step counts those of the average."""

    counted: Any = None

    def record(self, step: captured.Replay) -> captured.Replay:
        average = step._computation.average  # type: ignore[attr-defined]
        self.counted = average._steps if self.counted is None else self.counted
        return super().record(step)


def check_a_graph_counts_in_the_average_that_there_is() -> None:
    """Also where another one was tried after it."""
    data = make_data(SPEC, 170)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", Compiler("no compiler"))
        recorder = Bound()
        trainable, planner = make({"compile": "on", "ema": 0.9}, data, recorder)
        assert trainable.mode == "graph"
        assert trainable._average is not None
        assert trainable._average._steps is recorder.counted
        found, state = follow(trainable, planner)
        assert trainable._average.steps == len(np.concatenate([losses for losses, _ in found]))
        assert_same(state, follow(*make({"compile": "off", "ema": 0.9}, data, Calls()))[1])


def check_no_memory_for_a_capture() -> None:
    """It then costs the run nothing but time, whatever it is that does not fit."""
    data = make_data(SPEC, 170)
    expected = follow(*make({"ema": 0.9}, data, Fails()))[1]
    for name in ("columns", "Tables", "Kept", "Program"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(captured, name, full)
            trainable, planner = make({"ema": 0.9}, data, Calls())
        assert trainable.notes == (f"{EAGER}: {NO_MEMORY}",), (name, trainable.notes)
        assert trainable.mode == "eager"
        assert_same(follow(trainable, planner)[1], expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", Compiler())
        patch.setattr(preparation, "Kept", full)
        trainable, planner = make({"compile": "on"}, data)
        lines = trainable.prepare(partial(planner.epoch, 0), 10)
        assert list(lines) == [f"compile on has no effect: {NO_MEMORY}"]
        assert trainable.mode == "eager"


def check_no_memory_for_another_capture() -> None:
    """What failed has given its memory back when the eager steps begin."""
    data = make_data(SPEC, 170)
    options = {"freeze": "conv1 norm1", "unfreeze_at": 2, "epochs": 3}
    for name in ("Kept", "columns"):
        trainable, planner = make(options, data, Calls())
        assert trainable.mode == "graph"
        trainable.begin_epoch(planner.epoch(0))
        trainable.advance(2)
        made: list[weakref.ref[Any]] = []
        alive: list[bool] = []

        class Tables(captured.Tables):
            def __init__(self, *arguments: Any, made: list[weakref.ref[Any]] = made) -> None:
                super().__init__(*arguments)
                made.append(weakref.ref(self))

        begin = trainable._eager.begin

        def watched(plan: Any, made: Any = made, alive: Any = alive, begin: Any = begin) -> None:
            alive += [one() is not None for one in made]
            begin(plan)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(captured, "Tables", Tables)
            patch.setattr(captured, name, full)
            patch.setattr(trainable._eager, "begin", watched)
            lines = list(trainable.begin_epoch(planner.epoch(1)))
        assert lines[-1] == f"{LATER}: {NO_MEMORY}"
        assert trainable.mode == "eager"
        assert alive == ([False] if name == "Kept" else [])
        assert np.isfinite(trainable.advance(2).loss).all()


def check_a_compiler_that_fails_leaves_the_graph() -> None:
    """Before it has begun, or for want of memory; later steps then run as they are."""
    data = make_data(SPEC, 170)

    def none(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("torch.compile is not supported on this Python")

    class Second(Kept):
        made = 0

        def __init__(self, *arguments: Any) -> None:
            Second.made += 1
            if Second.made == 2:
                full()
            super().__init__(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", none)
        trainable, _ = make({"compile": "on"}, data, Calls())
        assert trainable.mode == "graph"
        assert trainable.notes[0].endswith("not compiled: torch.compile is not supported on this Python")
        patch.setattr(torch, "compile", Compiler())
        patch.setattr(captured, "Kept", Second)
        trainable, _ = make({"compile": "on"}, data, Calls())
        assert trainable.mode == "graph"
        assert trainable.notes[0].endswith(f"not compiled: {NO_MEMORY}")
        # From the second capture on it fails.
        compiler = Compiler()
        patch.setattr(torch, "compile", compiler)
        patch.setattr(captured, "Kept", Kept)
        options = {"compile": "on", "freeze": "conv1 norm1", "unfreeze_at": 2, "epochs": 3}
        trainable, planner = make(options, data, Calls())
        assert trainable.mode == "graph + compile"
        compiler.reason = "no compiler any more"
        lines = list(trainable.begin_epoch(planner.epoch(1)))
        assert lines[-1] == f"{LATER}: no compiler any more"
        assert trainable.mode == "eager"
        assert np.isfinite(trainable.advance(2).loss).all()


class Sizes(Calls):
    """A stand-in that writes down how often a step is tried, and the rows of the tables that replays go through."""

    def __init__(self) -> None:
        super().__init__()
        self.tried, self.rows = 0, list[int]()

    def warm_up(self, step: captured.Replay, times: int) -> None:
        self.tried = times
        super().warm_up(step, times)

    def record(self, step: captured.Replay) -> captured.Replay:
        def replay() -> None:
            self.rows.append(int(step._tables.counter))  # type: ignore[attr-defined]
            step()

        return replay


def check_every_length_of_an_epoch() -> None:
    """The second of the steps that are tried must not wait for a value: there is one also in an epoch of one step. The
    time of a step is that of replays alone, one after the other."""
    for samples, tried, timed in ((40, [0, 0, 0], [0]), (70, [0, 1, 0], [0, 1]), (170, [0, 1, 2], [0, 1, 2, 3, 4])):
        data, sizes = make_data(SPEC, samples), Sizes()
        trainable, planner = make({"epochs": 2}, data, sizes)
        assert trainable.mode == "graph", trainable.notes
        assert sizes.tried == captured.TRIED
        assert sizes.rows == tried + timed
        found = []
        for one in (trainable, make({"epochs": 2}, data, Fails())[0]):
            one.begin_epoch(planner.epoch(0))
            found.append((one.advance(planner.steps_per_epoch).loss.tobytes(), one.state()))
        assert found[0][0] == found[1][0]
        assert_same(found[0][1], found[1][1])


class Named(nn.Module):
    """A network with a loss that has a part, and an optimizer that makes its slots at the first step, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.dense(x.flatten(1))
        return outputs

    def training_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
        size = outputs.square().mean()
        return {"loss": nn.functional.cross_entropy(outputs, targets) + 0.01 * size, "size": size}


class Counting(torch.optim.Adam):
    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, lr)
        self.steps = 0

    def step(self, closure: Any = None) -> Any:
        self.steps += 1
        self.param_groups[0]["weight_decay"] = 0.1 / self.steps
        return super().step()


class Own(Named):
    def configure_optimizer(self, config: Any) -> torch.optim.Optimizer:
        return Counting(self.parameters(), config.lr)


def check_eager_steps_that_are_compiled() -> None:
    """Named losses are told, and the trial leaves no trace in an optimizer of the model's own."""
    data = make_data(image_spec(8), 128)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", Compiler())
        for kind in (Named, Own):
            found = []
            for choice in ("on", "off"):
                trainable, planner = make({"compile": choice}, data, build=lambda config, spec, kind=kind: kind())
                before = trainable.state()
                trainable.prepare(partial(planner.epoch, 0), 10)
                assert trainable.mode == ("eager + compile" if choice == "on" else "eager")
                assert_same(trainable.state(), before)
                trainable.begin_epoch(planner.epoch(0))
                stats = trainable.advance(3)
                found.append(({name: values.tobytes() for name, values in stats.metrics.items()}, trainable.state()))
            assert "size" in found[0][0], kind
            assert found[0][0] == found[1][0], kind
            assert_same(found[0][1], found[1][1])


def check_the_compiler_is_told_of_determinism() -> None:
    from torch._inductor import config

    data, before = make_data(SPEC, 170), config.deterministic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", Compiler())
        for wanted in (True, False):
            make({"compile": "on", "deterministic": wanted}, data, Calls())
            assert config.deterministic is wanted
    config.deterministic = before


def check_time_decides_what_is_compiled() -> None:
    """With a limit of time far more steps are planned than there will be."""
    data, reasons = make_data(SPEC, 170), []
    for options in ({}, {"max_time": "60s"}):
        trainable, _ = make({"compile": "auto", **options}, data)
        chosen = Preparation(trainable._eager, trainable._config, "")
        reasons.append(chosen._reason_against(0.001, 10**6))
    assert reasons == ["", "not compiled: about 24 s would be saved, compiling takes about 40 s"]


def check_the_scaler_that_asks_the_host_is_named() -> None:
    data = make_data(SPEC, 170)
    for optimizer in ("rmsprop", "lion", "muon"):
        trainable, _ = make({"precision": "fp16", "optimizer": optimizer}, data, Calls())
        reason = f"fp16 with {optimizer} asks the host after each step; take bf16, or sgd, adam or adamw"
        assert trainable.notes == (f"{EAGER}: {reason}",)
    for optimizer in ("sgd", "adam", "adamw"):
        assert make({"precision": "fp16", "optimizer": optimizer}, data)[0]._obstacle() == ""


class Table(nn.Module):
    """A network with a table beside its weights, which an evaluation replaces: a buffer, or a plain attribute."""

    def __init__(self, buffer: bool) -> None:
        super().__init__()
        self.dense = nn.Linear(8 * 8, 10)
        if buffer:
            self.table = nn.Buffer(torch.ones(10), persistent=False)
        else:
            self.table = torch.ones(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            self.table = torch.ones(10)
        outputs: torch.Tensor = self.dense(x.flatten(1)) * self.table
        return outputs


def check_what_an_evaluation_replaces() -> None:
    """A graph reads and writes where things lay when it was captured."""
    data = make_data(image_spec(8), 128)
    for buffer in (True, False):
        calls = Calls()
        trainable, planner = make({}, data, calls, build=lambda config, spec, buffer=buffer: Table(buffer))
        assert trainable.mode == "graph", trainable.notes
        trainable.begin_epoch(planner.epoch(0))
        table, done = weakref.ref(trainable.module.table), calls.replays
        trainable.predict("validation", slice(0, 50))
        assert table() is not None, "what the graph reads is gone"
        trainable.begin_epoch(planner.epoch(1))
        assert (calls.replays > done) is buffer, "a buffer that is another one is captured anew"
        assert trainable.mode == "graph"


def check_copies_lie_on_the_host() -> None:
    """A device may have no room for two of everything."""
    trainable, _ = make({"ema": 0.9, "optimizer": "adam", "precision": "fp16"}, make_data(SPEC, 170))
    seen: list[str] = []

    class Device(torch.Tensor):
        """A tensor that writes down where a copy of it is to lie."""

        def to(self, *arguments: Any, **options: Any) -> torch.Tensor:
            seen.append(str(arguments[0]))
            return torch.zeros(0)

    tensors = kept._tensors(trainable._computation)
    assert len(tensors) > 30
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "_tensors", lambda computation: [one.detach().as_subclass(Device) for one in tensors])
        Kept(trainable._computation, torch.device("cpu"))
    assert seen == ["cpu"] * len(tensors)


def check_reasons() -> None:
    for error in (
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ):
        assert captured.reason_of(error) == NO_MEMORY
    inside = RuntimeError("backend failed")
    inside.inner_exception = torch.OutOfMemoryError("CUDA out of memory")  # type: ignore[attr-defined]
    assert captured.reason_of(inside) == NO_MEMORY
    assert captured.reason_of(ValueError("no\nmore")) == "no"
    assert captured.reason_of(ValueError()) == "ValueError"
    assert not compiled.pays(1e-3, 1000)


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
