"""Help, typing errors and exit codes of the command line that need no run and import nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dltui
from dltui.tui.cli import main
from dltui.tui.cli.group import unknown

HEAVY = (
    "textual",
    "rich",
    "numpy",
    "pydantic",
    "torch",
    "tensorflow",
    "matplotlib",
    "psutil",
    "dltui.core.catalog.entries",
)


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], [], ["--version"], ["trian"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, json\n"
        "from dltui.tui.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "sys.stderr.write('\\n' + json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = run_python(code, *arguments)
    exit_code, modules = json.loads(done.stderr.splitlines()[-1])
    assert exit_code == (2 if arguments == ["trian"] else 0)
    assert [name for name in HEAVY if name in modules] == []


def test_help_lists_every_command() -> None:
    done = subprocess.run([sys.executable, "-m", "dltui", "--help"], capture_output=True, text=True, check=True)
    for section in main.SECTIONS.values():
        for name in section:
            assert f"\n  {name} " in done.stdout


def test_every_command_can_be_imported(capsys: pytest.CaptureFixture[str]) -> None:
    context = main.click.Context(main.cli, **main.cli.context_settings)
    for name in main.cli.list_commands(context):
        command = main.cli.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_without_arguments_and_terminal_it_prints_short_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dltui"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: dltui")
    assert "\x1b" not in done.stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"dltui {dltui.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["trian"], 'dltui: no command "trian"; did you mean train?'),
        (["zzzzzz"], 'dltui: no command "zzzzzz"; dltui --help lists what there is'),
        (["--vresion"], 'dltui: no option "--vresion"; did you mean --version?'),
        (["runs", "--jsn"], 'dltui: no option "--jsn"; did you mean --json?'),
        (["runs", "--zzzzz"], 'dltui: no option "--zzzzz"; dltui runs --help lists what there is'),
        (["pause"], "dltui: missing argument 'RUN'; see dltui pause --help"),
        (["datasets", "waves"], 'dltui: no datasets command "waves"; to look at a dataset: dltui datasets show waves'),
        (["datasets", "chekc"], 'dltui: no datasets command "chekc"; did you mean check?'),
        (["plugins", "lsit"], 'dltui: no plugins command "lsit"; did you mean list?'),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == line + "\n"


def test_unknown_names_close_words() -> None:
    assert unknown("command", "x", ["abc"]) == 'no command "x"; dltui --help lists what there is'
    assert unknown("command", "rums", ["runs", "train"]) == 'no command "rums"; did you mean runs?'


def test_an_unexpected_error_is_one_line_and_a_log_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def boom(*args: object, **kwargs: object) -> None:
        raise RuntimeError("first\nsecond \x1b[31m")

    monkeypatch.setattr(main.cli, "main", boom)
    assert main.run([]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "\x1b" not in error
    (log,) = tmp_path.iterdir()
    assert str(log) in error
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.cli, "main", interrupt)
    assert main.run([]) == 130


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "dltui", "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""
