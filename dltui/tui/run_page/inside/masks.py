"""The masks of a segmentation: the IoU of each class, and the worst images beside their true and predicted masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dltui.core.text import plural
from dltui.tui.draw.picture import picture
from dltui.tui.draw.styled_text import Row, beside, cells, cut_left, ends, fit, left, on, right, window
from dltui.tui.run_page.compact.columns import Columns, columns, percent, row_of_class
from dltui.tui.run_page.inside.confusion import where

if TYPE_CHECKING:
    from dltui.core.analysis.confusion import Matrix, Score
    from dltui.core.analysis.masks.worst import Masks, Wrong
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.inside.cursor import ClassCursor
    from dltui.tui.run_page.inside.labels import LabelCursor

NAME, NUMBER = 18, 13
ORDERS = ("lowest IoU first", "by precision", "by recall", "by pixels", "in their order")
HEADS = ("pixels", "IoU", "precision", "recall")
IMPORTANT = (1, 3, 2, 0)
"""The places of the columns, the most important first."""
SORTED = (2, 3, 4, 1, 0)
"""The column that each order follows."""
TITLES = ("image", "true classes", "predicted classes", "wrong pixels")
LEAST_LIST = 4
"""Rows of the list that pictures leave room for."""
SMALLEST = 6
"""Rows below which pictures show nothing."""
SIGNS = ".123456789abcdefghijklmnopqrstuvwxyz"
"""What stands for a class where there are no colors."""
GAP = "   "
SHARE = 0.75
"""How much of a class's color is in an overlay."""
PIXELS = 48
"""Rows of pixels that a picture has at most: larger ones are no clearer."""


def ordered(matrix: Matrix, order: int) -> list[Score]:
    """The classes in the order of that number in ORDERS."""
    keys = (
        lambda score: _low(score.iou),
        lambda score: _low(score.precision),
        lambda score: _low(score.recall),
        lambda score: -score.true,
        lambda score: score.number,
    )
    return sorted(matrix.scores(), key=keys[order])


def ious(matrix: Matrix, state: ClassCursor, mean: float, width: int, height: int) -> list[Row]:
    """A row per class, with a cursor; the column of the sort order is marked."""
    by = SORTED[state.order]
    layout = columns(width, NAME, NUMBER, [by - 1, *IMPORTANT] if by else IMPORTANT)
    header: Row = [("   ", ""), (left("CLASS", layout.name), "dim" if by else "bold")]
    header += [(right(HEADS[at], NUMBER), "bold" if at == by - 1 else "dim") for at in layout.shown]
    title: Row = [(" classes ", "heading"), (f" {where(matrix)}, {ORDERS[state.order]}", "")]
    rows: list[Row] = [
        ends(title, [(f"mean IoU {percent(mean)} ", "bold")], width),
        header,
    ]
    scores = ordered(matrix, state.order)
    at = min(state.at, len(scores) - 1)
    for number in window(len(scores), at, max(1, height - 2)):
        row = fit(_row(scores[number], layout, width, number == at), width)
        rows.append(on(row, "selected") if number == at else row)
    return [fit(row, width) for row in rows]


def _row(score: Score, layout: Columns, width: int, chosen: bool) -> Row:
    cells = (
        (f"{score.true:,}", "dim"),
        (percent(score.iou), "bold"),
        (percent(score.precision), ""),
        (percent(score.recall), ""),
    )
    return row_of_class(score.name, cells, score.iou, layout, NUMBER, width, chosen)


