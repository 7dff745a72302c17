"""Writes a trained Keras model as ONNX or as a Keras file that takes samples as datasets have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dltui.core.errors import RunError
from dltui.core.tasks.regression.scaling import scales
from dltui.plugins.tensorflow.inputs import portable

if TYPE_CHECKING:
    from dltui.core.contract import Spec


def write(model: Any, spec: Spec, form: str, target: Path) -> None:
    known = scales(spec)
    if spec.named_inputs:
        _write_named(model, spec, form, target)
        return
    samples = keras.Input(spec.input_shape, name="samples", dtype="float32")
    if form == "keras":
        outputs = model(portable.normalized(samples, spec.mean, spec.std), training=False)
        if known is not None:
            outputs = keras.layers.Rescaling(known[1].tolist(), known[0].tolist())(outputs)
        keras.Model(samples, outputs).save(target)
        return
    mean, std = tf.constant(spec.mean).numpy(), tf.constant(spec.std).numpy()
    signature = [tf.TensorSpec((None, *spec.input_shape), tf.float32, name="samples")]
    up, by = (0.0, 1.0) if known is None else (values.astype("float32") for values in known)

    def outputs_of(samples: Any) -> Any:
        outputs = model((samples - mean) / std, training=False)
        return outputs if known is None else outputs * by + up

    _write_onnx(outputs_of, signature, target)


def _write_named(model: Any, spec: Spec, form: str, target: Path) -> None:
    """The same for a model with named inputs."""
    known = scales(spec)
    inputs, outputs = portable.named(model, spec)
    if known is not None:
        outputs = keras.layers.Rescaling(known[1].tolist(), known[0].tolist())(outputs)
    whole = keras.Model(inputs, outputs)
    if form == "keras":
        whole.save(target)
        return
    signature = [
        tf.TensorSpec((None, *symbol.shape[1:]), tf.as_dtype(symbol.dtype), name=name)
        for name, symbol in inputs.items()
    ]

    def outputs_of(*given: Any) -> Any:
        return whole(dict(zip(inputs, given, strict=True)), training=False)

    _write_onnx(outputs_of, signature, target)


def _write_onnx(outputs_of: Callable[..., Any], signature: list[Any], target: Path) -> None:
    import onnx
    from tf2onnx.convert import from_function

    function = tf.function(outputs_of, input_signature=signature)
    made, _ = from_function(function, signature, opset=18)
    _keep_constants(made.graph, function.get_concrete_function())
    # A name of ours instead of TensorFlow's.
    for node in made.graph.node:
        node.output[:] = ["outputs" if name == made.graph.output[0].name else name for name in node.output]
    made.graph.output[0].name = "outputs"
    onnx.checker.check_model(made)
    if [given.name for given in made.graph.input] != [given.name for given in signature]:
        raise RunError("TensorFlow's conversion to ONNX left constants out; use --format keras")
    onnx.save(made, target)


def _keep_constants(graph: Any, function: Any) -> None:
    """Give a graph the tensors that the function took from outside, as Keras's Normalization has them: its conversion
    takes them for inputs.
    """
    from onnx import numpy_helper

    taken = {inside.name: outside for outside, inside in function.graph.captures if outside.dtype != tf.resource}
    for given in list(graph.input):
        if given.name in taken:
            graph.initializer.append(numpy_helper.from_array(taken[given.name].numpy(), given.name))
            graph.input.remove(given)
