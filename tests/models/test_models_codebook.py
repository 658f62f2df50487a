"""Laws of a codebook: nearest codes, averages by hand, revival, perplexity over an epoch."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep_models.discrete.codebook import EPSILON, Codebook, nearest, perplexity

K, D = 6, 3


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _book(**settings: Any) -> Codebook:
    return Codebook(K, D, **{"per_epoch": 0.25, "update": "ema"} | settings)


def test_quantisation_is_the_argmin_of_distances() -> None:
    z, codes = torch.randn(2, 3, 3, 4), torch.randn(10, 4)
    assert torch.equal(
        nearest(z, codes), torch.cdist(z.flatten(0, 2), codes).argmin(1).view(2, 3, 3)
    )
    book = _book(update="gradient")
    found = book(torch.randn(5, D))
    torch.testing.assert_close(found.through, book.codes[found.tokens])


def test_both_terms_are_squared_distances() -> None:
    book, z = _book(update="gradient"), torch.randn(7, D, requires_grad=True)
    found = book(z)
    distance = torch.cdist(z, book.codes).amin(1).square().mean() / D
    torch.testing.assert_close(found.codebook, distance)
    torch.testing.assert_close(found.commitment, distance)
    assert not torch.autograd.grad(found.codebook, z, retain_graph=True, allow_unused=True)[0]
    (slope,) = torch.autograd.grad(found.commitment, z)
    torch.testing.assert_close(slope, 2 * (z - book.codes[found.tokens]) / z.numel())


def test_averaged_codes_are_running_means_of_the_vectors_that_are_theirs() -> None:
    """Appendix A.1 by hand: each batch counts `decay` times as much as the one after it."""
    decay, book = 0.8, _book(decay=0.8)
    first = book.table()
    weight, total = torch.ones(K, dtype=torch.float64), first.double()
    for _ in range(5):
        z = torch.randn(4, 5, D)
        tokens = book(z).tokens
        book.follow(z, tokens)
        for k in range(K):
            mine = z[tokens == k].double()
            weight[k] = decay * weight[k] + (1 - decay) * len(mine) * K / 20
            total[k] = decay * total[k] + (1 - decay) * mine.sum(0) * K / 20
    torch.testing.assert_close(
        book.table(), (total / weight[:, None]).float(), rtol=1e-4, atol=1e-5
    )
    assert float((book.table() - first).abs().max()) > 0.1
    assert not list(book.parameters())
    assert not book(z.requires_grad_()).codebook.requires_grad


def test_the_mean_over_ranks_is_the_codebook_of_the_whole_batch() -> None:
    """As data parallel training makes it: each rank follows its half, then buffers are averaged."""
    whole, z = _book(), torch.randn(8, 3, D)
    halves = [_book(), _book()]
    before = {name: one.clone() for name, one in whole.state_dict().items()}
    for book, part in zip((whole, *halves), (z, z[:4], z[4:]), strict=True):
        book.load_state_dict(before)
        book.follow(part, book(part).tokens)
    states = [book.state_dict() for book in halves]
    for name, wanted in whole.state_dict().items():
        torch.testing.assert_close((states[0][name] + states[1][name]) / 2, wanted)
        assert not torch.equal(wanted, before[name])


def test_a_code_without_vectors_stays_finite_for_ever() -> None:
    book = _book(decay=0.5)
    z = torch.zeros(8, D)
    for _ in range(400):
        book.follow(z, book(z).tokens)
    assert bool(book.table().isfinite().all())
    assert float(book.counts.min()) < EPSILON


def test_a_code_that_is_hardly_used_begins_anew_at_a_vector() -> None:
    book, z = _book(decay=0.5, revival=0.1), torch.rand(50, D) + 5
    tokens = book(z).tokens
    used = int(tokens.unique().numel())
    for step in range(8):
        book.follow(z, book(z).tokens, torch.tensor(step))
    assert used == 1
    assert float(torch.cdist(book.table(), z).amin(1).max()) < 0.5  # all are among the vectors
    assert int(book(z).tokens.unique().numel()) > 3
    idle = _book(decay=0.5)
    for _ in range(8):
        idle.follow(z, idle(z).tokens)
    assert int(idle(z).tokens.unique().numel()) == 1


def test_what_is_used_is_not_revived() -> None:
    one, other = (_book(decay=0.5, revival=r) for r in (0.01, 0.0))
    other.load_state_dict(one.state_dict())
    z = one.table()[torch.arange(60) % K] + 0.01 * torch.randn(60, D)
    for book, key in ((one, torch.tensor(3)), (other, None)):
        book.follow(z, book(z).tokens, key)
    torch.testing.assert_close(one.table(), other.table())


def test_perplexity_by_hand() -> None:
    # shares 1/2, 1/4, 1/4: entropy 1.5 bits
    assert perplexity(torch.tensor([2.0, 0, 0, 1, 0, 1])).item() == pytest.approx(2**1.5)
    assert perplexity(torch.ones(8)).item() == pytest.approx(8)
    assert perplexity(torch.eye(4)[1]).item() == pytest.approx(1)


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_perplexity_is_of_an_epoch_not_of_a_batch(update: Any) -> None:
    """Batches of one class use one code each; over the epoch of four batches all are used."""
    book, told = _book(update=update), []
    z = torch.zeros(8, D)
    for step in range(40):
        told.append(float(book.follow(z, torch.full((8,), step % 4))))
    assert told[0] == pytest.approx(1)
    assert told[-1] > 3.5
    for _ in range(40):  # ten epochs of another use
        last: Tensor = book.follow(z, torch.full((8,), 5))
    assert float(last) < 1.01
