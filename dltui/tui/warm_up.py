"""Warms up a worker while the form is open, so that training starts soon after Enter."""

from __future__ import annotations

from dltui.tui.form_start import FormStart

AGAIN_SECONDS = 50.0
"""A process that waits gives up after a minute: a form in use asks for another one before."""


class WarmUp(FormStart):
    """A form that has a process ready for the framework and the device that are chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._warm: tuple[str, str] | None = None
        self._warm_since = 0.0

    def warm_up(self) -> None:
        """To be called whenever somebody uses the form."""
        form, services = self.form, self.dltui.services
        if form is None or services.read_only or self.dltui.settings.warm == "off":
            return
        wanted, now = (form.framework, form.device), services.clock()
        if wanted == self._warm and now - self._warm_since < AGAIN_SECONDS:
            return
        self._warm, self._warm_since = wanted, now
        framework, device = wanted
        self.run_worker(lambda: services.warm_up(form.catalog, framework, device), thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        if self._warm is not None:
            self.dltui.services.cool_down()
