"""DCGAN of 64 x 64 images (Radford et al., arXiv:1511.06434) as HFTA trains it (arXiv:2102.02344).

The networks and the eager loop are those of pytorch/examples; the game is the same for our engine.
B batch, Z latent, C channels of the narrowest map.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gensweep_models.config import fixed, lane
from gensweep_models.game import DataShape, Loss, Model, Nets, Noise, Player, Tensors

STEPS = (8, 4, 2, 1)
"""Channels of the maps of 4, 8, 16 and 32 pixels, as multiples of C."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DcganConfig:
    """HFTA's recipe; smaller for tests."""

    learning_rate: float = lane(2e-4)
    beta1: float = lane(0.5)
    beta2: float = lane(0.999)
    latent: int = fixed(100)
    channels: int = fixed(64)
    batch_size: int = fixed(128)


def generator(latent: int, channels: int) -> nn.Module:
    """z [B, Z, 1, 1] to images [B, 3, 64, 64]."""
    body: list[nn.Module] = []
    width, stride, padding = latent, 1, 0
    for step in STEPS:
        body += [nn.ConvTranspose2d(width, step * channels, 4, stride, padding, bias=False),
                 nn.BatchNorm2d(step * channels), nn.ReLU()]  # fmt: skip
        width, stride, padding = step * channels, 2, 1
    body += [nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()]
    return _fresh(nn.Sequential(*body))


def critic(channels: int) -> nn.Module:
    """Images [B, 3, 64, 64] to logits [B, 1, 1, 1]."""
    body: list[nn.Module] = [nn.Conv2d(3, channels, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    width = channels
    for step in STEPS[-2::-1]:
        body += [nn.Conv2d(width, step * channels, 4, 2, 1, bias=False),
                 nn.BatchNorm2d(step * channels), nn.LeakyReLU(0.2)]  # fmt: skip
        width = step * channels
    return _fresh(nn.Sequential(*body, nn.Conv2d(width, 1, 4, 1, 0, bias=False)))


def _fresh(module: nn.Module) -> nn.Module:
    for one in module.modules():
        if isinstance(one, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(one.weight, 0.0, 0.02)
        elif isinstance(one, nn.BatchNorm2d):
            nn.init.normal_(one.weight, 1.0, 0.02)
    return module


class Dcgan:
    """The game for our engine."""

    def __init__(self, config: DcganConfig, data: DataShape) -> None:
        c = config
        self.players = {
            "critic": Player(lambda: critic(c.channels)),
            "generator": Player(lambda: generator(c.latent, c.channels)),
        }
        z = Noise((c.batch_size, c.latent, 1, 1))
        self.noise = {"critic": {"z": z}, "generator": {"z": z}}
        self._latent = c.latent

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Binary cross-entropy on logits, without saturation."""
        fake = nets["generator"](noise["z"])
        if player == "generator":
            return softplus(-nets["critic"](fake)).mean(), {}
        real, score = nets["critic"](batch["x"]), nets["critic"](fake.detach())
        return softplus(-real).mean() + softplus(score).mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, self._latent, 1, 1))}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        images: Tensor = nets["generator"](noise["z"])
        return images


ENTRY = Model("dcgan_64", "adversarial", "arXiv:1511.06434", DcganConfig, Dcgan, {})


def eager(config: DcganConfig, images: Tensor, *, bf16: bool = False) -> Callable[[int], Any]:
    """A loop as in pytorch/examples: takes a number of steps, and gives the last losses.

    The images that the critic learns from are drawn once for both players.
    """
    device = images.device
    built = critic(config.channels), generator(config.latent, config.channels)
    nets = [net.to(device) for net in built]
    betas = (config.beta1, config.beta2)
    optimizers = [torch.optim.Adam(n.parameters(), config.learning_rate, betas) for n in nets]

    def step() -> tuple[Tensor, Tensor]:
        real = images[torch.randint(len(images), (config.batch_size,), device=device)]
        z = torch.randn(config.batch_size, config.latent, 1, 1, device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            fake = nets[1](z)
            score = nets[0](real).float(), nets[0](fake.detach()).float()
        loss = softplus(-score[0]).mean() + softplus(score[1]).mean()
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            judged = nets[0](fake).float()
        back = softplus(-judged).mean()
        optimizers[1].zero_grad()
        back.backward()
        optimizers[1].step()
        return loss.detach(), back.detach()

    def run(steps: int) -> Any:
        for _ in range(steps):
            losses = step()
        return [float(one) for one in losses]

    return run


def paced(
    run: Callable[[int], Any], steps: int, epochs: int, ready: Callable[[], Any] = lambda: None
) -> tuple[float, float]:
    """When the second epoch of `steps` began, after `ready`, and when the last one ended."""
    run(steps)
    ready()
    begin = time.time()
    for _ in range(epochs - 1):
        run(steps)
    return begin, time.time()
