"""A U-Net that reads a text: GLIDE's denoiser (Nichol et al., arXiv:2112.10741, section 4).

B batch, T tokens of text, E numbers of a token, C channels.
"""

import math

import torch
from torch import Tensor, nn

from gensweep_models.nets.transformer import TextEncoder
from gensweep_models.nets.unet import Attention, UNet


class TextAttention(Attention):
    """Attention of the pixels to themselves and to the tokens of a text; begins as the identity."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__(channels)
        self.text_key, self.text_value = (nn.Linear(size, channels) for _ in range(2))

    def forward(self, x: Tensor, text: Tensor) -> Tensor:  # type: ignore[override]
        """Maps [B, C, H, W] and a text [B, T, E] to maps."""
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2).mT for layer in (self.query, self.key, self.value))
        k, v = torch.cat([self.text_key(text), k], 1), torch.cat([self.text_value(text), v], 1)
        weights = (q @ k.mT / math.sqrt(x.shape[1])).softmax(-1)
        out: Tensor = x + self.out((weights @ v).mT.reshape(x.shape))
        return out


class TextUNet(UNet):
    """Noisy images, times and tokens [B, T] to [B, outputs, H, W].

    The text's last place is added to the time's embedding, and all of them are what the smallest
    maps attend to, besides each other.
    """

    def __init__(
        self, shape: tuple[int, ...], channels: int, text: TextEncoder, *, inputs: int, outputs: int
    ) -> None:
        size = text.norm.normalized_shape[0]
        super().__init__(shape, channels, False, inputs=inputs, outputs=outputs, condition=size)
        self.text, self.attention = text, TextAttention(self.widths[-1], size)

    def forward(self, x: Tensor, time: Tensor, tokens: Tensor) -> Tensor:  # type: ignore[override]
        text = self.text(tokens)
        return super().forward(x, time, text[:, -1], text)
