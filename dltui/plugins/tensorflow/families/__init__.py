"""Families of Keras models: libraries whose members are found by name."""
