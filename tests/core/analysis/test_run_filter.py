"""Filters of runs: what they mean, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.analysis.measures.run_filter import facts, matches, parse, unknown
from dltui.core.errors import UsageError

ROW = {
    "id": "bold-wren", "name": "Bold Wren", "status": "finished", "model": "cnn-torch", "framework": "torch",
    "dataset": "fashion-mnist", "device": "cuda:1", "host": "gpu02", "epoch": 10, "epochs": 10, "best": 0.9161,
    "tags": ["thesis", "keep"], "note": "the one of figure 3", "group": None,
}  # fmt: skip
RUN = {"config": {"lr": 0.05, "schedule": "one-cycle", "nesterov": True, "channels": [16, 32]}}
KNOWN = facts(ROW, {**RUN, "dataset_options": {"validation": 0.1}})


@pytest.mark.parametrize(
    "text",
    [
        "", "wren", "BOLD", "figure", "keep", "lr>=0.01", "lr>0.01 lr<0.1", "lr:0.05", "lr=5e-2", "lr!=0.1",
        "model:cnn", "model=cnn-torch", "host:gpu02", "tag:thesis", "tag=keep", "tags:thesis", "-tag:draft", "-mlp",
        "status:finished", "best>=91%", "best>0.9", "validation=0.1",
        "nesterov:yes", "nesterov=true", "channels=16,32", "data:fashion", "'figure 3'",
        "-lr>0.1", "-momentum>0.5",
    ],
)  # fmt: skip
def test_matches(text: str) -> None:
    assert matches(parse(text), KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "otter", "lr>0.05", "lr>=0.01 model:mlp", "model=cnn", "-wren", "tag=the", "lr!=0.05", "momentum!=1",
        "schedule>1", "best>=92%", "nesterov:no", "channels=16", "host:gpu01", "-lr>=0.05",
    ],
)  # fmt: skip
def test_does_not_match(text: str) -> None:
    assert not matches(parse(text), KNOWN)


@pytest.mark.parametrize(
    ("text", "words"),
    [("lr>=", "wants a value"), ("lr>fast", "wants a number"), ("'open", "quote"), ("model:", "wants a value")],
)
def test_wrong_filters_say_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(text)


def test_a_name_that_no_run_has_is_told() -> None:
    assert unknown(parse("shedule:cosine"), [KNOWN]) == "no run has shedule; did you mean schedule?"
    assert unknown(parse("lr>1 wren"), [KNOWN]) == ""


def test_a_run_without_anything_is_no_error() -> None:
    nothing: dict[str, Any] = facts({"id": "x", "name": "x", "status": "failed"}, {})
    assert matches(parse("x status:failed"), nothing)
    assert not matches(parse("lr>0"), nothing)
