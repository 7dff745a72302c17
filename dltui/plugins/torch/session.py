"""PyTorch's settings of the process: threads, memory, determinism, and whether a device can be used."""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from dltui.core.errors import RunError
from dltui.core.machine.devices import cpu_count
from dltui.plugins import generators

if TYPE_CHECKING:
    from dltui.core.contract.config import TrainConfig

# From malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST = 2**31 - 1


def start(config: TrainConfig, device: str) -> torch.device:
    """Prepare the process for a run. Raises RunError when the device cannot be used."""
    torch.set_num_threads(config.threads or cpu_count())
    chosen = torch.device("cuda:0" if device == "cuda" else device)
    if config.deterministic:
        # cuBLAS reads this when it starts, which is when the device is tried.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    problem = find_problem(chosen)
    if problem:
        raise RunError(f"PyTorch cannot use {device}: {problem}; choose --device cpu, or install a build that fits")
    # As use_deterministic_algorithms, which also imports the compiler to tell it: `steps.compiled` does.
    torch.set_deterministic_debug_mode("error" if config.deterministic else "default")
    torch.backends.cudnn.deterministic = config.deterministic
    torch.backends.cudnn.benchmark = not config.deterministic
    if chosen.type == "cpu":
        keep_freed_memory()
    generators.seed(config.seed)
    torch.manual_seed(config.seed)
    return chosen


def keep_freed_memory() -> None:
    """Make glibc keep freed memory: activations are freed and allocated again at each step, and new pages from the
    kernel cost a CNN a tenth to a third of its time on a CPU.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    # Older glibc takes no mmap threshold above 32 MiB.
    if not mallopt(_M_MMAP_THRESHOLD, 1 << 30):
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    mallopt(_M_TRIM_THRESHOLD, _LARGEST)


def find_problem(device: torch.device) -> str | None:
    """The reason why a device cannot be used, in one line, or None."""
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            return _try(device) or None
    except (RuntimeError, AssertionError, ValueError) as error:
        lines = [str(warning.message) for warning in said] + [str(error)]
        return _first_line(next((line for line in lines if "driver" in line or "kernel image" in line), str(error)))


def _try(device: torch.device) -> str:
    """Multiply on the device: an unsuitable driver or architecture shows at the first kernel."""
    if device.type == "cuda":
        if torch.version.cuda is None and torch.version.hip is None:
            return "this PyTorch is built without CUDA"
        if device.index is not None and device.index >= max(torch.cuda.device_count(), 1):
            return f"there are {torch.cuda.device_count()} CUDA devices"
        torch.cuda.init()  # type: ignore[no-untyped-call]
    if device.type == "mps" and not torch.backends.mps.is_available():
        return "this machine has no Apple GPU, or this PyTorch is built without MPS"
    ones = torch.ones(8, 8, device=device)
    return "" if float((ones @ ones).sum()) == 512.0 else "it multiplies wrongly"


def _first_line(text: str) -> str:
    first = next((line for line in text.strip().splitlines() if line.strip()), "no reason given")
    return first.strip().rstrip(".")


def list_devices() -> Sequence[Mapping[str, object]]:
    """The devices that this PyTorch knows, each with the reason why it cannot be used, or None."""
    found: list[Mapping[str, object]] = [{"device": "cpu", "name": "CPU", "problem": None}]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = torch.cuda.device_count()
    for index in range(count):
        problem = find_problem(torch.device("cuda", index))
        name = f"CUDA device {index}" if problem else torch.cuda.get_device_name(index)
        found.append({"device": f"cuda:{index}", "name": name, "problem": problem})
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "name": "Apple GPU", "problem": find_problem(torch.device("mps"))})
    return found
