"""The script beside an exported model, which runs the model on images or named inputs without dltui; for vectors see
`vector_script`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from dltui.tui.cli.templates.own_source import CLEANING, parts

HEAD = '''\
"""Runs the model beside this file on images: python predict.py IMAGE...

Needs: pip install $needs
"""
'''
RUN = '''

HERE = Path(__file__).parent
ABOUT = json.loads((HERE / "model.json").read_text(encoding="utf-8"))


def run(samples):
    """Outputs (n, classes), or (n, height, width, classes) for masks, of samples (n, height, width, channels) of 0 to
    255; the model normalizes them itself.
    """
'''
SESSION = """\
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Errors alone: the warnings are about how the file was made.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(HERE / "$file", options, providers=["CPUExecutionProvider"])
"""
BODIES = {
    "onnx": SESSION
    + """\
    return session.run(["outputs"], {"samples": samples})[0]
""",
    "torch": """\
    import torch

    with torch.no_grad():
        return torch.export.load(HERE / "$file").module()(torch.from_numpy(samples)).numpy()
""",
    "keras": """\
    import dltui.plugins.tensorflow.layers  # noqa: F401 - the layers that dltui's models use
    import keras

    return keras.models.load_model(HERE / "$file", compile=False).predict(samples, verbose=0)
""",
}
TOLD = """

def told(outputs):
    \"\"\"What the outputs (classes,) of a sample say, in words.\"\"\"
    if not ABOUT["classes"]:
        offsets = [one.get("offset", 0.0) for one in ABOUT.get("targets") or []] or [0.0] * len(outputs)
        return "  ".join(output(float(value) + offset) for value, offset in zip(outputs, offsets))
    if ABOUT["task"] == "multilabel":
        chances = np.exp(-np.logaddexp(0, -outputs))
        best = [n for n in np.argsort(-outputs, kind="stable") if chances[n] >= 0.5]
    else:
        chances = np.exp(outputs - outputs.max())
        chances /= chances.sum()
        best = np.argsort(-outputs, kind="stable")[:3]
    return "  ".join(f"{ABOUT['classes'][n]} {chances[n]:.2%}" for n in best) or "no label applies"
"""
BEGIN = """

# Whatever letters the output can have.
sys.stdout.reconfigure(errors="backslashreplace")
if not sys.argv[1:]:
    print("usage: python predict.py $files", file=sys.stderr)
    sys.exit(2)
"""
TAIL = """
for name in sys.argv[1:]:
    shown = clean_line(name)
    try:
        pixels = read(name, ABOUT["image"])
    except UnreadableError as error:
        sys.exit(f"{shown} cannot be read: {clean_line(error)}")
    outputs = run(pixels[None].astype(np.float32))[0]
    if outputs.ndim == 3:
        mask = outputs.argmax(axis=2).astype(np.uint8)
        shares = np.bincount(mask.ravel(), minlength=len(ABOUT["classes"])) / mask.size
        names = (Path(name).with_suffix(f".mask{number}.png") for number in ("", *range(2, 10_000)))
        target = next(path for path in names if not path.exists())
        try:
            Image.fromarray(mask).save(target)
        except OSError as error:
            sys.exit(f"{clean_line(target)} cannot be written: {error.strerror or error}")
        found = [f"{ABOUT['classes'][n]} {shares[n]:.2%}" for n in np.flatnonzero(shares)]
        print(shown, *found, clean_line(target), sep="  ")
        continue
    print(shown, told(outputs), sep="  ")
"""
NAMED_HEAD = '''\
"""Runs the model beside this file on samples: python predict.py SAMPLES.npz

The .npz file holds an array (n, *shape) for each of "named_inputs" in model.json, in the dataset's own units:
    numpy.savez("samples.npz", $arrays)
Beside a padded one, NAME_length (n,) says how long each sample is; without it all are as long as the array.

