"""What a model needs beside its framework."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.catalog.assemble import load_catalog
from tests.helpers.installations import MODEL
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[1] / "fakes" / "fake_plugin.py"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, know_catalog: Fill) -> None:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))


def test_a_distribution_that_a_model_needs_beside_its_framework(tmp_path: Path) -> None:
    code = MODEL.format(id="needy", framework="numpy").replace("None)", "None, requires=('numpy', 'no-such-vision'))")
    (tmp_path / "needy.py").write_text(code)
    (tmp_path / "content.py").write_text(code.replace("needy", "content").replace("no-such-vision", "pydantic"))
    found = load_catalog([FAKE, tmp_path / "needy.py", tmp_path / "content.py"])
    assert found.models["needy"].reason == "needs no-such-vision: pip install no-such-vision"
    assert not found.models["needy"].available
    assert found.models["content"].available
