"""The gallery is what docs/gallery.py makes of its results, its figures are there, and the results are good."""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "exports" / "gallery"
LEAST = {"softmax": 84.3, "mlp": 89.2, "cnn": 92.0}


@pytest.fixture(scope="module")
def texts() -> Any:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import gallery_text
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return gallery_text


@pytest.fixture(scope="module")
def results(texts: Any) -> dict[str, Any]:
    found: dict[str, Any] = texts.read(GALLERY / "results.json")
    return found


def accuracies(texts: Any, results: dict[str, Any], name: str, framework: str) -> list[float]:
    return [100 * run["test_accuracy"] for run in texts.runs(results, name, framework)]


def test_texts_are_those_of_the_results(texts: Any, results: dict[str, Any]) -> None:
    readme = (ROOT / "README.md").read_text()
    assert texts.with_results(readme, results) == readme
    assert (GALLERY / "README.md").read_text() == texts.page(results)


@pytest.mark.parametrize("page", [ROOT / "README.md", GALLERY / "README.md"], ids=["README", "gallery"])
def test_every_picture_and_link_is_there(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r'(?:src|href)="([^"]+)"', text) + re.findall(r"\]\(([^)\s]+)\)", text)
    local = {target.partition("#")[0] for target in targets if not target.startswith(("http", "#"))}
    assert local
    assert [target for target in sorted(local) if not (page.parent / target).exists()] == []


def test_figures_are_valid_and_name_no_machine() -> None:
    figures = sorted(GALLERY.glob("*/*.svg"))
    assert len(figures) == 2 * (1 + 3 * 4)
    for figure in figures:
        assert ElementTree.parse(figure).getroot().tag.endswith("svg"), figure
    for file in [*figures, GALLERY / "results.json"]:
        assert not re.search(r"/(?:home|root|tmp|work|Users)/", file.read_text()), file


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_accuracies_are_what_we_promise(texts: Any, results: dict[str, Any], name: str, framework: str) -> None:
    found = accuracies(texts, results, name, framework)
    assert len(found) == 3
    assert statistics.mean(found) >= LEAST[name]


def test_longer_recipes_are_those_that_the_texts_tell(texts: Any, results: dict[str, Any]) -> None:
    assert {run["architecture"] for run in results["recipes"]} == set(texts.RECIPES)
    for run in results["recipes"]:
        assert len(texts.runs(results, run["architecture"], run["framework"])) == texts.SEEDS
        assert f" {texts.RECIPES[run['architecture']]} --threads 1 --seed {run['seed']} " in run["command"]
        assert f"| {texts.accuracy(texts.runs(results, run['architecture'], run['framework']))}" in texts.table(results)


@pytest.mark.parametrize("name", LEAST)
def test_twins_are_equally_good(texts: Any, results: dict[str, Any], name: str) -> None:
    one, other = (statistics.mean(accuracies(texts, results, name, of)) for of in ("torch", "tensorflow"))
    assert abs(one - other) < 0.5


def test_the_command_beside_the_records_measures_these_alone(texts: Any) -> None:
    """Without targets the test split of every recipe would be measured, also of those that are no records."""
    row = "| 2026-11-30 | 92 % | 1.0 s | 1 s | 92.2 % | 92.8 % | 5 | cnn-torch epochs=10 | a chip, PyTorch 2 |\n"
    assert "--data-dir FOLDER --targets 92,93 --record`" in texts.speedrun(row + row.replace("92 %", "93 %"))
