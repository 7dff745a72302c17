"""scikit-learn's estimators behind one face: coefficients, a step, raw outputs."""

import numpy as np


class Learner:
    """`estimators` is one classifier, or one regressor a target; all start at zero."""

    def __init__(self, estimators, inputs, outputs, classifies):
        self.estimators, self.inputs, self.outputs, self.classifies = estimators, inputs, outputs, classifies
        nothing = np.zeros((outputs if classifies else 1, inputs))
        for estimator in estimators:
            targets = np.arange(outputs) if classifies else np.zeros(1)
            # The first call is what makes the arrays; its one tiny step is undone below.
            estimator.partial_fit(nothing, targets, **({"classes": targets} if classifies else {}))
            estimator.coef_ = np.zeros_like(estimator.coef_)
            estimator.intercept_ = np.zeros_like(estimator.intercept_)

    def step(self, x, y, lr):
        """Learn a batch: x float64 (n, inputs), y as in the dataset."""
        for column, estimator in enumerate(self.estimators):
            # A learning rate of nothing, at the end of a schedule, is refused by scikit-learn.
            estimator.eta0 = max(lr, 1e-30)
            estimator.partial_fit(x, y if self.classifies else y[:, column])

    def __call__(self, x):
        """Raw outputs, float32 (n, outputs): logits of classes, or predictions."""
        if not self.classifies:
            return np.stack([estimator.predict(x) for estimator in self.estimators], axis=1).astype(np.float32)
        scores = self.estimators[0].decision_function(x)
        # Of two classes there is one score: the logit of the second.
        return (scores if scores.ndim == 2 else np.stack([0 * scores, scores], axis=1)).astype(np.float32)
