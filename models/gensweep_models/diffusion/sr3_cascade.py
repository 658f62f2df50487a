"""A cascade of two SR3s: the second enlarges what the first drew, told how noisy it was made.

Ho et al., Cascaded Diffusion Models, arXiv:2106.15282, with stages as in SR3, arXiv:2104.07636. B
batch, C channels, T diffusion steps.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gensweep_models.config import check, lane, sampling
from gensweep_models.diffusion.sr3 import SR3_SPACE, Sr3, Sr3Config
from gensweep_models.diffusion.super_resolution import SuperResolution, check_sides
from gensweep_models.game import DataShape, Loss, Nets, Noise, Tensors
from gensweep_models.nets.unet import UNet
from gensweep_models.space import Dimension, Real

LAST = 2
"""By which the second stage makes sides grow; the first does the rest of the factor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sr3CascadeConfig(Sr3Config):
    """Settings of a cascade; both stages have the same."""

    most_augmentation: float = lane(
        0.1, "time, as a share of T, of the most noise in what the second stage learns from",
        at_least=0, at_most=1,
    )  # fmt: skip
    augmentation: float = sampling(
        0.0, "time, as a share of the most, of the noise in what the second stage is shown",
        grid=(0.0, 0.5, 1.0), at_least=0, at_most=1,
    )  # fmt: skip


SR3_CASCADE_SPACE: dict[str, Dimension] = SR3_SPACE | {
    "most_augmentation": Real(0.01, 1.0, log=True),
    "augmentation": Real(0.0, 1.0),
}


class Augmented(Sr3):
    """An SR3 whose small images are noisy, as of a time that the network is told.

    In training at all times up to hyper["most_augmentation"], so that the best is found afterwards
    (section 4.2). Up to T most of what it is shown is noise, and it learns to do without.
    """

    def network(self) -> nn.Module:
        """A U-Net that is also told the root of the share of the small image that is left."""
        c, inputs = self.config, 2 * self.shape[0]
        return UNet(self.shape, c.channels, c.attention, inputs=inputs, condition=1)

    def augmentation(self, count: int) -> Noise:
        """Noise of small images."""
        colours, *sides = self.shape
        return Noise((count, colours, *(side // self.config.factor for side in sides)))

    def corruption(self, batch: int) -> dict[str, Noise]:
        """Noise of the small images and its times, too."""
        times = Noise((batch,), "uniform")
        more = {"augmentation": self.augmentation(batch), "augmented": times}
        return super().corruption(batch) | more

    def noised(self, small: Tensor, share: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """Small images at times `share` [B] of T, as the network is shown them."""
        steps = self.config.steps
        t = (share * steps).long().clamp(max=steps)
        left = self.schedule.alpha_bar(t).sqrt().to(small.dtype)
        return {"small": self.schedule.marginal(small, t, noise), "augmented": left[:, None]}

    def told(self, batch: Tensors, noise: Tensors) -> dict[str, Tensor]:
        """The small images of examples at the times that the noise has."""
        return self.noised(self.shrunk(batch["x"]), noise["augmented"], noise["augmentation"])

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """SR3's, at uniform times up to the most of the small images' noise."""
        times = {"augmented": hyper["most_augmentation"] * noise["augmented"]}
        return super().loss(player, nets, batch, {**noise, **times}, hyper)


class Sr3Cascade(SuperResolution):
    """Players "first", of images at half their sides, and "second", of whole ones."""

    def __init__(self, config: Sr3CascadeConfig, data: DataShape) -> None:
        factor = config.factor
        check_sides(factor, data)
        check(factor >= 2 * LAST and factor % LAST == 0, "factor is 4, 6, 8 ...", factor=factor)
        self.config, self.shape = config, tuple(data.shape)
        colours, *sides = self.shape
        half: Any = SimpleNamespace(shape=(colours, *(side // LAST for side in sides)))
        self.first = Sr3(replace(config, factor=factor // LAST), half)
        self.second = Augmented(replace(config, factor=LAST), data)
        self.sample_steps = self.second.sample_steps
        stages = {"first": self.first, "second": self.second}
        self.players = {name: stage.players["denoiser"] for name, stage in stages.items()}
        self.noise = {name: stage.noise["denoiser"] for name, stage in stages.items()}

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """SR3's, of the player's stage alone, whose name its metrics have before theirs."""
        stage = {"denoiser": nets[player]}
        if player == "second":
            loss, metrics = self.second.loss("denoiser", stage, batch, noise, hyper)
        else:
            loss, metrics = self.first.loss("denoiser", stage, self._halved(batch), noise, hyper)
        return loss, {f"{player}_{name}": value for name, value in metrics.items()}

    def _halved(self, batch: Tensors) -> dict[str, Tensor]:
        return {"x": avg_pool2d(batch["x"], LAST)}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Noise of both stages' samples, and of what the second is shown."""
        first = {f"first_{n}": one for n, one in self.first.sample_noise(count).items()}
        second = self.second.sample_noise(count)
        return first | second | {"augmentation": self.second.augmentation(count)}

    def sample_begin(
        self, nets: Nets, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> dict[str, Tensor]:
        """Draw the first stage in all its steps; begin the second."""
        own = {n.removeprefix("first_"): v for n, v in noise.items() if n.startswith("first_")}
        stage = {"denoiser": nets["first"]}
        small = self.first.sample(stage, own, hyper, self._halved(told))
        share = (hyper["most_augmentation"] * hyper["augmentation"]).expand(len(small))
        shown = self.second.noised(small, share, noise["augmentation"])
        return {"x": self.second.sample_begin(nets, noise, hyper), **shown}

    def sample_step(
        self, nets: Nets, state: Any, step: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> dict[str, Tensor]:
        """Less noisy images of the second stage."""
        shown = {name: state[name] for name in ("small", "augmented")}
        stage = {"denoiser": nets["second"]}
        x = self.second.sample_step(stage, state["x"], step, noise, hyper, shown)
        return {"x": x, **shown}

    def sample_end(self, nets: Nets, state: Any, hyper: Tensors, told: Any = None) -> Tensor:
        """The last images, [count, *shape]."""
        x: Tensor = state["x"]
        return x
