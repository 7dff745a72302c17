"""The script beside an exported model, which runs the model on images without dltui."""

from __future__ import annotations

import inspect

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
    try:
        pixels = read(name, ABOUT["image"])
    except UnreadableError as error:
        sys.exit(f"{name} cannot be read: {error}")
    outputs = run(pixels[None].astype(np.float32))[0]
    if not ABOUT["classes"]:
        print(name, *(f"{value:.6g}" for value in outputs), sep="  ")
        continue
    if outputs.ndim == 3:
        mask = outputs.argmax(axis=2).astype(np.uint8)
        shares = np.bincount(mask.ravel(), minlength=len(ABOUT["classes"])) / mask.size
        names = (Path(name).with_suffix(f".mask{number}.png") for number in ("", *range(2, 10_000)))
        target = next(path for path in names if not path.exists())
        Image.fromarray(mask).save(target)
        print(name, *(f"{ABOUT['classes'][n]} {shares[n]:.2%}" for n in np.flatnonzero(shares)), target, sep="  ")
        continue
    chances = np.exp(outputs - outputs.max())
    chances /= chances.sum()
    best = np.argsort(-chances)[:3]
    print(name, *(f"{ABOUT['classes'][n]} {chances[n]:.2%}" for n in best), sep="  ")
"""
NEEDS = {"onnx": "numpy pillow onnxruntime", "torch": "numpy pillow torch", "keras": "'dltui[tensorflow]'"}


def script(form: str, suffix: str) -> str:
    """The text of predict.py for a model file of this format; it contains the code by which training read images."""
    from dltui.core.data import image_file

    _, _, reader = inspect.getsource(image_file).split('"""', 2)
    reader = reader.replace("import functools\n", "import functools\nimport json\nimport sys\n", 1)
    text = HEAD + reader.rstrip() + "\n" + RUN + BODIES[form] + TAIL
    return text.replace("$needs", NEEDS[form]).replace("$file", f"model.{suffix}")
