"""A tidied trace computes what the traced function does."""

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from gensweep.lanes._tidy import THIN, simplify, thin_bmm


@pytest.mark.parametrize("columns", [1, 2, THIN])
@pytest.mark.parametrize("turned", [False, True])
def test_a_thin_product_is_the_product(columns: int, turned: bool) -> None:
    x, w = torch.randn(3, 32, 20).double(), torch.randn(3, 20, columns).double()
    if turned:
        x, w = x.mT.contiguous().mT, w.mT.contiguous().mT
    found = thin_bmm(x, w)
    assert found.is_contiguous()
    torch.testing.assert_close(found, torch.bmm(x, w))


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_a_lane_of_a_thin_product_has_no_neighbours(columns: int) -> None:
    x, w = torch.randn(7, 64, 48), torch.randn(7, 48, columns)
    whole = thin_bmm(x, w)
    assert all(
        torch.equal(whole[i : i + 2], thin_bmm(x[i : i + 2], w[i : i + 2])) for i in range(6)
    )


def layer(x: Tensor, w: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    """Views that do nothing, one that does, a thin product, and a change in place."""
    x = x.view(x.shape).detach().expand(x.shape)
    y = torch.bmm(x, w).view(x.shape[0], -1)
    out.view(out.shape).copy_(y)
    return y, out


def test_a_tidied_trace_gives_the_same_and_changes_the_same() -> None:
    x, w, out = torch.randn(2, 32, 8), torch.randn(2, 8, 2), torch.zeros(2, 64)
    trace = make_fx(layer)(x, w, out)
    before = len(trace.graph.nodes)
    mine, theirs = out.clone(), out.clone()
    found, expected = simplify(trace)(x, w, mine), layer(x, w, theirs)
    assert len(trace.graph.nodes) == before - 4
    assert "thin_bmm" in trace.code
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(mine, theirs)
    assert mine.abs().sum() > 0


def test_views_of_what_is_not_used_are_dropped() -> None:
    def unused(x: Tensor, y: Tensor) -> Tensor:
        y[:, 1:3].view(2, 2)[0]
        return x + 1

    x, y = torch.ones(2, 4), torch.ones(2, 4)
    trace = simplify(make_fx(unused)(x, y))
    assert [node.op for node in trace.graph.nodes].count("call_function") == 1
    assert torch.equal(trace(x, y), x + 1)
