"""The models: hyperparameters, and functions that make learners."""

from math import prod
from typing import Literal

from dltui import Field, Model, TrainConfig


class Config(TrainConfig):
    """What scikit-learn's SGD knows: no momentum, one optimizer."""

    lr: float = Field(0.01, gt=0, le=10, description="step size of each sample", json_schema_extra={"unit": ""})
    batch_size: int = Field(64, ge=1, le=65_536, description="samples per step", json_schema_extra={"unit": "samples"})
    optimizer: Literal["sgd"] = Field("sgd", description="one update a sample")
    momentum: float = Field(0.0, ge=0, le=0, description="scikit-learn's SGD has none", json_schema_extra={"unit": ""})
    weight_decay: float = Field(1e-4, ge=0, le=1, description="alpha: L2 penalty", json_schema_extra={"unit": ""})


def classifier(config, spec):
    """Fed flat samples (n, inputs); `classes` columns of coefficients."""
    from sklearn.linear_model import SGDClassifier

    from dltui_sklearn.learner import Learner

    estimator = SGDClassifier(loss="log_loss", **_settings(config))
    return Learner([estimator], prod(spec.input_shape), spec.outputs, classifies=True)


def regressor(config, spec):
    """One learner a target."""
    from sklearn.linear_model import SGDRegressor

    from dltui_sklearn.learner import Learner

    estimators = [SGDRegressor(**_settings(config)) for _ in range(spec.outputs)]
    return Learner(estimators, prod(spec.input_shape), spec.outputs, classifies=False)


def _settings(config):
    # dltui shuffles and plans the learning rate.
    return {"learning_rate": "constant", "eta0": config.lr, "alpha": config.weight_decay, "shuffle": False}


MODELS = [
    Model(
        "sgd-sklearn",
        "sgd",
        "sklearn",
        "classification",
        "one logistic regression a class (SGDClassifier)",
        Config,
        classifier,
    ),
    Model(
        "sgd-regression-sklearn",
        "sgd-regression",
        "sklearn",
        "regression",
        "linear regression (SGDRegressor)",
        Config,
        regressor,
    ),
]
