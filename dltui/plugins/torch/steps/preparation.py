"""Chooses how the steps of a run are run: eagerly or as replays of a captured one, compiled or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

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
        runner = Captured(self._eager, recorder)
        runner.capture(plan)
        alone = runner.step_seconds
        reason = self._reason_against(alone, steps)
        if reason:
            self.lines.append(f"steps run as a CUDA graph, {_micro(alone)} each; {reason}")
            return runner
        quick, began = Captured(self._eager, recorder), perf_counter()
        try:
            with self._compiled():
                quick.capture(plan)
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
        return "" if compiled.pays(step_seconds, steps) else compiled.too_short(step_seconds, steps)

    def _compile_eager(self, plan: Callable[[], EpochPlan]) -> None:
        """Compile steps that no graph replays, where it is asked for."""
        if self._computation.losses.own_step is not None:
            self.lines.append("compile on has no effect: a training_step of a model's own is not compiled")
            return
        kept, began = Kept(self._computation, self._eager.device), perf_counter()
        try:
            with self._compiled():
                self._eager.begin(plan())
                self._eager.advance(1)
            self.lines.append(f"steps run compiled; {perf_counter() - began:.0f} s to compile")
        except Exception as error:
            self.lines.append(f"compile on has no effect: {captured.reason_of(error)}")
        finally:
            kept.restore()

    @contextmanager
    def _compiled(self) -> Iterator[None]:
        """Let the computation use its compiled form; after an error it has the other one again."""
        plain = self._computation.forward
        self._computation.forward, self._computation.compiled = compiled.forward(self._computation), True
        try:
            yield
        except BaseException:
            self._computation.forward, self._computation.compiled = plain, False
            raise


def _micro(seconds: float) -> str:
    return f"{seconds * MICRO:,.0f} us"
