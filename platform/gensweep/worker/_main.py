"""The training loop that Ray Train runs on each rank of a pack."""

import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from gensweep.evaluation import build_evaluator
from gensweep.log import configure_logging
from gensweep.patience import OUTAGE_S, Patience
from gensweep.profiling import resolve_width
from gensweep.spec import PackResources, Sweep
from gensweep.storage import ObjectStore, open_store
from gensweep.worker._coordinator_client import CoordinatorClient
from gensweep.worker._drain_watch import DrainWatch
from gensweep.worker._freed_memory import keep_freed_memory
from gensweep.worker._pack_calls import PackCalls, ask_through_ray
from gensweep.worker._ranks import BroadcastClient, broadcast_from_rank_0, current_ranks
from gensweep.worker._strata import train_trials

if TYPE_CHECKING:
    from gensweep.data import Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """The settings that a rank is told when it starts."""

    coordinator: Any
    """Ray's handle of the actor."""

    sweep: Sweep
    resources: PackResources
    store: str
    data: str
    """The id of the data set in the store."""

    feature_hash: str | None
    """Of the feature network that the sweep's protocol states."""

    bounds: Mapping[str, float]
    """Of the verdict on samples, as the sweep's protocol states them."""

    verbosity: int = 0
    """See `configure_logging`."""

    owner: str = ""
    """The pack's name; empty in settings that are not one pack's yet."""

    supervisor: str = ""
    """The node of the process that started the ranks."""


def train_loop_per_worker(config: dict[str, WorkerSettings]) -> None:
    """Train the pack's trials on this rank: Train's `train_loop_per_worker`.

    `config` is Train's, with the settings under "settings". An error that ends the pack is told
    to the coordinator first, and then raised.
    """
    settings = config["settings"]
    configure_logging(settings.sweep.name, settings.verbosity)
    patience = Patience(OUTAGE_S)
    store = open_store(settings.store, patience, was_there=True)
    drain_watch = DrainWatch(settings.supervisor)
    ask = ask_through_ray(settings.coordinator, settings.owner)
    ask(PackCalls.register_nodes, drain_watch.nodes)
    client = CoordinatorClient(ask, settings.owner, store, settings.sweep.name, drain_watch)
    patience.on_wait = client.note_wait
    try:
        _train(settings, store, client)
    except Exception:
        with suppress(Exception):  # trials that ended before are kept if they can be
            client.settle()
        client.record_pack_error(traceback.format_exc())
        raise


def _train(settings: WorkerSettings, store: ObjectStore, client: CoordinatorClient) -> None:
    """Load the data, build the evaluator, choose the width, and train."""
    sweep, resources, ranks = settings.sweep, settings.resources, current_ranks()
    torch.set_num_threads(resources.threads)
    keep_freed_memory()
    train, test = _load_splits(settings.data, store)
    device = "cuda" if resources.use_gpu else "cpu"
    evaluator = build_evaluator(sweep, store, train, test, settings.feature_hash)
    evaluator = evaluator.judging_by(settings.bounds)
    source = train.source(device)
    width = broadcast_from_rank_0(resolve_width(sweep, train, source, resources, device))
    coordinator = client if ranks.count == 1 else BroadcastClient(client)
    train_trials(
        replace(sweep, width=width), coordinator, evaluator, source, device=device, ranks=ranks
    )


def _load_splits(data: str, store: ObjectStore) -> "tuple[Dataset, Dataset | None]":
    from gensweep.data import load_dataset

    train = load_dataset(data, store, split="train")
    if train.modes is not None:
        return train, None
    return train, load_dataset(data, store, split="test")
