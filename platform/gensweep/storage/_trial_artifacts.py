"""Stores what trials leave that ended, or wait: weights and samples of many in one object."""

from collections.abc import Iterable
from dataclasses import dataclass

from gensweep.errors import UserError
from gensweep.storage._checkpoints import Checkpoints
from gensweep.storage._errors import StoreUnavailableError
from gensweep.storage._protocol import ObjectStore
from gensweep.trial import ArtifactPointer, TrialView


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialArtifacts:
    """The bytes that a trial leaves which ended, or waits; empty ones are not stored."""

    number: int
    weights: bytes
    """A `LaneState` as safetensors."""

    png: bytes
    """The sample grid."""

    @property
    def blobs(self) -> dict[str, bytes]:
        """The bytes to store, by file name; empty ones are left out."""
        named = {_weights(self.number): self.weights, _png(self.number): self.png}
        return {name: data for name, data in named.items() if data}


class TrialArtifactWriter:
    """Writes the weights and samples of several trials that ended, or wait, as one object.

    Request count, not size, is what S3 charges for. Each owner has a folder of its own: a pack
    that lost a trial must not replace what another kept of it. Not thread-safe.
    """

    def __init__(self, store: ObjectStore, sweep: str, owner: str):
        self._folder = Checkpoints(store, f"sweeps/{sweep}/trials/{owner}")
        self._step = 0

    def write(self, trials: Iterable[TrialArtifacts]) -> ArtifactPointer | None:
        """Store them all durably; return what finds them again, None if there is nothing."""
        blobs = {name: data for trial in trials for name, data in trial.blobs.items()}
        if not blobs:
            return None
        self._step += 1
        self._folder.write(self._step, blobs, {})
        return {"place": self._folder.prefix, "step": self._step}


def load_trained_lane(store: ObjectStore, trial: TrialView) -> bytes:
    """Read the weights (safetensors) of a trial that ended.

    Raises `LookupError` if none were stored or they are lost, `UserError` if the store refuses.
    """
    return _read(store, trial, _weights(trial["number"]))


def load_stored_lane(store: ObjectStore, pointer: ArtifactPointer, number: int) -> bytes:
    """Read the weights of trial `number` where `pointer` says; raises as `load_trained_lane`."""
    # An earlier step, if that one is damaged: the trial goes on from where it waited before.
    folder = Checkpoints(store, pointer["place"])
    return folder.read_lane(_weights(number), pointer["step"] + 1)[0]


def load_sample_grids(store: ObjectStore, trials: Iterable[TrialView]) -> dict[str, bytes]:
    """Read the last sample grid (PNG) of each of `trials`.

    Keys are trial numbers as strings; a trial whose grid is lost or was never stored is left out.
    """
    found = {}
    for trial in trials:
        try:
            found[str(trial["number"])] = _read(store, trial, _png(trial["number"]))
        except StoreUnavailableError:  # it was waited for: not once more for each of the others
            break
        except (UserError, LookupError):  # the report goes without the picture
            continue
    return found


def _read(store: ObjectStore, trial: TrialView, name: str) -> bytes:
    kept = trial["kept"]
    if not kept:
        raise LookupError(f"nothing was stored of trial {trial['number']}.")
    # No earlier step of the same owner: there the trial waited, half trained.
    step = kept["step"]
    return Checkpoints(store, kept["place"]).read_lane(name, step + 1, since=step)[0]


def _weights(number: int) -> str:
    return f"{number:04d}.safetensors"


def _png(number: int) -> str:
    return f"{number:04d}.png"
