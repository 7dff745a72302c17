"""Lists the devices that a run can train on, without a framework, and chooses by a word like `auto` or `cuda:1`."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltui.core.errors import UsageError
from dltui.core.machine import memory, nvidia
from dltui.core.machine.cpu import cpu_count, cpu_name
from dltui.core.machine.nvidia import Gpu
from dltui.core.text import clean_line, plural

__all__ = ["Device", "choose", "cpu_count", "hides_gpu", "list_devices", "visible_to", "worker_environment"]

VISIBLE = ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
BUS_ORDER = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}

GPU_FILES = ("/dev/kfd", "/dev/nvmap", "/dev/nvhost-gpu", "/dev/nvidiactl")
"""Files of the kernel's drivers for AMD's GPUs, those of a Jetson, and NVIDIA's, which a container may have alone."""

MOST_RANKS = 64
"""The most processes of `cpu:N`."""

SPINS = "1000"
"""Turns that a thread of libgomp waits awake, a turn being some nanoseconds."""
JOINED = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"
"""Of glibc: no small freed piece of memory is set aside."""


@dataclass(frozen=True)
class Device:
    """A device to train on; None for unknown values. `problem` says why it cannot be used."""

    name: str
    """"cpu", "mps" or "cuda:N", N counting what CUDA_VISIBLE_DEVICES leaves; of several "cuda:0,cuda:1" or "cpu:2"."""
    title: str
    uuid: str | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None
    utilization: float | None = None
    """Percent."""
    temperature: float | None = None
    """Degrees Celsius."""
    power: float | None = None
    """Watts."""
    processes: tuple[tuple[str, int, int], ...] = ()
    """(user, pid, bytes) of those who use it."""
    problem: str | None = None
    parts: tuple[Device, ...] = ()
    """The devices of several that train together, one for each rank; the CPU as often as it has ranks."""

    @property
    def kind(self) -> str:
        return self.name.split(":")[0]

    @property
    def is_part(self) -> bool:
        """True for a part of a divided GPU (MIG)."""
        return (self.uuid or "").startswith("MIG-")

    @property
    def world(self) -> int:
        """The number of ranks."""
        return max(len(self.parts), 1)

    def record(self, asked: str) -> dict[str, Any]:
        """What run.json says of it; `asked` is the word that chose it."""
        several = {"devices": [_record(part) for part in self.parts]} if self.parts else {}
        return {**_record(self), "asked": asked, **several}


def _record(device: Device) -> dict[str, Any]:
    return {"name": device.name, "title": device.title, "uuid": device.uuid}


def recorded(record: Mapping[str, Any]) -> Device:
    """The device that a run.json names."""
    return Device(
        str(record["name"]),
        str(record.get("title") or ""),
        record.get("uuid"),
        parts=tuple(map(recorded, _more(record))),
    )


