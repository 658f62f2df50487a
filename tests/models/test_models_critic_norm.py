"""Batch normalisation of the critic: of which layers, over which batch, and where it is refused."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind
from gensweep.space import with_scope
from gensweep_models.adversarial.bodies import make_critic
from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.catalog import CATALOG

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
SHAPES = [(2,), (1, 8, 8), (1, 28, 28), (3, 32, 32)]
BATCH = 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", SHAPES)
def test_features_but_the_first_are_centred_and_scaled(shape: tuple[int, ...]) -> None:
    net = make_critic("auto", shape, 8, 3, norm="batch")
    found: list[Tensor] = []
    for layer in net.modules():
        if isinstance(layer, NORMS):
            layer.register_forward_hook(lambda _, __, out: found.append(out.detach()))
    net(3 + torch.randn(64, *shape))
    assert len(found) == (1 if shape[-1] in (28,) else 2)
    for features in found:
        each = features.transpose(0, 1).flatten(1)
        torch.testing.assert_close(each.mean(1), torch.zeros(len(each)), rtol=0, atol=1e-5)
        assert bool((each.std(1) < 1.01).all())
        assert float(each.std(1).max()) > 0.9
    layers = [m for m in net.modules() if isinstance(m, (nn.Linear, nn.Conv2d, *NORMS))]
    assert not isinstance(layers[1], NORMS)
    for layer, after in pairwise(layers):
        assert (layer.bias is None) == isinstance(after, NORMS)


@pytest.mark.parametrize("shape", SHAPES[1:3])
def test_data_and_samples_are_batches_of_their_own(shape: tuple[int, ...]) -> None:
    """The loss of both is a sum: neither changes what the other adds to it."""
    config = GanConfig(hidden=8, layers=2, latent_size=2, batch_size=BATCH, batch_norm=True)
    game = Gan(config, SimpleNamespace(shape=shape, classes=0, count=10))
    nets = {n: bind(n, p.build()) for n, p in game.players.items()}
    hyper = {n: torch.tensor(v) for n, v in with_scope(config, "lane").items()}
    hyper["progress"] = torch.tensor(0.0)
    xs, zs = torch.randn(2, BATCH, *shape), torch.randn(2, BATCH, 2)
    losses = [
        [game.loss("critic", nets, {"x": x}, {"z": z}, hyper)[0].detach() for x in xs] for z in zs
    ]
    (first, second), (third, fourth) = losses
    torch.testing.assert_close(first - second, third - fourth, rtol=0, atol=1e-5)
    assert abs(float(first - second)) > 1e-3
    assert abs(float(first - third)) > 1e-3


def test_without_it_the_critic_is_what_it_was() -> None:
    plain, other = (make_critic("mlp", (2,), 8, 2, norm=norm) for norm in ("none", "batch"))
    assert list(plain.state_dict()) == [
        "1.0.weight", "1.0.bias", "1.2.weight", "1.2.bias", "1.4.weight", "1.4.bias",
    ]  # fmt: skip
    assert any("running_mean" in name for name in other.state_dict())
    assert not GanConfig().batch_norm
    assert GanConfig().critic_norm == "none"


def test_a_single_hidden_layer_has_none_to_normalise() -> None:
    with pytest.raises(ValueError, match=r"layers > 1.*layers=1"):
        make_critic("mlp", (2,), 8, 1, norm="batch")
    assert make_critic("conv", (1, 28, 28), 8, 1, norm="batch")(torch.randn(2, 1, 28, 28)).numel()


@pytest.mark.parametrize("name", ["minimax_gan", "lsgan", "wgan"])
def test_it_is_searched_where_no_slope_is_bounded(name: str) -> None:
    """As Lucic et al. searched it, arXiv:1711.10337, in all of theirs but WGAN-GP and DRAGAN."""
    dimension: Any = CATALOG[name].space["batch_norm"]
    assert dimension.choices == (False, True)
    for other in ("wgan_gp", "dragan", "sngan", "r3gan", "lgan"):
        assert "batch_norm" not in CATALOG[other].space
