"""A Keras model behind the contract of the training loop: one compiled function runs a whole chunk of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dltui.core.contract import EpochPlan, Layer, StepStats
from dltui.plugins.tensorflow import neutral
from dltui.plugins.tensorflow.layers import list_layers
from dltui.plugins.tensorflow.losses import Measure, measure_for
from dltui.plugins.tensorflow.optim import make_optimizer

if TYPE_CHECKING:
    from dltui.core.config import TrainConfig
    from dltui.core.contract import Array, Data, Spec, SplitName, State


class KerasTrainable:
    """Trains on `device` with everything a step needs lying there: data (uint8 images), plan, learning rates.

    A chunk is one call of a `tf.function` with the number of steps as a tensor: nothing is traced again, whatever
    the lengths of the chunks. It is not compiled with XLA, whose convolutions are 4 to 25 times slower on a CPU.
    """

    def __init__(self, build: Callable[[Any, Spec], Any], config: TrainConfig, data: Data, device: str) -> None:
        self._data, self._device = data, device
        self._uploaded: dict[str, tuple[Any, Any]] = {}
        with tf.device(device):
            self.model = _built(build(config, data.spec), data.spec)
            self._normalise = _normaliser(data.spec)
            self._measure: Measure = measure_for(data.spec.task)
            self._variables = neutral.variables(self.model)
            names = {id(variable): key for key, variable in self._variables.items()}
            trained = [variable.value for variable in self.model.trainable_variables]
            self._trained = {names[id(variable)].removeprefix("weights/"): variable for variable in trained}
            self._optimizer = make_optimizer(self._trained, config)
            self._x, self._y = self._upload("train")
            batch = min(config.batch_size, len(data.train))
            self._indices = tf.Variable(np.zeros((1, batch), np.int64), shape=(None, batch), trainable=False)
            self._lr = tf.Variable(np.zeros(1, np.float32), shape=(None,), trainable=False)
        number = tf.TensorSpec((), tf.int32)
        self._chunk = tf.function(self._run, input_signature=(number, number), autograph=False)
        self._forward = tf.function(self._outputs, reduce_retracing=True, autograph=False)
        self._next = 0

    def begin_epoch(self, plan: EpochPlan) -> None:
        self._indices.assign(plan.indices.astype(np.int64))
        self._lr.assign(plan.lr)
        self._next = 0

    def advance(self, steps: int) -> StepStats:
        with tf.device(self._device):
            sums = self._chunk(tf.constant(self._next), tf.constant(steps)).numpy()  # the chunk's one host sync
        self._next += steps
        return StepStats(sums[:, 0], {self._measure.metric: sums[:, 1]})

    def predict(self, split: SplitName, rows: slice) -> Array:
        x, _ = self._upload(split)
        with tf.device(self._device):
            outputs: Array = self._forward(x[rows.start : rows.stop]).numpy()
        return outputs.astype(np.float32, copy=False)

    def state(self) -> State:
        return neutral.export(self._all())

    def load_state(self, state: State) -> None:
        neutral.restore(self._all(), state)

    def layers(self) -> Sequence[Layer]:
        return list_layers(self.model)

    def _all(self) -> dict[str, Any]:
        optimizer = {f"optimizer/{name}": variable for name, variable in self._optimizer.state.items()}
        return self._variables | optimizer

    def _upload(self, split: SplitName) -> tuple[Any, Any]:
        """A split on the device; validation and test follow when they are first asked for."""
        if split not in self._uploaded:
            part = self._data.split(split)
            with tf.device(self._device):
                self._uploaded[split] = (tf.constant(np.asarray(part.x)), tf.constant(np.asarray(part.y)))
        return self._uploaded[split]

    def _run(self, first: Any, steps: Any) -> Any:
        """Steps `first` to `first + steps` of the plan: sums of loss and metric per step, (steps, 2)."""
        sums = tf.TensorArray(keras.config.floatx(), size=steps, element_shape=(2,))
        _, sums = tf.while_loop(
            lambda step, _: step < steps,
            lambda step, sums: (step + 1, sums.write(step, self._step(first + step))),
            (0, sums),
            parallel_iterations=1,
        )
        return sums.stack()

    def _step(self, row: Any) -> Any:
        """One step on row `row` of the plan: forward, backward, update. Returns its sums, (2,)."""
        samples = tf.gather(self._indices, row)
        x, y = self._normalise(tf.gather(self._x, samples)), tf.gather(self._y, samples)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(self._trained.values()))
            outputs = self.model(x, training=True)
            losses, metrics = self._measure.each(outputs, y)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, list(self._trained.values()))
        self._optimizer.apply([_dense(gradient) for gradient in gradients], tf.gather(self._lr, row))
        sums = tf.stack([tf.reduce_sum(losses), tf.reduce_sum(metrics)])
        return tf.cast(sums, keras.config.floatx())

    def _outputs(self, x: Any) -> Any:
        return self.model(self._normalise(x), training=False)


def _built(model: Any, spec: Spec) -> Any:
    """The model with its variables, which a model without an `Input` does not have yet."""
    if not model.built:
        model.build((None, *spec.input_shape))
    return model


def _normaliser(spec: Spec) -> Callable[[Any], Any]:
    """(x - mean) / std per channel or feature, in Keras's float type."""
    kind = keras.config.floatx()
    mean, std = tf.constant(spec.mean, kind), tf.constant(spec.std, kind)
    return lambda x: (tf.cast(x, kind) - mean) / std


def _dense(gradient: Any) -> Any:
    return None if gradient is None else tf.convert_to_tensor(gradient)
