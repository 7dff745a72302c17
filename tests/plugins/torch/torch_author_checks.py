"""What plugin authors bring: losses, steps, optimizers and networks of their own. Run like `torch_checks`."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.core.contract import Data, Model, Spec
from dltui.core.contract.config import TrainConfig
from dltui.core.errors import RunError
from dltui.core.tasks.classification.arithmetic import PROBABILITIES
from dltui.core.tasks.monitor import choose_monitor
from dltui.core.train import first_look
from dltui.core.train.plan import Planner
from dltui.plugins.torch.layers import list_layers
from dltui.plugins.torch.neutral import weights
from tests.plugins import named_checks, named_loss_checks
from tests.plugins.torch.torch_setting import BACKEND, assert_same
from tests.plugins.twin_child import image_spec, make_data

DATA = make_data(image_spec(8), 128)
COLOR = make_data(image_spec(8, 3), 128)
LINES = make_data(Spec("regression", (3,), 1), 64)


def trainable(build: Callable[[Any, Spec], Any], data: Data = DATA, **config: Any) -> tuple[Any, Planner]:
    asked = TrainConfig.model_validate({"threads": 1, "batch_size": 32, "lr": 0.01} | config)
    model = Model("own", "own", "torch", data.spec.task, "", TrainConfig, build)
    return BACKEND.trainable(model, asked, data, "cpu"), Planner(asked, len(data.train), shape=data.spec.input_shape)


def net(cls: type = nn.Sequential, **methods: Any) -> Callable[[Any, Spec], nn.Module]:
    """One dense layer on flat samples, with these methods."""

    def build(config: Any, spec: Spec) -> nn.Module:
        inputs = int(np.prod(spec.input_shape))
        module: nn.Module = type("Net", (cls,), methods)(nn.Flatten(), nn.Linear(inputs, spec.outputs))
        return module

    return build


def trained(build: Callable[[Any, Spec], Any], steps: int, data: Data = DATA, **config: Any) -> Any:
    found, planner = trainable(build, data, **config)
    found.begin_epoch(planner.epoch(0))
    found.advance(steps)
    return found


def look(found: Any, data: Data = DATA) -> list[str]:
    return first_look.look(found, data, None, choose_monitor(data.spec.task))


def refused(words: str, build: Callable[[Any, Spec], Any], data: Data = DATA, steps: int = 1) -> None:
    """Refused when it is built, at the first look, or else in the first step."""

    def try_it() -> None:
        found, planner = trainable(build, data)
        look(found, data)
        found.begin_epoch(planner.epoch(0))
        found.advance(steps)

    with pytest.raises(RunError, match=words):
        try_it()


def check_own_loss_is_evaluated() -> None:
    """Also one that keeps something of the forward pass, as a variational autoencoder does."""

    def forward(self: Any, x: Tensor) -> Tensor:
        self.kept = x.flatten(1).sum(1)
        return nn.Sequential.forward(self, x)

    def loss(self: Any, outputs: Tensor, targets: Tensor) -> Tensor:
        assert len(self.kept) == len(outputs) == len(targets)
        return 7 + 0 * outputs.mean()

    found, _ = trainable(net(forward=forward, training_loss=loss))
    assert found.own_loss
    outputs, value = found.evaluate("validation", slice(3, 20))
    assert value == {"loss": 7.0}
    assert np.array_equal(outputs, found.predict("validation", slice(3, 20)))
    plain, _ = trainable(net())
    assert not plain.own_loss
    outputs, value = plain.evaluate("test", slice(0, 40))
    labels = torch.from_numpy(DATA.test.y[:40])
    assert value["loss"] == pytest.approx(float(functional.cross_entropy(torch.from_numpy(outputs), labels)), rel=1e-5)


def check_what_build_and_forward_give() -> None:
    def gives(change: Callable[[Tensor], Any]) -> Callable[[Any, Spec], nn.Module]:
        return net(forward=lambda self, x: change(nn.Sequential.forward(self, x)))

    refused("build returned None; return the torch.nn.Module", lambda config, spec: None)
    refused("build returned a Spec; return", lambda config, spec: spec)
    refused(r"returned float32 of shape \(3,\) for 3 samples, wanted .* \(3, 1\)", gives(lambda y: y[:, 0]), LINES)
    refused(r"returned float32 of shape \(3, 9\) for 3 samples, wanted .* \(3, 10\)", gives(lambda y: y[:, 1:]))
    refused(r"returned float32 of shape \(3, 20\)", gives(lambda y: torch.cat([y, y], 1)))
    refused("returned None", gives(lambda y: None))
    refused("returned a tuple of 2", gives(lambda y: (y, y)))
    refused("returned a dict", gives(lambda y: {"logits": y}))
    refused("returned int64", gives(lambda y: y.long()))
    refused(r"^forward's output is cut off from the weights .* line \d", gives(lambda y: torch.tensor(y.tolist())))
    refused("forward's output is cut off from the weights", gives(lambda y: y.detach()))
    refused("gives NaN or infinity before anything is trained", gives(lambda y: y * torch.nan))
    assert look(trainable(gives(lambda y: y.softmax(1)))[0]) == [PROBABILITIES]
    assert look(trainable(net())[0]) == []


def check_methods() -> None:
    def loss(change: Callable[[Tensor], Any]) -> Callable[[Any, Spec], nn.Module]:
        return net(training_loss=lambda self, outputs, targets: change(functional.cross_entropy(outputs, targets)))

    def step(change: Callable[[Tensor, Tensor], Any]) -> Callable[[Any, Spec], nn.Module]:
        def training_step(self: Any, inputs: Tensor, targets: Tensor) -> Any:
            outputs = self(inputs)
            return change(functional.cross_entropy(outputs, targets), outputs)

        return net(training_step=training_step)

    refused("as the loss; give the mean over the batch", loss(lambda value: value.expand(3)))
    refused("gave a float as the loss", loss(float))
    refused("gave None as the loss", loss(lambda value: None))
    refused("training_loss gives nan before anything", loss(lambda value: value * torch.nan))
    refused("forward's output, or training_loss, is cut off from the weights", loss(lambda value: value.detach()))
    refused(r"training_step returned a Tensor; return \(mean loss, outputs\)", step(lambda value, outputs: value))
    refused("training_step returned a dict", step(lambda value, outputs: {"loss": value}))
    refused("training_step returned None", step(lambda value, outputs: None))
    refused("gave a float as the loss", step(lambda value, outputs: (value.item(), outputs)))
    refused("has no gradient", step(lambda value, outputs: (value.detach(), outputs)))
    refused("called backward", step(lambda value, outputs: (value, outputs, value.backward())[:2]))  # type: ignore[func-returns-value,no-untyped-call]
    refused(r"step changes in place .*_call.* line \d", step(lambda _, y: (y.exp().add_(1).mean(), y)))
    refused("network changes in place", net(forward=lambda self, x: nn.Sequential.forward(self, x).exp().add_(1)))
    refused("did you mean configure_optimizer", net(configure_optimizers=lambda self, config: None))
    refused("no parameter of this network can be trained", lambda c, s: net()(c, s).requires_grad_(False))


def _losses(outputs: Any, targets: Any) -> dict[str, Any]:
    first, second = functional.cross_entropy(outputs, targets), 0.1 * outputs.square().mean()
    return {"loss": first + second, "fit": first, "size": second}


def check_named_losses() -> None:
    named_loss_checks.check_sums(_losses, net, trainable)


def check_misuse_of_named_losses() -> None:
    named_loss_checks.check_misuse(_losses, net, refused)
    calls: list[int] = []

    def changes(found: dict[str, Any]) -> dict[str, Any]:
        calls.append(1)
        return found if len(calls) < 2 else {"loss": found["loss"], "other": found["fit"]}

    build = net(training_step=named_loss_checks.parted(_losses, changes)["training_step"])
    refused("gave the losses other, before fit, size; give the same names at each step", build, steps=2)


def check_optimizers_that_are_none() -> None:
    def optimizer(make: Callable[[Any], Any]) -> Callable[[Any, Spec], nn.Module]:
        return net(configure_optimizer=lambda self, config: make(self))

    refused("configure_optimizer returned None; return one", optimizer(lambda self: None))
    sgd = torch.optim.SGD
    refused("returned a tuple of 2", optimizer(lambda self: ([sgd(self.parameters(), 0.1)], [])))
    refused("LBFGS needs a closure", optimizer(lambda self: torch.optim.LBFGS(self.parameters())))
    strange = nn.Parameter(torch.zeros(3))
    refused("parameters that are not the network's", optimizer(lambda self: sgd([*self.parameters(), strange], 0.1)))


def check_rates_of_groups() -> None:
    """Each group keeps its part of lr, whatever the plan says; a rate of the author's own as well."""

    def configure(self: Any, config: Any) -> torch.optim.Optimizer:
        body, head = self[1].weight, self[1].bias
        groups = [{"params": [body], "lr": config.lr / 10}, {"params": [head]}]
        return torch.optim.SGD(groups, config.lr)

    def moved(build: Callable[[Any, Spec], Any], **config: Any) -> tuple[float, float]:
        found, planner = trainable(build, **config)
        before = found.state()
        found.begin_epoch(planner.epoch(0))
        found.advance(1)
        after = found.state()
        names = "weights/1/kernel", "weights/1/bias"
        return tuple(float(np.abs(after[name] - before[name]).max()) for name in names)  # type: ignore[return-value]

    one = moved(net(configure_optimizer=lambda self, config: torch.optim.SGD(self.parameters(), config.lr)))
    groups = moved(net(configure_optimizer=configure))
    assert groups == pytest.approx((one[0] / 10, one[1]), rel=1e-4)
    fixed = moved(net(configure_optimizer=lambda self, config: torch.optim.SGD(self.parameters(), 0.5)), lr=0.01)
    assert fixed == pytest.approx((one[0] * 50, one[1] * 50), rel=1e-4)
    tensor = moved(net(configure_optimizer=lambda s, c: torch.optim.Adam(s.parameters(), torch.tensor(c.lr))))
    assert all(value > 0 for value in tensor)


