"""Networks of VQ-VAE-2 (Razavi et al., arXiv:1906.00446): two levels, and the bottom's prior.

B batch, K codes, D numbers in a code, H x W grid of the top; the bottom's is 2 H x 2 W.
"""

import torch
from torch import Tensor, nn

from gensweep_models.discrete.bodies import decoder, encoder
from gensweep_models.discrete.codebook import Codebook
from gensweep_models.nets.pixelcnn import PixelCNN


class TwoLevels(nn.Module):
    """Encoders, codebooks and decoder (figure 2a): the bottom is coded given the top's codes."""

    def __init__(
        self, channels: int, width: int, halvings: int, blocks: int, size: int,
        top: Codebook, bottom: Codebook,
    ) -> None:  # fmt: skip
        super().__init__()
        w = width
        self.lower = encoder(channels, w, halvings, blocks, w)
        self.upper = encoder(w, w, 1, blocks, size)
        self.down = decoder(size, w, 1, blocks, size)
        self.join = nn.Conv2d(w + size, size, 1)
        self.enlarge = nn.ConvTranspose2d(size, size, 4, 2, 1)
        self.decoder = decoder(2 * size, w, halvings, blocks, channels)
        self.top, self.bottom = top, bottom

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map images to maps of the lower level, and vectors [B, H, W, D] of the top."""
        maps = self.lower(x)
        return maps, self.upper(maps.relu()).movedim(1, -1)

    def encode_bottom(self, maps: Tensor, top: Tensor) -> Tensor:
        """Return the vectors [B, 2 H, 2 W, D] of the bottom, given the top's codes."""
        told = self.down(top.movedim(-1, 1))
        z: Tensor = self.join(torch.cat([told, maps], 1))
        return z.movedim(1, -1)

    def decode(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Map the codes of both levels to images in (-1, 1)."""
        both = [self.enlarge(top.movedim(-1, 1)), bottom.movedim(-1, 1)]
        images: Tensor = self.decoder(torch.cat(both, 1))
        return images.tanh()


class BottomPrior(PixelCNN):
    """Logits of the bottom's tokens, told the whole top by a residual network (section 3.2)."""

    def __init__(self, codes: int, channels: int, layers: int) -> None:
        super().__init__(codes, channels, layers, condition=channels)
        self.conditioner = decoder(codes, channels, 1, 1, channels)

    def told(self, top: Tensor) -> Tensor:
        """Top tokens [B, K, H, W], one-hot, to the condition [B, C, 2 H, 2 W]."""
        condition: Tensor = self.conditioner(top)
        return condition
