"""What the store keeps of trials that ended: the weights and samples of many in one object."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gensweep.errors import UserError
from gensweep.storage._open import open_store
from gensweep.storage._protocol import ObjectStore
from gensweep.storage.checkpoints import Checkpoints
from gensweep.trial import TrialState, TrialView


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """A trial's end as its pack tells it: `result` is JSON, the rest goes to the store."""

    number: int
    state: TrialState
    cause: str
    result: dict[str, Any]
    weights: bytes = b""
    png: bytes = b""

    @property
    def blobs(self) -> dict[str, bytes]:
        """What there is to keep, by name."""
        named = {_weights(self.number): self.weights, _png(self.number): self.png}
        return {name: data for name, data in named.items() if data}


class TrialArtifactWriter:
    """Where one owner keeps the trials that it ended, together: an object costs what ten do.

    Each owner has its own: one that lost a trial must not replace what another kept of it.
    """

    def __init__(self, store: ObjectStore, sweep: str, owner: str):
        self._place = Checkpoints(store, f"sweeps/{sweep}/trials/{owner}")
        self._step = 0

    def put(self, ends: Iterable[TrialEnd]) -> dict[str, Any]:
        """Store weights and pictures; what finds them again, empty if there are none."""
        blobs = {name: data for end in ends for name, data in end.blobs.items()}
        if not blobs:
            return {}
        self._step += 1
        self._place.write(self._step, blobs, {})
        return {"place": self._place.prefix, "step": self._step}


def load_trained_lane(store: ObjectStore, trial: TrialView) -> bytes:
    """The trained lane of a trial that ended; `LookupError` or `UserError` if it is lost."""
    return _read(store, trial, _weights(trial["number"]))


def grids(uri: str, trials: Iterable[TrialView]) -> dict[str, bytes]:
    """The last sample grid of each of `trials`, by number, where the store has one."""
    found = {}
    for trial in trials:
        try:
            found[str(trial["number"])] = _read(open_store(uri), trial, _png(trial["number"]))
        except (UserError, LookupError):  # the report goes without the picture
            continue
    return found


def _read(store: ObjectStore, trial: TrialView, name: str) -> bytes:
    kept = trial["kept"]
    if not kept:
        raise LookupError(f"nothing was stored of trial {trial['number']}.")
    return Checkpoints(store, kept["place"]).read_lane(name, kept["step"] + 1)[0]


def _weights(number: int) -> str:
    return f"{number:04d}.safetensors"


def _png(number: int) -> str:
    return f"{number:04d}.png"
