"""Devices are listed and chosen without a framework; a GPU that does not work is never passed over in silence."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core.catalog.framework_devices import resolve
from dltui.core.errors import UsageError
from dltui.core.machine import cpu, devices, nvidia
from dltui.core.machine.devices import Device, choose, list_devices, worker_environment
from dltui.core.machine.nvidia import Gpu, visible

CPU = Device("cpu", "a CPU")
MPS = Device("mps", "a GPU of Apple's")
SMALL = Device("cuda:0", "GPU A", "GPU-aaa", free_bytes=1 << 30)
LARGE = Device("cuda:1", "GPU B", "GPU-bbb", free_bytes=8 << 30)
DEAD = replace(LARGE, problem="driver too old")
GPUS = [Gpu("GPU-aaa1", "A"), Gpu("GPU-aab2", "B", number=1), Gpu("MIG-ccc3", "C", number=2)]


def test_auto_takes_most_free_memory_then_mps_then_cpu() -> None:
    assert choose("auto", [SMALL, LARGE, CPU]) is LARGE
    assert choose("auto", [MPS, CPU]) is MPS
    assert choose("AUTO ", [CPU]) is CPU
    assert choose("auto", [SMALL, DEAD, CPU]) is SMALL


def test_auto_is_a_device_that_a_framework_can_use() -> None:
    assert choose("auto", [MPS, CPU], ("cpu", "cuda")) is CPU
    assert choose("auto", [SMALL, MPS, CPU], ("cpu", "mps")) is MPS
    assert choose("auto", [LARGE, MPS, CPU], ("cpu", "cuda")) is LARGE
    # Whoever asks for a device by its name is told by the framework.
    assert choose("mps", [MPS, CPU], ("cpu", "cuda")) is MPS


def test_words() -> None:
    assert choose("cuda", [SMALL, LARGE, CPU]) is LARGE
    assert choose("cuda:0", [SMALL, LARGE, CPU]) is SMALL
    assert choose("cpu", [SMALL, LARGE, CPU]) is CPU
    assert choose("mps", [MPS, CPU]) is MPS


@pytest.mark.parametrize("word", ["auto", "cuda"])
def test_a_gpu_that_does_not_work_stops_the_run(word: str) -> None:
    with pytest.raises(UsageError, match=r"^cuda:1 \(GPU B\) cannot be used: driver too old; or use --device cpu$"):
        choose(word, [DEAD, CPU])
    assert choose("cpu", [DEAD, CPU]) is CPU
    with pytest.raises(UsageError, match="cannot be used: driver too old"):
        choose("cuda:1", [SMALL, DEAD, CPU])


@pytest.mark.parametrize("word", ["", "cuda:2", "cuda:-1", "cuda:x", "tpu", "gpu", "\x1b[2J", "cuda:9999999999999"])
def test_what_there_is_not(word: str) -> None:
    with pytest.raises(UsageError, match=r'^no device ".*"; .*this machine has cuda:0, cuda:1, cpu$') as caught:
        choose(word, [SMALL, LARGE, CPU])
    assert str(caught.value).isprintable()


def test_suggestions() -> None:
    with pytest.raises(UsageError, match=r"did you mean cuda\?"):
        choose("gpu", [SMALL, CPU])
    with pytest.raises(UsageError, match=r"did you mean cpu\?"):
        choose("cpuu", [SMALL, CPU])
    with pytest.raises(UsageError, match=r'^no device "cuda"; this machine has cpu$'):
        choose("cuda", [CPU])


@pytest.mark.parametrize(
    ("wanted", "uuids"),
    [
        (None, ["GPU-aaa1", "GPU-aab2", "MIG-ccc3"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2,0", ["MIG-ccc3", "GPU-aaa1"]),
        (" 1 , 0 ", ["GPU-aab2", "GPU-aaa1"]),
        ("0,7,1", ["GPU-aaa1"]),
        ("GPU-aab,MIG-ccc3", ["GPU-aab2", "MIG-ccc3"]),
        ("GPU-aa", []),
        ("0,0", []),
        ("0,GPU-aaa", []),
    ],
)
def test_cuda_visible_devices(wanted: str | None, uuids: list[str]) -> None:
    """In its order, ending at the first that is not there, as CUDA itself does."""
    assert [gpu.uuid for gpu in visible(GPUS, wanted)] == uuids


@pytest.mark.parametrize(
    ("wanted", "uuids"),
    [
        ("2", ["GPU-2"]),
        ("1", ["MIG-10"]),
        ("2,1,0", ["GPU-2", "MIG-10", "GPU-0"]),
        ("MIG-11,0", ["MIG-11", "GPU-0"]),
        ("3", []),
        ("1,MIG-10", []),
    ],
)
def test_a_number_is_that_of_a_whole_gpu(monkeypatch: pytest.MonkeyPatch, wanted: str, uuids: list[str]) -> None:
    """As those of nvidia-smi, of Slurm and of CUDA, which shows the first part of a divided one."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", wanted)
    nvml = FakeNvml()
    monkeypatch.setattr(nvml, "nvmlDeviceGetCount", lambda: 3)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    assert [gpu.uuid for gpu in nvidia.gpus()] == uuids


