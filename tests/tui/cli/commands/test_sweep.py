"""`dltui sweep`: what is asked for, what is refused before there is a run, and the trials of real workers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dltui.core.analysis.trials.space import Dimension
from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.lifecycle import create
from dltui.core.sweep import folder as folders
from dltui.core.sweep import optuna_samplers, start
from dltui.core.sweep.view import look
from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few

FAKE = Path(__file__).parents[3] / "fakes" / "fake_plugin.py"
SWEEP = ("sweep", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--device", "cpu")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def dltui(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], know_catalog: Fill
) -> Run:
    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        # Of which the command of a sweep is made.
        monkeypatch.setattr("sys.argv", ["dltui", *arguments])
        code = main.run(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """No coordinator is started."""
    monkeypatch.setattr(start, "lead", lambda folder: None)


def test_a_command_line_becomes_a_plan(dltui: Run, asleep: None, tmp_path: Path) -> None:
    words = ("--lr", "0.01..0.3:log", "--batch-size", "8,32", "--vary", "deterministic=yes,no", "--momentum", "0.5")
    code, out, err = dltui(*SWEEP, *words, "--epochs", "9", "--trials", "7", "--name", "lab", "--detach", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["type"], told["sweep"]) == ("sweep", "lab")
    folder = folders.find("lab")
    plan, request = folder.plan(), folder.request()
    assert plan.space == (
        Dimension("lr", "float", 0.01, 0.3, True),
        Dimension("batch_size", "choice", values=(8, 32)),
        Dimension("deterministic", "choice", values=(True, False)),
    )
    assert (plan.trials, plan.epochs, plan.rungs()) == (7, 9, [1, 3])
    assert plan.command[:2] == ("dltui", "sweep")
    assert request.config == {"momentum": 0.5, "epochs": 9}
    # Places are absolute: the coordinator has another working directory.
    assert (request.exports, request.formats) == (str(tmp_path / "exports"), ["none"])
    assert "--momentum" in request.command
    assert "--lr" not in request.command
    assert not list((tmp_path / "home" / "runs").glob("lab*"))


@pytest.mark.parametrize("words", [("--lr", "0.1,0.3", "--max-time", "2s"), ("--vary", "max_time=2s;4s")])
def test_trials_of_a_time_are_not_pruned_and_their_epochs_not_counted(
    dltui: Run, asleep: None, words: tuple[str, ...]
) -> None:
    code, out, err = dltui(*SWEEP, *words, "--name", "lab", "--detach")
    assert (code, err) == (0, "")
    assert "; random, none pruned, since each trains for a time\n" in out
    assert folders.find("lab").plan().pruner == "none"
    assert look("lab").head() == "0 of 2 trials; 0 epochs spent"


def test_the_command_of_a_sweep_has_what_was_set_elsewhere(dltui: Run, asleep: None, tmp_path: Path) -> None:
    (tmp_path / "dltui.toml").write_text('[train]\nepochs = 4\nlr = 0.5\nformat = "pdf"\n')
    code, out, err = dltui(*SWEEP, "--lr", "0.1,0.3", "--name", "lab", "--detach")
    assert (code, err) == (0, "")
    assert "dltui.toml [train]: epochs 4, format pdf\n" in out
    plan, request = folders.find("lab").plan(), folders.find("lab").request()
    assert (plan.epochs, request.formats) == (4, ["pdf"])
    assert plan.command[-4:] == ("--epochs", "4", "--format", "pdf")
    assert plan.command.count("--lr") == 1


@pytest.mark.parametrize(("varied", "said"), [("lr", True), ("batch_size", False)])
def test_a_batch_size_that_is_to_be_found_is_not_used(
    dltui: Run, asleep: None, tmp_path: Path, varied: str, said: bool
) -> None:
    (tmp_path / "dltui.toml").write_text('[train]\nbatch_size = "fit"\n')
    code, _, err = dltui(*SWEEP, "--vary", f"{varied}=1,2", "--name", "lab", "--detach")
    line = "dltui.toml [train]: batch size fit: not used, a sweep takes a number: --batch-size N\n"
    assert (code, err) == (0, line * said)
    assert "batch_size" not in folders.find("lab").request().config
    assert "fit" not in folders.find("lab").plan().command


def test_a_sweep_begins_where_values_go_together(dltui: Run, asleep: None) -> None:
    words = ("--warmup", "3", "--sampler", "grid", "--name", "lab", "--detach")
    assert dltui(*SWEEP, *words, "--epochs", "1,9")[0] == 0
    assert folders.find("lab").refused() == {0: {"epochs": 1}}
    code, _, err = dltui(*SWEEP, *words, "--epochs", "1,2")
    assert (code, err) == (2, "dltui: warmup 3 must be shorter than the 1 epochs of the run\n")


def test_more_trials_than_there_are_combinations_are_said(dltui: Run, asleep: None) -> None:
    dltui(*SWEEP, "--lr", "0.1,0.2,0.3", "--trials", "2", "--name", "lab", "--detach")
    code, _, err = dltui("sweep", "resume", "lab", "--more", "5", "--parallel", "2", "--detach")
    assert (code, err) == (0, "1 of 5 trials are added: then all combinations have one\n")
    assert (folders.find("lab").plan().trials, folders.find("lab").plan().parallel) == (3, 2)
    # Those that there are wait to be trained.
    code, out, err = dltui("sweep", "resume", "lab", "--more", "5", "--detach")
    assert (code, err) == (0, "no trials are added: all combinations have one\n")
    assert "it goes on in the background" in out


def test_trials_train_on_data_at_a_path(dltui: Run, asleep: None, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 20)
    words = ("--dataset", "csv:table.csv", "--data", "target=kind", "--lr", "0.1,0.3", "--name", "lab", "--detach")
    code, _, err = dltui(*SWEEP[:4], "--device", "cpu", *words)
    assert code == 0, err
    request = folders.find("lab").request()
    assert (request.dataset, request.dataset_options["path"]) == ("csv", str(tmp_path / "table.csv"))
    assert f"csv:{tmp_path / 'table.csv'}" in request.command


WRONG = {
    "pruner asha decides after some of the epochs": ("--lr", "0.1,0.3", "--max-time", "2s", "--pruner", "asha"),
    "nothing varies": (),
    "lr must be greater than 0": ("--lr", "0..0.3"),
    "a grid takes numbers of a range: --lr 0.1..0.3:5": ("--lr", "0.1..0.3", "--sampler", "grid"),
    "did you mean lr": ("--vary", "lrr=0.1,0.3"),
    "lower end first": ("--lr", "0.3..0.1"),
    "trials must be": ("--lr", "0.1,0.3", "--trials", "0"),
    "parallel must be": ("--lr", "0.1,0.3", "--parallel", "99"),
    "is not one of": ("--lr", "0.1,0.3", "--pruner", "best"),
    "lr is given twice": ("--lr", "0.1", "--vary", "lr=0.1,0.3"),
    "trials leave the test split alone": ("--lr", "0.1,0.3", "--no-test"),
    "min-epochs must be": ("--lr", "0.1,0.3", "--min-epochs", "-1"),
    "--min-epochs is the first rung of a pruner": ("--lr", "0.1,0.3", "--max-time", "2s", "--min-epochs", "1"),
    "first rung is after": ("--lr", "0.1,0.3", "--min-epochs", "9"),
    "at most 44 letters": ("--lr", "0.1,0.3", "--name", "x" * 60),
    "no such metric": ("--lr", "0.1,0.3", "--monitor", "validation.nix"),
    "trials are compared by one metric": ("--lr", "0.1,0.3", "--monitor", "accuracy;loss"),
    "have seeds up to 2147483648": ("--lr", "0.1,0.3", "--seed", "2147483647", "--confirm", "1"),
    "with --pruner none no trial is pruned": ("--lr", "0.1,0.3", "--pruner", "none", "--min-epochs", "2"),
}


@pytest.mark.parametrize("reason", few(WRONG, 4))
def test_what_is_wrong_is_refused_in_one_line(dltui: Run, asleep: None, reason: str) -> None:
    code, out, err = dltui(*SWEEP, *WRONG[reason])
    assert code == 2
    assert reason in err
    assert (out, err.count("\n")) == ("", 1)
    assert folders.sweeps() == []


def test_a_missing_extra_is_one_line(dltui: Run, asleep: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna_samplers.importlib.util, "find_spec", lambda name: None)
    code, _, err = dltui(*SWEEP, "--lr", "0.1,0.3", "--sampler", "tpe")
    assert code == 2
    assert err == "dltui: sampler tpe needs Optuna: pip install 'dltui[sweep]'; random and grid need nothing\n"


def test_sweeps_that_are_not_there(dltui: Run, tmp_path: Path) -> None:
    assert dltui("sweep")[1].startswith("there are no sweeps yet")
    code, _, err = dltui("sweep", "show", "lab")
    assert (code, err) == (2, 'dltui: no sweep "lab"; there is none yet\n')
    assert dltui("sweep", "stop", "../lab")[0] == 2
    # Too long for a name of a folder.
    (tmp_path / "home" / "sweeps").mkdir(parents=True)
    for name in ("x" * 300, "..", "../lab"):
        assert dltui("sweep", "show", name)[0] == 2
    assert dltui("sweep", "pin", "lab")[0] == 2
    code, out, _ = dltui("sweep", "--help")
    assert code == 0
    assert "resume" in out


def test_secrets_of_loggers_are_masked_but_for_the_coordinator(dltui: Run, asleep: None, tmp_path: Path) -> None:
    dltui(*SWEEP, "--lr", "0.1,0.3", "--name", "lab", "--detach", "--log", "webhook=https://example.org/T0/hush-hush")
    assert folders.find("lab").request().loggers == ["webhook=https://example.org/T0/hush-hush"]
    assert "hush-hush" not in (tmp_path / "home" / "sweeps" / "lab" / "sweep.json").read_text()


def test_a_damaged_sweep_is_one_line(dltui: Run, asleep: None, tmp_path: Path) -> None:
    dltui(*SWEEP, "--lr", "0.1,0.3", "--name", "lab", "--detach")
    file = tmp_path / "home" / "sweeps" / "lab" / "sweep.json"
    file.write_text(file.read_text()[:-40])
    code, _, err = dltui("sweep", "resume", "lab")
    assert (code, err) == (2, "dltui: sweep lab: its sweep.json is missing or damaged\n")
    # The others are listed.
    dltui(*SWEEP, "--lr", "0.1,0.3", "--name", "well", "--detach")
    code, out, err = dltui("sweep", "list")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["lab", "unreadable"], ["well", "interrupted"]]
    listed = json.loads(dltui("sweep", "list", "--json")[1])
    assert [one["sweep"] for one in listed] == ["lab", "well"]


def test_all_trials_leave_out_the_same_from_everywhere(
    dltui: Run, asleep: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create.Checked, "prepare", lambda self, tell: self)
    (tmp_path / "table.csv").write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 20)
    save_opinions(tmp_path / "review.csv", [Opinion("train", 7, "", "", 1.0, "duplicate", "")])
    words = ("--dataset", "csv:table.csv", "--data", "target=kind", "--data", "drop=review.csv", "--lr", "0.1,0.3")
    code, _, err = dltui(*SWEEP[:4], "--device", "cpu", *words, "--name", "lab", "--detach")
    assert (code, err) == (0, "")
    request = folders.find("lab").request()
    assert request.dataset_options["drop"] == str(tmp_path / "review.csv")
    assert request.dropped is not None
    assert request.dropped["rows"] == [["train", 7, "", ""]]
    assert f"drop={tmp_path / 'review.csv'}" in request.command


@pytest.mark.slow(30)
@pytest.mark.long
def test_a_sweep_from_begin_to_end(dltui: Run) -> None:
    words = ("--lr", "0.01..3:log", "--epochs", "9", "--trials", "3", "--name", "lab", "--parallel", "2", "--json")
    code, out, err = dltui(*SWEEP, *words)
    assert (code, err) == (0, "")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert [line["type"] for line in lines][:1] == ["sweep"]
    ended = lines[-1]
    assert (ended["type"], ended["status"], len(ended["trials"])) == ("sweep_ended", "finished", 3)
    assert [one["id"] for one in ended["trials"] if one["test"]] == [ended["winner"]]
    # More trials, by the name of the group.
    assert dltui("sweep", "resume", "lab", "--more", "1", "--json")[0] == 0
    shown = json.loads(dltui("sweep", "show", "lab", "--json")[1])
    assert (shown["status"], len(shown["trials"])) == ("finished", 4)
    assert dltui("sweep", "stop", "lab")[1] == "lab is finished; more trials: dltui sweep resume lab --more N\n"
    assert "nothing" not in dltui("resume", "lab")[1]
    assert "lab (4 trials)" in dltui("runs")[1]
    assert dltui("sweep", "export", "lab", "--to", "pictures")[0] == 0
    assert {path.suffix for path in Path("pictures").iterdir()} == {".svg", ".csv"}
