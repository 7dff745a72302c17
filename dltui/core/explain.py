"""Turns an exception of a framework or the system into one line that says what to do."""

from __future__ import annotations

from dltui.core.errors import DltuiError
from dltui.core.repairs import MISMATCH
from dltui.core.text import clean_line

# CUDA's, the CPU allocator's and TensorFlow's words for the same thing.
OUT_OF_MEMORY = ("out of memory", "defaultcpuallocator", "resource_exhausted", "oom when allocating", "std::bad_alloc")
NO_KERNEL = ("no kernel image is available", "cudaerrornokernelimagefordevice")


def explain(error: BaseException, batch_size: int) -> str:
    """One line without control characters, at most 500 characters."""
    if isinstance(error, DltuiError):
        return clean_line(str(error), 500)
    text = f"{type(error).__name__}: {error}".lower()
    if isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        remedy = f"try --batch-size {max(1, batch_size // 2)}" if batch_size > 1 else "try a smaller model"
        return f"out of memory at batch size {batch_size}; {remedy}"
    if any(sign in text for sign in NO_KERNEL):
        return "this GPU is not supported by the installed framework; use --device cpu or install a build for it"
    if MISMATCH in text:
        return "torchvision does not fit the installed torch; `dltui doctor` says what to install"
    if isinstance(error, ImportError):
        return clean_line(f"cannot import: {error}; see worker.log and `dltui doctor`", 500)
    first = str(error).strip().split("\n", 1)[0]
    return clean_line(f"{type(error).__name__}: {first}" if first else type(error).__name__, 500)
