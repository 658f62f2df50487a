"""VQ-VAE: an autoencoder with discrete codes, then a PixelCNN prior over them.

Van den Oord et al., arXiv:1711.00937. B batch, K codes, D numbers in a code, H x W grid of tokens.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gensweep_models.config import fixed
from gensweep_models.discrete.bodies import Autoencoder, decoder, encoder
from gensweep_models.discrete.coded import CodedConfig, OneGrid, token_maps, token_nats
from gensweep_models.discrete.raster import Canvas, blank, draw_token, tokens_of
from gensweep_models.game import DataShape, Loss, Nets, Player, Tensors
from gensweep_models.nets.pixelcnn import PixelCNN
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class VqVaeConfig(CodedConfig):
    """Settings of a VQ-VAE. Autoencoder and prior use one learning rate."""

    prior_channels: int = fixed(64, at_least=1)
    prior_layers: int = fixed(4, at_least=1)


VQVAE_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "commitment_weight": Real(0.1, 2.0, log=True),
    "codes": Categorical((32, 64, 128, 256)),
    "temperature": Real(0.5, 1.25),
}


class VqVae(OneGrid):
    """The autoencoder learns in the first part of the budget, then the prior on its tokens."""

    def __init__(self, config: VqVaeConfig, data: DataShape) -> None:
        super().__init__(config, data, 1 if min(data.shape[1:], default=0) < 16 else 2)
        part = config.stage_fraction
        self.players = {
            "autoencoder": Player(self._autoencoder, ends=part),
            "prior": Player(self._prior, ema=config.ema, begins=part),
        }
        self.noise["prior"] = {}

    def _autoencoder(self) -> nn.Module:
        c, channels = self.config, self.shape[0]
        return Autoencoder(
            encoder(channels, c.channels, self.halvings, c.blocks, c.code_size),
            decoder(c.code_size, c.channels, self.halvings, c.blocks, channels),
            self.new_codebook(),
        )

    def _prior(self) -> nn.Module:
        c = self.config
        return PixelCNN(c.codes, c.prior_channels, c.prior_layers)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        if player == "prior":
            return self._prior_loss(nets, batch["x"])
        return self._autoencoder_loss(nets, batch["x"], noise, hyper)

    def _autoencoder_loss(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Loss:
        """Equation 3 with a normal likelihood of variance 1/2, each term a mean."""
        net = nets["autoencoder"]
        z = net.encode(x)
        found = net.codebook(z)
        error = mse_loss(net.decode(found.through), x)
        metrics = {
            "distortion": error.detach(),
            "commitment": found.commitment.detach(),
            "perplexity": net.codebook.follow(z, found.tokens, noise.get("revival")),
        }
        return error + found.codebook + hyper["commitment_weight"] * found.commitment, metrics

    def _prior_loss(self, nets: Nets, x: Tensor) -> Loss:
        """Cross entropy of the frozen autoencoder's tokens, in nats per token."""
        tokens = self.tokens(nets, x)
        logits = nets["prior"](token_maps(tokens, self.config.codes))
        loss = token_nats(logits, tokens).mean()
        return loss, {"prior_nats": loss.detach()}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Canvas:
        """An empty grid."""
        return blank(nets["prior"], (self.config.codes, *self.grid), noise["token"])

    def sample_step(
        self, nets: Nets, state: Canvas, step: Tensor, noise: Tensors, hyper: Tensors
    ) -> Canvas:
        """The grid with one more token of the prior."""
        return draw_token(nets["prior"], state, step, noise["token"], hyper["temperature"])

    def sample_end(self, nets: Nets, state: Canvas, hyper: Tensors) -> Tensor:
        """Images [count, *shape] of a full grid."""
        return self.decode(nets, tokens_of(state))
