"""Finds the methods by which a network overrides dltui's defaults, and checks them."""

from __future__ import annotations

import difflib
import inspect
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.plugin_loader import PACKAGES
from dltui.core.errors import RunError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

ARGUMENTS = {
    "training_loss": ("outputs", "targets"),
    "configure_optimizer": ("config",),
    "training_step": ("inputs", "targets"),
}
FOREIGN: Mapping[str, tuple[str, ...]] = {
    # Lightning's
    "configure_optimizers": ("configure_optimizer",),
    "validation_step": ("training_loss", "training_step"),
    "test_step": ("training_loss", "training_step"),
    # Keras'
    "train_step": ("training_step",),
    "compute_loss": ("training_loss", "training_step"),
    # Of the Hugging Face trainer, of fastai and of many a project
    "create_optimizer": ("configure_optimizer",),
    "get_optimizer": ("configure_optimizer",),
    "loss": ("training_loss", "training_step"),
    "loss_fn": ("training_loss", "training_step"),
    "loss_function": ("training_loss", "training_step"),
    "get_loss": ("training_loss", "training_step"),
    "calculate_loss": ("training_loss", "training_step"),
}
"""The method names of other libraries, with the corresponding methods of dltui."""
NEAR = 0.8
TARGETS = {"targets", "target", "y_true", "true", "labels", "label", "truth", "y"}
OUTPUTS = {"outputs", "output", "y_pred", "pred", "preds", "logits", "predictions", "y_hat"}


def find(network: Any, name: str) -> Callable[..., Any] | None:
    """The network's own method of this name, or None. Raises RunError for an attribute that is not a method with the
    expected arguments.
    """
    method = getattr(network, name, None)
    if method is None:
        return None
    if not callable(method):
        raise RunError(f"{name} of the network is a {type(method).__name__}; it must be a method")
    _check_signature(name, method)
    return method  # type: ignore[no-any-return]


def check_names(network: Any, build: Callable[..., Any]) -> None:
    """Check for an unused method whose name resembles one of dltui's: it would be ignored. Raises RunError for it."""
    methods = dict(_methods(type(network), build))
    used = {name for method in methods.values() for name in _names(method.__code__)}
    for name, method in methods.items():
        if name in ARGUMENTS or name in used or name.startswith("__"):
            continue
        meant = FOREIGN.get(name) or tuple(difflib.get_close_matches(name, ARGUMENTS, 1, NEAR))
        if meant and not any(getattr(network, other, None) for other in meant):
            wanted = f"{meant[0]}({', '.join(ARGUMENTS[meant[0]])})"
            raise RunError(f"dltui never calls {clean_line(name, 60)}; did you mean {wanted}?{place(method)}")


def kind(value: object) -> str:
    """The type of a plugin's return value, in a word or two: `None`, `a tuple of 2`, `a dict`."""
    if value is None or isinstance(value, str):
        return "None" if value is None else "a text"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {clean_line(name, 60)}"


def place(function: Any) -> str:
    """The place of a function, ` (net.py line 3)`; "" where it is not known or in an installed package."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    if code is None or _in_package(code.co_filename):
        return ""
    return f" ({clean_line(Path(code.co_filename).name, 60)} line {code.co_firstlineno})"


def _check_signature(name: str, method: Callable[..., Any]) -> None:
    wanted = ARGUMENTS[name]
    called = f"{name}({', '.join(wanted)})"
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*wanted)
    except TypeError:
        raise RunError(f"dltui calls {called}, this one is {name}{clean_line(signature, 100)}{place(method)}") from None
    names = [parameter.name.lower() for parameter in signature.parameters.values()][:2]
    if name == "training_step" and (names[0] in ("batch", "data") or "idx" in names[-1]):
        given = f"{name}({', '.join(names)})"
        raise RunError(f"{given} is Lightning's; dltui calls {called} and takes (mean loss, outputs){place(method)}")
    if name == "training_loss" and names[0] in TARGETS and names[-1] in OUTPUTS:
        raise RunError(f"dltui calls {called}; this one has {names[0]} before {names[-1]}{place(method)}")


def _methods(cls: type, build: Callable[..., Any]) -> Iterator[tuple[str, FunctionType]]:
    """The methods that the plugin itself wrote: those of classes that come from no library."""
    top = str(getattr(build, "__module__", "")).split(".")[0]
    for owner in reversed(cls.__mro__):
        if owner.__module__.split(".")[0] == top or not _is_library(owner):
            yield from ((name, value) for name, value in vars(owner).items() if isinstance(value, FunctionType))


def _is_library(owner: type) -> bool:
    """True if a class belongs to Python or an installed package, by the path of its code, or has no methods."""
    functions = [value for value in vars(owner).values() if isinstance(value, FunctionType)]
    if not functions:
        return True
    return _in_package(functions[0].__code__.co_filename)


def _in_package(file: str) -> bool:
    return file.startswith(sysconfig.get_path("stdlib")) or bool(PACKAGES.intersection(Path(file).parts))


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function uses, including functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def check_options(config: TrainConfig, own_step: object, own_loss: object, own_optimizer: object) -> None:
    """Check that the module's own parts leave no option without effect. Raises RunError."""
    own = "training_step" if own_step else "training_loss" if own_loss else ""
    options = ("label_smoothing", "class_weights") + (("mixup", "cutmix") if own_step else ())
    found = next((name for name in options if getattr(config, name)), "") if own else ""
    if found:
        raise RunError(f"{found} has no part in the {own} of this model; leave it out, or do it there")
    if own_optimizer is not None and config.lr_scales:
        raise RunError("lr_scales has no part in configure_optimizer of this model; give it groups there")
