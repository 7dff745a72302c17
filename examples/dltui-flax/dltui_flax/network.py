"""The network."""

from flax import linen as nn


class Network(nn.Module):
    """Each convolution is followed by ReLU and a pooling that rounds up, so that images of any size will do."""

    width: int
    dropout: float
    outputs: int

    @nn.compact
    def __call__(self, x, training=False):
        for number, channels in enumerate((self.width, 2 * self.width), start=1):
            x = nn.relu(nn.Conv(channels, (3, 3), name=f"conv{number}")(x))
            x = nn.max_pool(x, (2, 2), (2, 2), "SAME")
        x = nn.relu(nn.Dense(4 * self.width, name="dense1")(x.reshape(len(x), -1)))
        x = nn.Dropout(self.dropout, deterministic=not training)(x)
        return nn.Dense(self.outputs, name="output")(x)