class View(nn.Module):
    """PyTorch's own tutorial."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        h, w, c = spec.input_shape
        self.conv, self.pool = nn.Conv2d(c, 6, 3, padding=1), nn.MaxPool2d(2)
        self.fc = nn.Linear(6 * (h // 2) * (w // 2), spec.outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv(x)))
        out: Tensor = self.fc(x.view(x.size(0), -1))
        return out


class Reshape(View):
    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.pool(torch.relu(self.conv(x))).flatten(1))
        return out


class Volume(nn.Module):
    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv3d(1, 2, 3, padding=1), nn.Linear(2 * int(np.prod(spec.input_shape)), spec.outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.conv(x.unsqueeze(1)).flatten(1))
        return out


class Spectrum(nn.Module):
    def __init__(self, spec: Spec) -> None:
        super().__init__()
        h, w, c = spec.input_shape
        self.filter = nn.Parameter(torch.randn(c, h, w // 2 + 1, dtype=torch.complex64))
        self.fc = nn.Linear(h * w * c, spec.outputs)

    def forward(self, x: Tensor) -> Tensor:
        assert self.filter.is_complex()
        out: Tensor = self.fc(
            torch.fft.irfft2(torch.fft.rfft2(x.contiguous()) * self.filter, s=x.shape[-2:]).flatten(1)
        )
        return out


def check_layouts() -> None:
    """Whatever cannot do with the channels innermost gets them as PyTorch has them; a convolution that can is fast."""
    for data in (DATA, COLOR):
        for make, last in ((View, False), (Reshape, True), (Volume, False)):
            found = trained(lambda config, spec, make=make: make(spec), 2, data)
            assert found._samples.channels_last is last, (make, data.spec)
            assert found.predict("test", slice(0, 7)).shape == (7, 10)
            assert found.layers()[-1].output == (10,)
        step = net(training_step=lambda self, x, y: (functional.cross_entropy(out := self(x.view(len(x), -1)), y), out))
        trained(step, 2, data)
        trained(net(forward=lambda self, x: self[1](x.view(x.size(0), -1))), 2, data)
    says = lambda config, spec: Reshape(spec)  # noqa: E731
    Reshape.channels_last = False  # type: ignore[attr-defined]
    assert not trained(says, 1)._samples.channels_last
    del Reshape.channels_last  # type: ignore[attr-defined]
    both = [View(COLOR.spec), Reshape(COLOR.spec)]
    both[1].load_state_dict(both[0].state_dict())
    outputs = [trainable(lambda c, s, m=m: m, COLOR)[0].predict("test", slice(0, 9)) for m in both]
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-4, atol=1e-5)


def check_complex_weights() -> None:
    found = trained(lambda config, spec: Spectrum(spec), 2, COLOR, optimizer="adamw")
    state = found.state()
    assert state["weights/model/filter"].shape == (3, 8, 5, 2)
    assert np.abs(state["weights/model/filter"][..., 1]).max() > 0
    other, _ = trainable(lambda config, spec: Spectrum(spec), COLOR, optimizer="adamw", seed=3)
    other.load_state(state)
    assert_same(state, other.state())


def check_lazy_layers() -> None:
    build = lambda c, s: nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(s.outputs))  # noqa: E731
    assert trained(build, 2).state()["weights/1/kernel"].shape == (64, 8)
    rows = BACKEND.layers(Model("l", "l", "torch", "classification", "", TrainConfig, build), TrainConfig(), DATA.spec)
    assert sum(row.parameters for row in rows) == 64 * 8 + 8 + 80 + 10


def check_tables_made_in_evaluation() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        if getattr(self, "table", None) is None or len(self.table) < len(x):
            self.table = torch.linspace(0.5, 1.5, len(x) * 64).reshape(len(x), 64)
        out: Tensor = self[1](x.flatten(1) * self.table[: len(x)])
        return out

    found, planner = trainable(net(forward=forward))
    found.predict("test", slice(0, 200))
    found.begin_epoch(planner.epoch(0))
    found.advance(2)


def check_two_weights_of_one_name() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.bias = nn.Linear(64, 10), nn.Parameter(torch.zeros(10))

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.model(x.flatten(1)) + self.bias
            return out

    refused("two weights of this network are called model/bias", lambda config, spec: Net())
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    assert len(weights(tied)) == 4


class Counting(torch.optim.Optimizer):
    """Keeps numbers everywhere: in the group, a parameter, the optimizer; in half precision and in odd shapes."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr, "k": 0, "betas": (0.9, 0.99), "best": float("inf")})
        self.total = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.total += 1
        self.state["seen"] = self.total * 2  # type: ignore[index]
        for group in self.param_groups:
            group["k"] += 1
            group["best"] = min(group["best"], 1.0 / group["k"])
            group["betas"] = (group["betas"][0] * 0.99, 0.99)
            for parameter in group["params"]:
                state = self.state[parameter]
                state["count"] = state.get("count", 0) + 1
                state["rate"] = state.get("rate", 1.0) * 0.9
                flat = state.setdefault("square", torch.zeros(parameter.shape[::-1], dtype=torch.bfloat16))
                row = state.setdefault("row", torch.zeros(parameter.shape[:1], dtype=torch.float64))
                momentum = state.setdefault("momentum", torch.zeros_like(parameter))
                flat.add_(parameter.grad.T.bfloat16() if parameter.dim() > 1 else parameter.grad.bfloat16())
                row.add_(parameter.grad.double().sum(-1) if parameter.dim() > 1 else parameter.grad.double())
                momentum.mul_(group["betas"][0]).add_(parameter.grad + 0.01 * flat.float().sum() + row.float().sum())
                parameter.add_(
                    momentum, alpha=-group["lr"] * state["rate"] / (group["k"] * state["count"] * self.total)
                )


