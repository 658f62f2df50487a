"""What does a VAE trade when its latent loss weighs more?

Latent size against KL weight and learning rate, on binarised pixels: the report draws distortion
against rate. Too high a latent loss and the posterior collapses, too high a reconstruction loss
and samples suffer. Trials are ranked by the importance-weighted bound (500 samples, in nats).
"""

from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Integer, Real

SWEEP = Sweep(
    name="vae-tradeoff",
    model=CATALOG["vae"],
    space={
        "latent_size": Integer(2, 64, log=True),
        "kl_weight": Real(0.1, 10.0, log=True),
        "learning_rate": Real(1e-4, 1e-2, log=True),
    },
    fixed={"decoder": "bernoulli", "binarise": "dynamic", "batch_size": 64},
    data="digits",
    trials=16,
    budget_images=400_000,
    cluster={"trials": 500, "budget_images": 10_000_000},
    target="nll",
    scatter=("rate", "distortion", "kl_weight"),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