def test_numbers_count_what_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "gpus", lambda: visible(GPUS, "2,0"))
    found = list_devices()
    assert [(device.name, device.uuid) for device in found[:2]] == [("cuda:0", "MIG-ccc3"), ("cuda:1", "GPU-aaa1")]
    assert found[-1].name == "cpu"


def test_a_worker_sees_its_device_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    waiting = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": devices.SPINS}
    assert worker_environment(LARGE) == {"CUDA_VISIBLE_DEVICES": "GPU-bbb"} | waiting
    assert (
        worker_environment(CPU)
        == worker_environment(MPS)
        == {
            "CUDA_VISIBLE_DEVICES": "",
            "GLIBC_TUNABLES": devices.JOINED,
            **waiting,
        }
    )


@pytest.mark.parametrize(
    ("set_by_user", "shown"),
    [
        ({}, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
        ({"CUDA_VISIBLE_DEVICES": "3, 5"}, {"CUDA_VISIBLE_DEVICES": "5", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
        ({"HIP_VISIBLE_DEVICES": "2,0"}, {"HIP_VISIBLE_DEVICES": "0"}),
    ],
)
def test_a_device_without_a_uuid_is_shown_by_its_number(
    monkeypatch: pytest.MonkeyPatch, set_by_user: dict[str, str], shown: dict[str, str]
) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_by_user.items():
        monkeypatch.setenv(name, value)
    assert worker_environment(Device("cuda:1", "no uuid")).items() >= shown.items()


def test_a_user_decides_how_threads_wait_and_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")
    assert worker_environment(CPU) == {"CUDA_VISIBLE_DEVICES": ""}


class FakeNvml:
    """Stands for the driver's library."""

    NVML_TEMPERATURE_GPU = 0
    NVML_DEVICE_MIG_ENABLE = 1

    class NVMLError(Exception):
        pass

    class NVMLError_LibraryNotFound(NVMLError):
        pass

    class NVMLError_DriverNotLoaded(NVMLError):
        pass

    class NVMLError_NotSupported(NVMLError):
        pass

    class NVMLError_NoPermission(NVMLError):
        pass

    class NVMLError_InvalidArgument(NVMLError):
        pass

    def __init__(self, start: Exception | None = None, lost: int | None = None) -> None:
        self.start = start
        self.lost = lost

    def nvmlInit(self) -> None:
        if self.start:
            raise self.start

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:
        if number == self.lost:
            raise self.NVMLError("GPU is lost")
        return number

    def nvmlDeviceGetMigMode(self, handle: int) -> tuple[int, int]:
        return (1, 1) if handle == 1 else (0, 0)

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: int) -> int:
        return 3

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: int, number: int) -> int:
        if number == 2:
            raise self.NVMLError("Not Found")
        return 10 + number

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return type("Memory", (), {"total": 100 + handle, "free": 50})()

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if handle >= 10:
            raise self.NVMLError_NotSupported("Not Supported")
        return type("Rates", (), {"gpu": 7})()

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return 70_500

    def nvmlDeviceGetTemperature(self, handle: int, kind: int) -> int:
        return 41

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"{'MIG' if handle >= 10 else 'GPU'}-{handle}"

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return b"Some GPU"

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        me = type("Process", (), {"pid": os.getpid(), "usedGpuMemory": 5})()
        gone = type("Process", (), {"pid": 2**22 + 1, "usedGpuMemory": None})()
        return [me, gone] if handle == 0 else []


def test_what_the_driver_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    import getpass

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())  # type: ignore[arg-type]
    whole, first, second = nvidia.gpus()
    assert (whole.uuid, whole.title, whole.total_bytes, whole.free_bytes) == ("GPU-0", "Some GPU", 100, 50)
    assert (whole.utilization, whole.temperature, whole.power) == (7.0, 41, 70.5)
    assert whole.processes == ((getpass.getuser(), os.getpid(), 5), ("?", 2**22 + 1, 0))
    assert [first.uuid, second.uuid] == ["MIG-10", "MIG-11"]
    assert first.utilization is None


