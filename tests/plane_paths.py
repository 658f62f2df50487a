"""Trajectories of the games in the plane, as packs train them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG

POINTS = RandomExamples((2,), classes=0)


def paths(name: str, steps: int, every: int, lanes: Sequence[Any], **fixed: Any) -> Tensor:
    """Where each lane's games are after each `every` steps, [T, L, N, 2] in doubles.

    A lane is its hyperparameters by name.
    """
    model = CATALOG[name]
    configs = [model.config(**fixed, **lane) for lane in lanes]
    # A trace takes as long to make as some hundred steps without.
    pack = Pack(model, configs[0], POINTS, POINTS, width=len(configs), trace=steps > 100)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=slot, budget_images=steps * config.batch_size)
    found = [points(pack)]
    for _ in range(steps // every):
        pack.run(every)
        found.append(points(pack))
    return torch.stack(found).double()


def points(pack: Pack) -> Tensor:
    """The points of all lanes [L, N, 2], a copy."""
    return torch.stack([stack.flat for stack in pack.stacks.values()], -1)


def distances(path: Tensor) -> Tensor:
    """Root mean square distance from the equilibrium, [T, L]."""
    return path.square().sum(-1).mean(-1).sqrt()
