"""The table [screen] of the settings file: read, checked, and written without touching anything else."""

from pathlib import Path

import pytest

from dltui.core.errors import UsageError
from dltui.tui.terminal.settings import CHOICES, ScreenSettings, load_screen, save_screen


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_CONFIG", str(tmp_path / "own" / "config.toml"))
    return tmp_path / "own" / "config.toml"


def test_the_first_choice_is_the_default(file: Path) -> None:
    assert load_screen() == ScreenSettings(**{name: choices[0] for name, choices in CHOICES.items()})
    assert not file.exists()


def test_what_is_saved_is_loaded(file: Path) -> None:
    wanted = ScreenSettings(theme="light", tick="2", notices="best")
    save_screen(wanted)
    assert load_screen() == wanted
    assert file.stat().st_mode & 0o777 == 0o600


def test_comments_and_other_tables_stay(file: Path) -> None:
    file.parent.mkdir()
    others = '# mine\n[frameworks.torch]\npython = "/x"  # that one\n'
    file.write_text(f"{others}\n[screen]\nunheard = 1\ntick = 1 # slow link\n")
    assert load_screen().tick == "1"
    save_screen(ScreenSettings(palette="color-blind"))
    written = file.read_text()
    assert others in written
    assert "unheard = 1" in written
    assert "tick" not in written
    assert load_screen() == ScreenSettings(palette="color-blind")


@pytest.mark.parametrize("text", ['[screen]\ntheme = "pink"', "screen = 3", "[screen]\ntick = 60"])
def test_what_is_wrong_is_one_line(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(UsageError, match=r"config\.toml: .*screen") as caught:
        load_screen()
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_to_is_said(file: Path) -> None:
    file.parent.write_text("a file")
    with pytest.raises(UsageError, match="cannot write"):
        save_screen(ScreenSettings(theme="dark"))


def test_the_old_spelling_of_a_choice_is_understood(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('[screen]\npalette = "colour-blind"\n')
    assert load_screen().palette == "color-blind"