def worst(found: Masks, cursor: LabelCursor, width: int, height: int, look: Look) -> list[Row]:
    """The pictures of the chosen image, the colors of the classes, and the list of the worst images."""
    title: Row = [(" mistakes ", "heading"), (f" {where(found.matrix)}", ""), ("   worst first", "dim")]
    end: Row = [(f"{found.wrong:,} of {plural(len(found.ious), 'image')} with a wrong pixel ", "dim")]
    if cells(title + end) > width:
        title, end = title[:2], [(f"{found.wrong:,} of {len(found.ious):,} wrong ", "dim")]
    rows = [ends(title, end, width)]
    if not found.worst:
        return [*rows, [], fit([("  every pixel is right", "good")], width)]
    at = min(cursor.at, len(found.worst) - 1)
    tall = min((height - 3 - LEAST_LIST), PIXELS // 2)
    if tall >= SMALLEST:
        rows += [*_pictures(found, at, width, tall, look), _legend(found, at, width, look)]
    head: Row = [("   ", ""), (left("IMAGE", NAME), "dim"), (right("IoU", 8), "dim"), (right("wrong", 9), "dim")]
    most = ("  most lost: true → predicted, share of the image", "  most lost: true → predicted", "  most lost")
    told = next((text for text in most if cells(head) + len(text) <= width), "")
    rows.append(fit([*head, (told, "dim")], width))
    for number in window(len(found.worst), at, max(height - len(rows), 1)):
        row = fit(_listed(found.worst[number], width, number == at), width)
        rows.append(on(row, "selected") if number == at else row)
    return rows


def _pictures(found: Masks, at: int, width: int, tall: int, look: Look) -> list[Row]:
    """The image, both masks and the wrong pixels side by side, each under its title."""
    room = (width - 2) // len(TITLES)
    size = room - 2, tall - 1
    signs = look.ascii or look.mono or look.few
    drawn = (_signs if signs else _colors)(found.images[at], found.true[at], found.said[at], *size, look)
    blocks: list[tuple[list[Row], int]] = [([], 2)]
    for name, picture_of in zip(TITLES, drawn, strict=True):
        # Without its last word where there is no room for it.
        title = name if len(name) <= room - 2 else name.split()[0][: room - 2]
        head: list[Row] = [[(title, "dim")]]
        blocks.append((head + picture_of, room))
    return [fit(row, width) for row in beside(blocks, max(len(block) for block, _ in blocks))]


def _colors(image: Any, true: Any, said: Any, columns: int, rows: int, look: Look) -> list[list[Row]]:
    """Pictures in the colors of the classes. Masks are reduced by the nearest pixel: mixed colors are of no class."""
    from dltui.core.tasks.segmentation import colors

    times = min(columns / true.shape[1], 2 * rows / true.shape[0], 1.0)
    size = [max(1, int(side * times)) for side in true.shape]
    true, said, small = (_nearest(pixels, *size) for pixels in (true, said, image))
    panels = [*(colors.overlay(small, mask, SHARE) for mask in (true, said)), colors.differences(small, true, said)]
    return [picture(pixels, columns, rows, look) for pixels in (image, *panels)]


def _signs(image: Any, true: Any, said: Any, columns: int, rows: int, look: Look) -> list[list[Row]]:
    """Pictures without colors: a sign for each class; of the wrong pixels that of their true class."""
    from dltui.core.tasks.segmentation import IGNORED

    times = min(columns / true.shape[1], 2 * rows / true.shape[0])
    size = max(1, int(true.shape[0] * times / 2)), max(1, int(true.shape[1] * times))
    true, said = _nearest(true, *size), _nearest(said, *size)
    found: list[list[Row]] = [picture(image, columns, rows, look)]
    for which, only in ((true, None), (said, None), (true, (true != said) & (true != IGNORED))):
        letters = [[_sign(value) for value in line] for line in which.tolist()]
        shown = only.tolist() if only is not None else None
        found.append(
            [
                [("".join(one if shown is None or shown[y][x] else " " for x, one in enumerate(line)), "")]
                for y, line in enumerate(letters)
            ]
        )
    return found


def _nearest(pixels: Any, height: int, width: int) -> Any:
    import numpy as np

    rows = (2 * np.arange(height) + 1) * pixels.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * pixels.shape[1] // (2 * width)
    return pixels[rows[:, None], columns]


def _sign(number: int) -> str:
    return SIGNS[number] if number < len(SIGNS) else "?"


def _legend(found: Masks, at: int, width: int, look: Look) -> Row:
    """The colors, or the signs, of the classes of an image."""
    import numpy as np

    from dltui.core.tasks.segmentation import IGNORED, colors

    row: Row = [("  ", "")]
    for which in np.union1d(found.true[at], found.said[at]).tolist():
        name = "not counted" if which == IGNORED else _name(found.matrix, which)
        color = "".join(f"{value:02x}" for value in colors.palette()[which])
        sign = (_sign(which), "bold") if look.ascii or look.mono or look.few else ("▀▀", f"pixel:{color}:{color}")
        more: Row = [sign, (f" {name}   ", "")]
        if cells(row + more) > width:
            row.append(("…", "dim"))
            break
        row += more
    return fit(row, width)


def _name(matrix: Matrix, number: int) -> str:
    return matrix.classes[number] if number < len(matrix.classes) else str(number)


def _listed(one: Wrong, width: int, chosen: bool) -> Row:
    """An image of the list, with as many of the pairs of classes that it lost most to as there is room for."""
    row: Row = [
        (" › " if chosen else "   ", "accent bold"),
        # Of a path its end tells more.
        (left(cut_left(one.name, NAME) or f"#{one.id}", NAME), "bold" if chosen else ""),
        (right(percent(one.iou), 8), "bold"),
        (right(percent(one.share), 9), "dim"),
        ("  ", ""),
    ]
    for number, (true, said, share) in enumerate(one.lost, 1):
        pair: Row = [(true, ""), (" → ", "dim"), (said, "validation")]
        lost: Row = [(f" {100 * share:.1f} %", "dim")]
        after = 0 if number == len(one.lost) else len(GAP) + 1
        if cells(row + pair + lost) + after > width:
            # A pair without its share is told only where it is the first.
            return [*row, *(pair if number == 1 else []), ("…", "dim")]
        row += [*pair, *lost, (GAP, "")]
    return row


def _low(value: float | None) -> float:
    """A sort key that puts low values first, unknown values last."""
    return 2.0 if value is None else value
