"""Checks a whole request against the world, and makes its plan."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.planning._cost import quote
from gensweep.planning._estimate import Pace, asked_pace, pace_here, pace_there
from gensweep.planning._ledger import check_data, check_home, check_ledger, find_sweep
from gensweep.planning._plan import Plan
from gensweep.spec import Request
from gensweep.study import SweepView, ledger_of

if TYPE_CHECKING:
    from gensweep.data import Dataset
    from gensweep.storage import ObjectStore


def prepare(asked: Request) -> Plan:
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
    from gensweep.planning._download import check_download

    if asked.download is None:
        find_source(asked.sweep.data, **asked.sweep.reading)
    else:
        check_download(asked)


def load_data(asked: Request, store: "ObjectStore") -> "tuple[Dataset, Dataset | None]":
    """The training split, and the test split where there is one; ingested if new in `store`."""
    from gensweep.data import load_dataset
    from gensweep.planning._download import fetch

    sweep = asked.sweep
    fetch(asked)
    train = load_dataset(sweep.data, store, split="train", **sweep.reading)
    if train.modes is not None:
        return train, None
    return train, load_dataset(sweep.data, store, split="test", **sweep.reading)


def _check_fit(asked: Request, dataset: Any, view: SweepView | None) -> None:
    """What only the loaded data can show."""
    from gensweep.planning._model_checks import check_data_set, check_games, check_metrics

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
