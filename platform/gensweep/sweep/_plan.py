"""Everything that can be checked before anything is started, and the plan it gives."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.sweep._args import Request
from gensweep.sweep._sweep import Sweep

IMAGES_PER_S = 60_000
"""What a lane of the small networks manages on one core, for the plan's guess."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep that passed every check, and where its things are."""

    sweep: Sweep
    store: str
    tracking_uri: str
    ledger: str
    home: str
    dataset: Any
    test: Any
    packs: int
    gpus: int

    @property
    def splits(self) -> tuple[Any, Any]:
        return self.dataset, self.test

    @property
    def ray_storage(self) -> str:
        """Where Tune and Train keep their own records."""
        return f"{self.home}/ray" if self.store.startswith("file") else f"{self.store}/ray"

    def write_local(self, name: str, data: bytes) -> Path:
        """Write a file below the home folder; its path."""
        path = Path(self.home) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def text(self) -> str:
        """The plan in words."""
        sweep, data = self.sweep, self.dataset
        examples = sweep.trials * sweep.budget_images
        searched = ", ".join(sweep.space)
        return "\n".join([
            f"sweep     {sweep.name}: {sweep.trials} trials of {sweep.model.name}",
            f"searched  {searched}",
            f"data      {data.name}: {data.count:,} examples of {tuple(data.shape)}, "
            f"sha256 {data.hash[:12]}",
            f"packs     {self.packs} at a time, {sweep.lanes} lanes each"
            + (f", one for each value of {', '.join(sweep.strata)}" if sweep.strata else ""),
            f"budget    {sweep.budget_images:,} examples a trial, {examples:,} in all: about "
            f"{examples / IMAGES_PER_S / 60:,.0f} min on two cores",
            f"store     {self.store}",
            f"tracker   {self.tracking_uri}",
        ])  # fmt: skip


def prepare(asked: Request) -> Plan:
    """Check the whole request against the world; `UserError` names what is wrong."""
    from gensweep.data import find_source, load_dataset
    from gensweep.stack import find_home
    from gensweep.storage import open_store
    from gensweep.tracking import check as check_tracker

    store_uri, tracking_uri = where("GENSWEEP_STORE"), where("MLFLOW_TRACKING_URI")
    home = str(find_home().path)
    check_name(asked, ledger_of(home))
    _check_gpus(asked)
    find_source(asked.sweep.data)
    store = open_store(store_uri)
    store.check()
    check_tracker(tracking_uri)
    dataset = load_dataset(asked.sweep.data, store, split="train")
    points = dataset.modes is not None
    test = None if points else load_dataset(asked.sweep.data, store, split="test")
    asked.sweep.model.game(asked.sweep.config({}), dataset)
    return Plan(
        sweep=asked.sweep, store=store_uri, tracking_uri=tracking_uri, home=home,
        ledger=ledger_of(home), dataset=dataset, test=test, packs=asked.packs, gpus=asked.gpus,
    )  # fmt: skip


def where(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable} is not set: run `gensweep up`, or point it at your own.")
    return value


def ledger_of(home: str) -> str:
    """Where sweeps keep their trials: a folder of journals, or a data base."""
    return os.environ.get("GENSWEEP_LEDGER", f"{home}/studies")


def _check_gpus(asked: Request) -> None:
    if not asked.gpus:
        return
    import ray
    import torch

    there = int(ray.cluster_resources().get("GPU", 0)) if ray.is_initialized() else 0
    there = max(there, torch.cuda.device_count())
    if asked.gpus > there:
        raise UserError(f"--gpus {asked.gpus}: this cluster has {there}; ask for at most that.")


def check_name(asked: Request, ledger: str) -> None:
    """`UserError` if a new sweep's name is taken, or a resumed one is not known."""
    from gensweep.study import list_sweeps

    known = [view.name for view in list_sweeps(ledger)]
    name = asked.sweep.name
    if asked.resume and name not in known:
        raise UserError(f"unknown sweep {name!r}: the known ones are {', '.join(known) or 'none'}.")
    if not asked.resume and name in known:
        raise UserError(f"sweep {name!r} exists: go on with it by --resume {name}.")
