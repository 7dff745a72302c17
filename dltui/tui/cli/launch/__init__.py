"""The common part of `train`, `twin`, `demo` and `fork`: flags of a model, presets, seeds, start."""
