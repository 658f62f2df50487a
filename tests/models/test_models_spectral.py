"""Spectral norm against the SVD: linear and convolutional layers, alone and stacked."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from gensweep_models.nets import SpectralLinear
from gensweep_models.nets.spectral import SpectralConv2d

INPUTS, OUTPUTS, KERNEL, LANES = 3, 5, 4, 3
LAYERS: dict[str, Callable[[], Any]] = {
    "linear": lambda: SpectralLinear(7, OUTPUTS),
    "conv": lambda: SpectralConv2d(INPUTS, OUTPUTS, KERNEL, 2, 0),
}
every_layer = pytest.mark.parametrize("kind", LAYERS)


def _built(kind: str) -> Any:
    """A layer in float64 whose largest singular values are well apart, so that it settles soon."""
    layer = LAYERS[kind]().double()
    with torch.no_grad():
        u, s, v = torch.linalg.svd(layer.weight.flatten(1), full_matrices=False)
        s[0] *= 3
        layer.weight.copy_((u * s @ v).reshape(layer.weight.shape))
    return layer


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _basis(layer: nn.Module) -> Tensor:
    """Inputs whose outputs, less the bias, are the transposed matrix that the layer applies."""
    if isinstance(layer, SpectralLinear):
        return torch.eye(7, dtype=torch.float64)
    size = INPUTS * KERNEL**2
    return torch.eye(size, dtype=torch.float64).reshape(size, INPUTS, KERNEL, KERNEL)


def _applied(layer: Any) -> Tensor:
    matrix: Tensor = (layer(_basis(layer)).flatten(1) - layer.bias).mT
    return matrix


def _largest(weight: Tensor) -> Tensor:
    largest: Tensor = torch.linalg.svdvals(weight.flatten(1))[0]
    return largest


@every_layer
def test_the_matrix_is_divided_by_its_largest_singular_value(kind: str) -> None:
    layer = _built(kind)
    for _ in range(60):
        applied = _applied(layer)
    assert not 0.9 < float(_largest(layer.weight.detach())) < 1.1
    torch.testing.assert_close(applied, layer.weight.flatten(1) / _largest(layer.weight))


@every_layer
def test_one_pass_is_one_power_iteration_and_evaluation_none(kind: str) -> None:
    layer = _built(kind)
    matrix, u = layer.weight.detach().flatten(1), layer.u.clone()
    v = matrix.mT @ u / (matrix.mT @ u).norm()
    u = matrix @ v / (matrix @ v).norm()
    torch.testing.assert_close(_applied(layer), matrix / (u @ matrix @ v))
    layer.eval()
    torch.testing.assert_close(_applied(layer), matrix / (u @ matrix @ v))
    torch.testing.assert_close((layer.u, layer.v), (u, v))


@every_layer
def test_the_gradient_is_that_through_the_svd(kind: str) -> None:
    """Equation 12 of the paper; the weight's norm changes nothing."""
    layer = _built(kind)
    for _ in range(60):
        applied = _applied(layer)
    pull = torch.randn_like(applied)
    exact = layer.weight.flatten(1) / _largest(layer.weight)
    (got,) = torch.autograd.grad((pull * applied).sum(), layer.weight)
    (want,) = torch.autograd.grad((pull * exact).sum(), layer.weight)
    torch.testing.assert_close(got, want)
    assert abs(float((got * layer.weight.detach()).sum())) < 1e-9 < float(got.abs().max())


@every_layer
def test_stacked_layers_are_each_divided_by_their_own(kind: str) -> None:
    layers = [_built(kind) for _ in range(LANES)]
    with torch.no_grad():
        for scale, layer in enumerate(layers, 1):
            layer.weight.mul_(scale)
    params, buffers = stack_module_state(layers)
    x = _basis(layers[0])

    def one(params: Any, buffers: Any) -> Any:
        return functional_call(layers[0], (params, buffers), x).flatten(1) - params["bias"]

    before = {name: b.clone() for name, b in buffers.items()}
    for _ in range(60):
        applied = vmap(one)(params, buffers).mT
    for lane, layer in enumerate(layers):
        want = layer.weight.flatten(1) / _largest(layer.weight)
        torch.testing.assert_close(applied[lane], want)
        u, _, v = torch.linalg.svd(layer.weight.detach().flatten(1))
        for name, side in (("u", u[:, 0]), ("v", v[0])):
            assert abs(float(buffers[name][lane] @ side)) == pytest.approx(1)
            assert not torch.allclose(buffers[name][lane], before[name][lane], atol=1e-3)
