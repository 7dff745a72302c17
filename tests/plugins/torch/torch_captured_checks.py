"""Checks of captured steps without a GPU: a stand-in replays a step by calling it. Run like `torch_checks`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from dltui.core.contract import Data
from dltui.core.train.evaluation import rows_beside
from dltui.core.train.plan import Planner
from dltui.plugins.torch import augment, session
from dltui.plugins.torch import module as modules
from dltui.plugins.torch.steps import captured
from dltui.plugins.torch.steps.captured import Captured
from dltui.plugins.torch.steps.computation import Computation
from dltui.plugins.torch.steps.program import Program, Tables
from dltui.plugins.torch.trainable import TorchTrainable
from tests.plugins.torch.torch_setting import MODELS, assert_same
from tests.plugins.twin_child import image_spec, make_data

CPU = torch.device("cpu")
SPEC = image_spec(12, 3)
CASES: dict[str, dict[str, Any]] = {
    "sgd": {"nesterov": True, "weight_decay": 0.01, "clip_norm": 0.5, "label_smoothing": 0.1, "ema": 0.9},
    "adam": {"optimizer": "adam", "weight_decay": 0.01, "class_weights": "balanced", "accumulate": 3},
    "adamw": {"optimizer": "adamw", "mixup": 0.4, "lr_scales": "conv*=0.25", "dropout": 0.3},
    "rmsprop": {"optimizer": "rmsprop", "weight_decay": 0.01, "augment": "flip+shift", "color": 0.3, "erase": 0.5},
    "lion": {"optimizer": "lion", "weight_decay": 0.1, "cutmix": 1.0, "freeze": "conv1 norm1", "accumulate": 2},
    "muon": {
        "optimizer": "muon", "weight_decay": 0.1, "clip_norm": 1.0, "accumulate": 2, "ema": 0.99,
        "label_smoothing": 0.1, "class_weights": "balanced", "color": 0.2, "erase": 0.25, "mixup": 0.2, "cutmix": 1.0,
        "augment": "flip+crop",
        "dropout": 0.2, "lr_scales": "conv*=0.5", "freeze": "norm1",
    },
}  # fmt: skip


MASKED = replace(SPEC, task="segmentation", outputs=3, classes=SPEC.classes[:3])
UNET: dict[str, Any] = {"width": 2, "depth": 1, "augment": "flip+crop", "mixup": 0.2, "color": 0.2}


class Calls:
    """A stand-in for CUDA graphs: a step is replayed by calling it."""

    def __init__(self) -> None:
        self.replays = 0

    def warm_up(self, step: captured.Replay, times: int) -> None:
        for _ in range(times):
            step()

    def record(self, step: captured.Replay) -> captured.Replay:
        def replay() -> None:
            self.replays += 1
            step()

        return replay

    def wait(self) -> None:
        pass


class Fails(Calls):
    """A stand-in whose captures fail as those of a step that waits for a value."""

    def record(self, step: captured.Replay) -> captured.Replay:
        step()
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nCUDA kernel errors ...")


@contextmanager
def recording(recorder: object) -> Iterator[None]:
    original = captured.recorder
    captured.recorder = lambda device: recorder  # type: ignore[assignment, return-value]
    try:
        yield
    finally:
        captured.recorder = original


def make(
    config: dict[str, Any],
    data: Data,
    recorder: object = None,
    dtype: torch.dtype = torch.float32,
    build: Callable[[Any, Any], nn.Module] | None = None,
    name: str = "cnn",
) -> tuple[TorchTrainable, Planner]:
    """A model whose steps are captured by a stand-in, or not at all without one."""
    checked = MODELS[name].config.model_validate({"threads": 1, "batch_size": 32, "lr": 0.003, **config})
    device = session.start(checked, "cpu")
    trainable = TorchTrainable(build or MODELS[name].build, checked, data, device, dtype)
    planner = Planner(checked, len(data.train), shape=data.spec.input_shape)
    if recorder is not None:
        with recording(recorder):
            lines = trainable.prepare(partial(planner.epoch, 0), planner.total_steps)
        trainable.notes = (*trainable.notes, *lines)
    return trainable, planner


def follow(trainable: TorchTrainable, planner: Planner) -> tuple[list[Any], dict[str, Any]]:
    """What a run does: chunks, an evaluation, a new learning rate, the next epoch, a partial chunk at its end."""
    trainable.begin_epoch(planner.epoch(0))
    found = [trainable.advance(1), trainable.advance(2)]
    trainable.predict("validation", slice(0, 50))
    planner.change_lr(3, 0.001)
    trainable.begin_epoch(planner.epoch(0, skip=3))
    found += [trainable.advance(planner.steps_per_epoch - 3)]
    trainable.begin_epoch(planner.epoch(1))
    found += [trainable.advance(1)]
    return [(stats.loss, stats.metrics["accuracy"]) for stats in found], trainable.state()


def check_equals_eager_steps() -> None:
    """To the last bit, with every optimizer and option; and close to eager steps with the host's own numbers."""
    data = make_data(SPEC, 170)
    for name, options in CASES.items():
        for dtype in (torch.float64, torch.float32):
            calls = Calls()
            quick, planner = make(options, data, calls, dtype)
            assert quick.mode == "graph", (name, quick.notes)
            statistics, state = follow(quick, planner)
            tried = captured.TRIED + min(captured.MEASURED, planner.steps_per_epoch)
            assert calls.replays == tried + planner.steps_per_epoch + 1, "it was captured more than once"
            eager, planner = make(options, data, Fails(), dtype)
            assert eager.mode == "eager"
            expected, wanted = follow(eager, planner)
            for one, other in zip(statistics, expected, strict=True):
                assert [part.tobytes() for part in one] == [part.tobytes() for part in other], name
            assert_same(state, wanted)
        # Other roundings of the same formula.
        plain = follow(*make(options, data, None, torch.float64))[0]
        for one, other in zip(plain, follow(*make(options, data, Calls(), torch.float64))[0], strict=True):
            np.testing.assert_allclose(one[0], other[0], rtol=1e-9, err_msg=name)


