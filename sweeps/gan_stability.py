"""Where in hyperparameter space does a GAN train stably?

Five objectives against learning rate, latent size, critic iterations and truncation threshold,
and the clip or penalty weight where the objective has one. The report's stability map shows the
share of trials that converged, collapsed and diverged over the learning rate. Before it stands what
the minimax and the non-saturating generator learn from a discriminator that is sure of itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from gensweep.sweep import Chart, Sweep, main
from gensweep_models.adversarial.objectives import Objective, generator_loss
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

SPACE = {
    "objective": Categorical(
        ("minimax", "non_saturating", "wasserstein", "wasserstein_gp", "hinge")
    ),
    "learning_rate": Real(1e-4, 1e-1, log=True),
    "latent_size": Integer(4, 32, log=True),
    "critic_iterations": Integer(1, 5),
    "truncation": Real(0.5, 3.0),
    "clip": Real(0.01, 0.3, log=True, when={"objective": ("wasserstein",)}),
    "penalty_weight": Real(0.1, 20.0, log=True, when={"objective": ("wasserstein_gp",)}),
}

GENERATORS: tuple[Objective, ...] = ("minimax", "non_saturating")


def generator_losses(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw both losses of a sample and their gradients (arXiv:1701.00160, figure 16)."""
    import torch

    logits = torch.linspace(-8, 8, 161).requires_grad_()
    losses, slopes = {}, {}
    for name in GENERATORS:
        loss = torch.stack([generator_loss(name, logit[None]) for logit in logits])
        (slope,) = torch.autograd.grad(loss.sum(), logits)
        losses[name] = list(zip(logits.sigmoid().tolist(), loss.tolist(), strict=True))
        slopes[name] = list(zip(logits.tolist(), slope.tolist(), strict=True))
    yield Chart(title="The generator's loss", names=("D(G(z))", "loss (nats)"), lines=losses)
    yield Chart(
        title="Its gradient", names=("logit of D(G(z))", "gradient"), lines=slopes,
        caption="Where the discriminator wins, on the left, the minimax loss has none.",
    )  # fmt: skip


SWEEP = Sweep(
    name="gan-stability",
    model=CATALOG["gan"],
    space=SPACE,
    fixed={"hidden": 64, "batch_size": 64},
    data="digits",
    trials=50,
    budget_images=300_000,
    cluster={"trials": 1000, "budget_images": 1_000_000},
    sampler="qmc",
    group_by="objective",
    figures=(generator_losses,),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
