import pytest
import torch

from gensweep.errors import UserError
from gensweep.metrics._squared_distances import SquaredDistances


@pytest.mark.parametrize(("count", "chunk"), [(7, None), (97, 10), (160, 160), (1003, None)])
def test_nearest_points_are_those_of_all_distances(count: int, chunk: int | None) -> None:
    torch.manual_seed(count)
    points = torch.randn(count, 3).double()
    points[-2:] = points[:2]  # the same point twice
    values, indices = SquaredDistances(points, chunk).nearest(4)
    apart = torch.cdist(points, points).square().fill_diagonal_(torch.inf)
    assert torch.allclose(values, apart.topk(4, largest=False).values, atol=1e-12)
    assert torch.allclose(apart.gather(1, indices), values, atol=1e-12)


def test_distances_from_others_do_not_depend_on_the_rows_at_once() -> None:
    torch.manual_seed(0)
    points, others = torch.randn(50, 8).double(), torch.randn(33, 8).double()
    wanted = torch.cdist(others, points).square()
    for chunk in (1, 10, 33, 99):
        seen = torch.zeros_like(wanted)
        for rows, distances in SquaredDistances(points, chunk).of(others):
            assert len(distances) <= chunk
            seen[rows] = distances
        assert torch.allclose(seen, wanted, atol=1e-12)


def test_digits_are_kept_far_from_the_origin() -> None:
    torch.manual_seed(0)
    points = torch.randn(400, 16)
    near, far = (SquaredDistances(one).nearest(5)[0] for one in (points, points + 1000.0))
    assert torch.allclose(near, far, rtol=0.01)  # of numbers that are themselves rounded to 6e-5


@pytest.mark.parametrize("count", [0, 5])
def test_more_neighbours_than_others_are_refused(count: int) -> None:
    with pytest.raises(UserError, match=f"got k={count} and 5 samples"):
        SquaredDistances(torch.randn(5, 2)).nearest(count)
