"""Where in hyperparameter space does a GAN train stably?

Five objectives against learning rate, latent size, critic iterations and truncation threshold,
and the clip or penalty weight where the objective has one. The report's stability map shows the
share of trials that converged, collapsed and diverged over the learning rate.
"""

from gensweep.sweep import Sweep, main
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
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
