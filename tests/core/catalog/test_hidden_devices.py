"""GPUs without NVML (AMD, Jetson) are those a framework finds; it is asked once, and only where there is a sign."""

from typing import Any

import pytest

from dltui.core.catalog import framework_devices, questions
from dltui.core.catalog.entries import BackendEntry, Catalog
from dltui.core.machine import devices as machine
from dltui.core.machine import nvidia

SOURCE = {"kind": "package", "name": "x", "python": "python"}
BACKEND = BackendEntry("torch", "PyTorch", "torch", "pip install torch", "python", "2.0", "", SOURCE)


@pytest.fixture
def asked(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Asked frameworks, on a machine without NVML that has an AMD GPU."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(nvidia, "ask", lambda: nvidia.Told([], counted=False))
    sign = tmp_path / "kfd"
    sign.touch()
    monkeypatch.setattr(machine, "GPU_FILES", (str(sign),))
    calls: list[str] = []

    def answer(backend: BackendEntry) -> list[dict[str, Any]]:
        calls.append(backend.framework)
        return [
            {"device": "cpu", "name": "CPU", "problem": None},
            {"device": "cuda:0", "name": "AMD Instinct\x1b", "problem": None},
        ]

    monkeypatch.setattr(questions, "framework_devices", answer)
    return calls


def test_a_framework_tells_the_devices_and_is_asked_once(asked: list[str]) -> None:
    catalog = Catalog(backends={"torch": BACKEND})
    assert [device.name for device in framework_devices.list_devices()] == ["cpu"]
    assert asked == []
    found = framework_devices.list_devices(catalog)
    assert [(device.name, device.title) for device in found[:1]] == [("cuda:0", "AMD Instinct\\x1b")]
    # The free memory of the CPU changes from one look to the next.
    assert [device.name for device in framework_devices.list_devices()] == [device.name for device in found]
    assert framework_devices.resolve("auto", catalog).name == "cuda:0"
    assert asked == ["torch"]


def test_the_cpu_needs_no_framework(asked: list[str]) -> None:
    assert framework_devices.resolve("cpu", Catalog(backends={"torch": BACKEND})).name == "cpu"
    assert asked == []


def test_without_a_sign_of_a_gpu_nobody_is_asked(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "GPU_FILES", ())
    assert [device.name for device in framework_devices.list_devices(Catalog(backends={"torch": BACKEND}))] == ["cpu"]
    assert asked == []


def test_a_problem_may_pass(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the memory of another program; those that ask no framework know the last answer until then."""
    catalog, clock = Catalog(backends={"torch": BACKEND}), [1000.0]
    problems: list[str | None] = ["HIP out of memory", None]
    monkeypatch.setattr(framework_devices.time, "time", lambda: clock[0])

    def answer(backend: BackendEntry) -> list[dict[str, Any]]:
        asked.append(backend.framework)
        return [{"device": "cuda:0", "name": "AMD", "problem": problems[len(asked) - 1]}]

    monkeypatch.setattr(questions, "framework_devices", answer)
    for seconds, known, times in ((0.0, catalog, 1), (30.0, catalog, 1), (31.0, None, 1)):
        clock[0] += seconds
        assert framework_devices.list_devices(known)[0].problem == "HIP out of memory"
        assert len(asked) == times
    assert framework_devices.list_devices(catalog)[0].problem is None
    clock[0] += 1e6
    assert framework_devices.resolve("auto", catalog).name == "cuda:0"
    assert len(asked) == 2
