"""Filled forms of a new run, saved under names in the user's settings file: a table [forms.NAME] each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core import paths, settings
from dltui.core.errors import UsageError
from dltui.core.rundir.names import check_run_name
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

TABLE = "forms"


@dataclass(frozen=True)
class SavedForm:
    """The choices of a form, as texts; `values` are those that differ from the defaults, by setting."""

    model: str
    dataset: str
    device: str = "auto"
    values: Mapping[str, str] = field(default_factory=dict)


def load_forms() -> dict[str, SavedForm]:
    """The saved forms by name, in the order of the file. Raises UsageError for an invalid file."""
    return {clean_line(name, 60): _form(name, table) for name, table in _tables().items()}


def holds_another(name: str, form: SavedForm) -> bool:
    """True where something else than this form is saved under a name, or what cannot be read. Raises UsageError for an
    invalid file.
    """
    tables = _tables()
    try:
        return name in tables and _form(name, tables[name]) != form
    except UsageError:
        return True


def _tables() -> dict[str, Any]:
    """The tables of the forms, by name. Raises UsageError."""
    tables = settings.load_settings().tables.get(TABLE, {})
    if not isinstance(tables, dict):
        raise UsageError(f"{paths.config_file()}: {TABLE} must be tables like [{TABLE}.quick]")
    return tables


def _form(name: str, table: Any) -> SavedForm:
    texts = table if isinstance(table, dict) else {}
    values = texts.get("values", {})
    known = [texts.get("model"), texts.get("dataset"), texts.get("device", "auto")]
    every = [*known, *(values.values() if isinstance(values, dict) else [None])]
    if not all(isinstance(text, str) for text in every):
        where = f"{paths.config_file()}: [{TABLE}.{clean_line(name, 60)}]"
        raise UsageError(f"{where} needs texts: model, dataset, device, and values by setting; or remove it")
    return SavedForm(str(known[0]), str(known[1]), str(known[2]), values)


def save_form(name: str, form: SavedForm) -> None:
    """Save a form under a name, in place of the one that has it. Raises UsageError."""
    check_run_name(name)
    settings.load_settings()

    def change(document: TOMLDocument) -> None:
        forms = document.setdefault(TABLE, {})
        forms[name] = {
            "model": form.model, "dataset": form.dataset, "device": form.device, "values": dict(form.values),
        }  # fmt: skip

    settings.change_tables(paths.config_file(), change)
