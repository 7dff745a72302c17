"""The keys of the list of runs that change what is there: rename, tag, note, delete and undo, fork."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.message import Message

from dltui.core.text import plural
from dltui.tui.base.page import bind
from dltui.tui.base.threads import Told, in_thread
from dltui.tui.run_list.choose_keys import ListActions

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.summary import Summary

LONGEST_NAME, LONGEST_TAG, LONGEST_NOTE = 60, 30, 200


class Begun(Message):
    """A run was made and its worker started."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.begun = run


class LabelActions(ListActions):
    """A list whose runs can be labeled, deleted and forked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("R", "rename", "rename", "rename the run; its id stays"),
        bind("number_sign", "tag", "tag", "words to find runs by; -word removes one"),
        bind("N", "note", "note", "a note on the run"),
        bind("d", "delete", "delete", "delete runs that have ended; figures stay, u undoes until you leave"),
        bind("u", "undo", "undo", "bring back what was deleted last"),
        bind("f", "fork", "fork", "a new run that begins with the last checkpoint, with other hyperparameters"),
    ]

    def reread(self) -> None:
        """Look at the runs at once."""
        raise NotImplementedError

    def action_rename(self) -> None:
        if self.run is not None and self._may_write([self.run]):
            run = self.run
            self.notice.prompt(f"rename {run.id} to", run.name.strip(), _name_problem, lambda name: self._label(
                [run], f"{run.id} is called {name.strip()}", name=name.strip()
            ))  # fmt: skip

    def action_tag(self) -> None:
        runs = self.targets
        if runs and self._may_write(runs):
            now = " ".join(runs[0].tags) if len(runs) == 1 else ""
            self.notice.prompt(f"tags of {_title(runs)}", now, _tag_problem, lambda text: self._tag(runs, text))

    def _tag(self, runs: Sequence[Summary], text: str) -> None:
        """One run has the tags as they stand there; several get them beside their own."""
        words = [word.lstrip("#") for word in text.split()]
        off = {word[1:] for word in words if word.startswith("-")}

        def work() -> Message:
            for run in runs:
                before = run.tags if len(runs) > 1 else ()
                tags = dict.fromkeys([*before, *(word for word in words if not word.startswith("-"))])
                self.dltui.services.label(run.directory, tags=[tag for tag in tags if tag not in off])
            return Told(f"{_title(runs)}: tags changed")

        self._do("tag", work)

    def action_note(self) -> None:
        if self.run is not None and self._may_write([self.run]):
            run = self.run
            self.notice.prompt(f"note on {run.id}", run.note, _note_problem, lambda text: self._label(
                [run], f"{run.id}: note {'kept' if text.strip() else 'removed'}", note=text.strip()
            ))  # fmt: skip

    def _label(self, runs: Sequence[Summary], said: str, **changes: Any) -> None:
        def work() -> Message:
            for run in runs:
                self.dltui.services.label(run.directory, **changes)
            return Told(said)

        self._do("label", work)

    def action_delete(self) -> None:
        runs = self.targets
        live = next((run for run in runs if run.is_live), None)
        if live is not None:
            self.notice.say(f"{live.name.strip()} is {live.status}: s stops it first", "bad")
        elif runs and self._may_write(runs):
            self._leave_line({run.id for run in runs})

            def work() -> Message:
                for number, run in enumerate(runs):
                    self.dltui.services.discard(run.directory, together=number > 0)
                return Told(
                    f"{_title(runs)} deleted; u brings {'them' if len(runs) > 1 else 'it'} back until you leave"
                )

            self._do("delete", work)

    def _leave_line(self, gone: set[str]) -> None:
        """Select the next line that stays, as one's eyes do."""
        for one in gone:
            self.choice.marked.pop(one, None)
        at = next((n for n, line in enumerate(self.lines) if line.id == self.selected), 0)
        after = [*self.lines[at:], *reversed(self.lines[:at])]
        stays = (line for line in after if line.id not in gone and not {run.id for run in line.members} & gone)
        self.selected = next((line.id for line in stays), None)

    def action_undo(self) -> None:
        def work() -> Message:
            back = self.dltui.services.restore()
            if not back:
                return Told("nothing was deleted since you came")
            self.dltui.call_from_thread(self._select, back[0])
            return Told(f"{', '.join(back)} brought back")

        self._do("undo", work)

    def _select(self, run: str) -> None:
        self.selected = run

    def action_fork(self) -> None:
        run = self.run
        if run is None or self._refuse_read_only():
            return
        text = f"fork {run.name.strip()} with (e.g. lr=0.01 epochs=20)"
        self.notice.prompt(text, "", lambda _: "", lambda typed: self._fork(run, typed))

    def _fork(self, run: Summary, typed: str) -> None:
        self.notice.say(f"forking {run.name.strip()} ...", "accent", seconds=60)
        in_thread(self, "fork", lambda: Begun(self.dltui.services.fork(run.directory, typed.split())))

    def on_begun(self, message: Begun) -> None:
        self.notice.hush()
        self.dltui.open_run(message.begun)

    def _do(self, task: str, work: Any) -> None:
        def then() -> Message:
            try:
                message: Message = work()
            finally:
                self.reread()
            return message

        in_thread(self, task, then)

    def _refuse_read_only(self) -> bool:
        if self.dltui.services.read_only:
            self.notice.say("read-only: you can watch, not change anything", "bad")
        return self.dltui.services.read_only

    def _may_write(self, runs: Sequence[Summary]) -> bool:
        shut = [run for run in runs if not self.dltui.services.may_command(run.directory)]
        if shut:
            self.notice.say(f"read-only: {shut[0].name.strip()} is not yours to change", "bad")
        return not shut


def _title(runs: Sequence[Summary]) -> str:
    return runs[0].name.strip() if len(runs) == 1 else plural(len(runs), "run")


def _name_problem(text: str) -> str:
    if not text.strip():
        return "a name needs at least one character"
    return f"at most {LONGEST_NAME} characters" if len(text) > LONGEST_NAME else ""


def _tag_problem(text: str) -> str:
    return f"at most {LONGEST_TAG} characters a tag" if any(len(tag) > LONGEST_TAG for tag in text.split()) else ""


def _note_problem(text: str) -> str:
    return f"at most {LONGEST_NOTE} characters" if len(text) > LONGEST_NOTE else ""
