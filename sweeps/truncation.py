"""What does truncation buy?

Small BigGANs, without orthogonal regularisation and with two weights of it: it is what makes a
generator amenable to truncation (arXiv:1809.11096, section 3.1). The report draws fidelity against
variety of each trial along the thresholds 2, 1, 0.5 and 0.04 of the latent noise. A trial is ranked
by samples at a threshold of its own; whether it converged is told of samples without any.
"""

from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

SWEEP = Sweep(
    name="truncation",
    model=CATALOG["biggan"],
    space={
        "orthogonal_weight": Categorical((0.0, 1e-4, 1e-2)),
        "truncation": Real(0.04, 2.0, log=True),
    },
    fixed={
        "channels": 4,
        "latent_size": 24,
        "embedding_size": 16,
        "batch_size": 32,
        "critic_iterations": 1,
        "learning_rate": 5e-4,
        "critic_learning_rate": 1e-3,
        "ema": 0.99,
    },
    data="digits",
    trials=6,
    budget_images=60_000,
    cluster={"trials": 60, "budget_images": 1_000_000},
    sampler="qmc",
    group_by="orthogonal_weight",
    sampling_grids={"truncation": (0.04, 0.5, 1.0, 2.0)},
    scatter=("precision", "recall", "truncation"),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
