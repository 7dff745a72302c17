"""What the tests of faults share."""

from __future__ import annotations

import pytest

from tests.faults.cuts import Recording, record
from tests.faults.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def recording(lab: Lab) -> Recording:
    """A run of two epochs with a checkpoint inside each."""
    return record(lab, epochs=2)
