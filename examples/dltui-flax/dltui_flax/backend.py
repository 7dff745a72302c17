"""JAX with Flax as a framework of dltui."""

from dltui import RunError


class FlaxBackend:
    """Flax modules, on what JAX can use."""

    framework = "jax"
    title = "JAX"
    package = "flax"
    install = "pip install 'jax[cpu]' flax"
    options = ("nesterov",)
    kinds = ("cpu", "cuda")

    def trainable(self, model, config, data, device):
        import jax

        from dltui_flax.trainable import FlaxTrainable

        try:
            place = jax.devices("cpu" if device == "cpu" else "gpu")[0]
        except RuntimeError:
            raise RunError(f"JAX cannot use {device} here; use --device cpu, or: pip install 'jax[cuda12]'") from None
        return FlaxTrainable(model.build(config, data.spec), config, data, place)

    def layers(self, model, config, spec):
        from dltui_flax.trainable import layers

        return layers(model.build(config, spec), spec)

    def devices(self):
        import jax

        gpus = [one for one in jax.devices() if one.platform == "gpu"]
        found = [("cpu", "CPU"), *((f"cuda:{one.id}", one.device_kind) for one in gpus)]
        return [{"device": device, "name": name, "problem": None} for device, name in found]
