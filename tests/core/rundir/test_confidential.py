"""Secrets of `--log`: one file has them, everything else has them masked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.errors import RunError, UsageError
from dltui.core.rundir import confidential, share
from dltui.core.rundir.directory import RunDirectory

HOOK = "https://user:pw@hooks.example.com:8443/services/T0/SECRETTOKEN?key=ALSOSECRET"


@pytest.mark.parametrize(
    ("name", "option", "shown"),
    [
        ("webhook", HOOK, "https://hooks.example.com:8443/***"),
        ("webhook", "https://:bad:port/SECRET", "***"),
        ("webhook", "env:HOOK", "env:HOOK"),
        ("webhook", "file:/home/me/hook", "file:/home/me/hook"),
        ("mlflow", "http://localhost:5000", "http://localhost:5000"),
        ("mlflow", "file:///home/me/mlruns", "file:///home/me/mlruns"),
        ("tensorboard", "logs/tb", "logs/tb"),
        ("command", "notify-send", "notify-send"),
        ("command", "curl -H 'Bearer SECRET' https://x", "curl ***"),
        ("command", "TOKEN=SECRET curl", "***"),
        ("strangers-logger", "SECRETTOKEN", "***"),
        ("tensorboard", "", ""),
    ],
)
def test_what_is_shown_of_an_option(name: str, option: str, shown: str) -> None:
    assert confidential.masked(name, option) == shown


def test_a_command_line_is_masked_in_both_ways_of_writing_it() -> None:
    words = ["dltui", "train", "--log", f"webhook={HOOK}", f"--log=webhook={HOOK}", "--lr", "0.1", "--log", "mlflow"]
    shown = confidential.mask_command(words)
    hidden = "webhook=https://hooks.example.com:8443/***"
    assert shown == ["dltui", "train", "--log", hidden, f"--log={hidden}", "--lr", "0.1", "--log", "mlflow"]


def test_one_file_of_the_owner_has_them_also_of_a_shared_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    given = [{"name": "webhook", "option": HOOK}]
    kept = [{"name": "webhook", "option": confidential.masked("webhook", HOOK)}]
    with share.writing("group"):
        run = RunDirectory.create(
            "one", {"share": "group", "loggers": kept}, lambda run: confidential.write(run.path, given)
        )
    assert (run.path / confidential.FILE).stat().st_mode & 0o777 == 0o600
    assert confidential.unmasked(run, kept) == given
    assert "SECRET" not in run.run_json.read_text()
    (run.path / confidential.FILE).write_text("damaged")
    assert confidential.unmasked(run, kept) == kept


def test_nothing_secret_no_file(tmp_path: Path) -> None:
    confidential.write(tmp_path, [{"name": "tensorboard", "option": "logs"}, {"name": "webhook", "option": "env:X"}])
    assert list(tmp_path.iterdir()) == []


def test_an_option_may_stand_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", HOOK)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hook").write_text(f"{HOOK}\n")
    assert confidential.checked("webhook", "env:HOOK") == "env:HOOK"
    option = confidential.checked("webhook", "file:hook")
    assert option == f"file:{tmp_path}/hook"
    assert confidential.resolved("webhook", option) == confidential.resolved("webhook", "env:HOOK") == HOOK
    monkeypatch.delenv("HOOK")
    with pytest.raises(UsageError, match="the variable HOOK is not set"):
        confidential.checked("webhook", "env:HOOK")
    with pytest.raises(RunError, match="cannot read nowhere: No such file"):
        confidential.resolved("webhook", "file:nowhere")
    with pytest.raises(UsageError, match="dltui masks what it shows"):
        confidential.checked("webhook", "https://hooks.example.com/***")


def test_what_a_logger_says_of_itself_is_cleaned_of_keys() -> None:
    said = "HTTP 404 for hooks.example.com: /services/T0/SECRETTOKEN?key=ALSOSECRET"
    shown = confidential.hide(said, "webhook", HOOK)
    assert "SECRET" not in shown
    assert shown.startswith("HTTP 404 for hooks.example.com: ")
    assert confidential.hide("cannot write to /home/me/boards", "tensorboard", "/home/me/boards").endswith("me/boards")


def test_a_logger_whose_option_is_only_known_masked_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"only its owner may read secrets\.json"):
        confidential.resolved("webhook", confidential.masked("webhook", HOOK))
