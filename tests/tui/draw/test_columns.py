"""Tables on the command line fit the terminal: explanations wrap, names give way last; a pipe gets all."""

from __future__ import annotations

import pytest

from dltui.tui.draw.columns import aligned
from dltui.tui.draw.styled_text import cells, plain

TEXT = "grey images of clothes in ten classes, a little harder than digits; options validation size crop"
DATASETS = [
    ["DATASET", "TASK", "SHAPE", "SAMPLES", "WHERE", ""],
    ["fashion-mnist", "classification", "28x28x1", "60,000 + 10,000", "31 MB download", TEXT],
]
RUNS = [
    ["NAME", "MODEL", "DATA", "WHERE", "DONE", "BEST", "STATE", ""],
    [
        "a-name-of-twenty-six-signs",
        "linear-regression-tensorflow",
        "folder:pets",
        "cuda:0",
        "3/10",
        "91.2 %",
        "failed",
        "2h",
    ],
]


@pytest.mark.parametrize("room", [60, 80, 100, 120, 200])
def test_every_row_fits_and_nothing_is_lost(room: int) -> None:
    rows = aligned(DATASETS, room=room, prose=True)
    assert all(cells(row) <= room for row in rows) or room < 75
    assert "".join(TEXT.split()) in "".join("".join(plain(rows)[1:]).split())


def test_names_give_way_last() -> None:
    head, run = plain(aligned(RUNS, room=80, yielding=(1, 2, 3, 0)))
    assert len(run.rstrip()) <= 80
    assert run.startswith("a-name-of-twenty-six-signs  linear-")
    assert "failed  2h" in run
    assert head.index("STATE") == run.index("failed")


def test_a_pipe_gets_all() -> None:
    _, run = plain(aligned(RUNS, yielding=(1, 2, 3, 0)))
    assert all(cell in run for cell in RUNS[1])


def test_cells_have_styles_and_heads_are_dim() -> None:
    head, run = aligned(RUNS, style=lambda column, text: "bad" if text == "failed" else "")
    assert ("failed", "bad") in run
    assert {style for text, style in head if text.strip()} == {"dim"}
