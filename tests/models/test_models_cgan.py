"""The conditional GAN: both see the class, by joining it or by projection."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.adversarial.cgan import Cgan, CganConfig, ConditionalCritic
from gensweep_models.catalog import CATALOG
from gensweep_models.nets.projection import Projection

CLASSES = 3
SHAPES = [((2,), "mlp"), ((1, 8, 8), "mlp"), ((1, 28, 28), "conv"), ((3, 32, 32), "conv")]


def data(shape: tuple[int, ...], classes: int = CLASSES) -> Any:
    return SimpleNamespace(shape=shape, classes=classes, count=10)


def critic(conditioning: Any, shape: tuple[int, ...], body: Any) -> ConditionalCritic:
    torch.manual_seed(0)
    config = CganConfig(conditioning=conditioning, hidden=8, body=body, objective="hinge")
    return ConditionalCritic(config, data(shape)).eval()


@pytest.mark.parametrize("spectral", [True, False])
def test_a_projection_is_a_linear_score_and_an_inner_product(spectral: bool) -> None:
    """Equation 3, with the matrices that the layers apply, written out for each example."""
    torch.manual_seed(0)
    head = Projection(5, CLASSES, spectral).eval()
    features, y = torch.randn(7, 5), torch.randint(CLASSES, (7,))
    table = head.embedding(torch.eye(CLASSES))
    for feature, label, score in zip(features, y, head(features, y), strict=True):
        want = head.linear(feature) + table[label] @ feature
        torch.testing.assert_close(score[None], want)
    torch.testing.assert_close(head(features), head.linear(features)[:, 0])
    assert not any("bias" in name for name, _ in head.embedding.named_parameters())


@pytest.mark.parametrize(("shape", "body"), SHAPES)
def test_a_projection_critic_scores_its_own_features(shape: tuple[int, ...], body: Any) -> None:
    net = critic("projection", shape, body)
    x, y = torch.randn(4, *shape), torch.tensor([0, 1, 2, 1])
    features = net.body(x.flatten(1) if body == "mlp" else x)
    torch.testing.assert_close(net(x, y), net.head(features, y))


@pytest.mark.parametrize(("shape", "body"), SHAPES)
def test_a_joined_class_is_one_of_the_inputs(shape: tuple[int, ...], body: Any) -> None:
    """The first of them: maps that are 1 for the class and 0 for the others."""
    net = critic("concatenation", shape, body)
    x, y = torch.randn(4, *shape), torch.tensor([0, 1, 2, 1])
    seen: list[Tensor] = []
    handle = net.body.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    scores = net(x, y)
    handle.remove()
    assert torch.equal(seen[0][:, CLASSES:], x.flatten(1) if body == "mlp" else x)
    for label, maps in zip(y, seen[0][:, :CLASSES], strict=True):
        assert (maps[label] == 1).all()
        assert float(maps.sum()) == maps[label].numel()
    assert scores.shape == (4,)
    assert not torch.allclose(scores, net(x, (y + 1) % CLASSES))


class Halves(RandomExamples):
    """Points near -1 for the first class and near 1 for the second."""

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        found = super().gather(indices)
        centre = (2 * found["y"] - 1).to(found["x"])[..., None]
        return found | {"x": centre + 0.05 * found["x"]}


@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
def test_training_puts_each_class_where_its_examples_are(conditioning: str) -> None:
    halves = Halves((2,), classes=2)
    config = CganConfig(
        conditioning=conditioning, learning_rate=1e-2, hidden=16, layers=1, latent_size=2,
        batch_size=64, ema=0.9,
    )  # fmt: skip
    pack = Pack(CATALOG["cgan"], config, halves, halves, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=64 * 200)
    pack.run(200)
    y = torch.arange(200) % 2
    drawn = pack.sample(200, given={"y": y})[0]
    right = (drawn.mean(1) > 0).long() == y
    assert float(right.float().mean()) > 0.95


@pytest.mark.parametrize(
    ("shape", "classes", "body", "message"),
    [
        ((2,), 0, "mlp", r"the data have classes; choose gan for others.* classes=0"),
        ((2,), 3, "conv", r"C x S x S with S in 8, 28, 32, 64 for body conv.*shape=\(2,\)"),
        ((1, 20, 20), 3, "conv", r"C x S x S with S in.*shape=\(1, 20, 20\)"),
    ],
)
def test_data_that_will_not_do_are_named(
    shape: tuple[int, ...], classes: int, body: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Cgan(CganConfig(body=body), data(shape, classes))
