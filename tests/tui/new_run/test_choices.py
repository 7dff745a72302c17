"""Lists that are longer than their room say how much of them is hidden."""

from __future__ import annotations

import pytest

from dltui.tui.draw.styled_text import plain
from dltui.tui.new_run.choices import datasets, hidden_rows
from dltui.tui.new_run.compact.rows import chosen
from dltui.tui.new_run.form import RunForm
from tests.tui.sample_catalog import make_catalog


@pytest.mark.parametrize(
    ("shown", "said"),
    [(range(5), ""), (range(2, 5), "2 more above"), (range(3), "2 more below"), (range(1, 4), "1 more above, 1 below")],
)
def test_what_is_hidden_is_counted(shown: range, said: str) -> None:
    assert hidden_rows(shown, 5) == said
    assert len(hidden_rows(shown, 5, room=8)) <= 8


def test_datasets_that_are_hidden_are_counted() -> None:
    form = RunForm.with_defaults(make_catalog())
    head, *_ = plain(datasets(form, {}, 39, 4, True))
    assert "1↓" in head
    assert head.rstrip().endswith("samples")


def test_the_row_of_choices_names_the_data_that_is_chosen() -> None:
    form = RunForm.with_defaults(make_catalog())
    form.choose_path("folder:/data/pets")
    assert "folder:/data/pets" in plain([chosen(form, "model", 80, False)])[0]
    form.choose_dataset("digits")
    assert "digits" in plain([chosen(form, "model", 80, False)])[0]
