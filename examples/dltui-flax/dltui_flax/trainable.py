"""What dltui's training loop asks of a framework, done by a Flax module. Dropout follows from the seed and the global
step: all that a step depends on is in weights and slots, and resuming is exact."""

from math import prod

import jax
import numpy as np
import optax

from dltui import Layer, RunError, StepStats, augment_images


class FlaxTrainable:
    """A module with its weights, optimizer and data on a device."""

    def __init__(self, network, config, data, device):
        self.network, self.data, self.device = network, data, device
        self._key, rule = jax.random.key(config.seed), _rule(config)
        with jax.default_device(device):
            self._weights = network.init(self._key, np.zeros((1, *data.spec.input_shape), np.float32))["params"]
            self._slots = rule.init(self._weights)
        self._forward = jax.jit(lambda weights, x: network.apply({"params": weights}, x))
        self._update = jax.jit(lambda *given: _update(network, rule, *given))
        self._plan, self._next = None, 0

    def begin_epoch(self, plan):
        self._plan, self._next = plan, 0

    def advance(self, steps):
        sums = [self._step(row) for row in range(self._next, self._next + steps)]
        self._next += steps
        loss, right = np.array(jax.device_get(sums), dtype=np.float64).T  # the device is waited for once, here
        return StepStats(loss, {"accuracy": right})

    def predict(self, split, rows):
        with jax.default_device(self.device):
            return np.array(self._forward(self._weights, self._normalized(self.data.split(split).x[rows])))

    def state(self):
        return {name: np.array(value) for name, value in self._arrays().items()}

    def load_state(self, state):
        arrays = self._arrays()
        for name, new in state.items():
            if name not in arrays or new.shape != arrays[name].shape:
                raise RunError(f"{name} of shape {new.shape} is no part of this model; were its settings others?")
            arrays[name] = jax.device_put(np.array(new, arrays[name].dtype), self.device)
        self._weights, self._slots = jax.tree.unflatten(self._tree, arrays.values())

    def layers(self):
        return layers(self.network, self.data.spec)

    def _arrays(self):
        """All that a step depends on. Flax's layouts are dltui's: (in, out), HWIO, and NHWC where it flattens."""
        paths, self._tree = jax.tree.flatten_with_path((self._weights, self._slots))
        named = ((jax.tree_util.keystr(path, simple=True, separator="/"), value) for path, value in paths)
        return {("weights" if name[0] == "0" else "optimizer") + name[1:]: value for name, value in named}

    def _normalized(self, x):
        spec = self.data.spec
        return (np.asarray(x, np.float32) - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)

    def _step(self, row):
        """One batch; returns the sums over it of the loss and of right answers, before the update."""
        rows, moves = self._plan.indices[row], self._plan.augmentation
        x, y = self.data.train.x[rows], self.data.train.y[rows].astype(np.int32)
        x = self._normalized(x if moves is None else augment_images(x, moves[row]))
        key = jax.random.fold_in(self._key, self._plan.first_step + row)
        with jax.default_device(self.device):
            given = self._weights, self._slots, x, y, self._plan.lr[row], key
            self._weights, self._slots, loss, right = self._update(*given)
        return loss, right


def _rule(config):
    """The update without its learning rate, which the plan gives for each step."""
    decay = optax.add_decayed_weights(config.weight_decay)
    if config.optimizer == "adamw":
        return optax.chain(optax.scale_by_adam(), decay)
    return optax.chain(decay, optax.trace(config.momentum, config.nesterov))


def _update(network, rule, weights, slots, x, y, lr, key):
    def loss_of(weights):
        logits = network.apply({"params": weights}, x, training=True, rngs={"dropout": key})
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), logits

    (loss, logits), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
    steps, slots = rule.update(gradients, slots, weights)
    weights = jax.tree.map(lambda weight, step: weight - lr * step, weights, steps)
    return weights, slots, loss * len(y), (logits.argmax(1) == y).sum()


def layers(network, spec):
    """A row for each layer with weights, by a forward pass of shapes alone."""
    x = jax.ShapeDtypeStruct((1, *spec.input_shape), np.float32)
    made = jax.eval_shape(network.init, jax.random.key(0), x)
    _, seen = jax.eval_shape(lambda made, x: network.apply(made, x, capture_intermediates=True), made, x)
    found = []
    for name, own in made["params"].items():
        output, kind = seen["intermediates"][name]["__call__"][0].shape[1:], "Conv" if name[0] == "c" else "Dense"
        found.append(Layer(name, kind, output, sum(prod(array.shape) for array in own.values())))
    return found
