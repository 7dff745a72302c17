"""Softmax regression in NumPy with every shared option, written from the definitions alone: what both frameworks do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.train.augmentation import color, erasing, geometry, mixing

if TYPE_CHECKING:
    from dltui.core.contract import Data, EpochPlan
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.types import Array

Weights = dict[str, Any]


def train(data: Data, plan: EpochPlan, config: TrainConfig, weights: Weights) -> tuple[list[float], Weights, Weights]:
    """Mean loss of each step of the plan, the weights after it, and their average; all in float64."""
    weights = {name: array.astype(np.float64) for name, array in weights.items()}
    average = {name: array.copy() for name, array in weights.items()}
    slots: dict[str, Any] = {}
    counts = np.bincount(data.train.y, minlength=data.spec.outputs)
    balanced = counts.sum() / (data.spec.outputs * np.maximum(counts, 1))
    balanced /= balanced[data.train.y].mean()
    losses = []
    for step in range(plan.steps):
        x, y, pairs = batch(data, plan, step)
        logits = x @ weights["kernel"] + weights["bias"]
        loss, slope = 0.0, np.zeros_like(logits)
        for targets, share in ((y, pairs[1]), (pairs[0], 1 - pairs[1])):
            of_classes = balanced if config.class_weights else np.ones(data.spec.outputs)
            one, gradient = cross_entropy(logits, targets, config.label_smoothing, of_classes)
            loss, slope = loss + share * one, slope + share * gradient
        losses.append(loss)
        gradients = {"kernel": x.T @ slope, "bias": slope.sum(axis=0)}
        if config.clip_norm:
            norm = math.sqrt(sum(float((array**2).sum()) for array in gradients.values()))
            gradients = {name: array * min(1.0, config.clip_norm / (norm + 1e-6)) for name, array in gradients.items()}
        for name, gradient in gradients.items():
            lr = float(plan.lr[step]) * (0.25 if config.lr_scales and name == "bias" else 1)
            if not (config.freeze and name == "bias"):
                slot = slots.setdefault(name, [np.zeros_like(gradient), np.zeros_like(gradient)])
                weights[name] = update(weights[name], gradient, slot, lr, step + 1, config)
        decay = min(config.ema, (2 + step) / (11 + step))
        average = {name: average[name] + (1 - decay) * (array - average[name]) for name, array in weights.items()}
    return losses, weights, average


def batch(data: Data, plan: EpochPlan, step: int) -> tuple[Array, Array, tuple[Array, float]]:
    """Samples of a step as the network gets them, flat; targets; those of the partners and the share of the first."""
    rows = plan.indices[step]
    x, y = data.train.x[rows], data.train.y[rows]
    if plan.augmentation is not None:
        x = geometry.apply(x, plan.augmentation[step])
    if plan.color is not None:
        x = color.apply(x.astype(np.float64), plan.color[step])
    x = (x - np.array(data.spec.mean)) / np.array(data.spec.std)
    if plan.erasing is not None:
        x = erasing.apply(x, plan.erasing[step])
    if plan.mixing is None:
        return x.reshape(len(x), -1), y, (y, 1.0)
    partners, share = plan.mixing.partners[step], float(plan.mixing.shares[step])
    x = mixing.apply(x, partners, share, plan.mixing.boxes[step])
    return x.reshape(len(x), -1), y, (y[partners], share)


def cross_entropy(logits: Array, y: Array, smoothing: float, weights: Array) -> tuple[float, Array]:
    """The mean loss and its gradient by the logits."""
    count, classes = logits.shape
    shifted = logits - logits.max(axis=1, keepdims=True)
    chances = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    wanted = np.eye(classes)[y] * (1 - smoothing) + smoothing / classes
    losses = -(wanted * np.log(chances)).sum(axis=1)
    each = weights[y] / count
    return float((each * losses).sum()), (chances - wanted) * each[:, None]


def update(weight: Array, gradient: Array, slot: list[Array], lr: float, step: int, config: TrainConfig) -> Array:
    """A step of an optimizer, from PyTorch's documentation and the papers of Lion and Muon."""
    decay = config.weight_decay
    if config.optimizer in ("adamw", "lion", "muon"):
        weight = weight * (1 - lr * decay)
    else:
        gradient = gradient + decay * weight
    if config.optimizer == "sgd":
        slot[0] = config.momentum * slot[0] + gradient
        return weight - lr * (gradient + config.momentum * slot[0] if config.nesterov else slot[0])
    if config.optimizer == "rmsprop":
        slot[0] = 0.99 * slot[0] + 0.01 * gradient**2
        return weight - lr * gradient / (np.sqrt(slot[0]) + 1e-8)
    if config.optimizer == "lion":
        direction = np.sign(0.9 * slot[0] + 0.1 * gradient)
        slot[0] = 0.99 * slot[0] + 0.01 * gradient
        return weight - lr * direction
    if config.optimizer == "muon" and weight.ndim > 1:
        slot[0] = config.momentum * slot[0] + (1 - config.momentum) * gradient
        ahead = (1 - config.momentum) * gradient + config.momentum * slot[0]
        return weight - lr * 0.2 * math.sqrt(max(ahead.shape)) * newton_schulz(ahead)
    slot[0] = 0.9 * slot[0] + 0.1 * gradient
    slot[1] = 0.999 * slot[1] + 0.001 * gradient**2
    return weight - lr * slot[0] / (1 - 0.9**step) / (np.sqrt(slot[1] / (1 - 0.999**step)) + 1e-8)


def newton_schulz(matrix: Array) -> Array:
    """By singular values: each of the five iterations applies its polynomial to them."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / (np.sqrt((values**2).sum()) + 1e-7)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return np.asarray(left @ np.diag(values) @ right)
