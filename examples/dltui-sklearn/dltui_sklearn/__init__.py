"""The door into dltui: a framework and its models. Importing this imports no scikit-learn."""

from dltui import hookimpl
from dltui_sklearn.backend import SklearnBackend
from dltui_sklearn.models import MODELS


@hookimpl
def dltui_backends():
    return [SklearnBackend()]


@hookimpl
def dltui_models():
    return MODELS
