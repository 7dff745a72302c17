"""Reads a document with files and console sessions in it, carries it out, and compares what is said with what was."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"(?:^<!-- file: (\S+) -->\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class File:
    name: str
    content: str


@dataclass(frozen=True)
class Command:
    line: str
    output: tuple[str, ...]


def section(text: str, heading: str) -> str:
    """The part of a document below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no section {heading}"
    return found.group(1)


def steps(text: str) -> Iterator[File | Command]:
    """What a reader does, in order."""
    for name, language, content in BLOCK.findall(text):
        if name:
            yield File(name, content)
        elif language == "console":
            yield from _commands(content)


def _commands(content: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
        line, *output = part.rstrip("\n").split("\n")
        yield Command(line, tuple(output))


def carry_out(text: str, folder: Path, environment: Mapping[str, str]) -> int:
    """Do all steps in a folder; the number of commands. Raises AssertionError where the output is another."""
    count = 0
    for step in steps(text):
        if isinstance(step, File):
            (folder / step.name).write_text(step.content)
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", step.line],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        assert matches(step.output, done.stdout), f"$ {step.line}\n{done.stdout}\nwas to be\n" + "\n".join(step.output)
        count += 1
    return count


def matches(wanted: tuple[str, ...], given: str) -> bool:
    """Line by line. A line `...` is any number of lines, `...` in a line any text; every number is as good as another:
    hardware and versions decide the last digits."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else _line(line) + r"[ ]*\n" for line in wanted)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in given.splitlines())) is not None


def _line(line: str) -> str:
    parts = []
    for part in re.split(r"\s*\.\.\.\s*", line):
        texts = [re.escape(text).replace(r"\ ", " ") for text in NUMBER.split(part)]
        parts.append(NUMBER.pattern.join(re.sub(" +", " +", text) for text in texts))
    return ".*".join(parts)
