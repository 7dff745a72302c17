"""What `train`, `twin`, `demo` and `fork` share: flags of a model, presets, seeds, start."""