def test_a_gpu_that_is_to_be_divided_and_is_not_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts do not survive a restart of the machine, the mode does."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml = FakeNvml()
    monkeypatch.setattr(nvml, "nvmlDeviceGetMaxMigDeviceCount", lambda handle: 0)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    whole, empty = list_devices()[:2]
    assert (whole.problem, empty.problem, empty.uuid) == (None, nvidia.NO_PARTS, "GPU-1")
    assert choose("auto", [whole, empty, CPU]) is whole
    with pytest.raises(UsageError, match=r"^cuda:1 \(Some GPU\) cannot be used: it is in MIG mode, and there are no"):
        choose("cuda:1", [whole, empty, CPU])


@pytest.mark.parametrize(
    ("visible_devices", "order", "mixed", "doubt"),
    [
        ("0", None, True, True),
        ("GPU-aab,1", "FASTEST_FIRST", True, True),
        ("0", "PCI_BUS_ID", True, False),
        ("GPU-aab", None, True, False),
        ("", None, True, False),
        ("0", None, False, False),
    ],
)
def test_numbers_that_cuda_may_mean_otherwise(
    monkeypatch: pytest.MonkeyPatch, visible_devices: str, order: str | None, mixed: bool, doubt: bool
) -> None:
    """It counts the fastest GPU first unless it is told not to, which matters where there are several kinds."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible_devices)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    if order is not None:
        monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    monkeypatch.setattr(nvml, "nvmlDeviceGetName", lambda handle: b"Another" if mixed and handle else b"Some GPU")
    told = "numbers are those of nvidia-smi; CUDA counts the fastest GPU first without CUDA_DEVICE_ORDER=PCI_BUS_ID"
    assert nvidia.numbering() == (told if doubt else "")


@pytest.mark.parametrize("error", [FakeNvml.NVMLError_LibraryNotFound(), FakeNvml.NVMLError_DriverNotLoaded()])
def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(error))  # type: ignore[arg-type]
    assert nvidia.gpus() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere pynvml looks for the library")
def test_without_the_library_of_a_driver_nothing_is_imported_to_ask_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setattr(nvidia, "LIBRARY", "libno-such-library.so.1")
    assert nvidia.ask() == nvidia.Told([], counted=False)
    assert "pynvml" not in sys.modules
    monkeypatch.setattr(nvidia, "LIBRARY", "libc.so.6")
    assert nvidia._has_library()


def test_a_driver_that_does_not_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    broken = FakeNvml(FakeNvml.NVMLError("Driver/library version mismatch"))
    monkeypatch.setitem(sys.modules, "pynvml", broken)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="driver was updated while it was in use; restart the machine; or use"):
        resolve("auto")
    assert resolve("cpu").name == "cpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert resolve("auto").name == "cpu"


READINGS = {
    "nvmlDeviceGetMemoryInfo": {"total_bytes": None, "free_bytes": None},
    "nvmlDeviceGetUtilizationRates": {"utilization": None},
    "nvmlDeviceGetPowerUsage": {"power": None},
    "nvmlDeviceGetTemperature": {"temperature": None},
    "nvmlDeviceGetUUID": {"uuid": ""},
    "nvmlDeviceGetName": {"title": "NVIDIA GPU 0"},
    "nvmlDeviceGetComputeRunningProcesses": {"processes": ()},
    "nvmlDeviceGetMigMode": {},
}


@pytest.mark.parametrize("error", [FakeNvml.NVMLError("Function Not Found"), FakeNvml.NVMLError("Unknown Error"), None])
@pytest.mark.parametrize("reading", READINGS)
def test_each_reading_may_be_missing_alone(
    monkeypatch: pytest.MonkeyPatch, reading: str, error: Exception | None
) -> None:
    """Drivers before 510 have no list of processes in the form that the library asks for, WSL lacks others."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    whole = nvidia.gpus()[0]

    def fail(*arguments: object) -> object:
        raise error or AttributeError(reading)

    if error is not None or reading != "nvmlDeviceGetMigMode":
        monkeypatch.setattr(nvml, reading, fail)
    assert nvidia.gpus()[0] == replace(whole, **READINGS[reading])  # type: ignore[arg-type]


