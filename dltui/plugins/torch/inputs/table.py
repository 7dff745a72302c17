"""The network for the numbers, categories and texts of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from dltui.core.contract.inputs import MASK
from dltui.plugins.torch.inputs.fields import mean
from dltui.plugins.torch.layers import FlattenNHWC, dense, embedding


class Table(nn.Module):
    """Embeds the categories and the words of a text, puts them and the mean of the words beside the numbers, and
    applies dense layers; it also takes a single input.
    """

    def __init__(
        self,
        numbers: int,
        categories: Sequence[tuple[int, int]],
        words: tuple[int, int] | None,
        layers: Sequence[int],
        dropout: float,
        outputs: int,
    ) -> None:
        super().__init__()
        for place, (size, width) in enumerate(categories, start=1):
            self.add_module(f"category{place}", embedding(size, width))
        self.categories, self.hidden = len(categories), len(layers)
        inputs = numbers + sum(width for _, width in categories)
        if words:
            self.words = embedding(*words)
            inputs += words[1]
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
        if "text" in inputs:
            parts.append(mean(self.words(inputs["text"]), inputs["text" + MASK]))
        return torch.cat(parts, dim=1)
