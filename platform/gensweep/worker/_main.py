"""What runs where Train runs a pack: the data, the judge, and the pack at work."""

import traceback
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from gensweep.evaluation import build_evaluator
from gensweep.profiling import resolve_width
from gensweep.storage import ObjectStore, open_store
from gensweep.worker._client import CoordinatorClient, ask_through_ray
from gensweep.worker._drain import DrainWatch
from gensweep.worker._ranks import BroadcastClient, agreed, ranks
from gensweep.worker._train import train_trials


def train_loop_per_worker(config: dict[str, Any]) -> None:
    """The loop of a rank; what ends it is told to the coordinator first."""
    sweep, owner = config["sweep"], config["owner"]
    store = open_store(config["store"])
    leave = DrainWatch(config["keeper"])
    ask = ask_through_ray(config["coordinator"], owner)
    ask("runs_on", leave.nodes)
    coordinator = CoordinatorClient(ask, owner, store, sweep.name, leave)
    try:
        _train(config, store, coordinator)
    except Exception:
        with suppress(Exception):  # what ended before is kept if it can be
            coordinator.settle()
        coordinator.died(traceback.format_exc())
        raise


def _train(config: dict[str, Any], store: ObjectStore, coordinator: CoordinatorClient) -> None:
    from gensweep.data import load_dataset

    sweep, resources, share = config["sweep"], config["resources"], ranks()
    torch.set_num_threads(resources.threads)
    train = load_dataset(config["data"], store, split="train")
    test = None if train.modes is not None else load_dataset(config["data"], store, split="test")
    device = "cuda" if resources.use_gpu else "cpu"
    lane_evaluator = build_evaluator(sweep, store, train, test, config["features"])
    source = train.source(device)
    sweep = replace(sweep, width=agreed(resolve_width(sweep, train, source, resources, device)))
    train_trials(
        sweep,
        coordinator if share.count == 1 else BroadcastClient(coordinator),
        lane_evaluator,
        source,
        device=device,
        ranks=share,
    )
