"""The script that goes with an exported model: it runs it on images, without dltui."""

from __future__ import annotations

HEAD = '''\
"""Runs the model beside this file on images: python predict.py IMAGE...

Needs: pip install $needs
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
ABOUT = json.loads((HERE / "model.json").read_text())


def load(path):
    """float32 (height, width, channels), 0 to 255; the model normalizes it itself."""
    height, width, channels = ABOUT["input_shape"]
    image = Image.open(path).convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, dtype=np.float32).reshape(height, width, channels)


def run(samples):
    """Outputs (n, classes) of samples (n, height, width, channels)."""
'''
BODIES = {
    "onnx": """\
    import onnxruntime

    session = onnxruntime.InferenceSession(HERE / "$file", providers=["CPUExecutionProvider"])
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
TAIL = """

for name in sys.argv[1:]:
    outputs = run(load(name)[None])[0]
    chances = np.exp(outputs - outputs.max())
    chances /= chances.sum()
    best = np.argsort(-chances)[:3]
    print(name, *(f"{ABOUT['classes'][n]} {chances[n]:.2%}" for n in best), sep="  ")
"""
NEEDS = {"onnx": "numpy pillow onnxruntime", "torch": "numpy pillow torch", "keras": "'dltui[tensorflow]'"}


def script(form: str, suffix: str) -> str:
    """The text of predict.py for a model file of this format."""
    text = HEAD + BODIES[form] + TAIL
    return text.replace("$needs", NEEDS[form]).replace("$file", f"model.{suffix}")
