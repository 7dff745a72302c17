"""Segmentation: each pixel of an image has a class; outputs are logits (n, height, width, classes), targets the masks
uint8 (n, height, width), in which 255 marks pixels that do not count.
"""

from dltui.core.tasks.definition import TaskDefinition
from dltui.core.tasks.metric import Metric

IGNORED = 255
"""The value of pixels that count neither in the loss nor in a metric."""
MOST_CLASSES = 255

SEGMENTATION = TaskDefinition(
    name="segmentation",
    module="dltui.core.tasks.segmentation.arithmetic",
    targets="masks",
    inside="masks",
    metrics=(
        Metric("loss", "Loss", lowest=True),
        Metric("miou", "Mean IoU"),
        Metric("pixel_accuracy", "Pixel accuracy"),
    ),
    reported=(Metric("dice", "Mean Dice"), Metric("class_accuracy", "Mean class accuracy")),
    monitor="miou",
    arrays=frozenset(("confusion", "iou", "worst", "thumbnails", "masks", "said")),
    batch_metric="pixel_accuracy",
)
