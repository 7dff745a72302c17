"""Predicted masks: the classes of their pixels, and the worst of them."""
