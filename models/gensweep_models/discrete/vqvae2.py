"""VQ-VAE-2: coarse codes at the top, fine ones below, and a prior of each.

Razavi et al., arXiv:1906.00446. B batch, K codes, D numbers in a code. The top grid has half of the
bottom grid's sides. Priors are gated PixelCNNs (nets/pixelcnn.py), without the paper's attention.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gensweep_models.config import fixed, lane
from gensweep_models.discrete.codebook import Update
from gensweep_models.discrete.coded import Coded, token_maps, token_nats
from gensweep_models.discrete.raster import Canvas, blank, draw_token, tokens_of
from gensweep_models.discrete.vqvae import VQVAE_SPACE, VqVaeConfig
from gensweep_models.discrete.vqvae2_nets import BottomPrior, TwoLevels
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.pixelcnn import PixelCNN
from gensweep_models.random import fold

State = tuple[Tensor, Tensor, Canvas]
"""The top's tokens, what the bottom's prior is told of them, and the bottom as far as drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VqVae2Config(VqVaeConfig):
    """Settings of a VQ-VAE-2. Both codebooks have as many codes, which follow averages."""

    learning_rate: float = lane(3e-4, above=0)
    codebook: Update = fixed("ema", "how codes learn", choices=get_args(Update))


VQVAE2_SPACE = VQVAE_SPACE


class VqVae2(Coded):
    """The autoencoder learns in the first part of the budget, then both priors on its tokens."""

    def __init__(self, config: VqVae2Config, data: DataShape) -> None:
        side = min(data.shape[1:], default=0)
        super().__init__(config, data, 2 if side < 64 else 3)
        bottom, top = ([s >> n for s in self.shape[1:]] for n in (self.halvings - 1, self.halvings))
        self.grids = {"top": (top[0], top[1]), "bottom": (bottom[0], bottom[1])}
        self.counts = {name: grid[0] * grid[1] for name, grid in self.grids.items()}
        self.sample_steps = self.counts["bottom"]
        part = config.stage_fraction
        self.players = {
            "autoencoder": Player(self._autoencoder, ends=part),
            "top_prior": Player(self._top_prior, ema=config.ema, begins=part),
            "bottom_prior": Player(self._bottom_prior, ema=config.ema, begins=part),
        }
        self.noise |= {"top_prior": {}, "bottom_prior": {}}

    def _autoencoder(self) -> nn.Module:
        c, books = self.config, (self.new_codebook(), self.new_codebook())
        return TwoLevels(
            self.shape[0], c.channels, self.halvings - 1, c.blocks, c.code_size, *books
        )

    def _top_prior(self) -> nn.Module:
        c = self.config
        return PixelCNN(c.codes, c.prior_channels, c.prior_layers)

    def _bottom_prior(self) -> nn.Module:
        c = self.config
        return BottomPrior(c.codes, c.prior_channels, c.prior_layers)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        if player != "autoencoder":
            return self._prior_loss(player, nets, batch["x"])
        return self._autoencoder_loss(nets, batch["x"], noise, hyper)

    def _autoencoder_loss(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Loss:
        """Equation 2 at both levels, each term a mean."""
        net, keys = nets["autoencoder"], _keys(noise.get("revival"))
        maps, z_top = net.encode(x)
        top = net.top(z_top)
        z_bottom = net.encode_bottom(maps, top.through)
        bottom = net.bottom(z_bottom)
        error = mse_loss(net.decode(top.through, bottom.through), x)
        commitment = top.commitment + bottom.commitment
        metrics = {
            "distortion": error.detach(),
            "commitment": commitment.detach(),
            "top_perplexity": net.top.follow(z_top, top.tokens, keys[0]),
            "bottom_perplexity": net.bottom.follow(z_bottom, bottom.tokens, keys[1]),
        }
        moved = top.codebook + bottom.codebook
        return error + moved + hyper["commitment_weight"] * commitment, metrics

    def _prior_loss(self, player: str, nets: Nets, x: Tensor) -> Loss:
        """Cross entropy of the frozen autoencoder's tokens at one level, in nats per token."""
        levels = self._levels(nets, x)
        top, bottom = (token_maps(one, self.config.codes) for one in levels)
        prior = nets[player]
        if player == "top_prior":
            loss = token_nats(prior(top), levels[0]).mean()
        else:
            loss = token_nats(prior(bottom, prior.told(top)), levels[1]).mean()
        return loss, {f"{player}_nats": loss.detach()}

    def _levels(self, nets: Nets, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images to the tokens of both levels, [B, H, W] and [B, 2 H, 2 W]."""
        net = nets["autoencoder"]
        maps, z = net.encode(x)
        top = net.top.tokens(z)
        return top, net.bottom.tokens(net.encode_bottom(maps, net.top.embed(top)))

    def tokens(self, nets: Nets, x: Tensor) -> Tensor:
        """Images [B, *shape] to tokens, int64 [B, T]: the top's, then the bottom's."""
        return torch.cat([one.flatten(1) for one in self._levels(nets, x)], 1)

    def decode(self, nets: Nets, tokens: Tensor) -> Tensor:
        """Tokens [B, T] to images [B, *shape]."""
        net, first = nets["autoencoder"], self.counts["top"]
        levels = {"top": tokens[:, :first], "bottom": tokens[:, first:]}
        top, bottom = (one.reshape(-1, *self.grids[name]) for name, one in levels.items())
        images: Tensor = net.decode(net.top.embed(top), net.bottom.embed(bottom))
        return images

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """One uniform number for each token of either level."""
        return {name: Noise((count, *grid), "uniform") for name, grid in self.grids.items()}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors) -> State:
        """A top that is drawn, and an empty bottom."""
        u, codes, prior = noise["top"], self.config.codes, nets["top_prior"]
        top = blank(prior, (codes, *self.grids["top"]), u)
        for step in torch.arange(self.counts["top"], device=u.device):
            top = draw_token(prior, top, step, u, hyper["temperature"])
        bottom = blank(nets["bottom_prior"], (codes, *self.grids["bottom"]), noise["bottom"])
        return tokens_of(top), nets["bottom_prior"].told(top[0]), bottom

    def sample_step(
        self, nets: Nets, state: State, step: Tensor, noise: Tensors, hyper: Tensors
    ) -> State:
        """The bottom with one more token."""
        top, told, bottom = state
        u, temperature = noise["bottom"], hyper["temperature"]
        return top, told, draw_token(nets["bottom_prior"], bottom, step, u, temperature, told)

    def sample_end(self, nets: Nets, state: State, hyper: Tensors) -> Tensor:
        """Images [count, *shape] of two full grids."""
        tokens = [state[0].flatten(1), tokens_of(state[2]).flatten(1)]
        return self.decode(nets, torch.cat(tokens, 1))


def _keys(key: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Keys of both codebooks, whose codes would begin anew at the same places by one."""
    return (None, None) if key is None else (fold(key, 0), fold(key, 1))
