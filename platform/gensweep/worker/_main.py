"""What runs where Train runs a pack: the data, the judge, and the pack at work."""

import traceback
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from gensweep.evaluation import make_judge
from gensweep.profiling import on_the_spot
from gensweep.storage import ObjectStore, open_store
from gensweep.worker._client import RemoteDesk, through_ray
from gensweep.worker._drain import Leave
from gensweep.worker._ranks import SharedDesk, agreed, ranks
from gensweep.worker._train import work


def loop(config: dict[str, Any]) -> None:
    """The loop of a rank; what ends it is told to the desk first."""
    sweep, owner = config["sweep"], config["owner"]
    store = open_store(config["store"])
    leave = Leave(config["keeper"])
    ask = through_ray(config["desk"], owner)
    ask("runs_on", leave.nodes)
    desk = RemoteDesk(ask, owner, store, sweep.name, leave)
    try:
        _train(config, store, desk)
    except Exception:
        with suppress(Exception):  # what ended before is kept if it can be
            desk.settle()
        desk.died(traceback.format_exc())
        raise


def _train(config: dict[str, Any], store: ObjectStore, desk: RemoteDesk) -> None:
    from gensweep.data import load_dataset

    sweep, fleet, share = config["sweep"], config["fleet"], ranks()
    torch.set_num_threads(fleet.threads)
    train = load_dataset(config["data"], store, split="train")
    test = None if train.modes is not None else load_dataset(config["data"], store, split="test")
    device = "cuda" if fleet.use_gpu else "cpu"
    judge = make_judge(sweep, store, train, test, config["features"])
    source = train.source(device)
    sweep = replace(sweep, width=agreed(on_the_spot(sweep, train, source, fleet, device)))
    work(sweep, desk if share.count == 1 else SharedDesk(desk), judge, source, device=device,
         ranks=share)  # fmt: skip
