"""The door into dltui: a framework and its models. Importing this imports neither JAX nor Flax."""

from dltui import hookimpl
from dltui_flax.backend import FlaxBackend
from dltui_flax.models import MODELS


@hookimpl
def dltui_backends():
    return [FlaxBackend()]


@hookimpl
def dltui_models():
    return MODELS
