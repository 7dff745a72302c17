"""The look of all figures: one page model in inches, one type scale, one color-blind-safe palette."""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dltui.exports import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1b1f24"
MUTED = "#5f6973"
RULE = "#c9ced4"
GRID = "#e7eaed"
PAPER = "#ffffff"
# Blue and vermilion of Okabe and Ito: they differ for every kind of color vision, and in gray by their line style.
BLUE = "#0072b2"
VERMILION = "#d55e00"
DEEP_BLUE = "#08306b"
PALE_BLUE = "#a9cfe6"
HEAD_BLUE = "#dcebf5"

TITLE, TEXT, SMALL, TINY = 10.0, 8.0, 7.0, 6.0
"""Sizes in points."""
WIDTH = look.WIDTH
NARROW = 5.0
"""Figures that are narrower have their panels one below the other."""
HEADING = 0.42
"""Inches of a title with the line below it."""
MORE_HEADING = 0.3
"""Inches that the heading of a narrow figure may need besides, where it has two lines of each."""
MARGIN = 0.16
SHARP, LARGEST = 224, 2_400
"""Pixels on the longer side of an embedded picture: at least, and at most where it has fewer of its own."""

# DejaVu Sans comes with matplotlib; the others are asked only for scripts that it lacks.
FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Source Han Sans", "PingFang SC", "Hiragino Sans",
    "Apple SD Gothic Neo", "WenQuanYi Zen Hei", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil",
    "Noto Sans Thai", "Noto Sans Hebrew", "Noto Sans Arabic", "FreeSans", "Arial Unicode MS",
)  # fmt: skip

_RC: dict[str, Any] = {
    "figure.dpi": 72.0,
    "savefig.dpi": 200.0,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "font.size": TEXT,
    "text.color": INK,
    # A dollar sign in a class name is a dollar sign, not mathematics.
    "text.parse_math": False,
    "axes.facecolor": PAPER,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.7,
    "axes.labelsize": TEXT,
    "axes.labelcolor": INK,
    "axes.titlesize": TEXT,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "xtick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "lines.solid_capstyle": "round",
    "image.interpolation": "none",
    # Else images of one page become one image, at the resolution of a screen.
    "image.composite_image": False,
    # Text as paths needs no font where the figure is opened, and the salt makes ids the same each time.
    "svg.fonttype": "path",
    "svg.hashsalt": "dltui",
    "pdf.fonttype": 42,
}


def width() -> float:
    """The width of a page in inches."""
    return look.look().width


def titled() -> bool:
    """True if figures have a heading."""
    return look.look().title


def narrow() -> bool:
    """True if panels do not fit side by side."""
    return width() < NARROW


@contextmanager
def applied() -> Iterator[None]:
    """Draw and save inside this context: a user's matplotlibrc is ignored, and a character that no font has
    is a box.
    """
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        for name, value in _RC.items():
            mpl.rcParams[name] = value  # type: ignore[index]
        mpl.rcParams["savefig.dpi"] = look.look().dpi
        mpl.rcParams["svg.fonttype"] = "none" if look.look().live_text else "path"
        mpl.rcParams["font.family"] = _families()
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def _families() -> list[str]:
    from matplotlib.font_manager import fontManager

    known = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in FALLBACKS if name in known)]


def page(height: float, wide: float | None = None) -> Figure:
    """An empty figure; height and width are in inches. `height` includes a heading, which may be left out."""
    heading = MORE_HEADING if narrow() else 0.0
    return Figure(figsize=(width() if wide is None else wide, height + heading if titled() else height - HEADING))


