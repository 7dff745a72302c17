"""The version of dltui."""

__version__ = "0.1.0"