def own_optimizers() -> dict[str, Callable[..., torch.optim.Optimizer]]:
    words = "SGD Adam AdamW Adamax NAdam RAdam RMSprop Rprop ASGD Adagrad Adadelta Adafactor Muon"
    found: dict[str, Any] = {n: getattr(torch.optim, n) for n in words.split() if hasattr(torch.optim, n)}
    found["nesterov"] = lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True)
    found["amsgrad"] = lambda p, lr: torch.optim.AdamW(p, lr, amsgrad=True)
    found["fused"] = lambda p, lr: torch.optim.AdamW(p, lr, fused=True)
    found["rmsprop"] = lambda p, lr: torch.optim.RMSprop(p, lr, momentum=0.9, centered=True)
    return found | {"Counting": Counting}


def check_every_optimizer_resumes() -> None:
    """To the last bit, through what a checkpoint on disk holds; and again after that."""
    from safetensors.numpy import load, save

    for name, make in own_optimizers().items():

        def configure(self: Any, config: Any, make: Any = make, name: str = name) -> torch.optim.Optimizer:
            parameters = [p for p in self.parameters() if p.dim() == 2 or name != "Muon"]
            optimizer: torch.optim.Optimizer = make(parameters, lr=config.lr)
            return optimizer

        whole, planner = trainable(net(configure_optimizer=configure))
        whole.begin_epoch(planner.epoch(0))
        whole.advance(4)
        expected = whole.state()
        first, _ = trainable(net(configure_optimizer=configure))
        first.begin_epoch(planner.epoch(0))
        first.advance(1)
        for skip in (1, 2, 3):
            state = load(save(first.state()))
            first, _ = trainable(net(configure_optimizer=configure), seed=skip)
            first.load_state(state)
            assert_same(state, first.state())
            first.begin_epoch(planner.epoch(0, skip))
            first.advance(1)
        assert_same(expected, first.state())


