"""Somebody looks at what is there, on a real terminal: two runs beside one another, a run as it was, finding runs."""

from __future__ import annotations

import pytest

from tests.journeys.program import Program
from tests.journeys.test_fork import FAST
from tests.journeys.test_review import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ESCAPE, BACKSPACE, END, ENTER = "\x1b", "\x7f", "\x1b[F", "\r"


@pytest.fixture
def two(program: Program) -> Program:
    """A run that is good, then one whose learning rate is far too small."""
    program(*FAST, "--epochs", "3", "--lr", "0.3", "--name", "good")
    program(*FAST, "--epochs", "3", "--lr", "0.0001", "--name", "slow")
    return program


def test_what_is_there_is_looked_at(two: Program) -> None:
    compare(two)
    look_back(two)
    find_and_rename(two)


def compare(two: Program) -> None:
    viewer = Terminal(two)
    viewer.key("", "2 runs", "› slow", "good")
    viewer.key("  ", "compare 2")
    viewer.key("c", "good is best", r"lr +.*0\.3")
    viewer.key(ESCAPE, "2 runs", "compare 2")
    viewer.key("q")


def look_back(two: Program) -> None:
    viewer = Terminal(two, "attach", "good")
    viewer.key("", "FINISHED", "METRIC")
    viewer.key("[", "PAST", "after epoch 3 of 3")
    viewer.key("[", "after epoch 2 of 3")
    viewer.key("P", "REPLAY")
    viewer.key("P", "REPLAY 1x")
    viewer.key(END, "FINISHED")
    viewer.key("v", "runs to overlay good", "slow")
    viewer.key(" ", "1 overlaid")
    viewer.key(ESCAPE, "METRIC", "1 overlaid|slow")
    viewer.key("q")


def find_and_rename(two: Program) -> None:
    viewer = Terminal(two)
    viewer.key("", "2 runs", "› slow", "good")
    viewer.key("/lr>=0.1" + ENTER, "1 shown", "› good")
    viewer.key("R" + BACKSPACE * 4 + "winner" + ENTER, "› winner")
    viewer.key("d", "deleted", "No run matches")
    assert not two.run("good").exists()
    viewer.key("u", "› winner")
    assert two.reader("good").labels["name"] == "winner"
    viewer.key(ESCAPE, "2 runs", "winner", "slow")
    viewer.key("q")
