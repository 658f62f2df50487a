"""Everything that can be checked before anything is started, and the plan it gives."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gensweep.planning._cost import Quote
from gensweep.planning._estimate import Estimate
from gensweep.spec import RunContext, RunRequest, planned


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep that passed every check, and where its things are."""

    request: RunRequest
    store: str
    tracking_uri: str
    ledger: str
    home: str
    dataset: Any
    test: Any
    pace: Estimate = field(default_factory=Estimate)
    quote: Quote | None = None
    """What an hour costs, where that is known."""

    @property
    def splits(self) -> tuple[Any, Any]:
        return self.dataset, self.test

    def run_context(self) -> RunContext:
        """Takes out what the coordinator needs; it pickles in some kilobytes."""
        request, data = self.request, self.dataset
        return RunContext(
            sweep=request.sweep, resume=request.resume, prices=request.prices, store=self.store,
            tracking_uri=self.tracking_uri, ledger=self.ledger, home=self.home,
            data_name=data.name, data_hash=data.hash, data_id=data.id,
        )  # fmt: skip

    @property
    def tune_storage(self) -> str:
        """Where Tune keeps its records of packs, which nothing reads: here, where it runs."""
        return f"{self.home}/ray"

    @property
    def train_storage(self) -> str:
        """Where Train keeps those of several ranks: what each of their machines can reach."""
        return self.tune_storage if self.store.startswith("file") else f"{self.store}/ray"

    def write_local(self, name: str, data: bytes) -> Path:
        """Write a file below the home folder; its path."""
        path = Path(self.home) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def summary(self) -> str:
        """The sweep in one sentence, for the report."""
        sweep, data = self.request.sweep, self.dataset
        return (
            f"{sweep.trials} trials of {sweep.model.name} ({sweep.model.paper}) on {data.name}, "
            f"{data.count:,} examples, sha256 {data.hash[:12]}; {sweep.budget_images:,} examples a "
            f"trial, in whole batches; searched: {', '.join(sweep.space)}."
        )

    def text(self) -> str:
        """The plan in words."""
        from gensweep.tracking import redact

        sweep, data = self.request.sweep, self.dataset
        examples = sweep.trials * sweep.budget_images
        searched = ", ".join(sweep.space)
        return "\n".join([
            f"sweep     {sweep.name}: {sweep.trials} trials of {sweep.model.name}",
            f"searched  {searched}",
            f"data      {data.name}: {data.count:,} examples of {tuple(data.shape)}, "
            f"sha256 {data.hash[:12]}",
            f"packs     {self._packs()}",
            f"threads   {self._threads()}",
            f"width     {self.pace.width}",
            *([f"pbt       {planned(sweep)}"] if sweep.pbt else []),
            *([f"precision {sweep.precision}"] if sweep.precision else []),
            f"budget    {sweep.budget_images:,} examples a trial, {examples:,} in all",
            *self._expected(),
            *self._cost(),
            f"store     {redact(self.store)}",
            f"tracker   {redact(self.tracking_uri)}",
        ])  # fmt: skip

    def _expected(self) -> list[str]:
        """How long it will take, of a dry run."""
        return [f"expected  {self.pace.expected()}"] if self.request.dry_run else []

    def _cost(self) -> list[str]:
        """What it will cost, where that is known."""
        if self.quote is None:
            return []
        request = self.request
        seconds = None if request.instance_type else self.pace.seconds  # the pace of other machines
        return [f"cost      {self.quote.text(seconds, request.gpus, request.sweep.max_cost)}"]

    def _packs(self) -> str:
        """How trials are trained together, in words."""
        request, sweep = self.request, self.request.sweep
        place = f"{request.gpus} GPUs" if request.gpus else "CPUs"
        shared = f" on {request.ranks} ranks" if request.ranks > 1 else ""
        kinds = f", each of one value of {', '.join(sweep.strata)}" if sweep.strata else ""
        return f"{request.packs} at a time{shared}{kinds}; {place}"

    def _threads(self) -> str:
        """How the cores are shared, in words."""
        request = self.request
        if request.gpus:
            return f"{request.threads} beside each GPU, which computes"
        ranks = f" x {request.ranks} ranks" if request.ranks > 1 else ""
        each = f"{request.threads} thread{'s' if request.threads > 1 else ''}"
        why = "; one trains on while another evaluates" if request.packs > 1 else ""
        return f"{request.packs} packs{ranks} x {each} on {os.cpu_count()} cores{why}"
