"""Tries out all that a model plugin has to do: `dltui plugins check`, and `dltui.testing` for a plugin's own tests."""
