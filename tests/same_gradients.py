"""Compares a function of random numbers, and its gradients, with another one in float64."""

import torch
from torch import Tensor


def normal(*shape: int, scale: float = 1.0) -> Tensor:
    """Draw normal numbers that gradients are wanted of."""
    return (scale * torch.randn(shape, dtype=torch.float64)).requires_grad_()


def assert_same_with_gradients(got: Tensor, want: Tensor, inputs: list[Tensor]) -> None:
    """Assert that two scalars agree, and their gradients with respect to `inputs`."""
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(
        torch.autograd.grad(got, inputs, retain_graph=True), torch.autograd.grad(want, inputs)
    )
