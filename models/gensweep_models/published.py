"""Likelihoods that papers tell of the catalogue's systems; models/MNIST.md sets ours beside them.

A figure is comparable only with one of the same data: pixels that are binarised, or dequantised,
alike. Those of other pixels stand here too, and say so.
"""

from math import log

from gensweep_models.game import Evidence, PublishedFigure
from gensweep_models.grey_levels import BINARISED, at_levels, dequantised_at

LEVELS = 256
MNIST_SIZE = 28 * 28


def bits_of_unit_density(nats: float, size: int) -> float:
    """Convert a mean log-density of pixels in [0, 1], dequantised at 256 levels, to bits/dim.

    >>> round(bits_of_unit_density(1980.50, 28 * 28), 2)
    4.36
    """
    return (log(LEVELS) - nats / size) / log(2)


def importance_weighted(k: int, value: float) -> PublishedFigure:
    """Return a row of the IWAE paper, of one stochastic layer with 50 units."""
    return PublishedFigure(
        data="mnist",
        metric="nll",
        value=value,
        of=BINARISED,
        protocol=f"trained with k={k}; bound of 5,000 importance samples on the test set",
        budget="3,280 epochs, 197 million images",
        source="arXiv:1509.00519, table 1",
        evidence="quoted",
    )


def flow(data: str, value: float) -> PublishedFigure:
    """Return a flow's row of a survey, which tells no budgets."""
    return PublishedFigure(
        data=data,
        metric="bits_per_dim",
        value=value,
        of=dequantised_at(LEVELS),
        protocol="exact, on the test set",
        budget="",
        source="arXiv:1908.09257, table 5",
        evidence="quoted",
    )


def diffusion(
    value: float, protocol: str, budget: str, source: str, evidence: Evidence
) -> PublishedFigure:
    """Return the bound of a diffusion on CIFAR-10."""
    return PublishedFigure(
        data="cifar10",
        metric="bits_per_dim",
        value=value,
        of=at_levels(LEVELS),
        protocol=protocol,
        budget=budget,
        source=source,
        evidence=evidence,
    )


PUBLISHED: dict[str, tuple[PublishedFigure, ...]] = {
    "vae": (importance_weighted(1, 86.76),),
    "iwae": (importance_weighted(5, 85.54), importance_weighted(50, 84.78)),
    "pixelcnn": (
        PublishedFigure(
            data="mnist",
            metric="nll",
            value=81.30,
            of="pixels that were binarised once and for all",
            protocol="exact, on the test set",
            budget="",
            source="arXiv:1601.06759",
            evidence="recalled",
        ),
    ),
    "nice": (
        PublishedFigure(
            data="mnist",
            metric="bits_per_dim",
            value=bits_of_unit_density(1980.50, MNIST_SIZE),
            of=dequantised_at(LEVELS),
            protocol="exact, on the test set: 1,980.50 nats of a density over [0, 1] to each pixel",
            budget="1,500 epochs",
            source="arXiv:1410.8516",
            evidence="quoted",
        ),
    ),
    "realnvp": (flow("mnist", 1.06), flow("cifar10", 3.49)),
    "glow": (flow("mnist", 1.05), flow("cifar10", 3.35)),
    "ddpm": (
        diffusion(
            3.75,
            "bound of the model of simple losses, on the test set",
            "800,000 steps of 128, 102 million images",
            "arXiv:2006.11239, table 1",
            "read",
        ),
    ),
    "improved_ddpm": (
        diffusion(
            2.94,
            "bound of 4,000 steps, trained on the bound with a cosine schedule",
            "500,000 steps of 128, 64 million images",
            "arXiv:2102.09672",
            "recalled",
        ),
    ),
}
"""By entry; those that aren't here have no likelihood, or no figure that could be vouched for."""
