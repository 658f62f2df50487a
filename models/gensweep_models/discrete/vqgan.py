"""VQGAN: codes whose images also deceive a critic of patches, then a GPT over their tokens.

Esser et al., arXiv:2012.09841, and the authors' code (CompVis/taming-transformers). B batch,
T tokens, K codes, C channels of the transformer.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from gensweep_models.config import check, fixed, lane
from gensweep_models.discrete.coded import CodedConfig, OneGrid, token_maps, token_nats
from gensweep_models.discrete.gpt import Drawn, TokenTransformer, begin, decays, draw
from gensweep_models.discrete.vqgan_losses import (
    adaptive_weight,
    deceit_loss,
    patch_loss,
    reconstruction_loss,
)
from gensweep_models.discrete.vqgan_nets import GanAutoencoder
from gensweep_models.game import DataShape, Loss, Nets, Player, Tensors
from gensweep_models.nets.patch_critic import PatchCritic, halvings_of
from gensweep_models.nets.perceptual import PerceptualFeatures
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class VqGanConfig(CodedConfig):
    """Settings of a VQGAN; the authors', but for sizes and learning rates."""

    learning_rate: float = lane(1e-3, "of autoencoder and critic", above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    beta2: float = lane(0.9, at_least=0, below=1)
    prior_learning_rate: float = lane(1e-3, above=0)
    perceptual_weight: float = lane(1.0, at_least=0)
    adversarial_weight: float = lane(0.8, "factor of the adaptive weight", at_least=0)
    critic_start: float = fixed(
        0.3, "share of the autoencoder's part after which the critic plays", at_least=0, below=1
    )
    critic_channels: int = fixed(32, "of its first layer", at_least=1)
    feature_channels: int = fixed(
        8, "of the network of the perceptual loss; VGG-16 has 64", at_least=1
    )
    feature_weights: str = fixed("", "safetensors file of that network; none: random weights")
    class_conditional: bool = fixed(False, "the prior draws tokens of a class that is given")
    prior_channels: int = fixed(64, at_least=1)
    prior_layers: int = fixed(4, at_least=1)
    prior_heads: int = fixed(4, at_least=1)


VQGAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "prior_learning_rate": Real(1e-5, 1e-2, log=True),
    "adversarial_weight": Real(0.1, 2.0, log=True),
    "codes": Categorical((32, 64, 128, 256)),
}


class VqGan(OneGrid):
    """Players: autoencoder; critic, which begins later; then the prior. "features" never learns."""

    def __init__(self, config: VqGanConfig, data: DataShape) -> None:
        super().__init__(config, data, halvings_of(min(data.shape[1:], default=0)))
        c, told, colours = config, config.class_conditional, (1, 3)
        check(self.shape[0] in colours, f"images have {colours} channels", shape=self.shape)
        check(not told or data.classes > 0, "the data have classes", classes=data.classes)
        self.given = ("y",) if told else ()
        self.classes = data.classes if told else 0
        part = c.stage_fraction
        self.players = {
            "autoencoder": Player(self._autoencoder, ends=part),
            "critic": Player(self._critic, begins=part * c.critic_start, ends=part),
            "prior": Player(
                self._prior, "adamw", "prior_learning_rate", beta1=0.9, beta2=0.95, begins=part,
                weight_decay=0.01, decays=decays, ema=c.ema,
            ),
            "features": Player(self._features, frozen=True, weights=c.feature_weights or None),
        }  # fmt: skip
        self.noise |= {"critic": {}, "prior": {}}

    def _autoencoder(self) -> nn.Module:
        c, book = self.config, self.new_codebook()
        return GanAutoencoder(self.shape[0], c.channels, self.halvings, c.blocks, c.code_size, book)

    def _critic(self) -> nn.Module:
        return PatchCritic(self.shape, self.config.critic_channels)

    def _prior(self) -> nn.Module:
        c, length = self.config, self.sample_steps
        return TokenTransformer(
            c.codes, length, c.prior_channels, c.prior_layers, c.prior_heads, self.classes
        )

    def _features(self) -> nn.Module:
        return PerceptualFeatures(self.config.feature_channels)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        x = batch["x"]
        if player == "autoencoder":
            return self._autoencoder_loss(nets, x, noise, hyper)
        return self._critic_loss(nets, x) if player == "critic" else self._prior_loss(nets, batch)

    def _autoencoder_loss(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Loss:
        """Equations 4 to 7: reconstruction, codes, and deceit of the critic once it plays."""
        net = nets["autoencoder"]
        z = net.encode(x)
        found = net.codebook(z)
        painted = net.paint(found.through)
        error = reconstruction_loss(nets["features"], x, hyper["perceptual_weight"])
        deceit = deceit_loss(nets["critic"])
        images = net.last(painted)
        ratio = adaptive_weight(net.last, painted, error, deceit)
        plays = (hyper["progress"] >= self.config.critic_start).to(x.dtype)
        reconstructed, deceived = error(images), deceit(images)
        metrics = {
            "distortion": (images - x).square().mean().detach(),
            "reconstruction": reconstructed.detach(),
            "commitment": found.commitment.detach(),
            "perplexity": net.codebook.follow(z, found.tokens, noise.get("revival")),
            "adaptive_weight": ratio,
        }
        codes = found.codebook + hyper["commitment_weight"] * found.commitment
        weight = plays * hyper["adversarial_weight"] * ratio
        return reconstructed + codes + weight * deceived, metrics

    def _critic_loss(self, nets: Nets, x: Tensor) -> Loss:
        """Half of the hinge loss over patches of images and of their reconstructions."""
        net, critic = nets["autoencoder"], nets["critic"]
        fake = critic(net.decode(net.codebook(net.encode(x)).through).detach())
        real = critic(x)
        return patch_loss(real, fake), {"critic_gap": (real.mean() - fake.mean()).detach()}

    def _prior_loss(self, nets: Nets, batch: Tensors) -> Loss:
        """Cross entropy of the frozen autoencoder's tokens, in nats per token."""
        tokens = self.tokens(nets, batch["x"]).flatten(1)
        logits = nets["prior"](tokens, batch["y"] if self.given else None)
        loss = token_nats(logits.mT, token_maps(tokens, self.config.codes)).mean()
        return loss, {"prior_nats": loss.detach()}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors, *given: Tensors) -> Drawn:
        """No tokens, and the start, which is the class if one is given."""
        return begin(nets["prior"], noise["token"].flatten(1), given[0]["y"] if given else None)

    def sample_step(
        self, nets: Nets, state: Drawn, step: Tensor, noise: Tensors, hyper: Tensors,
        *given: Tensors,
    ) -> Drawn:  # fmt: skip
        """One more token of the prior."""
        uniform = noise["token"].flatten(1)
        return draw(nets["prior"], state, step, uniform, hyper["temperature"])

    def sample_end(self, nets: Nets, state: Drawn, hyper: Tensors, *given: Tensors) -> Tensor:
        """Images [count, *shape] of all tokens."""
        return self.decode(nets, state[0].reshape(-1, *self.grid))
