"""Everything that can be checked before anything is started, and the plan it gives."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.study import SweepView
from gensweep.sweep._args import Request
from gensweep.sweep._ledgers import check_data, check_home, check_ledger, find_sweep, ledger_of
from gensweep.sweep._measure import Pace, asked_pace, pace_here, pace_there
from gensweep.sweep._money import Quote, quote
from gensweep.sweep._population import planned

if TYPE_CHECKING:
    from gensweep.data import Dataset
    from gensweep.storage import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep that passed every check, and where its things are."""

    asked: Request
    store: str
    tracking_uri: str
    ledger: str
    home: str
    dataset: Any
    test: Any
    pace: Pace = field(default_factory=Pace)
    quote: Quote | None = None
    """What an hour costs, where that is known."""

    @property
    def splits(self) -> tuple[Any, Any]:
        return self.dataset, self.test

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
        sweep, data = self.asked.sweep, self.dataset
        return (
            f"{sweep.trials} trials of {sweep.model.name} ({sweep.model.paper}) on {data.name}, "
            f"{data.count:,} examples, sha256 {data.hash[:12]}; {sweep.budget_images:,} examples a "
            f"trial, in whole batches; searched: {', '.join(sweep.space)}."
        )

    def text(self) -> str:
        """The plan in words."""
        from gensweep.tracking import redact

        sweep, data = self.asked.sweep, self.dataset
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
        return [f"expected  {self.pace.expected()}"] if self.asked.dry_run else []

    def _cost(self) -> list[str]:
        """What it will cost, where that is known."""
        if self.quote is None:
            return []
        asked = self.asked
        seconds = None if asked.instance_type else self.pace.seconds  # the pace of other machines
        return [f"cost      {self.quote.text(seconds, asked.gpus, asked.sweep.max_cost)}"]

    def _packs(self) -> str:
        """How trials are trained together, in words."""
        asked, sweep = self.asked, self.asked.sweep
        place = f"{asked.gpus} GPUs" if asked.gpus else "CPUs"
        shared = f" on {asked.ranks} ranks" if asked.ranks > 1 else ""
        kinds = f", each of one value of {', '.join(sweep.strata)}" if sweep.strata else ""
        return f"{asked.packs} at a time{shared}{kinds}; {place}"

    def _threads(self) -> str:
        """How the cores are shared, in words."""
        asked = self.asked
        if asked.gpus:
            return f"{asked.threads} beside each GPU, which computes"
        ranks = f" x {asked.ranks} ranks" if asked.ranks > 1 else ""
        each = f"{asked.threads} thread{'s' if asked.threads > 1 else ''}"
        why = "; one trains on while another evaluates" if asked.packs > 1 else ""
        return f"{asked.packs} packs{ranks} x {each} on {os.cpu_count()} cores{why}"


def prepare(asked: Request) -> Plan:
    """Check the whole request against the world; `UserError` names what is wrong."""
    from gensweep.data import cache_folder
    from gensweep.stack import find_home
    from gensweep.storage import open_store, staged
    from gensweep.sweep._cluster import check_room, connect
    from gensweep.tracking import check as check_tracker

    store_uri, tracking_uri = where("GENSWEEP_STORE"), where("MLFLOW_TRACKING_URI")
    home = str(find_home().path)
    check_home(home)
    ledger = ledger_of(home)
    check_ledger(ledger)
    view = find_sweep(asked, ledger)
    find_data(asked)
    store = open_store(store_uri)
    store.check()
    check_tracker(tracking_uri)
    connect()
    check_room(asked)
    priced = quote(asked)
    with staged(store, cache_folder() / "scratch") as stage:
        dataset, test = load_data(asked, stage)
        _check_fit(asked, dataset, view)
        if asked.measure or not asked.dry_run:
            stage.publish()
    pace = _paced(asked, dataset, store_uri).resumed(view, asked.sweep.trials)
    asked = replace(asked, sweep=replace(asked.sweep, width=pace.lanes))
    return Plan(
        asked=asked, store=store_uri, tracking_uri=tracking_uri, home=home,
        ledger=ledger, dataset=dataset, test=test, pace=pace, quote=priced,
    )  # fmt: skip


def find_data(asked: Request) -> None:
    """`UserError` unless the data are there, or can be fetched."""
    from gensweep.data import find_source
    from gensweep.sweep._download import check_download

    if asked.download is None:
        find_source(asked.sweep.data, **asked.sweep.reading)
    else:
        check_download(asked)


def load_data(asked: Request, store: "ObjectStore") -> "tuple[Dataset, Dataset | None]":
    """The training split, and the test split where there is one; ingested if new in `store`."""
    from gensweep.data import load_dataset
    from gensweep.sweep._download import fetch

    sweep = asked.sweep
    fetch(asked)
    train = load_dataset(sweep.data, store, split="train", **sweep.reading)
    if train.modes is not None:
        return train, None
    return train, load_dataset(sweep.data, store, split="test", **sweep.reading)


def _check_fit(asked: Request, dataset: Any, view: SweepView | None) -> None:
    """What only the loaded data can show."""
    from gensweep.sweep._fit import check_data_set, check_games, check_metrics

    if view is not None:
        check_data(dataset, view)
    check_data_set(dataset)
    check_games(asked, dataset)
    check_metrics(asked.sweep, dataset)


def _paced(asked: Request, dataset: Any, store: str) -> Pace:
    """The width, and the training time of a dry run.

    Measured here for CPUs; GPUs may be on other machines than this one, and their packs measure.
    """
    if asked.measure:
        return pace_there(asked, dataset, store)
    if asked.gpus:
        return asked_pace(asked)
    return pace_here(asked, dataset, "cpu", "this machine")


def where(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable} is not set: run `gensweep up` and `. .gensweep/env`, or point "
                        "it at your own.")  # fmt: skip
    return value
