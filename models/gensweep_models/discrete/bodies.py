"""Encoders and decoders of the VQ-VAE (van den Oord et al., arXiv:1711.00937, section 4.1).

B batch, D numbers in a code; each halving of the sides is a strided convolution.
"""

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """x + f(x), f two convolutions after ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


def encoder(inputs: int, width: int, halvings: int, blocks: int, outputs: int) -> nn.Sequential:
    """Make a map of [B, inputs, H, W] to [B, outputs, H', W'], the sides halved so often."""
    down: list[nn.Module] = []
    for step in range(halvings):
        down += [nn.Conv2d(width if step else inputs, width, 4, 2, 1), nn.ReLU()]
    residual = [Residual(width) for _ in range(blocks)]
    ends = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, outputs, 1)
    return nn.Sequential(*down, ends[0], *residual, nn.ReLU(), ends[1])


def decoder(inputs: int, width: int, halvings: int, blocks: int, outputs: int) -> nn.Sequential:
    """Make a map of [B, inputs, H', W'] to [B, outputs, H, W], the sides doubled so often."""
    up: list[nn.Module] = []
    for step in range(halvings):
        last = step + 1 == halvings
        up += [nn.ReLU(), nn.ConvTranspose2d(width, outputs if last else width, 4, 2, 1)]
    residual = [Residual(width) for _ in range(blocks)]
    return nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), *residual, *up)


class Autoencoder(nn.Module):
    """An encoder to vectors [B, H', W', D], what makes codes of them, and a decoder of codes."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, codebook: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder, self.codebook = encoder, decoder, codebook

    def encode(self, x: Tensor) -> Tensor:
        """Map images to vectors."""
        z: Tensor = self.encoder(x)
        return z.movedim(1, -1)

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes to images in (-1, 1)."""
        images: Tensor = self.decoder(codes.movedim(-1, 1))
        return torch.tanh(images)
