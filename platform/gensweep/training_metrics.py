"""What the metrics of training are: those of learning curves, by the names that games share.

The engine measures some of each player, under its name; a game's loss tells the others. Those of an
evaluation are in `known_metrics`.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Final

FORMULAS: Final[Mapping[str, str]] = {
    "active_share": "share of the latent numbers with a rate above 0.01 nats; its parts: above 0.1 "
    "and above 1",
    "adaptive_weight": "gradient of reconstruction / that of deceit, at the last layer; "
    "arXiv:2012.09841, equation 7",
    "balance": "k_t, the weight of samples in the critic's loss; arXiv:1703.10717",
    "bound": "T times the mean variational bound of a step, bits/dim; arXiv:2102.09672",
    "code_deviation": "standard deviation of the first stage's codes, by which they are divided",
    "commitment": "mean squared distance of codes from the codebook's; arXiv:1711.00937",
    "convergence": "M, real error + |gamma real error - samples' error|; arXiv:1703.10717",
    "critic_accuracy": "share of pairs of an example and a sample of which the critic scores the "
    "example higher",
    "critic_gap": "mean score that the critic gives real examples - that of samples",
    "distortion": "error, or -log p(x | z) in nats, of reconstructions",
    "doublings": "doublings of the sides so far, one that fades in as its part",
    "kl": "KL divergence of the tokens' posterior from uniform codes, nats",
    "largest_rate": "largest rate of a latent number, nats",
    "level_loss": "loss of examples in each quarter of the levels of noise, 1 next to the data; "
    "their mean is the loss",
    "noisy_accuracy": "share of noisy examples that the classifier gets right",
    "orthogonal_penalty": "sum of squared products of different filters; arXiv:1809.11096",
    "penalty": "mean penalty on the critic's slope, before its weight",
    "perplexity": "exp of the entropy of the codes' shares, a running mean",
    "pixel_nats": "-log p(pixels | codes), nats",
    "prior_nats": "-log p(codes), nats",
    "r1": "half the mean squared norm of the critic's slope at real examples; arXiv:1801.04406",
    "rate": "KL divergence of the posterior from the prior, nats",
    "reconstruction": "absolute error + weighted perceptual distance of reconstructions",
    "sigma": "largest singular value of a layer's weights, by power iteration; arXiv:1802.05957",
    "text_nats": "-log p(text), nats",
    "training_nll": "-mean log p(x) of training examples, nats",
}
"""By whole name."""

OF_A_PLAYER: Final[Mapping[str, str]] = {
    "_gradient_norm": "norm of the gradient of {player}'s loss, before it is clipped",
    "_history": "squared distance of {player}'s weights from their mean so far; arXiv:1606.03498",
    "_loss": "what {player} minimises",
    "_penalty": "what {player} pays in some turns, as its loss counts it",
    "_spectral_norm": "largest singular value of {player}'s weight matrices, by power iteration, "
    "at the end of each tenth of the budget",
    "_update_ratio": "norm of {player}'s step / norm of its weights, once in each part",
}
"""By what follows the player's name."""
OF_A_PART: Final = ("top_", "bottom_", "first_", "second_")
"""What precedes the name, of a level of a hierarchy or a stage of a cascade."""


def training_formula(name: str) -> str:
    """Say what a metric of training is; empty for one that is a model's own.

    Parts, the levels of a hierarchy and the stages of a cascade have the text of the whole.

    >>> training_formula("critic_update_ratio")
    "norm of critic's step / norm of its weights, once in each part"
    >>> training_formula("sigma_critic.stem") == training_formula("sigma"), training_formula("mine")
    (True, '')
    """
    told = name.partition(".")[0]
    whole = reduce(str.removeprefix, OF_A_PART, told)
    if whole in FORMULAS:
        return FORMULAS[whole]
    if whole.startswith("sigma_"):
        return FORMULAS["sigma"]
    known = ((told.removesuffix(end), text) for end, text in OF_A_PLAYER.items()
             if told.endswith(end))  # fmt: skip
    return next((text.format(player=player) for player, text in known), "")
