"""ConvMixer (Trockman & Kolter 2022, https://arxiv.org/abs/2201.09792)."""

from torch import nn
from torch.nn import functional


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + x


def block(width, kernel):
    """Mixes places within a channel, then channels within a place."""
    depthwise = nn.Sequential(
        nn.Conv2d(width, width, kernel, groups=width, padding="same"), nn.GELU(), nn.BatchNorm2d(width)
    )
    return nn.Sequential(Residual(depthwise), nn.Conv2d(width, width, 1), nn.GELU(), nn.BatchNorm2d(width))


class ConvMixer(nn.Module):
    """Gets normalized images (n, channels, height, width), gives one logit a class."""

    def __init__(self, config, spec):
        super().__init__()
        height, width, channels = spec.input_shape
        patch = min(config.patch, height, width)
        self.smoothing = config.smoothing
        self.stem = nn.Sequential(
            nn.Conv2d(channels, config.width, patch, stride=patch), nn.GELU(), nn.BatchNorm2d(config.width)
        )
        self.blocks = nn.Sequential(*(block(config.width, config.kernel) for _ in range(config.depth)))
        self.output = nn.Linear(config.width, spec.outputs)

    def forward(self, x):
        return self.output(self.blocks(self.stem(x)).mean(dim=(2, 3)))

    def training_loss(self, outputs, targets):
        """The loss of training, validation and test, instead of dltui's; smoothed in all of them."""
        return functional.cross_entropy(outputs, targets, label_smoothing=self.smoothing)