def place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a position in inches from the lower left corner."""
    page_width, page_height = figure.get_size_inches()
    box = (left / page_width, bottom / page_height, width / page_width, height / page_height)
    return figure.add_axes(box)


def two_panels(
    figure: Figure, top: float, edges: tuple[float, float, float], first: float = 0.5, titles: float = 0.3
) -> tuple[Axes, Axes]:
    """Two axes below `top` with room for titles: side by side, where the first has its part of the width, or one below
    the other. `edges` are the inches at the left, below and between.
    """
    left, bottom, gap = edges
    room, height = width() - left - MARGIN, top - bottom - titles
    if not narrow():
        room -= gap
        main = place(figure, left, bottom, room * first, height)
        return main, place(figure, left + room * first + gap, bottom, room * (1 - first), height)
    height = (height - bottom - titles) / 2
    # Half of the last number stands beyond the axis.
    room -= 0.12
    return place(figure, left, top - titles - height, room, height), place(figure, left, bottom, room, height)


def sheet(figure: Figure) -> Axes:
    """Add invisible axes over the whole page, in inches from the lower left corner."""
    width, height = (float(side) for side in figure.get_size_inches())
    axes = place(figure, 0, 0, width, height)
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return axes


def write(figure: Figure, x: float, y: float, text: str, **kwargs: Any) -> Any:
    """Write a text at a position in inches."""
    page_width, page_height = figure.get_size_inches()
    return figure.text(x / page_width, y / page_height, text, **kwargs)


def heading(figure: Figure, title: str, subtitle: str = "", reserved: float = 0.0) -> float:
    """Write a title, and a line below it that leaves `reserved` inches free at its right; returns the height in inches
    at which the rest may begin.
    """
    wide, height = (float(value) for value in figure.get_size_inches())
    room = wide - 2 * MARGIN
    top = height - MARGIN
    if not titled():
        return top
    if narrow():
        return _narrow_heading(figure, title, subtitle)
    write(figure, MARGIN, top, fit(title, room, TITLE, "bold"), fontsize=TITLE, fontweight="bold", va="top")
    if not subtitle:
        return top - 0.22
    write(figure, MARGIN, top - 0.21, fit(subtitle, room - reserved, TEXT), fontsize=TEXT, color=MUTED, va="top")
    return top - HEADING


def _narrow_heading(figure: Figure, title: str, subtitle: str) -> float:
    """Write title and subtitle in up to two lines each; the page becomes as high as it has to be."""
    wide, height = (float(value) for value in figure.get_size_inches())
    lines = [(text, TEXT + 0.5, "bold", INK, 0.15) for text in wrapped(title, wide - 2 * MARGIN, TEXT + 0.5, "bold")]
    lines += [(text, SMALL, "normal", MUTED, 0.125) for text in wrapped(subtitle, wide - 2 * MARGIN, SMALL)]
    used = sum(line[-1] for line in lines) + 0.1
    height -= HEADING + MORE_HEADING - used
    figure.set_size_inches(wide, height)
    top = height - MARGIN
    for text, size, weight, color, step in lines:
        write(figure, MARGIN, top, text, fontsize=size, fontweight=weight, color=color, va="top")
        top -= step
    return height - MARGIN - used


def wrapped(text: str, room: float, size: float, weight: str = "normal", most: int = 2) -> list[str]:
    """A text in at most so many lines of `room` inches, the last one cut. Words too long for a line are divided."""
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < most - 1:
        count = max(_fitting(rest, room, size, weight), 1)
        space = rest.rfind(" ", 0, count + 1)
        word = rest[space + 1 :].partition(" ")[0]
        if count < len(rest) and space > 0 and text_width(word, size, weight) <= room:
            count = space
        lines.append(rest[:count].rstrip())
        rest = rest[count:].lstrip()
    return [*lines, fit(rest, room, size, weight)] if rest else lines


@functools.cache
def _renderer() -> Any:
    return FigureCanvasAgg(Figure(dpi=72)).get_renderer()  # type: ignore[no-untyped-call]


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """The width of a text in inches."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=mpl.rcParams["font.family"], size=size, weight=weight)
    return float(_renderer().get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def fit(text: str, room: float, size: float, weight: str = "normal") -> str:
    """The text, shortened with an ellipsis to `room` inches."""
    if text_width(text, size, weight) <= room:
        return text
    return text[: _fitting(text, room, size, weight, "…")].rstrip() + "…"


def _fitting(text: str, room: float, size: float, weight: str, end: str = "") -> int:
    """How many characters of a text fit into `room` inches, with `end` behind them."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + end, size, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def fit_all(texts: list[str], room: float, size: float) -> list[str]:
    """`fit` of each text; texts that would end up equal keep their tails as well, so that they can be told apart."""
    short = [fit(text, room, size) for text in texts]
    return [
        _both_ends(text, room, size) if short.count(cut) > 1 and cut != text else cut
        for text, cut in zip(texts, short, strict=True)
    ]


def _both_ends(text: str, room: float, size: float) -> str:
    tail = text[-max(len(fit(text, room, size)) // 2 - 1, 1) :]
    return fit(text, max(room - text_width(tail, size), 0.0), size) + tail


def picture(axes: Axes, colors: Any, extent: tuple[float, float, float, float]) -> None:
    """Draw an image of RGB(A) or gray values in [0, 1] or uint8, whose pixels stay sharp squares in every viewer.

    Many viewers smooth small images whatever the file says; each pixel is therefore many.
    """
    import numpy as np

    side = max(colors.shape[:2])
    times = max(min(max(6, SHARP // side), LARGEST // side), 1)
    large = np.repeat(np.repeat(colors, times, axis=0), times, axis=1)
    axes.imshow(large, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
