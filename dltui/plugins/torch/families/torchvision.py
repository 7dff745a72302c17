"""The family of torchvision's classifiers: `torchvision:resnet18`. Importing this imports no framework."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dltui.core.contract.families import Family, Member
from dltui.core.data import network
from dltui.core.errors import RunError
from dltui.plugins import pretrained
from dltui.plugins.pretrained import FamilyConfig

if TYPE_CHECKING:
    from torch import nn

    from dltui.core.contract import Spec
    from dltui.core.contract.types import State

WITHOUT_HEAD = ("squeezenet",)
"""The networks that end in a convolution."""
OF_TENSORFLOW = ("googlenet", "inception_v3")
"""The networks whose weights want values from -1 to 1. torchvision turns those of its transforms into them inside of a
network that it gives the weights itself.
"""
SIDE = 224


def members() -> list[Member]:
    from torchvision import models

    names = [name for name in models.list_models(module=models) if not name.startswith(WITHOUT_HEAD)]
    return [Member(name, _side(_weights(name)), "download" if _weights(name) else "") for name in names]


def about(name: str) -> Member:
    import torch

    weights = _weights(name)
    try:
        with torch.device("meta"):
            made = _make(name)
    except NotImplementedError:
        # Some compute their widths with tensors.
        made = _make(name)
    count = sum(parameter.numel() for parameter in made.parameters())
    return Member(name, _side(weights), "here" if weights and _file(weights).is_file() else "download", count)


def build(name: str, config: FamilyConfig, spec: Spec) -> nn.Module:
    from dltui.plugins.torch.families.network import around

    weights = _weights(name)
    own = _side(weights)
    least = _least(name, weights)
    fixed = least == own
    if fixed and config.image_size not in (0, own):
        raise RunError(f"torchvision:{name} works at {own} px alone; leave --image-size out")
    size = pretrained.working_size(config, spec, own, fixed, least)
    backbone, features = _headless(_make(name))
    return around(backbone, features, config, spec, size, *_colors(name, weights))


def initial(name: str, config: FamilyConfig, spec: Spec, progress: Callable[[str], None]) -> State:
    """The weights of the file, or of the library, or none."""
    from dltui.plugins.torch.families import weights as files
    from dltui.plugins.torch.families.network import initial_state

    path, weights = config.weights, _weights(name)
    if not path and config.pretrained:
        if weights is None:
            raise pretrained.none_known("torchvision", name)
        path = str(_file(weights))
        if not Path(path).is_file():
            progress(f"getting the weights of torchvision:{name}")
            _download(name, weights)
    if not path:
        return {}
    progress(f"reading {path}")
    return initial_state(lambda: files.fill(_headless(_make(name))[0], path, f"torchvision:{name}"))


def _download(name: str, weights: Any) -> None:
    """Download weights into torch's own cache, by their checksum. Raises RunError at once where that has no chance."""
    from torch.hub import download_url_to_file

    pretrained.check_reachable(weights.url, f"torchvision:{name}")
    target = _file(weights)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        download_url_to_file(weights.url, str(target), _prefix(weights.url), progress=False)
    except (OSError, RuntimeError) as error:
        raise pretrained.cannot_download(weights.url, f"torchvision:{name}", network.reason(error)) from error


def _prefix(url: str) -> str | None:
    """The beginning of the SHA-256 that torch puts into the names of its files: resnet18-f37072fd.pth."""
    found = PurePosixPath(url).stem.rpartition("-")[2]
    return found if len(found) == 8 and set(found) <= set("0123456789abcdef") else None


def _weights(name: str) -> Any:
    """The best weights of a member; None where there are none."""
    from torchvision import models

    try:
        return models.get_model_weights(name).DEFAULT
    except (ValueError, AttributeError):
        return None


def _side(weights: Any) -> int:
    return int(weights.transforms().crop_size[0]) if weights is not None else SIDE


def _least(name: str, weights: Any) -> int:
    """The smallest side in pixels that a network takes. EfficientNets take any, whatever torchvision tells of them."""
    return 1 if weights is None or name.startswith("efficientnet") else int(max(weights.meta.get("min_size", (1, 1))))


def _colors(name: str, weights: Any) -> tuple[Any, Any]:
    """The mean and the deviation of each color of the images that the weights were made for, of pixels from 0 to 1."""
    if name in OF_TENSORFLOW:
        return (0.5,) * 3, (0.5,) * 3
    normalization = weights.transforms() if weights else None
    return (normalization.mean, normalization.std) if normalization else (pretrained.MEAN, pretrained.STD)


def _file(weights: Any) -> Path:
    from torch.hub import get_dir

    return Path(get_dir()) / "checkpoints" / PurePosixPath(weights.url).name


def _make(name: str) -> nn.Module:
    """The network with random weights, without the further outputs that some have for training."""
    from torchvision import models

    special: dict[str, Any] = {"aux_logits": False, "init_weights": True} if name in OF_TENSORFLOW else {}
    if name.startswith("vit_"):
        # It has a weight for each place of an image of this size.
        special["image_size"] = _side(_weights(name))
    made: nn.Module = models.get_model(name, weights=None, **special)
    return made


def _headless(network: nn.Module) -> tuple[nn.Module, int]:
    """The network without its last dense layer, and the number of features that came to that."""
    from torch import nn

    path, last = [(path, layer) for path, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]
    around, _, place = path.rpartition(".")
    setattr(network.get_submodule(around), place, nn.Identity())
    return network, last.in_features


model = partial(pretrained.member, "torchvision", "torch", build, initial)
FAMILY = Family("torchvision", "torchvision's classifiers with pretrained weights", members, model, about)
