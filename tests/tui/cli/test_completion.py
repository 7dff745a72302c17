"""The Tab key: names of models, datasets, runs and hyperparameters, from what is known, without starting anything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from dltui.core.catalog import probe
from dltui.core.catalog.assemble import load_catalog
from dltui.core.machine import sandbox
from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
Complete = Callable[..., list[str]]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, know_catalog: Fill) -> Path:
    """The answers of the plugins in the box and of the fake one."""
    folder = tmp_path_factory.mktemp("known") / "home"
    know_catalog(folder)
    return folder / "cache"


@pytest.fixture
def complete(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What is offered for the last word; starting a process is a failure."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setenv("DLTUI_CACHE", str(cache))
    monkeypatch.delenv("DLTUI_CONFIG", raising=False)

    def refuse(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(sandbox, "run_all", refuse)

    def offered(*words: str) -> list[str]:
        found = ShellComplete(main.cli, {}, "dltui", "_DLTUI_COMPLETE").get_completions(list(words[:-1]), words[-1])
        return [item.value for item in found]

    return offered


def make_runs(home: Path, *names: str) -> None:
    for name in names:
        (home / "runs" / name).mkdir(parents=True)


def test_commands(complete: Complete) -> None:
    assert complete("atta") == ["attach"]
    assert complete("plugins", "") == ["check", "disable", "enable", "folder", "list", "new"]
    assert complete("completion", "") == ["bash", "zsh", "fish"]


def test_models_and_their_flags(complete: Complete) -> None:
    assert complete("train", "cnn-t") == ["cnn-torch", "cnn-tensorflow"]
    assert complete("models", "mlp") == ["mlp-torch", "mlp-tensorflow"]
    assert complete("train", "cnn-torch", "--chan") == ["--channels"]
    assert complete("train", "softmax-torch", "--chan") == []
    assert "one-cycle" in complete("train", "cnn-torch", "--schedule", "")
    assert complete("train", "cnn-torch", "--device", "cp") == ["cpu"]


def test_a_plugin_file_brings_its_models(complete: Complete) -> None:
    assert complete("train", "--plugin", str(FAKE), "softmax-n") == ["softmax-numpy"]
    assert complete("train", "softmax-n") == []


def test_datasets_fit_the_model(complete: Complete) -> None:
    assert {"fashion-mnist", "digits"} <= set(complete("train", "cnn-torch", "--dataset", ""))
    assert complete("train", "linear-regression-torch", "--dataset", "") == ["lines", "csv:"]


@pytest.mark.parametrize(
    "name", ["ac$(touch PWN)", "a`id`", "a;reboot", "a b", "a'b", "a\nb", "a\x1b]0;x\x07", "a|b&c", "a*"]
)
def test_a_folder_whose_name_means_something_to_a_shell_is_not_offered(
    complete: Complete, tmp_path: Path, name: str
) -> None:
    make_runs(tmp_path, "able-ant", name)
    assert complete("attach", "a") == ["able-ant"]


def test_runs(complete: Complete, tmp_path: Path) -> None:
    assert complete("pause", "") == []
    make_runs(tmp_path, "brisk-otter", "bold-wren", ".trash", "calm-owl")
    assert complete("pause", "b") == ["bold-wren", "brisk-otter"]
    assert complete("rm", "bold-wren", "") == ["brisk-otter", "calm-owl"]
    assert complete("export", "c") == ["calm-owl"]


def test_every_run_and_model_can_be_completed(complete: Complete, tmp_path: Path) -> None:
    make_runs(tmp_path, "brisk-otter")
    context = click.Context(main.cli, **main.cli.context_settings)
    for name in main.cli.list_commands(context):
        command = main.cli.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Argument) and parameter.name in ("run", "runs"):
                assert complete(name, "b") == ["brisk-otter"], name
            if isinstance(parameter, click.Argument) and parameter.name == "model":
                assert ("cnn" if name == "twin" else "cnn-torch") in complete(name, "c"), name


def test_nothing_known_offers_nothing(complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "empty"))
    assert complete("train", "cnn") == []
    assert "--dataset" in complete("train", "cnn-torch", "--dat")
    assert not (tmp_path / "empty").exists()


def test_broken_settings_are_no_traceback(complete: Complete, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[broken")
    assert complete("train", "cnn") == []
    assert complete("train", "--plugin", "no-such.py", "cnn") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert f"_DLTUI_COMPLETE={shell}_complete" in out
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=out, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(tmp_path: Path) -> None:
    """The whole way: the script in a real shell calls dltui and fills COMPREPLY."""
    make_runs(tmp_path / "home", "brisk-otter", "calm-owl")
    program(tmp_path)
    assert in_bash(tmp_path, "(dltui pause b)") == "brisk-otter\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_behind_a_colon(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bash gives the parts around a colon as words of their own, and puts the answer behind the colon."""
    monkeypatch.setenv("DLTUI_CACHE", str(cache))
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    # The folders of `dltui` itself, not those of the test runner: the answers are kept for them.
    code = "import json, sys; print(json.dumps(sys.path))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    monkeypatch.setattr(sys, "path", json.loads(done.stdout))
    families = load_catalog().families
    assert {"keras", "timm"} <= set(families)
    for family in families.values():
        probe.keep(family.key, {"members": [{"name": f"{family.name}net", "image_size": 224, "weights": ""}]})
    program(tmp_path)
    assert in_bash(tmp_path, "(dltui train timm : ti)", cache) == "timmnet\n"
    assert in_bash(tmp_path, "(dltui train keras :)", cache) == "kerasnet\n"
    assert in_bash(tmp_path, "(dltui train tim)", cache) == "timm:\n"


def program(folder: Path) -> None:
    (folder / "dltui").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m dltui "$@"\n')
    (folder / "dltui").chmod(0o755)


def in_bash(folder: Path, words: str, cache: Path | None = None) -> str:
    """What a real shell offers for the last of these words."""
    code = (
        f'eval "$(dltui completion bash)"; COMP_WORDS={words}; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
        '_dltui_whole_words dltui; echo "${COMPREPLY[@]}"'
    )
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DLTUI_HOME": str(folder / "home")}
    environment |= {"DLTUI_CACHE": str(cache)} if cache else {}
    done = subprocess.run(["bash", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout
