"""Finds a value for a run in a process with its framework: `python -P -m dltui.core.finders.finder_process`.

The question comes as JSON on stdin: {"find": "lr", "steps", "lowest", "highest", "accepted"} or {"find": "batch_size",
"highest"}, with the fields of run.json as "asked". On stdout come lines of progress, {"tell": text} and {"point": [lr,
loss]}, and last {"found": {...}} or {"error": one line}.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from dltui.core.analysis import forecast
from dltui.core.catalog import plugin_loader
from dltui.core.catalog.schema import validated
from dltui.core.catalog.sources import FIRST
from dltui.core.data.preparation import Preparation
from dltui.core.errors import RunError
from dltui.core.finders import batch_fit, range_test
from dltui.core.finders.batch_fit import STEPS_AN_EPOCH, Found
from dltui.core.machine.memory import memory_left
from dltui.core.numbers import size
from dltui.core.text import plural
from dltui.core.train import evaluation
from dltui.core.train.plan import Planner
from dltui.core.worker import explain, loading

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Data, Model
    from dltui.core.contract.config import TrainConfig

TRIAL_STEPS = 2
NO_ENGINE = "unable to find an engine to execute this computation"
"""PyTorch's words where cuDNN has no way for a convolution: none that fits, if there was one for a smaller batch."""


