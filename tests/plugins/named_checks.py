"""Models with named inputs, in a process with one framework:
`python -m tests.plugins.named_checks FRAMEWORK CHECK...`.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dltui.core.checks.conformance import checks, named_samples
from dltui.core.checks.conformance.subject import Subject
from dltui.core.contract import Data, Input, Model, Spec
from dltui.core.contract.config import TrainConfig
from dltui.core.train.plan import Planner
from tests.plugins.twin_child import TABLE

BOTH = (
    Input("photo", (6, 6, 1), "uint8", std=(255.0,)),
    Input("words", (7,), "int32", (9,), padded=True),
    Input("numbers", (2,), mean=(1.0,)),
)
NAMES = ("tabular", "lstm", "transformer")


def backend(framework: str) -> Any:
    plugin: Any = importlib.import_module(f"dltui.plugins.{framework}")
    found = plugin.dltui_backends()[0]
    found.warm_up()
    return found


def built_in(framework: str, name: str) -> Model:
    plugin: Any = importlib.import_module(f"dltui.plugins.{framework}")
    return next(model for model in plugin.dltui_models() if model.name == name)


def network(framework: str, seen: list[dict[str, tuple[Any, ...]]]) -> Any:
    """The build of a model of three inputs, which notes what it is given."""

    def of_torch(config: Any, spec: Spec) -> Any:
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.words, self.output = nn.Embedding(9, 4), nn.Linear(36 + 4 + 2, spec.outputs)

            def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
                seen.append({name: (tuple(value.shape), str(value.dtype)) for name, value in inputs.items()})
                mask = inputs["words_mask"].unsqueeze(2)
                words = (self.words(inputs["words"]) * mask).sum(1)
                joined = torch.cat([inputs["photo"].flatten(1), words, inputs["numbers"]], 1)
                outputs: torch.Tensor = self.output(joined)
                return outputs

        return Net()

    def of_tensorflow(config: Any, spec: Spec) -> Any:
        import keras
        from keras import layers, ops

        class Net(keras.Model):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.words, self.output_layer = layers.Embedding(9, 4), layers.Dense(spec.outputs)

            def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
                seen.append({name: (tuple(value.shape), str(value.dtype)) for name, value in inputs.items()})
                mask = ops.cast(inputs["words_mask"], "float32")[..., None]
                words = ops.sum(self.words(inputs["words"]) * mask, axis=1)
                photo = ops.reshape(inputs["photo"], (-1, 36))
                return self.output_layer(ops.concatenate([photo, words, inputs["numbers"]], axis=1))

        return Net()

    return of_torch if framework == "torch" else of_tensorflow


def check_several_inputs(framework: str) -> None:
    """An image, tokens and numbers beside each other; the batch in two parts; stopped and resumed."""
    seen: list[dict[str, tuple[Any, ...]]] = []
    data = named_samples.of("classification", BOTH, 3)
    model = Model(
        "own", "own", framework, "classification", "", TrainConfig, network(framework, seen), takes=("named",)
    )
    # As many threads as the checks before it in its process: TensorFlow does not change them.
    threads = {"torch": 1, "tensorflow": 2}[framework]
    values = {"threads": threads, "batch_size": 32, "lr": 0.05, "accumulate": 2, "epochs": 2}
    config = TrainConfig.model_validate(values)
    found = backend(framework).trainable(model, config, data, "cpu")
    planner = Planner(config, len(data.train))
    found.begin_epoch(planner.epoch(0))
    first = found.advance(1)
    state = found.state()
    rest = found.advance(2)
    assert {name: shape[0][1:] for name, shape in seen[-1].items()} == {
        "photo": (1, 6, 6) if framework == "torch" else (6, 6, 1), "words": (7,), "words_mask": (7,), "numbers": (2,)
    }  # fmt: skip
    assert rest.loss[-1] < first.loss[0]
    other = backend(framework).trainable(model, config, data, "cpu")
    other.load_state(state)
    other.begin_epoch(planner.epoch(0, 1))
    assert np.array_equal(other.advance(2).loss, rest.loss)
    assert np.array_equal(other.predict("test", slice(0, 9)), found.predict("test", slice(0, 9)))


def check_a_text_beside_a_table(framework: str) -> None:
    """The mean of its words alone tells the class; words behind its end count for nothing."""
    data = named_samples.of("classification", TABLE, 3)
    for part in (data.train, data.test):
        part.x["numbers"][:] = part.x["categories"][:] = 0
    model, own = built_in(framework, "tabular"), backend(framework)
    threads = {"torch": 1, "tensorflow": 2}[framework]
    config = model.config.model_validate({"threads": threads, "batch_size": 32, "epochs": 20})
    found, planner = own.trainable(model, config, data, "cpu"), Planner(config, len(data.train))
    for epoch in range(20):
        found.begin_epoch(planner.epoch(epoch))
        found.advance(3)
    outputs = found.predict("test", slice(0, 96))
    assert np.mean(outputs.argmax(axis=1) == data.test.y) > 0.9
    behind = np.arange(TABLE[2].shape[0]) >= data.test.x["text_length"][:, None]
    data.test.x["text"][behind] = 7
    assert np.array_equal(found.predict("test", slice(0, 96)), outputs)


def check_a_transformer_of_one_number(framework: str) -> None:
    """Tokens are embedded also where a step is a single number."""
    data = named_samples.of("classification", (Input("words", (5,), "int32", (9,), padded=True),), 2, 8)
    model, own = built_in(framework, "transformer"), backend(framework)
    threads = {"torch": 1, "tensorflow": 2}[framework]
    config = model.config.model_validate({"heads": 1, "head_size": 1, "threads": threads})
    assert own.trainable(model, config, data, "cpu").predict("test", slice(0, 8)).shape == (8, 2)


def check_what_is_fed(framework: str) -> None:
    """Values are normalized, and zero behind the end of a sequence whatever lies there."""
    named = (Input("sequence", (4, 1), padded=True, mean=(2.0,), std=(4.0,)),)
    data = named_samples.of("classification", named, 2, 8)
    data.test.x["sequence"][:] = 10.0
    data.test.x["sequence_length"][:] = [1, 2, 3, 4, 1, 2, 3, 4]
    found = fed(framework, data)
    assert found["sequence_mask"].tolist()[1] == [True, True, False, False]
    assert found["sequence"][1, :, 0].tolist() == [2.0, 2.0, 0.0, 0.0]


def fed(framework: str, data: Data) -> dict[str, Any]:
    """What a model gets of the test split."""
    from dltui.core.inputs.records import as_rows

    rows = as_rows(data.test.x)
    if framework == "torch":
        import torch

        from dltui.plugins.torch.inputs.fields import Fields as TorchFields

        given = TorchFields(data.spec, torch.device("cpu"), torch.float32)(torch.from_numpy(rows))
    else:
        backend(framework)
        from dltui.plugins.tensorflow.inputs.fields import Fields

        given = Fields(data.spec)(rows)
    return {name: value.numpy() for name, value in given.items()}


def check_conformance(framework: str) -> None:
    """Each built-in model builds, honors masks, learns, keeps its state and resumes."""
    for name in NAMES:
        subject = Subject(built_in(framework, name), backend(framework))
        said = checks.builds(subject)
        assert name == "tabular" or "padding changes nothing in" in said, said
        checks.learns(Subject(replace(subject.model, also=()), subject.backend))
        checks.keeps_state(subject)
        assert "equal to the last bit" in checks.resumes(subject)


def check_exports(framework: str) -> None:
    """What is exported gives the same outputs, from each input in its own units."""
    import onnxruntime

    for name in NAMES:
        sequences = named_samples.SHAPES["sequence"]
        named = TABLE if name == "tabular" else sequences[-1 if name == "transformer" else 0]
        data = named_samples.of("classification", named, 3)
        model, own = built_in(framework, name), backend(framework)
        trainable = own.trainable(model, model.config(), data, "cpu")
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "model.onnx"
            own.convert(trainable, data.spec, "onnx", target)
            outputs = onnxruntime.InferenceSession(str(target)).run(None, given(data, framework))[0]
        assert np.abs(outputs - trainable.predict("test", slice(0, 8))).max() < 1e-4, name


def given(data: Data, framework: str) -> dict[str, Any]:
    """Eight samples as an exported model takes them."""
    x, found = data.test.x[:8], {}
    for one in data.spec.named_inputs:
        found[one.name] = x[one.name].astype(np.int64) if one.dtype == "int32" and framework == "torch" else x[one.name]
        if one.padded:
            found[f"{one.name}_mask"] = np.arange(one.shape[0]) < x[f"{one.name}_length"][:, None]
    return found


if __name__ == "__main__":
    for check in sys.argv[2:]:
        globals()[f"check_{check}"](sys.argv[1])