def test_a_gpu_that_is_lost_between_two_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]

    def lost(handle: int) -> int:
        raise FakeNvml.NVMLError("GPU is lost")

    monkeypatch.setattr(nvml, "nvmlDeviceGetPowerUsage", lost)
    assert nvidia.gpus()[0].problem == "the GPU does not answer any more; restart the machine"


def test_a_driver_that_cannot_count_its_devices_leaves_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml = FakeNvml()

    def fail() -> int:
        raise FakeNvml.NVMLError("Unknown Error")

    monkeypatch.setattr(nvml, "nvmlDeviceGetCount", fail)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    assert resolve("cpu").name == "cpu"
    with pytest.raises(UsageError, match="the NVIDIA driver says: unknown error; or use --device cpu"):
        resolve("auto")


def test_a_lost_gpu_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(lost=0))  # type: ignore[arg-type]
    found = list_devices()
    assert found[0].problem == "the GPU does not answer any more; restart the machine"
    assert [device.problem for device in found[1:]] == [None, None, None]


def test_cpu_has_cores_and_memory() -> None:
    device = resolve("cpu")
    assert device.total_bytes
    assert device.free_bytes
    assert f"{devices.cpu_count()} core" in device.title


def machine(folder: Path, cgroup: str, **files: str) -> Path:
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(cgroup)
    for path, text in files.items():
        file = folder / "sys/fs/cgroup" / path.replace("__", "/").replace("_DOT_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_quota_of_cgroup_2(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/a/b\n", a__b__cpu_DOT_max="max 100000\n", a__cpu_DOT_max="150000 100000\n")
    assert cpu.cpu_quota(root) == 1.5
    assert cpu.cpu_count(root) == 1


def test_quota_of_a_container_that_sees_only_itself(tmp_path: Path) -> None:
    assert cpu.cpu_quota(machine(tmp_path, "0::/\n", cpu_DOT_max="50000 100000")) == 0.5
    assert cpu.cpu_count(tmp_path) == 1
    assert cpu.cpu_quota(machine(tmp_path / "x", "0::/../../other\n", cpu_DOT_max="200000 100000")) == 2.0


def test_quota_of_cgroup_1(tmp_path: Path) -> None:
    lines = "4:memory:/x\n3:cpu,cpuacct:/docker/abc\n"
    root = machine(
        tmp_path,
        lines,
        cpu__docker__abc__cpu_DOT_cfs_quota_us="300000",
        cpu__docker__abc__cpu_DOT_cfs_period_us="100000",
        cpu__cpu_DOT_cfs_quota_us="-1",
        cpu__cpu_DOT_cfs_period_us="100000",
    )
    assert cpu.cpu_quota(root) == 3.0


