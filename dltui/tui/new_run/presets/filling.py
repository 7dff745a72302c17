"""The form of a new run as a saved one: its choices under a name, and a form with such choices."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from dltui.core.lifecycle.forms.saved import SavedForm
from dltui.tui.new_run.form import OWN

if TYPE_CHECKING:
    from dltui.tui.new_run.form import RunForm


def saved(form: RunForm) -> SavedForm:
    """The choices of a form, to be saved under a name."""
    model = form.model.id if form.model else form.model_name
    return SavedForm(model, form.dataset_name, form.device, dict(form.typed))


def filled(form: RunForm, name: str, choices: SavedForm) -> RunForm:
    """A copy of a form with the choices that were saved under a name; settings that are gone are left out. Raises
    UsageError for a model or a dataset that is gone.
    """
    made = copy(form)
    made.typed = {}
    if choices.dataset in made.catalog.datasets:
        made.choose_dataset(choices.dataset)
    elif choices.dataset != OWN:
        made.choose_path(choices.dataset)
    made.choose_member(choices.model)
    made.device = choices.device
    # The options of a launcher are settings while it is chosen.
    made.typed = dict(choices.values)
    known = {setting.key for setting in made.settings()}
    made.typed = {key: text for key, text in choices.values.items() if key in known}
    made.origin = f"preset {name}"
    return made
