"""Rectified flow: straight paths from noise to data (Liu et al., arXiv:2209.03003)."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from gensweep_models.config import BaseConfig, fixed, sampling
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.unet import PointDenoiser, UNet
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class RectifiedFlowConfig(BaseConfig):
    """Settings of a rectified flow."""

    steps: int = sampling(25, "Euler steps of a sample", at_least=1)
    channels: int = fixed(32, "of the U-Net's largest maps; images", at_least=1)
    hidden: int = fixed(128, "units of the MLP; points", at_least=1)
    layers: int = fixed(3, "hidden layers of the MLP; points", at_least=1)


RATE, WIDTH = Real(1e-5, 1e-2, log=True), Categorical((16, 32))
RECTIFIED_FLOW_SPACE: dict[str, Dimension] = {"learning_rate": RATE, "channels": WIDTH}


class RectifiedFlow:
    """A network that predicts the velocity x - z on the way from noise z to data x."""

    def __init__(self, config: RectifiedFlowConfig, data: DataShape) -> None:
        self.config, self.shape = config, data.shape
        self.players = {"velocity": Player(self._net, ema=config.ema, schedule="linear")}
        z, t = Noise((config.batch_size, *data.shape)), Noise((config.batch_size,), "uniform")
        self.noise = {"velocity": {"z": z, "t": t}}

    def _net(self) -> nn.Module:
        c = self.config
        if len(self.shape) == 3:
            return UNet(self.shape, c.channels, attention=False)
        return PointDenoiser(prod(self.shape), c.hidden, c.layers)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean squared error of the velocity at uniform times; equation 1."""
        x, z, t = batch["x"], noise["z"], noise["t"]
        weight = t.reshape(-1, *[1] * len(self.shape))
        return (nets["velocity"](torch.lerp(z, x, weight), t) - (x - z)).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Noise that a sample starts from."""
        return {"z": Noise((count, *self.shape))}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape] by Euler's method; images end in [-1, 1]."""
        x, steps = noise["z"], self.config.steps
        for step in range(steps):
            x = x + nets["velocity"](x, x.new_full(x.shape[:1], step / steps)) / steps
        return x.clamp(-1, 1) if len(self.shape) == 3 else x
