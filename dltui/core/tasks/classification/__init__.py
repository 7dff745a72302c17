"""Classification: each sample is of one class; outputs are logits (n, classes), targets class numbers (n,)."""

from dltui.core.tasks.definition import TaskDefinition
from dltui.core.tasks.metric import Metric

CLASSIFICATION = TaskDefinition(
    name="classification",
    module="dltui.core.tasks.classification.arithmetic",
    targets="class",
    inside="classes",
    metrics=(Metric("loss", "Loss", lowest=True), Metric("accuracy", "Accuracy")),
    reported=(
        Metric("top5_accuracy", "Top-5 accuracy"),
        Metric("balanced_accuracy", "Balanced accuracy"),
        Metric("f1", "Macro F1"),
        Metric("auroc", "AUROC", slow=True),
        Metric("average_precision", "Average precision", slow=True),
        Metric("calibration_error", "Calibration error", lowest=True, slow=True),
    ),
    monitor="accuracy",
    arrays=frozenset(("labels", "top", "probabilities", "wrong", "thumbnails")),
    options=frozenset(("label_smoothing", "class_weights", "cutmix", "mirror_test")),
)
