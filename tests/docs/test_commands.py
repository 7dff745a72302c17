"""Every `dltui` command in a block of the README and of docs/ is parsed by dltui's own parser, with the models of the
box: options, values, names of models. test_executed.py carries them out; test_plugins_doc.py does so with the console
sessions of docs/plugins.md, word by word.
"""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from dltui.core.errors import DltuiError
from tests.docs.written import ALL, parse


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
