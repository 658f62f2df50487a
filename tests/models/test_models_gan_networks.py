"""What the networks of convolutional GANs are made of, and how their weights begin.

Values are the papers' and those of the code that is cited, written out here.
"""

from math import sqrt
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from torch import nn

from gensweep_models.adversarial.cgan import CganConfig, CganObjective, ConditionalCritic
from gensweep_models.nets.equalized import EqualizedConv2d, EqualizedLinear
from gensweep_models.nets.spectral import spectral_layers
from small_entries import small_game

RESNET: dict[int, Any] = {
    8: ([(4, 4), (4, 8)], [(4, 4), (4, 4)]),
    28: ([(4, 7), (4, 14), (4, 28)], [(4, 14), (4, 7), (4, 7), (4, 7)]),
    32: ([(4, 4), (4, 8), (4, 16), (4, 32)], [(4, 16), (4, 8), (4, 8), (4, 8)]),
    64: ([(16, 4), (16, 8), (8, 16), (4, 32), (2, 64)],
         [(1, 32), (2, 16), (4, 8), (8, 4), (16, 4)]),
}  # fmt: skip
"""Maps before the generator's blocks and after each, and after each of the critic's: in multiples
of `channels`, and their sides; `G_arch` and `D_arch` of BigGAN-PyTorch, `BigGAN.py`, from 32 on."""
STAGES: dict[int, list[tuple[float, int]]] = {
    8: [(1, 4), (1, 8)],
    28: [(1, 7), (1, 14), (1, 28)],
    32: [(1, 4), (1, 8), (1, 16), (1, 32)],
    64: [(1, 4), (1, 8), (1, 16), (1, 32), (0.5, 64)],
}
"""Maps of ProGAN and StyleGAN at each side; tables 2 of both papers."""
STACKS: dict[int, list[tuple[int, int]]] = {
    8: [(2, 2), (1, 4)], 28: [(2, 7), (1, 14)], 32: [(4, 4), (2, 8), (1, 16)],
    64: [(8, 4), (4, 8), (2, 16), (1, 32)],
}  # fmt: skip
"""Maps of DCGAN from its reshaped z on, and of its critic's convolutions backwards; figure 1."""


def built(name: str, player: str, side: int = 8, **values: Any) -> Any:
    torch.manual_seed(0)
    return small_game(name, (3, side, side), **values).players[player].build()


@pytest.mark.parametrize("side", STACKS)
def test_dcgan_is_a_stack_of_strided_convolutions(side: int) -> None:
    """Section 3: ReLU and Tanh in the generator, LeakyReLU in the critic, no pooling."""
    makes, judges = (built("dcgan", player, side=side) for player in ("generator", "critic"))
    between = [nn.BatchNorm2d, nn.ReLU, nn.ConvTranspose2d] * len(STACKS[side])
    assert [type(one) for one in makes] == [nn.Linear, nn.Unflatten, *between, nn.Tanh]
    then = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU] * (len(STACKS[side]) - 1)
    assert [type(one) for one in judges] == [
        nn.Conv2d, nn.LeakyReLU, *then, nn.Flatten, nn.Linear
    ]  # fmt: skip
    assert {one.negative_slope for one in judges if isinstance(one, nn.LeakyReLU)} == {0.2}
    maps = seen([makes[1], *(one for one in makes if isinstance(one, nn.ConvTranspose2d))],
                lambda: makes(torch.randn(2, 4)))  # fmt: skip
    assert maps == [*((8 * width, size) for width, size in STACKS[side]), (3, side)]
    convolutions = [one for one in judges if isinstance(one, nn.Conv2d)]
    maps = seen(convolutions, lambda: judges(torch.randn(2, 3, side, side)))
    assert maps == [(8 * width, size) for width, size in STACKS[side][::-1]]


@pytest.mark.parametrize("side", RESNET)
@pytest.mark.parametrize("name", ["sagan", "biggan"])
def test_residual_blocks_have_the_widths_and_sides_of_the_code(name: str, side: int) -> None:
    game = small_game(name, (3, side, side), channels=2, latent_size=10)
    makes, judges = (game.players[player].build() for player in ("generator", "critic"))
    widths = [[(2 * width, size) for width, size in maps] for maps in RESNET[side]]
    z, y = torch.randn(game.sample_noise(2)["z"].shape), torch.tensor([0, 1])
    found = seen(list(makes.body.blocks), lambda: makes(z, y))
    assert found == widths[0][1:]
    assert makes.body.stem.out_features == widths[0][0][0] * widths[0][0][1] ** 2
    assert seen(list(judges.blocks), lambda: judges(torch.randn(2, 3, side, side), y)) == widths[1]


