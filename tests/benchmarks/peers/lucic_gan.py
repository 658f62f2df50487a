"""The GAN of 28 x 28 images of Lucic et al. (arXiv:1711.10337): InfoGAN's networks, 14.5 M weights.

After google/compare_gan, branch v1. B batch.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import softplus

from gensweep_models.config import fixed, lane
from gensweep_models.game import DataShape, Loss, Model, Nets, Noise, Player, Tensors

LATENT, SIDE = 64, 28
MODELS, CONFIGURATIONS, STEPS = 8, 100, 15_625
"""Of their column of MNIST; a step is one of the critic's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LucicConfig:
    """Their defaults of the non-saturating GAN; narrower for tests."""

    learning_rate: float = lane(5e-5)
    beta1: float = lane(0.0)
    beta2: float = lane(0.999)
    narrow: int = fixed(1, "by how much every layer is narrower")
    batch_size: int = fixed(64)


def generator(narrow: int) -> nn.Module:
    """z [B, 64] to images [B, 1, 28, 28] in [0, 1]."""
    dense, maps, last = 1024 // narrow, 128 // narrow, 64 // narrow
    return nn.Sequential(
        nn.Linear(LATENT, dense), nn.BatchNorm1d(dense, 1e-3, 1e-3), nn.LeakyReLU(0.2),
        nn.Linear(dense, maps * 49), nn.BatchNorm1d(maps * 49, 1e-3, 1e-3), nn.LeakyReLU(0.2),
        nn.Unflatten(1, (maps, 7, 7)),
        nn.ConvTranspose2d(maps, last, 4, 2, 1), nn.BatchNorm2d(last, 1e-3, 1e-3),
        nn.LeakyReLU(0.2), nn.ConvTranspose2d(last, 1, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip


def critic(narrow: int) -> nn.Module:
    """Images [B, 1, 28, 28] to logits [B, 1]."""
    dense, maps, first = 1024 // narrow, 128 // narrow, 64 // narrow
    return nn.Sequential(
        nn.Conv2d(1, first, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(first, maps, 4, 2, 1), nn.BatchNorm2d(maps, 1e-3, 1e-3), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(maps * 49, dense), nn.BatchNorm1d(dense, 1e-3, 1e-3),
        nn.LeakyReLU(0.2), nn.Linear(dense, 1),
    )  # fmt: skip


class Lucic:
    """The non-saturating game, whose critic and generator alternate."""

    def __init__(self, config: LucicConfig, data: DataShape) -> None:
        self.players = {
            "critic": Player(lambda: critic(config.narrow)),
            "generator": Player(lambda: generator(config.narrow)),
        }
        z = Noise((config.batch_size, LATENT), "uniform")
        self.noise = {"critic": {"z": z}, "generator": {"z": z}}

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Binary cross-entropy on logits."""
        fake = nets["generator"](2 * noise["z"] - 1)
        if player == "generator":
            return softplus(-nets["critic"](fake)).mean(), {}
        real, score = nets["critic"](batch["x"]), nets["critic"](fake.detach())
        return softplus(-real).mean() + softplus(score).mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, LATENT), "uniform")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        images: Tensor = nets["generator"](2 * noise["z"] - 1)
        return 2 * images - 1


ENTRY = Model("lucic_28", "adversarial", "arXiv:1711.10337", LucicConfig, Lucic, {})
