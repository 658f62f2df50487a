"""What critics of wgan and wgan_gp estimate, against the exact distance by optimal transport."""

from collections.abc import Sequence
from dataclasses import dataclass

import ot
import pytest
import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG


@dataclass(frozen=True)
class Shifted(RandomExamples):
    """256 normal points around (shift, shift)."""

    shape: tuple[int, ...] = (2,)
    classes: int = 0
    count: int = 256
    shift: float = 0.0

    @property
    def x(self) -> Tensor:
        """All points, [count, 2]."""
        return self.shift + 0.3 * super().x


def estimates(name: str, shift: float, **lanes: Sequence[float]) -> tuple[Pack, Tensor, float]:
    """A trained critic's estimates [L] against a generator that has not begun, and the distance.

    The generator acts at the end of a round, and this one is not over.
    """
    data, steps, model = Shifted(shift=shift), 120, CATALOG[name]
    settings = {"hidden": 16, "layers": 1, "latent_size": 2, "batch_size": 64}
    configs = [
        model.config(**settings, **dict(zip(lanes, values, strict=True)), learning_rate=1e-2,
                     critic_iterations=2 * steps)
        for values in zip(*lanes.values(), strict=True)
    ]  # fmt: skip
    pack = Pack(model, configs[0], data, data, width=len(configs), trace=False)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=0, budget_images=64 * 2 * steps)
    before = pack.stacks["generator"].flat.clone()
    pack.run(steps)
    assert torch.equal(pack.stacks["generator"].flat, before)
    fake = pack.sample(256, hyper={"truncation": 5.0})[0]
    scores = [pack.call("critic_values", {}, x) for x in (data.x, fake)]
    exact = ot.emd2([], [], ot.dist(data.x, fake, "euclidean"))
    return pack, scores[0].mean(1) - scores[1].mean(1), float(exact)


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_the_critics_estimate_is_the_wasserstein_distance(shift: float) -> None:
    """Of the critic of wgan_gp in a pack, against the exact one of optimal transport.

    A slope s is best for s W - weight (s - 1)^2 at s = 1 + W / (2 weight): the estimate is s W.
    """
    weights = torch.tensor([10.0, 20.0])
    _, found, exact = estimates("wgan_gp", shift, penalty_weight=weights.tolist())
    torch.testing.assert_close(found, exact * (1 + exact / (2 * weights)), rtol=0.06, atol=0)


def test_clipped_weights_bound_the_estimate_by_a_multiple_of_the_distance() -> None:
    """k times it, k the largest slope that the bound allows; towards it as the distance grows.

    A weight of m x n numbers within c has a norm of at most c sqrt(m n), and ReLU keeps slopes.
    """
    clips = torch.tensor([0.1, 0.3])
    steepest = clips**2 * (2 * 16) ** 0.5 * 16**0.5
    found, before = [], torch.zeros(2)
    for shift in (0.5, 1.0, 2.0):
        pack, now, exact = estimates("wgan", shift, clip=clips.tolist())
        weights = pack.stacks["critic"].flat
        torch.testing.assert_close(weights.abs().amax(1), clips)
        assert bool((now > before).all())
        assert bool((now <= steepest * exact).all())
        found, before = [*found, now / exact], now
    assert bool((found[-1] > 0.6 * steepest).all()), found
