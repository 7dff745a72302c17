"""Turns an exception of a framework or the system into a one-line message that says what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.errors import DltuiError, RunError
from dltui.core.inputs import kinds
from dltui.core.machine import memory
from dltui.core.machine.repairs import MISMATCH
from dltui.core.text import clean_line, without_sgr

if TYPE_CHECKING:
    from dltui.core.contract.inputs import Input

# CUDA's, its libraries', the CPU allocator's and TensorFlow's words for the same thing.
OUT_OF_MEMORY = (
    "out of memory",
    "cudnn_status_alloc_failed",
    "device_allocation_failed",
    "cublas_status_alloc_failed",
    "outofmemoryerror",
    "defaultcpuallocator",
    "resource_exhausted",
    "resourceexhaustederror",
    "oom when allocating",
    "std::bad_alloc",
)
GPU_LIBRARIES = ("cuda", "cudnn", "cublas")
"""Those whose memory is under no limit of a shell."""
NOT_MAPPED = ("failed to map segment", "cannot allocate memory")
"""Words of the loader for a library for which there is no memory."""
NO_KERNEL = ("no kernel image is available", "cudaerrornokernelimagefordevice")
CALLING, ARGUMENTS = "Exception encountered when calling", "Arguments received by"
"""What Keras puts before and after the words of an error in the call of a layer."""
ENCOUNTERED = "Error encountered:"
_KERNEL = re.compile(r"\{\{function_node [^{}]*\}\} ?")
"""TensorFlow's name for the kernel that failed."""


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, DltuiError):
        return False
    text = f"{type(error).__name__}: {error}".lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY)


def remedy(error: BaseException, batch_size: int) -> dict[str, Any]:
    """The hyperparameters to try instead; empty without a known remedy."""
    if isinstance(error, RunError):
        return error.remedy
    return {"batch_size": batch_size // 2} if batch_size > 1 and is_out_of_memory(error) else {}


def explain(error: BaseException, batch_size: int, place: str = "", named: Sequence[Input] = ()) -> str:
    """A one-line message without control characters, at most 500 characters. `batch_size` is 0 before there is a
    batch; `place` is the line of a plugin's code that raised the error: ` (net.py line 3)`; `named` are the inputs that
    the data has.
    """
    if isinstance(error, DltuiError):
        text = clean_line(str(error), 450)
        return f"{text} {clean_line(place, 50)}" if place and " line " not in text else text
    text = f"{type(error).__name__}: {error}".lower()
    if is_out_of_memory(error):
        smaller = remedy(error, batch_size)
        advice = f"try batch size {smaller['batch_size']}" if smaller else "try a smaller model"
        limits = "" if any(name in text for name in GPU_LIBRARIES) else memory.limits()
        when = f"at batch size {batch_size}" if batch_size else "while the network is built"
        return f"out of memory {when}; {advice}" + f", or raise the limit: {limits}" * bool(limits) + place[:60]
    if fs.is_disk_full(error):
        reason, where = fs.no_room(error), clean_line(getattr(error, "filename", None) or "the run directory")
        return f"{reason}: cannot write to {where}; free some space, then resume: the last checkpoint is kept"
    if any(sign in text for sign in NO_KERNEL):
        return "this GPU is not supported by the installed framework; use --device cpu or install a build for it"
    if MISMATCH in text:
        return "torchvision does not fit the installed torch; `dltui doctor` says what to install"
    if isinstance(error, ModuleNotFoundError) and error.name and place:
        name = clean_line(error.name, 100)
        return (
            f"needs the module {name}, which is not installed {clean_line(place, 60)}; name it in Model(requires=...)"
        )
    if isinstance(error, ImportError):
        where = f" {clean_line(place, 60)}" if place else ""
        limits = memory.limits() if any(sign in text for sign in NOT_MAPPED) else ""
        if limits:
            return clean_line(f"cannot import: {error}{where}: {limits}, and it needs more; raise that limit", 500)
        return clean_line(f"cannot import: {error}{where}; see worker.log and `dltui doctor`", 500)
    if told := kinds.unknown_input(error, named):
        return f"{told} {clean_line(place, 60)}".rstrip()
    first = _telling_line(_words(error))
    text = clean_line(f"{type(error).__name__}: {first}" if first else type(error).__name__, 430)
    return text + (f" {clean_line(place, 60)}" if place else "")


def _words(error: BaseException) -> str:
    """The text of an error. That of a KeyError is quoted, which would make one line of those that Keras adds."""
    given = error.args[0] if isinstance(error, KeyError) and error.args else None
    return given if isinstance(given, str) and given.startswith(CALLING) else str(error)


def _telling_line(text: str) -> str:
    """The most useful line: the first, or the last where TensorFlow begins with a headline and positions in
    its graph. The headlines of Keras are skipped.
    """
    lines = [line.strip() for line in _KERNEL.sub("", without_sgr(text)).splitlines() if line.strip()]
    if lines and lines[0].startswith(CALLING):
        inner = dropwhile(lambda line: line.startswith(CALLING), lines)
        lines = list(takewhile(lambda line: not line.startswith(ARGUMENTS), inner)) or lines[:1]
    if len(lines) > 1 and lines[0].endswith(ENCOUNTERED):
        # Keras's advice, where it tried out a layer; what the layer itself said comes after it.
        return lines[1]
    if not lines or not lines[0].endswith("error:"):
        return lines[0] if lines else ""
    telling = [line for line in lines[1:] if not line.startswith(("Detected at", "<stack", "File ", "[["))]
    return telling[-1] if telling else lines[0]
