"""The family of keras.applications: `keras:efficientnetb0`. Importing this imports no framework."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract.families import Family, Member
from dltui.core.data import network as web
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins import pretrained
from dltui.plugins.pretrained import FamilyConfig

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.types import State

HOST = "https://storage.googleapis.com"
SIDES = {
    "efficientnetb1": 240, "efficientnetb2": 260, "efficientnetb3": 300, "efficientnetb4": 380, "efficientnetb5": 456,
    "efficientnetb6": 528, "efficientnetb7": 600, "efficientnetv2b1": 240, "efficientnetv2b2": 260,
    "efficientnetv2b3": 300, "efficientnetv2s": 384, "efficientnetv2m": 480, "efficientnetv2l": 480,
    "inceptionv3": 299, "inceptionresnetv2": 299, "xception": 299, "nasnetlarge": 331,
}  # fmt: skip
"""The sides of the images that the weights were trained on, where it is not USUAL."""
USUAL = 224
CACHED = r"(weights)?{name}(weightstfdimorderingtfkernels(10\d\d\d)?|10\d\d\dtf|22410float)?notop(v2)?h5"
"""How Keras calls the file of a network without its head in its cache: small letters and digits alone."""
UNTRAINED = 96
"""Without weights smaller images are scaled up to this side."""
LEAST = {"inceptionv3": 75, "inceptionresnetv2": 75, "xception": 71}
"""The smallest sides that Keras lets networks have, where it is not SHORTEST."""
SHORTEST = 32


def members() -> list[Member]:
    return [Member(name, _side(name), "download") for name in sorted(_builders())]


def about(name: str) -> Member:
    from dltui.plugins.tensorflow.session import import_framework

    import_framework()
    count = _builders()[name](weights=None).count_params()
    return Member(name, _side(name), "here" if _cached(name) else "download", count)


def build(name: str, config: FamilyConfig, spec: Spec) -> Any:
    from dltui.plugins.tensorflow.families import network

    make, size = _builders()[name], _size(name, config, spec)
    # ConvNeXt begins the names of its layers with that of the network, and those are the same in every run.
    named = {"name": network.BACKBONE} if name.startswith("convnext") else {}
    body = network.backbone(make, size, weights=None, **named)
    return network.around(body, spec, size, network.colors(spec, _preprocess(name, config)))


def initial(name: str, config: FamilyConfig, spec: Spec, progress: Callable[[str], None]) -> State:
    """The weights of the file, or of the library, or none."""
    from dltui.plugins.tensorflow.families import network

    member = f"keras:{name}"
    body = partial(network.backbone, _builders()[name], _size(name, config, spec))
    if config.weights:
        progress(f"reading {config.weights}")
        return network.state_of(_filled(body(weights=None), config.weights, member))
    if not config.pretrained:
        return {}
    if not _cached(name):
        pretrained.check_reachable(HOST, member)
    progress(f"getting the weights of {member}")
    try:
        return network.state_of(body(weights="imagenet"))
    except Exception as error:
        if not _is_of_download(error):
            raise
        raise pretrained.cannot_download(HOST, member, web.reason(error)) from error


def _is_of_download(error: Exception) -> bool:
    """True for what Keras raises for a failed download: a plain Exception, or a ValueError for a file that is cut."""
    from http.client import HTTPException

    return type(error) is Exception or isinstance(error, (OSError, HTTPException)) or "corrupted file" in str(error)


def _preprocess(name: str, config: FamilyConfig) -> Callable[[Any], Any]:
    """The function that makes of pixels what a backbone without weights takes, as its weights want it."""
    if name.startswith("efficientnetb") and config.begins_trained:
        # Keras gives the network such layers only together with the weights; it divides by 255 itself.
        return lambda pixels: (pixels / 255 - pretrained.MEAN) / pretrained.STD * 255
    return inspect.getmodule(_builders()[name]).preprocess_input  # type: ignore[union-attr, no-any-return]


def _filled(body: Any, path: str, member: str) -> Any:
    """The backbone with the weights of an HDF5 file, which holds arrays alone. Raises RunError."""
    shown = clean_line(path, 200)
    problem = pretrained.file_problem(Path(path))
    if not problem and not path.endswith(".h5"):
        problem = "is no file of Keras weights, whose names end in .h5"
    if problem:
        raise RunError(f"{shown} {problem}")
    try:
        body.load_weights(path)
    except OSError:
        raise RunError(f"{shown} is cut off or no HDF5 file") from None
    except Exception as error:
        reason = clean_line(str(error).strip().split("\n", 1)[0], 200)
        raise RunError(f"{shown} does not fit {member} without its head: {reason}") from None
    return body


def _builders() -> dict[str, Callable[..., Any]]:
    """The functions that build each member, by its name in small letters."""
    from dltui.plugins.tensorflow.session import import_framework

    import_framework()
    from keras import applications

    return {name.lower(): function for name, function in inspect.getmembers(applications, inspect.isfunction)}


def _side(name: str) -> int:
    return SIDES.get(name, USUAL)


def _size(name: str, config: FamilyConfig, spec: Spec) -> tuple[int, int]:
    return pretrained.working_size(config, spec, _side(name), False, LEAST.get(name, SHORTEST), UNTRAINED)


def _cached(name: str) -> bool:
    """True if Keras's cache has the weights of the network without its head."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    files = [re.sub(r"[^a-z0-9]", "", file.name.lower()) for file in folder.glob("*.h5")]
    return any(re.fullmatch(CACHED.format(name=name), file) for file in files)


model = partial(pretrained.member, "keras", "tensorflow", build, initial)
FAMILY = Family("keras", "keras.applications: networks with pretrained weights", members, model, about)
