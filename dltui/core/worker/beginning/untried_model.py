"""A model before its first step: a trial of a plugin's code, the weights it brings, and what an error there says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from dltui.core.catalog import plugin_loader
from dltui.core.catalog.sources import FIRST
from dltui.core.errors import DltuiError, RunError
from dltui.core.worker import explain, loading
from dltui.core.worker.ranks.supervisor import RankError, RankLost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dltui.core.contract import Data, Model, Trainable
    from dltui.core.contract.config import TrainConfig
    from dltui.core.contract.inputs import Input
    from dltui.core.tasks.monitor import Monitor


class Failure(NamedTuple):
    """What is told of an error: its reason in a line, the hyperparameters to try instead, and whether it is the fault
    of a plugin whose run never began.
    """

    reason: str
    remedy: dict[str, Any]
    refused: bool


class UntriedModel:
    """How far the model of an attempt has come. The stage stays where an error was raised."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._builder: Callable[..., Any] | None = None
        self.stage: Literal["", "building", "trying", "loading weights"] = ""
        """While the network is built and tried out, no batch of the run's size is in memory yet."""
        self.inputs: tuple[Input, ...] = ()
        """The named inputs that the data has."""

    def try_out(self, trainable: Trainable, data: Data, model: Model, monitor: Monitor) -> list[str]:
        """Try out a model that does not ship with dltui. Returns what the network and the trial have to say. Raises
        RunError.
        """
        if self._asked["model_source"].get("name") == FIRST:
            return list(getattr(trainable, "notes", ()))
        from dltui.core.train import first_look

        # A network may draw random numbers in it, or count its calls.
        state = {key: array for key, array in trainable.state().items() if not key.startswith("optimizer/")}
        self.stage, self._builder = "trying", model.build
        # To know its notes, a backend may compile a step, in which a network fails that does not fit the data.
        found = [*getattr(trainable, "notes", ()), *first_look.look(trainable, data, model.metrics, monitor)]
        self.stage = "building"
        trainable.load_state(state)
        return found

    def load_initial(
        self, trainable: Trainable, model: Model, config: TrainConfig, data: Data, tell: Callable[[str], None]
    ) -> None:
        """Load the weights that the model brings for a run without a checkpoint. Raises RunError."""
        if model.initial is None:
            return
        self.stage = "loading weights"
        state = loading.initial_state(model.initial(config, data.spec, tell), model.initial)
        try:
            trainable.load_state(state)
        except RankLost:
            raise
        except RunError as error:
            problem = loading.misnamed(state, trainable.state(), str(error))
            if not problem:
                raise
            raise RunError(problem + plugin_loader.line_of(model.initial)) from error
        self.stage = ""

    def failure(self, error: BaseException, batch_size: int, trained: bool) -> Failure:
        """What an error says that ended the attempt. `trained` is true if the run has done a step, or had an attempt
        before this one.
        """
        batch_size = 0 if self.stage in ("building", "trying") else batch_size
        remedy = explain.remedy(error, batch_size)
        source = self._asked["model_source"]
        place = "" if source.get("name") == FIRST else plugin_loader.line_in_plugin(error, source)
        place = error.place if isinstance(error, RankError) else place
        if self.stage == "trying" and not isinstance(error, DltuiError):
            # A network that a library made fails in its code: no line of the plugin then stands in the traceback.
            place = place or plugin_loader.line_of(self._builder)
        refused = not remedy and not trained and self._is_refusal(error, place)
        return Failure(explain.explain(error, batch_size, place, self.inputs), remedy, refused)

    def _is_refusal(self, error: BaseException, place: str) -> bool:
        """True if a plugin's own model or data is the reason. `place` is the line of the model's code that raised the
        error.
        """
        if self.stage == "loading weights" and isinstance(error, DltuiError):
            return True
        own = any(self._asked[source].get("name") != FIRST for source in ("model_source", "dataset_source"))
        if isinstance(error, DltuiError):
            return own
        # What could not be imported, other than a module that is not there, is told in full in worker.log.
        imports = isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError)
        return own and (bool(place) or self.stage == "trying") and not imports
