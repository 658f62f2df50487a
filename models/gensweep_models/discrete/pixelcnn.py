"""Gated PixelCNN: the exact probability of an image, pixel after pixel.

Van den Oord et al., arXiv:1606.05328; the softmax over grey levels is that of arXiv:1601.06759.
B batch, C channels of the image, K grey levels. Its channels come one after the other at a pixel.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from gensweep_models.config import BaseConfig, check, fixed, lane, sampling
from gensweep_models.discrete.coded import TEMPERATURES, token_nats
from gensweep_models.discrete.raster import Canvas, at_place, blank, draw_place, inverse_cdf
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.grey_levels import (
    BINARISED,
    Binarise,
    binarise_field,
    check_levels,
    levels_field,
    levels_of,
)
from gensweep_models.nets.pixelcnn import GatedStack
from gensweep_models.nets.projection import one_hot
from gensweep_models.space import Categorical, Dimension, Real
from gensweep_models.stepped import Stepped


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelcnnConfig(BaseConfig):
    """Settings of a gated PixelCNN."""

    learning_rate: float = lane(1e-3, above=0)
    temperature: float = sampling(
        1.0, "divisor of the logits", neutral=1.0, grid=TEMPERATURES, above=0
    )
    levels: int = levels_field()
    binarise: Binarise = binarise_field()
    class_conditional: bool = fixed(False, "images are drawn of a class that is given")
    channels: int = fixed(32, "of every layer", at_least=1)
    layers: int = fixed(6, at_least=1)

    def check_relations(self) -> None:
        """Raise ValueError for a number of grey levels that leaves no two apart."""
        check_levels(self.levels)


PIXELCNN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "channels": Categorical((16, 32, 64)),
    "layers": Categorical((4, 6, 8)),
    "temperature": Real(0.5, 1.25),
}


class PixelNet(GatedStack):
    """Images [B, C, H, W] to logits [B, K, C, H, W], each of all that comes before it.

    What comes before a channel at its own pixel, the other channels, enters its `heads` alone.
    """

    def __init__(self, shape: tuple[int, ...], levels: int, width: int, layers: int, classes: int):
        super().__init__(shape[0], width, layers, condition=classes)
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width + c, width, 1), nn.ReLU(), nn.Conv2d(width, levels, 1)
            )
            for c in range(shape[0])
        )  # fmt: skip

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        features = self.features(x, condition)
        return torch.stack(
            [head(torch.cat([features, x[:, :c]], 1)) for c, head in enumerate(self.heads)], 2
        )


class Pixelcnn(Stepped):
    """A player, "pixels", whose softmax at a pixel sees all pixels before it in raster order."""

    log_prob_kind = "exact"
    log_prob_scale = 1.0
    """`log_prob` is a probability of grey levels already, not a density of the data."""

    def __init__(self, config: PixelcnnConfig, data: DataShape) -> None:
        self.config, self.shape, self.classes = config, tuple(data.shape), data.classes
        fits = len(self.shape) == 3
        check(fits, "examples are images; choose realnvp for points", shape=self.shape)
        told = config.class_conditional
        check(not told or data.classes > 0, "the data have classes", classes=data.classes)
        self.given = ("y",) if told else ()
        binary = config.binarise == "dynamic"
        levels = levels_of(data, config.levels)
        self.levels = 2 if binary else levels
        self.log_prob_of = BINARISED if binary else f"pixels at the nearest of {levels} levels"
        self.sample_steps = self.shape[1] * self.shape[2]
        self.players = {"pixels": Player(self._net, ema=config.ema)}
        self.noise = {"pixels": self.log_prob_noise(config.batch_size)}

    def _net(self) -> nn.Module:
        c, classes = self.config, self.classes if self.given else 0
        return PixelNet(self.shape, self.levels, c.channels, c.layers, classes)

    def _levels(self, x: Tensor, noise: Tensors) -> Tensor:
        """Images as levels, int64 from 0 to K - 1."""
        if self.config.binarise == "dynamic":
            return ((x + 1) / 2 > noise["u"]).long()
        return ((x + 1) / 2 * (self.levels - 1)).round().long()

    def _numbers(self, levels: Tensor) -> Tensor:
        """Levels as numbers in [-1, 1]."""
        return 2 * levels / (self.levels - 1) - 1

    def _condition(self, columns: Tensors, like: Tensor) -> Tensor | None:
        """The class as maps [B, classes, H, W]."""
        if not self.given:
            return None
        told = one_hot(columns["y"], self.classes)[:, :, None, None]
        return told.expand(-1, -1, *like.shape[-2:])

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean negative log-likelihood in nats per dimension, and in nats."""
        nll = -self.log_prob(nets, batch["x"], noise, hyper, batch).mean()
        return nll / prod(self.shape), {"training_nll": nll.detach()}

    def log_prob_noise(self, batch: int, samples: int = 1) -> dict[str, Noise]:
        """Noise of `log_prob`: what binarises, if anything does."""
        binary = self.config.binarise == "dynamic"
        return {"u": Noise((batch, *self.shape), "uniform")} if binary else {}

    def log_prob(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, given: Tensors | None = None
    ) -> Tensor:
        """log P of the grey levels [B], in nats: the sum over all pixels and channels."""
        levels = self._levels(x, noise)
        logits = nets["pixels"](self._numbers(levels), self._condition(given or {}, x))
        return -token_nats(logits, levels).flatten(1).sum(1)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """One uniform number for each channel of each pixel."""
        return {"u": Noise((count, *self.shape), "uniform")}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors, *given: Tensors) -> Canvas:
        """An image without pixels."""
        return blank(nets["pixels"], self.shape, noise["u"])

    def sample_step(
        self, nets: Nets, state: Canvas, step: Tensor, noise: Tensors, hyper: Tensors,
        *given: Tensors,
    ) -> Canvas:  # fmt: skip
        """The image with one more pixel, channel after channel."""
        u = at_place(noise["u"].flatten(2), step)

        def draw(features: Tensor) -> Tensor:
            seen = features
            for c, head in enumerate(nets["pixels"].heads):
                logits = head(seen[:, :, None, None])[:, :, 0, 0]
                level = inverse_cdf(logits, u[:, c], hyper["temperature"])
                seen = torch.cat([seen, self._numbers(level)[:, None]], 1)
            return seen[:, features.shape[1] :]

        condition = self._condition(given[0] if given else {}, state[0])
        return draw_place(nets["pixels"], state, step, draw, condition)

    def sample_end(self, nets: Nets, state: Canvas, hyper: Tensors, *given: Tensors) -> Tensor:
        """Images [count, *shape]."""
        return state[0]
