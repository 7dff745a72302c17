"""The place in which documented commands are tried."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.catalog import assemble
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.models import families
from tests.docs.written import ALL, RUNS
from tests.helpers.known_catalog import FAKE, Fill
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, know_catalog: Fill) -> Iterator[Path]:
    """A home with the runs that the pages name; the members of families are those that they name."""
    folder = tmp_path_factory.mktemp("documented")
    know_catalog(folder / "home")
    for name in RUNS:
        make_sample_run(folder / "home" / "runs", run_id=name, epochs=3, image=False)
    (folder / "net.py").write_text(FAKE.read_text())
    named = tuple(
        families.MemberEntry(word.partition(":")[2]) for words in ALL for word in words[:2] if word.startswith("timm:")
    )
    real = assemble.load_catalog

    @functools.cache
    def kept(files: tuple[str, ...]) -> Catalog:
        return real(files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(folder / "home"))
        patch.setenv("DLTUI_THIRD_PARTY", "0")
        patch.chdir(folder)
        patch.setattr("dltui.core.catalog.entries.members", lambda family: named)
        patch.setattr(assemble, "load_catalog", lambda plugins=(), **how: kept(tuple(map(str, plugins))))
        yield folder
