"""The autoencoder of VQGAN (Esser et al., arXiv:2012.09841, appendix C). B batch."""

from math import gcd

from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from gensweep_models.discrete.bodies import Autoencoder
from gensweep_models.nets.unet import Attention


def _norm(channels: int) -> nn.GroupNorm:
    # groups of 4 channels or more: of one, they would take away the bias before them
    return nn.GroupNorm(gcd(8, max(1, channels // 4)), channels)


class NormedResidual(nn.Module):
    """x + f(x), f two convolutions after group normalisation and a swish."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(channels), _norm(channels)
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(silu(self.norm1(x)))
        out: Tensor = x + self.conv2(silu(self.norm2(h)))
        return out


class Doubled(nn.Module):
    """Doubles the sides, then convolves."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(interpolate(x, scale_factor=2.0))
        return out


def _middle(width: int) -> list[nn.Module]:
    return [NormedResidual(width), Attention(width), NormedResidual(width)]


class GanAutoencoder(Autoencoder):
    """An autoencoder (appendix C, table 7, of one width) whose `last` layer is told apart.

    Codes have `size` numbers, and what the encoder says of each has `vectors`, by default as many.
    """

    def __init__(
        self, channels: int, width: int, halvings: int, blocks: int, size: int,
        codebook: nn.Module, vectors: int | None = None,
    ) -> None:  # fmt: skip
        down: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        up: list[nn.Module] = []
        for _ in range(halvings):
            down += [NormedResidual(width) for _ in range(blocks)]
            down.append(nn.Conv2d(width, width, 3, 2, 1))
            up += [NormedResidual(width) for _ in range(blocks)]
            up.append(Doubled(width))
        ends = [_norm(width), nn.SiLU()]
        super().__init__(
            nn.Sequential(*down, *_middle(width), *ends, nn.Conv2d(width, vectors or size, 1)),
            nn.Sequential(nn.Conv2d(size, width, 3, padding=1), *_middle(width), *up,
                          _norm(width), nn.SiLU()),
            codebook,
        )  # fmt: skip
        self.last = nn.Conv2d(width, channels, 3, padding=1)

    def paint(self, codes: Tensor) -> Tensor:
        """Map codes to what the last layer sees."""
        features: Tensor = self.decoder(codes.movedim(-1, 1))
        return features

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes to images, of any range."""
        images: Tensor = self.last(self.paint(codes))
        return images
