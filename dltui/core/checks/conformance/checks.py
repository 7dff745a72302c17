"""The checks that need the framework: each takes a model, and raises CheckFailed with the remedy or returns its
findings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dltui.core.catalog import plugin_loader
from dltui.core.checks.conformance import named_samples, samples
from dltui.core.checks.conformance.schema import sound
from dltui.core.checks.conformance.subject import CheckFailed, Subject, difference, expect, weights
from dltui.core.contract.state import PARTS
from dltui.core.errors import RunError
from dltui.core.tasks.registry import TASKS
from dltui.core.train import evaluation, first_look
from dltui.core.train.buckets import Buckets
from dltui.core.train.loop import CHUNK_SECONDS
from dltui.core.train.metrics import measure
from dltui.core.train.plan import Planner

if TYPE_CHECKING:
    from dltui.core.contract import Data, EpochPlan, StepStats, Trainable
    from dltui.core.contract.types import Array, State

EPOCHS = 40
LOOK_EPOCHS = 10
"""The epochs after which the loss is looked at: a network that has learned by then need not train on."""
FALL = 0.8
"""The loss after training, as a part of the loss before."""
WAIT_SECONDS = 1.0
"""Longest time that a pause or stop may wait for a step of 32 small samples."""
OVERHEAD = 0.1
"""The part of a chunk's time that recording may take."""


def builds(subject: Subject) -> str:
    """Check several image sizes, channels and class counts: finite outputs of the right shape. A shape that the model
    refuses by its own RunError is not a failure.
    """
    shapes, refusals = subject.shapes(), []
    for shape, outputs in shapes:
        data, where = samples.make(subject.model.task, shape, outputs), samples.label(shape, outputs)
        # A trainable first: it sets the framework up.
        try:
            trainable = subject.trainable(data, subject.config())
        except RunError as error:
            if not subject.is_own(error):
                raise
            refusals.append(f"{where}: {error}")
            continue
        except (ValueError, AssertionError) as error:
            if not subject.is_own(error):
                raise
            reason = plugin_loader.explain("", error).reason
            raise CheckFailed(f"{where}: {reason}; raise RunError for a shape that the model does not take") from error
        found, _ = evaluation.ask(trainable, "validation", slice(0, 3))
        layers = subject.backend.layers(subject.model, subject.config(), data.spec)
        expect(len(layers) > 0, f"{where}: no layers are listed; Backend.layers gives the structure")
        wanted = (3, *TASKS[data.spec.task].output_shape(data.spec))
        text = f"{where}: predict gave {found.dtype} {found.shape}, wanted float32 {wanted}"
        expect(found.shape == wanted and found.dtype == np.float32, text + "; make the last layer spec.outputs wide")
        expect(bool(np.isfinite(found).all()), f"{where}: an untrained network gives outputs that are not finite")
        notes = first_look.look(trainable, data, subject.model.metrics, subject.monitor)
        expect(not notes, f"{where}: {'; '.join(notes)}")
    expect(len(refusals) < len(shapes), f"no shape is taken; {'; '.join(refusals)}")
    first, last = samples.label(*shapes[0]), samples.label(*shapes[-1])
    text = f"1 shape: {first}" if len(shapes) == 1 else f"{len(shapes)} shapes from {first} to {last}"
    text += "; without pretrained weights" if subject.begins_trained else ""
    text += f"; it refuses {len(refusals)}: {'; '.join(refusals)}" if refusals else ""
    text += _honors_masks(subject)
    return "; ".join([text, *(f"for {other.model.task} {builds(other)}" for other in subject.other_tasks())])


def _honors_masks(subject: Subject) -> str:
    """Check that longer padding changes no output; a model that cannot be built for it with the same weights is left
    out.
    """
    compared = []
    for named, outputs in subject.named_shapes():
        if not any(one.padded for one in named):
            continue
        data = named_samples.of(subject.model.task, named, outputs)
        longer = named_samples.padded_further(data)
        trainable, other = (subject.trainable(one, subject.config()) for one in (data, longer))
        try:
            other.load_state(weights(trainable.state()))
        except RunError:
            continue
        rows = slice(0, 8)
        found, wanted = other.predict("validation", rows), trainable.predict("validation", rows)
        where = samples.label(named, outputs)
        text = f"{where}: padding changes the outputs; use NAME_mask, which is True where there is a value"
        expect(bool(np.allclose(found, wanted, rtol=1e-4, atol=1e-5)), text)
        compared.append(where)
    return f"; padding changes nothing in {'; '.join(compared)}" if compared else ""


