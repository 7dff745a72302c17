"""The pages for agents: every command in them is one that dltui parses, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from dltui.tui.cli.agents import control, reading
from dltui.tui.cli.main import cli

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("skill/SKILL.md", "llms.txt", "agents.md", "events.md")
DYNAMIC = {"train", "fork"}
"""Commands whose flags come from the catalog: those are looked up where hyperparameters are declared."""


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


def parse(words: list[str]) -> None:
    """Parse a command line as dltui does, without carrying it out."""
    command: click.Command | None = cli
    context = click.Context(cli, info_name="dltui", **cli.context_settings)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(context, words[0])
        if inner is None:
            break
        command, context, words = inner, click.Context(inner, info_name=words[0], parent=context), words[1:]
    assert command is not None
    assert command is not cli, words
    if command.name in DYNAMIC:
        known = {"--epochs", "--lr"} | {name for one in command.params for name in one.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
        return
    with context:
        command.make_context(command.name, list(words), parent=context.parent)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_pages_are_parsed(page: str) -> None:
    found = commands(page)
    assert found
    for words in found:
        parse(words)
    with pytest.raises(click.UsageError):
        parse(["wait", "RUN", "--untill", "x"])


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)\)", (DOCS / page).read_text())
    assert [target for target in targets if not ((DOCS / page).parent / target).exists()] == []


def test_the_page_names_every_tool() -> None:
    text = (DOCS / "agents.md").read_text()
    for tool in (*reading.TOOLS, *control.TOOLS):
        assert f"`{tool.__name__}`" in text
