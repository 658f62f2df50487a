"""ProGAN: what has not faded in has no effect, and a lane grows by its own progress."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.adversarial.progan import (
    GrowingCritic,
    GrowingGenerator,
    Progan,
    ProganConfig,
    blended,
    fade_in,
    faded,
)
from gensweep_models.catalog import CATALOG

SMALL: dict[str, Any] = {"channels": 4, "latent_size": 5, "batch_size": 8}
GROWN = torch.tensor(0.6)


def alphas(*values: float) -> Tensor:
    return torch.tensor(values)


def game(side: int) -> Progan:
    return Progan(ProganConfig(**SMALL), SimpleNamespace(shape=(1, side, side)))


def same_weights(small: torch.nn.Module, large: torch.nn.Module) -> None:
    """Give the smaller network the weights of the larger one's first layers."""
    state = large.state_dict()
    small.load_state_dict({name: state[name] for name in small.state_dict()})


def test_phases_are_even_first_still_and_then_fading() -> None:
    """Of two doublings: 4x4, fading to 8x8, 8x8, fading to 16x16, each 0.15 of the budget."""
    for progress, known in (
        (0.0, (0, 0)), (0.15, (0, 0)), (0.225, (0.5, 0)), (0.3, (1, 0)), (0.45, (1, 0)),
        (0.525, (1, 0.5)), (0.6, (1, 1)), (1.0, (1, 1)),
    ):  # fmt: skip
        found = fade_in(torch.tensor(progress), GROWN, 2)
        assert found.tolist() == pytest.approx(known, abs=1e-6)
    every = torch.stack([fade_in(p, GROWN, 4) for p in torch.linspace(0, 1, 201)])
    assert bool((every.diff(dim=0) >= 0).all())
    assert bool((every[:, 1:] <= every[:, :-1]).all())
    assert bool((every[:, 1:].gt(0) <= every[:, :-1].eq(1)).all()), "one fades in at a time"


