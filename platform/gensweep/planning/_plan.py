"""The plan of a sweep: all that was checked, found and chosen before anything starts."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gensweep.files import write_atomically
from gensweep.patience import OUTAGE_S, Patience, write_patiently
from gensweep.planning._cost import Quote
from gensweep.planning._estimate import Estimate
from gensweep.space import all_strata
from gensweep.spec import RunContext, RunRequest

if TYPE_CHECKING:
    from gensweep.data import Dataset
    from gensweep.storage import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A request that passed every check, the places of its things, and its data."""

    request: RunRequest
    """The request, whose sweep has all that was chosen: width, threads, points of a grid."""

    store: str
    """URI of the object store."""

    tracking_uri: str
    """Of MLflow."""

    ledger: str
    """Path of the journal file, or URL of the data base, in which studies are kept."""

    home: str
    """Folder of what this machine keeps of its own."""

    dataset: "Dataset"
    """The training split."""

    test: "Dataset | None"
    """The test split; None of a known mixture, which needs none."""

    estimate: Estimate = field(default_factory=Estimate)
    quote: Quote | None = None
    """The cost of an hour, where that is known."""

    feature_s: float | None = None
    """Seconds that the network of `features` takes for an image, here; None without one."""

    @property
    def splits(self) -> "tuple[Dataset, Dataset | None]":
        """The training and the test split."""
        return self.dataset, self.test

    def run_context(self) -> RunContext:
        """Take out what the coordinator needs; it pickles in some kilobytes."""
        request, data = self.request, self.dataset
        return RunContext(
            sweep=request.sweep, resume=request.resume, prices=request.prices, store=self.store,
            tracking_uri=self.tracking_uri, ledger=self.ledger, home=self.home,
            data_name=data.name, data_hash=data.hash, data_id=data.id,
            weights=self._weight_hashes(),
            script=request.script, verbosity=request.verbosity,
        )  # fmt: skip

    def _weight_hashes(self) -> dict[str, str]:
        """Return the hashes of the files of weights that trials begin with."""
        from gensweep.lanes import weight_hashes  # torch, which a plan's readers do not need

        sweep = self.request.sweep
        strata = all_strata(sweep.space, sweep.strata)
        return weight_hashes(
            sweep.model.game(sweep.config(stratum), self.dataset) for stratum in strata
        )

    @property
    def tune_storage(self) -> str:
        """Folder of Tune's records of packs, which nothing reads: here, where Tune runs."""
        return f"{self.home}/ray"

    @property
    def train_storage(self) -> str:
        """Folder or URI of Train's records of several ranks, which all their machines reach."""
        return self.tune_storage if self.store.startswith("file") else f"{self.store}/ray"

    def open_store(self) -> "ObjectStore":
        """Open the store, which was checked: whatever it lacks by now is waited for."""
        from gensweep.storage import open_store

        return open_store(self.store, Patience(OUTAGE_S), was_there=True)

    def write_local(self, name: str, data: bytes) -> Path:
        """Write a file below the home folder, for whoever may enter it; return its path."""
        path = Path(self.home) / name
        mode = 0o666  # less what the process masks
        write_patiently(path, lambda: write_atomically(path, data, mode=mode))
        return path
