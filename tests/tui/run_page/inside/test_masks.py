"""The tabs of a segmentation: the worst masks with their colors or signs, and the IoU of each class."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.analysis.masks.worst import find
from dltui.core.train import predictions
from dltui.tui.draw.styled_text import Look, cells, plain
from dltui.tui.run_page.inside.cursor import ClassCursor
from dltui.tui.run_page.inside.labels import LabelCursor
from dltui.tui.run_page.inside.masks import ious, worst
from tests.core.analysis.test_masks import made
from tests.helpers.sample_run import make_sample_run
from tests.tui.run_page.inside.test_tabs import opened
from tests.tui.scenario import FakeServices, shown, text
from tests.tui.test_screens import THEMES, SvgExtension, TextExtension

NAMES = ["road", "car", "tree", "a sign of the road"]
FOUND = find(made(), NAMES)
LETTERS = Look(ascii=True, mono=True)


@pytest.mark.parametrize("look", [Look(), LETTERS], ids=["colors", "signs"])
@pytest.mark.parametrize(("width", "height"), [(80, 18), (200, 44), (40, 5), (80, 9)])
def test_rows_fit(width: int, height: int, look: Look) -> None:
    of_classes = ious(FOUND.matrix, ClassCursor(), 0.5, width, height)
    for rows in (worst(FOUND, LabelCursor(), width, height, look), of_classes):
        assert len(rows) <= height
        assert all(cells(row) == width for row in rows)


def test_worst_masks_in_signs(snapshot: SnapshotAssertion) -> None:
    rows = worst(FOUND, LabelCursor(), 80, 18, LETTERS)
    assert "\n".join(plain(rows)) == snapshot(extension_class=TextExtension)


def test_a_pair_of_classes_has_its_share_or_the_line_says_that_more_was_lost() -> None:
    lost = tuple((true, said, 0.123) for true, said in (("road", "car"), ("car", "tree"), ("tree", "a sign")))
    found = replace(FOUND, worst=(replace(FOUND.worst[0], lost=lost), *FOUND.worst[1:]))
    for width in range(60, 121):
        line = plain(worst(found, LabelCursor(), width, 5, Look()))[-3].rstrip()
        assert line.startswith(" ›")
        pairs, shares = line.count(" → "), line.count("12.3 %")
        assert pairs == shares == 3 or line.endswith("…")
        assert pairs == shares or (pairs == 1 and shares == 0)


def test_a_cursor_chooses_the_image_and_no_wrong_pixel_is_said_to_be_there() -> None:
    cursor = LabelCursor()
    cursor.move(3, len(FOUND.worst))
    lines = plain(worst(FOUND, cursor, 120, 18, LETTERS))
    assert next(line for line in lines if line.startswith(" ›")).split()[1:3] == FOUND.worst[3].name.split()
    none = replace(FOUND, worst=())
    assert "every pixel is right" in "\n".join(plain(worst(none, cursor, 80, 18, LETTERS)))


def test_classes_are_ordered_by_their_iou_or_as_asked() -> None:
    def order(number: int) -> list[str]:
        return [line[3:21].strip() for line in plain(ious(FOUND.matrix, ClassCursor(number), 0.5, 80, 10))[2:]]

    lowest = sorted(FOUND.matrix.scores(), key=lambda score: score.iou or 0.0)
    assert order(0) == [score.name for score in lowest]
    assert order(4) == NAMES
    assert order(3)[0] == "road"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tab", ["confusion", "mistakes", "iou"])
async def test_picture(services: FakeServices, snapshot: SnapshotAssertion, tab: str, theme: str) -> None:
    run = make_sample_run(services.root, run_id="masked")
    asked = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps({**asked, "task": "segmentation", "model": "unet-torch", "dataset": "streets"}))
    predictions.write(run.predictions_dir / "test.npz", made())
    async with shown(services, (120, 40), THEMES[theme], run="masked") as (app, pilot):
        await opened(pilot, app, {"confusion": "2", "mistakes": "3", "iou": "4"}[tab])
        assert {"confusion": "pixels", "mistakes": "street", "iou": "mean IoU"}[tab] in text(app)
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)
        await pilot.press("down", "o", "enter")
