"""The first stage of latent diffusion: players that learn codes of images, before the diffusion.

Rombach et al., arXiv:2112.10752, section 3.1. B batch, D numbers of a code, of which an image has
H x W.
"""

from math import prod
from typing import Any

from torch import Tensor, nn

from gensweep_models.config import check
from gensweep_models.diffusion.latent_codes import NormalCodes, VectorCodes, kl_codes, vq_codes
from gensweep_models.discrete.codebook import straight_through
from gensweep_models.discrete.vqgan_losses import critic_loss, feature_player, painted_loss
from gensweep_models.discrete.vqgan_nets import GanAutoencoder
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.patch_critic import PatchCritic, halvings_of


class FirstStage:
    """Players "autoencoder", then "critic", which begins later; "features" never learns.

    Codes are [B, D, H, W]; the networks of the autoencoder have D last.
    """

    def __init__(self, config: Any, data: DataShape) -> None:
        self.config, self.pixels = config, tuple(data.shape)
        self.halvings = self._halvings()
        self.shape = (config.code_size, *(side >> self.halvings for side in self.pixels[1:]))
        self.per_epoch = min(1.0, config.batch_size / data.count)
        part, rate = config.stage_fraction, "autoencoder_learning_rate"
        begins = part * config.critic_start
        self.players = {
            "autoencoder": Player(self._autoencoder, "adam", rate, beta1=0.5, beta2=0.9, ends=part),
            "critic": Player(
                self._critic, "adam", rate, beta1=0.5, beta2=0.9, begins=begins, ends=part
            ),
            "features": feature_player(config, data),
        }
        self.normal = config.regulariser == "kl"
        grid = (config.batch_size, *self.shape[1:], config.code_size)
        self.noise = {"code": Noise(grid)} if self.normal else {}

    def _halvings(self) -> int:
        """How often the autoencoder halves the sides; ValueError for what it cannot."""
        colours, shape, factor = (1, 3), self.pixels, self.config.factor
        fits = len(shape) == 3 and shape[0] in colours
        check(fits, f"images have {colours} channels", shape=shape)
        factor = factor or 1 << halvings_of(min(shape[1:]))
        law = "the factor divides the sides, and leaves 4 codes of each"
        fits = all(side % factor == 0 and side >= 4 * factor for side in shape[1:])
        check(fits, law, factor=factor, shape=shape)
        return int(factor).bit_length() - 1

    def _autoencoder(self) -> nn.Module:
        c, size = self.config, self.config.code_size
        book = (
            NormalCodes() if self.normal else VectorCodes(c.codes, size, per_epoch=self.per_epoch)
        )
        return GanAutoencoder(
            self.pixels[0], c.autoencoder_channels, self.halvings, c.blocks, size, book,
            vectors=2 * size if self.normal else size,
        )  # fmt: skip

    def _critic(self) -> nn.Module:
        return PatchCritic(self.pixels, self.config.critic_channels)

    def loss(self, player: str, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Loss:
        """VQGAN's, of images that are decoded of drawn codes; of the autoencoder that of codes."""
        net = nets["autoencoder"]
        z = net.encode(x)
        drawn = net.codebook.drawn(z, noise)
        codes = straight_through(drawn, net.codebook.snapped(drawn))
        if player == "critic":
            return critic_loss(nets, x, codes)
        loss, metrics = painted_loss(nets, x, codes, hyper, self.config.critic_start)
        regularised = kl_codes if self.normal else vq_codes
        penalty, told = regularised(net, z, hyper, prod(self.pixels))
        return loss + penalty, metrics | told

    def drawn(self, nets: Nets, x: Tensor, noise: Tensors) -> Tensor:
        """Codes of images, drawn from their posterior."""
        net = nets["autoencoder"]
        codes: Tensor = net.codebook.drawn(net.encode(x), noise)
        return codes.movedim(-1, 1)

    def encode(self, nets: Nets, x: Tensor) -> Tensor:
        """Codes of images, the posterior's mean."""
        net = nets["autoencoder"]
        codes: Tensor = net.codebook.mean(net.encode(x))
        return codes.movedim(-1, 1)

    def decode(self, nets: Nets, codes: Tensor) -> Tensor:
        """Images in [-1, 1] of codes."""
        net = nets["autoencoder"]
        images: Tensor = net.decode(net.codebook.snapped(codes.movedim(1, -1)))
        return images.clamp(-1, 1)
