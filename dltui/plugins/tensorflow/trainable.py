"""Adapts a Keras model to the training loop: a compiled function runs a whole chunk of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dltui.core.contract import EpochPlan, Layer, StepStats
from dltui.core.contract.state import AVERAGE, AVERAGE_STEPS, SCALE, STREAK, WEIGHTS
from dltui.core.errors import RunError
from dltui.core.inputs.records import as_rows
from dltui.core.machine import instructions
from dltui.core.tasks.registry import TASKS
from dltui.core.tasks.regression.scaling import own_units, standardized
from dltui.core.text import clean_line
from dltui.plugins import generators, overrides
from dltui.plugins.named_losses import TOTAL, Names
from dltui.plugins.tensorflow import module, neutral
from dltui.plugins.tensorflow.augment import Augmentation, middle
from dltui.plugins.tensorflow.averaging import Average
from dltui.plugins.tensorflow.inputs.fields import Fields, pieces
from dltui.plugins.tensorflow.layers import list_layers
from dltui.plugins.tensorflow.losses import MARKS, STANDARD, pixel_accuracy, training_loss
from dltui.plugins.tensorflow.optimizers.freezing import Freezing
from dltui.plugins.tensorflow.optimizers.late import ANEW, counts_differ, late_steps
from dltui.plugins.tensorflow.optimizers.make import make_optimizer
from dltui.plugins.tensorflow.optimizers.of_keras import OfKeras, own_optimizer
from dltui.plugins.tensorflow.ranks import Ranks
from dltui.plugins.tensorflow.replicas import Replicas
from dltui.plugins.tensorflow.samples import TrainingSamples, placed, rows_of
from dltui.plugins.tensorflow.scaling import LossScale

if TYPE_CHECKING:
    from dltui.core.contract import Data, Rank, Spec
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array, SplitName, State


class Computed(NamedTuple):
    """What is computed of a batch: its mean loss, its metric, the gradients, the means of the losses with a name."""

    loss: Any
    metric: Any
    gradients: list[Any]
    named: list[Any]


class KerasTrainable:
    """Trains on `device`, where all inputs of a step lie: data (uint8 images), plan, learning rates.

    A chunk is one call of a `tf.function` with the number of steps as a tensor: nothing is traced again, whatever
    the lengths of the chunks. XLA compiles it only if asked: its convolutions are 4 to 25 times slower on a CPU.
    The model gets normalized samples; it may bring its own `training_loss(outputs, targets)`, the mean over a batch,
    its own `configure_optimizer(config)`, or a `training_step(inputs, targets)` that returns (mean loss, outputs).
    A loss may be {"loss": total, "kl": part}.
    """

    def __init__(
        self,
        build: Callable[[Any, Spec], Any],
        config: TrainConfig,
        data: Data,
        device: str,
        replicas: int = 1,
        rank: Rank | None = None,
    ) -> None:
        self._data, self._device = data, device
        names_of_all = [f"{device.rpartition(':')[0]}:{number}" for number in range(replicas)]
        self._replicas = Ranks(rank) if rank else Replicas(names_of_all) if replicas > 1 else None
        self._splits: dict[SplitName, tuple[Any, Any]] = {}
        self._batch, self._next = min(config.batch_size, len(data.train)), 0
        with tf.device(device):
            own = self._build(build, config)
            self._make_variables(config)
        self._own_loss = overrides.find(self.model, "training_loss")
        self._own_step = overrides.find(self.model, "training_step")
        overrides.check_options(config, self._own_step, self._own_loss, own)
        self._begins = own.begins if own else ()
        self._loss = self._own_loss or STANDARD[data.spec.task]
        self._training_loss = self._own_loss or training_loss(config, data, keras.config.floatx())
        self._parts, self._clip_norm = config.accumulate, config.clip_norm
        slow = config.precision == "bf16" and "CPU" in device and not instructions.has_bf16()
        self._notes = (
            *module.notes(self.model), *(own.notes if own else ()), *([instructions.NO_BF16] if slow else []),
        )  # fmt: skip
        self._metric_name, self._metric = TASKS[data.spec.task].trained_metric, MARKS[data.spec.task]
        self._wants_compiler, self._compiled = config.compile == "on", False
        self._names, self._evaluated_names = Names(), Names()
        self._told: tuple[str, ...] = ()
        self._compute: Callable[..., Computed] = self._part
        self._chunk = self._traced()
        self._forward = tf.function(self._outputs, reduce_retracing=True, autograph=False)
        self._evaluate = tf.function(self._measured, reduce_retracing=True, autograph=False)

    def _build(self, build: Callable[[Any, Spec], Any], config: TrainConfig) -> OfKeras | None:
        """The network and its optimizer. Returns that which the network brings, if it does."""
        with self._replicas.building() if self._replicas else nullcontext():
            self.model = module.build(build, config, self._data.spec)
        if self._replicas:
            self._replicas.adopt(self.model)
        self._known = module.Known(self.model)
        self._freezing = Freezing(self.model, config)
        self._variables = neutral.variables(self.model)
        self._variables[neutral.GENERATOR] = tf.random.get_global_generator().state
        names = {id(variable): key.removeprefix("weights/") for key, variable in self._variables.items()}
        own = own_optimizer(self.model, config, bool(self._freezing.late))
        if own and self._replicas:
            raise RunError("a model with a configure_optimizer of its own trains on one device; choose one")
        named = [names[id(neutral.primary(variable.value))] for variable in self._freezing.variables]
        self._optimizer = own or make_optimizer(self.model, named, config, self._freezing.scales, self._freezing.late)
        self._freezing.follow(0)
        self._trained = [variable.value for variable in self._freezing.trained]
        return own

    def _make_variables(self, config: TrainConfig) -> None:
        """What lies on the device beside the network: the data, and what a chunk of steps reads."""
        self._normalize = _normalizer(self._data.spec)
        x, y = self._split("train")
        self._samples, self._targets = TrainingSamples(x), TrainingSamples(y)
        self._have_masks = TASKS[self._data.spec.task].targets == "masks"
        shape = (None, self._batch)
        self._indices = tf.Variable(np.zeros((1, self._batch), np.int64), shape=shape, trainable=False)
        self._augmentation = Augmentation(config, self._batch, self._data.spec)
        self._average = Average(self._variables, config.ema) if config.ema else None
        self._scale = LossScale() if config.precision == "fp16" else None
        self._lr = tf.Variable(np.zeros(1, np.float32), shape=(None,), trainable=False)

    def _traced(self) -> Any:
        """The function that runs a chunk of steps."""
        number = tf.TensorSpec((), tf.int32)
        return tf.function(self._run, input_signature=(number, number), autograph=False)

    @property
    def mode(self) -> str:
        """How steps run: "tf.function", or "tf.function + XLA", and on how many devices."""
        several = f", {self._replicas.world} replicas" if type(self._replicas) is Replicas else ""
        return ("tf.function + XLA" if self._compiled else "tf.function") + several

    def prepare(self, plan: Callable[[], EpochPlan], steps: int) -> Sequence[str]:
        """Compile forward and backward pass with XLA where that is asked for. All else stays as it is. Returns lines
        for the log.
        """
        if not self._wants_compiler:
            return ()
        state, began = self.state(), perf_counter()
        self._use_compiler(True)
        lines: Sequence[str] = ()
        try:
            lines = self.begin_epoch(plan())
            self.advance(1)
            return (*lines, f"steps run compiled by XLA; {perf_counter() - began:.0f} s to compile")
        except (tf.errors.OpError, RunError, ValueError, TypeError, NotImplementedError) as error:
            self._use_compiler(False)
            return (*lines, f"compile on has no effect: {clean_line(str(error).splitlines()[0], 200)}")
        finally:
            self.load_state(state)

    def _use_compiler(self, compiled: bool) -> None:
        self._compiled = compiled
        self._compute = tf.function(self._part, autograph=False, jit_compile=True) if compiled else self._part
        self._chunk = self._traced()

    @property
    def own_loss(self) -> bool:
        """True if the model has its own loss, used in training and evaluation."""
        return self._own_loss is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the run's log. They need the steps in their compiled form, which is made once."""
        own = [self._indices, self._lr, *self._augmentation.variables, *self._all().values()]
        own += [copy for variable in self._of_model() for copy in getattr(variable, "values", ())]
        return (*self._notes, *module.unsaved(self._chunk.get_concrete_function().graph, own))

    def begin_epoch(self, plan: EpochPlan) -> Sequence[str]:
        lines = self._freezing.follow(plan.epoch)
        if lines is not None:
            self._trained = [variable.value for variable in self._freezing.trained]
            # A step is compiled for the variables that it trains.
            self._use_compiler(self._compiled)
        self._indices.assign(plan.indices.astype(np.int64))
        self._augmentation.begin(plan)
        self._lr.assign(plan.lr)
        self._samples.begin(plan.indices)
        self._targets.begin(plan.indices)
        self._next = 0
        told, self._told = self._told, ()
        return (*told, *(lines or ()))

    def advance(self, steps: int) -> StepStats:
        with tf.device(self._device):
            found = self._chunk(tf.constant(self._next), tf.constant(steps)).numpy()  # the chunk's one host sync
        self._next += steps
        named = {name: found[:, 2 + place] * self._batch for place, name in enumerate(self._names)}
        return StepStats(found[:, 0] * self._batch, {self._metric_name: found[:, 1]} | named)

    def inputs(self, split: SplitName, rows: slice) -> Any:
        """The rows of a split as the model gets them: normalized."""
        x, _ = self._split(split)
        with tf.device(self._device):
            return self._normalize(_seen(tf.convert_to_tensor(rows_of(x, rows)), self._data.spec))

    def predict(self, split: SplitName, rows: slice) -> Array:
        x, _ = self._split(split)
        return self._predicted(rows_of(x, rows))

    def predict_mirrored(self, split: SplitName, rows: slice) -> Array:
        """The outputs for the same images as in `predict`, mirrored left to right."""
        x, _ = self._split(split)
        return self._predicted(rows_of(x, rows)[:, :, ::-1])

    def _predicted(self, x: Any) -> Array:
        with tf.device(self._device), self._evaluated_weights():
            outputs: Array = self._forward(tf.convert_to_tensor(x)).numpy()
        return own_units(outputs.astype(np.float32, copy=False), self._data.spec)

    def _evaluated_weights(self) -> AbstractContextManager[None]:
        return self._average.in_place() if self._average else nullcontext()

    def evaluate(self, split: SplitName, rows: slice) -> tuple[Array, dict[str, float]]:
        """The outputs, as `predict` gives them, and the means of the losses over these rows by name, the total
        first."""
        x, y = self._split(split)
        with tf.device(self._device), self._evaluated_weights():
            outputs, losses = self._evaluate(*(tf.convert_to_tensor(rows_of(one, rows)) for one in (x, y)))
        return own_units(outputs.numpy().astype(np.float32, copy=False), self._data.spec), {
            name: float(loss) for name, loss in losses.items()
        }

    def state(self) -> State:
        return neutral.export(self._all()) | generators.take()

    def load_state(self, state: State) -> None:
        own = {key: array for key, array in state.items() if key not in generators.KEYS}
        changes = [generators.change(key, array) for key, array in state.items() if key not in own]
        # An average of a run that is continued without one is left out.
        known = {key: array for key, array in own.items() if self._average or not key.startswith(AVERAGE)}
        # So is the scale of a run in another precision.
        known = {key: array for key, array in known.items() if self._scale or key not in (SCALE, STREAK)}
        # And what another optimizer kept of weights of which this one keeps nothing.
        known = neutral.wanted(self._all(), known, self._begins)
        anew = counts_differ(known, self._all(), self._freezing.late)
        if anew:
            known = {key: array for key, array in known.items() if not key.startswith("optimizer/")}
        neutral.restore(self._all(), late_steps(known, self._all()))
        self._told = (ANEW,) if anew else ()
        if self._average is not None and AVERAGE_STEPS not in own and any(key.startswith(WEIGHTS) for key in own):
            # Weights that come without an average begin a new one.
            self._average.restart()
        for change in changes:
            change()
        if self._replicas is not None:
            self._replicas.follow(self._of_model())

    def _of_model(self) -> list[Any]:
        """The model's variables, with their copies on several devices."""
        return [variable.value for variable in self.model.variables]

    def layers(self) -> Sequence[Layer]:
        return list_layers(self.model)

    def _all(self) -> dict[str, Any]:
        optimizer = {f"optimizer/{name}": variable for name, variable in self._optimizer.state.items()}
        more = (self._average.state if self._average else {}) | (self._scale.state if self._scale else {})
        return self._variables | optimizer | more

    def _split(self, split: SplitName) -> tuple[Any, Any]:
        """The samples and targets on the device; validation and test are loaded when first used. Large samples stay in
        their file, from which each step reads its rows.
        """
        if split not in self._splits:
            part = self._data.split(split)
            with tf.device(self._device):
                self._splits[split] = (
                    placed(as_rows(part.whole), self._device),
                    placed(standardized(part.y, self._data.spec), self._device),
                )
        return self._splits[split]

    def _run(self, first: Any, steps: Any) -> Any:
        """Train on the plan's rows from `first` on: mean loss, summed metric and the losses with a name of each step,
        float64 (steps, 2 or more).
        """
        rows = tf.TensorArray(tf.float64, size=steps, element_shape=(None,))
        _, rows = tf.while_loop(
            lambda step, _: step < steps,
            lambda step, rows: (step + 1, rows.write(step, self._step(first + step))),
            (0, rows),
            parallel_iterations=1,
        )
        return rows.stack()

    def _step(self, row: Any) -> Any:
        """Run forward, backward and update on a row of the plan."""
        samples = tf.gather(self._indices, row)
        x, y = self._samples.batch(row, samples), self._targets.batch(row, samples)
        if self._have_masks:
            y = tf.cast(self._augmentation.masks(row, y), tf.int32)
        x = self._augmentation.normalized(row, self._normalize(self._augmentation.stored(row, x)))
        found = self._gradients(x, y, self._augmentation.mixed(row, y))
        self._update(found.gradients, tf.gather(self._lr, row))
        if self._replicas is not None:
            self._replicas.follow([variable.value for variable in self.model.trainable_variables])
        if self._average is not None:
            self._average.follow()
        # A share of the pixels of the whole batch, of which its parts may have unlike numbers that count.
        metric = pixel_accuracy(found.metric, y) if self._have_masks else found.metric
        return tf.stack([tf.cast(value, tf.float64) for value in (found.loss, metric, *found.named)])

    def _update(self, gradients: list[Any], lr: Any) -> None:
        """Change the variables by the gradients, unless those overflowed in float16."""
        if self._scale is None:
            self._apply(gradients, lr)
            return
        found, finite = self._scale.unscaled(gradients)
        tf.cond(finite, lambda: self._apply(found, lr), lambda: False)
        self._scale.follow(finite)

    def _apply(self, gradients: list[Any], lr: Any) -> bool:
        gradients = _clipped(gradients, self._clip_norm) if self._clip_norm else gradients
        self._optimizer.apply(self._freezing.padded(gradients), lr)
        return True

    def _gradients(self, x: Any, y: Any, mixed: tuple[Any, Any] | None) -> Computed:
        """What is computed of a batch. In several parts, each counts by its share of it."""
        if self._parts == 1:
            return self._computed(x, y, mixed, 1.0, self._batch)
        sizes = [len(part) for part in np.array_split(np.arange(self._batch), self._parts) if len(part)]
        others = tf.split(mixed[0], sizes) if mixed else []
        found: list[Computed] = []
        for number, (inputs, targets) in enumerate(zip(pieces(x, sizes), tf.split(y, sizes), strict=True)):
            part = (others[number], mixed[1]) if mixed else None
            # One after the other: the memory of a part is free for the next.
            with tf.control_dependencies([found[-1].loss] if found else []):
                part_x = tf.nest.map_structure(tf.identity, inputs)
                share = sizes[number] / self._batch
                found.append(self._computed(part_x, targets, part, share, sizes[number]))
        losses, metrics, gradients, named = zip(*found, strict=True)
        sums = [tf.add_n(values) for values in zip(*named, strict=True)]
        return Computed(
            tf.add_n(losses), tf.add_n(metrics), [_sum(parts) for parts in zip(*gradients, strict=True)], sums
        )

    def _computed(self, x: Any, y: Any, mixed: tuple[Any, Any] | None, share: float, size: int) -> Computed:
        """The same for a part of so many samples, on one device or on all."""
        if self._replicas is None:
            return Computed(*self._compute(x, y, mixed, share))

        def of_replica(x: Any, y: Any, mixed: tuple[Any, Any] | None, part: float) -> Computed:
            return self._compute(x, y, mixed, share * part)

        return Computed(*self._replicas.compute(of_replica, x, y, mixed, size))

    def _part(self, x: Any, y: Any, mixed: tuple[Any, Any] | None, share: float) -> Computed:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._trained)
            with module.compiled():
                loss, outputs, named = self._forward_step(x, y, mixed)
            # Regularisers of Keras layers act on the weights and stay out of the reported loss.
            objective = tf.add_n([loss, *(tf.cast(tf.reduce_sum(one), loss.dtype) for one in self.model.losses)])
            if share != 1:
                loss, objective = loss * share, objective * share
                named = [value * share for value in named]
            if self._scale is not None:
                objective = objective * tf.cast(self._scale.scale, objective.dtype)
        gradients = tape.gradient(objective, self._trained)
        return Computed(loss, self._metric(outputs, y), [_dense(gradient) for gradient in gradients], named)

    def _forward_step(self, x: Any, y: Any, mixed: tuple[Any, Any] | None) -> tuple[Any, Any, list[Any]]:
        """The mean loss and the outputs of a batch, and the losses with a name."""
        if self._own_step is not None:
            given, outputs = module.step_result(self._own_step(x, y), self._data.spec, self._own_step)
            self._known.check("training_step", "call()")
            return given[TOTAL], outputs, list(self._names.others(given, self._own_step))
        outputs = module.checked(self.model(x, training=True), self._data.spec, self.model.call)
        self._known.check("call(training=True)", "call(training=False)")
        given = self._mean_losses(self._training_loss, outputs, y)
        if mixed is not None:
            share, others = mixed[1], self._mean_losses(self._training_loss, outputs, mixed[0])
            given = {name: _mix(loss, others[name], share) for name, loss in given.items()}
        return given[TOTAL], outputs, list(self._names.others(given, self._own_loss))

    def _mean_losses(self, of: Any, outputs: Any, y: Any) -> dict[str, Any]:
        loss = of(outputs, y)
        return {TOTAL: loss} if self._own_loss is None else module.mean_losses(loss, self._data.spec, self._own_loss)

    def _outputs(self, x: Any) -> Any:
        x = self._normalize(_seen(x, self._data.spec))
        outputs = module.checked(self.model(x, training=False), self._data.spec, self.model.call)
        self._known.check("call()", "build()")
        return outputs

    def _measured(self, x: Any, y: Any) -> tuple[Any, dict[str, Any]]:
        with module.compiled():
            outputs = self._outputs(x)
            y = tf.cast(y, tf.int32) if self._have_masks else y
            losses = self._mean_losses(self._loss, outputs, y)
            self._evaluated_names.others(losses, self._own_loss)
            return outputs, losses


