"""Pictures of the screen: SVG always, PNG where something that draws SVG is installed."""

from __future__ import annotations

import contextlib
import html
import re
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.message import Message

from dltui.core import fs
from dltui.core.errors import UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

FONTS = '"Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace'
_FACES = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)
_BRAILLE = re.compile(r'x="([0-9.]+)" (y="[0-9.]+") textLength="([0-9.]+)"( [^>]*)?>([^<]*[\u2801-\u28ff][^<]*)<')
BLANKS = " \u00a0\u2800"
WIDTH = 1600
"""Pixels across a PNG of 80 columns; others in proportion, at most four times as many."""


class Pictured(Message):
    """A message that a picture was written, or the reason why not."""

    def __init__(self, files: list[Path], problem: str = "") -> None:
        super().__init__()
        self.files, self.problem = files, problem


def alone(svg: str) -> str:
    """The picture without fonts from the network: nothing is fetched by whoever opens it."""
    # Leading blanks of a text count.
    svg = svg.replace('<svg class="rich-terminal"', '<svg xml:space="preserve" class="rich-terminal"', 1)
    svg = _FACES.sub("", svg).replace("Fira Code, monospace", FONTS)
    return _BRAILLE.sub(_placed, svg.replace("font-family: arial", "font-family: sans-serif"))


def _placed(found: re.Match[str]) -> str:
    """A text with a place for each letter: braille, of which curves are made, often comes from a wider font."""
    first, y, length, more, text = found.groups("")
    text = html.unescape(text)
    cell, at, places, letters = float(length) / cell_len(text), float(first), [], ""
    for letter in text:
        if letter not in BLANKS:
            places.append(f"{at:.1f}")
            letters += html.escape(letter)
        at += cell * cell_len(letter)
    return f'x="{" ".join(places)}" {y}{more}>{letters}<'


def write(svg: str, folder: Path, columns: int) -> list[Path]:
    """Write the picture under a name of its own; returns the files. Raises UsageError."""
    stem = time.strftime("screen-%Y%m%d-%H%M%S")
    number = 1
    svg = alone(svg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while (folder / f"{stem}.svg").exists():
            number += 1
            stem = f"{stem.partition('_')[0]}_{number}"
        fs.write_new(folder / f"{stem}.svg", svg.encode())
        data = png(svg, min(WIDTH * columns // 80, 4 * WIDTH))
        if data is not None:
            fs.write_new(folder / f"{stem}.png", data)
    except OSError as error:
        raise UsageError(f"no picture can be written to {clean_line(folder)}: {clean_line(error.strerror)}") from None
    return [folder / f"{stem}.{form}" for form in ("svg", *(("png",) if data is not None else ()))]


def png(svg: str, width: int) -> bytes | None:
    """The picture as PNG by the first that can; None where nothing that draws SVG is installed."""
    for draw in _RENDERERS:
        with contextlib.suppress(Exception):
            found = draw(svg, width)
            if found.startswith(b"\x89PNG"):
                return found
    return None


def _by_resvg(svg: str, width: int) -> bytes:
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width, font_dirs=_fonts()))


def _fonts() -> list[str]:
    """The folder of fonts that comes with matplotlib: many servers have no fonts, and a picture would have no text."""
    package = find_spec("matplotlib")
    folders = (package.submodule_search_locations or []) if package else []
    return [str(Path(folder, "mpl-data", "fonts", "ttf")) for folder in folders]


def _by_cairo(svg: str, width: int) -> bytes:
    import cairosvg

    return bytes(cairosvg.svg2png(bytestring=svg.encode(), output_width=width))


def _by_program(svg: str, width: int) -> bytes:
    program = shutil.which("rsvg-convert")
    if program is None:
        return b""
    command = [program, "--format", "png", "--width", str(width)]
    return subprocess.run(command, input=svg.encode(), capture_output=True, check=True, timeout=60).stdout


_RENDERERS: tuple[Callable[[str, int], bytes], ...] = (_by_resvg, _by_cairo, _by_program)
