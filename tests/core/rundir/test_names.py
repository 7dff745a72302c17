"""Names of runs stay inside the folder of runs, whatever somebody types."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core.errors import UsageError
from dltui.core.rundir.names import check_run_name, free_name, run_name
from dltui.core.text import clean_line, suggest


def refusal(name: str) -> str:
    try:
        check_run_name(name)
    except UsageError as error:
        return str(error)
    return ""


@given(st.one_of(st.text(), st.text("abcAZ09._-/\\\x00\n ~", max_size=70)))
def test_an_allowed_name_is_one_harmless_path_component(name: str) -> None:
    said = refusal(name)
    if said:
        assert said == clean_line(said)
        return
    root = Path("/root/of/runs")
    assert (root / name).resolve().parent == root
    assert name.isascii()
    assert len(name) <= 64
    assert name[0] not in ".-"


@pytest.mark.parametrize(
    "name", ["../x", "/abs", "", ".", "..", "a\x00b", "a" * 65, "a\n", "-rf", "a b", "é", "\ud800", "a/b", "٣"]
)
def test_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not allowed"):
        check_run_name(name)


def test_the_rule_stands_before_the_name() -> None:
    said = refusal("/" * 40)
    assert said.index("1 to 64 letters") < said.index("first not a dot or dash") < said.index("///")


@pytest.mark.parametrize("name", ["a", "brisk-otter", "run_1.2", "_x", "a" * 64, "2024-01-01"])
def test_allowed(name: str) -> None:
    assert check_run_name(name) == name


def test_made_up_names_are_allowed_and_depend_on_the_generator_alone() -> None:
    names = [run_name(random.Random(seed)) for seed in range(300)]
    assert all(check_run_name(name) == name for name in names)
    assert names == [run_name(random.Random(seed)) for seed in range(300)]
    assert len(set(names)) > 280


def test_a_taken_name_gets_a_number() -> None:
    taken = {"otter", "otter-2", "a" * 64}.__contains__
    assert free_name("weasel", taken) == "weasel"
    assert free_name("otter", taken) == "otter-3"
    long = free_name("a" * 64, taken)
    assert long == "a" * 62 + "-2"
    assert check_run_name(long)


def test_suggestions() -> None:
    choices = ["cnn-torch", "mlp-torch", "softmax-torch", "cnn-tensorflow"]
    assert "cnn-torch" in suggest("cnn-torhc", choices)
    assert suggest("SOFTMAX-torch", choices).startswith("did you mean softmax-torch")
    assert suggest("zzz", choices) == ""
    assert suggest("trian", ["train", "twin"]) == "did you mean train?"
    assert suggest("tow", ["one", "two"]) == "did you mean two?"
    assert suggest("--dvice", ["--device", "--debug"]) == "did you mean --device?"
