"""Examines the standard streams, writes plain lines to them, and copes with an output that takes no more."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Loss:
    """The reason why standard output takes no more, and the words about the run that goes on without it."""

    # No dataclass: importing those would be a tenth of the time of `--help`.
    def __init__(self) -> None:
        self.error: OSError | None = None
        self.words = ""


_loss = _Loss()


def is_terminal() -> bool:
    """True if standard input and output are a terminal that understands control codes."""
    return terminal_output() and sys.stdin is not None and sys.stdin.isatty()


def can_ask() -> bool:
    """True if somebody at a terminal can answer a question, also where the output goes elsewhere."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def confirmed(question: str, named: bool, yes: bool) -> bool:
    """True if what deletes or ends something may go on: with `yes`, by the answer to the question, and where nobody can
    be asked if it was `named` in full. Raises UsageError otherwise.
    """
    import click

    from dltui.core.errors import UsageError

    if yes:
        return True
    if can_ask():
        # Standard output may be a file or a pipe.
        return click.confirm(visible(question), err=True)
    if not named:
        raise UsageError(f"cannot ask here: {question} Give the whole name, or --yes")
    return True


def terminal_output() -> bool:
    """True if standard output is a terminal that understands control codes; TERM=dumb and CI mean plain lines."""
    return _understands(sys.stdout)


def terminal_errors() -> bool:
    """The same of standard error."""
    return _understands(sys.stderr)


def _understands(stream: TextIO | None) -> bool:
    if os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("CI", "") not in ("", "0", "false"):
        return False
    return stream is not None and stream.isatty()


def can_show(text: str) -> bool:
    """True if standard output's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def spelled(text: str) -> str:
    """The text with characters that standard output cannot show replaced."""
    from dltui.tui.draw.styled_text import to_ascii

    return text if can_show(text) else to_ascii(text)


class Output(io.TextIOWrapper):
    """Standard output of the command line. When it takes no more, that is said once and does no harm."""

    def write(self, text: str) -> int:
        with losing():
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with losing():
            super().flush()


@contextlib.contextmanager
def losing() -> Iterator[None]:
    """Write to standard output until it takes nothing more."""
    try:
        yield
    except OSError as error:
        lose(error)


def prepare_streams() -> None:
    """Configure the streams so that a character that the locale lacks becomes an escape instead of an exception, and
    an output that fails or is closed does no harm.
    """
    _open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper) and not isinstance(sys.stdout, Output):
        encoding, by_line = sys.stdout.encoding, sys.stdout.line_buffering
        sys.stdout = Output(sys.stdout.detach(), encoding, "backslashreplace", line_buffering=by_line)
        sys.__stdout__ = sys.stdout  # type: ignore[misc]
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def _open_closed() -> None:
    """Open closed standard streams, so that no file that is opened later takes their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def say(text: str = "") -> None:
    """Write a line to standard output, without any control codes from other sources."""
    sys.stdout.write(visible(text) + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Write a line to standard error; an error stream that takes none is ignored."""
    sys.stdout.flush()
    tell(visible(text) + "\n")


def tell(text: str) -> None:
    """Write to standard error as it is, control codes too; an error stream that takes none is ignored."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        # What is left in its buffer would be written again, and fail again, at the end of the process.
        _silence(sys.stderr)


def lost() -> OSError | None:
    """The reason why standard output takes no more; None while it does."""
    return _loss.error


def when_lost(words: str) -> None:
    """Set the words for an output that takes no more: a run goes on without it, and its end decides the exit code."""
    _loss.words = words


def lose(error: OSError) -> None:
    """Say once that standard output takes no more, and discard all that is written to it from here on."""
    if _loss.error is not None:
        return
    _loss.error = error
    _silence(sys.stdout)
    closed = error.errno == errno.EPIPE
    if _loss.words or not closed:
        reason = "nobody reads the output any more" if closed else f"cannot write output: {error.strerror}"
        warn("; ".join([f"dltui: {reason}", *filter(None, [_loss.words])]))


def begin() -> None:
    """Begin a command line, which has lost nothing yet."""
    _loss.error, _loss.words = None, ""


def exit_code(code: int) -> int:
    """The exit code of a command line: that of its run, else 1 for an output that could not be written."""
    sys.stdout.flush()
    unsaid = _loss.error is not None and _loss.error.errno != errno.EPIPE and not _loss.words
    return code or 1 if unsaid else code


def _silence(stream: TextIO) -> None:
    """Let a stream lead nowhere, together with what is still in its buffer."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def say_json(value: object) -> None:
    """Write a JSON document to standard output; ASCII, so that no string in it can be a control code. What JSON cannot
    express, as NaN, is null.
    """
    import json

    from dltui.core.numbers import plain_json

    sys.stdout.write(json.dumps(plain_json(value), allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


def visible(text: str) -> str:
    """The text as one line with control characters made visible; the spaces of a table stay."""
    if text.isascii() and text.isprintable():
        return text
    from dltui.core.text import one_line

    return one_line(text)


def room() -> int:
    """The columns of the terminal that standard output is; 0 for a pipe, which may have lines of any length."""
    import shutil

    return shutil.get_terminal_size().columns if terminal_output() else 0


def table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as aligned lines; the columns in `right` are flush right."""
    from dltui.tui.draw.columns import aligned
    from dltui.tui.draw.styled_text import plain

    return [line.rstrip() for line in plain(aligned(rows, right))]


def say_table(rows: Sequence[Sequence[str]], **how: Any) -> None:
    """Print rows as aligned lines in the room of the terminal; `how` as for `aligned`."""
    from dltui.tui.draw.columns import aligned

    show_on_terminal(aligned(rows, room=room(), **how))


def show_on_terminal(rows: list[Any]) -> None:
    """Print rows of styled text; without a terminal their letters alone."""
    from dltui.tui.draw.styled_text import plain

    if not terminal_output():
        for line in plain(rows):
            say(spelled(line).rstrip())
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, highlight=False, emoji=False)
    for row in rows:
        spans = [(spelled(visible(text)), RICH_STYLES.get(style) or _rich(style)) for text, style in row]
        console.print(Text.assemble(*spans), no_wrap=True, overflow="crop", soft_wrap=True)


def _rich(style: str) -> str:
    """A style in Rich's words, including the two pixels of a half block."""
    kind, *colors = style.split(":")
    return f"#{colors[0]} on #{colors[1]}" if kind == "pixel" else style


RICH_STYLES = {
    "run0": "blue", "run1": "yellow", "run2": "green", "run3": "magenta", "run4": "cyan", "run5": "red",
    "heading": "bold", "dim": "dim", "faint": "dim", "rule": "dim", "best": "bold",
    "good": "green", "warn": "yellow", "bad": "red", "accent": "cyan", "bold": "bold",
}  # fmt: skip
