"""Chooses how the steps of a run are run: eagerly or as replays of a captured one, compiled or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from dltui.core.train.options import time_budget
from dltui.plugins.torch.steps import captured, compiled
from dltui.plugins.torch.steps.captured import Captured, Refused
from dltui.plugins.torch.steps.eager import Eager
from dltui.plugins.torch.steps.kept import Kept

if TYPE_CHECKING:
    from dltui.core.contract import EpochPlan
    from dltui.core.contract.config import TrainConfig

Runner = Captured | Eager
MICRO = 1e6


class Preparation:
    """Gets ready for the steps of a run that `eager` would run, too; an `obstacle` is why they cannot be captured.
    `lines` are what the log says about it."""

    def __init__(self, eager: Eager, config: TrainConfig, obstacle: str) -> None:
        self._eager, self._computation, self._config, self._obstacle = eager, eager.computation, config, obstacle
        self.lines: list[str] = []

    def choose(self, plan: Callable[[], EpochPlan], steps: int) -> Runner:
        """The way to run `steps` steps of plans like this one. The weights and all else stay as they are."""
        recorder = captured.recorder(self._eager.device)
        if recorder is not None:
            try:
                return self._capture(recorder, plan(), steps)
            except Refused as refusal:
                self.lines.append(f"steps run one operation at a time, not as a CUDA graph: {refusal}")
        if self._config.compile == "on":
            self._compile_eager(plan)
        return self._eager

    def _capture(self, recorder: captured.Recorder, plan: EpochPlan, steps: int) -> Captured:
        """Raises Refused."""
        if self._obstacle:
            raise Refused(self._obstacle)
        runner = self._captured(recorder, plan)
        alone = runner.step_seconds
        reason = self._reason_against(alone, steps)
        if reason:
            self.lines.append(f"steps run as a CUDA graph, {_micro(alone)} each; {reason}")
            return runner
        began = perf_counter()
        try:
            with captured.refusing(), self._compiled():
                quick = self._captured(recorder, plan)
                if self._config.compile == "auto" and quick.step_seconds > compiled.BETTER * alone:
                    raise Refused(f"compiled they take {_micro(quick.step_seconds)}")
        except Refused as refusal:
            self.lines.append(f"steps run as a CUDA graph, {_micro(alone)} each; not compiled: {refusal}")
            return runner
        self.lines.append(
            f"steps run compiled as a CUDA graph, {_micro(quick.step_seconds)} each instead of {_micro(alone)}; "
            f"{perf_counter() - began:.0f} s to compile"
        )
        return quick

    def _captured(self, recorder: captured.Recorder, plan: EpochPlan) -> Captured:
        """Raises Refused."""
        with captured.refusing():
            runner = Captured(self._eager, recorder)
            runner.capture(plan)
        return runner

    def _reason_against(self, step_seconds: float, steps: int) -> str:
        """The reason not to compile captured steps, or ""."""
        if self._config.compile == "off":
            return "not compiled, as asked"
        if self._computation.losses.own_step is not None:
            return "a training_step of a model's own is not compiled"
        if self._config.compile == "on":
            return ""
        if self._config.deterministic:
            return "with deterministic, --compile on compiles them: a choice by measured times would not repeat"
        if self._config.max_time:
            # How many steps there will be is not known before the first ones: far too many are planned.
            steps = min(steps, round(time_budget.parse(self._config.max_time) / max(step_seconds, 1e-9)))
        return "" if compiled.pays(step_seconds, steps) else compiled.too_short(step_seconds, steps)

    def _compile_eager(self, plan: Callable[[], EpochPlan]) -> None:
        """Compile steps that no graph replays, where it is asked for."""
        if self._computation.losses.own_step is not None:
            self.lines.append("compile on has no effect: a training_step of a model's own is not compiled")
            return
        try:
            seconds = self._try_compiled(plan())
            self.lines.append(f"steps run compiled; {seconds:.0f} s to compile")
        except Exception as error:
            self.lines.append(f"compile on has no effect: {captured.reason_of(error)}")

    def _try_compiled(self, plan: EpochPlan) -> float:
        """Let steps be compiled from now on. Returns the seconds that the first one took; all else stays as it is."""
        kept = Kept(self._computation, self._eager.device)
        try:
            # One as it is, for the names of the losses: the compiled form has those that are known when it is made.
            self._eager.begin(plan)
            self._eager.advance(1)
            began = perf_counter()
            with self._compiled():
                self._eager.begin(plan)
                self._eager.advance(1)
            return perf_counter() - began
        finally:
            kept.restore()

    @contextmanager
    def _compiled(self) -> Iterator[None]:
        """Let the computation use its compiled form; after an error it has the other one again."""
        self._computation.use(compiled.forward(self._computation))
        try:
            yield
        except BaseException:
            self._computation.use(None)
            raise


def _micro(seconds: float) -> str:
    return f"{seconds * MICRO:,.0f} us"
