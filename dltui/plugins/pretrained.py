"""The common part of model families: hyperparameters, the size at which a network works, and the checks of a file of
weights that need no framework.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationInfo, field_validator

from dltui.core import paths
from dltui.core.contract import Model
from dltui.core.contract.config import OptimizerName, Schedule, TrainConfig, unit
from dltui.core.data import network
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins.architectures import override

if TYPE_CHECKING:
    from dltui.core.contract import Spec

SMALLEST = 64
"""Without pretrained weights smaller images are scaled up to this side: most networks shrink them 32 times."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the colors of ImageNet's photos, of pixels from 0 to 1."""
SECONDS = 10.0
"""For the first byte of a host that is about to give weights."""
INSTEAD = "give a file by --weights FILE, or begin at random: --no-pretrained"
HDF5 = b"\x89HDF\r\n\x1a\n"
PICKLE = b"\x80"
HEADER_BYTES = 100_000_000


class FamilyConfig(TrainConfig):
    """The hyperparameters of every member of a family, with defaults for fine-tuning."""

    pretrained: bool = Field(True, description="begin with the library's own weights, which are downloaded once")
    weights: str = Field(
        "", description="a file of weights of this architecture to begin with instead", json_schema_extra=unit("")
    )
    image_size: int = Field(
        0,
        ge=0,
        le=2048,
        description="side to which images are scaled for the network; 0: that of its weights",
        json_schema_extra=unit("px"),
    )
    lr: float = override("lr", 3e-4)
    batch_size: int = override("batch_size", 32)
    optimizer: OptimizerName = override("optimizer", "adamw")
    weight_decay: float = override("weight_decay", 0.05)
    schedule: Schedule = override("schedule", "one-cycle")

    @field_validator("weights")
    @classmethod
    def _find(cls, text: str, info: ValidationInfo) -> str:
        if not text:
            return text
        path = paths.absolute(text)
        # Later the file may be gone: a run that goes on has its weights in its checkpoint.
        problem = file_problem(Path(path)) if (info.context or {}).get("new_run") else ""
        if problem:
            raise ValueError(f"{clean_line(text, 200)} {problem}")
        return path

    @property
    def begins_trained(self) -> bool:
        """True if the network begins with weights of the library or of a file, and so gets images as they did."""
        return self.pretrained or bool(self.weights)


def file_problem(path: Path) -> str:
    """The reason why a file holds no weights, or not all of them, as far as its ends tell; "" without one."""
    try:
        with path.open("rb") as file:
            size, begin = path.stat().st_size, file.read(8)
            if begin == HDF5 or begin.startswith(PICKLE):
                return ""
            if begin.startswith(b"PK"):
                return (
                    "" if zipfile.is_zipfile(file) else "is cut off: it is a torch file without its end; copy it again"
                )
            length = int.from_bytes(begin, "little")
            header = file.read(length) if 2 <= length <= HEADER_BYTES else b""
    except OSError as error:
        return f"cannot be read: {(error.strerror or 'an error').lower()}"
    if not header.startswith(b"{"):
        return "is no file of weights; safetensors, torch (state_dict) and Keras (h5) files are"
    return _safetensors_problem(header, length, size)


def _safetensors_problem(header: bytes, length: int, size: int) -> str:
    try:
        entries = json.loads(header)
        ends = [int(entry["data_offsets"][1]) for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        ends = []
    if len(header) < length or (ends and max(ends) + 8 + length != size):
        return "is cut off: its header tells of more bytes than there are; copy it again"
    return "" if ends else "is no file of weights: its header cannot be read"


def working_size(
    config: FamilyConfig, spec: Spec, own: int, fixed: bool, least: int = 1, untrained: int = SMALLEST
) -> tuple[int, int]:
    """The height and width in pixels at which a network works that is made for the side `own`: `fixed` ones for this
    side alone, others for any from `least` on, where a larger image stays as it is and a smaller one, without weights,
    becomes `untrained`. Raises RunError for data without images, and for an image_size below `least`.
    """
    if not spec.is_image or spec.input_shape[2] not in (1, 3):
        raise RunError(f"this model needs gray or color images, this dataset has shape {spec.input_shape}")
    height, width, _ = spec.input_shape
    if fixed:
        return (config.image_size or own,) * 2
    if 0 < config.image_size < least:
        line = f"this network takes no images under {least} px; give --image-size {least} or more"
        raise RunError(line, {"image_size": least})
    side = config.image_size or max(min(height, width), own if config.begins_trained else max(untrained, least))
    scale = side / min(height, width)
    return round(height * scale), round(width * scale)


def check_reachable(url: str, member: str) -> None:
    """Raise RunError at once where a download has no chance: libraries try again for most of a minute."""
    problem = next(problem for _, problem in network.answers([url], SECONDS))
    # Whatever a host answers, it is there.
    if problem is not None and not problem.startswith("HTTP"):
        raise cannot_download(url, member, problem)


def cannot_download(url: str, member: str, problem: str) -> RunError:
    """The error of weights that cannot be downloaded, with what can be done."""
    what = f"the weights of {member} cannot be downloaded from {network.host(url)} ({clean_line(problem, 60)})"
    return RunError(f"{what}; {INSTEAD}")


def none_known(library: str, name: str) -> RunError:
    """The error of a member that its library has no weights of."""
    return RunError(f"{library} has no weights of {name}; {INSTEAD}")


def changed_colors(spec: Spec, config: FamilyConfig, mean: Any, std: Any) -> tuple[list[float], list[float]]:
    """The factor and the term of each of three colors that turn normalized values of a dataset into those that weights
    were trained with, which are (pixel / 255 - mean) / std; (1, 0) for a network without weights.
    """
    if not config.begins_trained:
        return [1.0] * 3, [0.0] * 3
    own_mean, own_std = (list(values) * (3 if len(values) == 1 else 1) for values in (spec.mean, spec.std))
    return (
        [own_std[c] / 255 / std[c] for c in range(3)],
        [(own_mean[c] / 255 - mean[c]) / std[c] for c in range(3)],
    )


def member(library: str, framework: str, build: Callable[..., Any], initial: Callable[..., Any], name: str) -> Model:
    """The model of a family's member; `build` and `initial` take its name first."""
    reference = f"{library}:{name}"
    return Model(
        id=reference,
        name=reference,
        framework=framework,
        task="classification",
        also=("multilabel", "regression"),
        summary=f"{name} of {library}, with a head for the classes",
        config=FamilyConfig,
        build=partial(build, name),
        requires=(library,),
        needs_images=True,
        initial=partial(initial, name),
    )
