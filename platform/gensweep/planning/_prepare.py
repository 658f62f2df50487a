"""Checks a request against the cluster, the stores and the data, and makes its plan."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from gensweep.errors import refuse_unreadable
from gensweep.fitted_tpe import check_optuna
from gensweep.patience import Patience
from gensweep.planning._check_ledger import check_data, check_home, check_ledger, find_sweep
from gensweep.planning._cost import quote
from gensweep.planning._estimate import (
    Estimate,
    estimate_here,
    estimate_on_worker,
    estimate_unmeasured,
)
from gensweep.planning._plan import Plan
from gensweep.spec import RunRequest
from gensweep.stack_env import required_env
from gensweep.study import SweepSnapshot, ledger_of

if TYPE_CHECKING:
    from gensweep.data import Dataset
    from gensweep.storage import ObjectStore

_log = logging.getLogger(__name__)


def prepare(request: RunRequest) -> Plan:
    """Check a request against all that it needs, in the order of what is cheap to find out.

    Joins the Ray cluster, and ingests data that are new: into the object store if packs or
    `--measure` need them there, otherwise into a local stage only. `UserError` names what is wrong.
    """
    from gensweep.cluster import connect
    from gensweep.data import cache_folder
    from gensweep.home import find_home
    from gensweep.planning._capacity import check_capacity
    from gensweep.storage import open_store, staged_store
    from gensweep.tracking import check_server as check_tracker

    store_uri, tracking_uri = required_env("GENSWEEP_STORE"), required_env("MLFLOW_TRACKING_URI")
    home = str(find_home().path)
    check_home(home)
    if request.sweep.sampler == "tpe":
        check_optuna()
    ledger = ledger_of(home)
    patience = Patience(request.wait_s)
    patience.keep_trying(lambda: check_ledger(ledger))
    begun = find_sweep(request, ledger)
    check_data_source(request)
    store = open_store(store_uri, was_there=begun is not None and begun.may_be_in(store_uri))
    patience.keep_trying(store.check)
    patience.keep_trying(lambda: check_tracker(tracking_uri))
    connect()
    _log.debug("store %s, tracker %s, Ray %s", store_uri, tracking_uri, _ray_address())
    _log.debug("ledger %s, home %s", ledger, home)
    patience.keep_trying(lambda: check_capacity(request))
    hourly = quote(request)
    with staged_store(store, cache_folder() / "scratch") as stage:
        dataset, test = load_data(request, stage)
        _log.debug("data set %s, of %d examples for training", dataset.id, dataset.count)
        feature_s = _check_fit(request, (dataset, test), begun, store)
        if request.measure or not request.dry_run:
            stage.publish()
    every = request.sweep.planned_trials
    estimate = _estimate(request, dataset, store_uri).for_the_rest(begun, every)
    sweep = replace(request.sweep, width=estimate.lanes, threads=request.threads,
                    grid_points=request.sweep.points)  # fmt: skip
    request = replace(request, sweep=sweep)
    return Plan(
        request=request, store=store_uri, tracking_uri=tracking_uri, home=home,
        ledger=ledger, dataset=dataset, test=test, estimate=estimate, quote=hourly,
        feature_s=feature_s,
    )  # fmt: skip


def _ray_address() -> str:
    """The address of the Ray cluster that this process has joined."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


def check_data_source(request: RunRequest) -> None:
    """`UserError` unless the data are there, and fit what is asked of them, or can be fetched."""
    from gensweep.data import find_source
    from gensweep.planning._check_target import check_target
    from gensweep.planning._download import check_download

    sweep = request.sweep
    if request.download is not None:
        check_download(request)
        return
    source = find_source(sweep.data, **sweep.data_options.keywords())
    with refuse_unreadable(f"the data {sweep.data!r}", "mend or replace its files"):
        check_target(sweep, source)


def load_data(request: RunRequest, store: "ObjectStore") -> "tuple[Dataset, Dataset | None]":
    """Load the training and the test split, ingesting into `store` what is new there.

    A known mixture has no test split.
    """
    from gensweep.data import load_dataset
    from gensweep.planning._download import fetch

    sweep = request.sweep
    fetch(request)
    options = sweep.data_options.keywords()
    train = load_dataset(sweep.data, store, split="train", **options)
    if train.modes is not None:
        return train, None
    return train, load_dataset(sweep.data, store, split="test", **options)


def _check_fit(
    request: RunRequest,
    splits: "tuple[Dataset, Dataset | None]",
    begun: SweepSnapshot | None,
    store: "ObjectStore",
) -> float | None:
    """`UserError` for what only the loaded data can show; `begun` is the sweep to resume.

    Return the seconds that the network of `features` takes for an image; None without one.
    """
    from gensweep.planning._check_model import (
        check_data_set,
        check_features,
        check_games,
        check_metrics,
    )
    from gensweep.profiling import num_threads

    dataset, test = splits
    if begun is not None:
        check_data(dataset, begun)
    check_data_set(dataset, test)
    # Of a handful of examples nothing is left to share, and where others compute, waiting for a
    # second thread in each of thousands of calls takes minutes.
    with num_threads(1):
        check_games(request, dataset)
    used = begun.protocol.get("feature_hash") if begun else None
    feature_s = check_features(request.sweep, dataset, store, used)
    check_metrics(request.sweep, dataset)
    return feature_s


def _estimate(request: RunRequest, dataset: "Dataset", store: str) -> Estimate:
    """The width, and the training time of a dry run.

    For CPUs it is measured here. GPUs may be on other machines than this one, so that `--measure`
    or the packs themselves measure on those.
    """
    if request.measure:
        return estimate_on_worker(request, dataset, store)
    if request.gpus:
        return estimate_unmeasured(request)
    return estimate_here(request, dataset, "cpu", "this machine")
