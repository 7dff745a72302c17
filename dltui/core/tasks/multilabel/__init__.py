"""Multi-label classification: several labels may apply to a sample; outputs are logits (n, labels), targets 0 or 1."""

from dltui.core.tasks.definition import TaskDefinition
from dltui.core.tasks.metric import Metric

MULTILABEL = TaskDefinition(
    name="multilabel",
    module="dltui.core.tasks.multilabel.arithmetic",
    targets="labels",
    inside="labels",
    metrics=(
        Metric("loss", "Loss", lowest=True),
        Metric("label_accuracy", "Label accuracy"),
        Metric("average_precision", "Mean average precision"),
    ),
    reported=(
        Metric("f1", "Macro F1"),
        Metric("micro_f1", "Micro F1"),
        Metric("exact_accuracy", "Exact match"),
        Metric("auroc", "AUROC", slow=True),
    ),
    monitor="average_precision",
    arrays=frozenset(("present", "chances", "wrong", "thumbnails")),
    options=frozenset(("cutmix", "mirror_test")),
)
