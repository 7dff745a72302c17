"""The network for the numbers and categories of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from dltui.plugins.architectures import kernel_limit
from dltui.plugins.torch.layers import FlattenNHWC, dense


class Table(nn.Module):
    """Embeds the categories, puts them beside the numbers, and applies dense layers; it also takes a single input."""

    def __init__(
        self, numbers: int, categories: Sequence[tuple[int, int]], layers: Sequence[int], dropout: float, outputs: int
    ) -> None:
        super().__init__()
        for place, (size, width) in enumerate(categories, start=1):
            self.add_module(f"category{place}", embedding(size, width))
        self.categories, self.hidden = len(categories), len(layers)
        inputs = numbers + sum(width for _, width in categories)
        for place, width in enumerate(layers, start=1):
            self.add_module(f"dense{place}", dense(inputs, width, relu=True))
            inputs = width
        self.flatten, self.dropout = FlattenNHWC(), nn.Dropout(dropout)
        self.output = dense(inputs, outputs, relu=False)

    def forward(self, inputs: Tensor | Mapping[str, Tensor]) -> Tensor:
        x = self.flatten(inputs) if isinstance(inputs, Tensor) else self._row(inputs)
        for place in range(1, self.hidden + 1):
            x = self.dropout(torch.relu(self.get_submodule(f"dense{place}")(x)))
        outputs: Tensor = self.output(x)
        return outputs

    def _row(self, inputs: Mapping[str, Tensor]) -> Tensor:
        parts = [inputs["numbers"]] if "numbers" in inputs else []
        for place in range(self.categories):
            parts.append(self.get_submodule(f"category{place + 1}")(inputs["categories"][:, place]))
        return torch.cat(parts, dim=1)


def embedding(size: int, width: int) -> nn.Embedding:
    """A table of vectors, uniform with the variance 1 / width."""
    layer = nn.Embedding(size, width)
    limit = kernel_limit(width, relu=False)
    nn.init.uniform_(layer.weight, -limit, limit)
    return layer
