"""The files for other schedulers can be read, and the commands in them and in docs/launchers.md are dltui's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from dltui.tui.cli.main import cli
from tests.helpers import known_catalog

yaml = pytest.importorskip("yaml")
DOCS = Path(__file__).parents[2] / "docs"
TOP = {
    "skypilot.yaml": {"name", "resources", "file_mounts", "envs", "setup", "run"},
    "dstack.yml": {
        "type", "name", "python", "env", "commands", "volumes", "resources", "spot_policy", "retry",
    },
    "kubernetes-job.yaml": {"apiVersion", "kind", "metadata", "spec"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: known_catalog.Fill) -> None:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))


def texts(value: Any) -> Iterator[str]:
    """All texts in a document."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(item)


def commands(text: str) -> list[list[str]]:
    """The words of each dltui command in lines of a shell."""
    return [shlex.split(found) for found in re.findall(r"(?<![\w'/-])dltui ([a-z].*?)(?:;|$)", text, re.MULTILINE)]


def parse(words: list[str]) -> None:
    """Parse a command as dltui does, without carrying it out."""
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, words
    command.make_context(words[0], words[1:])


@pytest.mark.parametrize("name", TOP)
def test_a_file_is_read_and_its_commands_are_known(name: str) -> None:
    content = yaml.safe_load((DOCS / name).read_text())
    assert content.keys() == TOP[name]
    found = [words for text in texts(content) for words in commands(text)]
    assert [words[0] for words in found] == ["resume", "train"]
    for words in found:
        parse(words)


def test_the_commands_of_the_page_are_known() -> None:
    page = (DOCS / "launchers.md").read_text()
    found = [shlex.split(line) for line in re.findall(r"^\$ dltui (.*)$", page, re.MULTILINE)]
    assert len(found) >= 6
    for words in found:
        parse(words)
    for name in TOP:
        assert f"({name})" in page


def test_the_page_tells_all_options_of_slurm() -> None:
    from dltui.plugins.launchers.slurm import SlurmOptions

    page = (DOCS / "launchers.md").read_text()
    assert [name for name in SlurmOptions.model_fields if f"`{name}`" not in page] == []
