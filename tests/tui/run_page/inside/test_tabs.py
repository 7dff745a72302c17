"""The tabs that look inside of a model: what they show, what their keys do, and what is saved."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from dltui.core.analysis.confusion import Matrix
from dltui.core.analysis.evaluation import Evaluation
from dltui.core.analysis.mistakes import Filter, Mistake, Mistakes, parse
from dltui.core.data.findings.review import NAME, read_review
from dltui.core.rundir import log
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.draw import picture
from dltui.tui.draw.styled_text import Look, cells, plain
from dltui.tui.run_page.compact.columns import columns, row_of_class
from dltui.tui.run_page.compact.pairs import pairs
from dltui.tui.run_page.inside import classes, confusion, mistakes_view
from dltui.tui.run_page.inside.cursor import CellCursor, ClassCursor, MistakeCursor
from dltui.tui.terminal.capabilities import Terminal
from dltui.tui.terminal.theme_colors import PLAIN
from tests.helpers.sample_run import make_sample_run
from tests.tui.scenario import FakeServices, drawn, looked_inside, shown, text
from tests.tui.test_screens import ASCII, SIZES, THEMES, SvgExtension, TextExtension, looks

INSIDE = {"confusion": "2", "mistakes": "3", "classes": "4"}
LETTERS = Look(ascii=True, mono=True)


async def opened(pilot: Any, app: Any, key: str) -> Any:
    await pilot.press(key)
    await drawn(pilot, lambda: looked_inside(app.screen))
    return app.screen


@pytest.mark.parametrize(("theme", "size"), looks(THEMES))
@pytest.mark.parametrize("tab", INSIDE)
async def test_picture(
    services: FakeServices, snapshot: SnapshotAssertion, tab: str, theme: str, size: tuple[int, int]
) -> None:
    async with shown(services, size, THEMES[theme], run="bold-wren") as (app, pilot):
        await opened(pilot, app, INSIDE[tab])
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("tab", INSIDE)
async def test_ascii(services: FakeServices, snapshot: SnapshotAssertion, tab: str, size: tuple[int, int]) -> None:
    async with shown(services, size, ASCII, run="brisk-otter") as (app, pilot):
        await opened(pilot, app, INSIDE[tab])
        assert text(app).isascii()
        assert text(app) == snapshot(extension_class=TextExtension)


@pytest.mark.parametrize("tab", INSIDE)
async def test_sixteen_colors(services: FakeServices, snapshot: SnapshotAssertion, tab: str) -> None:
    async with shown(services, terminal=Terminal(theme=PLAIN), run="bold-wren") as (app, pilot):
        await opened(pilot, app, INSIDE[tab])
        assert app.export_screenshot() == snapshot(extension_class=SvgExtension)


@pytest.mark.parametrize("tab", INSIDE)
@pytest.mark.parametrize("run", ["dull-crab", "no-epoch"])
async def test_nothing_yet(services: FakeServices, tab: str, run: str) -> None:
    if run == "no-epoch":
        make_sample_run(services.root, status="failed", run_id=run, done=0)
    async with shown(services, run=run) as (app, pilot):
        await pilot.press(INSIDE[tab])
        await pilot.pause()
        assert ("after the first epoch" if run == "dull-crab" else "nothing was evaluated") in text(app)
        await pilot.press("down", "right", "enter", "space", "f", "o", "percent_sign", "slash", "pagedown")
        assert app.screen.tabs.mistakes.marks.unsaved == {}


async def test_a_cell_opens_its_mistakes(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "2")
        assert "true Coat, predicted Pullover: 16" in text(app)
        await pilot.press("right", "right", "left", "left", "enter")
        await drawn(pilot, lambda: page.view.mistakes is not None)
        assert "only Coat → Pullover: 16" in text(app)
        assert all((one.true, one.said) == (4, 2) for one in page.view.mistakes.shown(page.tabs.mistakes.cursor.filter))


async def test_the_diagonal_opens_the_whole_class(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "2")
        await pilot.press("right", "right", "enter")
        await drawn(pilot, lambda: page.view.mistakes is not None)
        assert page.tabs.mistakes.cursor.filter == Filter(4)


async def test_a_class_opens_its_mistakes(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "4")
        assert "hardest first" in text(app)
        await pilot.press("enter")
        await drawn(pilot, lambda: page.view.mistakes is not None)
        assert page.tabs.mistakes.cursor.filter == Filter(6)
        assert "only Shirt → any" in text(app)


@pytest.mark.parametrize(("tab", "name"), [("2", "Confusion"), ("4", "Classes")])
async def test_escape_goes_back_to_where_the_mistakes_were_opened_from(
    services: FakeServices, tab: str, name: str
) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, tab)
        await pilot.press("enter")
        await drawn(pilot, lambda: page.view.mistakes is not None)
        await pilot.press("escape")
        assert (app.screen, page.tabs.open.name) == (page, name)
        await pilot.press("3", "escape")
        assert app.screen is not page


async def test_filters_turn_around_the_mistake_under_the_cursor(services: FakeServices) -> None:
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "3")
        await pilot.press("down", "down", "down")
        sample = page.tabs.mistakes.cursor.current(page.view.mistakes).id
        for wanted in ("only Coat → any", "only any → Pullover", "only Coat → Pullover", "most confident first"):
            await pilot.press("f")
            assert wanted in text(app)
            assert page.tabs.mistakes.cursor.current(page.view.mistakes).id == sample
        await pilot.press("slash", *">coat", "enter")
        assert "only any → Coat" in text(app)
        await pilot.press("slash", *"sand", "enter")
        assert "no mistake is Sandal → any; f shows all" in text(app)
        await pilot.press("f")
        assert "most confident first" in text(app)


async def test_pages_of_the_grid(services: FakeServices) -> None:
    async with shown(services, (120, 40), run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "3")
        state = page.tabs.mistakes.cursor
        for key, place in (("right", 1), ("down", 5), ("pagedown", 17), ("pageup", 5), ("end", 78), ("home", 0)):
            await pilot.press(key)
            assert state.position(page.view.mistakes.all) == place


async def test_marks_are_saved_at_once_and_seen_again(
    services: FakeServices, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(services.root.parent))
    folder = tmp_path / "figures"
    path = services.root / "bold-wren" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"exports": str(folder)}))
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "3")
        await pilot.press("space", "space", "down", "space")
        await drawn(pilot, lambda: not page.tabs.mistakes.marks.unsaved)
        first, second = page.view.mistakes.all[:2]
        marks = {opinion.id: opinion.mark for opinion in read_review(folder).values()}
        assert marks == {first.id: "wrong label", second.id: "keep"}
        assert (folder / NAME).read_text().splitlines()[0] == "split,id,true,said,probability,mark,name,of"
        await pilot.press("space", "space", "space")
        await drawn(pilot, lambda: len(read_review(folder)) == 1 and not page.tabs.mistakes.marks.unsaved)
    async with shown(services, run="bold-wren") as (app, pilot):
        await opened(pilot, app, "3")
        await drawn(pilot, lambda: "wrong label" in text(app))
        assert "1 marked" in text(app)


async def test_who_may_only_look_marks_nothing(services: FakeServices) -> None:
    services.viewer.read_only = True
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "3")
        await pilot.press("space")
        assert "read-only: you can watch, not change anything" in text(app)
        assert page.tabs.mistakes.marks.unsaved == {}


async def test_a_mark_that_cannot_be_saved_is_not_shown(
    services: FakeServices, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(services.root.parent))
    (tmp_path / "file").write_text("in the way")
    path = services.root / "bold-wren" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"exports": str(tmp_path / "file")}))
    async with shown(services, run="bold-wren") as (app, pilot):
        page = await opened(pilot, app, "3")
        await pilot.press("space")
        await drawn(pilot, lambda: "cannot" in text(app))
        assert page.tabs.mistakes.marks.unsaved == {}
        assert "keep" not in text(app)


async def test_a_review_that_cannot_be_read_is_told_and_the_mistakes_are_shown(
    services: FakeServices, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(services.root.parent))
    path = services.root / "bold-wren" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"exports": str(tmp_path)}))
    (tmp_path / NAME).write_bytes(b"split,id\nK\xe4fer,1\n")
    async with shown(services, run="bold-wren") as (app, pilot):
        await opened(pilot, app, "3")
        await drawn(pilot, lambda: "no marks are shown: cannot read" in text(app))
        assert "nothing was evaluated" not in text(app)
        assert "wrong" in text(app)
        (tmp_path / NAME).unlink()
        await drawn(pilot, lambda: "no marks are shown" not in text(app))


@pytest.mark.parametrize("tab", ["2", "3"])
async def test_damaged_predictions_are_told(services: FakeServices, tab: str) -> None:
    (services.root / "bold-wren" / "predictions" / "test.npz").write_bytes(b"no zip")
    async with shown(services, (160, 40), run="bold-wren") as (app, pilot):
        await pilot.press(tab)
        await drawn(pilot, lambda: "cannot be shown; the reason stands below" in text(app))
        assert "test.npz is damaged" in text(app)
        assert "nothing was evaluated" not in text(app)


async def test_a_damaged_description_of_columns_is_told(services: FakeServices) -> None:
    run = RunDirectory(services.root / "lines-1")
    first, *rest = run.events_path.read_bytes().splitlines(keepends=True)
    started = log.decode(first.rstrip(b"\n"))
    assert started is not None
    started["dataset"] |= {"inputs": {"table": {"inputs": [{"name": "x", "offsets": ["a"]}]}}}
    run.events_path.write_bytes(b"".join([log.encode(started), *rest]))
    async with shown(services, run="lines-1") as (app, pilot):
        await pilot.press("2")
        await drawn(pilot, lambda: "the predictions are damaged" in text(app))
        assert "cannot be shown; the reason stands below" in text(app)


@pytest.mark.parametrize("room", [12, 20])
def test_pairs_of_wide_names_fit_with_both_classes(room: int) -> None:
    names = ("金毛寻回犬", "拉布拉多寻回犬")
    found = Mistakes("test", 1, names, (Mistake(3, 0, ((1, 0.9),), 0),), 2, 1, np.zeros((0, 8, 8, 1), np.uint8))
    row = mistakes_view._pair(found, found.all[0], room)
    assert cells(row) <= room
    assert row[0][0][:1] == "金"
    assert row[2][0][:1] == "拉"


def test_a_text_in_wide_letters_is_shown_whole() -> None:
    text_ = "这部电影的情节非常精彩，演员的表演也十分出色，但是结尾有些仓促，总的来说值得一看。"
    found = Mistakes("test", 1, ("好", "坏"), (Mistake(3, 0, ((1, 0.9),), 0),), 2, 1, (), (text_,))
    rows = plain(mistakes_view.mistakes(found, {}, MistakeCursor(), 80, 24, Look(), ""))
    told = "".join("".join(letter for letter in row[:34] if letter in text_) for row in rows[1:])
    assert told.startswith(text_)


def test_classes_in_wide_letters_are_told_apart() -> None:
    matrix = Matrix("test", 1, ("猫", "狗", "飞机"), ((5, 1, 0), (2, 6, 0), (0, 0, 9)))
    rows = plain(confusion.confusion(matrix, CellCursor(), 80, 20, Look(), ""))
    assert any(row.startswith(" 飞机 ") for row in rows)
    assert all(name in rows[1] for name in ("猫", "狗", "飞"))
    assert {cells([(row, "")]) for row in rows} == {80}
    listed = plain(pairs(matrix, CellCursor(), 24, 5))
    assert "狗 → 猫" in listed[1]
    dogs = Matrix("test", 1, ("金毛寻回犬", "拉布拉多寻回犬"), ((5, 1), (2, 6)))
    assert all("拉" in row and "金" in row for row in plain(pairs(dogs, CellCursor(), 32, 5))[1:3])
    assert all("拉" in row and "金" in row for row in plain(confusion.worst(dogs, 20, 5))[1:3])


def test_a_class_without_a_share_has_an_empty_bar() -> None:
    layout = columns(80, 18, 11, (0,))
    row = row_of_class("Coat", [("1", "")], float("nan"), layout, 11, 80, False)
    assert plain([row])[0].endswith("─" * 10)


def hundred() -> Matrix:
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 3, (100, 100)) * (generator.random((100, 100)) < 0.05)
    counts[np.arange(100), np.arange(100)] = 50 + np.arange(100)
    rows = tuple(tuple(row) for row in counts.tolist())
    return Matrix("test", 9, tuple(f"class{number}" for number in range(100)), rows)


@pytest.mark.parametrize("look", [Look(), LETTERS], ids=["color", "letters"])
def test_a_hundred_classes_scroll_with_the_cursor(look: Look) -> None:
    matrix, state = hundred(), CellCursor(cell=(0, 0))
    for down, right in ((0, 0), (99, 0), (0, 99), (-50, -50)):
        state.move_cell(matrix, down, right)
        true, _ = state.chosen(matrix)
        rows = confusion.confusion(matrix, state, 80, 19, look, "")
        assert len(rows) == 19
        marked = [row for row in rows if any("reverse" in style for _, style in row)]
        assert len(marked) == 1
        assert f"class{true} " in plain(marked)[0]
        assert plain(rows)[-1].startswith(f" true class{true}, ")
    assert state.chosen(matrix) == (49, 49)


def test_letters_tell_heat_apart_where_there_is_room_for_one() -> None:
    state = CellCursor(cell=(0, 0))
    letters, colored = (
        "".join(plain(confusion.confusion(hundred(), state, 80, 30, look, ""))) for look in (LETTERS, Look())
    )
    assert "@" in letters
    assert "@" not in colored


def test_the_parts_of_a_matrix_title_never_touch() -> None:
    matrix = Matrix("test", 2, ("a", "b", "c"), ((9, 1, 0), (0, 10, 0), (4, 0, 6)))
    for width in range(60, 120):
        title = "".join(plain(confusion.confusion(matrix, CellCursor(), width, 19, Look(), ""))[0])
        assert "  25 of 30 right" in title, width


def test_orders_put_the_hardest_first() -> None:
    matrix = Matrix("test", 1, ("a", "b", "c"), ((9, 1, 0), (0, 10, 0), (4, 0, 6)))
    cell, state = CellCursor(hardest_first=True), ClassCursor()
    assert cell.order(matrix) == [2, 0, 1]
    assert cell.chosen(matrix) == (2, 0)
    tables = []
    for state.order in range(5):
        tables.append([score.name for score in state.scores(matrix)])
        assert plain(classes.classes(matrix, state, 80, 10, ""))
    assert tables == [list("cab"), list("abc"), list("cab"), list("abc"), list("abc")]
    assert [round(score.f1 or 0, 3) for score in matrix.scores()] == [0.783, 0.952, 0.75]


def test_a_class_that_nothing_is_said_about_has_no_numbers() -> None:
    matrix = Matrix("test", 1, ("a", "b"), ((3, 0), (0, 0)))
    assert [(score.precision, score.recall, score.f1) for score in matrix.scores()][1] == (None, None, None)
    assert "-" in plain(classes.classes(matrix, ClassCursor(), 80, 10, ""))[3]


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (64, 40, 3), (1, 1, 1), (5, 64, 3), (9, 9, 4), (7, 7, 2)])
@pytest.mark.parametrize("look", [Look(), LETTERS, Look(few=True)], ids=["color", "letters", "few"])
def test_images_of_any_size_fit(shape: tuple[int, int, int], look: Look) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    rows = picture.picture(image, 28, 14, look)
    widths = {len(line) for line in plain(rows)}
    assert len(widths) == 1
    assert widths.pop() <= 28
    assert 1 <= len(rows) <= 14


def test_bright_and_dark_are_told_apart() -> None:
    image = np.zeros((4, 2, 1), dtype=np.uint8)
    image[2:] = 255
    assert picture.picture(image, 2, 2, Look()) == [
        [("▀▀", "pixel:000000:000000")],
        [("▀▀", "pixel:f8f8f8:f8f8f8")],
    ]
    assert plain(picture.picture(image, 2, 2, LETTERS)) == ["  ", "@@"]


def of_features_arrays(count: int = 3) -> dict[str, Any]:
    """The predictions of data without images."""
    return {
        "ids": np.arange(count) + 100, "split": np.array("test"), "epoch": np.array(2),
        "labels": np.zeros(count, dtype=np.int64), "top": np.tile([1, 0], (count, 1)),
        "probabilities": np.tile([0.75, 0.25], (count, 1)), "wrong": np.arange(count),
        "thumbnails": np.zeros((0, 0, 0, 0), dtype=np.uint8),
    }  # fmt: skip


def of_features(count: int = 3) -> Mistakes:
    """Mistakes of data without images."""
    found = Evaluation(of_features_arrays(count), ["no\x1b[31m", "[bold]yes"]).mistakes
    assert found
    return found


@pytest.mark.parametrize("size", SIZES)
def test_data_without_images_are_a_list(size: tuple[int, int]) -> None:
    rows = plain(mistakes_view.mistakes(of_features(), {}, MistakeCursor(), size[0], size[1] - 5, Look(), ""))
    assert "\x1b" not in "".join(rows)
    assert "[bold]yes" in rows[2]
    assert "75 %" in rows[2]
    assert "100" in rows[2]


def test_nothing_wrong_says_so() -> None:
    rows = plain(mistakes_view.mistakes(of_features(0), {}, MistakeCursor(), 80, 19, Look(), ""))
    assert "nothing is wrong: all 0 are right" in rows[2]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("shirt", Filter(1)), (">bag", Filter(None, 2)), ("shi > BAG", Filter(1, 2)), ("", Filter()),
        ("any>any", Filter()), ("hat", None), ("shirt>hat", None), ("t-shirt", Filter(0)),
    ],
)  # fmt: skip
def test_names_of_classes_are_found(typed: str, wanted: Filter | None) -> None:
    assert parse(typed, ("T-shirt", "Shirt", "Bag")) == wanted


def test_the_cursor_stays_on_its_sample_when_another_epoch_is_evaluated() -> None:
    found, state = of_features(3), MistakeCursor()
    state.move_mistake(found, 2)
    later = Mistakes("test", 3, found.classes, found.all[1:], 3, 2, found.images)
    assert state.current(later) == found.all[2]
    gone = Mistakes("test", 4, found.classes, found.all[:1], 3, 1, found.images)
    assert state.current(gone) == found.all[0]


@pytest.mark.parametrize("size", SIZES)
def test_texts_and_sequences_are_shown_beside_the_list(size: tuple[int, int]) -> None:
    texts = np.array([b"age 34\ncity [bold]Rome\x1b[2J"] * 3)
    lines = np.stack([np.array([[0.0, 2.0, 1.0, np.nan]])] * 3)
    arrays = of_features_arrays() | {"texts": texts, "lines": lines}
    found = Evaluation(arrays, ["no", "yes"]).mistakes
    assert found
    rows = plain(mistakes_view.mistakes(found, {}, MistakeCursor(), size[0], size[1] - 5, Look(), ""))
    assert any("the sequence" in row for row in rows)
    assert any("age 34" in row for row in rows)
    assert any("city [bold]Rome" in row for row in rows)
    assert "\x1b" not in "".join(rows)
    assert any("75 %" in row for row in rows)
