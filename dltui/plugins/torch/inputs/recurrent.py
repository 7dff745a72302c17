"""The LSTM of sequences, with the weights that Keras's has."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dltui.core.contract.inputs import MASK, Input
from dltui.plugins.sequences import FORGET, LstmConfig, recurrent_limit
from dltui.plugins.torch.layers import dense, embedding


class LstmCell(nn.Module):
    """Weights for the gates input, forget, value and output, side by side, and a single bias."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden, limit = hidden, recurrent_limit(hidden)
        self.kernel = nn.Parameter(torch.empty(inputs, 4 * hidden).uniform_(-limit, limit))
        self.recurrent_kernel = nn.Parameter(torch.empty(hidden, 4 * hidden).uniform_(-limit, limit))
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = FORGET
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs (n, steps, hidden) of all steps."""
        start = x.new_zeros(1, x.shape[0], self.hidden)
        # PyTorch's own has a second bias, which would be learned beside the first.
        weights = [self.kernel.T, self.recurrent_kernel.T, self.bias, torch.zeros_like(self.bias)]
        outputs: Tensor = torch.lstm(x, (start, start), weights, True, 1, 0.0, self.training, False, True)[0]
        return outputs


class Lstm(nn.Module):
    """An LSTM that gives the outputs of all steps."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.lstm_cell = LstmCell(inputs, hidden)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.lstm_cell(x)
        return outputs


class Recurrent(nn.Module):
    """LSTMs on top of each other; the last output of each sequence goes through a dense layer."""

    def __init__(self, config: LstmConfig, given: Input, outputs: int) -> None:
        super().__init__()
        self._name, self._padded, self._depth = given.name, given.padded, config.depth
        width = given.features
        if not width:
            width = config.embedding
            self.embedding = embedding(given.vocabulary[0], width)
        self._embeds = not given.features
        for number in range(1, config.depth + 1):
            self.add_module(f"lstm{number}", Lstm(width, config.hidden))
            width = config.hidden
        self.dropout = nn.Dropout(config.dropout)
        self.output = dense(width, outputs, relu=False)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        x = inputs[self._name]
        x = self.embedding(x) if self._embeds else x
        for number in range(1, self._depth + 1):
            x = self.dropout(self.get_submodule(f"lstm{number}")(x))
        x = last(x, inputs[self._name + MASK]) if self._padded else x[:, -1]
        outputs: Tensor = self.output(x)
        return outputs


def last(x: Tensor, mask: Tensor) -> Tensor:
    """The last step of each sequence (n, steps, values) that its mask shows."""
    places = (mask.sum(dim=1) - 1).view(-1, 1, 1).expand(-1, 1, x.shape[2])
    return x.gather(1, places).squeeze(1)
