"""Environments for frameworks: what is made, what is written into the settings, and that what fails leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core import paths
from dltui.core.catalog import environments, questions
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import interpreters
from dltui.core.machine import process
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli.commands import frameworks
from dltui.tui.cli.main import run
from tests.helpers.sample_run import make_sample_run

Answer = Callable[[list[str]], tuple[int, str]]


class Installer:
    """Stands for venv and pip: makes the folder, and answers as told."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.answer: Answer = lambda command: (0, "")

    def __call__(self, command: Sequence[str], **how: Any) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(list(command))
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
        code, said = self.answer(list(command))
        how["stderr"].write(said.encode())
        return subprocess.CompletedProcess(list(command), code)


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    made = Installer()
    monkeypatch.setattr(environments.subprocess, "run", made)
    monkeypatch.setattr(environments.fs, "free_bytes", lambda path: 1 << 40)
    monkeypatch.setattr(questions, "importing", lambda python, module: {"version": "2.9", "python": "3.12"})
    return made


def settings() -> dict[str, Any]:
    file = paths.config_file()
    return tomllib.loads(file.read_text()) if file.exists() else {}


def left() -> list[str]:
    return sorted(entry.name for entry in environments.folder().iterdir()) if environments.folder().exists() else []


def test_an_environment_is_made_and_named(installer: Installer) -> None:
    paths.config_file().parent.mkdir(parents=True)
    paths.config_file().write_text("# mine\n[cost]\nprice_per_hour = 2\n")
    python, version = environments.install("torch", "cpu")
    assert version == "2.9"
    assert settings()["frameworks"] == {"torch": {"python": python}}
    assert paths.config_file().read_text().startswith("# mine\n[cost]\nprice_per_hour = 2\n")
    make, *first, add = installer.commands
    assert make[-1] == str(Path(python).parents[1])
    assert add[0] == python
    assert [command[-2:] for command in first] == [[environments.CPU_INDEX, "torch"]] * (os.uname().sysname == "Linux")
    assert environments.CPU_INDEX not in add, "only PyTorch itself comes from there"
    assert add[-1].startswith("dltui[torch] @ file:///")
    assert not Path(add[-1].partition("file://")[2]).exists(), "the wheel was a temporary file"


def test_a_second_one_has_to_be_asked_for_and_takes_the_place_of_the_first(installer: Installer) -> None:
    first, _ = environments.install("tensorflow", "cuda")
    assert installer.commands[-1][-1] == "tensorflow[and-cuda]"
    with pytest.raises(UsageError, match=r"TensorFlow has an interpreter already, .*; a new one: --again"):
        environments.install("tensorflow", "cpu")
    second, _ = environments.install("tensorflow", "cpu", again=True)
    assert second != first
    assert left() == [Path(second).parents[1].name]
    assert environments.remove("tensorflow") == second
    assert (left(), settings().get("frameworks", {})) == ([], {})


def test_one_that_runs_use_stays_until_they_have_ended(
    installer: Installer, know_catalog: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    know_catalog(paths.home())
    first, _ = environments.install("torch", "cpu")
    folder = Path(first).parents[1]
    run_directory = RunDirectory.create("calm-ibis", {"created": time.time(), "python": first, "config": {}})
    RunDirectory.create("other", {"created": time.time(), "python": "/usr/bin/python3", "config": {}})
    assert run(["frameworks", "remove", "torch"]) == 2
    assert capsys.readouterr().err == (
        "dltui: PyTorch's environment is used by calm-ibis: dltui stop calm-ibis first\n"
    )
    assert run(["frameworks", "install", "torch", "--cpu", "--again"]) == 0
    assert f"{folder} stays for calm-ibis; the next install removes it" in capsys.readouterr().out
    second = Path(settings()["frameworks"]["torch"]["python"]).parents[1]
    assert left() == sorted([folder.name, second.name])
    shutil.rmtree(run_directory.path)
    assert run(["frameworks", "install", "tensorflow", "--cpu"]) == 0
    assert "stays for" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("WARNING: Retrying ... Temporary failure in name resolution\nERROR: No matching distribution", "a network?"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n", "disk is full"),
        ("ERROR: No matching distribution found for torch>=2.4\n", "cannot install PyTorch: ERROR: No matching"),
        ("", "cannot install PyTorch: exit code 1"),
    ],
)
def test_what_fails_is_one_line_and_leaves_nothing(
    installer: Installer, capsys: pytest.CaptureFixture[str], said: str, reason: str
) -> None:
    installer.answer = lambda command: (int("install" in command), said)
    assert run(["frameworks", "install", "torch", "--cpu"]) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert (left(), settings()) == ([], {})