def learns(subject: Subject) -> str:
    """Check that the loss falls on a tiny set, with the model's own defaults, for each task."""
    found = [_learns(subject), *(f"for {other.model.task} {_learns(other)}" for other in subject.other_tasks())]
    return f"loss {'; '.join(found)}"


def _learns(subject: Subject) -> str:
    data = subject.data()
    config = subject.config(epochs=EPOCHS)
    trainable, planner = subject.trainable(data, config), Planner(config, len(data.train), shape=data.spec.input_shape)
    before = after = _loss(trainable, data)
    fell, epochs = False, 0
    while not fell and epochs < EPOCHS:
        for _ in range(LOOK_EPOCHS):
            trainable.begin_epoch(planner.epoch(epochs))
            stats = trainable.advance(planner.steps_per_epoch)
            epochs += 1
            finite = bool(np.isfinite(np.asarray(stats.loss)).all())
            expect(finite, f"the loss is not finite in epoch {epochs}; lower the default of lr")
        after = _loss(trainable, data)
        # A loss of the model's own may be negative, a likelihood for example.
        fell = after < before - (1 - FALL) * abs(before)
    text = f"{before:.3g} -> {after:.3g} in {epochs} epochs of {planner.steps_per_epoch} steps"
    falls = f"falls too little, by less than {1 - FALL:.0%}" if after < before else "does not fall"
    expect(fell, f"the loss on {len(data.train)} easy samples {falls} ({text}); try another lr")
    return text


def keeps_state(subject: Subject) -> str:
    """Check that a saved and loaded state is equal, and that a state that does not fit is refused."""
    data, config = subject.data(), subject.config()
    trainable = _trained(subject, data, 2)
    state = trainable.state()
    _check_arrays(state)
    other = subject.trainable(data, config.model_copy(update={"seed": config.seed + 1}))
    other.load_state(state)
    found = difference(state, other.state())
    expect(not found, f"after load_state(state()) {found}; save and load every weight and optimizer slot")
    rows = slice(0, 8)
    same = np.array_equal(trainable.predict("validation", rows), other.predict("validation", rows))
    expect(same, "the loaded model predicts something else; does it keep weights that state() leaves out?")
    name = next(name for name in state if name.startswith("weights/"))
    try:
        other.load_state({name: np.zeros((3, 1, 4, 1, 5), np.float32)})
    except RunError:
        return f"{len(state)} arrays, {sum(array.nbytes for array in state.values()):,} bytes"
    except Exception as error:
        expect(False, f"weights of another shape raise {type(error).__name__}; raise RunError with one line")
    expect(False, "weights of another shape are loaded without a word; raise RunError with one line")
    return ""


def resumes(subject: Subject) -> str:
    """Check that a run stopped in the middle of an epoch and resumed has the weights of an uninterrupted run, to the
    last bit.
    """
    data, config = subject.data(), subject.config(epochs=2)
    planner = Planner(config, len(data.train), shape=data.spec.input_shape)
    whole = subject.trainable(data, config)
    for epoch in range(2):
        whole.begin_epoch(planner.epoch(epoch))
        whole.advance(planner.steps_per_epoch)
    expected = weights(whole.state())
    first = subject.trainable(data, config)
    first.begin_epoch(planner.epoch(0))
    first.advance(planner.steps_per_epoch)
    first.begin_epoch(planner.epoch(1))
    first.advance(1)
    # Before there is another trainable, which seeds the random numbers of the process.
    state = first.state()
    second = subject.trainable(data, config)
    second.load_state(state)
    second.begin_epoch(planner.epoch(1, 1))
    second.advance(planner.steps_per_epoch - 1)
    found = difference(expected, weights(second.state()))
    text = "is all in state() that a step depends on: momentum, step count, random numbers?"
    expect(not found, f"after stop and resume {found}; {text}")
    return "stopped after step 4 of 6: equal to the last bit"


