"""The checks of doctor: what is broken is recognized, with the command that repairs it; what is missing is no fault."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dltui.core import fs
from dltui.core.catalog import questions
from dltui.core.catalog.entries import BackendEntry, Catalog
from dltui.core.catalog.sources import Installed
from dltui.core.checks import doctor
from dltui.core.checks.doctor import Check
from dltui.core.errors import UsageError
from dltui.core.machine.devices import Device
from dltui.core.machine.repairs import remedy, unseen_gpu
from dltui.core.worker.explain import explain

NMS = "operator torchvision::nms does not exist"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def by_name(monkeypatch: pytest.MonkeyPatch, catalog: Catalog | None = None) -> dict[str, Check]:
    if catalog is not None:
        monkeypatch.setattr("dltui.core.catalog.assemble.load_catalog", lambda **_: catalog)
    return {check.what: check for check in doctor.checks()}


def catalog_with(version: str | None, problem: str = "") -> Catalog:
    entry = BackendEntry("torch", "PyTorch", "torch", "pip install torch", sys.executable, version, problem, {})
    packages = {"torch": version} if version else {}
    here = Installed(sys.executable, packages=packages)
    return Catalog(backends={"torch": entry}, installed={sys.executable: here})


@pytest.mark.parametrize(
    ("torch", "vision", "command"),
    [
        ("2.13.0", "0.29.1", "-m pip install 'torchvision==0.28.*'"),
        ("2.4.1+cpu", "0.18.0", "-m pip install 'torchvision==0.19.*'"),
        ("2.13.0", "0.28.0", "-m pip install --upgrade --force-reinstall torch torchvision"),
        ("1.13.0", "0.29.1", "-m pip install --upgrade --force-reinstall torch torchvision"),
    ],
)
def test_torchvision_of_another_torch(torch: str, vision: str, command: str) -> None:
    advice = remedy(f"RuntimeError: {NMS}", "/opt/my env/python", {"torch": torch, "torchvision": vision})
    assert advice.startswith(
        f"torchvision {vision} was built for another PyTorch than {torch}; run: '/opt/my env/python'"
    )
    assert advice.endswith(command)


def test_an_unknown_error_has_no_remedy() -> None:
    assert remedy("RuntimeError: the moon is in the wrong place", "python", {}) == ""


def test_the_mismatch_is_found_by_importing_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(f'raise RuntimeError("{NMS}")\n')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    versions = {"torch": "2.13.0", "torchvision": "0.29.1"}
    check = doctor._companion("torchvision", Installed(sys.executable, packages=versions))
    assert check.state == "bad"
    assert check.text.startswith(f"RuntimeError: {NMS}")
    assert "pip install 'torchvision==0.28.*'" in check.text
    assert "torchvision" not in sys.modules


def test_a_worker_that_meets_the_mismatch_says_where_to_look() -> None:
    assert explain(RuntimeError(NMS), 32).endswith("`dltui doctor` says what to install")


def test_a_module_that_imports_tells_its_version() -> None:
    assert questions.importing(sys.executable, "dltui")["python"].startswith(
        f"{sys.version_info[0]}.{sys.version_info[1]}"
    )
    with pytest.raises(UsageError, match="needs the module no_such_module"):
        questions.importing(sys.executable, "no_such_module")


def test_what_is_not_installed_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    found = by_name(monkeypatch, catalog_with(None))
    assert found["PyTorch"] == Check("PyTorch", "absent", "not installed: pip install torch")
    assert not [check for check in found.values() if check.state == "bad"]


def test_a_framework_that_does_not_import_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise UsageError("ended its process while answering (exit code -4)")

    monkeypatch.setattr(questions, "framework_devices", fail)
    check = by_name(monkeypatch, catalog_with("2.14.1"))["PyTorch"]
    assert check.state == "bad"
    assert check.text == f"2.14.1 ({sys.executable}): ended its process while answering (exit code -4)"


def test_a_framework_says_what_it_uses_and_what_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = {"device": "cpu", "name": "CPU", "problem": None}
    monkeypatch.setattr(questions, "framework_devices", lambda _: [cpu])
    assert by_name(monkeypatch, catalog_with("2.14.1"))["PyTorch"].text.endswith(", uses cpu")
    gpu = {"device": "cuda:0", "name": "GPU", "problem": "the driver is too old"}
    monkeypatch.setattr(questions, "framework_devices", lambda _: [cpu, gpu])
    check = by_name(monkeypatch, catalog_with("2.14.1"))["PyTorch"]
    assert (check.state, check.text.split(", ")[-1]) == ("bad", "uses cpu; cuda:0: the driver is too old")


def test_numbers_of_gpus_that_may_be_meant_otherwise_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltui.core.machine.nvidia.numbering", lambda: "count from the other end")
    assert by_name(monkeypatch, catalog_with(None))["CUDA_VISIBLE_DEVICES"].text == "count from the other end"
    monkeypatch.setattr("dltui.core.machine.nvidia.numbering", lambda: "")
    assert "CUDA_VISIBLE_DEVICES" not in by_name(monkeypatch, catalog_with(None))


def test_an_interpreter_that_cannot_be_used_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_with(None)
    catalog.installed["/nowhere/python"] = Installed("/nowhere/python", problem="cannot start /nowhere/python")
    check = by_name(monkeypatch, catalog)["interpreter /nowhere/python"]
    assert check == Check("interpreter /nowhere/python", "bad", "cannot start /nowhere/python")


def test_a_broken_plugin_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_with(None)
    catalog.problems.append(("net.py", f"RuntimeError: {NMS} (net.py line 1)"))
    check = by_name(monkeypatch, catalog)["plugin net.py"]
    assert check.state == "bad"
    assert "torchvision ? was built for another PyTorch" in check.text


def test_broken_settings_do_not_hide_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config.toml").write_text("[broken")
    found = by_name(monkeypatch)
    assert found["settings"].state == "bad"
    assert "config.toml is not valid TOML" in found["settings"].text
    assert {"dltui", "runs", "cache", "cpu"} <= set(found)


def test_wrong_prices_are_found(home: Path) -> None:
    (home / "config.toml").write_text("[cost]\nprice_per_hour = -1\n")
    (found,) = [check for check in doctor._settings(Catalog()) if check.state == "bad"]
    assert found.text.endswith("[cost] price_per_hour must be a number of at least 0, got -1")


def test_settings_of_all_models_are_tried() -> None:
    from dltui.core.catalog.assemble import load_catalog

    Path("dltui.toml").write_text("[train.mlp-torch]\nlr = -1\n[train.cnn-troch]\nlr = 1\n")
    texts = {check.text: check.state for check in doctor._settings(load_catalog())}
    assert texts == {
        "dltui.toml [train.mlp-torch]: lr must be greater than 0 and at most 10, got -1": "bad",
        "dltui.toml [train.cnn-troch]: no such model; did you mean cnn-torch?": "absent",
    }


def test_a_data_folder_that_is_not_there_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_DATA", f"{tmp_path}{os.pathsep}{tmp_path / 'gone'}")
    check = by_name(monkeypatch, catalog_with(None))["DLTUI_DATA"]
    assert (check.state, check.text) == ("bad", f"{tmp_path / 'gone'} is not a folder")


BROKEN = {
    f"RuntimeError: {NMS}": "was built for another PyTorch",
    "ImportError: numpy.core.multiarray failed to import": "'numpy<2'",
    "cuda:0: The NVIDIA driver on your system is too old (found version 11040)": "update the driver; or run: python",
    "cuda:0: CUDA error: no kernel image is available for execution on the device": "no code for this GPU's generation",
    "cuda:0: NVML: Driver/library version mismatch": "restart the machine",
    "cuda:0: CUDA unknown error - this may be due to an incorrectly set up environment": "modprobe nvidia_uvm",
    "ImportError: libcudnn.so.9: cannot open shared object file": "a CUDA library is missing",
    "ImportError: libcusparse.so.12: undefined symbol: __nvJitLinkComplete_12_4": "LD_LIBRARY_PATH",
    "ImportError: /lib/libstdc++.so.6: version `GLIBCXX_3.4.29' not found": "libstdcxx-ng",
    "TypeError: Descriptors cannot be created directly.": "--upgrade tensorflow protobuf",
    "crashed (SIGILL) while answering": "(AVX)",
    "TensorFlow is installed but Keras is not usable: No module named 'keras.api'": "'keras>=3.5'",
    "AttributeError: partially initialized module 'torch' has no attribute 'nn'": "rename your torch.py",
}


@pytest.mark.parametrize(("text", "words"), BROKEN.items())
def test_common_broken_installs_are_recognized(text: str, words: str) -> None:
    assert words in remedy(text, "python", {"torch": "2.14.1"})


@pytest.mark.parametrize(
    ("framework", "version", "packages", "words"),
    [
        (
            "torch",
            "2.14.1+cpu",
            {"torch": "2.14.1"},
            "built without CUDA; run: python -m pip install --force-reinstall torch",
        ),
        ("torch", "2.14.1", {"nvidia-cublas": "13.0"}, "CUDA_VISIBLE_DEVICES"),
        ("tensorflow", "2.21.0", {"tensorflow": "2.21.0"}, "run: python -m pip install 'tensorflow[and-cuda]'"),
        ("tensorflow", "2.21.0", {"tensorflow-cpu": "2.21.0"}, "tensorflow-cpu is built without CUDA"),
    ],
)
def test_a_gpu_that_is_not_seen(framework: str, version: str, packages: dict[str, str], words: str) -> None:
    assert words in unseen_gpu(framework, "python", version, packages)


def test_doctor_says_that_a_framework_does_not_see_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "framework_devices", lambda _: [{"device": "cpu", "name": "CPU", "problem": None}])
    monkeypatch.setattr(
        "dltui.core.machine.devices.list_devices", lambda: [Device("cuda:0", "NVIDIA H100"), Device("cpu", "CPU")]
    )
    check = by_name(monkeypatch, catalog_with("2.14.1+cpu"))["PyTorch"]
    assert check.state == "bad"
    assert f"2.14.1+cpu ({sys.executable}), uses cpu; does not see NVIDIA H100: this PyTorch is built" in check.text


def test_a_disk_that_tells_of_no_size_has_no_free_bytes_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    for free, words in ((7 * 10**9, ", 7 GB free"), (fs.NO_LIMIT, ", its disk tells of no size")):
        monkeypatch.setattr(fs, "free_bytes", lambda path, free=free: free)
        runs = next(check for check in doctor._folders() if check.what == "runs")
        assert runs.text.endswith(words)
