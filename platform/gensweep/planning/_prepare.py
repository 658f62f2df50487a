"""Checks a whole request against the world, and makes its plan."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.planning._cost import quote
from gensweep.planning._estimate import Estimate, asked_pace, pace_here, pace_there
from gensweep.planning._ledger import check_data, check_home, check_ledger, find_sweep
from gensweep.planning._plan import Plan
from gensweep.spec import RunRequest
from gensweep.study import SweepSnapshot, ledger_of

if TYPE_CHECKING:
    from gensweep.data import Dataset
    from gensweep.storage import ObjectStore


def prepare(request: RunRequest) -> Plan:
    """Check the whole request against the world; `UserError` names what is wrong."""
    from gensweep.cluster._connection import connect
    from gensweep.data import cache_folder
    from gensweep.home import find_home
    from gensweep.planning._capacity import check_room
    from gensweep.storage import open_store, staged
    from gensweep.tracking import check as check_tracker

    store_uri, tracking_uri = where("GENSWEEP_STORE"), where("MLFLOW_TRACKING_URI")
    home = str(find_home().path)
    check_home(home)
    ledger = ledger_of(home)
    check_ledger(ledger)
    view = find_sweep(request, ledger)
    check_data_source(request)
    store = open_store(store_uri)
    store.check()
    check_tracker(tracking_uri)
    connect()
    check_room(request)
    priced = quote(request)
    with staged(store, cache_folder() / "scratch") as stage:
        dataset, test = load_data(request, stage)
        _check_fit(request, dataset, view)
        if request.measure or not request.dry_run:
            stage.publish()
    pace = _paced(request, dataset, store_uri).resumed(view, request.sweep.trials)
    request = replace(request, sweep=replace(request.sweep, width=pace.lanes))
    return Plan(
        request=request, store=store_uri, tracking_uri=tracking_uri, home=home,
        ledger=ledger, dataset=dataset, test=test, pace=pace, quote=priced,
    )  # fmt: skip


def check_data_source(request: RunRequest) -> None:
    """`UserError` unless the data are there, or can be fetched."""
    from gensweep.data import find_source
    from gensweep.planning._download import check_download

    if request.download is None:
        find_source(request.sweep.data, **request.sweep.reading)
    else:
        check_download(request)


def load_data(request: RunRequest, store: "ObjectStore") -> "tuple[Dataset, Dataset | None]":
    """The training split, and the test split where there is one; ingested if new in `store`."""
    from gensweep.data import load_dataset
    from gensweep.planning._download import fetch

    sweep = request.sweep
    fetch(request)
    train = load_dataset(sweep.data, store, split="train", **sweep.reading)
    if train.modes is not None:
        return train, None
    return train, load_dataset(sweep.data, store, split="test", **sweep.reading)


def _check_fit(request: RunRequest, dataset: Any, view: SweepSnapshot | None) -> None:
    """What only the loaded data can show."""
    from gensweep.planning._model_checks import check_data_set, check_games, check_metrics

    if view is not None:
        check_data(dataset, view)
    check_data_set(dataset)
    check_games(request, dataset)
    check_metrics(request.sweep, dataset)


def _paced(request: RunRequest, dataset: Any, store: str) -> Estimate:
    """The width, and the training time of a dry run.

    Measured here for CPUs; GPUs may be on other machines than this one, and their packs measure.
    """
    if request.measure:
        return pace_there(request, dataset, store)
    if request.gpus:
        return asked_pace(request)
    return pace_here(request, dataset, "cpu", "this machine")


def where(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable} is not set: run `gensweep up` and `. .gensweep/env`, or point "
                        "it at your own.")  # fmt: skip
    return value
