"""Checks that the hyperparameters of a run go together, before the run is created."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.tasks.monitor import check_monitor
from dltui.core.tasks.registry import TASKS
from dltui.core.train.options import class_weights, layer_options, time_budget

if TYPE_CHECKING:
    from dltui.core.catalog.entries import BackendEntry
    from dltui.core.contract import Backend

OF_GPUS = {"tf32": "take fp32", "fp16": "take bf16 or fp32"}
OF_SOME: Mapping[str, Any] = {"label_smoothing": 0.0, "class_weights": "", "cutmix": 0.0, "mirror_test": False}
"""The hyperparameters that only some tasks know, and the values that switch them off."""


def adapted(config: dict[str, Any], given: Collection[str], task: str) -> dict[str, Any]:
    """The config without a model's own defaults that the task does not know, or that do not go with the optimizer;
    those whose names are `given` stay.
    """
    off = {name: value for name, value in OF_SOME.items() if name not in TASKS[task].options}
    if _lacks_momentum(config.get):
        off["nesterov"] = False
    return config | {name: value for name, value in off.items() if name in config and name not in given}


def check_test(config: Mapping[str, Any], given: Collection[str]) -> None:
    """Raise UsageError where the user wants a part of the test, and no test."""
    if {"test", "mirror_test"} <= set(given) and config["mirror_test"] and not config["test"]:
        raise UsageError("mirror_test is a part of the test, which --no-test leaves out; leave one of the two out")


def check_options(
    config: Mapping[str, Any], task: str, model: str, own_metrics: bool = False, classes: int = 0
) -> None:
    """Check a config; names that it lacks count as not set. `own_metrics`: the model measures more than dltui knows;
    `classes` is their number where it is known. Raises UsageError with the first problem.
    """
    for problem in _problems(config.get, task, model):
        raise UsageError(problem)
    check_classes(config, task, own_metrics, classes)


def check_classes(config: Mapping[str, Any], task: str, own_metrics: bool, classes: int) -> None:
    """Check what depends on the number of classes; the arguments are those of `check_options`. Raises UsageError."""
    if config.get("class_weights"):
        class_weights.parse(config["class_weights"], classes)
    if config.get("monitor"):
        check_monitor(config["monitor"], task, own_metrics, classes)


def check_device(config: Mapping[str, Any], device: str) -> None:
    """Check that a device, "cpu" or "cuda:0", can compute as a config asks. Raises UsageError."""
    precision = config.get("precision")
    if precision in OF_GPUS and not device.startswith("cuda"):
        raise UsageError(f"precision {precision} is for NVIDIA GPUs, this run is for {device}; {OF_GPUS[precision]}")


def check_kind(device: str, backend: BackendEntry | Backend) -> None:
    """Check that a framework can use a device, "cpu" or "cuda:0". Raises UsageError."""
    kind, kinds = device.split(":")[0], getattr(backend, "kinds", ())
    if kinds and kind not in kinds:
        raise UsageError(f"{backend.title} cannot train on {kind}; it can use {' and '.join(kinds)}")


def check_ranks(
    config: Mapping[str, Any], device: str, world: int, backend: BackendEntry | Backend, far: bool = False
) -> None:
    """Check that a framework and these hyperparameters go with `world` ranks; `far`: each is a process of a launcher's.
    Raises UsageError.
    """
    if world == 1:
        return
    from dltui.core.contract.ranks import spreading

    spread = spreading(backend)
    if far and not spread.joins:
        raise UsageError(f"{backend.title} trains in one process, not in {world}; let the launcher start one worker")
    if not spread.here:
        raise UsageError(f"{backend.title} trains on one device, not on {device}; choose one of them with --device")
    if config.get("compile") == "on":
        raise UsageError(f"compile on is for one device, this run is for {device}; leave it out")
    batch, parts = config.get("batch_size"), config.get("accumulate", 1)
    if isinstance(batch, int) and batch // parts < world:
        part = f"accumulate {parts} leaves parts of {batch // parts}" if parts > 1 else f"batch_size is {batch}"
        raise UsageError(f"{device}: each of {world} ranks needs a sample of each step, {part}; take a larger batch")


def _lacks_momentum(get: Callable[..., Any]) -> bool:
    return bool(get("optimizer", "sgd") != "sgd" or not get("momentum", 0.9))


def _problems(get: Callable[..., Any], task: str, model: str) -> Iterator[str]:
    for name in OF_SOME:
        if get(name) and name not in TASKS[task].options:
            yield f"{name} is not for {task}, which {model} does here; leave it out"
    if get("lr_scales"):
        layer_options.parse_scales(get("lr_scales"))
    if get("max_time"):
        time_budget.parse(get("max_time"))
    elif get("warmup", 0.0) >= get("epochs", 1) and get("warmup"):
        yield f"warmup {get('warmup'):g} must be shorter than the {get('epochs')} epochs of the run"
    unfreeze_at = get("unfreeze_at", 0)
    if unfreeze_at and not get("freeze"):
        yield "unfreeze_at needs freeze: the layers that are not trained before that epoch"
    if unfreeze_at == 1:
        yield "unfreeze_at 1 would freeze nothing; take 2 or a later epoch, or leave freeze out"
    if unfreeze_at > get("epochs", 1) and not get("max_time"):
        yield f"unfreeze_at {unfreeze_at} comes after the last epoch, {get('epochs')}; without it layers stay frozen"
    if get("min_delta") and not get("patience"):
        yield "min_delta needs patience: the epochs to wait for something better"
    if get("nesterov") and _lacks_momentum(get):
        yield "nesterov needs optimizer sgd with a momentum; take --no-nesterov, or --optimizer sgd with --momentum 0.9"
    if get("accumulate", 1) > get("batch_size", 1):
        yield f"accumulate {get('accumulate')} must be at most batch_size {get('batch_size')}, a sample for each part"