def _normalizer(spec: Spec) -> Callable[[Any], Any]:
    """A function (x - mean) / std per channel or feature, in Keras's float type; of records, their named inputs."""
    if spec.named_inputs:
        return Fields(spec)
    kind = keras.config.floatx()
    mean, std = tf.constant(spec.mean, kind), tf.constant(spec.std, kind)
    return lambda x: (tf.cast(x, kind) - mean) / std


def _seen(x: Any, spec: Spec) -> Any:
    """What a network sees of stored samples."""
    return middle(x, spec.input_shape[:2]) if spec.is_image else x


def _mix(loss: Any, other: Any, share: Any) -> Any:
    share = tf.cast(share, loss.dtype)
    return share * loss + (1 - share) * other


def _dense(gradient: Any) -> Any:
    """The gradient as a dense tensor; an embedding's gradient has only the rows that were used."""
    return None if gradient is None else tf.convert_to_tensor(gradient)


def _sum(gradients: Sequence[Any]) -> Any:
    """The sum of a variable's gradients over the parts of a batch; None for a variable without a part in the loss."""
    return None if gradients[0] is None else tf.add_n(gradients)


def _clipped(gradients: Sequence[Any], largest: float) -> list[Any]:
    """Gradients whose common norm is at most `largest`, by the formula of PyTorch's clip_grad_norm_."""
    there = [gradient for gradient in gradients if gradient is not None]
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in there]))
    factor = tf.minimum(largest / (norm + 1e-6), 1)
    return [None if gradient is None else gradient * factor for gradient in gradients]
