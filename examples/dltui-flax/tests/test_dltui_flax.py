"""The plugin keeps dltui's contract, exact resuming among it, and learns."""

import json
import os
import subprocess
import sys

from dltui.testing import Conformance


class TestConformance(Conformance):
    plugin = "dltui-flax"


def test_it_learns_digits(tmp_path):
    environment = {**os.environ, "DLTUI_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "dltui", "train", "convnet-flax", "--dataset", "digits", "--epochs", "5"]
    command += ["--device", "cpu", "--plain", "--schedule", "one-cycle", "--augment", "shift"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (summary,) = tmp_path.glob("exports/*/summary.json")
    assert json.loads(summary.read_text())["test_accuracy"] > 0.9
