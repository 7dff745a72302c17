"""Small pieces of HTML; all values are escaped as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from dltui.core.text import clean, clean_line


def text(value: object, limit: int = 1000) -> str:
    """A value as a single line of escaped text, whatever it contains."""
    return escape(clean_line(value, limit))


def block(value: object) -> str:
    """Several lines of text with their breaks kept."""
    return f"<pre>{escape(clean(value))}</pre>"


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    numbers: frozenset[int] = frozenset(),
    best: int | None = None,
) -> str:
    """A table as HTML; columns in `numbers` are right-aligned; the row `best` is marked."""
    marks = ['<th scope="col" class="number">' if n in numbers else '<th scope="col">' for n in range(len(head))]
    lines = ["".join(f"{mark}{text(name)}</th>" for mark, name in zip(marks, head, strict=True))]
    body = []
    for place, row in enumerate(rows):
        cells = "".join(
            f'<td class="number">{text(cell)}</td>' if n in numbers else f"<td>{text(cell)}</td>"
            for n, cell in enumerate(row)
        )
        body.append(f'<tr class="best">{cells}</tr>' if place == best else f"<tr>{cells}</tr>")
    head_row = f"<thead><tr>{lines[0]}</tr></thead>"
    return f'<div class="wide"><table>{head_row}<tbody>\n' + "\n".join(body) + "\n</tbody></table></div>"


def folded(title: str, content: str) -> str:
    return f"<details><summary>{text(title)}</summary>{content}</details>"


def section(title: str, *parts: str) -> str:
    """A section as HTML; "" without content."""
    content = "\n".join(part for part in parts if part)
    return f"<section><h2>{text(title)}</h2>\n{content}\n</section>" if content else ""
