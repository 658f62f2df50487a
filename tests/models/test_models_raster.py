"""Laws of gated PixelCNNs and of drawing from them: causality, rows that are remembered, shares."""

import pytest
import torch

from bound_nets import bind
from gensweep_models.discrete.raster import blank, draw_token, inverse_cdf, tokens_of
from gensweep_models.nets import PixelCNN
from gensweep_models.nets.projection import one_hot

ONE = torch.tensor(1.0)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("condition", [0, 2])
@pytest.mark.parametrize("layers", [1, 4])
def test_logits_depend_on_what_comes_before_and_on_nothing_else(
    layers: int, condition: int
) -> None:
    side, net = 5, PixelCNN(3, 8, layers, condition=condition)
    told = torch.randn(1, condition, side, side) if condition else None
    x = torch.randn(1, 3, side, side, requires_grad=True)
    logits = net(x, told)
    for at in range(side * side):
        place = logits[0, :, at // side, at % side].square().sum()
        (gradient,) = torch.autograd.grad(place, x, retain_graph=True, materialize_grads=True)
        size = gradient.abs().sum((0, 1)).flatten()
        assert not size[at:].any()
        if layers == 4:  # whose receptive field is the grid
            assert size[:at].all()


def test_a_condition_reaches_every_logit_of_its_place() -> None:
    net, x = PixelCNN(3, 8, 3, condition=2), torch.randn(1, 3, 4, 4)
    told = torch.randn(1, 2, 4, 4, requires_grad=True)
    logits = net(x, told)
    for at in range(16):
        place = logits[0, 0, at // 4, at % 4]
        (gradient,) = torch.autograd.grad(place, told, retain_graph=True)
        size = gradient.abs().sum((0, 1)).flatten()
        assert size[at] > 0
        assert not size[at + 4 :].any()


def test_a_row_needs_no_later_rows() -> None:
    net, x = PixelCNN(3, 8, 3), torch.randn(2, 3, 6, 5)
    torch.testing.assert_close(net(x[:, :, :4]), net(x)[:, :, :4])


@pytest.mark.parametrize("condition", [0, 2])
def test_rows_with_what_is_remembered_equal_the_whole(condition: int) -> None:
    net = PixelCNN(3, 8, 4, condition=condition).double()
    x = torch.randn(2, 3, 7, 5).double()
    told = torch.randn(2, condition, 7, 5).double() if condition else None
    whole, above = net.features(x, told), net.begin(x)
    for i in range(7):
        row = None if told is None else told[:, :, [i]]
        features, own = net.row(x[:, :, [i]], above, row)
        torch.testing.assert_close(features, whole[:, :, [i]])
        pairs = zip(above, own, strict=True)
        above = tuple(torch.cat([old[:, :, 1:], new], 2) for old, new in pairs)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_inverse_cdf_against_the_softmax(temperature: float) -> None:
    logits, count = torch.tensor([0.3, -1.0, float("-inf"), 2.0, 0.0]), 100_000
    u = (torch.arange(count) + 0.5) / count
    tokens = inverse_cdf(logits.expand(count, -1), u, torch.tensor(temperature))
    share = torch.bincount(tokens, minlength=5) / count
    torch.testing.assert_close(share, (logits / temperature).softmax(0), atol=3e-5, rtol=0)
    assert (tokens.diff() >= 0).all()
    impossible_first = logits.flip(0)[2:].expand(1, -1)
    assert inverse_cdf(impossible_first, torch.zeros(1), ONE).item() == 1


def test_draws_have_their_probabilities() -> None:
    """All 16 grids of 2 x 2 binary tokens, enumerated."""
    net, count = PixelCNN(2, 8, 2), 20_000
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2.5)  # sharper than at the start
        grids = torch.cartesian_prod(*[torch.arange(2)] * 4).view(16, 2, 2)
        maps = one_hot(grids, 2).movedim(-1, 1)
        law = (maps * net(maps).log_softmax(1)).sum((1, 2, 3)).exp()
        bound = bind("net", net)
        u = torch.rand(count, 2, 2)
        canvas = blank(bound, (2, 2, 2), u)
        for step in torch.arange(4):
            canvas = draw_token(bound, canvas, step, u, ONE)
    drawn = (tokens_of(canvas).flatten(1) * torch.tensor([8, 4, 2, 1])).sum(1)
    share = torch.bincount(drawn, minlength=16) / count
    assert float(law.sum()) == pytest.approx(1, abs=1e-5)
    assert float(law.max()) > 0.12
    assert float((share - law).abs().max()) < 4 * (0.25 / count) ** 0.5