class FailsLater(Calls):
    """A stand-in that captures once."""

    def record(self, step: captured.Replay) -> captured.Replay:
        self.record = Fails().record  # type: ignore[method-assign]
        return super().record(step)


def check_unfreezing_captures_anew() -> None:
    """What is unfrozen is part of the next capture; where that fails, steps go on eagerly with a line."""
    data = make_data(SPEC, 170)
    for name in ("adamw", "sgd"):
        options = {**CASES[name], "freeze": "conv1 norm1", "unfreeze_at": 2, "epochs": 3}
        calls = Calls()
        quick, planner = make(options, data, calls)
        found, state = follow(quick, planner)
        assert quick.mode == "graph"
        tried = captured.TRIED + min(captured.MEASURED, planner.steps_per_epoch)
        assert calls.replays == 2 * tried + planner.steps_per_epoch + 1
        eager, planner = make(options, data, Fails())
        expected, wanted = follow(eager, planner)
        for one, other in zip(found, expected, strict=True):
            assert [part.tobytes() for part in one] == [part.tobytes() for part in other], name
        assert_same(state, wanted)
    later, planner = make(options, data, FailsLater())
    assert later.mode == "graph"
    later.begin_epoch(planner.epoch(0))
    later.advance(2)
    lines = later.begin_epoch(planner.epoch(1))
    assert later.mode == "eager"
    assert [line.split(":")[0] for line in lines] == [
        "from epoch 2 on the layers of freeze are trained, too",
        "steps run one operation at a time from here, not as a CUDA graph",
    ]
    later.advance(1)


