"""Every `dltui` command in a block of the README and of docs/ is one that works.

All are parsed by dltui's own parser, with the models that ship in the box: options, values, names of models. Those
that take a moment and need nothing (`AT_ONCE`) are carried out, too, on made-up runs; with `--long` also the trainings,
with the fake model on its embedded data in place of what they name. The console sessions of docs/plugins.md are carried
out word by word by test_plugins_doc.py.
"""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from dltui.core.errors import DltuiError
from dltui.tui.cli.main import run
from tests.docs.written import ALL, parse
from tests.helpers.known_catalog import FAKE, Fill
from tests.journeys.program import Program

AT_ONCE = ("runs", "models", "datasets", "compare", "schema", "wait", "plugins", "frameworks")
"""The commands that are carried out; those of them that ask a framework or a host, or look at data, are only parsed."""
NOT_AT_ONCE = ("check", "show", "add", "new", "install", "remove", "cnn-torch", "timm:resnet*", "--host")


def test_there_are_many() -> None:
    assert len(ALL) > 70
    assert ("train", "cnn", "--dataset", "folder:pets") in ALL
    assert ("compare", "main", "branch", "--fail-if", "validation.accuracy -0.5%", "--fail-if", "step_us +5%") in ALL


def test_all_are_parsed(home: Path) -> None:
    problems = []
    for words in ALL:
        try:
            parse(words)
        except (DltuiError, SystemExit) as error:
            problems.append(f"dltui {' '.join(words)}: {error}")
        except Exception as error:
            problems.append(f"dltui {' '.join(words)}: {type(error).__name__} {error}")
    assert problems == []


@pytest.mark.parametrize(
    "line", ["train cnn --lr nought", "train cnn --learning-rate 1", "trian cnn", "wait RUN --untill x", "fork NOBODY"]
)
def test_a_wrong_one_would_be_found(home: Path, line: str) -> None:
    with pytest.raises((click.ClickException, DltuiError)):
        parse(tuple(line.split()))


def at_once(words: tuple[str, ...]) -> bool:
    return words[:1] != () and words[0] in AT_ONCE and not set(NOT_AT_ONCE) & set(words)


@pytest.mark.parametrize("words", [words for words in ALL if at_once(words)], ids=" ".join)
def test_those_that_take_a_moment_are_carried_out(
    home: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(list(words))
    said = capsys.readouterr()
    # The made-up runs need not fulfil a condition.
    assert code == 0 or (words[0] == "wait" and code == 1), said.err
    assert "Traceback" not in said.out + said.err


TRAININGS = [words for words in ALL if words[:1] == ("train",) and not {"--help", "--host"} & set(words)]
TAKE_MODEL = (
    "--dataset", "--data", "--data-dir", "--device", "--host", "--launcher", "--slurm", "--ray", "--workers",
    "--ray-address", "--weights", "--freeze", "--log", "--share", "--seeds", "--plugin", "--like",
)  # fmt: skip
"""Flags that belong to what a command names, or that other tests are about."""


def with_fake_model(words: tuple[str, ...]) -> tuple[str, ...]:
    """A training with the fake model on its embedded data."""
    kept: list[str] = []
    rest = iter(words[1:] if words[1].startswith("-") else words[2:])
    for word in rest:
        if word in TAKE_MODEL:
            next(rest)
        else:
            kept.append(word)
    return ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", *kept)


@pytest.mark.long
@pytest.mark.slow(60)
@pytest.mark.timeout(900)
def test_trainings_are_carried_out_with_the_fake_model(program: Program) -> None:
    for number, words in enumerate(sorted({with_fake_model(words) for words in TRAININGS})):
        named = () if "--name" in words else ("--name", f"r{number}")
        program(
            *words, *named, "--epochs", "1", *(() if {"--json", "--detach", "--queue"} & set(words) else ("--plain",))
        )
    for folder in (program.home / "runs").iterdir():
        program.wait(folder.name, lambda live: live.phase == "ended")
        assert program.reader(folder.name).status().name == "finished"


@pytest.fixture
def program(tmp_path: Path, know_catalog: Fill) -> Program:
    made = Program(tmp_path)
    know_catalog(made.home)
    return made
