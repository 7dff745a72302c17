"""The chart as rows of text: no app, no terminal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dltui.tui.draw.chart import NO_NUMBER, draw, y_scale
from dltui.tui.draw.chart_data import Chart, Series
from dltui.tui.draw.scale import Scale, epoch_ticks, labels, log_scale, nice_step, ticks, whole_scale
from dltui.tui.draw.styled_text import Look, plain, to_ascii

LETTERS = Look(ascii=True, mono=True)
BRAILLE = Look()


def rows(chart: Chart, width: int = 40, height: int = 12, look: Look = LETTERS) -> list[str]:
    return [to_ascii(row) if look.ascii else row for row in plain(draw(chart, width, height, look))]


def line(*values: float, name: str = "train", form: str = "straight") -> Series:
    return Series(name, list(range(1, len(values) + 1)), list(values), "train", "━", form)  # type: ignore[arg-type]


def marks(row: str, letter: str = ".") -> list[int]:
    """Where a letter stands in the plot; the axis and its labels take the first six cells."""
    return [at for at, found in enumerate(row) if found == letter and at > 5]


def test_a_rising_line_rises() -> None:
    shown = rows(Chart("loss", (line(0.0, 1.0, 2.0, 3.0, 4.0),), 5.0))
    tops = [min(marks(row)) for row in shown[1:-2] if marks(row)]
    assert len(tops) >= 8
    assert tops == sorted(tops, reverse=True)


@pytest.mark.parametrize("look", [LETTERS, BRAILLE])
@pytest.mark.parametrize(("width", "height"), [(16, 5), (39, 11), (80, 24), (200, 50)])
def test_fills_exactly_its_size(width: int, height: int, look: Look) -> None:
    chart = Chart("loss", (line(3.0, 1.0, 2.0), line(2.0, 2.5, name="validation", form="line")), 10.0, best=(2.0, 2.5))
    assert [len(row) for row in rows(chart, width, height, look)] == [width] * height


def test_x_runs_to_the_planned_end() -> None:
    shown = rows(Chart("loss", (line(4.0, 3.0, 2.0, 1.0, 0.5),), 10.0), width=60)
    plot = [at for row in shown[1:-2] for at in marks(row)]
    assert max(plot) < 6 + 54 * 0.56
    assert shown[-1].split()[0] == "0"
    assert shown[-1].split()[-1] == "10"
    assert "epochs" in shown[-1]


def test_a_spike_survives_a_million_points() -> None:
    values = np.full(1_000_000, 0.5)
    values[700_000] = 9.0
    chart = Chart("loss", (Series("train", np.arange(1, 1_000_001) / 1e5, values, "train", "━", "raw"),), 10.0)
    shown = rows(chart, 80, 24)
    top = next(number for number, row in enumerate(shown) if number and marks(row))
    assert top <= 4
    assert len(marks(shown[top])) == 1
    assert abs(marks(shown[top])[0] - (6 + 74 * 0.7)) <= 1
    faint = draw(chart, 80, 24, BRAILLE)
    assert any(style == "train-faint" and text.strip() for text, style in faint[top])


def test_a_minimum_in_the_buckets_survives() -> None:
    x = [1.0, 2.0, 3.0, 4.0]
    series = Series("train", x, [2.0] * 4, "train", "━", "raw", low=[2.0, 2.0, 0.1, 2.0], high=[2.0] * 4)
    assert marks(rows(Chart("loss", (series,), 4.0))[9])


def test_values_that_are_no_number_are_a_gap_not_an_end() -> None:
    shown = rows(Chart("loss", (line(1.0, math.nan, math.inf, 2.0, 3.0),), 5.0), width=60)
    assert any(marks(row) for row in shown[1:-2])
    nothing = rows(Chart("loss", (line(math.nan, math.inf),), 5.0, note="begins later"))
    assert any(NO_NUMBER in row for row in nothing)


def test_one_point_and_equal_values_have_a_range() -> None:
    for series in (line(2.0), line(2.0, 2.0, 2.0), line(0.0)):
        shown = rows(Chart("loss", (series,), 10.0))
        assert sum(len(marks(row)) for row in shown[1:-2]) >= 1


def test_best_and_validation_have_their_own_signs() -> None:
    validation = Series("validation", [1.0, 2.0, 3.0], [0.9, 0.5, 0.7], "validation", "●")
    shown = rows(Chart("loss", (line(1.0, 0.6, 0.4), validation), 10.0, best=(2.0, 0.5)), width=60)
    assert shown[0].split() == ["loss", ".", "train", "o", "validation", "*", "best"]
    assert sum(row.count("o") for row in shown[1:-2]) == 2
    assert sum(row.count("*") for row in shown[1:-2]) == 1


def test_the_legend_gives_way_before_the_title() -> None:
    validation = Series("validation", [1.0], [0.9], "validation", "●")
    chart = Chart("accuracy %", (line(1.0), validation), 10.0, best=(1.0, 0.9))
    assert "val " in rows(chart, 37)[0]
    assert rows(chart, 20)[0].strip() == "accuracy %"


def test_many_epochs_are_a_line_without_marks() -> None:
    values = [1 / epoch for epoch in range(1, 101)]
    series = Series("validation", list(range(1, 101)), values, "validation", "●")
    shown = rows(Chart("loss", (series,), 100.0), 60, 12, BRAILLE)
    assert all("●" not in row for row in shown[1:])


def test_a_steep_start_does_not_flatten_the_rest() -> None:
    values = [100.0, 50.0, 10.0, *([1.0, 1.1] * 50)]
    series = Series("train", [number / 10 for number in range(1, 104)], values, "train", "━", "raw")
    scale = y_scale(Chart("loss", (series,), 20.0))
    assert scale is not None
    assert scale.high < 2


def test_a_late_spike_is_never_cut_off() -> None:
    values = [1.0] * 100
    values[50] = 40.0
    series = Series("train", list(range(1, 101)), values, "train", "━", "raw")
    scale = y_scale(Chart("loss", (series,), 100.0))
    assert scale is not None
    assert scale.high >= 40


def test_log_scale_gives_each_decade_the_same_room() -> None:
    scale = log_scale(0.001, 10.0)
    assert scale.share(0.1) - scale.share(0.01) == pytest.approx(scale.share(10.0) - scale.share(1.0))
    shown = rows(Chart("loss", (line(10.0, 1.0, 0.1, 0.01),), 4.0, log=True), 60, 16)
    assert any(row.split("|")[0].strip() in ("0.01", "1e-2") for row in shown)


def test_nought_has_no_place_on_a_logarithmic_axis() -> None:
    scale = y_scale(Chart("lr", (line(0.1, 0.05, 0.0),), 3.0, log=True))
    assert scale is not None
    assert (scale.low, scale.high) == pytest.approx((0.05, 0.2))
    assert y_scale(Chart("loss", (line(-1.0, 0.0),), 3.0, log=True)) is None


def test_a_changed_learning_rate_stands_on_the_axis() -> None:
    chart = Chart("loss", (line(1.0, 0.5),), 10.0, marks=((5.0, "▲", "warn"),))
    axis = draw(chart, 60, 12, BRAILLE)[-2]
    assert ("▲", "warn") in axis


@pytest.mark.parametrize(
    ("span", "most", "step"), [(10, 5, 2), (1, 4, 0.25), (0.03, 3, 0.01), (7, 2, 5), (1000, 10, 100)]
)
def test_steps_are_nice(span: float, most: int, step: float) -> None:
    assert nice_step(span, most) == pytest.approx(step)


@pytest.mark.parametrize(
    ("end", "last"), [(1, 1.0), (3, 3.0), (10, 10.0), (17, 17.0), (100, 100.0), (10_000, 10_000.0)]
)
def test_epoch_ticks_begin_at_nought_and_end_at_the_plan(end: int, last: float) -> None:
    values = epoch_ticks(float(end), 34)
    assert values[0] == 0
    assert values[-1] == last
    assert all(value == int(value) for value in values)


def test_labels_have_equal_decimals() -> None:
    assert labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert labels([0.0, 5.0, 10.0]) == ["0", "5", "10"]
    assert labels([1e-5, 2e-5]) == ["1e-5", "2e-5"]
    assert labels([1e5, 1.5e5, 2e5]) == ["1.0e5", "1.5e5", "2.0e5"]
    far = [1_699_999_800.0, 1_700_000_000.0, 1_700_000_200.0]
    assert labels(far) == ["1.6999998e9", "1.7000000e9", "1.7000002e9"]
    assert ticks(Scale(-6.0, 8.0), 2) == [-5.0, 0.0, 5.0]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.693147, 0.69314705, 0.6931471], ["0.69314700", "0.69314705", "0.69314710"]),
        ([1e-14, 1e-7, 1.0], ["1e-14", "1e-7", "1e0"]),
        ([1e-6, 1e-3, 1.0], ["0.000001", "0.001000", "1.000000"]),
        ([0.0, 1e-15, 2e-15], ["0", "1e-15", "2e-15"]),
    ],
)
def test_each_label_is_of_its_own_value(values: list[float], texts: list[str]) -> None:
    assert labels(values) == texts


def test_the_tiny_errors_of_a_line_through_exact_points_are_drawn() -> None:
    falling = line(1.0, 1e-5, 1e-10, 1e-14, 1e-15)
    chart = Chart("loss", (falling,), 5.0, best=(5.0, 1e-15), log=True)
    scale = y_scale(chart)
    assert scale is not None
    assert scale.low <= 1e-15
    shown = rows(chart, 60, 16)
    assert marks(shown[-3], "*") == [59]
    tail = Chart("loss", (line(1e-14, 1e-15),), 2.0, log=True)
    assert any(marks(row) for row in rows(tail)[1:-2])


def test_tiny_differences_fill_the_axis() -> None:
    scale = y_scale(Chart("loss", (line(1e-15, 3e-15),), 2.0))
    assert scale is not None
    assert scale.high == pytest.approx(3e-15)
    # At the limit of what numbers tell apart.
    for near in (whole_scale(1.0, math.nextafter(1.0, 2.0), 6, 0.0, None), whole_scale(0.0, 5e-324, 6, None, None)):
        assert 0 <= near.share((near.low + near.high) / 2) <= 1


@pytest.mark.parametrize("form", ["raw", "line", "straight"])
def test_without_colors_the_marks_tell_the_lines_apart(form: str) -> None:
    x = list(range(1, 101))
    falling = Series("train", x, [1 / number for number in x], "train", "━", form)  # type: ignore[arg-type]
    rising = Series("validation", x, [0.5] * 100, "validation", "●", form)  # type: ignore[arg-type]
    chart = Chart("loss", (falling, rising), 100.0)
    body = "".join(rows(chart, 80, 16, Look(mono=True))[1:-2])
    assert body.count("━") >= 8
    assert body.count("●") >= 8
    assert "●" not in "".join(rows(chart, 80, 16, BRAILLE)[1:-2])
    alone = Chart("loss", (falling,), 100.0)
    assert "━" not in "".join(rows(alone, 80, 16, Look(mono=True))[1:-2]), "a single line needs none"


@pytest.mark.parametrize("form", ["dots", "line", "straight", "raw"])
def test_between_equal_ends_everything_stands_at_the_start(form: str) -> None:
    chart = Chart("loss", (line(1.0, 2.0, form=form),), 1.0, 1.0, best=(1.0, 1.0), epochs=False, cursor=1.0)
    assert [len(row) for row in rows(chart)] == [40] * 12
