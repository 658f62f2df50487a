"""Flows beside normflows, on the same weights: the same layers, the same log-likelihood."""

# normflows is not typed
# mypy: disable-error-code="no-untyped-call,import-untyped"
from types import SimpleNamespace
from typing import Any

import normflows
import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind
from gensweep_models.flow.glow import ActNorm, InvertibleConv
from gensweep_models.flow.nice import Nice, NiceConfig
from gensweep_models.flow.realnvp import Realnvp, RealnvpConfig
from gensweep_models.nets.coupling import Coupling


class _Half(nn.Module):
    """The log-scale or the shift of a coupling, as normflows takes it."""

    def __init__(self, coupling: Coupling, which: int) -> None:
        super().__init__()
        self.coupling, self.which = coupling, which

    def forward(self, seen: Tensor) -> Tensor:
        out = self.coupling.conditioner(seen)
        if self.coupling.factor is None:
            shift: Tensor = out
            return shift
        raw, shift = out.chunk(2, 1)
        return shift if self.which else self.coupling.factor * raw.tanh()


def _moved(net: nn.Module) -> Any:
    torch.manual_seed(1)
    for parameter in net.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    return net.double().requires_grad_(False).eval()


def _peer(couplings: Any, base: Any) -> Any:
    """A flow of normflows, from the latent to data: ours, reversed and inverted."""
    layers = []
    for one in reversed(list(couplings)):
        scale = None if one.factor is None else _Half(one, 0)
        layers.append(_Inverted(normflows.flows.MaskedAffineFlow(one.mask, _Half(one, 1), scale)))
    return normflows.NormalizingFlow(base, layers).double()


class _Inverted(normflows.flows.Flow):  # type: ignore[misc]
    def __init__(self, flow: Any) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, z: Tensor) -> Any:
        return self.flow.inverse(z)

    def inverse(self, z: Tensor) -> Any:
        return self.flow.forward(z)


def test_a_realnvp_has_the_likelihood_of_normflows() -> None:
    data = SimpleNamespace(shape=(5,), classes=0, count=9)
    game = Realnvp(RealnvpConfig(hidden=16, couplings=4), data)
    flow = _moved(game.players["flow"].build())
    peer = _peer(flow.steps, normflows.distributions.DiagGaussian(5, trainable=False))
    x = torch.randn(20, 5, dtype=torch.float64)
    found = game.log_prob({"flow": bind("flow", flow)}, x, {}, {})
    torch.testing.assert_close(found, peer.log_prob(x))
    assert float(found.std()) > 0.1


def test_a_nice_has_the_likelihood_of_normflows() -> None:
    data = SimpleNamespace(shape=(4,), classes=0, count=9)
    game = Nice(NiceConfig(hidden=16, layers=2, prior="normal"), data)
    flow = _moved(game.players["flow"].build())
    base = normflows.distributions.DiagGaussian(4, trainable=False)
    peer = _peer(flow.steps[:-1], base)
    x = torch.randn(20, 4, dtype=torch.float64)
    s = flow.steps[-1].log_scale
    y, _ = flow.steps[0](x)
    for step in flow.steps[1:-1]:
        y, _ = step(y)
    unscaled = torch.distributions.Normal(0, 1)
    expected = peer.log_prob(x) - unscaled.log_prob(y).sum(1)  # type: ignore[no-untyped-call]
    expected = expected + unscaled.log_prob(y * s.exp()).sum(1) + s.sum()
    found = game.log_prob({"flow": bind("flow", flow)}, x, {}, {})
    torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_a_1x1_convolution_is_that_of_normflows() -> None:
    ours = _moved(InvertibleConv(6))
    peer = normflows.flows.Invertible1x1Conv(6, use_lu=True).double()
    lower = ours.lower.tril(-1) + torch.eye(6)
    named = {"P": ours.permutation, "sign_S": ours.sign, "eye": torch.eye(6).double(), "L": lower,
             "log_S": ours.log_scale, "U": ours.upper.triu(1)}  # fmt: skip
    peer.load_state_dict(named)
    x = torch.randn(3, 6, 4, 4, dtype=torch.float64)
    for found, expected in zip(ours(x), peer.inverse(x), strict=True):
        torch.testing.assert_close(found, expected.expand(found.shape))
    back, other = ours(x, inverse=True)[0], peer(x)[0]
    torch.testing.assert_close(back, other)


def test_actnorm_begins_where_that_of_normflows_does() -> None:
    ours, peer = ActNorm(3).double().train(), normflows.flows.ActNorm((3, 1, 1)).double()
    x = 4 * torch.randn(50, 3, 4, 4, dtype=torch.float64) - 2
    (found, volume), (expected, other) = ours(x), peer.inverse(x)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)  # it divides by std + 1e-6
    torch.testing.assert_close(volume, other.expand(50), rtol=1e-3, atol=1e-3)