def obeys(subject: Subject) -> str:
    """Check that a chunk is exactly the requested steps, and that a step is short, so that pause and stop take effect
    at once.
    """
    data = subject.data()
    trainable = _trained(subject, data, 2)
    plan = _long_plan(subject, data, 8)
    trainable.begin_epoch(plan)
    shape = {len(np.atleast_1d(column)) for column in _columns(trainable.advance(3))}
    expect(shape == {3}, f"advance(3) returned {sorted(shape)} values a metric; return one for each step")
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        trainable.advance(1)
        seconds.append(time.perf_counter() - began)
    best = min(seconds)
    expect(
        best <= WAIT_SECONDS,
        f"one step of {plan.batch} small samples takes {best:.1f} s, so long a pause or stop waits; "
        "advance(steps) must do these steps and nothing else",
    )
    return f"a command waits {best * 1000:.1f} ms for the end of a step"


def reports_cheaply(subject: Subject) -> str:
    """Check that recording the values of `advance` takes little of the 100 ms of a chunk."""
    data = subject.data()
    trainable = _trained(subject, data, 2)
    steps = 16
    trainable.begin_epoch(_long_plan(subject, data, steps))
    stats = trainable.advance(steps)
    seconds = min(_recording(stats, steps) for _ in range(3))
    part = seconds / CHUNK_SECONDS
    text = f"recording {len(stats.metrics) + 1} values a step takes {part:.1%} of a chunk"
    expect(part <= OVERHEAD, f"{text}, at most {OVERHEAD:.0%} is good; return fewer metrics from advance")
    return text


def _recording(stats: StepStats, steps: int) -> float:
    """The seconds that the loop needs for the statistics of a chunk."""
    buckets = Buckets(steps)
    began = time.perf_counter()
    wide = {name: np.asarray(values, dtype=np.float64) for name, values in stats.metrics.items()}
    buckets.add(0, np.asarray(stats.loss, dtype=np.float64), wide, np.zeros(steps, np.float32))
    buckets.take(True)
    return time.perf_counter() - began


def _loss(trainable: Trainable, data: Data) -> float:
    """The model's own loss if it has one, because training reduces that one for certain; else that of the task."""
    outputs, own = evaluation.ask(trainable, "train", slice(0, len(data.train)))
    return abs(measure(data.spec.task, outputs, data.train.y, data.spec)["loss"]) if not own else own["loss"]


def _trained(subject: Subject, data: Data, steps: int) -> Trainable:
    trainable = subject.trainable(data, subject.config())
    trainable.begin_epoch(_long_plan(subject, data, steps))
    trainable.advance(steps)
    return trainable


def _long_plan(subject: Subject, data: Data, steps: int) -> EpochPlan:
    """A plan of this many steps, made of several passes over the data."""
    planner = Planner(subject.config(), len(data.train), shape=data.spec.input_shape)
    plan = planner.epoch(0)
    rows = np.arange(steps) % plan.steps
    return plan.rows(rows)


def _columns(stats: StepStats) -> list[Array]:
    return [stats.loss, *stats.metrics.values()]


def _check_arrays(state: State) -> None:
    expect(any(name.startswith("weights/") for name in state), 'state() has no key that begins with "weights/"')
    for name, array in state.items():
        known = name.split("/")[0] in PARTS
        expect(known, f"the state's key {name} must begin with weights/, optimizer/ or rng/")
        fits = isinstance(array, np.ndarray) and array.dtype.kind in "fiub"
        expect(fits, f"{name} in the state is a {type(array).__name__} that no checkpoint can keep; use NumPy numbers")


CHECKS: dict[str, Callable[[Subject], str]] = {
    "schema": sound,
    "build": builds,
    "learn": learns,
    "state": keeps_state,
    "resume": resumes,
    "obey": obeys,
    "telemetry": reports_cheaply,
}