def check_old_states_of_own_optimizers() -> None:
    """Of earlier versions: one step for all, `momentum` for the buffer, no random numbers of NumPy."""
    build = net(configure_optimizer=lambda self, config: torch.optim.SGD(self.parameters(), config.lr, momentum=0.9))
    found = trained(build, 2)
    state = found.state()
    old = {key.replace("momentum_buffer", "momentum"): array for key, array in state.items()}
    old = {key: array for key, array in old.items() if key not in ("rng/numpy", "rng/python")}
    other, _ = trainable(build, seed=4)
    other.load_state(old | {"optimizer/step": np.array(2)})
    kept = {key for key in state if key.startswith(("weights/", "optimizer/"))}
    assert_same({key: state[key] for key in kept}, {key: other.state()[key] for key in kept})


def check_steps_that_a_parameter_missed() -> None:
    """A layer without a part in the loss keeps its step count, also when another one is listed last."""

    def forward(self: Any, x: Tensor) -> Tensor:
        self.calls = getattr(self, "calls", 0) + self.training
        out: Tensor = self[1](x.flatten(1))
        return out + 0 * self.late(out) if self.calls > 2 else out

    def build(config: Any, spec: Spec) -> nn.Module:
        module = net(forward=forward)(config, spec)
        module.late = nn.Linear(spec.outputs, spec.outputs)
        return module

    found = trained(build, 3, optimizer="adamw")
    state = found.state()
    assert int(state["optimizer/step"]) == 3
    assert int(state["optimizer/late/bias/step"]) == 1
    other, _ = trainable(build, optimizer="adamw", seed=2)
    other.load_state(state)
    assert_same(state, other.state())


