"""Networks that authors write in unusual ways: layers made late, tensors put in place of others, sparse and complex
ones. Run like `torch_checks`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.core.contract import Spec
from dltui.plugins.torch.averaging import Average
from dltui.plugins.torch.layers import list_layers
from tests.plugins.torch.torch_author_checks import COLOR, DATA, LINES, Spectrum, net, refused, trainable, trained
from tests.plugins.torch.torch_setting import assert_same


class Changing(nn.Module):
    """Two dense layers, with a change of the module before each of its calls."""

    def __init__(self, change: Callable[[Any, Tensor], None], spec: Spec, **buffers: Tensor) -> None:
        super().__init__()
        self.change = change
        self.first = nn.Linear(int(np.prod(spec.input_shape)), 4)
        self.head = nn.Linear(4, spec.outputs)
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        self.change(self, x)
        out: Tensor = self.head(self.first(x))
        return out


def changing(change: Callable[[Any, Tensor], None], **buffers: Tensor) -> Callable[[Any, Spec], nn.Module]:
    return lambda config, spec: Changing(change, spec, **{name: value.clone() for name, value in buffers.items()})


def _make(module: Any, x: Tensor) -> None:
    if not hasattr(module, "fc"):
        module.fc = nn.Linear(x.shape[1], 2)
    module.kept = module.fc(x)


def check_parameters_that_are_made_late() -> None:
    told = r"makes parameters \(fc.weight, fc.bias\) when it is first called; make them in __init__, or use nn.Lazy"
    refused(rf"^forward {told}Linear \(torch_module_checks.py line \d+\)$", changing(_make), LINES)
    refused(rf"^forward {told}", changing(lambda module, x: _make(module, x) if module.training else None), LINES)

    def own(config: Any, spec: Spec) -> nn.Module:
        module = Changing(lambda module, x: None, spec)

        def training_step(inputs: Tensor, targets: Tensor) -> Any:
            _make(module, inputs.flatten(1))
            outputs = module(inputs)
            return functional.cross_entropy(outputs, targets) + module.kept.square().mean(), outputs

        module.training_step = training_step  # type: ignore[assignment]
        return module

    refused(rf"^training_step {told}", own)

    def replace(module: Any, x: Tensor) -> None:
        module.first.weight = nn.Parameter(module.first.weight.detach().clone())

    refused(r"^forward makes parameters \(first.weight\)", changing(replace), LINES)
    # Images are tried out when the network is built.
    found = trained(changing(_make), 2)
    assert found.state()["weights/fc/kernel"].shape == (64, 2)


def check_buffers_that_are_made_late() -> None:
    def table(persistent: bool) -> Callable[[Any, Spec], nn.Module]:
        return changing(lambda module, x: module.register_buffer("table", x.detach().mean(0), persistent=persistent))

    words = r"^forward makes buffers \(model/table\) when it is first called; register them in __init__, or with"
    refused(words, table(True), LINES)
    trained(table(False), 2, LINES)


def check_lazy_layers_that_forward_does_not_call() -> None:
    def build(config: Any, spec: Spec) -> nn.Module:
        module = Changing(lambda module, x: None, spec)
        module.late = nn.LazyLinear(3)
        return module

    refused("^late.weight gets its size from a first call, which forward does not make; give its layer", build)


def _move(module: Any, x: Tensor) -> None:
    if module.training:
        module.centre = 0.9 * module.centre + 0.1 * x.detach().mean(0)


def check_buffers_that_are_put_in_place_of_others() -> None:
    """Their average follows them, and an evaluation with it leaves them as they are."""
    found, planner = trainable(changing(_move, centre=torch.ones(3)), LINES, ema=0.9)
    found.begin_epoch(planner.epoch(0))
    average = found.state()["average/model/centre"]
    for step in range(1, 3):
        found.advance(1)
        decay = min(0.9, (1 + step) / (10 + step))
        average = average + (1 - decay) * (found.module.centre.numpy() - average)
        state = found.state()
        np.testing.assert_allclose(state["average/model/centre"], average, rtol=1e-5)
        found.predict("test", slice(0, 5))
        assert_same(state, found.state())
    other, _ = trainable(changing(_move, centre=torch.ones(3)), LINES, ema=0.9, seed=3)
    other.load_state(state)
    assert_same(state, other.state())


def check_buffers_that_an_evaluation_replaces() -> None:
    def move(module: Any, x: Tensor) -> None:
        module.centre = module.centre + x.detach().mean(0) + 1

    found = trained(changing(move, centre=torch.zeros(())), 2, LINES, ema=0.9)
    state = found.state()
    assert state["average/model/centre"].shape == (3,), "it has begun anew in the new form"
    found.predict("test", slice(0, 5))
    assert_same(state, found.state())


def check_averages_of_complex_weights() -> None:
    build = lambda config, spec: Spectrum(spec)  # noqa: E731
    found, planner = trainable(build, COLOR, ema=0.9)
    begun = found.state()["weights/model/filter"]
    found.begin_epoch(planner.epoch(0))
    found.advance(3)
    state = found.state()
    average = state["average/model/filter"]
    assert average.shape == (3, 8, 5, 2)
    assert not np.array_equal(average, begun)
    assert not np.array_equal(average, state["weights/model/filter"])
    found.predict("test", slice(0, 5))
    assert_same(state, found.state())
    # A checkpoint of an earlier version has none of complex weights.
    other, _ = trainable(build, COLOR, ema=0.9, seed=2)
    other.load_state({key: array for key, array in state.items() if key != "average/model/filter"})
    np.testing.assert_array_equal(other.state()["average/model/filter"], state["weights/model/filter"])
    np.testing.assert_array_equal(other.state()["average/fc/kernel"], state["average/fc/kernel"])


def check_averages_that_count_on_the_device() -> None:
    """The same with steps that the host does not see."""
    module = Spectrum(COLOR.spec)
    averages = [Average(module, 0.9) for _ in range(2)]
    averages[1].count_on(torch.device("cpu"))
    for _ in range(3):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(1 + 2j if parameter.is_complex() else 1)
        for average in averages:
            average.follow()
    assert "model/filter" in averages[0].known
    for (name, _, one), (_, _, other) in zip(*(average.items() for average in averages), strict=True):
        torch.testing.assert_close(one, other, msg=name)


def check_own_steps_in_half_precision() -> None:
    for precision, kind in (("bf16", torch.bfloat16), ("fp16", torch.float16)):

        def step(self: Any, inputs: Tensor, targets: Tensor, kind: Any = kind) -> Any:
            outputs = self(inputs)
            assert outputs.dtype == kind
            # The sum over a batch of this loss is more than float16 has.
            loss = (functional.cross_entropy(outputs, targets) + 3000).to(kind)
            return loss, outputs

        for parts in (1, 2):
            found, planner = trainable(net(training_step=step), precision=precision, accumulate=parts)
            found.begin_epoch(planner.epoch(0))
            stats = found.advance(2)
            assert stats.loss.dtype == stats.metrics["accuracy"].dtype == np.float32
            assert 90_000 < stats.loss.min() <= stats.loss.max() < 100_000


class Words(nn.Module):
    def __init__(self, spec: Spec, sparse: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(3, 4, sparse=sparse)
        self.head = nn.Linear(4, spec.outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.embed((x.flatten(1) > 0).long()).mean(1))
        return out


def check_sparse_embeddings() -> None:
    """As dense ones, with plain gradient descent and with an optimizer made for them."""
    sparse = lambda config, spec: Words(spec, sparse=True)  # noqa: E731
    for config in ({"momentum": 0.0}, {"momentum": 0.9}, {"accumulate": 2}):
        states = [trained(build, 3, **config).state() for build in (sparse, lambda c, s: Words(s, sparse=False))]
        for key in states[0]:
            np.testing.assert_allclose(states[0][key], states[1][key], rtol=1e-4, atol=1e-5, err_msg=key)
    for options, words in (
        ({"optimizer": "adamw"}, "optimizer adamw"),
        ({"weight_decay": 0.1}, "weight_decay"),
        ({"nesterov": True}, "nesterov"),
        ({"clip_norm": 1.0, "precision": "fp16"}, "clip_norm and precision fp16"),
    ):
        told = rf"^the embedding embed has sparse gradients, which {words} cannot use; make it with sparse=False$"
        refused(told, lambda c, s, options=options: _refused_build(sparse, s, options))
    frozen = trained(sparse, 2, optimizer="adamw", freeze="embed")
    assert "optimizer/embed/embeddings/exp_avg" not in frozen.state()


def _refused_build(build: Callable[[Any, Spec], Any], spec: Spec, options: dict[str, Any]) -> Any:
    """Raises what a trainable with these options raises."""
    return trainable(build, DATA, **options)[0].module


def check_sparse_tensors() -> None:
    adjacency = torch.eye(3).to_sparse()

    def build(persistent: bool) -> Callable[[Any, Spec], nn.Module]:
        def make(config: Any, spec: Spec) -> nn.Module:
            module = net()(config, spec)
            module.register_buffer("adj", adjacency, persistent=persistent)
            return module

        return make

    refused(
        "^the buffer model/adj is sparse, which no checkpoint holds; register it with persistent=False$", build(True)
    )
    assert "weights/model/adj" not in trained(build(False), 2, ema=0.9).state()


def check_scripted_modules() -> None:
    words = r"^build returned what torch.jit made, whose layers cannot be seen; return the module .* line \d"
    refused(words, lambda config, spec: torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(64, spec.outputs))))
    refused(
        words,
        lambda config, spec: nn.Sequential(nn.Flatten(), torch.jit.script(nn.Linear(64, spec.outputs))),
    )


def check_shared_weights_are_counted_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.unused = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 64, bias=False)
            self.two.weight = self.unused.weight = self.one.weight
            self.head = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(self.two(self.one(self.one(x.flatten(1)))))
            return out

    tied = Tied()
    rows = [(row.name, row.parameters) for row in list_layers(tied, DATA.spec)]
    assert rows == [("one", 64 * 64 + 64), ("one", 0), ("two", 64), ("head", 650)]
    assert sum(count for _, count in rows) == sum(parameter.numel() for parameter in tied.parameters())


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
