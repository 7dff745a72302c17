"""The same machine name, time zone and terminal for every test of the screen."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.machine import process
from tests.tui.scenario import FakeServices, make_home


@pytest.fixture
def gpu01(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is called gpu01."""
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu01")
    process.this_host.cache_clear()
    yield
    process.this_host.cache_clear()


@pytest.fixture(scope="session")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: writing runs as carefully as a worker does takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "gpu01")
        process.this_host.cache_clear()
        home = make_home(tmp_path_factory.mktemp("home") / "runs")
    process.this_host.cache_clear()
    return home


@pytest.fixture
def services(tmp_path: Path, full_home: Path, gpu01: None) -> FakeServices:
    shutil.copytree(full_home, tmp_path / "runs")
    return FakeServices(tmp_path / "runs")


@pytest.fixture
def nothing(tmp_path: Path, gpu01: None) -> FakeServices:
    """A home without a run."""
    return FakeServices(tmp_path / "runs")