@pytest.mark.parametrize(("side", "level"), [(32, 0), (32, 1), (32, 2), (28, 1), (64, 3)])
def test_a_generator_at_an_early_stage_is_the_smaller_one(side: int, level: int) -> None:
    large = GrowingGenerator(5, (3, side, side), 4)
    doublings = len(large.sides) - 1
    small_side = large.sides[level]
    small = GrowingGenerator(5, (3, small_side, small_side), 4) if level else None
    z, now = torch.randn(2, 5), torch.tensor([1.0] * level + [0.0] * (doublings - level))
    image = large(z, now)
    own = image[..., :: side // small_side, :: side // small_side]
    assert torch.equal(interpolate(own, scale_factor=side / small_side), image)
    if small is not None:
        same_weights(small, large)
        assert torch.equal(small(z, now[:level]), own)


@pytest.mark.parametrize(("side", "level"), [(32, 1), (32, 2), (28, 1)])
def test_a_loss_at_an_early_stage_is_that_of_the_smaller_networks(side: int, level: int) -> None:
    """With the penalty on slopes at pixels of the small size, and gradients in what has begun."""
    large = game(side)
    sides = GrowingGenerator(5, (1, side, side), 1).sides
    small = game(sides[level])
    nets: list[Any] = [{n: p.build() for n, p in one.players.items()} for one in (small, large)]
    for name in nets[0]:
        same_weights(nets[0][name], nets[1][name])
    noise = {n: torch.rand(one.shape) for n, one in large.noise["critic"].items()}
    x = torch.rand(8, 1, side, side) * 2 - 1
    hyper = {"grown": GROWN, "penalty_weight": torch.tensor(10.0), "drift_weight": torch.ones(())}
    doublings = len(sides) - 1
    stages = {"progress": 2 * level * GROWN / (2 * doublings) + 1e-3}, {"progress": torch.ones(())}
    batches = x, avg_pool2d(x, side // sides[level])
    for player in ("critic", "generator"):
        late = small.loss(player, nets[0], {"x": batches[1]}, noise, hyper | stages[1])[0]
        early = large.loss(player, nets[1], {"x": batches[0]}, noise, hyper | stages[0])[0]
        torch.testing.assert_close(early, late)
        early.backward()
        known = {n for n, _ in nets[0][player].named_parameters()}
        for name, parameter in nets[1][player].named_parameters():
            has_begun = parameter.grad is not None and bool(parameter.grad.any())
            assert name in known or not has_begun, name


def test_fading_in_is_a_blend_of_both_networks() -> None:
    """At 0 the smaller one's enlarged image, at 1 the larger one's own, in between the mean."""
    net, z = GrowingGenerator(5, (1, 16, 16), 4), torch.randn(3, 5)
    smaller, larger = net(z, alphas(1, 0)), net(z, alphas(1, 1))
    torch.testing.assert_close(net(z, alphas(1, 0.25)), 0.75 * smaller + 0.25 * larger)
    critic, x = GrowingCritic((1, 16, 16), 4), torch.randn(3, 1, 16, 16)
    low = interpolate(avg_pool2d(x, 2), scale_factor=2.0)
    torch.testing.assert_close(critic(x, alphas(1, 0)), critic(low, alphas(1, 0)))
    assert not torch.allclose(critic(x, alphas(1, 0.5)), critic(low, alphas(1, 0.5)))


def test_real_images_have_the_resolution_of_now() -> None:
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(faded(x, alphas(1)), x)
    low = interpolate(avg_pool2d(x, 2), scale_factor=2.0)
    assert torch.equal(faded(x, alphas(0)), low)
    torch.testing.assert_close(faded(x, alphas(0.3)), 0.7 * low + 0.3 * x)
    assert torch.equal(blended([avg_pool2d(x, 2), x], alphas(0)), low)


def test_images_depend_on_the_direction_of_z_alone() -> None:
    """Which is normalised before the first layer, whatever that layer's bias."""
    net, z = GrowingGenerator(5, (1, 8, 8), 4), torch.randn(3, 5)
    torch.nn.init.normal_(net.project.bias)
    torch.testing.assert_close(net(7 * z, alphas(1)), net(z, alphas(1)))
    assert not torch.allclose(net(-z, alphas(1)), net(z, alphas(1)))


def test_pixel_norm_holds_after_every_convolution_of_the_generator() -> None:
    net, seen = GrowingGenerator(5, (1, 16, 16), 8), []
    for block in net.blocks:
        block.register_forward_hook(lambda *called: seen.append(called[-1]))
    net(torch.randn(2, 5), alphas(1, 1))
    assert len(seen) == 3
    for maps in seen:
        torch.testing.assert_close(maps.square().mean(1), torch.ones(2, *maps.shape[2:]))


def test_lanes_of_a_pack_are_at_stages_of_their_own() -> None:
    """Layers that have not begun stay as they are, to the bit, and count no steps."""
    model, data = CATALOG["progan"], RandomExamples()
    early = model.config(**SMALL, grown=1.0)
    late = model.config(**SMALL, grown=0.1)
    pack = Pack(model, early, data, data, width=2, trace=False)
    for slot, config in enumerate((early, late)):
        pack.load(slot, config, seed=7, budget_images=80)
    before = [pack.take(slot).tensors for slot in (0, 1)]
    pack.run(4)
    after = [pack.take(slot).tensors for slot in (0, 1)]
    stack = pack.stacks["generator"]
    for slot, moved in enumerate((False, True)):
        views = [stack.views(one[slot]["generator/parameters"][None]) for one in (before, after)]
        for name in ("blocks.1.0.conv.weight", "rgb.1.weight"):
            assert torch.equal(views[0][name], views[1][name]) != moved, name
        assert not torch.equal(views[0]["blocks.0.conv.weight"], views[1]["blocks.0.conv.weight"])
    steps = [one["generator/optimizer.own_steps"] for one in after]
    assert [bool((one > 0).all()) for one in steps] == [False, True]
    for image, coarse in zip(pack.sample(3), (True, False), strict=True):
        low = interpolate(avg_pool2d(image, 2), scale_factor=2.0)
        assert torch.allclose(low, image) == coarse
