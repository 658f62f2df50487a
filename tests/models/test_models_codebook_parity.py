"""The codebook beside that of vector-quantize-pytorch, with the same codes."""

from typing import Any

import pytest
import torch
from torch import Tensor
from vector_quantize_pytorch import VectorQuantize

from gensweep_models.discrete.codebook import Codebook

CODES, SIZE, VECTORS, DECAY = 12, 3, 40, 0.9


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def theirs(codes: Tensor, **settings: Any) -> VectorQuantize:
    """Their quantiser, whose averages begin as the sums of a batch that uses all codes alike.

    Ours count batches as if they had as many vectors as there are codes.
    """
    quantiser = VectorQuantize(
        SIZE, CODES, decay=DECAY, eps=1e-5, threshold_ema_dead_code=0, rotation_trick=False,
        **settings,
    )  # fmt: skip
    book: Any = quantiser._codebook
    book.embed.data.copy_(codes[None])
    book.cluster_size.fill_(VECTORS / CODES)
    book.embed_avg.copy_(codes[None] * VECTORS / CODES)
    return quantiser


def test_tokens_codes_and_gradients_are_theirs() -> None:
    book = Codebook(CODES, SIZE, per_epoch=1.0)
    quantiser = theirs(book.table().detach())
    z = 0.3 * torch.randn(5, 8, SIZE)
    ours, other = (z.clone().requires_grad_() for _ in range(2))
    found = book(ours)
    quantised, tokens, _ = quantiser(other, freeze_codebook=True)
    assert torch.equal(found.tokens, tokens)
    assert len(tokens.unique()) > CODES / 2
    torch.testing.assert_close(found.through, quantised)
    direction = torch.randn_like(z)
    for through, start in ((found.through, ours), (quantised, other)):
        (slope,) = torch.autograd.grad((through * direction).sum(), start, retain_graph=True)
        torch.testing.assert_close(slope, direction)


def test_the_commitment_loss_and_its_gradient_are_theirs() -> None:
    book = Codebook(CODES, SIZE, per_epoch=1.0)
    quantiser = theirs(book.table().detach(), commitment_weight=1.0)
    z = torch.randn(VECTORS, SIZE)
    ours, other = (z.clone().requires_grad_() for _ in range(2))
    wanted = quantiser(other[None], freeze_codebook=True)[2].sum()
    found = book(ours).commitment
    torch.testing.assert_close(found, wanted)
    slopes = [torch.autograd.grad(*one)[0] for one in ((found, ours), (wanted, other))]
    torch.testing.assert_close(*slopes)


def test_averaged_codes_move_as_theirs() -> None:
    book = Codebook(CODES, SIZE, per_epoch=1.0, update="ema", decay=DECAY)
    first = book.table().clone()
    quantiser = theirs(first)
    for _ in range(20):
        z = torch.randn(VECTORS, SIZE)
        tokens = book(z).tokens
        assert torch.equal(tokens, quantiser(z[None])[1][0])
        book.follow(z, tokens)
        torch.testing.assert_close(book.table(), quantiser.codebook, rtol=1e-4, atol=1e-5)
    assert float((book.table() - first).norm(dim=1).min()) > 0.1
