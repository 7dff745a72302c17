"""What `dltui train` suits to the user's own data is said before the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.tui.cli import main
from tests.helpers.known_catalog import FAKE, Fill
from tests.helpers.own_data import make_image


def test_a_smaller_batch_is_said_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    know_catalog(tmp_path / "home")
    for name, folder in (("DLTUI_HOME", tmp_path / "home"), ("PYTHONPATH", Path(__file__).parents[4])):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.chdir(tmp_path)
    for number in range(60):
        make_image(tmp_path / "images" / "ab"[number % 2] / f"{number}.png", seed=number)
    words = ["train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", f"folder:{tmp_path / 'images'}"]
    options = ["--epochs", "1", "--format", "none"]
    for name, asked, said in (("a", [], 1), ("b", ["--batch-size", "8"], 0), ("c", ["--json"], 0)):
        assert main.run([*words, *options, "--name", name, *(asked if "--json" in asked else [*asked, "--plain"])]) == 0
        out = capsys.readouterr().out
        lines = [line for line in out.splitlines() if line.startswith("batch size 4 instead of 32")]
        assert len(lines) == said
        assert not lines or out.index(lines[0]) < out.index("epoch 1/1")