def test_one_that_cannot_be_imported_is_not_kept(installer: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    def importing(python: str, module: str) -> dict[str, str]:
        if module == "torch":
            raise UsageError("torch: libcudart.so: cannot open shared object file")
        return {"version": "1"}

    monkeypatch.setattr(questions, "importing", importing)
    with pytest.raises(RunError, match="was installed and does not work: torch: libcudart"):
        environments.install("torch", "cuda")
    assert (left(), settings()) == ([], {})


def test_what_cannot_begin_is_said_before(installer: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match=r"no module venv .*: apt install python3\.\d+-venv, or install uv"):
        environments.install("torch", "cpu")
    monkeypatch.setattr(environments.fs, "free_bytes", lambda path: 1 << 30)
    with pytest.raises(UsageError, match=r"PyTorch needs about 9 GB, 1\.1 GB are free in "):
        environments.install("torch", "cuda")
    assert (left(), installer.commands) == ([], [])


def test_what_a_killed_one_left_is_removed_and_no_other(installer: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    here = environments._host()
    alive = f"torch-{os.getppid()}-{process.start_ticks(os.getppid())}-aaaaaa-{here}"
    elsewhere = "torch-999999999-5-aaaaaa-another-host"
    for name in (alive, elsewhere, f"torch-999999999-5-aaaaaa-{here}", "mine"):
        (environments.folder() / name).mkdir(parents=True)
    python, _ = environments.install("torch", "cpu")
    assert left() == sorted([alive, elsewhere, "mine", Path(python).parents[1].name])
    monkeypatch.setattr(environments, "folder", lambda: Path("/elsewhere"))
    with pytest.raises(UsageError, match="was not made by dltui"):
        environments.remove("torch")


def test_what_was_left_for_a_run_is_swept_after_its_end(installer: Installer) -> None:
    place = environments.folder() / f"torch-999999999-5-aaaaaa-{environments._host()}"
    place.mkdir(parents=True)
    environments.install("torch", "cpu", users=lambda place: ["calm-ibis"])
    assert place.exists()
    environments.install("tensorflow", "cpu")
    assert not place.exists()


def test_the_interpreter_of_a_process_counts(
    installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was resumed may have another one than its run.json says."""
    make_sample_run(paths.runs_dir(), status="running", run_id="brisk-otter")
    words = [str(tmp_path / "an-environment" / "bin" / "python"), "-m", "it"]
    monkeypatch.setattr(interpreters.psutil, "Process", lambda pid: SimpleNamespace(cmdline=lambda: words))
    assert interpreters.users(tmp_path / "an-environment") == ["brisk-otter"]
    assert interpreters.users(tmp_path / "another") == []


def test_one_that_is_used_by_another_path_stays(installer: Installer, tmp_path: Path) -> None:
    """The home may be reached through a link today."""
    name = f"torch-999999999-5-aaaaaa-{environments._host()}"
    (environments.folder() / name / "bin").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "home")
    python = tmp_path / "linked" / "frameworks" / name / "bin" / "python"
    paths.config_file().write_text(f'[frameworks.torch]\npython = "{python}"\n')
    environments.install("tensorflow", "cpu")
    assert name in left()


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with frameworks._ending_cleanly():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is not signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_without_venv_uv_makes_it(installer: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(environments.shutil, "which", lambda name: "/bin/uv")
    python, _ = environments.install("torch", "cuda")
    assert installer.commands[1][:5] == ["/bin/uv", "pip", "install", "--python", python]


def test_the_wheel_of_this_installation_is_whole(tmp_path: Path) -> None:
    with zipfile.ZipFile(environments.own_wheel(tmp_path)) as wheel:
        names = wheel.namelist()
        record = wheel.read(names[-1]).decode()
        assert b"[dltui]" in wheel.read(next(name for name in names if name.endswith("entry_points.txt")))
    assert {"dltui/__init__.py", "dltui/exports/report/report.css"} <= set(names)
    assert not any("__pycache__" in name for name in names)
    assert [line.split(",")[0] for line in record.splitlines()] == names


def test_the_list_says_what_is_there(
    installer: Installer, know_catalog: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    know_catalog(paths.home())
    assert run(["frameworks"]) == 0
    said = capsys.readouterr().out
    assert "FRAMEWORK" in said
    assert "PyTorch" in said
    assert run(["frameworks", "--json"]) == 0
    assert '"framework": "torch"' in capsys.readouterr().out