class Finder:
    """The model, data and framework that run.json names, and the answers about them."""

    _some_fitted = False
    """True if a batch has fitted so far."""

    def __init__(self, question: Mapping[str, Any], answers: TextIO) -> None:
        self.question, self.asked, self._answers = question, question["asked"], answers
        self._preparation = Preparation(self.asked)
        self.model: Model
        self.backend: Backend
        self.config: TrainConfig
        self.data: Data

    def load(self) -> None:
        self.tell(f"importing {self.asked['framework']}")
        self.model, self.backend = loading.plugins(self.asked)
        self.config = validated(self.model.config, self.asked["config"])
        self.tell("loading data")
        self.data = loading.data(self.asked, self._preparation, self.model, self.config, self.tell)

    def cancel(self) -> None:
        self._preparation.cancel()

    def say(self, record: Mapping[str, Any]) -> None:
        self._answers.write(json.dumps(record) + "\n")
        self._answers.flush()

    def tell(self, text: str) -> None:
        self.say({"tell": text})

    @property
    def device(self) -> str:
        return loading.device(self.asked)

    def answer(self) -> dict[str, Any]:
        return self.rates() if self.question["find"] == "lr" else self.batch_size()

    def rates(self) -> dict[str, Any]:
        """The curve of a range test and its proposal."""
        trainable = self.backend.trainable(self.model, self.config, self.data, self.device)
        if self.model.initial is not None:
            trainable.load_state(self.model.initial(self.config, self.data.spec, lambda text: None))
        planner = self._planner(self.config)
        self.tell("testing learning rates")
        extent = {name: self.question[name] for name in ("steps", "lowest", "highest", "accepted")}
        point = lambda lr, loss: self.say({"point": [lr, loss]})  # noqa: E731
        curve = range_test.run(trainable, planner, clock=time.perf_counter, tell=point, **extent)
        found = range_test.suggest(curve)
        named = asdict(found)
        return {**asdict(curve), **named, "suggestion": named.pop("lr"), "lr": curve.lr, "batch_size": planner.batch}

    def batch_size(self) -> dict[str, Any]:
        """The batch size that fits, and why no larger one."""
        samples, least = len(self.data.train), self._least()
        highest = batch_fit.most(samples, self.question["highest"], least)
        tried = self.device == "cuda"
        found, limit = self._by_trial(highest, least) if tried else self._by_estimate(highest, least)
        if found is None:
            raise RunError(f"not even a batch of {least} fits: {limit}; try a smaller model")
        return {"batch_size": found.batch, "why": self._by_steps(found.batch) if found.limit == "steps" else limit}

    def _by_steps(self, batch: int) -> str:
        """Why no larger batch was tried."""
        samples, highest = len(self.data.train), self.question["highest"]
        steps = f"{plural(max(samples // batch, 1), 'step')} an epoch"
        parts = self.config.accumulate
        if parts > 1 and samples // batch < STEPS_AN_EPOCH:
            return f"{steps}; accumulate {parts} takes no smaller batch"
        if samples // (2 * batch) >= STEPS_AN_EPOCH:
            return f"{steps}, and more than {highest:,} is no batch size"
        return f"{steps}; twice as much would leave fewer than {STEPS_AN_EPOCH}"

    def _least(self) -> int:
        """The smallest power of two with a sample for each part. Raises RunError where it is no batch size."""
        parts, highest = self.config.accumulate, self.question["highest"]
        least = 1 << (parts - 1).bit_length()
        if least > highest:
            raise RunError(f"accumulate {parts} takes a batch of {least:,}, but batch_size is at most {highest:,}")
        return least

    def _by_estimate(self, highest: int, least: int) -> tuple[Found | None, str]:
        """By what the layers output, where a trial would make the whole machine swap."""
        left = memory_left()
        if left is None:
            # A system that does not tell: a batch of the default size is what people train with everywhere.
            default = int(self.asked["defaults"]["batch_size"])
            return Found(
                max(min(highest, batch_fit.power_of_two(default)), least), "memory"
            ), "free memory is not known"
        layers = [asdict(layer) for layer in self.backend.layers(self.model, self.config, self.data.spec)]
        outputs, parameters = forecast.activations(layers), sum(layer["parameters"] for layer in layers)
        sample = self.data.train.x[0].size if len(self.data.train) else 0

        def needed(batch: int) -> int:
            part = -(-batch // self.config.accumulate)
            return forecast.estimate(parameters, outputs + sample, part, self.asked["config"])

        found = batch_fit.estimate(needed, left, highest, least)
        wanted = needed(2 * found.batch if found else least)
        return found, f"{size(left)} are free, of which half is taken; {size(wanted)} would be needed for the next"

    def _by_trial(self, highest: int, least: int) -> tuple[Found | None, str]:
        """By training a moment with each size."""
        found = batch_fit.search(self._fits, highest, least)
        next_one = 2 * found.batch if found else least
        return found, f"found by trial; {next_one:,} runs out of memory"

    def _fits(self, batch: int) -> bool:
        self.tell(f"trying a batch of {batch:,}")
        try:
            self._train_a_moment(self.config.model_copy(update={"batch_size": batch, "compile": "off"}))
        except Exception as error:
            if explain.is_out_of_memory(error) or (self._some_fitted and NO_ENGINE in str(error)):
                return False
            raise
        finally:
            gc.collect()
        self._some_fitted = True
        return True

    def _train_a_moment(self, config: TrainConfig) -> None:
        """Train some steps as a run does, and evaluate as many samples as it does at once."""
        trainable = self.backend.trainable(self.model, config, self.data, self.device)
        plan = self._planner(config).epoch(0).rows(slice(0, TRIAL_STEPS))
        prepare = getattr(trainable, "prepare", None)
        if prepare is not None:
            # What captured steps take stays theirs: an evaluation needs its own beside it.
            prepare(lambda: plan, plan.steps)
        trainable.begin_epoch(plan)
        trainable.advance(plan.steps)
        rows = min(evaluation.rows_at_once(trainable, self.data.spec), len(self.data.validation))
        evaluation.ask(trainable, "validation", slice(0, rows))

    def _planner(self, config: TrainConfig) -> Planner:
        return Planner(
            config, len(self.data.train), shape=self.data.spec.input_shape, stored=self.data.train.whole.shape[1:]
        )

    def explained(self, error: BaseException) -> str:
        source = self.asked["model_source"]
        place = "" if source.get("name") == FIRST else plugin_loader.line_in_plugin(error, source)
        named = self.data.spec.named_inputs if hasattr(self, "data") else ()
        return explain.explain(error, int(self.asked["config"].get("batch_size", 1)), place, named)


def main() -> int:
    # What frameworks print goes where errors go.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    finder = Finder(json.load(sys.stdin), answers)

    def leave(signum: int, frame: FrameType | None) -> None:
        finder.cancel()
        # A framework may be in the middle of a step: nothing has to be tidied up.
        os._exit(128 + signum)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, leave)
    try:
        finder.load()
        finder.say({"found": finder.answer()})
    except BrokenPipeError:
        finder.cancel()
        return 1
    except Exception as error:
        traceback.print_exc()
        finder.say({"error": finder.explained(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