def check_resumes_in_the_middle() -> None:
    """A state between two replays goes on bit for bit, in a captured run and in an eager one."""
    data = make_data(SPEC, 170)
    whole, planner = make(CASES["muon"], data, Calls())
    assert whole.mode == "graph"
    whole.begin_epoch(planner.epoch(0))
    whole.advance(2)
    saved = whole.state()
    expected = whole.advance(3).loss.tobytes()
    for recorder in (Calls(), Fails()):
        second, planner = make(CASES["muon"], data, recorder)
        second.load_state(saved)
        second.begin_epoch(planner.epoch(0, skip=2))
        assert second.advance(3).loss.tobytes() == expected
        assert_same(second.state(), whole.state())


def check_preparing_changes_nothing() -> None:
    """Also where the capture fails; the log then says why."""
    data = make_data(SPEC, 170)
    for recorder, mode in ((Calls(), "graph"), (Fails(), "eager")):
        before = make(CASES["muon"], data)[0].state()
        trainable, _ = make(CASES["muon"], data, recorder)
        assert trainable.mode == mode, trainable.notes
        assert_same(before, trainable.state())
    assert trainable.notes == (
        "steps run one operation at a time, not as a CUDA graph: it waits for a value, such as float(tensor) or a "
        "tensor of the host does",
    )
    # A plan of another form is captured anew.
    trainable, planner = make({}, data, Calls())
    plan = planner.epoch(0)
    trainable.begin_epoch(replace(plan, indices=plan.indices[:, :16], lr=plan.lr))
    assert np.isfinite(trainable.advance(2).loss).all()


class Odd(nn.Module):
    """A network whose steps are not alike."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.calls = kind, 0
        self.dense = nn.Linear(8 * 8, 10)
        self.kept = nn.Buffer(torch.zeros(10), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factor = 1.0
        if self.kind == "counts":
            self.calls += 1
            factor = 1 / self.calls
        elif self.kind == "draws":
            factor = float(np.random.random())
        elif self.kind == "replaces":
            self.kept = torch.ones(10)
        outputs: torch.Tensor = self.dense(x.flatten(1)) * factor
        return outputs


class Frozen(Calls):
    """A stand-in that captures a wrong number, as a graph does of a value that Python computed."""

    def record(self, step: captured.Replay) -> captured.Replay:
        assert isinstance(step, Program)

        def replay() -> None:
            step()
            step._tables.results.mul_(1.5)

        return replay


def check_steps_that_no_replay_repeats() -> None:
    data = make_data(image_spec(8), 128)
    reasons = {
        "counts": "it keeps numbers in Python that change from step to step",
        "draws": "it draws random numbers on the host",
        "replaces": "it makes new tensors in place of those of its layers",
    }
    for kind, reason in reasons.items():
        trainable, planner = make({}, data, Calls(), build=lambda config, spec, kind=kind: Odd(kind))
        assert trainable.mode == "eager"
        assert trainable.notes[0].endswith(reason), trainable.notes
        assert trainable.module.calls <= 1
        trainable.begin_epoch(planner.epoch(0))
        assert np.isfinite(trainable.advance(2).loss).all()
    trainable, _ = make({}, data, Frozen())
    assert trainable.notes[0].endswith("replayed steps compute something else")

    class Own(Odd):
        def configure_optimizer(self, config: Any) -> torch.optim.Optimizer:
            return torch.optim.Adagrad(self.parameters(), config.lr)

    trainable, _ = make({}, data, Calls(), build=lambda config, spec: Own(""))
    assert trainable.notes[0].endswith("the optimizer is the model's own")


FORBIDDEN = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "lift_fresh", "unique")
"""Operations that bring a value to the host, or make a tensor of one of the host's."""


