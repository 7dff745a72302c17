"""A `Trainable` whose steps are those of several ranks: it hands each call on to all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import EpochPlan, Layer, StepStats
from dltui.core.contract.shares import share_of
from dltui.core.errors import RunError
from dltui.core.machine.cpu import cpu_count
from dltui.core.text import clean_line
from dltui.core.train import evaluation
from dltui.core.worker.ranks.channel import plan_message

if TYPE_CHECKING:
    from dltui.core.contract import Spec
    from dltui.core.contract.types import Array, SplitName, State
    from dltui.core.worker.ranks.supervisor import RankSupervisor, Reserved


@dataclass(frozen=True)
class RankUsage:
    """The samples that each rank trains on in a second, without its waiting for others, () where that is not known, and
    the memory of all in bytes, now and at most."""

    speeds: tuple[float, ...]
    rss: int
    peak: int


class DistributedTrainable:
    """The model on all ranks. Each trains on its columns of a batch; an evaluation is divided among them, in pieces of
    the rows that one device is asked for at once, so that its numbers are the same to the last bit.
    """

    def __init__(
        self,
        supervisor: RankSupervisor,
        prepared: Path,
        threads: int,
        spec: Spec,
        report: Callable[[RankUsage], None],
        whole: bool = False,
    ) -> None:
        """Build the model on each rank; `prepared` is the folder of the data, `threads` are those of all ranks on a
        CPU, 0 for all that they have. With `whole` ranks are given whole batches, and take their columns themselves.
        """
        self._supervisor, self._spec, self._report, self._whole = supervisor, spec, report, whole
        reserved = supervisor.reserved()
        self.threads = 0 if threads else sum(one.threads for one in reserved)
        """The CPU threads of all ranks; 0 for as many as were asked for, or as this machine has."""
        answers = supervisor.request(self._builds(prepared, threads, reserved))
        about = answers[0][0]
        self.own_loss: bool = about["own_loss"]
        self.notes: tuple[str, ...] = tuple(about["notes"])
        self.at_once = len(supervisor)
        """The pieces of rows that `predict` is asked for at once, one for each rank."""
        if "predict_rows" in about:
            self.predict_rows: int = about["predict_rows"]
        self._mode = str(about.get("mode", ""))
        self._layers = [Layer(**{**layer, "output": tuple(layer["output"])}) for layer in about["layers"]]
        if whole:
            # Machines that differ may have begun with weights that differ.
            self.load_state(self.state())

    def _builds(
        self, prepared: Path, threads: int, reserved: Sequence[Reserved]
    ) -> dict[int, tuple[Mapping[str, Any], Mapping[str, Array]]]:
        """The order for each rank to build the model and to meet the others. Raises RunError."""
        addresses, world = [one.address for one in reserved], len(self._supervisor)
        far = len({address.rpartition(":")[0] for address in addresses}) > 1
        try:
            rendezvous = f"tcp://{addresses[0]}" if far else self._supervisor.meeting().as_uri()
        except OSError as error:
            reason = clean_line(error.strerror or error, 200)
            raise RunError(f"ranks cannot meet in a temporary folder: {reason}; TMPDIR is another one") from error
        each = [one.threads for one in reserved] or [cpu_count() // world] * world
        each = [threads // world] * world if threads else each
        build = {"do": "build", "prepared": str(prepared), "world": world}
        build |= {"addresses": addresses, "rendezvous": rendezvous}
        return {number: ({**build, "number": number, "threads": max(1, own)}, {}) for number, own in enumerate(each)}

    @property
    def mode(self) -> str:
        """How steps run, and on how many devices."""
        return f"{self._mode}, {len(self._supervisor)} ranks" if self._mode else ""

    def prepare(self, plan: Callable[[], EpochPlan], steps: int) -> Sequence[str]:
        first = self._supervisor.request(self._shares(plan(), {"do": "prepare", "steps": steps}))[0][0]
        self._mode = first["mode"]
        return tuple(first["lines"])

    def begin_epoch(self, plan: EpochPlan) -> Sequence[str]:
        return tuple(self._supervisor.request(self._shares(plan, {"do": "begin_epoch"}))[0][0]["lines"])

    def _shares(
        self, plan: EpochPlan, order: Mapping[str, Any]
    ) -> dict[int, tuple[Mapping[str, Any], Mapping[str, Array]]]:
        """The order for each rank, with its share of the plan."""
        found: dict[int, tuple[Mapping[str, Any], Mapping[str, Array]]] = {}
        for number in range(len(self._supervisor)):
            record, arrays = plan_message(plan if self._whole else share_of(plan, number, len(self._supervisor)))
            found[number] = ({**record, **order}, arrays)
        return found

    def advance(self, steps: int) -> StepStats:
        answers = self._supervisor.request_all({"do": "advance", "steps": steps})
        told = [record for record, _ in answers]
        speeds = [record["speed"] for record in told]
        self._report(
            RankUsage(
                () if None in speeds else tuple(map(float, speeds)),
                sum(int(record["rss"]) for record in told),
                sum(int(record["peak"]) for record in told),
            )
        )
        arrays = answers[0][1]
        metrics = {name.removeprefix("metric "): values for name, values in arrays.items() if name != "loss"}
        return StepStats(arrays["loss"], metrics, told[0]["data_seconds"])

    def predict(self, split: SplitName, rows: slice) -> Array:
        return self._outputs("predict", split, rows)[0]

    def predict_mirrored(self, split: SplitName, rows: slice) -> Array:
        return self._outputs("predict_mirrored", split, rows)[0]

    def evaluate(self, split: SplitName, rows: slice) -> tuple[Array, dict[str, float]]:
        return self._outputs("evaluate", split, rows)

    def _outputs(self, call: str, split: SplitName, rows: slice) -> tuple[Array, dict[str, float]]:
        """The outputs for rows of a split, and the means of the model's own losses over them, if asked for."""
        size = evaluation.rows_at_once(self, self._spec) // self.at_once
        firsts = range(rows.start, rows.stop, size)
        pieces, means = [], evaluation.Means()
        for start in range(0, len(firsts), self.at_once):
            chosen = {
                n: [first, min(first + size, rows.stop)] for n, first in enumerate(firsts[start:][: self.at_once])
            }
            answers = self._supervisor.request(
                {n: ({"do": call, "split": split, "rows": part}, {}) for n, part in chosen.items()}
            )
            for n, part in chosen.items():
                record, arrays = answers[n]
                pieces.append(arrays["outputs"])
                means.add(record.get("losses", {}), part[1] - part[0])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces), means.into({})

    def state(self) -> State:
        """That of the first rank: all have the same."""
        return self._supervisor.request({0: ({"do": "state"}, {})})[0][1]

    def load_state(self, state: State) -> None:
        self._supervisor.request_all({"do": "load_state"}, state)

    def layers(self) -> Sequence[Layer]:
        return self._layers
