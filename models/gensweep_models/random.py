"""Random numbers as functions of a key: the same bits wherever, and with whatever else, drawn.

SplitMix64 (Steele et al., OOPSLA 2014, doi:10.1145/2660193.2660195) as a counter: number i of a key
is `mix(start + i * gamma)`, whose start and odd gamma are hashes of the key, so that the sequences
of two keys are not pieces of one. `mix` is Stafford's thirteenth, which passes BigCrush on counters
and takes two multiplications where Philox takes twenty. All is arithmetic of int64 tensors, which
vmap, traces and every device do alike. No cryptography.

Keys are int64 of any shape K: a noise of kind "key" of a game, or made of one by `fold`.
"""

import math

import torch
from torch import Tensor

from gensweep_models.config import check


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FACTORS = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)
_START, _GAMMA, _FOLD = (_signed(n) for n in
                         (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0))  # fmt: skip
"""The first digits of pi: they part the three uses of a key."""
_LOW = 0xFFFFFFFF
_ULP = 2.0**-24


def fold(key: Tensor, number: int | Tensor) -> Tensor:
    """Derive another key of shape K for a `number`, of a layer or a step, for instance.

    >>> fold(torch.tensor(1), 0) == fold(torch.tensor(1), 1)
    tensor(False)
    """
    if isinstance(number, int):  # which a tensor takes in 64 bits only
        number = torch.tensor(number, device=key.device)
    return _mix(_mix(key ^ _FOLD) + number * _GOLDEN)


def uniform(key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Draw numbers in [0, 1), multiples of 2^-24, float32 `[*K, *shape]`.

    >>> uniform(torch.tensor([3, 4]), (5,)).shape
    torch.Size([2, 5])
    """
    count = math.prod(shape)
    hashes = _hashes(key, -(-count // 2))
    # The upper 24 bits of both halves, from -1/2 on: all of it is exact.
    numbers = (hashes.view(torch.int32) >> 8).float().mul_(_ULP).add_(0.5)
    return numbers[..., :count].reshape(*key.shape, *shape)


def normal(key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Draw standard normal numbers, float32 `[*K, *shape]`, by Box and Muller (1958)."""
    count = math.prod(shape)
    hashes = _hashes(key, -(-count // 2))
    # 32 bits, above 0 and up to 1, put the farthest normal at 6.7
    radius = (hashes >> 32).add_((1 << 31) + 1).float().mul_(2.0**-32).log_().mul_(-2).sqrt_()
    angle = hashes.bitwise_and_(_LOW).float().mul_(2 * math.pi * 2.0**-32)
    numbers = torch.cat([angle.cos().mul_(radius), angle.sin().mul_(radius)], -1)
    return numbers[..., :count].reshape(*key.shape, *shape)


def gumbel(key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Draw numbers of a standard Gumbel law, float32 `[*K, *shape]`, all finite.

    The argmax of logits plus them is a draw of the softmax; arXiv:1611.01144, section 2.
    """
    return -(-uniform(key, shape).clamp(min=_ULP).log()).log()


def dropout(x: Tensor, p: float | Tensor, key: Tensor | None) -> Tensor:
    """Set numbers of `x` `[*K, ...]` to 0 with probability `p`, and divide the others by 1 - p.

    Srivastava et al. 2014. `key` has a number for all of `x`, or one for each example; None, as in
    samples: `x` as it is. Each layer needs a key of its own, which `fold` makes.

    >>> dropout(torch.ones(3, 4), 0.5, torch.tensor([1, 2, 3])).unique()
    tensor([0., 2.])
    """
    if key is None:
        return x
    if isinstance(p, float | int):
        check(0 <= p < 1, "0 <= p < 1", p=p)
    shape, size = tuple(x.shape), tuple(key.shape)
    law = "the key has one number, or the leading sizes of x"
    check(shape[: len(size)] == size, law, key=size, x=shape)
    kept = uniform(key, shape[len(size) :]) >= p
    return torch.where(kept, x / (1 - p), 0.0)


def _hashes(key: Tensor, count: int) -> Tensor:
    """Hash the first `count` counters of each key: int64 `[*K, count]`."""
    start, gamma = _mix(key ^ _START)[..., None], (_mix(key ^ _GAMMA) | 1)[..., None]
    return _mix(start + torch.arange(count, device=key.device) * gamma)


def _mix(x: Tensor) -> Tensor:
    """Change `x` in place, so that each bit of it depends on all; one to one."""
    for bits, factor in zip((30, 27), _FACTORS, strict=True):
        _xor_shifted(x, bits).mul_(factor)
    return _xor_shifted(x, 31)


def _xor_shifted(x: Tensor, bits: int) -> Tensor:
    # torch fills in copies of the sign, with which half of all values would be lost
    return x.bitwise_xor_((x >> bits).bitwise_and_((1 << (64 - bits)) - 1))
