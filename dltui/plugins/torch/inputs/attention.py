"""The transformer of sequences: blocks of attention and dense layers around a normalized sum."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from dltui.core.contract.inputs import MASK, Input
from dltui.plugins.sequences import EPSILON, WIDER, TransformerConfig, positions
from dltui.plugins.torch.inputs.fields import mean
from dltui.plugins.torch.layers import dense, embedding


class Block(nn.Module):
    """Attention of all steps to all others, then two dense layers; each adds to its normalized input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, EPSILON), nn.LayerNorm(width, EPSILON)
        self.query, self.key, self.value, self.join = (dense(width, width, relu=False) for _ in range(4))
        self.wide, self.narrow = dense(width, WIDER * width, relu=True), dense(WIDER * width, width, relu=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.dropout(self._attend(self.norm1(x), mask))
        found: Tensor = x + self.dropout(self.narrow(functional.gelu(self.wide(self.norm2(x)))))
        return found

    def _attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        seen = None if mask is None else mask[:, None, None, :]
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        joined: Tensor = self.join(found.transpose(1, 2).flatten(2))
        return joined

    def _split(self, x: Tensor) -> Tensor:
        """The heads (n, heads, steps, values) of steps (n, steps, width)."""
        return x.view(*x.shape[:2], self._heads, -1).transpose(1, 2)


class Transformer(nn.Module):
    """Blocks on top of each other; the mean of the steps goes through a dense layer."""

    waves: Tensor

    def __init__(self, config: TransformerConfig, given: Input, outputs: int) -> None:
        super().__init__()
        self._name, self._padded, self._depth, width = given.name, given.padded, config.depth, config.width
        self._embeds, self._scale = not given.features, sqrt(width)
        if given.features:
            self.steps: nn.Module = dense(given.features, width, relu=False)
        else:
            self.embedding = embedding(given.vocabulary[0], width)
        waves = torch.from_numpy(positions(given.shape[0], width)).to(torch.float32)
        self.register_buffer("waves", waves, persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        for number in range(1, config.depth + 1):
            self.add_module(f"block{number}", Block(width, config.heads, config.dropout))
        self.norm = nn.LayerNorm(width, EPSILON)
        self.output = dense(width, outputs, relu=False)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        x = inputs[self._name]
        x = self.embedding(x) * self._scale if self._embeds else self.steps(x)
        mask = inputs[self._name + MASK] if self._padded else None
        x = self.dropout(x + self.waves)
        for number in range(1, self._depth + 1):
            x = self.get_submodule(f"block{number}")(x, mask)
        outputs: Tensor = self.output(mean(self.norm(x), mask))
        return outputs
