"""The pages for agents: every command in them is one that dltui parses, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from dltui.tui.cli.agents import control, reading
from tests.docs.written import parse

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("skill/SKILL.md", "llms.txt", "agents.md", "events.md")


def commands(page: str) -> list[list[str]]:
    """The command lines of a page: in blocks of shell, and between backticks."""
    text = (DOCS / page).read_text()
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    lines += re.findall(r"`(dltui [^`]+)`", text)
    found = []
    for line in lines:
        words = shlex.split(line)
        if words[:1] == ["dltui"]:
            end = next((number for number, word in enumerate(words) if word in ("&&", "|", ">")), len(words))
            found.append(words[1:end])
    return found


def example(words: list[str]) -> tuple[str, ...]:
    """A command line with names in place of MODEL and DATASET."""
    names = {"MODEL": "cnn-torch", "DATASET": "digits", "NAME": "first"}
    return tuple(names.get(word, word) for word in words)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_pages_are_parsed(home: Path, page: str) -> None:
    found = commands(page)
    assert found
    for words in found:
        parse(example(words))
    with pytest.raises(click.UsageError):
        parse(("wait", "RUN", "--untill", "x"))


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)\)", (DOCS / page).read_text())
    assert [target for target in targets if not ((DOCS / page).parent / target).exists()] == []


def test_the_page_names_every_tool() -> None:
    text = (DOCS / "agents.md").read_text()
    for tool in (*reading.TOOLS, *control.TOOLS):
        assert f"`{tool.__name__}`" in text