class NoHost(TorchDispatchMode):
    """Refuses what a capture refuses, and copies between devices."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        assert name not in FORBIDDEN, name
        if name.startswith("_fused_") and args[0][0].device.type == "cuda":
            # They have no form without numbers. This one reads the rate on the device.
            assert func._overloadname == "tensor_lr", func
            return None
        found = func(*args, **(kwargs or {}))
        given = [value for value in (*args, *(kwargs or {}).values()) if isinstance(value, torch.Tensor)]
        results = found if isinstance(found, (list, tuple)) else [found]
        devices = {t.device.type for t in (*given, *results) if isinstance(t, torch.Tensor)}
        assert len(devices) <= 1, f"{name} copies between {devices}"
        return found


class Watched(Calls):
    """A stand-in that watches the step that would be captured."""

    def record(self, step: captured.Replay) -> captured.Replay:
        with NoHost():
            step()
        return super().record(step)


def check_a_step_needs_no_host() -> None:
    data = make_data(SPEC, 170)
    for name, options in CASES.items():
        # PyTorch's own RMSprop asks for the value of its rate on a CPU.
        trainable, _ = make(options, data, Watched() if name != "rmsprop" else Calls())
        assert trainable.mode == "graph", trainable.notes
    vectors = replace(SPEC, task="regression", input_shape=(5,), outputs=2, classes=(), mean=(0.0,), std=(1.0,))
    trainable, planner = make({"mixup": 0.3}, make_data(vectors, 170), Watched(), name="linear-regression")
    assert trainable.mode == "graph", trainable.notes
    trainable.begin_epoch(planner.epoch(0))
    assert np.isfinite(trainable.advance(3).metrics["mse"]).all()


def check_steps_with_masks() -> None:
    """Masks are looked up in a step, not in its tables; it needs no host, and equals an eager one."""
    data, found = make_data(MASKED, 170), []
    for recorder in (Watched(), Fails()):
        trainable, planner = make(UNET, data, recorder, name="unet")
        assert trainable.mode == ("graph" if isinstance(recorder, Watched) else "eager"), trainable.notes
        trainable.begin_epoch(planner.epoch(0))
        stats = trainable.advance(2)
        found.append((stats.loss.tobytes(), stats.metrics["pixel_accuracy"].tobytes(), trainable.state()))
    assert found[0][:2] == found[1][:2]
    assert_same(found[0][2], found[1][2])


def check_a_step_on_a_gpu_needs_no_host() -> None:
    """On tensors of a GPU without numbers: PyTorch takes other ways there. Its backward pass needs a real one."""

    def backward(self: Computation, loss: torch.Tensor) -> None:
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None

    data, gpu = make_data(SPEC, 170), torch.device("cuda:0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "mem_get_info", lambda device=None: (1 << 40, 1 << 40))
        patch.setattr(modules, "place", lambda module, device, dtype: module)
        patch.setattr(Computation, "_backward", backward)
        cases = [(name, options, data) for name, options in CASES.items()]
        cases += [("fp16", {"precision": "fp16", "clip_norm": 1.0}, data), ("unet", UNET, make_data(MASKED, 170))]
        for name, options, data in cases:
            model = MODELS["unet" if name == "unet" else "cnn"]
            augment._gray_parts.cache_clear()
            with FakeTensorMode(allow_non_fake_inputs=True), gpu:
                config = model.config.model_validate({"batch_size": 32, **options})
                trainable = TorchTrainable(model.build, config, data, gpu)
                runner = Captured(trainable._eager, Calls())
                plan = runner._columns(Planner(config, 170, shape=SPEC.input_shape).epoch(0))
                tables = Tables(plan, 5, gpu, torch.float32)
                step = Program(trainable._computation, trainable._samples, runner._now, tables)
                # Made by the warm-up.
                augment._gray_parts(3, torch.float32, gpu)
                with NoHost():
                    step()
            assert tables.results.device == gpu, name
            parts = -(-config.batch_size // config.accumulate)
            assert trainable.predict_rows == rows_beside(data.spec, parts), name
    augment._gray_parts.cache_clear()


class Spy:
    """Stands for a stream, a graph, or a context, and writes down what is done with it."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.name, self.told = name, told

    def __enter__(self) -> None:
        self.told.append(f"enter {self.name}")

    def __exit__(self, *error: object) -> None:
        self.told.append(f"leave {self.name}")

    def wait_stream(self, other: Spy) -> None:
        self.told.append(f"{self.name} waits for {other.name}")

    def replay(self) -> None:
        self.told.append("replay")


