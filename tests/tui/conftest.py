"""The same machine name, time zone and terminal for every test of the screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.machine import process
from tests.tui.scenario import FakeServices, make_home


def name_the_machine(patch: pytest.MonkeyPatch) -> None:
    system, _, *others = os.uname()
    patch.setattr(os, "uname", lambda: os.uname_result((system, "gpu01", *others)))
    process.this_host.cache_clear()


@pytest.fixture
def gpu01(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is called gpu01."""
    name_the_machine(monkeypatch)
    yield
    process.this_host.cache_clear()


@pytest.fixture(scope="session")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: writing runs as carefully as a worker does takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        name_the_machine(patch)
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
