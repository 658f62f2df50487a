"""The memory of an evaluation's samples is told, and is what an allocator would count."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.testing import Case, RandomExamples, measure_sampling
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Model, Nets, Noise, Tensors
from toy_games import Number, Toy, ToyConfig, sgd

WIDTH, FLOAT = 1000, 4
MIB = 2**20


class Wide(Toy):
    """Samples of two numbers, sums of the exponentials of as many as `WIDTH`."""

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, WIDTH))}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        return noise["z"].exp().sum(1, keepdim=True).expand(-1, 2)


def game(config: Any, data: Any) -> Wide:
    return Wide({"x": sgd(Number)}, lambda *args: (torch.zeros(()), {}))


@pytest.mark.parametrize(("count", "batch"), [(1000, 1000), (200_000, 33_334)])
def test_what_a_sample_takes_on_its_way_is_counted(count: int, batch: int) -> None:
    model, data = Model("wide", "toys", "none", ToyConfig, game, {}), RandomExamples((2,))
    found = measure_sampling(Case.of(model, data, {}), count)
    assert found.batch == batch
    noise_and_exponentials = 2 * batch * WIDTH * FLOAT / MIB
    assert noise_and_exponentials <= found.mib < 1.02 * noise_and_exponentials


def test_what_networks_compute_on_the_way_makes_batches_smaller() -> None:
    """1,000 at once would take 0.6 GiB."""
    case = Case.of(CATALOG["ddpm"], RandomExamples((1, 28, 28)), {"channels": 16})
    found = measure_sampling(case, 1000)
    assert found.batch < 500
    assert 100 < found.mib < 270
