"""The family of timm (PyTorch Image Models): `timm:resnet18`. Importing this imports no framework."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from dltui.core.contract.families import Family, Member
from dltui.core.data import network
from dltui.plugins import pretrained
from dltui.plugins.pretrained import FamilyConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dltui.core.contract import Spec
    from dltui.core.contract.types import State

FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""The names under which the Hugging Face Hub keeps weights."""

LEAST = dict.fromkeys(("inception_resnet_v2", "inception_v3", "inception_v4"), 75)
"""The smallest sides of the images of networks whose last filters would find too little of others."""


def members() -> list[Member]:
    from timm.models import list_models

    return [_member(name, _settings(name)) for name in list_models()]


def about(name: str) -> Member:
    import torch
    from timm import create_model

    settings = _settings(name)
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in create_model(name).parameters())
    weights = "here" if _cached(settings) else _member(name, settings).weights
    return Member(name, _side(settings), weights, count)


def build(name: str, config: FamilyConfig, spec: Spec) -> nn.Module:
    from timm import create_model

    from dltui.plugins.torch.families.network import around

    settings = _settings(name)
    fixed = bool(settings.fixed_input_size)
    size = pretrained.working_size(config, spec, _side(settings), fixed, LEAST.get(name, 1))
    backbone = create_model(name, num_classes=0, **_sized(settings, config))
    features: Any = getattr(backbone, "head_hidden_size", None) or backbone.num_features
    return around(backbone, int(features), config, spec, size, settings.mean, settings.std)


def initial(name: str, config: FamilyConfig, spec: Spec, progress: Callable[[str], None]) -> State:
    """The weights of the file, or of the library, or none."""
    from timm import create_model

    from dltui.plugins.torch.families import weights
    from dltui.plugins.torch.families.network import initial_state

    settings = _settings(name)
    make = partial(create_model, name, num_classes=0, **_sized(settings, config))
    if config.weights:
        progress(f"reading {config.weights}")
        return initial_state(
            lambda: weights.fill(
                backbone := make(), config.weights, f"timm:{name}", partial(_converted, name, backbone)
            )
        )
    if not config.pretrained:
        return {}
    if not _member(name, settings).weights:
        raise pretrained.none_known("timm", name)
    host = _host(settings)
    if not _cached(settings):
        pretrained.check_reachable(host, f"timm:{name}")
    progress(f"getting the weights of timm:{name}")
    try:
        return initial_state(partial(make, pretrained=True))
    except OSError as error:
        raise pretrained.cannot_download(host, f"timm:{name}", network.reason(error)) from error


def _host(settings: Any) -> str:
    """The address from which weights would come."""
    if not settings.hf_hub_id:
        return str(settings.url)
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def _converted(name: str, backbone: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under timm's names, where its module of this architecture knows those of their authors."""
    from timm.models import model_entrypoint

    convert = getattr(sys.modules[model_entrypoint(name).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return tensors
    try:
        return dict(convert(dict(tensors), backbone))
    except Exception:
        # Of another architecture: the comparison that follows says so.
        return tensors


def _settings(name: str) -> Any:
    """The settings of the weights that timm takes for a member, also where it has no weights."""
    from timm.models import get_pretrained_cfg
    from timm.models._pretrained import PretrainedCfg

    return get_pretrained_cfg(name) or PretrainedCfg()


def _member(name: str, settings: Any) -> Member:
    there = settings.hf_hub_id or settings.url or settings.file
    return Member(name, _side(settings), "download" if there else "")


def _side(settings: Any) -> int:
    return int(max(settings.input_size[1:]))


def _sized(settings: Any, config: FamilyConfig) -> dict[str, Any]:
    """The arguments for a network that is made for one size alone, when another is asked for."""
    other = settings.fixed_input_size and config.image_size not in (0, _side(settings))
    return {"img_size": config.image_size} if other else {}


def _cached(settings: Any) -> bool:
    """True if the weights are in the cache of the library that downloads them."""
    if settings.hf_hub_id:
        from huggingface_hub import try_to_load_from_cache

        repository, _, revision = settings.hf_hub_id.partition("@")
        names = (settings.hf_hub_filename,) if settings.hf_hub_filename else FILES
        found = (try_to_load_from_cache(repository, name, revision=revision or None) for name in names)
        return any(isinstance(path, str) for path in found)
    if settings.url:
        from pathlib import Path, PurePosixPath

        from torch.hub import get_dir

        return (Path(get_dir()) / "checkpoints" / PurePosixPath(settings.url).name).is_file()
    return False


model = partial(pretrained.member, "timm", "torch", build, initial)
FAMILY = Family("timm", "PyTorch Image Models: networks with pretrained weights", members, model, about)
