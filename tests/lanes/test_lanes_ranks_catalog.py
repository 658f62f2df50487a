"""Every adversarial game on two ranks, which are threads here: both keep the same trial.

Where the loss is a mean over examples, it is the trial that one rank has with the whole batch.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from gensweep.lanes import LaneState, Pack, Ranks
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from small_entries import GAMES, small_settings
from toy_games import Mean

ADVERSARIAL = [name for name in GAMES if CATALOG[name].family == "adversarial"]
OF_THE_BATCH = {"dcgan", "sagan", "biggan", "progan", "stylegan", "lgan"}
"""Entries whose loss compares the examples of a batch: each rank compares those of its part."""
TICKS = 2
"""So many rounds of players with one turn each, or a whole one of critics with two."""


def packs(name: str, count: int) -> list[Pack]:
    """A pack of two lanes for each of so many ranks."""
    model, data, mean = CATALOG[name], RandomExamples((1, 8, 8)), Mean()
    settings = small_settings(model)
    if hasattr(model.config, "critic_iterations"):
        settings["critic_iterations"] = TICKS
    config = model.config(**settings)
    found = []
    for rank in range(count):
        ranks = Ranks(rank, count, mean) if count > 1 else None
        pack = Pack(model, config, data, data, width=2, ranks=ranks, trace=False)
        for slot in (0, 1):
            pack.load(slot, config, seed=slot, budget_images=10_000)
        found.append(pack)
    return found


def trained(name: str, count: int) -> list[LaneState]:
    """The first lane of every rank."""
    every = packs(name, count)
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(lambda pack: pack.run(TICKS), every))
    return [pack.take(0) for pack in every]


@pytest.mark.parametrize("name", [*ADVERSARIAL, "wgan_gp", "sngan", "lgan"])
def test_two_ranks_keep_one_trial(name: str, close: Any, bitwise: Any) -> None:
    start = packs(name, 1)[0].take(0)
    first, second = trained(name, 2)
    bitwise(first, second)
    weights = [name for name in first.tensors if name.endswith("/parameters")]
    assert len(weights) == 2
    assert not any(torch.equal(first.tensors[one], start.tensors[one]) for one in weights)
    if name not in OF_THE_BATCH:
        close(first, trained(name, 1)[0])
