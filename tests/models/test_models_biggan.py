"""BigGAN: where z and the class go, filters that are kept apart, first singular values."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep_models.adversarial.biggan import BigGan, BigGanConfig
from gensweep_models.nets.spectral import SpectralLinear, SpectralNet, spectral_layers

CLASSES = 3
SHAPES = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64))


def game(shape: tuple[int, ...] = (1, 8, 8), classes: int = CLASSES, **values: Any) -> BigGan:
    small = {"channels": 4, "latent_size": 10, "batch_size": 4, "embedding_size": 5}
    config = BigGanConfig(**small | values)
    return BigGan(config, SimpleNamespace(shape=shape, classes=classes, count=10))


def nets_of(subject: BigGan) -> Any:
    torch.manual_seed(0)
    return {name: player.build() for name, player in subject.players.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_chunk_of_z_reaches_its_own_block_alone(shape: tuple[int, ...]) -> None:
    """By the gradients of what each block gets: its condition ends with its chunk, and no other."""
    subject = game(shape)
    net = nets_of(subject)["generator"]
    count, size = len(net.body.blocks) + 1, 10 // (len(net.body.blocks) + 1)
    z = torch.randn(2, *subject.sample_noise(2)["z"].shape[1:], requires_grad=True)
    assert z.shape == (2, count * size)
    told: list[Tensor] = []
    for block in net.body.blocks:
        block.register_forward_pre_hook(lambda module, args: told.append(args[1]))
    net.body.stem.register_forward_pre_hook(lambda module, args: told.append(args[0]))
    net(z, torch.tensor([0, 1]))
    for index, condition in enumerate(told):
        mine = slice(index * size, (index + 1) * size)
        assert torch.equal(condition[:, -size:], z[:, mine])
        (gradient,) = torch.autograd.grad(condition.sum(), z, retain_graph=True)
        assert gradient[:, mine].all()
        gradient[:, mine] = 0
        assert not gradient.any()


def test_every_block_is_told_the_same_embedded_class() -> None:
    net = nets_of(game((1, 28, 28)))["generator"]
    told: list[Tensor] = []
    for block in net.body.blocks:
        block.register_forward_pre_hook(lambda module, args: told.append(args[1]))
    y = torch.tensor([2, 0])
    net(torch.randn(2, 9), y)  # three chunks of 10 numbers, without a rest
    assert len(told) == 2
    assert all(torch.equal(one[:, :5], net.embedding.weight[y]) for one in told)


def test_data_without_classes_leave_the_chunks() -> None:
    subject = game(classes=0)
    nets = nets_of(subject)
    assert subject.given == ()
    assert not hasattr(nets["generator"], "embedding")
    batch, noise = {"x": torch.randn(4, 1, 8, 8)}, {"z": torch.randn(4, 10)}
    hyper = {"orthogonal_weight": torch.tensor(1e-4)}
    for player in subject.players:
        assert subject.loss(player, nets, batch, noise, hyper)[0].isfinite()


class Layers(SpectralNet):
    """Linear layers of given shapes [outputs, inputs]."""

    def __init__(self, *shapes: tuple[int, int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(SpectralLinear(columns, rows) for rows, columns in shapes)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5)])
def test_the_orthogonal_penalty_is_the_formula(shape: tuple[int, int]) -> None:
    """Equation 3, and its gradient 4 (W W^T * (1 - I)) W."""
    torch.manual_seed(0)
    net = Layers(shape, (2, 4)).double()
    want, grads = torch.zeros((), dtype=torch.float64), []
    for layer in net.layers:
        weight = layer.weight.detach()
        unlike = (weight @ weight.mT) * (1 - torch.eye(len(weight), dtype=torch.float64))
        want += unlike.square().sum()
        grads.append(4 * unlike @ weight)
    penalty = net.orthogonal_penalty()
    torch.testing.assert_close(penalty, want)
    found = torch.autograd.grad(penalty, [layer.weight for layer in net.layers])
    torch.testing.assert_close(list(found), grads)


def test_orthogonal_filters_of_any_norm_are_not_penalised() -> None:
    torch.manual_seed(0)
    net = Layers((3, 7), (4, 4))
    for layer in net.layers:
        nn.init.orthogonal_(layer.weight)
        with torch.no_grad():
            layer.weight.mul_(torch.arange(1.0, 1 + len(layer.weight))[:, None])
    assert float(net.orthogonal_penalty().detach().abs()) < 1e-3
    with torch.no_grad():
        net.layers[0].weight[0] += net.layers[0].weight[1]
    assert float(net.orthogonal_penalty().detach()) > 1


def test_it_begins_orthogonal() -> None:
    for net in nets_of(game()).values():
        for layer in spectral_layers(net):
            matrix = layer.weight.detach().flatten(1)
            small = matrix @ matrix.mT if len(matrix) <= matrix.shape[1] else matrix.mT @ matrix
            torch.testing.assert_close(small, torch.eye(len(small)), atol=1e-4, rtol=0)


def test_sigmas_are_the_largest_singular_values_of_layers_and_of_a_player() -> None:
    """Of weights that training moved, by the vectors that its own passes leave."""
    subject = game()
    nets = nets_of(subject)
    with torch.no_grad():
        for net in nets.values():
            for layer in spectral_layers(net):
                # well above the second, or the power iteration would take long
                u, s, v = torch.linalg.svd(layer.weight.flatten(1), full_matrices=False)
                s[0] *= 2 + torch.rand(())
                layer.weight.copy_((u * s @ v).reshape(layer.weight.shape))
    y, noise = torch.tensor([0, 1, 2, 0]), {"z": torch.randn(4, 10)}
    batch, hyper = {"x": torch.randn(4, 1, 8, 8), "y": y}, {"orthogonal_weight": torch.tensor(0.0)}
    for player in subject.players:
        for _ in range(12):
            _, metrics = subject.loss(player, nets, batch, noise, hyper)
        layers = set(spectral_layers(nets[player]))
        known = {
            f"sigma_{player}.{name}": torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
            for name, layer in nets[player].named_modules()
            if layer in layers
        }
        known[f"sigma_{player}"] = max(known.values())
        found = {name: metrics[name] for name in metrics if "sigma" in name}
        torch.testing.assert_close(found, known, rtol=1e-3, atol=0)


def test_the_penalty_is_the_generators_alone_and_weighed() -> None:
    subject = game()
    nets = nets_of(subject)
    for net in nets.values():
        for layer in spectral_layers(net):
            nn.init.normal_(layer.weight, std=0.1)
            layer.eval()
            layer.u.copy_(torch.linalg.svd(layer.weight.detach().flatten(1))[0][:, 0])
            layer.v.copy_(torch.linalg.svd(layer.weight.detach().flatten(1))[2][0])
    batch = {"x": torch.randn(4, 1, 8, 8), "y": torch.tensor([0, 1, 2, 0])}
    noise = {"z": torch.randn(4, 10)}

    def loss(player: str, weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        hyper = {"orthogonal_weight": torch.tensor(weight)}
        return subject.loss(player, nets, batch, noise, hyper)

    free, bound = loss("generator", 0.0), loss("generator", 0.5)
    penalty = nets["generator"].orthogonal_penalty().detach()
    torch.testing.assert_close(bound[1]["orthogonal_penalty"], penalty)
    torch.testing.assert_close(bound[0] - free[0], 0.5 * penalty, rtol=1e-4, atol=0)
    assert torch.equal(loss("critic", 0.0)[0], loss("critic", 0.5)[0])


def test_its_curve_runs_over_the_papers_thresholds() -> None:
    known = BigGanConfig.__dataclass_fields__["truncation"].metadata
    assert known["grid"] == (0.04, 0.5, 1.0, 2.0)


def test_more_chunks_than_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`2 <= latent_size, a chunk a layer`.*latent_size=1"):
        game(latent_size=1).sample_noise(1)
