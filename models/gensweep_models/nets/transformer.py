"""A causal transformer over tokens, whose sampling keeps keys and values, and one that reads texts.

Pre-normalised, with learned positions: Radford et al. 2019 (GPT-2), as in VQGAN (arXiv:2012.09841)
and DALL-E (arXiv:2102.12092). B batch, T places, C channels, H heads.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from gensweep_models.config import check

Cache = tuple[Tensor, Tensor]
"""Keys and values of all layers, each [layers, B, H, T, C / H], zero where nothing has come yet."""


class Attention(nn.Module):
    """Multi-head attention of each place to itself and those before it; not `causal`: to all."""

    def __init__(self, channels: int, heads: int, causal: bool = True) -> None:
        super().__init__()
        check(channels % heads == 0, "heads divide channels", channels=channels, heads=heads)
        self.heads, self.causal = heads, causal
        self.query, self.key, self.value, self.out = (
            nn.Linear(channels, channels) for _ in range(4)
        )

    def forward(self, x: Tensor, place: Tensor, kept: Cache) -> tuple[Tensor, Cache]:
        """Attend from x [B, t, C] at the places `place` [t]; return the cache with them put in."""
        q, k, v = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        here = place[:, None] == torch.arange(kept[0].shape[-2], device=x.device)
        keys, values = (self._put(room, new, here) for room, new in zip(kept, (k, v), strict=True))
        scores = q @ keys.mT / math.sqrt(q.shape[-1])
        if self.causal:
            seen = torch.arange(keys.shape[-2], device=x.device) <= place[:, None]
            scores = torch.where(seen, scores, -torch.inf)
        out: Tensor = self.out((scores.softmax(-1) @ values).transpose(1, 2).flatten(2))
        return out, (keys, values)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)

    @staticmethod
    def _put(room: Tensor, new: Tensor, here: Tensor) -> Tensor:
        """Put the entries [B, H, t, d] of some places, `here` [t, T], among all."""
        # One-hot sums in the place of an assignment, which neither vmap nor a trace could follow.
        spread = here.to(new.dtype).mT @ new
        return torch.where(here.any(0)[:, None], spread, room)


class Block(nn.Module):
    """Attention and a perceptron of four times the channels, each added to its input."""

    def __init__(self, channels: int, heads: int, causal: bool = True) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, causal)
        self.widen, self.narrow = (
            nn.Linear(channels, 4 * channels),
            nn.Linear(4 * channels, channels),
        )

    def forward(self, x: Tensor, place: Tensor, kept: Cache) -> tuple[Tensor, Cache]:
        attended, kept = self.attention(self.norm1(x), place, kept)
        x = x + attended
        return x + self.narrow(gelu(self.widen(self.norm2(x)))), kept


class Transformer(nn.Module):
    """Logits [B, T, codes] of each of T tokens, given those before it and a condition before all.

    Place 0 is fed a learned start, or a `condition` [B, C] in its stead, so that the logits at a
    place depend on the tokens before it alone.
    """

    def __init__(self, codes: int, length: int, channels: int, layers: int, heads: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(codes, channels)
        self.start = nn.Parameter(torch.zeros(channels))
        self.places = nn.Parameter(torch.zeros(length, channels))
        self.blocks = nn.ModuleList(Block(channels, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(channels), nn.Linear(channels, codes, bias=False)
        self.heads, self.length = heads, length
        for parameter in (self.start, self.places, self.embed.weight):
            nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits of all tokens [B, T] at once, for training."""
        first = self.first(len(tokens), condition)
        x = torch.cat([first[:, None], self.embed(tokens[:, :-1])], 1)
        place = torch.arange(tokens.shape[1], device=x.device)
        return self._logits(x, place, self.cache(x))[0]

    def first(self, batch: int, condition: Tensor | None = None) -> Tensor:
        """Input of place 0: [B, C]."""
        return self.start.expand(batch, -1) if condition is None else condition

    def cache(self, like: Tensor) -> Cache:
        """An empty cache for the batch of `like` [B, ...]."""
        channels = self.places.shape[1]
        shape = (len(self.blocks), like.shape[0], self.heads, self.length, channels // self.heads)
        return like.new_zeros(shape), like.new_zeros(shape)

    def step(self, x: Tensor, place: Tensor, kept: Cache) -> tuple[Tensor, Cache]:
        """Logits [B, codes] at one place, fed `x` [B, C]: `first`, or the token before, embedded.

        The cost of a step does not grow with what is seen by more than its attention.
        """
        logits, kept = self._logits(x[:, None], place.reshape(1), kept)
        return logits[:, 0], kept

    def read(self, tokens: Tensor) -> tuple[Tensor, Cache]:
        """Remember the first tokens [B, t] of all; return the next place's input, and the cache."""
        first = self.first(len(tokens))
        x = torch.cat([first[:, None], self.embed(tokens[:, :-1])], 1)
        _, kept = self._logits(x, torch.arange(x.shape[1], device=x.device), self.cache(x))
        return self.embed(tokens[:, -1]), kept

    def _logits(self, x: Tensor, place: Tensor, kept: Cache) -> tuple[Tensor, Cache]:
        at = (place[:, None] == torch.arange(self.length, device=x.device)).to(x.dtype)
        x = x + at @ self.places
        found = []
        for i, block in enumerate(self.blocks):
            x, mine = block(x, place, (kept[0][i], kept[1][i]))
            found.append(mine)
        keys, values = (torch.stack(some) for some in zip(*found, strict=True))
        out: Tensor = self.head(self.norm(x))
        return out, (keys, values)


class TextEncoder(nn.Module):
    """Reads texts: tokens [B, T] to [B, T, C], each place with a view of all. arXiv:2112.10741."""

    def __init__(self, codes: int, length: int, channels: int, layers: int, heads: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(codes, channels)
        self.places = nn.Parameter(torch.zeros(length, channels))
        self.blocks = nn.ModuleList(Block(channels, heads, causal=False) for _ in range(layers))
        self.norm, self.heads = nn.LayerNorm(channels), heads
        for parameter in (self.places, self.embed.weight):
            nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.places
        place = torch.arange(tokens.shape[1], device=x.device)
        room = x.new_zeros(len(x), self.heads, x.shape[1], x.shape[2] // self.heads)
        for block in self.blocks:
            x, _ = block(x, place, (room, room))
        out: Tensor = self.norm(x)
        return out
