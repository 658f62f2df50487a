"""The papers' objectives and penalties of GANs, written out without the code that is tested."""

from collections.abc import Callable

import torch
from torch import Tensor

Formula = Callable[[Tensor, Tensor], Tensor]


def log_d(logits: Tensor) -> Tensor:
    return (1 / (1 + (-logits).exp())).log()


def log_not_d(logits: Tensor) -> Tensor:
    return (1 - 1 / (1 + (-logits).exp())).log()


def _value(real: Tensor, fake: Tensor) -> Tensor:
    """V(D, G) of Goodfellow et al., eq. 1, which D maximises."""
    return log_d(real).mean() + log_not_d(fake).mean()


def _wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic of Arjovsky et al., eq. 3, maximises; in Gulrajani et al. too, eq. 3."""
    return real.mean() - fake.mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    """V_D of Miyato et al., eq. 16, after Lim and Ye, arXiv:1705.02894, which D maximises."""
    zero = torch.zeros_like(real)
    return torch.minimum(zero, real - 1).mean() + torch.minimum(zero, -fake - 1).mean()


def _least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """Minus what Mao et al., eq. 9, minimise, with labels 1 and 0."""
    return -((real - 1) ** 2).mean() / 2 - (fake**2).mean() / 2


def _pairs(real: Tensor, fake: Tensor) -> Tensor:
    """E f(C(G(z)) - C(x)), f(t) = -log(1 + exp(-t)): R3GAN, eq. 2, whose D has the other sign."""
    return -(1 + (fake - real).exp()).log().mean()


def _lgan(phi: Callable[[Tensor], Tensor]) -> Formula:
    return lambda real, fake: -phi(-real).mean() - phi(fake).mean()


MAXIMISED: dict[str, Formula] = {
    "minimax": _value,
    "non_saturating": _value,
    "wasserstein": _wasserstein,
    "wasserstein_gp": _wasserstein,
    "hinge": _hinge,
    "least_squares": _least_squares,
    "relativistic": _pairs,
    "lipschitz": _lgan(lambda t: -log_not_d(t)),
    "lipschitz_exp": _lgan(torch.exp),
    "lipschitz_sqrt": _lgan(lambda t: t + torch.hypot(t, torch.ones_like(t))),
}
MINIMISED: dict[str, Formula] = {
    "minimax": lambda real, fake: log_not_d(fake).mean(),
    "non_saturating": lambda real, fake: -log_d(fake).mean(),
    "least_squares": lambda real, fake: ((fake - 1) ** 2).mean() / 2,
    "relativistic": lambda real, fake: (1 + (real - fake).exp()).log().mean(),
} | dict.fromkeys(
    ("wasserstein", "wasserstein_gp", "hinge", "lipschitz", "lipschitz_exp", "lipschitz_sqrt"),
    lambda real, fake: -fake.mean(),
)


def _between(real: Tensor, fake: Tensor, drawn: dict[str, Tensor]) -> Tensor:
    return drawn["epsilon"] * real + (1 - drawn["epsilon"]) * fake


def _perturbed(real: Tensor, fake: Tensor, drawn: dict[str, Tensor]) -> Tensor:
    """Where DRAGAN's code goes: from x towards x + std(x) / 2 times uniform numbers."""
    towards = real + 0.5 * real.std() * drawn["direction"]
    return real + drawn["epsilon"] * (towards - real)


POINTS: dict[str, list[Callable[..., Tensor]]] = {
    "gradient": [_between],
    "dragan": [_perturbed],
    "zero_centred": [_between],
    "r1": [lambda real, fake, drawn: real],
    "r2": [lambda real, fake, drawn: fake],
    "r1_r2": [lambda real, fake, drawn: real, lambda real, fake, drawn: fake],
    "max_gradient": [_between],
}
LAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "gradient": lambda norms: ((norms - 1) ** 2).mean(),
    "dragan": lambda norms: ((norms - 1) ** 2).mean(),
    "zero_centred": lambda norms: (norms**2).mean(),
    "r1": lambda norms: (norms**2).mean() / 2,
    "r2": lambda norms: (norms**2).mean() / 2,
    "r1_r2": lambda norms: (norms**2).mean() / 2,
    "max_gradient": lambda norms: norms.max() ** 2,
}


def draws(name: str, batch: int, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes of a penalty's uniform numbers: one of each example, or of each of its numbers."""
    epsilon, direction = (batch, *[1] * len(shape)), (batch, *shape)
    if name == "dragan":
        return {"epsilon": epsilon, "direction": direction}
    return {"epsilon": epsilon} if POINTS[name] == [_between] else {}


def penalty_by_hand(
    name: str, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor,
    drawn: dict[str, Tensor],
) -> Tensor:  # fmt: skip
    """The penalty by torch.autograd.grad, example after example."""
    total = torch.zeros((), dtype=real.dtype)
    for points in POINTS[name]:
        norms = []
        for x in points(real, fake, drawn):
            leaf = x[None].detach().clone().requires_grad_()
            (slope,) = torch.autograd.grad(critic(leaf).sum(), leaf, create_graph=True)
            norms.append(slope.norm())
        total = total + LAWS[name](torch.stack(norms))
    return total
