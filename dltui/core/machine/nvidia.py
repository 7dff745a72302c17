"""Lists NVIDIA GPUs through the driver's library (NVML), without a framework and without memory on the GPU."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
NO_PARTS = "it is in MIG mode, and there are no parts of it to use; nvidia-smi mig -cgi PROFILE -C makes them"


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a part of a GPU (MIG); None for values that the driver does not give."""

    uuid: str
    title: str
    total_bytes: int | None = None
    free_bytes: int | None = None
    utilization: float | None = None
    temperature: float | None = None
    power: float | None = None
    processes: tuple[tuple[str, int, int], ...] = ()
    problem: str = ""
    number: int = 0
    """That of the GPU, or of the whole one that it is a part of, in the order of the bus, like nvidia-smi's."""


@dataclass(frozen=True)
class Told:
    """The answer of NVML about GPUs. `counted` is false without NVML and when it cannot count the GPUs."""

    gpus: list[Gpu]
    counted: bool
    mixed: bool = False
    """True if the machine has GPUs of several kinds, also where CUDA_VISIBLE_DEVICES leaves only one."""


def ask() -> Told:
    """The GPUs that CUDA_VISIBLE_DEVICES allows, in its order, and if NVML could count them. A broken driver gives a
    single unusable GPU.
    """
    if not _has_library():
        return Told([], counted=False)
    try:
        import pynvml
    except ImportError:
        return Told([], counted=False)
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        pynvml.nvmlInit()
        # Never shut down: starting again takes long where the driver is not kept loaded.
        count = pynvml.nvmlDeviceGetCount()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        # No NVIDIA driver here.
        return Told([], counted=False)
    except pynvml.NVMLError as error:
        return Told(visible([Gpu("", "NVIDIA GPU", problem=_problem(error))], wanted), counted=False)
    found = [gpu for number in range(count) for gpu in _device(pynvml, number)]
    return Told(visible(found, wanted), counted=True, mixed=len({gpu.title for gpu in found}) > 1)


def _has_library() -> bool:
    """False where the driver's library is not installed: pynvml, whose import is a fifth of the time until a host has
    told its devices, would find none either.
    """
    if not sys.platform.startswith("linux") or "pynvml" in sys.modules:
        return True
    import ctypes

    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def gpus() -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES allows, in its order."""
    return ask().gpus


def numbering() -> str:
    """A line where the numbers in CUDA_VISIBLE_DEVICES may be meant otherwise than they are taken; else "".

    CUDA by itself counts the fastest GPU first, which NVML does not tell.
    """
    words = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or not any(word.strip().isdecimal() for word in words):
        return ""
    if not ask().mixed:
        return ""
    return "numbers are those of nvidia-smi; CUDA counts the fastest GPU first without CUDA_DEVICE_ORDER=PCI_BUS_ID"


def visible(found: Sequence[Gpu], wanted: str | None) -> list[Gpu]:
    """The GPUs that CUDA would show: numbers or beginnings of UUIDs in this order, up to the first that matches none.

    The number of a divided GPU means its first part.
    """
    if wanted is None:
        return list(found)
    chosen: list[Gpu] = []
    for word in (part.strip() for part in wanted.split(",")):
        if word.isdecimal():
            fitting = [gpu for gpu in found if gpu.number == int(word)][:1]
        else:
            fitting = [gpu for gpu in found if word[:4] in ("GPU-", "MIG-") and gpu.uuid.startswith(word)]
        if len(fitting) != 1:
            break
        gpu = fitting[0]
        if gpu in chosen:
            # CUDA shows nothing at all when one is named twice.
            return []
        chosen.append(gpu)
    return chosen


def _device(nvml: Any, number: int) -> Iterator[Gpu]:
    """A GPU, or its parts when it is divided: then only the parts can be used."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        if not _is_divided(nvml, handle):
            yield _gpu(nvml, handle, handle, number)
            return
        parts = list(_parts(nvml, handle))
        for part in parts:
            yield _gpu(nvml, part, handle, number)
        if not parts:
            yield replace(_gpu(nvml, handle, handle, number), problem=NO_PARTS)
    except nvml.NVMLError as error:
        yield Gpu("", f"NVIDIA GPU {number}", problem=_problem(error), number=number)


def _is_divided(nvml: Any, handle: Any) -> bool:
    """True in MIG mode, in which only parts can be used."""
    with contextlib.suppress(nvml.NVMLError):
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE)
    return False


def _parts(nvml: Any, handle: Any) -> Iterator[Any]:
    with contextlib.suppress(nvml.NVMLError):
        for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            with contextlib.suppress(nvml.NVMLError):
                yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)


def _gpu(nvml: Any, part: Any, whole: Any, number: int) -> Gpu:
    """The description of a GPU; facts that its driver does not tell are missing. Raises NVMLError for a GPU that is
    lost.
    """

    def ask(question: str, *arguments: Any) -> Any:
        try:
            return getattr(nvml, question)(*arguments)
        except nvml.NVMLError as error:
            if _is_lost(error):
                raise
            return None
        except (AttributeError, TypeError, ValueError):
            # Another version of the library.
            return None

    memory = ask("nvmlDeviceGetMemoryInfo", part)
    load = ask("nvmlDeviceGetUtilizationRates", part)
    power = ask("nvmlDeviceGetPowerUsage", whole)
    return Gpu(
        uuid=_text(ask("nvmlDeviceGetUUID", part) or ""),
        title=_text(ask("nvmlDeviceGetName", part) or f"NVIDIA GPU {number}"),
        total_bytes=memory and int(memory.total),
        free_bytes=memory and int(memory.free),
        utilization=load and float(load.gpu),
        temperature=ask("nvmlDeviceGetTemperature", whole, getattr(nvml, "NVML_TEMPERATURE_GPU", 0)),
        power=None if power is None else power / 1000,
        processes=_processes(ask("nvmlDeviceGetComputeRunningProcesses", part) or ()),
        number=number,
    )


def _is_lost(error: Exception) -> bool:
    return "lost" in f"{type(error).__name__} {error}".lower()


def _processes(running: Sequence[Any]) -> tuple[tuple[str, int, int], ...]:
    """The (user, pid, bytes) of the processes on a GPU; values that a container hides are "?" or 0."""
    if not running:
        return ()
    import psutil

    found = []
    for process in running:
        try:
            user = psutil.Process(process.pid).username()
        except (psutil.Error, KeyError, OSError):
            user = "?"
        found.append((user, int(process.pid), int(process.usedGpuMemory or 0)))
    return tuple(found)


def _problem(error: Exception) -> str:
    text = str(error).strip().lower() or type(error).__name__
    if "version mismatch" in text:
        return "the NVIDIA driver was updated while it was in use; restart the machine"
    if _is_lost(error):
        return "the GPU does not answer any more; restart the machine"
    if "permission" in text:
        return "no permission to use the GPU; ask who runs this machine"
    return f"the NVIDIA driver says: {text}"


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
