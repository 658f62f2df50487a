"""A sweep as it was asked for on the command line."""

import os
from dataclasses import dataclass, field

from gensweep.spec._sweep import Sweep


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What the user asked of a sweep script."""

    sweep: Sweep
    resume: bool = False
    dry_run: bool = False
    measure: bool = False
    """Whether a dry run measures its pace on a worker."""

    gpus: int = 0
    packs: int = 1
    ranks: int = 1
    download: str | None = None
    """The web folder from which the data set's files are fetched first."""

    room: str = ""
    """The options that say where it trains, as they were given."""

    prices: str | None = None
    """The file with the price table."""

    instance_type: str | None = None
    """TYPE or TYPE:MARKET, of which a dry run tells the cost."""

    script: str = "SCRIPT"
    """How the script was called, for the line to type next."""

    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Of the machine where the sweep was asked for."""

    @property
    def threads(self) -> int:
        """Of one rank."""
        return 1 if self.gpus else max(1, self.cores // (self.packs * self.ranks))
