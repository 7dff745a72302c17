"""What the journeys share."""

import shutil
from pathlib import Path

import pytest

from tests.journeys.program import Program


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of the plugins in the box, as a first command keeps them."""
    first = Program(tmp_path_factory.mktemp("first"))
    first("models")
    return first.home / "cache" / "catalog"


@pytest.fixture
def program(tmp_path: Path, catalog: Path) -> Program:
    """A home whose catalog is known; everything else in it is new."""
    program = Program(tmp_path)
    cache = program.home / "cache"
    cache.mkdir(mode=0o700, parents=True)
    program.home.chmod(0o700)
    shutil.copytree(catalog, cache / "catalog")
    return program
