"""StyleGAN: a mapped latent steers every layer (arXiv:1812.04948), AdaIN or demodulated weights.

B batch, Z latent, N layers that a style steers, W size of a style.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.objectives import critic_loss, critic_metrics, generator_loss
from gensweep_models.adversarial.penalties import PENALTIES
from gensweep_models.config import BaseConfig, fixed, lane, latent, sampling
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.equalized import EqualizedConv2d, EqualizedLinear, pixel_norm
from gensweep_models.nets.equalized_critic import (
    CriticBlock,
    CriticHead,
    channels_at,
    from_rgb,
    sides_of,
)
from gensweep_models.nets.style import (
    MODULATIONS,
    AdaptiveLayer,
    DemodulatedLayer,
    Modulation,
    crossovers,
    mixed,
    style_groups,
)
from gensweep_models.space import Categorical, Dimension, Integer, Real

MAPPING_RATE = 0.01
"""Learning rate of the mapping network relative to the others'; appendix C."""
MEAN_DECAY = 0.995
"""Of the running mean of styles, per turn of the generator, as in the authors' code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StyleganConfig(BaseConfig):
    """Settings of a StyleGAN; the paper has 512 in the place of 64 and 32."""

    beta1: float = lane(0.0, at_least=0, below=1)
    beta2: float = lane(0.99, at_least=0, below=1)
    penalty_weight: float = lane(10.0, "gamma of R1: half of it is the weight", at_least=0)
    penalty_every: int = lane(
        1, "turns of the critic from one R1 to the next; StyleGAN2 has 16", at_least=1
    )
    mixing: float = lane(
        0.9, "probability that a sample has styles of two latents", at_least=0, at_most=1
    )
    latent_size: int = latent(64, at_least=1)
    psi: float = sampling(
        1.0, "distance of styles from their mean", neutral=1.0, grid=(0.3, 0.5, 0.7, 1.0),
        at_least=0,
    )  # fmt: skip
    modulation: Modulation = fixed("adain", choices=MODULATIONS)
    hidden: int = fixed(64, "units of the mapping network, and the size of a style", at_least=1)
    layers: int = fixed(8, "of the mapping network", at_least=1)
    channels: int = fixed(32, "maps of all sides up to 32; half as many at 64", at_least=1)
    batch_size: int = fixed(64, at_least=1)


STYLEGAN_SPACE: dict[str, Dimension] = {
    "modulation": Categorical(MODULATIONS),
    "learning_rate": Real(1e-4, 1e-2, log=True),
    "penalty_weight": Real(0.1, 100.0, log=True),
    "mixing": Real(0.0, 1.0),
    "latent_size": Integer(8, 128, log=True),
    "psi": Real(0.3, 1.0),
}


class StyleGenerator(nn.Module):
    """Latents to images: styles by a mapping network, maps from a learned constant."""

    w_mean: Tensor

    def __init__(self, config: StyleganConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        c, sides, w = config, sides_of(shape), config.hidden
        body: list[nn.Module] = []
        for inputs, outputs in pairwise([c.latent_size, *[w] * c.layers]):
            body += [EqualizedLinear(inputs, outputs, rate=MAPPING_RATE), nn.LeakyReLU(0.2)]
        self.mapping = nn.Sequential(*body)
        widths = [channels_at(side, c.channels) for side in sides]
        adaptive = c.modulation == "adain"
        kind = AdaptiveLayer if adaptive else DemodulatedLayer
        layers: list[nn.Module] = [AdaptiveLayer(0, widths[0], w)] if adaptive else []
        layers += [kind(widths[0], widths[0], w)]
        for inputs, outputs in pairwise(widths):
            layers += [kind(inputs, outputs, w, up=True), kind(outputs, outputs, w)]
        self.layers = nn.ModuleList(layers)
        self.sides = [side for side in sides for _ in range(2)][not adaptive :]
        begin = torch.ones if adaptive else torch.randn  # as in the code of each paper
        self.constant = nn.Parameter(begin(widths[0], sides[0], sides[0]))
        # AdaIN ends in gains by the last style; of demodulated layers the colours have them
        self.gains = None if adaptive else EqualizedLinear(w, widths[-1], gain=1, bias=1)
        self.rgb = EqualizedConv2d(widths[-1], shape[0], 1, gain=1)
        self.register_buffer("w_mean", torch.zeros(w))

    def forward(self, z: Tensor, other: Tensor, first: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Draw images with styles of z before the layer `first` [B], of `other` from it on."""
        w, second = self.mapping(pixel_norm(torch.cat([z, other]))).chunk(2)
        if self.training:
            with torch.no_grad():
                self.w_mean.copy_(torch.lerp(w.detach().mean(0), self.w_mean, MEAN_DECAY))
        return self.synthesis(mixed(w, second, first, len(self.layers)), noise)

    def truncated(self, z: Tensor, psi: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Draw images with truncated styles."""
        return self.synthesis(self.styles(z, psi), noise)

    def styles(self, z: Tensor, psi: Tensor) -> Tensor:
        """Return the style w_mean + psi (w - w_mean) for all layers, [N, B, W]; appendix B.

        In the authors' code coarse layers alone, those below `truncation_cutoff`, have it so.
        """
        w = torch.lerp(self.w_mean, self.mapping(pixel_norm(z)), psi)
        return w.expand(len(self.layers), -1, -1)

    def synthesis(self, styles: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Draw images [B, *shape] with styles [N, B, W] and noise [B, 1, S, S] of each layer."""
        h = self.constant.expand(styles.shape[1], -1, -1, -1)
        for layer, w, drawn in zip(self.layers, styles, noise, strict=True):
            h = layer(h, w, drawn)
        if self.gains is not None:
            h = h * self.gains(styles[-1])[..., None, None]
        images: Tensor = self.rgb(h)
        return images


def critic(shape: tuple[int, ...], channels: int) -> nn.Module:
    """Images to scores [B], by ProGAN's critic of full size, smoothed before halvings.

    The authors' halves before the bias and LeakyReLU of a block's last convolution, ours after.
    """
    sides = sides_of(shape)[::-1]
    widths = [channels_at(side, channels) for side in sides]
    blocks = (CriticBlock(*pair, smooth=True) for pair in pairwise(widths))
    return nn.Sequential(from_rgb(shape[0], widths[0]), *blocks, CriticHead(widths[-1], sides[-1]))


class Stylegan:
    """A style-based generator against a critic, the non-saturating loss with R1; no growing."""

    def __init__(self, config: StyleganConfig, data: DataShape) -> None:
        self.config, c, shape = config, config, data.shape
        self.sides = StyleGenerator(c, shape).sides
        self.style_groups = style_groups(self.sides)
        self.players = {
            "critic": Player(lambda: critic(shape, c.channels), penalty_every="penalty_every"),
            "generator": Player(
                lambda: StyleGenerator(c, shape), ema=c.ema or None,
                average_buffers=True,  # the mean of styles is then that of the averaged weights
            ),
        }  # fmt: skip
        other = Noise((c.batch_size, c.latent_size), latent="latent_size")
        mixing = {"other": other, "mixing": Noise((c.batch_size,), "uniform")}
        self.noise = dict.fromkeys(self.players, self.sample_noise(c.batch_size) | mixing)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Cross entropy of the critic; -log D of samples."""
        first = crossovers(noise["mixing"], hyper["mixing"], len(self.sides))
        images = nets["generator"](noise["z"], noise["other"], first, self._inputs(noise))
        fake = nets["critic"](images)
        if player == "generator":
            return generator_loss("non_saturating", fake), {}
        real = nets["critic"](batch["x"])
        return critic_loss("non_saturating", real, fake), critic_metrics(real, fake)

    def penalty(
        self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> Loss:
        """R1, gamma / 2 E ||grad D(x)||^2; lazily as in StyleGAN2, arXiv:1912.04958, appendix B."""
        slope = PENALTIES["r1"](nets["critic"], batch["x"], batch["x"], {})
        return hyper["penalty_weight"] * slope, {"r1": slope.detach()}

    def _inputs(self, noise: Tensors) -> list[Tensor]:
        return [noise[f"noise{layer}"] for layer in range(len(self.sides))]

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """z, and the noise inputs of all layers."""
        inputs = {f"noise{i}": Noise((count, 1, s, s)) for i, s in enumerate(self.sides)}
        z = Noise((count, self.config.latent_size), latent="latent_size")
        return {"z": z, **inputs}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape] of one style each, at a distance psi from the mean style."""
        images: Tensor = nets["generator"].truncated(noise["z"], hyper["psi"], self._inputs(noise))
        return images.clamp(-1, 1)

    def styles(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Styles of samples, the same in all layers, [B, N, W]."""
        found: Tensor = nets["generator"].styles(noise["z"], hyper["psi"])
        return found.transpose(0, 1)

    def synthesise(self, nets: Nets, styles: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Images of styles [B, N, W]."""
        images: Tensor = nets["generator"].synthesis(styles.transpose(0, 1), self._inputs(noise))
        return images.clamp(-1, 1)
