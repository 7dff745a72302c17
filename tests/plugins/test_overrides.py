"""Methods of a network that dltui would never call are named, with what was meant; no framework is needed for that."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.errors import RunError
from dltui.plugins import overrides


def build(config: Any, spec: Any) -> None: ...


def network(**methods: Any) -> Any:
    return type("Net", (), methods)()


def one(self: Any, one: Any) -> None: ...


def two(self: Any, one: Any, two: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("traning_loss", "training_loss(outputs, targets)"),
        ("training_losss", "training_loss(outputs, targets)"),
        ("train_loss", "training_loss(outputs, targets)"),
        ("compute_loss", "training_loss(outputs, targets)"),
        ("loss_fn", "training_loss(outputs, targets)"),
        ("validation_step", "training_loss(outputs, targets)"),
        ("configure_optimizers", "configure_optimizer(config)"),
        ("configure_optimiser", "configure_optimizer(config)"),
        ("train_step", "training_step(inputs, targets)"),
        ("trainingstep", "training_step(inputs, targets)"),
    ],
)
def test_names_that_nothing_calls(name: str, meant: str) -> None:
    with pytest.raises(RunError) as caught:
        overrides.check_names(network(**{name: two}), build)
    text = str(caught.value)
    assert text.startswith(f"dltui never calls {name}; did you mean {meant}? (test_overrides.py line ")


def test_names_that_are_right_or_used_or_of_no_concern() -> None:
    def step(self: Any, inputs: Any, targets: Any) -> Any:
        return [self.compute_loss(inputs, target) for target in targets]

    overrides.check_names(network(training_step=step, compute_loss=two, encode=one, forward=one, reset=one), build)
    # Left from Lightning, beside what counts.
    overrides.check_names(network(training_loss=two, validation_step=two, configure_optimizer=one), build)


def test_methods_of_libraries_are_theirs() -> None:
    from xml.sax.handler import ContentHandler

    class Net(ContentHandler): ...

    assert dict(overrides._methods(Net, build)) == {}
    assert "startElement" in dict(overrides._methods(Net, ContentHandler.startElement))


def lightning(self: Any, batch: Any, batch_idx: Any) -> None: ...


def keras_order(self: Any, y_true: Any, y_pred: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "method", "words"),
    [
        ("training_step", lightning, r"training_step\(batch, batch_idx\) is Lightning's; dltui calls training_step"),
        ("training_step", one, r"dltui calls training_step\(inputs, targets\), this one is training_step\(one"),
        ("training_loss", keras_order, r"dltui calls training_loss\(outputs, targets\); this one has y_true before"),
        ("configure_optimizer", two, r"dltui calls configure_optimizer\(config\), this one is"),
        ("training_loss", 0.5, "training_loss of the network is a float; it must be a method"),
    ],
)
def test_methods_that_cannot_be_called_so(name: str, method: Any, words: str) -> None:
    with pytest.raises(RunError, match=words):
        overrides.find(network(**{name: method}), name)


def test_methods_that_can() -> None:
    own = network(training_loss=two, configure_optimizer=one)
    assert overrides.find(own, "training_loss") == own.training_loss
    assert overrides.find(own, "training_step") is None


def test_kinds_in_words() -> None:
    given = [None, (1, 2), [1], {"a": 1}, 0.5, "x", RunError("x")]
    words = ["None", "a tuple of 2", "a list of 1", "a dict", "a float", "a text", "a RunError"]
    assert [overrides.kind(value) for value in given] == words
