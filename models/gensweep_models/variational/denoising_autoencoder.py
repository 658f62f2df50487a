"""Denoising autoencoder: it sees examples with noise, and is trained to give them without.

Vincent et al., ICML 2008, doi:10.1145/1390156.1390294, and JMLR 2010; what it learns of the data's
law: arXiv:1211.4246. An autoencoder in all else. B batch.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from gensweep_models.config import fixed, lane
from gensweep_models.game import Noise, Tensors
from gensweep_models.space import Categorical, Dimension, Integer, Real
from gensweep_models.variational.autoencoder import Autoencoder, AutoencoderConfig

Corruption = Literal["gaussian", "masking"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoisingAutoencoderConfig(AutoencoderConfig):
    """Settings of a denoising autoencoder; those that a corruption does not use are ignored."""

    noise_std: float = lane(0.5, "standard deviation of gaussian noise", at_least=0)
    masked_share: float = lane(0.25, "of an example's numbers, by masking", at_least=0, below=1)
    corruption: Corruption = fixed(
        "gaussian", "masking: numbers become the least there is, of points 0",
        choices=get_args(Corruption),
    )  # fmt: skip


DENOISING_AUTOENCODER_SPACE: dict[str, Dimension] = {
    "corruption": Categorical(get_args(Corruption)),
    "noise_std": Real(0.05, 2.0, log=True, when={"corruption": ("gaussian",)}),
    "masked_share": Real(0.05, 0.75, when={"corruption": ("masking",)}),
    "latent_size": Integer(2, 64, log=True),
    "learning_rate": Real(1e-4, 1e-2, log=True),
}


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that learns from corrupted examples."""

    def corruption_noise(self, batch: int) -> dict[str, Noise]:
        """Normal noise of each number, or uniform noise that says which are masked."""
        gaussian = self.config.corruption == "gaussian"
        return {"corruption": Noise((batch, *self.shape), "normal" if gaussian else "uniform")}

    def corrupted(self, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Examples [B, *shape] with noise, or with a share of their numbers masked."""
        if self.config.corruption == "gaussian":
            return x + hyper["noise_std"] * noise["corruption"]
        least = -1.0 if self.image else 0.0
        return torch.where(noise["corruption"] < hyper["masked_share"], least, x)
