"""VQGAN: codes whose images also deceive a critic of patches, then a GPT over their tokens.

Esser et al., arXiv:2012.09841, and the authors' code (CompVis/taming-transformers). B batch.
"""

# ruff: noqa: RUF009 (`features_field` returns a dataclass field)
from dataclasses import dataclass

from torch import nn

from gensweep_models.config import check, fixed, lane
from gensweep_models.discrete.gpt_prior import GptPrior, GptPriorConfig
from gensweep_models.discrete.vqgan_losses import (
    critic_loss,
    feature_player,
    feature_weights_field,
    features_field,
    painted_loss,
)
from gensweep_models.discrete.vqgan_nets import GanAutoencoder
from gensweep_models.game import DataShape, Loss, Nets, Player, Tensors
from gensweep_models.nets.patch_critic import PatchCritic, halvings_of
from gensweep_models.nets.perceptual import Features
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class VqGanConfig(GptPriorConfig):
    """Settings of a VQGAN; the authors', but for sizes and learning rates."""

    learning_rate: float = lane(1e-3, "of autoencoder and critic", above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    beta2: float = lane(0.9, at_least=0, below=1)
    perceptual_weight: float = lane(1.0, at_least=0)
    adversarial_weight: float = lane(
        0.8, "factor of the adaptive weight; small images and critics need a tenth", at_least=0
    )
    critic_start: float = fixed(
        0.3, "share of the autoencoder's part after which the critic plays", at_least=0, below=1
    )
    critic_channels: int = fixed(32, "of its first layer", at_least=1)
    features: Features = features_field()
    feature_channels: int = fixed(8, "of random features at their first scale", at_least=1)
    feature_weights: str = feature_weights_field()


VQGAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "prior_learning_rate": Real(1e-5, 1e-2, log=True),
    "adversarial_weight": Real(0.05, 2.0, log=True),
    "codes": Categorical((32, 64, 128, 256)),
    "temperature": Real(0.5, 1.25),
}


class VqGan(GptPrior):
    """Players: autoencoder; critic, which begins later; then the prior. "features" never learns."""

    def __init__(self, config: VqGanConfig, data: DataShape) -> None:
        super().__init__(config, data, halvings_of(min(data.shape[1:], default=0)))
        c, part, colours = config, config.stage_fraction, (1, 3)
        check(self.shape[0] in colours, f"images have {colours} channels", shape=self.shape)
        self.players = {
            "autoencoder": Player(self._autoencoder, ends=part),
            "critic": Player(self._critic, begins=part * c.critic_start, ends=part),
            "prior": self.prior_player(),
            "features": feature_player(c, data),
        }
        self.noise["critic"] = {}

    def _autoencoder(self) -> nn.Module:
        c, book = self.config, self.new_codebook()
        return GanAutoencoder(self.shape[0], c.channels, self.halvings, c.blocks, c.code_size, book)

    def _critic(self) -> nn.Module:
        return PatchCritic(self.shape, self.config.critic_channels)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        if player == "prior":
            return self.prior_loss(nets, batch, noise)
        x, net = batch["x"], nets["autoencoder"]
        z = net.encode(x)
        found = net.codebook(z)
        if player == "critic":
            return critic_loss(nets, x, found.through)
        start = self.config.critic_start
        loss, metrics = painted_loss(nets, x, found.through, hyper, start)
        metrics["commitment"] = found.commitment.detach()
        metrics["perplexity"] = net.codebook.follow(z, found.tokens, noise.get("revival"))
        return loss + found.codebook + hyper["commitment_weight"] * found.commitment, metrics
