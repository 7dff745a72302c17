"""The form as it is where no environment variable has chosen the formats of figures."""

import pytest


@pytest.fixture(autouse=True)
def no_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLTUI_FORMAT", raising=False)