def check_what_no_checkpoint_can_hold() -> None:
    class Bare(torch.optim.SGD):
        def __init__(self, of: nn.Module, **attributes: Any) -> None:
            super().__init__(of.parameters(), 0.1)
            vars(self).update(attributes)

    def optimizer(make: Callable[[Any], Any]) -> Callable[[Any, Spec], nn.Module]:
        return net(configure_optimizer=lambda self, config: make(self))

    words = "which no checkpoint can hold: the run could not be resumed"
    refused(words, optimizer(lambda self: Bare(self, shadow=[p.clone() for p in self.parameters()])))
    refused(words, optimizer(lambda self: Bare(self, base=torch.optim.Adam(self.parameters()))))
    refused(words, optimizer(lambda self: Bare(self, random=np.random.default_rng())))

    class Odd(Bare):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            for parameter in self.param_groups[0]["params"]:
                self.state[parameter]["odd"] = [parameter.clone()]

    refused(words, optimizer(Odd))
    # What does not change, and tensors that are the module's, are no state.
    fine = optimizer(lambda self: Bare(self, module=[self], own=list(self.parameters()), rule=lambda x: x, words=["a"]))
    trained(fine, 2).state()


def check_random_numbers() -> None:
    """Of Python and NumPy: seeded, and continued where they were."""

    def forward(self: Any, x: Tensor) -> Tensor:
        noise = np.random.uniform(0.5, 1.5) * random.gauss(1, 0.1) if self.training else 1.0
        out: Tensor = self[1](x.flatten(1) * noise)
        return out

    build = net(forward=forward)
    whole = trained(build, 4).state()
    assert_same(whole, trained(build, 4).state())
    first = trained(build, 1).state()
    second, planner = trainable(build, seed=9)
    second.load_state(first)
    second.begin_epoch(planner.epoch(0, 1))
    second.advance(3)
    # The plan of seed 9 is another one: only the numbers are compared.
    for key in ("rng/python", "rng/numpy"):
        assert (second.state()[key] == whole[key]).all()
    assert second.notes == ()
    (note,) = trainable(net(drawn=None, __init__=_with_generator))[0].notes
    assert note.startswith("Net.drawn draws its own random numbers, which no checkpoint holds")


