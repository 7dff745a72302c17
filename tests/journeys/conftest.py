"""What the journeys share."""

from pathlib import Path

import pytest

from tests.helpers.known_catalog import Fill
from tests.journeys.program import Program


@pytest.fixture
def program(tmp_path: Path, know_catalog: Fill) -> Program:
    program = Program(tmp_path)
    know_catalog(program.home)
    return program
