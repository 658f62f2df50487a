"""The Ray resources that packs and their ranks take of a cluster."""

from dataclasses import dataclass

PACK_CPUS = 0.9
"""Of a rank on CPUs; less than 1, so that two packs leave the drivers of two cores some room."""
SUPERVISOR_CPUS = 0.01
"""Of the process that starts a pack's ranks, if there are several."""


@dataclass(frozen=True, kw_only=True)
class PackResources:
    """The processes and processors of all packs that train side by side."""

    packs: int = 1
    ranks: int = 1
    """Processes that share each batch of a pack."""

    use_gpu: bool = False
    threads: int = 1
    """CPU threads of a rank."""

    tune_storage: str
    """Folder for Tune's own bookkeeping."""

    train_storage: str
    """Folder or `s3://` prefix for Train's own bookkeeping of several ranks."""

    @property
    def per_rank(self) -> dict[str, float]:
        """The Ray resources of one rank."""
        return {"GPU": 1} if self.use_gpu else {"CPU": PACK_CPUS}