@pytest.mark.parametrize("side", STAGES)
def test_growing_and_style_based_networks_double_from_the_first_side_on(side: int) -> None:
    wide = [(int(4 * width), size) for width, size in STAGES[side]]
    grown = small_game("progan", (3, side, side), channels=4)
    alphas, x = torch.ones(len(wide) - 1), torch.randn(2, 3, side, side)
    makes, judges = (grown.players[player].build() for player in ("generator", "critic"))
    assert seen(list(makes.blocks), lambda: makes(torch.randn(2, 4), alphas)) == wide
    assert seen(list(judges.blocks)[::-1], lambda: judges(x, alphas)) == wide[-2::-1]
    assert seen(list(judges.rgb)[::-1], lambda: judges(x, alphas)) == wide[::-1]
    styled = small_game("stylegan", (3, side, side), channels=4)
    makes, judges = (styled.players[player].build() for player in ("generator", "critic"))
    noise = [torch.randn(2, 1, size, size) for size in makes.sides]
    maps = seen(list(makes.layers), lambda: makes.synthesis(torch.randn(len(noise), 2, 8), noise))
    assert maps == [one for one in wide for _ in range(2)]
    assert seen(list(judges)[:-1], lambda: judges(x)) == wide[::-1]


def seen(modules: Any, run: Any) -> list[tuple[int, int]]:
    """Channels and side of the maps that come out of modules, in the order of their calls."""
    found: list[tuple[int, int]] = []

    def note(_: nn.Module, __: Any, out: Any) -> None:
        found.append((out.shape[1], out.shape[-1]))

    hooks = [one.register_forward_hook(note) for one in modules]
    run()
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_weights_of_sagan_begin_as_glorots(player: str) -> None:
    """Uniform to ±sqrt(6 / (inputs + outputs)) (`init: xavier` of the authors and StudioGAN)."""
    shares = []
    for layer in spectral_layers(built("sagan", player)):
        area = layer.weight[0, 0].numel()
        fans = sum(layer.weight.shape[:2]) * area
        shares.append(layer.weight.detach().flatten() * sqrt(fans / 6))
    share = torch.cat(shares)
    assert 0.99 < float(share.abs().max()) <= 1
    assert float(share.std()) == pytest.approx(1 / sqrt(3), rel=0.05)


GAINS: dict[tuple[str, str], dict[str, float]] = {
    ("progan", "generator"): {"project": sqrt(2) / 4, "rgb": 1},
    ("progan", "critic"): {"score": 1},
    ("stylegan", "generator"): {"mapping": 0.01 * sqrt(2), "style": 1, "rgb": 1},
    ("stylegan", "critic"): {"score": 1},
}
"""He's gains that are not sqrt(2), by a part of a layer's name; `networks_progan.py` and
`networks_stylegan.py` (with the learning rate of the mapping network, 0.01)."""


@pytest.mark.parametrize(("name", "player"), GAINS)
def test_equalized_layers_have_the_gains_of_the_code(name: str, player: str) -> None:
    """And weights of variance 1, over the learning rate of their own if they have one."""
    known, found = GAINS[name, player], []
    net = built(name, player, channels=32)
    for path, layer in net.named_modules():
        if isinstance(layer, EqualizedLinear | EqualizedConv2d):
            parts = [part for part in path.split(".") if part in known]
            wanted = known[parts[0]] if parts else sqrt(2)
            fan = layer.weight[0].numel()
            assert layer.scale * sqrt(fan) == pytest.approx(wanted), path
            rate = 0.01 if "mapping" in parts else 1
            deviation = float(layer.weight.detach().std()) * rate
            assert deviation == pytest.approx(1, abs=4 / sqrt(layer.weight.numel())), path
            found += parts
    assert set(found) == set(known)


@pytest.mark.parametrize("modulation", ["adain", "demodulation"])
def test_the_constant_begins_as_in_the_code_of_each_paper(modulation: str) -> None:
    """Ones in `networks_stylegan.py`, normal numbers in `networks_stylegan2.py`."""
    constant = built("stylegan", "generator", modulation=modulation, channels=64).constant.detach()
    assert bool((constant == 1).all()) == (modulation == "adain")
    assert float(constant.std()) == pytest.approx(float(modulation == "demodulation"), abs=0.1)


@pytest.mark.parametrize("objective", get_args(CganObjective))
@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
@pytest.mark.parametrize("body", ["mlp", "conv"])
def test_the_critic_of_a_hinge_is_spectrally_normalised_and_no_other(
    objective: Any, conditioning: Any, body: Any
) -> None:
    """All of its layers; arXiv:1802.05637, section 4."""
    config = CganConfig(objective=objective, conditioning=conditioning, body=body, hidden=4)
    net = ConditionalCritic(config, SimpleNamespace(shape=(1, 8, 8), classes=3, count=10))
    layers = [one for one in net.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
    assert len(layers) > 2
    assert len(spectral_layers(net)) == (len(layers) if objective == "hinge" else 0)
