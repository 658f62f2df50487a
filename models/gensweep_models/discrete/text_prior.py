"""One transformer over the tokens of a text, then of its image, and its guided sampling.

Ramesh et al., arXiv:2102.12092, section 2.2; guidance as in arXiv:2203.13131, section 3.5. B batch,
T tokens of text, V kinds of them, N tokens of an image, K kinds of them, C channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gensweep_models.discrete.raster import at_place, inverse_cdf
from gensweep_models.game import Net
from gensweep_models.nets.transformer import Cache, Transformer


class TextThenImage(nn.Module):
    """Logits of each token among those of its kind, given those before it."""

    def __init__(
        self, text: tuple[int, int], image: tuple[int, int], channels: int, layers: int, heads: int
    ) -> None:
        """`text` and `image` are kinds of tokens and their number: (V, T) and (K, N)."""
        super().__init__()
        (self.kinds, self.length), (codes, places) = text, image
        self.gpt = Transformer(self.kinds + codes, self.length + places, channels, layers, heads)

    def forward(self, text: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, T, V] and [B, N, K] of tokens [B, T] and [B, N], for training."""
        logits = self.gpt(torch.cat([text, image + self.kinds], 1))
        return logits[:, : self.length, : self.kinds], logits[:, self.length :, self.kinds :]

    def read(self, text: Tensor) -> tuple[Tensor, Cache]:
        """Remember a text; return the input of the image's first place [B, C], and the cache."""
        return self.gpt.read(text)

    def step(self, told: Tensor, step: Tensor, kept: Cache) -> tuple[Tensor, Cache]:
        """Logits [B, K] of the image's token number `step`, and the cache with what it was told."""
        logits, kept = self.gpt.step(told, step + self.length, kept)
        return logits[:, self.kinds :], kept

    def embed(self, image: Tensor) -> Tensor:
        """Tokens of images [B] as inputs [B, C]."""
        embedded: Tensor = self.gpt.embed(image + self.kinds)
        return embedded


class Drawn(NamedTuple):
    """Images as far as drawn, in rows with their text, then again without."""

    tokens: Tensor
    """int64 [B, N]."""
    told: Tensor
    """The transformer's next inputs, [2 B, C]."""
    kept: Cache
    gain: Tensor
    """log p(tokens | text) - log p(tokens): but for a constant log p(text | tokens), [B]."""


def begin(net: Net, text: Tensor, empty: Tensor, uniform: Tensor) -> Drawn:
    """Begin images of texts [B, T], whose tokens `uniform` [B, N] will choose."""
    told, kept = net.read(torch.cat([text, empty]))
    tokens = torch.zeros_like(uniform, dtype=torch.int64)
    return Drawn(tokens, told, kept, uniform.new_zeros(len(uniform)))


def draw(
    net: Net, drawn: Drawn, step: Tensor, uniform: Tensor, temperature: Tensor, scale: Tensor
) -> Drawn:
    """Add one token, of logits that go `scale` times further from those without the text."""
    logits, kept = net.step(drawn.told, step, drawn.kept)
    given, free = logits.log_softmax(-1).chunk(2)
    token = inverse_cdf(given + scale * (given - free), at_place(uniform, step), temperature)
    gain = drawn.gain + (given - free).gather(1, token[:, None])[:, 0]
    here = torch.arange(drawn.tokens.shape[1], device=token.device) == step
    tokens = torch.where(here, token[:, None], drawn.tokens)
    return Drawn(tokens, net.embed(torch.cat([token, token])), kept, gain)


def best_of(drawn: Drawn, candidates: int) -> Tensor:
    """Of every so many rows of tokens that from which their text is most probable, [B, N]."""
    tokens = drawn.tokens.reshape(-1, candidates, drawn.tokens.shape[1])
    best = drawn.gain.reshape(-1, candidates).argmax(1)
    here = torch.arange(candidates, device=best.device) == best[:, None]
    return torch.where(here[..., None], tokens, 0).sum(1)