@pytest.mark.parametrize("text", ["max 100000", "", "garbage here", "0 0", "100000 0"])
def test_no_quota(tmp_path: Path, text: str) -> None:
    root = machine(tmp_path, "0::/\n", cpu_DOT_max=text)
    assert cpu.cpu_quota(root) is None
    assert cpu.cpu_count(root) == (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    assert cpu.cpu_quota(tmp_path / "nothing") is None


@pytest.mark.parametrize(("told", "count"), [("1", 1), ("100", 3), ("0", 1), ("", 3), ("many", 3)])
def test_a_launcher_tells_of_fewer_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, count: int
) -> None:
    root = machine(tmp_path, "0::/\n", cpu_DOT_max="300000 100000")
    monkeypatch.setattr(cpu, "processors", lambda: [0, 2, 4, 6])
    monkeypatch.setenv("DLTUI_CPUS", told)
    assert (cpu.cpu_count(root), cpu.allowed(root)) == (count, 3)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_affinity_counts() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from dltui.core.machine.cpu import cpu_count; "
    )
    done = subprocess.run(
        [sys.executable, "-c", code + "print(cpu_count())"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def test_several_devices() -> None:
    both = choose("cuda:0, CUDA:1", [SMALL, LARGE, CPU])
    assert (both.name, both.kind, both.world, both.parts) == ("cuda:0,cuda:1", "cuda", 2, (SMALL, LARGE))
    assert both.free_bytes == 9 << 30
    assert choose("cuda:all", [SMALL, LARGE, CPU]) == both
    assert choose("cuda:all", [SMALL, DEAD, CPU]) is SMALL
    three = choose("cpu:3", [SMALL, CPU])
    assert (three.name, three.kind, three.parts) == ("cpu:3", "cpu", (CPU, CPU, CPU))
    assert choose("cpu:1", [SMALL, CPU]) is CPU


def test_parts_of_gpus_do_not_train_together() -> None:
    parts = [Device(f"cuda:{number}", "A100 MIG 3g.20gb", f"MIG-{number}") for number in range(2)]
    whole = Device("cuda:2", "A100", "GPU-a")
    for word in ("cuda:0,cuda:1", "cuda:all"):
        told = r"^cuda:0, cuda:1: parts of GPUs \(MIG\) cannot train together; take one, cuda:0$"
        with pytest.raises(UsageError, match=told):
            choose(word, [*parts, CPU])
    assert choose("cuda:all", [*parts, whole, CPU]) is whole
    assert choose("cuda:all", [parts[0], CPU]) is parts[0]
    assert choose("cuda:all", [*parts, whole, replace(whole, name="cuda:3"), CPU]).world == 2
    # Each of several machines may have one.
    assert devices.on_each(parts[0], 2).world == 2


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("cuda:0,cuda:0", "cuda:0 is named twice"),
        ("cuda:0,cpu", "several devices are GPUs, such as cuda:0,cuda:1; or cpu:2"),
        ("cpu,cpu", "several devices are GPUs"),
        ("cuda:0,cuda:7", 'no device "cuda:7"'),
        ("cuda:0,cuda:1", "driver too old"),
        ("cpu:0", "1 to 64 processes"),
        ("cpu:65", "1 to 64 processes"),
        ("cuda:all", "driver too old"),
        ("cuda:0,", "several devices are GPUs"),
    ],
)
def test_several_devices_that_cannot_be(word: str, told: str) -> None:
    found = [DEAD, CPU] if word == "cuda:all" else [SMALL, DEAD, CPU]
    with pytest.raises(UsageError, match=told) as raised:
        choose(word, found)
    assert "\n" not in str(raised.value)


def test_each_rank_sees_its_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    both = choose("cuda:1,cuda:0", [SMALL, LARGE, CPU])
    environment = worker_environment(both)
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-bbb,GPU-aaa"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HIP_VISIBLE_DEVICES", raising=False)
    assert [devices.visible_to(rank) for rank in range(2)] == [
        {"CUDA_VISIBLE_DEVICES": "GPU-bbb"},
        {"CUDA_VISIBLE_DEVICES": "GPU-aaa"},
    ]
    record = both.record("cuda:1,cuda:0")
    assert devices.recorded(record) == replace(both, free_bytes=None, parts=tuple(
        replace(part, free_bytes=None) for part in both.parts
    ))  # fmt: skip
    assert [one["uuid"] for one in devices.each_of(record)] == ["GPU-bbb", "GPU-aaa"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.visible_to(1) == {}