def _more(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return record.get("devices") or ()


def each_of(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The devices of the ranks that a run.json names; one for a run without ranks."""
    return list(_more(record)) or [record]


def list_devices() -> list[Device]:
    """CUDA devices, then mps, then the CPU, which is always there."""
    found = [_cuda(number, gpu) for number, gpu in enumerate(nvidia.gpus())]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append(Device("mps", f"{cpu_name()} GPU"))
    return [*found, _cpu()]


def hides_gpu() -> bool:
    """True if there is a GPU that no driver's library lists, so that only a framework can."""
    told = nvidia.ask()
    return not told.counted and (bool(told.gpus) or any(map(os.path.exists, GPU_FILES)))


def choose(text: str, found: list[Device], kinds: Collection[str] = ()) -> Device:
    """The device that the word means, or several. `auto`: the CUDA device with most free memory, else mps, else the
    CPU; `cuda`: the CUDA device with most free memory; `cuda:0,cuda:1`: these; `cuda:all`: all that work, whole ones
    where there are any; `cpu:2`: two processes on the CPU. `auto` is one of `kinds`, if there are any: those that a
    framework can use. Raises UsageError for a GPU that does not work, also with `auto`, and for an unknown word.
    """
    word = text.strip().lower()
    if word == "auto" and kinds:
        found = [device for device in found if device.kind in kinds] or found
    count = re.fullmatch(r"cpu:(\d{1,9})", word)
    if count:
        if not 1 <= int(count[1]) <= MOST_RANKS:
            raise UsageError(f"{word}: a run has 1 to {MOST_RANKS} processes on the CPU, such as cpu:2")
        return _together([_choose_one("cpu", found)] * int(count[1]))
    if word == "cuda:all":
        usable = [device for device in found if device.kind == "cuda" and not device.problem]
        return _several([one for one in usable if not one.is_part] or usable or [_choose_one("cuda", found)])
    if "," not in word:
        return _choose_one(word, found)
    names = [name.strip() for name in word.split(",")]
    if not all(name.startswith("cuda:") for name in names):
        raise UsageError(f'"{clean_line(text, 60)}": several devices are GPUs, such as cuda:0,cuda:1; or cpu:2')
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise UsageError(f"{clean_line(twice, 40)} is named twice; a run has each device once")
    return _several([_choose_one(name, found) for name in names])


def on_each(device: Device, workers: int) -> Device:
    """A device of each of several machines, which are taken to be alike."""
    return _together([device] * workers)


def _several(parts: Sequence[Device]) -> Device:
    """Several devices of this machine as one. Raises UsageError for parts of GPUs: a process is shown one of them at
    most, and NCCL takes two of a GPU for the same one.
    """
    small = [device.name for device in parts if device.is_part]
    if len(parts) > 1 and len(small) > 1:
        raise UsageError(f"{', '.join(small)}: parts of GPUs (MIG) cannot train together; take one, {small[0]}")
    return _together(parts)


def _together(parts: Sequence[Device]) -> Device:
    """Several devices as one."""
    if len(parts) == 1:
        return parts[0]
    cpu, titles = parts[0].kind == "cpu", list(dict.fromkeys(part.title for part in parts))
    free = [part.free_bytes for part in parts]
    return Device(
        f"cpu:{len(parts)}" if cpu else ",".join(part.name for part in parts),
        f"{len(parts)} processes on {titles[0]}" if cpu else f"{len(parts)} GPUs, {' and '.join(titles)}",
        total_bytes=parts[0].total_bytes if cpu else _sum([part.total_bytes for part in parts]),
        free_bytes=free[0] if cpu else _sum(free),
        parts=tuple(parts),
    )


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _choose_one(text: str, found: list[Device]) -> Device:
    word = text.strip().lower()
    cuda = [device for device in found if device.kind == "cuda"]
    usable = [device for device in cuda if not device.problem]
    if word in ("auto", "cuda") and cuda:
        if not usable:
            raise UsageError(f"{cuda[0].name} ({cuda[0].title}) cannot be used: {cuda[0].problem}; or use --device cpu")
        return max(usable, key=lambda device: device.free_bytes or 0)
    if word == "auto":
        return next((device for device in found if device.kind == "mps"), found[-1])
    for device in found:
        if device.name == word:
            if device.problem:
                raise UsageError(f"{device.name} ({device.title}) cannot be used: {device.problem}")
            return device
    raise UsageError(f'no device "{clean_line(text, 40)}"; {_hint(word, found)}')


OPEN = "chosen where it runs"
"""The title of a device that the machine which trains the run chooses."""


def left_open(word: str) -> dict[str, Any]:
    """What run.json says of a device that the machine which trains the run chooses by this word."""
    return Device(word, OPEN).record(word) | {"open": True}


def asked_for(run: Mapping[str, Any]) -> str:
    """The word by which a run's device was chosen, from its run.json: "auto" stays free to choose again."""
    known = run.get("device") or {}
    return str(known.get("asked") or known.get("name") or "auto")


def worker_environment(device: Device) -> dict[str, str]:
    """The environment variables that show a worker its devices only, and set how its CPU threads wait and its memory
    is kept.
    """
    waiting = _waiting()
    if device.kind == "cuda" and device.parts:
        each = [worker_environment(part) for part in device.parts]
        joined = {name: ",".join(one[name] for one in each) for name in VISIBLE if all(name in one for one in each)}
        return {**each[0], **joined}
    if device.kind != "cuda":
        return {"CUDA_VISIBLE_DEVICES": "", **waiting, **_allocating()}
    return {"CUDA_VISIBLE_DEVICES": device.uuid, **waiting} if device.uuid else {**_by_number(device), **waiting}


def visible_to(rank: int) -> dict[str, str]:
    """The environment variable that shows a rank its own one of the devices that its worker sees."""
    words = {name: os.environ.get(name, "").split(",") for name in VISIBLE}
    return {name: each[rank] for name, each in words.items() if len(each) > rank and each != [""]}


def _by_number(device: Device) -> dict[str, str]:
    """The environment variables that show a worker a GPU whose driver does not tell its UUID: its number among the GPUs
    that the user's own variable leaves, in the order of drivers. CUDA by itself counts the fastest first.
    """
    number = device.name.partition(":")[2] or "0"
    for name in VISIBLE:
        words = [word.strip() for word in os.environ.get(name, "").split(",")]
        if words != [""] and int(number) < len(words):
            return {name: words[int(number)], **BUS_ORDER}
    return {"CUDA_VISIBLE_DEVICES": number, **BUS_ORDER}


def _waiting() -> dict[str, str]:
    """The environment variables for the waiting of CPU threads. Threads that spin long while they wait for one another
    make training up to a hundred times slower as soon as anything else runs on these cores; threads that sleep at
    once make it a third slower on a quiet machine. PyTorch's OpenMP (libgomp) is told to spin for some microseconds,
    others to sleep; what a user has set holds.
    """
    if "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ:
        return {}
    return {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": SPINS}


def _allocating() -> dict[str, str]:
    """The environment variable for the memory of a worker on a CPU. glibc sets small freed pieces aside without joining
    them to their neighbors; between the activations of a step they keep large pieces from being used again, and photos
    took a fifth more memory, which grew. Joining all at once costs no measurable time. What a user has set holds.
    """
    if not sys.platform.startswith("linux") or "GLIBC_TUNABLES" in os.environ:
        return {}
    return {"GLIBC_TUNABLES": JOINED}


def _cuda(number: int, gpu: Gpu) -> Device:
    return Device(
        name=f"cuda:{number}",
        title=clean_line(gpu.title, 80),
        uuid=gpu.uuid or None,
        total_bytes=gpu.total_bytes,
        free_bytes=gpu.free_bytes,
        utilization=gpu.utilization,
        temperature=gpu.temperature,
        power=gpu.power,
        processes=gpu.processes,
        problem=clean_line(gpu.problem, 200) or None,
    )


def _cpu() -> Device:
    title = f"{clean_line(cpu_name(), 60)}, {plural(cpu_count(), 'core')}"
    total, available = memory.total_and_available()
    return Device("cpu", title, total_bytes=total, free_bytes=available)


def _hint(word: str, found: list[Device]) -> str:
    """The word that was probably meant, then the devices of this machine."""
    from dltui.core.text import suggest

    names = [device.name for device in found]
    cuda = any(device.kind == "cuda" for device in found)
    meant = "" if word.startswith(("gpu", "cuda")) else suggest(word, [*names, "auto"])
    if word.startswith("gpu") and cuda:
        meant = "did you mean cuda?"
    return f"{meant} this machine has {', '.join(names)}".strip()
