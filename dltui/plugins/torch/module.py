"""Builds a plugin's module, gives it its device, dtype and memory layout, and checks its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line
from dltui.plugins import named_losses, overrides
from dltui.plugins.torch import neutral
from dltui.plugins.torch.inputs.fields import example
from dltui.plugins.torch.samples import channels_first

if TYPE_CHECKING:
    from dltui.core.contract import Spec

SAMPLES = 2
"""The samples of a trial forward: a single sample has both layouts."""
NAMED = 3
"""The most parameters that a line names."""


def build(make: Callable[[Any, Spec], Any], config: Any, spec: Spec) -> nn.Module:
    """The network that a plugin builds. Raises RunError for a network that cannot be trained, with the remedy."""
    module = make(config, spec)
    if not isinstance(module, nn.Module):
        raise RunError(f"build returned {overrides.kind(module)}; return the torch.nn.Module{overrides.place(make)}")
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        told = "build returned what torch.jit made, whose layers cannot be seen; return the module without it"
        raise RunError(told + overrides.place(make))
    overrides.check_names(getattr(module, "_orig_mod", module), make)
    if any(is_lazy(tensor) for tensor in _tensors(module)):
        # Lazy layers take their sizes from the first samples that they see.
        try_out(module, spec, channels_last=False)
        _check_sizes(module)
    neutral.weights(module)
    return module


def _check_sizes(module: nn.Module) -> None:
    """Raises RunError for a lazy layer that is still without its sizes."""
    named = chain(module.named_parameters(), module.named_buffers())
    name = next((name for name, tensor in named if is_lazy(tensor)), "")
    if name:
        told = f"{clean_line(name, 80)} gets its size from a first call, which forward does not make"
        raise RunError(f"{told}; give its layer the sizes{overrides.place(module.forward)}")


class Known:
    """The parameters and buffers that a network has when it is built: those that are trained and kept."""

    def __init__(self, module: nn.Module) -> None:
        self._module, self._names = module, frozenset(neutral.weights(module))
        self._parameters = {id(parameter) for parameter in module.parameters()}

    def check(self, method: Callable[..., Any]) -> None:
        """Raises RunError for what `method` has made since, naming it."""
        made = [name for name, one in self._module.named_parameters() if id(one) not in self._parameters]
        what, advice = "parameters", "make them in __init__, or use nn.LazyLinear"
        if not made:
            made = [name for name in neutral.weights(self._module) if name not in self._names]
            what, advice = "buffers", "register them in __init__, or with persistent=False"
        if made:
            names = clean_line(", ".join(made[:NAMED]) + (", ..." if len(made) > NAMED else ""), 200)
            told = f"{getattr(method, '__name__', 'forward')} makes {what} ({names}) when it is first called"
            raise RunError(f"{told}; {advice}{overrides.place(method)}")


def place(module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Move the module to the device, with floating-point tensors in `dtype`; complex tensors stay complex, which
    `Module.to(dtype)` would make real. Raises RunError for meta tensors.
    """
    if any(tensor.is_meta for tensor in _tensors(module)):
        raise RunError("the network is on the device meta, which has no numbers; build it without torch.device('meta')")
    module = module.to(device=device)
    if any(tensor.is_floating_point() and tensor.dtype != dtype for tensor in _tensors(module)):
        module._apply(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)  # type: ignore[no-untyped-call]
    return module


def choose_layout(module: nn.Module, spec: Spec) -> bool:
    """True if images go in with the channels innermost, which makes convolutions up to twice as fast on a CPU.

    A module chooses by its attribute `channels_last`. Without it the layout is tried: a `view` of a convolution's
    output, a convolution in three dimensions and the like cannot use it. It is not used for a module with its own
    training step, which may do anything with its inputs.
    """
    says = getattr(module, "channels_last", None)
    wanted = says if isinstance(says, bool) else getattr(module, "training_step", None) is None
    if not spec.is_image or not wanted:
        return False
    before = [(layer, dict(layer._buffers)) for layer in module.modules()]
    data = [(parameter, parameter.data) for parameter in module.parameters()]
    try:
        module.to(memory_format=torch.channels_last)
        if says is not True:
            try_out(module, spec, channels_last=True)
    except RuntimeError:
        # Not by converting back: a convolution of one channel has both layouts, and would keep the strides of this one.
        for parameter, values in data:
            parameter.data = values
        for layer, buffers in before:
            layer._buffers.update(buffers)
        return False
    return True


def try_out(module: nn.Module, spec: Spec, channels_last: bool, samples: int = SAMPLES) -> Any:
    """The module's outputs for samples of zeros, in evaluation mode: weights and random numbers stay as they are."""
    like = next((t for t in module.parameters() if not is_lazy(t)), torch.zeros(0))
    kind = like.dtype if like.is_floating_point() else torch.float32
    like = torch.zeros(samples, *spec.input_shape, dtype=kind, device=like.device)
    x = example(spec, samples, like) if spec.named_inputs else like
    if isinstance(x, Tensor) and spec.is_image:
        x = x.movedim(-1, 1) if channels_last else channels_first(x)
    training = module.training
    try:
        with torch.no_grad():
            return module.eval()(x)
    finally:
        module.train(training)


def checked(outputs: object, samples: int, spec: Spec, method: object) -> Tensor:
    """The outputs that `method` returned. Raises RunError for outputs that no loss can be computed from."""
    *size, numbers = TASKS[spec.task].output_shape(spec)
    shape = (samples, numbers, *size)
    if isinstance(outputs, Tensor) and outputs.shape == shape and outputs.is_floating_point():
        return outputs
    wanted = f"floating numbers of shape {shape}: make the last layer spec.outputs wide"
    given = overrides.kind(outputs)
    if isinstance(outputs, Tensor):
        given = f"{str(outputs.dtype).removeprefix('torch.')} of shape {tuple(outputs.shape)}"
    name, where = getattr(method, "__name__", "forward"), overrides.place(method)
    raise RunError(f"{name} returned {given} for {samples} samples, wanted are {wanted}{where}")


def mean_losses(given: object, spec: Spec, method: object) -> dict[str, Tensor]:
    """The losses that the module's own method returned, by name, the total first. Raises RunError for a value that is
    not a mean.
    """
    found = named_losses.parts(given, method, TASKS[spec.task].names)
    return {name: _mean(loss, name, method) for name, loss in found.items()}


def _mean(loss: object, name: str, method: object) -> Tensor:
    if isinstance(loss, Tensor) and loss.dim() == 0:
        return loss
    raise named_losses.no_mean(loss, loss.shape if isinstance(loss, Tensor) else None, name, method)


def step_result(given: object, samples: int, spec: Spec, method: object) -> tuple[dict[str, Tensor], Tensor]:
    """The losses by name and the outputs of a module's own step. Raises RunError for any other value."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        where = overrides.place(method)
        raise RunError(f"training_step returned {overrides.kind(given)}; return (mean loss, outputs){where}")
    losses = mean_losses(given[0], spec, method)
    if not losses[named_losses.TOTAL].requires_grad:
        where = overrides.place(method)
        raise RunError(f"the loss of training_step has no gradient; return it without detach() or no_grad(){where}")
    return losses, checked(given[1], samples, spec, method)


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())
