"""Plugins that ship with dltui, registered through the same entry points as any other plugin."""
