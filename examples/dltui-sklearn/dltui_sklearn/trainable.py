"""What dltui's training loop asks of a framework, done by a scikit-learn learner."""

import numpy as np

from dltui import Layer, RunError, StepStats, augment_images, log_softmax


class SklearnTrainable:
    """A learner with its data."""

    def __init__(self, learner, config, data):
        self.learner, self.config, self.data = learner, config, data
        self._plan, self._next = None, 0

    def begin_epoch(self, plan):
        self._plan, self._next = plan, 0

    def advance(self, steps):
        sums = [self._step(row) for row in range(self._next, self._next + steps)]
        self._next += steps
        loss, metric = np.array(sums, dtype=np.float64).T
        return StepStats(loss, {"accuracy" if self.learner.classifies else "mse": metric})

    def predict(self, split, rows):
        return self.learner(self._features(self.data.split(split).x[rows]))

    def state(self):
        return {name: getattr(estimator, attribute).copy() for name, estimator, attribute in self._arrays()} | {
            "optimizer/step": np.array([estimator.t_ for estimator in self.learner.estimators], dtype=np.float64)
        }

    def load_state(self, state):
        for name, estimator, attribute in self._arrays():
            own = getattr(estimator, attribute)
            new = state.get(name, own)
            if new.shape != own.shape:
                raise RunError(f"{name} has shape {new.shape}, this model needs {own.shape}")
            setattr(estimator, attribute, np.array(new, order="C"))
        for estimator, step in zip(self.learner.estimators, state.get("optimizer/step", ()), strict=False):
            estimator.t_ = float(step)

    def layers(self):
        return layers(self.learner)

    def _arrays(self):
        for number, estimator in enumerate(self.learner.estimators):
            yield f"weights/linear{number}/coefficients", estimator, "coef_"
            yield f"weights/linear{number}/intercept", estimator, "intercept_"

    def _features(self, x):
        """Normalized float64 (n, inputs)."""
        spec = self.data.spec
        return ((np.asarray(x, np.float64) - np.array(spec.mean)) / np.array(spec.std)).reshape(len(x), -1)

    def _step(self, row):
        """One batch; returns the sums over it of the loss and of the metric, before the update."""
        rows, moves = self._plan.indices[row], self._plan.augmentation
        x, y = self.data.train.x[rows], self.data.train.y[rows]
        x = self._features(x if moves is None else augment_images(x, moves[row]))
        outputs = self.learner(x)
        self.learner.step(x, y, float(self._plan.lr[row]))
        if not self.learner.classifies:
            squares = np.square(outputs - y).mean(axis=1).sum()
            return squares, squares
        right = (outputs.argmax(axis=1) == y).sum()
        return -log_softmax(outputs)[np.arange(len(y)), y].sum(), right


def layers(learner):
    """One row: a linear map."""
    numbers = sum(e.coef_.size + e.intercept_.size for e in learner.estimators)
    return [Layer("linear", "Linear", (learner.outputs,), numbers)]
