"""What generator and critic minimise: pure functions of the critic's raw scores [B], in one table.

C is the critic's raw output, sigma(C) the discriminator's D.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gensweep_models.adversarial.penalties import PenaltyName
from gensweep_models.config import check

Objective = Literal[
    "minimax", "non_saturating", "wasserstein", "wasserstein_gp", "hinge", "least_squares",
    "relativistic", "lipschitz", "lipschitz_exp", "lipschitz_sqrt",
]  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """The losses of both players, and what the objective asks of the critic.

    `paired`: the generator's loss needs the scores of real examples too. `labels`: the critic
    learns labels, which can be smoothed. `penalty` comes with the objective, unless another one is
    chosen; `clips`: its weights are bounded, `spectral`: they are spectrally normalised.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    paired: bool = False
    labels: bool = False
    penalty: PenaltyName | None = None
    clips: bool = False
    spectral: bool = False


def critic_loss(objective: Objective, real: Tensor, fake: Tensor) -> Tensor:
    """Return what the critic minimises, of its scores of real examples and of samples."""
    return OBJECTIVES[objective].critic(real, fake)


def generator_loss(objective: Objective, fake: Tensor, real: Tensor | None = None) -> Tensor:
    """Return what the generator minimises; a `paired` objective needs the scores of `real`, too."""
    formula = OBJECTIVES[objective]
    if not formula.paired:
        return formula.generator(fake)
    check(real is not None, f"{objective} compares with the scores of real examples", real=real)
    return formula.generator(fake, real)


def critic_metrics(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Return metrics of how well a critic tells real examples from samples, by scores [B, ...].

    The gap of its mean scores, of a 1-Lipschitz critic an estimate of the Wasserstein distance;
    and its accuracy, the share of pairs of which it scores the real one higher. That compares
    objectives: a Wasserstein critic has no score from which on data are real.
    """
    # Few operations: each costs a small network's turn a quarter of a percent.
    apart = (real - fake).detach()
    accuracy = (apart > 0).mean(dtype=apart.dtype)
    return {"critic_gap": apart.mean(), "critic_accuracy": accuracy}


def label_smoothing(real: Tensor, share: Tensor) -> Tensor:
    """Return what the label 1 - share of real examples, in place of 1, adds to the critic's loss.

    Of cross entropy exactly, for softplus(C) - softplus(-C) = C; of least squares up to a constant.
    One-sided label smoothing, arXiv:1606.03498, section 3.4.
    """
    return share * real.mean()


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))). Goodfellow et al., arXiv:1406.2661, equation 1."""
    return softplus(-real).mean() + softplus(fake).mean()


def _least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """Labels 1 and 0. Mao et al., arXiv:1611.04076, equation 9."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Miyato et al., arXiv:1802.05957, equation 16."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def _gap(real: Tensor, fake: Tensor) -> Tensor:
    """-W of a critic that is 1-Lipschitz. Arjovsky et al., arXiv:1701.07875, equation 3."""
    return fake.mean() - real.mean()


def _relative(lower: Tensor, higher: Tensor) -> Tensor:
    """-log sigma(higher - lower), pair by pair. RpGAN: R3GAN, arXiv:2501.05441, equation 2."""
    return softplus(lower - higher).mean()


def _lowered(fake: Tensor) -> Tensor:
    """-C(G(z)): the sample's score is raised as fast wherever it is."""
    return -fake.mean()


def _lipschitz(phi: Callable[[Tensor], Tensor]) -> Formula:
    """phi(C(G(z))) + phi(-C(x)), of a convex rising phi. LGAN, arXiv:1807.00751."""
    return Formula(
        lambda real, fake: phi(-real).mean() + phi(fake).mean(), _lowered, penalty="max_gradient"
    )


OBJECTIVES: dict[Objective, Formula] = {
    "minimax": Formula(_cross_entropy, lambda fake: -softplus(fake).mean(), labels=True),
    "non_saturating": Formula(_cross_entropy, lambda fake: softplus(-fake).mean(), labels=True),
    "least_squares": Formula(
        _least_squares, lambda fake: (fake - 1).square().mean() / 2, labels=True
    ),
    "hinge": Formula(_hinge, _lowered, spectral=True),
    "wasserstein": Formula(_gap, _lowered, clips=True),
    "wasserstein_gp": Formula(_gap, _lowered, penalty="gradient"),
    "relativistic": Formula(
        lambda real, fake: _relative(fake, real), lambda fake, real: _relative(real, fake),
        paired=True,
    ),
    "lipschitz": _lipschitz(softplus),
    "lipschitz_exp": _lipschitz(torch.exp),
    "lipschitz_sqrt": _lipschitz(lambda score: score + (score.square() + 1).sqrt()),
}  # fmt: skip
