"""The command lines that the README and the pages of docs/ tell people to type: in blocks, and in code in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.docs import session
from tests.docs.written import BLOCK, ENDS, ROOT, SHELLS, pages

PROGRAMS = (
    "dltui", "python", "pip", "pytest", "ssh", "ssh-copy-id", "uv", "uvx", "pipx", "docker", "ls", "eval", "mkdir",
    "mv", "tar", "ruff", "mypy", "mkdocs", "lint-imports", "git", "apt", "apt-get", "brew", "conda", "curl", "wget",
    "jq", "export", "sbatch", "squeue", "kubectl", "sky", "dstack", "cd", "source", "npx", "sh", "bash", "sudo",
)  # fmt: skip
"""What a line of a block, or code in a text, begins with if it is a command. In blocks of `sh`, `bash` and `console`
every line is one."""
TUTORIALS = ("PyTorch", "TensorFlow")
"""Sections of docs/plugins.md that test_plugins_doc carries out literally."""
ABBREVIATED = ("...", "…")


@dataclass(frozen=True, order=True)
class Line:
    """A command line on a page; `fragment` if it only names a command, or is shortened."""

    text: str
    page: str
    fragment: bool = False


def lines() -> list[Line]:
    """Each line of each page once: a page's blocks, then the code in its text."""
    found: dict[Line, None] = {}
    for page in (*pages(), "docs/llms.txt"):
        text = (ROOT / page).read_text(encoding="utf-8")
        if page == "docs/plugins.md":
            for heading in TUTORIALS:
                text = text.replace(session.section(text, heading), "\n")
        found |= dict.fromkeys(Line(line, page) for line in in_blocks(text))
        found |= dict.fromkeys(Line(line, page, is_fragment(line)) for line in in_text(text))
    return list(found)


def in_blocks(text: str) -> list[str]:
    """The commands in fenced blocks, without what explains them."""
    found = []
    for language, block in BLOCK.findall(text):
        if language not in SHELLS:
            continue
        console = language == "console" or re.search(r"^\$ ", block, re.MULTILINE) is not None
        for line in block.replace("\\\n", " ").splitlines():
            command = without_explanation(line.removeprefix("$ "))
            if not command or (console and not line.startswith("$ ")):
                # What a command said.
                continue
            if console or language or command.split()[0] in PROGRAMS:
                found += command.split(" && ")
    return found


def without_explanation(line: str) -> str:
    """A line without what stands behind two spaces or a number sign."""
    return re.split(r"(?<=\S) {2,}|(?:^|\s)#\s", line.strip())[0].strip()


def in_text(text: str) -> list[str]:
    """The commands in code in the text: of a program with something behind it, or `dltui` itself."""
    prose = BLOCK.sub("", text)
    found = [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)]
    # The vertical line in a table is masked.
    found = [code.replace("\\|", "|") for code in found]
    return [code for code in found if code == "dltui" or (" " in code and code.split()[0] in PROGRAMS)]


def is_fragment(line: str) -> bool:
    """True for `dltui stop`, a name of what is told elsewhere, and for `dltui train ... --log NAME`."""
    words = line.split()
    named = words[0] == "dltui" and all(re.fullmatch(r"[a-z-]+", word) and word[0] != "-" for word in words[1:])
    return any(mark in line for mark in ABBREVIATED) or (named and len(words) <= 3)


def subcommands(line: str) -> set[tuple[str, ...]]:
    """The subcommands of dltui in a line, each as its first word and as its first two."""
    found = set()
    words = line.replace("(", " ").replace(")", " ").split()
    for number, word in enumerate(words):
        if word == "dltui":
            rest = words[number + 1 :]
            end = next((place for place, other in enumerate(rest) if other in ENDS), len(rest))
            found |= {tuple(rest[:1]), tuple(rest[: min(2, end)])}
    return found