def _with_generator(self: Any, *layers: nn.Module) -> None:
    nn.Sequential.__init__(self, *layers)
    self.drawn = np.random.default_rng(3)


def check_structure() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm = nn.Conv2d(1, 16, 4, 4), nn.LSTM(16, 5, batch_first=True)
            self.attend, self.norm = nn.MultiheadAttention(16, 2, batch_first=True), nn.LayerNorm(16)
            self.line, self.head = nn.Conv1d(16, 7, 1), nn.Linear(5, 10)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.embed(x).flatten(2).transpose(1, 2)
            tokens = self.norm(self.attend(tokens, tokens, tokens)[0])
            self.line(tokens.transpose(1, 2))
            out: Tensor = self.head(self.lstm(tokens)[0][:, -1])
            return out

    rows = {row.name: row.output for row in list_layers(Tokens(), DATA.spec)}
    assert rows["embed"] == (2, 2, 16)
    assert rows["attend"] == rows["norm"] == (4, 16)
    assert rows["lstm"] == (4, 5)
    assert rows["line"] == (4, 7)


def check_named_inputs() -> None:
    named_checks.check_several_inputs("torch")
    named_checks.check_what_is_fed("torch")
    named_checks.check_a_transformer_of_one_number("torch")


if __name__ == "__main__":
    for check in sys.argv[1:]:
        globals()[f"check_{check}"]()
