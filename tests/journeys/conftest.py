"""What the journeys share."""

from pathlib import Path

import pytest

from tests.journeys.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)
