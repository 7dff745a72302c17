"""A second framework is kept out of a worker, with a line that says which and whose process it is."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.core.train.plan import Planner
from dltui.core.worker import loading
from dltui.core.worker.explain import explain
from dltui.core.worker.loading import OtherFramework
from tests.core.train.test_loop import make_data
from tests.fakes.fake_plugin import SoftmaxConfig

PROGRAM = """
import importlib.util, sys
from dltui.core.worker import loading
class Backend:
    title, forbids = "PyTorch", ("wave", "json")
import json
loading.keep_out(Backend())
assert importlib.util.find_spec("wave") is not None
import json.decoder
try:
    import wave
except ImportError as error:
    print(error)
import optparse
"""


def test_an_import_is_refused_and_told() -> None:
    """What is there already is left, and asking whether it is installed is answered."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == (
        "this plugin imports wave, which crashes in a process with PyTorch; a model has one framework\n"
    )


def test_it_is_told_with_its_line() -> None:
    text = explain(OtherFramework("this plugin imports keras"), 32, " (net.py line 3)")
    assert text == "this plugin imports keras (net.py line 3)"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("patch 4 does not divide 19x23"), "ValueError: patch 4 does not divide 19x23 (net.py line 3)"),
        (RunError("the network gives NaN"), "the network gives NaN (net.py line 3)"),
        (RunError("wrong (net.py line 9)"), "wrong (net.py line 9)"),
        (
            ModuleNotFoundError("No module named 'timm'", name="timm"),
            "needs the module timm, which is not installed (net.py line 3); name it in Model(requires=...)",
        ),
        (ImportError("No module named 'timm'"), "cannot import: No module named 'timm' (net.py line 3); see"),
        (
            RuntimeError("Graph execution error:\n\nDetected at node A defined at (most recent call last):\n"
                         "<stack traces unavailable>\nReceived a label value of 9\n\t [[{{node A}}]]"),
            "RuntimeError: Received a label value of 9 (net.py line 3)",
        ),
    ],
)  # fmt: skip
def test_failures_have_their_place(error: Exception, words: str) -> None:
    assert explain(error, 32, " (net.py line 3)").startswith(words)


@pytest.mark.parametrize("length", [{"epochs": 9}, {"max_time": "10m"}])
def test_a_dry_run_takes_two_steps_however_long_the_run_is(length: dict[str, Any]) -> None:
    data, config = make_data(), SoftmaxConfig(batch_size=10, **length)
    short, once = loading.shortened({"dry_run": True}, data, config)
    planner = Planner(once, len(short.train))
    assert (planner.total_steps, planner.epochs, once.max_time) == (2, 1, "")
    assert loading.shortened({}, data, config) == (data, config)