def check_the_order_around_a_capture() -> None:
    """Streams wait for one another, also after an error; PyTorch has the arguments that are given."""
    told: list[str] = []
    accepted = inspect.signature(torch.cuda.graph.__init__).parameters
    assert {"stream", "capture_error_mode"} <= accepted.keys()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "Stream", lambda device: Spy("side", told))
        patch.setattr(torch.cuda, "current_stream", lambda device: Spy("main", told))
        patch.setattr(torch.cuda, "stream", lambda stream: Spy("warm-up", told))
        patch.setattr(torch.cuda, "CUDAGraph", lambda: Spy("graph", told))
        patch.setattr(torch.cuda, "graph", lambda graph, stream, capture_error_mode: Spy("capture", told))
        patch.setattr(torch.cuda, "set_sync_debug_mode", told.append)
        graphs = captured.CudaGraphs(torch.device("cuda:0"))
        graphs.warm_up(lambda: told.append("step"), 2)
        assert told == [
            "side waits for main", "enter warm-up", "default", "step", "error", "step", "leave warm-up", "default",
            "main waits for side",
        ]  # fmt: skip
        told.clear()
        with pytest.raises(ZeroDivisionError):
            graphs.warm_up(lambda: told.append(str(1 // 0)), 2)
        assert told[-2:] == ["default", "main waits for side"]
        told.clear()
        graphs.record(lambda: told.append("step"))()
        assert told == ["enter capture", "step", "leave capture", "replay"]


class Compiler:
    """A stand-in for torch.compile: it calls the function that it was given, or fails."""

    def __init__(self, reason: str = "") -> None:
        self.reason, self.calls = reason, 0

    def __call__(self, function: Any, **options: Any) -> Any:
        def quick(*arguments: Any) -> Any:
            self.calls += 1
            if self.reason:
                raise RuntimeError(self.reason)
            return function(*arguments)

        return quick


def check_what_is_compiled() -> None:
    """By choice or by the time that a run saves; the log says which, and why."""
    data = make_data(SPEC, 170)
    with pytest.MonkeyPatch.context() as patch:
        tried = Compiler()
        patch.setattr(torch, "compile", tried)
        wanted, planner = make({**CASES["adamw"], "compile": "on"}, data)
        assert list(wanted.prepare(partial(planner.epoch, 0), 10)) == ["steps run compiled; 0 s to compile"]
        assert wanted.mode == "eager + compile"
        found, state = follow(wanted, planner)
        losses, expected = follow(*make(CASES["adamw"], data))
        assert [loss.tobytes() for loss, _ in found] == [loss.tobytes() for loss, _ in losses]
        assert_same(state, expected)
        assert tried.calls > 0
        quick, _ = make({"compile": "on"}, data, Calls())
        assert quick.mode == "graph + compile"
        assert " us each instead of " in quick.notes[0]
        for options, why in (
            ({"compile": "off"}, "not compiled, as asked"),
            ({"compile": "auto"}, " would be saved, compiling takes about 40 s"),
            ({"compile": "auto", "deterministic": True}, "would not repeat"),
        ):
            kept, _ = make(options, data, Calls())
            assert kept.mode == "graph"
            assert why in kept.notes[0], kept.notes
        patch.setattr(torch, "compile", Compiler("No working C++ compiler found\nin all of this"))
        for recorder, mode in ((None, "eager"), (Calls(), "graph")):
            trainable, planner = make({"compile": "on"}, data, recorder)
            lines = trainable.prepare(partial(planner.epoch, 0), 10) if recorder is None else trainable.notes
            assert trainable.mode == mode
            assert next(iter(lines)).endswith(": No working C++ compiler found"), lines


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
