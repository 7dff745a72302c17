"""The folder of a sweep: what was asked for, and who sees to it. The results lie in the run directories alone.

`$DLTUI_HOME/sweeps/NAME/` holds `sweep.json` (plan and request), `lock` (held by the coordinator), `stop` (it is to
end), `problem` (why it ended), `refused` (the values that do not go together, by the number of their trial, a JSON
object a line) and `coordinator.log`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

from dltui.core import fs, paths
from dltui.core.analysis.trials import plan as plans
from dltui.core.analysis.trials import space
from dltui.core.analysis.trials.plan import Plan
from dltui.core.analysis.trials.space import Values
from dltui.core.analysis.trials.trial import TrialReader, plan_of
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle.create import RunRequest
from dltui.core.rundir import confidential, lock
from dltui.core.rundir.names import check_run_name
from dltui.core.text import clean_line, suggest

FORMAT = 1
_MOST_BYTES = 1 << 24


class SweepFolder:
    """The folder of a sweep by its name. Making this object reads nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = paths.sweeps_dir() / name
        self.lock_path = self.path / "lock"
        self.log_path = self.path / "coordinator.log"
        self._request_path = paths.sweep_file(name)

    @classmethod
    def create(
        cls,
        plan: Plan,
        request: RunRequest,
        loggers: list[dict[str, str]],
        refused: Mapping[int, Values] = MappingProxyType({}),
    ) -> SweepFolder:
        """Make the folder of a new sweep; `loggers` have their options as they were given, `refused` are the values
        that do not go together. Raises UsageError.
        """
        found = cls(check_run_name(plan.name))
        paths.ensure_private_dir(paths.sweeps_dir())
        temp = fs.temp_name(found.path)
        try:
            fs.FS.mkdir(temp)
            confidential.write(temp, loggers)
            fs.write_new(temp / found._request_path.name, _dump(plan, request))
            if refused:
                fs.write_new(temp / "refused", _lines(refused).encode())
            if found.path.exists():
                raise UsageError(f"there is a sweep {clean_line(plan.name)} already; choose another --name")
            fs.commit_dir(temp, found.path)
        except OSError as error:
            raise UsageError(f"cannot write to {paths.sweeps_dir()}: {error.strerror}") from error
        finally:
            if temp.exists():
                fs.remove_dir(temp)
        return found

    @property
    def exists(self) -> bool:
        try:
            return self._request_path.is_file()
        except (OSError, ValueError):
            # Too long for a name, or not one.
            return False

    def plan(self) -> Plan:
        """The plan as it is now: trials may have been added. Raises UsageError."""
        return self._read()[0]

    def request(self) -> RunRequest:
        """The request of its runs, without the values of a trial. Raises UsageError."""
        return self._read()[1]

    def change(self, **changes: Any) -> Plan:
        """Change the plan, such as the number of trials. Raises UsageError or RunError."""
        plan, request = self._read()
        plan = plans.check(replace(plan, **changes))
        try:
            fs.write_atomic(self._request_path, _dump(plan, request))
        except OSError as error:
            raise RunError(f"cannot write to {clean_line(self.path)}: {error.strerror}") from error
        return plan

    def more(self, count: int, **changes: Any) -> int:
        """Add `count` trials, with other changes to the plan; returns how many were added, as there may be no more
        combinations. Raises UsageError or RunError.
        """
        before = self.plan().trials
        return self.change(trials=before + count, **changes).trials - before

    def _read(self) -> tuple[Plan, RunRequest]:
        try:
            content = json.loads(fs.read_limited(self._request_path, _MOST_BYTES))
            if content["format"] > FORMAT:
                raise UsageError(f"sweep {clean_line(self.name)} was made by a newer dltui; upgrade dltui")
            plan, request = Plan.from_json(content["plan"]), RunRequest(**content["request"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            raise UsageError(f"sweep {clean_line(self.name)}: its sweep.json is missing or damaged") from None
        options = self._options()
        loggers = options if len(options) == len(request.loggers) else request.loggers
        return plan, replace(request, loggers=loggers)

    def _options(self) -> list[str]:
        """The loggers as they were given; [] without secrets."""
        try:
            found = json.loads(fs.read_limited(self.path / confidential.FILE, _MOST_BYTES))["loggers"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return []
        request = json.loads(fs.read_limited(self._request_path, _MOST_BYTES))["request"]
        names = [str(word).partition("=")[0] for word in request["loggers"]]
        return [f"{name}={option}" if option else name for name, option in zip(names, found, strict=False)]

    @property
    def is_led(self) -> bool:
        """True while its coordinator lives."""
        return lock.is_held(self.lock_path)

    @property
    def is_stopped(self) -> bool:
        return (self.path / "stop").exists()

    def stop(self) -> None:
        """Let its coordinator end. Raises RunError."""
        self._note("stop", "")

    def tell_problem(self, text: str) -> None:
        with contextlib.suppress(RunError):
            self._note("problem", text)

    def problem(self) -> str:
        """The reason why its coordinator ended before its time; ""."""
        with contextlib.suppress(OSError, ValueError):
            return clean_line(fs.read_limited(self.path / "problem", 10_000).decode(), 500)
        return ""

    def refused(self) -> dict[int, Values]:
        """The values of the trials that cannot be trained, as they do not go together, by the numbers of these."""
        try:
            records = [json.loads(line) for line in fs.read_limited(self.path / "refused", _MOST_BYTES).splitlines()]
            return {int(one["trial"]): space.from_record(one["values"]) for one in records}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return {}

    def refuse(self, number: int, values: Values) -> None:
        """Leave out a trial. Raises RunError."""
        self._note("refused", _lines({**self.refused(), number: values}))

    def begin_again(self) -> None:
        """Forget that it was stopped, and why it ended."""
        for name in ("stop", "problem"):
            with contextlib.suppress(OSError):
                fs.FS.unlink(self.path / name)

    def _note(self, name: str, text: str) -> None:
        try:
            fs.write_atomic(self.path / name, text.encode(), sync=False)
        except OSError as error:
            raise RunError(f"cannot write to {clean_line(self.path)}: {error.strerror}") from error


def _dump(plan: Plan, request: RunRequest) -> bytes:
    asked = asdict(replace(request, loggers=[_masked(word) for word in request.loggers], plugins=()))
    asked["plugins"] = [paths.absolute(str(path)) for path in request.plugins]
    asked["command"] = confidential.mask_command(request.command)
    content = {"format": FORMAT, "plan": plan.to_json(), "request": asked}
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("ascii")


def _lines(refused: Mapping[int, Values]) -> str:
    records = ({"trial": trial, "values": space.to_record(refused[trial])} for trial in sorted(refused))
    return "".join(f"{json.dumps(record)}\n" for record in records)


def _masked(word: str) -> str:
    name, equals, option = word.partition("=")
    return name + equals + confidential.masked(name, option)


def sweeps() -> list[SweepFolder]:
    """All sweeps of this user, by name."""
    try:
        names = sorted(entry.name for entry in paths.sweeps_dir().iterdir() if not fs.is_temp(entry.name))
    except OSError:
        return []
    return [found for name in names if (found := SweepFolder(name)).exists]


def _is_there(name: str) -> bool:
    """True for the name of a sweep that has a folder."""
    return bool(name) and "/" not in name and name not in (".", "..") and SweepFolder(name).exists


def find(name: str) -> SweepFolder:
    """The sweep of this name. Raises UsageError."""
    if _is_there(name):
        return SweepFolder(name)
    known = [one.name for one in sweeps()]
    hint = suggest(name, known) or (f"there is {', '.join(known[:5])}" if known else "there is none yet")
    raise UsageError(f'no sweep "{clean_line(name, 80)}"; {hint}')


def known_plan(name: str) -> Plan:
    """The plan of a sweep by its folder, or by one of its runs where only these are here. Raises UsageError."""
    if _is_there(name):
        return SweepFolder(name).plan()
    plan = next(filter(None, map(plan_of, TrialReader(name).runs())), None)
    return plan if plan is not None else find(name).plan()


def standing(folder: SweepFolder, over: bool, unfinished: bool) -> tuple[str, str]:
    """The status of a sweep and what to do: `over` when all of its runs are, `unfinished` when more are wanted."""
    if folder.exists and folder.is_led:
        return "running", ""
    if not over:
        # Its workers go on without it.
        return ("running", f"dltui sweep resume {folder.name}") if unfinished else ("running", "")
    if not unfinished:
        return "finished", ""
    if not folder.exists:
        return "interrupted", "its folder is not here"
    problem = folder.problem()
    if problem:
        return "failed", f"{problem}; dltui sweep resume {folder.name}"
    return "stopped" if folder.is_stopped else "interrupted", f"dltui sweep resume {folder.name}"
