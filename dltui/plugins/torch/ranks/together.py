"""Makes a process one of several ranks: its group, its random numbers, and the same weights on all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from dltui.plugins.torch.ranks import norm
from dltui.plugins.torch.ranks.draws import Draws
from dltui.plugins.torch.ranks.group import Group

if TYPE_CHECKING:
    import torch
    from torch import nn

    from dltui.core.contract import Rank
    from dltui.core.contract.config import TrainConfig


def join(
    rank: Rank | None, module: nn.Module, device: torch.device, config: TrainConfig
) -> tuple[Group, Draws] | tuple[None, None]:
    """Meet the other ranks, and take the weights of the first. From here on batch norm and dropout of this process are
    those of all ranks. Nothing happens in a process that trains alone, which has no rank.
    """
    if rank is None:
        return None, None
    group = Group(rank, device)
    draws = Draws(group, device, config.seed, config.accumulate)
    norm.install(group)
    norm.adopt(module)
    draws.install()
    group.share_first(chain(module.parameters(), module.buffers()))
    return group, draws


def notes(device: torch.device) -> Sequence[str]:
    """Lines about how the steps of several ranks are run."""
    if device.type != "cuda":
        return ()
    return ("steps run one operation at a time, not as a CUDA graph: several devices train together",)
