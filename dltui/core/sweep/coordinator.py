"""Makes the trials of a sweep and starts them, until all are over; then the winner is tested, or trained again.

It keeps nothing: each look at the run directories tells what is left to do, so that it may be killed at any moment and
begin again. A trial that was interrupted goes on; one that a user has stopped or killed is left alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dltui.core.analysis.trials import space, trial
from dltui.core.catalog.fields import flag_words
from dltui.core.errors import UsageError
from dltui.core.lifecycle.create import RunRequest, check_request, create_checked, create_run
from dltui.core.lifecycle.launch import launching
from dltui.core.lifecycle.start import queue_worker
from dltui.core.machine.devices import list_devices
from dltui.core.reading.status import Status
from dltui.core.rundir.launch import DEFAULT
from dltui.core.sweep import samplers
from dltui.core.worker import figures
from dltui.core.worker.waiting import device_queue

if TYPE_CHECKING:
    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.analysis.trials.space import Values
    from dltui.core.analysis.trials.trial import Trial
    from dltui.core.catalog.entries import Catalog
    from dltui.core.lifecycle.create import Checked
    from dltui.core.machine.devices import Device
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.sweep.folder import SweepFolder

POLL_SECONDS = 0.25
MOST_DEATHS = 5
"""Interruptions at the same step after which a trial is not started again."""


def trial_name(plan: Plan, number: int) -> str:
    return f"{plan.name}-t{number:03d}"


def winners_group(plan: Plan, trial: int) -> str:
    """The group of the runs that train a winner again: a later winner has a group of its own."""
    return f"{plan.name}-winner-t{trial:03d}"


def trial_request(plan: Plan, request: RunRequest, number: int, values: Values) -> RunRequest:
    """The request of a trial. Its command trains it alone, and whole."""
    return replace(
        request,
        config={**request.config, **space.to_record(values), "test": False},
        name=trial_name(plan, number),
        group=plan.name,
        draws=tuple(request.formats) != (figures.NONE,),
        sweep={"name": plan.name, "trial": number, "values": space.to_record(values), "plan": plan.to_json()},
        command=(*request.command, *_flags(values), "--no-test"),
    )


def confirming_seeds(plan: Plan, request: RunRequest) -> list[int]:
    """The seeds with which the winner is trained again: none by which a trial may have won."""
    varied = next((one for one in plan.space if one.name == "seed"), None)
    last = int(request.config.get("seed", 0)) if varied is None else int(varied.greatest)
    return [last + 1 + place for place in range(plan.confirm)]


def confirming_name(plan: Plan, trial: int, seed: int) -> str:
    return f"{winners_group(plan, trial)}-s{seed}"


def confirming_request(plan: Plan, request: RunRequest, best: Trial, seed: int) -> RunRequest:
    """The request that trains the winner again with another seed; its test split is evaluated."""
    values = {name: value for name, value in best.values.items() if name != "seed"}
    return replace(
        request,
        config={**request.config, **space.to_record(values), "seed": seed, "test": True},
        name=confirming_name(plan, best.number, seed),
        group=winners_group(plan, best.number),
        sweep={
            "name": plan.name,
            "trial": best.number,
            "values": space.to_record(values),
            "confirms": best.number,
            "plan": plan.to_json(),
        },
        command=(*request.command, *_flags(values), "--seed", str(seed)),
    )


def _flags(values: Mapping[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in flag_words(name, value)]


def _device_of(run: RunDirectory) -> str:
    return str(run.run()["device"]["name"])


def _has_device(run: RunDirectory) -> bool:
    """True if the worker of a run has its device, and waits for no other run here."""
    return launching.is_away(run) or any(
        ticket.order == 0 and ticket.run == run.id for ticket in device_queue.tickets(run)
    )


class Coordinator:
    """Sees to one sweep."""

    def __init__(self, folder: SweepFolder, catalog: Catalog, tell: Callable[[str], None] = lambda text: None) -> None:
        self._folder, self._catalog, self._tell = folder, catalog, tell
        self._reader = trial.TrialReader(folder.name)
        self._request = folder.request()
        self._deaths: Counter[tuple[str, int]] = Counter()
        """How often each run was started again at each of its steps."""
        self._given_up: set[str] = set()
        self._asked = ""
        """The run that was to be started at the last look, when its launcher was asked about it instead."""

    def run(self) -> None:
        """See to the sweep until nothing is left to do, or it is stopped. Raises UsageError and RunError."""
        while not self._folder.is_stopped:
            if not self.step():
                return
            time.sleep(POLL_SECONDS)

    def step(self) -> bool:
        """Do what can be done now; False when nothing is left."""
        plan = self._folder.plan()
        every = self._reader.all()
        own = [one for one in every if one.confirms is None]
        going, lost = [one for one in every if not one.over], [one for one in every if self._is_lost(one)]
        full = len(going) >= plan.parallel or (going and not any(_has_device(one.run) for one in going))
        asked, self._asked = self._asked, ""
        for one in every:
            if full or one not in lost[:1]:
                launching.refresh(one.run, Status(one.status))
        if full:
            # The sweep waits for its device as one; then it has several trials there.
            return True
        if lost:
            # Before new ones, and one after the other, as these begin.
            if lost[0].run.id != asked and launching.refresh_all([(lost[0].run, Status(lost[0].status))]):
                # Its job may be in the queue again: what was answered counts at the next look.
                self._asked = lost[0].run.id
                return True
            self._deaths[lost[0].run.id, lost[0].step] += 1
            self._start(lost[0].run, going)
            return True
        number = self._next(own)
        if number < plan.trials:
            self._begin_trial(plan, number, own, going)
            return True
        if any(one.confirms is None for one in going):
            return True
        return self._see_to_winner(plan, own, every, going) or bool(going)

    def _is_lost(self, one: Trial) -> bool:
        """True for a run whose worker was killed, or has never begun, and not because a user wanted it."""
        if one.status not in trial.LOST or one.run.id in self._given_up or one.killed:
            return False
        if launching.is_withdrawn(one.run):
            return False
        if self._deaths[one.run.id, one.step] < MOST_DEATHS:
            return True
        self._given_up.add(one.run.id)
        self._tell(f"{one.run.id}: left alone after {MOST_DEATHS} deaths at step {one.step:,}: {one.why}")
        return False

    def _next(self, own: Sequence[Trial]) -> int:
        return trial.following(own, self._folder.refused())

    def _begin_trial(self, plan: Plan, number: int, before: Sequence[Trial], going: Sequence[Trial]) -> None:
        values = samplers.values(plan, number, before, self._folder.refused().values())
        request = replace(trial_request(plan, self._request, number, values), device=self._device(plan, going))
        checked: Checked | None = None
        try:
            checked = check_request(request, self._catalog)
            prepared = checked.prepare(self._tell)
        except UsageError as error:
            # Where the first trial would be refused as well, the values are not the reason.
            if not before or self._is_refused(self._again(plan, before[0], request.device), checked is not None):
                raise
            # Values that do not go together: the next trial has others.
            self._folder.refuse(number, values)
            self._tell(f"trial {number} cannot be trained: {error}")
            return
        self._start(create_checked(request, prepared), going)

    def _again(self, plan: Plan, one: Trial, device: str) -> RunRequest:
        """The request of a trial that there is."""
        return replace(trial_request(plan, self._request, one.number, dict(one.values)), device=device)

    def _is_refused(self, request: RunRequest, with_data: bool) -> bool:
        """True for a request that cannot be trained; its data is looked at only `with_data`."""
        try:
            checked = check_request(request, self._catalog)
            if with_data:
                checked.prepare(self._tell)
        except UsageError:
            return True
        return False

    def _device(self, plan: Plan, going: Sequence[Trial]) -> str:
        """The device of the next trial: of several GPUs, where the choice was left open, one with the fewest trials;
        one on which it would wait for others than the sweep only where that is so on all.
        """
        asked = self._request.device
        if plan.parallel == 1 or asked not in ("auto", "cuda") or self._request.launcher != DEFAULT:
            return asked
        gpus = [one for one in list_devices() if one.kind == "cuda" and not one.problem]
        if len(gpus) < 2:
            return asked
        busy = Counter(_device_of(one.run) for one in going)
        trained_on = {_device_of(one.run) for one in going if _has_device(one.run)}
        run_ids = {one.run.id for one in going}

        def order(gpu: Device) -> tuple[bool, int]:
            return gpu.name not in trained_on and not device_queue.is_free(gpu, run_ids), busy[gpu.name]

        return min(gpus, key=order).name

    def _start(self, run: RunDirectory, going: Sequence[Trial], instead: Mapping[str, Any] | None = None) -> None:
        """Start a worker. It waits for other runs of its device, unless one of the sweep trains there already."""
        device = _device_of(run)
        beside = any(_device_of(one.run) == device and _has_device(one.run) for one in going)
        queue_worker(run, at_once=beside, instead=instead)

    def _see_to_winner(self, plan: Plan, own: Sequence[Trial], every: Sequence[Trial], going: Sequence[Trial]) -> bool:
        """Test the winner, or train it again with other seeds; False when that has been done."""
        best = trial.winner(own)
        if best is None:
            return False
        if not plan.confirm:
            return self._test(best)
        # By their seeds: a run is numbered where there are figures under its name.
        there = {one.run.run()["config"].get("seed") for one in every if one.confirms == best.number}
        for seed in confirming_seeds(plan, self._request):
            if seed not in there:
                request = confirming_request(plan, self._request, best, seed)
                request = replace(request, device=self._device(plan, going))
                self._start(create_run(request, self._catalog, self._tell), going)
                return True
        return False

    def _test(self, best: Trial) -> bool:
        """Let the winner evaluate its test split, with the checkpoint that was best on validation."""
        if not trial.lacks_test(best):
            if best.test is None:
                self._tell(f"{best.run.id}: its test split was not evaluated: {best.status}, {best.why}")
            return False
        self._deaths[best.run.id, -1] += 1
        if self._deaths[best.run.id, -1] > MOST_DEATHS:
            self._tell(f"{best.run.id}: its test split cannot be evaluated, see its worker.log")
            return False
        config = {**best.run.run()["config"], "test": True}
        self._start(best.run, (), {"config": config, "draws": True})
        return True
