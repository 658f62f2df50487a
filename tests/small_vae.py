"""A small VAE and what its methods take, for tests that call it without the engine."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from gensweep_models.game import Noise
from gensweep_models.variational.posterior import VariationalNet
from gensweep_models.variational.vae import Vae, VaeConfig

IMAGE = (1, 8, 8)
Drawn = dict[str, Tensor]


def small_vae(shape: tuple[int, ...] = IMAGE, **values: Any) -> Vae:
    """Return a game with 3 latent numbers and a batch of 6."""
    config = VaeConfig(**{"hidden": 8, "batch_size": 6, "latent_size": 3} | values)
    return Vae(config, SimpleNamespace(shape=shape, classes=0, count=10))


def draw(noise: dict[str, Noise], seed: int = 0) -> Drawn:
    """Draw normal and uniform noise, by name."""
    source = torch.Generator().manual_seed(seed)
    kinds = {"normal": torch.randn, "uniform": torch.rand}
    return {k: kinds[n.kind](*n.shape, generator=source) for k, n in noise.items()}


def hyper_of(latent_size: int, **values: float) -> Drawn:
    """Return a lane's numbers, as the engine gives them."""
    values = {"kl_weight": 1.0, "free_bits": 0.0, "scale": 0.5, "truncation": 3.0} | values
    return {n: torch.tensor(v) for n, v in values.items()} | {
        "latent_size": torch.tensor(float(latent_size))
    }


def network(game: Vae, seed: int = 0) -> VariationalNet:
    """Build the network of a game."""
    torch.manual_seed(seed)
    net = game.players["vae"].build()
    assert isinstance(net, VariationalNet)
    return net


def gradient(game: Vae, net: VariationalNet, x: Tensor, noise: Drawn, hyper: Drawn) -> Tensor:
    """Return that of the loss by all weights, flat."""
    loss, _ = game.loss("vae", {"vae": net}, {"x": x}, noise, hyper)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
