"""scikit-learn as a framework of dltui."""

from dltui import RunError


class SklearnBackend:
    """Learners with `partial_fit`, on the CPU."""

    framework = "sklearn"
    title = "scikit-learn"
    package = "scikit-learn"
    install = "pip install 'scikit-learn>=1.5'"
    kinds = ("cpu",)

    def trainable(self, model, config, data, device):
        from dltui_sklearn.trainable import SklearnTrainable

        if device != "cpu":
            raise RunError(f"scikit-learn cannot use {device}; use --device cpu")
        return SklearnTrainable(model.build(config, data.spec), config, data)

    def layers(self, model, config, spec):
        from dltui_sklearn.trainable import layers

        return layers(model.build(config, spec))

    def devices(self):
        return [{"device": "cpu", "name": "CPU", "problem": None}]
