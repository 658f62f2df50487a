"""The part of a plan that the processes below the driver need."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gensweep.spec._sweep import Sweep


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """Names what a run of a sweep trains, and where it keeps things.

    It travels to the coordinator, so that it holds no data, only their name and identity.
    """

    sweep: Sweep
    """With its width chosen, where the driver chose it."""

    resume: bool
    """Whether the sweep was begun by an earlier run."""

    prices: str | None
    """The file with the price table; None: the one that GENSWEEP_PRICES names, or our own."""

    store: str
    """URI of the object store with data sets, checkpoints and the artifacts of trials."""

    tracking_uri: str
    """Of MLflow."""

    ledger: str
    """Path of the journal file, or URL of the data base, in which studies are kept."""

    home: str
    """Folder of what this machine keeps of its own: reports, and the tracker's spool."""

    data_name: str
    data_hash: str
    """SHA-256 of the data set's content, in hexadecimal digits."""

    data_id: str
    """Of the ingested data set in `store`: `load_dataset` takes it in place of a name."""

    weights: Mapping[str, str] = field(default_factory=dict)
    """File that a player has its first weights from to its SHA-256."""

    script: str = ""
    """How the script was called: the source of the tracker's runs."""

    verbosity: int = 0
    """The count of `-v` less that of `-q`, as `configure_logging` takes it."""
