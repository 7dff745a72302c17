"""The plugin keeps dltui's contract, its schedule and metric are right, and it learns."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from dltui_convmixer.config import Config
from dltui_convmixer.metrics import top3_accuracy

from dltui import TrainConfig
from dltui.testing import Conformance


class TestConformance(Conformance):
    plugin = "dltui-convmixer"


def test_the_schedule_rises_and_falls():
    factors = Config(rise=0.1).schedule_factors(np.arange(100), 100)
    assert factors.argmax() == 9
    assert factors[9] == 1
    assert factors[-1] < 0.01


def test_the_warmup_of_every_model_is_left_alone():
    """It is in epochs, and multiplies the schedule."""
    assert Config().warmup == 0
    assert Config.model_fields["warmup"].json_schema_extra == TrainConfig.model_fields["warmup"].json_schema_extra


def test_the_metric_counts_the_three_best():
    outputs = np.array([[3, 2, 1, 0], [0, 1, 2, 3]])
    assert top3_accuracy(outputs, np.array([2, 0])) == {"top3_accuracy": 0.5}


def test_hyperparameters_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="kernel must be odd"):
        Config(kernel=4)
    with pytest.raises(ValueError, match="rise needs schedule warmup-cosine"):
        Config(rise=0.2, schedule="cosine")


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle"])
def test_each_schedule_goes_with_the_defaults(schedule):
    """dltui validates all fields, also those that are left at their defaults."""
    assert Config.model_validate({**Config().model_dump(), "schedule": schedule}).schedule == schedule


def test_it_learns_digits(tmp_path):
    environment = {**os.environ, "DLTUI_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "dltui", "train", "convmixer-torch", "--dataset", "digits", "--epochs", "4"]
    command += ["--device", "cpu", "--plain", "--width", "32", "--depth", "2"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = tmp_path.glob("exports/*/summary.json")
    assert json.loads(summary.read_text())["test_accuracy"] > 0.9
    (metrics,) = tmp_path.glob("exports/*/metrics.csv")
    assert "validation_top3_accuracy" in metrics.read_text().splitlines()[0]
