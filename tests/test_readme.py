"""The README keeps its promises: two set-up commands, links that lead somewhere, commands and files that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dltui.tui.cli.main import SECTIONS

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "exports/gallery/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
)  # fmt: skip
SET_UP = ("pip install -e '.[all]' && dltui demo", "pip install -e '.[all,dev]' && pytest")


def blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_readme_has_exactly_the_two_set_up_commands() -> None:
    lines = [line for block in blocks((ROOT / "README.md").read_text()) for line in block.splitlines()]
    assert [line for line in lines if "pip install" in line] == list(SET_UP)


def test_readme_opens_with_one_sentence_and_a_picture() -> None:
    _, sentence, picture = (ROOT / "README.md").read_text().split("\n\n")[:3]
    assert sentence.startswith("dltui trains deep-learning models")
    assert sentence.count(". ") == 0
    assert sentence.endswith(".")
    assert picture.startswith("![")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_resolve(name: str) -> None:
    text = (ROOT / name).read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    local = [target.partition("#")[0] for target in targets if not target.startswith(("http://", "https://", "#"))]
    assert [target for target in local if not ((ROOT / name).parent / target).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_anchors_are_headings(name: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)\s#]*)#([^)\s]+)\)", (ROOT / name).read_text()):
        if target.startswith("http"):
            continue
        headings = re.findall(
            r"^#+ (.+)$", ((ROOT / name).parent / target if target else ROOT / name).read_text(), flags=re.MULTILINE
        )
        assert anchor in [re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("name", ["README.md", "docs/reference.md"])
def test_commands_that_are_named_exist(name: str) -> None:
    known = {name for section in SECTIONS.values() for name in section}
    lines = [line for block in blocks((ROOT / name).read_text()) for line in block.splitlines()]
    used = {
        match for line in lines for match in re.findall(r"\bdltui ([a-z]+(?:-[a-z]+)*)\b", line) if "import" not in line
    }
    assert used
    assert used <= known


def test_the_tree_is_the_tree() -> None:
    tree = next(block for block in blocks((ROOT / "CONTRIBUTING.md").read_text()) if block.startswith("dltui/\n"))
    parents: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        parents[depth:] = [name]
        assert (ROOT / "".join(parents)).exists(), f"{''.join(parents)} is in CONTRIBUTING.md only"


def test_the_tree_names_every_folder() -> None:
    tree = next(block for block in blocks((ROOT / "CONTRIBUTING.md").read_text()) if block.startswith("dltui/\n"))
    named: dict[str, set[str]] = {}
    part = ""
    for line in tree.splitlines():
        if not line.startswith("    "):
            part = line.split()[0].rstrip("/")
        named.setdefault(part, set()).update(re.findall(r"(?<!\S)([\w-]+)/", line))
    for part in ("core", "plugins", "tui"):
        folders = {path.parent.name for path in (ROOT / "dltui" / part).glob("*/__init__.py")}
        assert folders - named[part] == set(), f"CONTRIBUTING.md does not name them in {part}/"


def requirements(*wanted: str, python: str = "3.12") -> set[str]:
    """The distributions that these requirements of the project name, with those of its own extras, for a Python."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    found: set[str] = set()
    for one in map(Requirement, wanted):
        if one.marker is not None and not one.marker.evaluate({"python_version": python}):
            continue
        if one.name == "dltui":
            found |= requirements(*(line for extra in one.extras for line in extras[extra]), python=python)
        else:
            found.add(canonicalize_name(one.name))
    return found


def test_what_the_checks_install_has_a_version_that_they_passed_with() -> None:
    """By the extras in `.ci/run`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    assert requirements(*project["dependencies"], "dltui[all,dev,ray]", "dltui[dev,diagram]") - pinned == set()


def test_all_is_installed_without_the_framework_that_a_python_lacks() -> None:
    older, newer = (requirements("dltui[all]", python=python) for python in ("3.13", "3.14"))
    assert "torch" in newer
    assert older - newer == {"keras", "tensorflow"}


def test_every_command_of_the_changelog_and_help_is_one() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    for name in (name for section in SECTIONS.values() for name in section):
        assert re.search(rf"`(dltui )?{name}\b", text), f"CHANGELOG.md does not name {name}"


@pytest.mark.parametrize("name", ["architecture.md", "where-to-change.md"])
def test_the_paths_that_a_page_names_exist(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    paths = {found for found in re.findall(r"`((?:dltui|core|tests|docs)/[\w./]+)`", text) if "<" not in found}
    assert len(paths) > 5
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "dltui" / path).exists(), f"{name} names {path}, which is not there"