Needs: pip install $needs
"""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ABOUT = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
'''
NAMED_READ = '''

def read(file):
    """The arrays by name, each padded one with its mask behind it."""
    where, found = clean_line(file), {}
    try:
        given = dict(np.load(file, allow_pickle=False))
    except Exception as error:  # A file that is none is told by NumPy in many ways.
        sys.exit(f"{where} is no .npz file of arrays ({type(error).__name__})")
    for one in ABOUT["named_inputs"]:
        name, shape = one["name"], tuple(one["shape"])
        if name not in given:
            wanted = ", ".join(one["name"] for one in ABOUT["named_inputs"])
            sys.exit(f"{where} has no array {name!r}; it needs {wanted}")
        x = np.atleast_1d(given[name])
        if x.dtype.kind not in "biuf":
            sys.exit(f"{where}: {name} is an array of {x.dtype}, not of numbers")
        lengths = np.atleast_1d(given.get(f"{name}_length", np.full(len(x), x.shape[1] if x.ndim > 1 else 0)))
        if one["padded"] and x.ndim > 1 and x.shape[1] < shape[0]:
            x = np.pad(x, [(0, 0), (0, shape[0] - x.shape[1]), *[(0, 0)] * (x.ndim - 2)])
        if x.shape[1:] != shape:
            sys.exit(f"{where}: {name} has samples of shape {x.shape[1:]}, the model takes {shape}")
        vocabulary = one.get("vocabulary")
        if vocabulary and ((x < 0) | (x >= np.array(vocabulary))).any():
            sys.exit(f"{where}: {name} has numbers that the model does not know; it knows 0 to {max(vocabulary) - 1}")
        mask = np.arange(shape[0]) < lengths[:, None] if one["padded"] else None
        if one.get("offsets"):
            x = x - np.array(one["offsets"])
            # Behind the end of a sequence there is 0.
            x = x if mask is None else np.where(mask[:, :, None], x, 0)
        found[name] = x.astype(one["dtype"])
        if mask is not None:
            found[f"{name}_mask"] = mask
    if len(set(map(len, found.values()))) > 1:
        sys.exit(f"{where}: its arrays have different numbers of samples; each needs the same")
    return found


def run(samples):
    """Outputs (n, classes) of the named arrays; the model normalizes them itself."""
'''
NAMED_BODIES = {
    "onnx": SESSION
    + """\
    # The frameworks do not take images and whole numbers in the same types; NumPy's float is another one.
    kinds = {one.name: one.type[len("tensor(") : -1] for one in session.get_inputs()}
    given = {name: samples[name].astype("float32" if kind == "float" else kind) for name, kind in kinds.items()}
    return session.run(None, given)[0]
""",
    "torch": """\
    import torch

    given = [torch.from_numpy(x.astype(np.int64) if x.dtype == np.int32 else x) for x in samples.values()]
    with torch.no_grad():
        return torch.export.load(HERE / "$file").module()(*given).numpy()
""",
    "keras": """\
    import dltui.plugins.tensorflow.inputs.sequence  # noqa: F401 - the layers that dltui's models use
    import dltui.plugins.tensorflow.layers  # noqa: F401
    import keras

    return keras.models.load_model(HERE / "$file", compile=False).predict(samples, verbose=0)
""",
}
NAMED_TAIL = """
for name in sys.argv[1:]:
    for number, outputs in enumerate(run(read(name))):
        print(f"{clean_line(name)} {number}", told(outputs), sep="  ")
"""
NEEDS = {"onnx": "numpy pillow onnxruntime", "torch": "numpy pillow torch", "keras": "'dltui[tensorflow]'"}


def script(form: str, suffix: str) -> str:
    """The text of predict.py for a model file of this format; it contains the code by which training read images."""
    from dltui.core.data import image_file

    _, _, reader = inspect.getsource(image_file).split('"""', 2)
    reader = reader.replace(
        "import functools\n", "import functools\nimport json\nimport re\nimport struct\nimport sys\n", 1
    )
    whole = HEAD + reader.rstrip() + "\n" + _cleaning() + RUN + BODIES[form] + telling() + BEGIN + TAIL
    return filled(whole, suffix, NEEDS[form], "IMAGE...")


def named_script(form: str, suffix: str, names: Iterable[str]) -> str:
    """The text of predict.py for a model with inputs of these names, which reads samples from .npz files."""
    whole = NAMED_HEAD + _cleaning() + NAMED_READ + NAMED_BODIES[form] + telling() + BEGIN + NAMED_TAIL
    whole = filled(whole, suffix, NEEDS[form].replace("pillow ", ""), "SAMPLES.npz...")
    return whole.replace("$arrays", ", ".join(f"{name}=..." for name in names))


def filled(text: str, suffix: str, needs: str, files: str) -> str:
    """The text of a script for model.SUFFIX that needs these packages, and takes these files."""
    return text.replace("$needs", needs).replace("$files", files).replace("$file", f"model.{suffix}")


def telling() -> str:
    """The text of `told`, and of the function by which `dltui predict` tells numbers."""
    from dltui.core import numbers

    return parts(numbers, ("output",)) + TOLD


def _cleaning() -> str:
    """The text of `clean_line`, by which names from elsewhere reach a terminal."""
    from dltui.core import text

    return "\n" + parts(text, CLEANING)
