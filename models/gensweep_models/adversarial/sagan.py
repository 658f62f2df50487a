"""SAGAN: a GAN whose generator and critic attend to all places of an image.

Zhang et al., arXiv:1805.08318. Learning rates, betas and z are those of section 4, where batches
are of 256 images; the architecture at 32 x 32 and batches of 64 are those of StudioGAN
(`configs/CIFAR10/SAGAN.yaml`). That samples use averaged weights is ours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.objectives import critic_loss, critic_metrics, generator_loss
from gensweep_models.adversarial.truncation import (
    UNTRUNCATED,
    TruncatedSamples,
    truncated_normal,
    truncation_field,
)
from gensweep_models.config import BaseConfig, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Player, Tensors
from gensweep_models.nets.projection import one_hot
from gensweep_models.nets.resnet_gan import (
    ResidualCritic,
    ResidualGenerator,
    initialise,
    layout_of,
)
from gensweep_models.space import Dimension, Integer, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class SaganConfig(BaseConfig):
    """Settings of a SAGAN. Generator and critic learn at rates of their own (arXiv:1706.08500)."""

    learning_rate: float = lane(1e-4, "of the generator", above=0)
    critic_learning_rate: float = lane(4e-4, above=0)
    beta1: float = lane(0.0, at_least=0, below=1)
    beta2: float = lane(0.9, at_least=0, below=1)
    critic_iterations: int = lane(1, "steps of the critic for one of the generator", at_least=1)
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(128, at_least=1)
    truncation: float = truncation_field(UNTRUNCATED)
    channels: int = fixed(64, "a quarter of the widest maps' at sides up to 32", at_least=1)
    attention: bool = fixed(True, "without it: the network that it begins as")


RATES: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-3, log=True),
    "critic_learning_rate": Real(1e-5, 4e-3, log=True),
    "critic_iterations": Integer(1, 5),
}
SAGAN_SPACE: dict[str, Dimension] = {**RATES, "latent_size": Integer(16, 128, log=True)}


class SaganGenerator(nn.Module):
    """z [B, Z] and classes [B], which choose the gains and biases of the norms, to images."""

    def __init__(self, config: SaganConfig, data: DataShape) -> None:
        super().__init__()
        self.classes = data.classes
        self.body = ResidualGenerator(
            data.shape, config.channels, config.latent_size, data.classes,
            attention=config.attention,
        )  # fmt: skip

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        images: Tensor = self.body(*self.inputs(z, y))
        return images

    def inputs(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, list[Tensor | None]]:
        """Return what the body begins with, and the condition of each block."""
        condition = None if y is None else one_hot(y, self.classes)
        return z, [condition] * len(self.body.blocks)


class Sagan(TruncatedSamples):
    """A generator against a projection critic; hinge. Without classes neither is conditional."""

    def __init__(self, config: SaganConfig, data: DataShape) -> None:
        layout_of(data.shape)  # refuses what is no image of a known size
        self.config, self.data = config, data
        self.given = ("y",) if data.classes else ()
        if not config.attention:
            self.attention = None  # type: ignore[assignment, method-assign]
        self.players = {
            "critic": Player(
                self._critic, learning_rate="critic_learning_rate", turns="critic_iterations"
            ),
            "generator": Player(self._generator, ema=config.ema or None, average_buffers=True),
        }
        self.noise = dict.fromkeys(self.players, self.z_noise(config.batch_size))

    def _generator(self) -> nn.Module:
        return initialise(SaganGenerator(self.config, self.data), nn.init.xavier_uniform_)

    def _critic(self) -> nn.Module:
        c, data = self.config, self.data
        critic = ResidualCritic(data.shape, c.channels, data.classes, attention=c.attention)
        return initialise(critic, nn.init.xavier_uniform_)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The hinge loss (section 3.2); samples are of the classes of the batch."""
        y = batch["y"] if self.given else None
        images = nets["generator"](noise["z"], y)
        if player == "generator":
            return generator_loss("hinge", nets["critic"](images, y)), {}
        both = None if y is None else torch.cat([y, y])
        real, fake = nets["critic"](torch.cat([batch["x"], images]), both).chunk(2)
        return critic_loss("hinge", real, fake), critic_metrics(real, fake)

    def critic_values(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, given: Tensors | None = None
    ) -> Tensor:
        """The critic's scores [B] of examples, of the classes given["y"] if there are some."""
        scores: Tensor = nets["critic"](x, given["y"] if given else None)
        return scores

    def attention(
        self, nets: Nets, noise: Tensors, hyper: Tensors, given: Tensors | None = None
    ) -> Tensor:
        """Weights [count, H, W, h, w] of the attention with which samples are drawn."""
        z, net = truncated_normal(noise["z"], hyper["truncation"]), nets["generator"]
        inputs = net.inputs(z, given["y"] if given else None)
        weights: Tensor = net.body.attention_weights(*inputs)
        return weights
