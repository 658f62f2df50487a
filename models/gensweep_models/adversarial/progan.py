"""ProGAN: generator and critic grow from 4x4 pixels on, layers fading in (arXiv:1710.10196).

B batch, Z latent, L doublings of the sides; alphas [L] say how far each of them has faded in.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gensweep_models.adversarial.objectives import critic_loss, critic_metrics, generator_loss
from gensweep_models.adversarial.penalties import gradient_penalty
from gensweep_models.config import BaseConfig, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.equalized import (
    LEAKY,
    EqualizedConv2d,
    EqualizedLinear,
    doubled,
    pixel_norm,
)
from gensweep_models.nets.equalized_critic import (
    CriticBlock,
    CriticHead,
    activate,
    channels_at,
    from_rgb,
    sides_of,
)
from gensweep_models.space import Dimension, Integer, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class ProganConfig(BaseConfig):
    """Settings of a ProGAN; the paper has 512 in the place of 64 and 32."""

    beta1: float = lane(0.0, at_least=0, below=1)
    beta2: float = lane(0.99, at_least=0, below=1)
    grown: float = lane(
        0.6, "part of the budget after which all layers have faded in", above=0, at_most=1
    )
    penalty_weight: float = lane(10.0, "of WGAN-GP", above=0)
    drift_weight: float = lane(1e-3, "keeps scores of real images near 0", at_least=0)
    latent_size: int = latent(64, at_least=1)
    channels: int = fixed(32, "maps of all sides up to 32; half as many at 64", at_least=1)
    batch_size: int = fixed(64, at_least=1)


PROGAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-4, 1e-2, log=True),
    "grown": Real(0.1, 1.0),
    "penalty_weight": Real(0.1, 100.0, log=True),
    "latent_size": Integer(8, 128, log=True),
}


def fade_in(progress: Tensor, grown: Tensor, doublings: int) -> Tensor:
    """Return the alphas [L]: 2 L phases of equal length up to `grown`, in turn still and fading.

    As in the paper all sides have as many images, but for the last, which has what is left.
    """
    phase = 2 * doublings * progress / grown
    return (phase - torch.arange(1, 2 * doublings, 2, device=phase.device)).clamp(0, 1)


def blended(images: list[Tensor], alphas: Tensor) -> Tensor:
    """Blend images of all sides, smallest first, into one of the largest: an upsampled image of
    the sides before gives way to that of its own side; bit for bit where alpha is 0 or 1.
    """
    image = images[0]
    for level, larger in enumerate(images[1:]):
        image = torch.lerp(doubled(image), larger, alphas[level])
    return image


def faded(images: Tensor, alphas: Tensor) -> Tensor:
    """Bring real images to the resolution that the networks have grown to."""
    sizes = [images]
    for _ in range(len(alphas)):
        sizes.insert(0, avg_pool2d(sizes[0], 2))
    return blended(sizes, alphas)


class NormedConv(nn.Module):
    """A convolution, LeakyReLU, and the normalisation of each pixel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return pixel_norm(activate(self.conv(x)))


