"""`dltui find-lr` and `--batch-size fit`: what they print, JSON, the command to take, wrong use, Ctrl-C."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import list_runs
from dltui.tui.cli import main
from dltui.tui.cli.launch.model_flags import TrainCommand
from dltui.tui.cli.options import FieldOption
from tests.fakes.slurm import FakeSlurm
from tests.helpers.known_catalog import Fill

FAKE = str(Path(__file__).parents[3] / "fakes" / "fake_plugin.py")
MODEL = ("softmax-numpy", "--plugin", FAKE, "--dataset", "blobs")

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, know_catalog: Fill) -> Path:
    """The answers of the plugins in the box and of the fake one."""
    folder = tmp_path_factory.mktemp("known") / "home"
    know_catalog(folder)
    return folder / "cache"


@pytest.fixture
def call(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLTUI_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dltui", *arguments])
        code = main.run(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_curve_the_proposal_and_the_command_to_take(call: Call) -> None:
    code, out, _ = call("find-lr", *MODEL, "--lr", "3", "--momentum=0.5", "--steps", "60")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "softmax-numpy on blobs, cpu: batch size 32, sgd"
    assert "each step" in lines[1]
    assert "★ proposed" in lines[1]
    assert any("1e-6" in line and "0.001" in line for line in lines)
    assert lines[-3].startswith("suggested: --lr 0.")
    assert max(len(line) for line in lines[:-1]) <= 80
    lr = lines[-3].split()[2]
    assert shlex.split(lines[-1]) == ["dltui", "train", *MODEL, "--momentum=0.5", "--lr", lr]
    assert list_runs() == []
    assert list(Path().iterdir()) == []


def test_rates_like_those_of_a_run_of_a_launcher_are_tested_here(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command to take has the launcher."""
    for name, value in FakeSlurm(tmp_path / "slurm").environment.items():
        monkeypatch.setenv(name, value)
    away = RunRequest(
        "softmax-numpy", "blobs", exports=str(tmp_path / "exports"), plugins=(FAKE,), name="away", launcher="slurm",
        launcher_options={"nodes": 1, "partition": "gpu"},
    )  # fmt: skip
    assert create_run(away, load_catalog([Path(FAKE)])).run()["device"]["open"]
    code, out, err = call("find-lr", "--like", "away", "--steps", "20", "--json")
    assert (code, err.count("Error")) == (0, 0), err
    command = json.loads(out)["command"]
    assert command[:3] == ["dltui", "train", "softmax-numpy"]
    assert command[command.index("--launcher") + 1] == "slurm"
    assert "partition=gpu" in command[command.index("--slurm") + 1]


def test_json_and_files(call: Call) -> None:
    code, out, _ = call("find-lr", *MODEL, "--json", "--to", "out", "--lowest", "1e-5", "--highest", "1")
    found = json.loads(out)
    assert code == 0
    assert len(found["lr"]) == len(found["loss"]) == len(found["smooth"]) == 100
    assert 0 < found["steepest"] < found["suggestion"] < found["least"] <= 1
    assert found["command"] == ["dltui", "train", *MODEL, "--lr", str(found["suggestion"])]
    assert [Path(name).name for name in found["files"]] == ["learning_rates.svg", "learning_rates.csv"]
    assert sorted(path.name for path in Path("out").iterdir()) == ["learning_rates.csv", "learning_rates.svg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "dltui: find-lr needs a MODEL"),
        (("no-such-model",), 'dltui: no model "no-such-model"'),
        ((*MODEL, "--steps", "3"), "3 is not in the range"),
        ((*MODEL, "--lowest", "2", "--highest", "1"), "dltui: the lowest rate 2 must be above 0 and below the highest"),
        ((*MODEL, "--format", "gif"), "no format 'gif'"),
        ((*MODEL, "--epochs", "0"), "epochs must be a whole number"),
    ],
)
def test_wrong_use_is_one_line(call: Call, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call("find-lr", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_ctrl_c_ends_it_and_leaves_nothing(call: Call) -> None:
    words = [
        sys.executable,
        "-P",
        "-m",
        "dltui",
        "find-lr",
        *MODEL,
        "--step-seconds",
        "0.2",
        "--steps",
        "100",
        "--json",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stderr is not None
        # Without a terminal a line of progress comes every few seconds.
        child.stderr.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
    assert list_runs() == []
    assert list(Path().iterdir()) == []


def test_a_batch_size_that_fits_is_a_number_in_the_run(call: Call) -> None:
    code, out, _ = call("train", *MODEL, "--batch-size", "fit", "--epochs", "1", "--plain")
    assert code == 0
    note = "batch size 32 was found to fit: 13 steps an epoch; twice as much would leave fewer than 10"
    assert note in out.splitlines()
    (run,) = list_runs()
    assert run.run()["config"]["batch_size"] == 32
    assert run.run()["command"][-5:] == ["--batch-size", "32", "--epochs", "1", "--plain"]
    reader = RunReader(run)
    reader.refresh()
    assert note in [text for _, _, text in reader.history.logs]


def test_only_where_there_is_no_run_yet(call: Call) -> None:
    for command in ("twin", "fork"):
        found = main.cli.get_command(main.click.Context(main.cli, **main.cli.context_settings), command)
        assert isinstance(found, TrainCommand)
        assert not found.finds
    code, _, err = call("twin", "softmax-numpy", "--plugin", FAKE, "--batch-size", "fit")
    assert code == 2
    assert "batch_size must be a whole number from 1 to 65536, got 'fit'" in err
    batch = next(spec for spec in load_catalog([Path(FAKE)]).model("softmax-numpy").fields if spec.name == "batch_size")
    option = FieldOption(batch, finds=True)
    assert option.help == "samples per step [1 <= N <= 65536 samples; default 32]; fit: the largest that fits"
    assert option.metavar == "N|fit"
    completed = option.type.shell_complete(main.click.Context(main.cli, **main.cli.context_settings), option, "f")
    assert [item.value for item in completed] == ["fit"]
