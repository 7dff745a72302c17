"""The commands that the README and the documentation tell people to type, and dltui's own parser for them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from dltui.tui.cli.main import cli

ROOT = Path(__file__).parents[2]
GENERATED = ("commands.md", "hyperparameters.md", "lookup.md")
PAGES = ("README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))), "docs/skill/SKILL.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = ("", "sh", "bash", "console")
ENDS = ("&&", "||", "|", ">", ";")
"""The words that end a command of a shell."""

RUNS = ("RUN", "OTHER", "first", "second", "night", "main", "branch")
"""The names of runs that the pages use."""
OF_A_TUTORIAL = ("tiny-torch", "tiny-tensorflow", "my-net", "my-net-torch", "my-net-tensorflow")
"""Models that a reader has made before: `test_plugins_doc` carries out what is about them."""


def pages() -> list[str]:
    """The pages that people wrote."""
    return [page for page in PAGES if Path(page).name not in GENERATED]


def commands(page: str) -> list[tuple[str, ...]]:
    """The command lines in the blocks of a page, without `dltui`, each once."""
    found: dict[tuple[str, ...], None] = {}
    for language, block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if language not in SHELLS:
            continue
        console = re.search(r"^\$ ", block, re.MULTILINE) is not None
        for line in block.replace("\\\n", " ").splitlines():
            if "dltui" not in line or (console and not line.startswith("$ ")):
                # What a command said.
                continue
            found |= dict.fromkeys(_of_line(line.removeprefix("$ ")))
    return list(found)


def _of_line(line: str) -> list[tuple[str, ...]]:
    """The commands of a line, whose explanation stands behind two spaces or a number sign."""
    inside = re.findall(r"\$\((dltui [^)]*)\)", line)
    if inside:
        return [tuple(shlex.split(text)[1:]) for text in inside]
    words = shlex.split(re.split(r"(?<=\S) {2,}", line.strip())[0], comments=True)
    found: list[tuple[str, ...]] = []
    current: list[str] | None = None
    for word in words:
        if word == "dltui" and not current:
            current = []
        elif word in ENDS:
            found += [tuple(current)] if current is not None else []
            current = None
        elif current is not None:
            current.append(word)
    return [*found, *([tuple(current)] if current is not None else [])]


def parse(words: tuple[str, ...]) -> None:
    """Parse a command line as dltui does, every option and its value, without carrying it out. Raises what it does."""
    command: click.Command = cli
    context = click.Context(cli, info_name="dltui", **cli.context_settings)
    left = list(words)
    while isinstance(command, click.Group) and left and not left[0].startswith("-"):
        inner = command.get_command(context, left[0])
        if inner is None and command is cli:
            cli.resolve_command(context, left)
        if inner is None:
            break
        command, left = inner, left[1:]
        context = click.Context(command, info_name=words[0], parent=context)
    try:
        command.make_context(str(command.name), left, parent=context.parent)
    except click.exceptions.Exit:
        # --help
        return


ALL = sorted({words for page in pages() for words in commands(page) if not set(OF_A_TUTORIAL) & set(words)})
