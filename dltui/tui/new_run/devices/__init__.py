"""The devices of a new run: which ones are marked to train together."""
