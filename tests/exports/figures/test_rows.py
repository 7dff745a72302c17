"""Misclassified texts as rows: no letter is lost but behind the last line, in whatever script."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.analysis.mistakes import Mistake, Mistakes
from dltui.exports.figures import style
from dltui.exports.figures.samples import rows

ROOM = style.WIDTH - rows.LABELS - 0.3


def of_text(text: str) -> Mistakes:
    """The mistakes of a single sample with this text."""
    one = Mistake(7, 0, ((1, 0.9),), 0)
    return Mistakes("test", 1, ("a", "b"), (one,), 9, 1, np.zeros((0, 0, 0, 0)), (text,))


@pytest.mark.parametrize(
    "text",
    ["中文" * 150, "WIDE CAPITALS " * 30, "iiiii " * 150, "x" * 500, "a short one", "姓名  ·  " + "文" * 200],
)
def test_what_does_not_fit_into_a_line_is_in_the_next(text: str) -> None:
    found = of_text(text)
    with style.applied():
        lines = rows._lines(found, found.all[0])
        assert all(style.text_width(line, style.SMALL) <= ROOM for line in lines)
        assert len(lines) <= rows.MOST_LINES
        drawn = rows.draw_rows("a title", found)
    assert [line for line in lines if "…" in line[:-1]] == []
    whole, kept = text.replace(" ", ""), "".join(lines).replace(" ", "")
    assert whole.startswith(kept.removesuffix("…"))
    assert (whole == kept) is not kept.endswith("…")
    assert set(lines) <= {one.get_text() for one in drawn.axes[0].texts}
    if len(lines) == rows.MOST_LINES:
        assert all(style.text_width(line, style.SMALL) > 0.6 * ROOM for line in lines[:-1]), "lines are used"


def test_words_stay_whole() -> None:
    found = of_text("several words of a usual length " * 9)
    with style.applied():
        lines = rows._lines(found, found.all[0])
    assert {word for line in lines for word in line.split()} == {"several", "words", "of", "a", "usual", "length"}
