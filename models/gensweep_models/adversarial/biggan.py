"""BigGAN: SAGAN with a shared class embedding, z at every block, and orthogonal filters.

Brock, Donahue and Simonyan, arXiv:1809.11096. Rates, betas, batches, critic's turns and widths are
the authors' for CIFAR-10 (ajbrock/BigGAN-PyTorch, `scripts/launch_cifar_ema.sh`). That script has
initial weights from N(0, 0.02^2), a z of 128 numbers for the first layer alone, an embedding of its
own at each norm, no attention, no regularisation, and averages from step 1000 on. Orthogonal
weights, chunks of z, the shared embedding, attention and regularisation are the paper's instead; z
of 80 numbers is StudioGAN's (`configs/CIFAR10/BigGAN.yaml`), averages from the start are ours.
The truncation trick is section 3.1.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.sagan import RATES, Sagan, SaganConfig
from gensweep_models.adversarial.truncation import truncation_field
from gensweep_models.config import check, fixed, lane
from gensweep_models.game import DataShape, Loss, Nets, Noise, NoiseKind, Tensors
from gensweep_models.nets.resnet_gan import ResidualGenerator, initialise, layout_of
from gensweep_models.nets.spectral import SpectralNet
from gensweep_models.space import Dimension, Real

THRESHOLDS = (0.04, 0.5, 1.0, 2.0)
"""Of the paper's figure 2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BigGanConfig(SaganConfig):
    """Settings of a BigGAN."""

    learning_rate: float = lane(2e-4, "of the generator", above=0)
    critic_learning_rate: float = lane(2e-4, above=0)
    beta2: float = lane(0.999, at_least=0, below=1)
    critic_iterations: int = lane(4, "steps of the critic for one of the generator", at_least=1)
    orthogonal_weight: float = lane(1e-4, "of the orthogonal regularisation", at_least=0)
    batch_size: int = fixed(50, at_least=1)
    ema: float = fixed(0.9999, "decay of the averaged weights of samples", at_least=0, below=1)
    latent_size: int = fixed(
        80, "cut into equal chunks for the first layer and each block, without a rest", at_least=1
    )
    embedding_size: int = fixed(128, "of the class, shared by all norms", at_least=1)
    standing_batches: int = fixed(
        16, "of samples, over which running statistics are measured anew", at_least=0
    )
    truncation: float = truncation_field(2.0, grid=THRESHOLDS)


BIGGAN_SPACE: dict[str, Dimension] = {
    **RATES,
    "orthogonal_weight": Real(1e-6, 1e-2, log=True),
    "truncation": Real(0.04, 2.0),
}


def chunks_of(latent_size: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Number and size of the chunks of z, one for the first layer and one for each block."""
    count = len(layout_of(shape).up)
    check(count <= latent_size, f"{count} <= latent_size, a chunk a layer", latent_size=latent_size)
    return count, latent_size // count


class BigGanGenerator(SpectralNet):
    """z [B, Z] and classes [B] to images: the first chunk of z begins, block i sees chunk i + 1.

    A block's norms are linear functions of its chunk and of the embedded class; appendix B.
    """

    def __init__(self, config: BigGanConfig, data: DataShape) -> None:
        super().__init__()
        self.size = chunks_of(config.latent_size, data.shape)[1]
        embedding = config.embedding_size if data.classes else 0
        if data.classes:
            self.embedding = nn.Embedding(data.classes, embedding)
        self.body = ResidualGenerator(
            data.shape, config.channels, self.size, embedding + self.size,
            attention=config.attention, spectral_norms=True,
        )  # fmt: skip

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.body(*self.inputs(z, y))
        return images

    def inputs(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Return what the body begins with, and the condition of each block."""
        first, *chunks = torch.split(z, self.size, 1)
        if y is not None:
            embedded = self.embedding(y)
            chunks = [torch.cat([embedded, chunk], 1) for chunk in chunks]
        return first, chunks


class BigGan(Sagan):
    """Plays as SAGAN does, with another generator, regularised; tells of first singular values.

    Metrics are `sigma_PLAYER.LAYER` of each layer, and `sigma_PLAYER`, the largest. Those of the
    generator's explode, most of all the first layer's, when it collapses; section 4.
    """

    config: BigGanConfig

    def __init__(self, config: BigGanConfig, data: DataShape) -> None:
        super().__init__(config, data)
        self.players["generator"] = replace(
            self.players["generator"], average_buffers=not config.standing_batches,
            standing_batches=config.standing_batches,
        )  # fmt: skip

    def z_noise(self, count: int, kind: NoiseKind = "normal") -> dict[str, Noise]:
        """The noise "z" of so many examples, which packs do not pad: its chunks are cut apart."""
        chunks, size = chunks_of(self.config.latent_size, self.data.shape)
        return {"z": Noise((count, chunks * size), kind)}

    def _generator(self) -> nn.Module:
        return initialise(BigGanGenerator(self.config, self.data), nn.init.orthogonal_)

    def _critic(self) -> nn.Module:
        return initialise(super()._critic(), nn.init.orthogonal_)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The hinge loss, and the generator's penalty for filters that are alike (equation 3)."""
        loss, metrics = super().loss(player, nets, batch, noise, hyper)
        sigmas = nets[player].sigmas()
        metrics |= {f"sigma_{player}.{name}": sigma for name, sigma in sigmas.items()}
        metrics[f"sigma_{player}"] = torch.stack(list(sigmas.values())).max()
        if player == "generator":
            penalty = nets[player].orthogonal_penalty()
            metrics["orthogonal_penalty"] = penalty.detach()
            loss = loss + hyper["orthogonal_weight"] * penalty
        return loss, metrics
