"""Numbers of a key have the laws that they should, and the same bits wherever they are drawn."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.func import vmap
from torch.fx.experimental.proxy_tensor import make_fx

from gensweep_models.random import dropout, fold, gumbel, normal, uniform

LAWS = {uniform: "uniform", normal: "norm", gumbel: "gumbel_r"}
every_law = pytest.mark.parametrize("draw", LAWS, ids=lambda draw: draw.__name__)
COUNT = 20_000
Draw = Callable[..., Tensor]


def _far(correlation: float, count: int) -> bool:
    return abs(correlation) > 5 / count**0.5


@every_law
@pytest.mark.parametrize("key", [0, 1, -1, 1 << 62, 12345])
def test_numbers_of_a_key_have_their_law(draw: Draw, key: int) -> None:
    found = draw(torch.tensor(key), (COUNT,))
    assert bool(found.isfinite().all())
    assert stats.kstest(found.double().numpy(), LAWS[draw]).pvalue > 1e-4


@every_law
def test_first_numbers_of_neighbouring_keys_have_it_too(draw: Draw) -> None:
    keys = torch.arange(COUNT)
    for other in (keys, keys << 32, torch.stack([fold(torch.tensor(3), i) for i in keys[:2000]])):
        found = draw(other, (2,))
        assert stats.kstest(found[:, 0].double().numpy(), LAWS[draw]).pvalue > 1e-4
        assert not _far(float(torch.corrcoef(found.T)[0, 1]), len(found))


@every_law
def test_neither_keys_nor_neighbours_correlate(draw: Draw) -> None:
    one, other = (draw(torch.tensor(k), (COUNT,)).double() for k in (7, 8))
    pairs = [(one, other), (one, draw(fold(torch.tensor(7), 0), (COUNT,)).double())]
    pairs += [(one[lag:], one[:-lag]) for lag in (1, 2, COUNT // 2)]
    for pair in pairs:
        assert not _far(float(torch.corrcoef(torch.stack(pair))[0, 1]), len(pair[0]))


def test_every_bit_and_every_pair_of_cells_is_as_frequent() -> None:
    levels = (uniform(torch.tensor(5), (1 << 18,)) * 2**24).long()
    for bit in range(24):
        ones = int(((levels >> bit) & 1).sum())
        assert stats.binomtest(ones, len(levels)).pvalue > 1e-4, bit
    cells = levels >> 19
    table = torch.bincount(cells[:-1:2] * 32 + cells[1::2], minlength=1024)
    assert stats.chisquare(table.numpy()).pvalue > 1e-4


@every_law
def test_bits_are_the_same_wherever_they_are_drawn(draw: Draw) -> None:
    keys = torch.randint(1 << 62, (4, 5), generator=torch.Generator().manual_seed(0))

    def one(key: Tensor) -> Tensor:
        return draw(fold(key, 3), (3, 7))

    whole = one(keys)
    assert whole.shape == (4, 5, 3, 7)
    alone = torch.stack([torch.stack([one(key) for key in row]) for row in keys])
    trace = make_fx(vmap(one))(keys + 1)
    for found in (alone, vmap(one)(keys), vmap(vmap(one))(keys), trace(keys)):
        assert torch.equal(whole, found)
    assert torch.equal(draw(keys[2], (40,)), draw(keys, (40,))[2])


def test_folds_do_not_meet() -> None:
    keys = torch.cat([fold(torch.arange(300), i) for i in range(300)])
    assert len(keys.unique()) == len(keys)
    assert torch.equal(fold(torch.tensor(4), 9), fold(torch.tensor(4), torch.tensor(9)))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_keeps_the_mean(p: float) -> None:
    found = dropout(torch.ones(50, 1000), p, torch.arange(50))
    assert set(found.unique().tolist()) == {0.0, float(torch.tensor(1.0) / (1 - p))}
    share = float((found == 0).double().mean())
    assert abs(share - p) < 5 * (p * (1 - p) / 50_000) ** 0.5
    assert len({tuple(row.tolist()) for row in found}) == 50
    assert torch.equal(dropout(found, torch.tensor(p), None), found)


@pytest.mark.parametrize(
    ("p", "key", "law"), [(1.0, torch.tensor(0), "p=1.0"), (0.5, torch.zeros(3).long(), "leading")]
)
def test_bad_dropout_is_named(p: Any, key: Tensor, law: str) -> None:
    with pytest.raises(ValueError, match=law):
        dropout(torch.ones(2, 4), p, key)