class GrowingGenerator(nn.Module):
    """z [B, Z] and alphas to images [B, *shape]; all sides are computed, whatever the alphas."""

    def __init__(self, latent_size: int, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.sides = sides_of(shape)
        widths = [channels_at(side, channels) for side in self.sides]
        first = widths[0] * self.sides[0] ** 2
        self.project = EqualizedLinear(latent_size, first, gain=LEAKY / 4)
        self.blocks = nn.ModuleList([NormedConv(widths[0], widths[0])])
        for inputs, outputs in pairwise(widths):
            pair = NormedConv(inputs, outputs), NormedConv(outputs, outputs)
            self.blocks.append(nn.Sequential(*pair))
        self.rgb = nn.ModuleList(EqualizedConv2d(width, shape[0], 1, gain=1) for width in widths)

    def forward(self, z: Tensor, alphas: Tensor) -> Tensor:
        return blended(self.images(z), alphas)

    def images(self, z: Tensor) -> list[Tensor]:
        """Draw images of all sides, smallest first."""
        h = self.project(pixel_norm(z)).unflatten(1, (-1, self.sides[0], self.sides[0]))
        h, images = pixel_norm(activate(h)), []
        for level, (block, rgb) in enumerate(zip(self.blocks, self.rgb, strict=True)):
            h = block(doubled(h) if level else h)
            images.append(rgb(h))
        return images


class GrowingCritic(nn.Module):
    """Images [B, *shape] and alphas to scores [B]: each side sees the image's pixels, too."""

    def __init__(self, shape: tuple[int, ...], channels: int) -> None:
        super().__init__()
        sides = sides_of(shape)
        widths = [channels_at(side, channels) for side in sides]
        self.rgb = nn.ModuleList(from_rgb(shape[0], width) for width in widths)
        self.blocks = nn.ModuleList(CriticBlock(*pair[::-1]) for pair in pairwise(widths))
        self.head = CriticHead(widths[0], sides[0])

    def forward(self, x: Tensor, alphas: Tensor) -> Tensor:
        h = self.rgb[-1](x)
        for level in reversed(range(len(self.blocks))):
            x = avg_pool2d(x, 2)
            h = torch.lerp(self.rgb[level](x), self.blocks[level](h), alphas[level])
        scores: Tensor = self.head(h)
        return scores


class Progan:
    """Two growing networks, WGAN-GP with a drift term. Lanes grow each by its own progress.

    No trace may choose by a number: layers that have not begun are computed and weighted by 0. An
    early step costs what a late one does, and growing gives stability alone, not the paper's speed.
    """

    def __init__(self, config: ProganConfig, data: DataShape) -> None:
        self.config, c, shape = config, config, data.shape
        self.doublings = len(sides_of(shape)) - 1
        self.players = {
            "critic": Player(lambda: GrowingCritic(shape, c.channels), steps_per_parameter=True),
            "generator": Player(
                lambda: GrowingGenerator(c.latent_size, shape, c.channels), ema=c.ema or None,
                steps_per_parameter=True,  # of layers that have just begun Adam knows nothing
            ),
        }  # fmt: skip
        z = Noise((c.batch_size, c.latent_size), latent="latent_size")
        epsilon = Noise((c.batch_size, 1, 1, 1), "uniform")
        self.noise = {"critic": {"z": z, "epsilon": epsilon}, "generator": {"z": z}}

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The critic's gap, penalty and drift at the resolution of now; -D of samples."""
        alphas = fade_in(hyper["progress"], hyper["grown"], self.doublings)
        images = nets["generator"](noise["z"], alphas)
        fake = nets["critic"](images, alphas)
        if player == "generator":
            return generator_loss("wasserstein_gp", fake), {}
        x = faded(batch["x"], alphas)
        real = nets["critic"](x, alphas)
        # Pixels that stand for 4^n have a gradient whose norm is 2^-n of that at their own size
        unit = 2.0 ** (alphas == 0).sum()
        penalty = gradient_penalty(
            lambda scaled: nets["critic"](unit * scaled, alphas), x / unit, images.detach() / unit,
            noise["epsilon"],
        )  # fmt: skip
        gap = critic_loss("wasserstein_gp", real, fake)
        drift = real.square().mean()
        loss = gap + hyper["penalty_weight"] * penalty + hyper["drift_weight"] * drift
        told = {"penalty": penalty.detach(), "doublings": alphas.sum()}
        return loss, critic_metrics(real, fake) | told

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Latents, which the generator puts on a sphere."""
        return {"z": Noise((count, self.config.latent_size), latent="latent_size")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape] at the resolution that the lane has grown to."""
        alphas = fade_in(hyper["progress"], hyper["grown"], self.doublings)
        images: Tensor = nets["generator"](noise["z"], alphas)
        return images.clamp(-1, 1)

    def growth(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples as the present weights draw them at each resolution, [count, L + 1, *shape]."""
        alphas = fade_in(hyper["progress"], hyper["grown"], self.doublings)
        images, place = nets["generator"].images(noise["z"]), torch.arange(self.doublings)
        stages = [blended(images, torch.where(place.to(alphas.device) < stage, alphas, 0.0))
                  for stage in range(self.doublings + 1)]  # fmt: skip
        return torch.stack(stages, 1).clamp(-1, 1)
