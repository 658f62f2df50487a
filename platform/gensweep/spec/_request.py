"""A sweep as it was asked for on the command line."""

import os
from dataclasses import dataclass, field

from gensweep.spec._sweep import Sweep


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A user's request to a sweep script, with every default resolved."""

    sweep: Sweep
    """Changed as the options say."""

    resume: bool = False
    dry_run: bool = False
    wait_s: float = 60.0
    """How long the start waits for servers that do not answer."""

    measure: bool = False
    """Whether a dry run measures on a worker how fast packs train."""

    gpus: int = 0
    packs: int = 1
    ranks: int = 1
    """Workers that share each batch of a pack."""

    download: str | None = None
    """The web folder from which the data set's files are fetched first."""

    placement_options: str = ""
    """The options that say where it trains, as they were typed: ` --gpus 2 --packs 2`."""

    prices: str | None = None
    """The file with the price table."""

    instance_type: str | None = None
    """TYPE or TYPE:MARKET, of which a dry run tells the cost."""

    script: str = "SCRIPT"
    """How the script was called, for the line to type next."""

    description: str = ""
    """What the script asks, in words; its first paragraph is the question."""

    verbosity: int = 0
    """The count of `-v` less that of `-q`, as `configure_logging` takes it."""

    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Of the machine where the sweep was asked for."""

    @property
    def threads(self) -> int:
        """CPU threads of one rank: the sweep's, an equal share of the cores, or one beside a
        GPU."""
        share = 1 if self.gpus else max(1, self.cores // (self.packs * self.ranks))
        return self.sweep.threads or share
