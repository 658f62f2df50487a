"""SAGAN: attention that begins as nothing, norms by class, both players' spectral norms."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep_models.adversarial.sagan import Sagan, SaganConfig
from gensweep_models.nets.attention import SelfAttention
from gensweep_models.nets.resnet_gan import LAYOUTS, ResidualCritic, ResidualGenerator
from gensweep_models.nets.spectral import spectral_layers

CLASSES = 3
SHAPES = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64))


def game(shape: tuple[int, ...] = (1, 8, 8), classes: int = CLASSES, **values: Any) -> Sagan:
    config = SaganConfig(**{"channels": 4, "latent_size": 6, "batch_size": 4} | values)
    return Sagan(config, SimpleNamespace(shape=shape, classes=classes, count=10))


def nets_of(subject: Sagan) -> Any:
    torch.manual_seed(0)
    return {name: player.build() for name, player in subject.players.items()}


def drawn(subject: Sagan, nets: Any, z: Tensor, y: Tensor | None) -> Tensor:
    noise, hyper = {"z": z}, {"truncation": torch.tensor(2.0)}
    return subject.sample(nets, noise, hyper, *([{"y": y}] if y is not None else []))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_begins_as_the_network_without_attention(shape: tuple[int, ...]) -> None:
    """Bit for bit: samples, scores, and the gradients of all that both networks have."""
    mine, other = game(shape), game(shape, attention=False)
    nets, plain = nets_of(mine), nets_of(other)
    for name, net in plain.items():
        missing, extra = net.load_state_dict(nets[name].state_dict(), strict=False)
        assert missing == []
        assert extra
        assert all(key.partition("attention.")[1] for key in extra)
    batch = {"x": torch.rand(4, *shape) * 2 - 1, "y": torch.tensor([0, 1, 2, 0])}
    noise = {"z": torch.randn(4, 6)}
    for player in mine.players:
        here, there = (one.loss(player, some, batch, noise, {})[0]
                       for one, some in ((mine, nets), (other, plain)))  # fmt: skip
        assert torch.equal(here, there), player
        known = dict(plain[player].named_parameters())
        pairs = {n: p for n, p in nets[player].named_parameters() if n in known}
        grads = torch.autograd.grad(here, list(pairs.values()))
        wanted = torch.autograd.grad(there, [known[name] for name in pairs])
        assert all(map(torch.equal, grads, wanted)), player


def test_attention_is_the_formula() -> None:
    """Equations 1 and 2, place by place, of matrices that the 1 x 1 convolutions apply."""
    torch.manual_seed(0)
    layer = SelfAttention(8).double().eval()
    nn.init.constant_(layer.gamma, 0.7)
    x = torch.randn(1, 8, 4, 4, dtype=torch.float64)
    pooled = [
        torch.stack([maps[0, :, i : i + 2, j : j + 2].amax((1, 2)) for i in (0, 2) for j in (0, 2)])
        for maps in (layer.key(x), layer.value(x))
    ]
    found = layer(x)
    for row in range(4):
        for column in range(4):
            query = layer.query(x)[0, :, row, column]
            weights = (pooled[0] @ query).softmax(0)
            gathered = (weights @ pooled[1])[None, :, None, None]
            want = x[0, :, row, column] + 0.7 * layer.out(gathered).flatten()
            torch.testing.assert_close(found[0, :, row, column], want)


def test_every_place_sees_every_other() -> None:
    layer = SelfAttention(8)
    nn.init.ones_(layer.gamma)
    x = torch.randn(1, 8, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[0, :, 0, 0].sum(), x)
    assert bool((gradient != 0).any(1).flatten(1).sum() >= 8)
    assert bool(gradient[0, :, 2:, 2:].any())


@pytest.mark.parametrize("shape", SHAPES)
def test_attention_is_at_half_the_side_in_both(shape: tuple[int, ...]) -> None:
    sides: list[int] = []
    nets: list[nn.Module] = [ResidualGenerator(shape, 2, 6), ResidualCritic(shape, 2)]
    for net in nets:
        net.get_submodule("attention").register_forward_hook(
            lambda module, args, out: sides.append(out.shape[-1])
        )
    layout = LAYOUTS[shape[-1]]
    images = nets[0](torch.randn(2, 6), [None] * (len(layout.up) - 1))
    assert images.shape == (2, *shape)
    assert nets[1](images).shape == (2,)
    assert sides == [shape[-1] // 2] * 2


def test_norms_are_scaled_and_shifted_by_class() -> None:
    """Against batch normalisation by hand; at first it is the same for every class."""
    subject = game()
    nets = nets_of(subject)
    block = nets["generator"].body.blocks[0]
    x, y = torch.randn(3, 16, 2, 2), torch.tensor([0, 1, 0])
    one_hot = torch.eye(CLASSES)[y]
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    plain = (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    torch.testing.assert_close(block.norm1(x, one_hot), plain)
    for layer in (block.norm1.gain, block.norm1.bias):
        nn.init.normal_(layer.weight)
    gain, bias = block.norm1.gain.weight, block.norm1.bias.weight
    for index, label in enumerate(y):
        want = plain[index] * (1 + gain[:, label, None, None]) + bias[:, label, None, None]
        torch.testing.assert_close(block.norm1(x, one_hot)[index], want)


def test_all_convolutions_of_both_are_spectrally_normalised() -> None:
    for name, net in nets_of(game()).items():
        others = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        plain = set(others) - set(spectral_layers(net))
        # the gains and biases of the norms are embeddings of the class
        allowed = {m for k, m in net.named_modules() if k.endswith((".gain", ".bias"))}
        assert plain <= allowed, name
        assert len(spectral_layers(net)) > 8


def test_data_without_classes_make_both_unconditional() -> None:
    subject = game(classes=0)
    nets = nets_of(subject)
    assert subject.given == ()
    assert "head.embedding.weight" not in dict(nets["critic"].named_parameters())
    assert drawn(subject, nets, torch.rand(2, 6), None).shape == (2, 1, 8, 8)
    batch, noise = {"x": torch.randn(4, 1, 8, 8)}, {"z": torch.randn(4, 6)}
    for player in subject.players:
        assert subject.loss(player, nets, batch, noise, {})[0].isfinite()


def test_generator_and_critic_learn_at_their_own_rates() -> None:
    """The paper's: 1e-4 and 4e-4 with Adam of (0, 0.9)."""
    config, players = SaganConfig(), game().players
    rates = {n: getattr(config, str(player.learning_rate)) for n, player in players.items()}
    assert rates == {"critic": 4e-4, "generator": 1e-4}
    assert (config.beta1, config.beta2) == (0.0, 0.9)


@pytest.mark.parametrize("shape", [(2,), (1, 20, 20), (1, 28, 32)])
def test_shapes_that_it_does_not_know_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the shape is C x S x S with S in 8, 28, 32, 64"):
        nets_of(game(shape))
