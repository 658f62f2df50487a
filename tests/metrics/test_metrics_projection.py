"""Features of data without labels: principal components, against the SVD."""

import pytest
import torch

from gensweep.errors import UserError
from gensweep.metrics import Evaluator, Projection


def images(count: int = 60) -> torch.Tensor:
    torch.manual_seed(0)
    return (torch.randn(count, 12) @ torch.randn(12, 64) / 8).tanh().reshape(count, 1, 8, 8)


@pytest.mark.parametrize(("count", "size"), [(60, 5), (6, 64), (100, 64)])
def test_components_are_those_of_the_svd(count: int, size: int) -> None:
    x = images(count)
    found = Projection.fit(x, size)
    flat = x.flatten(1).double()
    _, scales, axes = torch.linalg.svd(flat - flat.mean(0), full_matrices=False)
    wanted = found.axes.shape[1]
    assert wanted <= min(size, count - 1, 64)
    inner = (axes[:wanted] @ found.axes.double()).abs()
    torch.testing.assert_close(inner, torch.eye(wanted).double(), rtol=0, atol=1e-4)
    spread = found.features(x).double().var(0) * (count - 1)
    torch.testing.assert_close(spread, scales[:wanted].square(), rtol=1e-4, atol=1e-6)


def test_the_same_images_give_the_same_hash_and_others_another() -> None:
    first = Projection.fit(images())
    assert Projection.fit(images()).hash == first.hash == Projection.load(first.save()).hash
    assert Projection.fit(images()).hash != Projection.fit(-images()).hash
    with pytest.raises(UserError, match="got 1"):
        Projection.fit(images(1))


def test_verdicts_without_labels() -> None:
    torch.manual_seed(1)
    real = images(900)
    x, test, held = real.split(300)
    evaluator = Evaluator.for_dataset("folder", {"x": x}, {"x": test}, net=Projection.fit(x))
    one = test[:1] + 0.3 * torch.randn(300, 1, 8, 8) * 0.1
    lanes = torch.stack([held, one, 0.9 * torch.randn(300, 1, 8, 8)])
    found = [evaluator.verdict(m)[0] for m in evaluator.evaluate(lanes)]
    assert found == ["converged", "collapsed", "collapsed"]
    assert "classes" not in evaluator.evaluate(lanes)[0]
    assert evaluator.protocol["features"] == "principal components of the pixels"
