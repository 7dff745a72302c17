"""No test sees the plugins of who runs it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DLTUI_CACHE", "DLTUI_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLTUI_HOME", str(shared_home))
