"""What models with a code of each example share: reconstructions, their scores, ways between.

B batch, Z latent, D numbers of one example, S points of a way.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor

from gensweep_models.adversarial.bodies import is_conv
from gensweep_models.adversarial.truncation import mask_latent, truncated_normal, truncation_field
from gensweep_models.config import fixed, latent
from gensweep_models.game import DataShape, Nets, Noise, OptimizerName, Tensors
from gensweep_models.scores import IMAGE_SCORES, reconstruction_scores
from gensweep_models.variational.bodies import BodyConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class CodedConfig(BodyConfig):
    """Settings that every model with codes has."""

    latent_size: int = latent(32, at_least=1)
    truncation: float = truncation_field(3.0)
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")


class Coded(ABC):
    """A game of one player, whose network has a `decoder` of codes. Images are modelled in [0, 1].

    Numbers of a code beyond a lane's latent size are zero.
    """

    player: ClassVar[str]

    def __init__(self, config: Any, data: DataShape) -> None:
        self.config, self.shape, self.image = config, tuple(data.shape), len(data.shape) == 3
        self.likeness = IMAGE_SCORES if self.image else ("reconstruction_error",)
        is_conv(config.body, self.shape)

    @abstractmethod
    def encode(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Codes [B, Z] of examples."""

    @abstractmethod
    def reconstruct(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Examples [B, *shape] decoded from their codes."""

    def encode_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `encode` and `interpolate`."""
        return {}

    def reconstruct_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `reconstruct`."""
        return self.encode_noise(batch)

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`, as of `reconstruct`."""
        return self.reconstruct_noise(batch)

    def _flat(self, x: Tensor) -> Tensor:
        """Examples as they are modelled, [B, D]."""
        return ((x + 1) / 2 if self.image else x).flatten(1)

    def _decode(self, nets: Nets, z: Tensor, hyper: Tensors) -> Tensor:
        """The decoder's raw output [..., D]."""
        out: Tensor = nets[self.player].decoder(mask_latent(z, hyper["latent_size"]))
        return out

    def _mean(self, out: Tensor) -> Tensor:
        """The decoder's mean as data [..., *shape]."""
        x = 2 * out.sigmoid() - 1 if self.image else out
        return x.reshape(*out.shape[:-1], *self.shape)

    def decode(self, nets: Nets, z: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The decoder's means [..., *shape] of codes [..., Z]."""
        return self._mean(self._decode(nets, z, hyper))

    @property
    def score_names(self) -> tuple[str, ...]:
        """Name what `scores` gives: of images also how alike they look."""
        return self.likeness

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Scores of reconstructions beside their examples: [B] each."""
        reconstructed = self.reconstruct(nets, batch["x"], noise, hyper)
        return reconstruction_scores(batch["x"], reconstructed, self.likeness)

    def interpolate(
        self, nets: Nets, x: Tensor, end: Tensor, at: Tensor, noise: Tensors, hyper: Tensors
    ) -> Tensor:
        """Decoded straight lines between two batches' codes, [S, B, *shape] at fractions [S]."""
        first, last = (self.encode(nets, one, noise, hyper) for one in (x, end))
        z = torch.lerp(first, last, at[:, None, None])
        return self.decode(nets, z, noise, hyper)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, from which `sample` makes truncated normal z."""
        return {"z": Noise((count, self.config.latent_size), "uniform", latent="latent_size")}

    def _prior(self, nets: Nets, z: Tensor) -> Tensor:
        """The codes [count, Z] of standard normal numbers."""
        return z

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """The decoder's means [count, *shape], z truncated to ±hyper["truncation"]."""
        z = truncated_normal(noise["z"], hyper["truncation"])
        return self.decode(nets, self._prior(nets, z), noise, hyper)
