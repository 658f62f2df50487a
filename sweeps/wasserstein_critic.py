"""How many critic iterations does a Wasserstein GAN need?

WGAN with clipped weights and WGAN-GP on a ring of eight modes, with one to ten steps of the critic
for one of the generator, against the learning rate. A budget is examples that the critic sees, so
more iterations mean fewer steps of the generator. The report draws what trials reached over the
critic's iterations; two parallel lines, which show why one wants a distance that knows how far
apart two distributions are; and what a discriminator and a critic say of two Gaussians.
"""

from collections.abc import Iterator, Sequence
from statistics import NormalDist, mean
from typing import Any

from gensweep.sweep import Chart, Sweep, main
from gensweep_models.adversarial.parallel_lines import jensen_shannon, line, wasserstein
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

OBJECTIVES = ("wasserstein", "wasserstein_gp")
METRICS = {"total_variation": "total variation (less is better)",
           "high_quality": "share of good samples"}  # fmt: skip
"""Of what is drawn over the critic's iterations, each with its axis."""


def over_iterations(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw what trials reached over the steps of the critic for one of the generator."""
    for metric, axis in METRICS.items():
        lines = {objective: _means(trials, objective, metric) for objective in OBJECTIVES}
        yield Chart(title=f"Steps of the critic: {axis}", names=("critic_iterations", axis),
                    lines=lines, caption="Means of all trials, whatever their learning rate, "
                    "but for those that diverged.")  # fmt: skip


def _means(trials: Sequence[Any], objective: str, metric: str) -> list[tuple[float, float]]:
    found: dict[int, list[float]] = {}
    for trial in trials:
        if trial["params"]["objective"] == objective and metric in trial["metrics"]:
            steps = trial["params"]["critic_iterations"]
            found.setdefault(steps, []).append(trial["metrics"][metric])
    return [(steps, mean(values)) for steps, values in sorted(found.items())]


def parallel_lines(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw both divergences of two parallel lines over the place of the one."""
    places = [step / 100 for step in range(-100, 101)]
    pairs = [(line(0.0, 50), line(theta, 50)) for theta in places]
    lines = {
        "Jensen-Shannon (nats)": [
            (at, jensen_shannon(*pair)) for at, pair in zip(places, pairs, strict=True)
        ],
        "Wasserstein": [(at, wasserstein(*pair)) for at, pair in zip(places, pairs, strict=True)],
    }
    caption = "At theta = 0 the lines are one, and both are 0. arXiv:1701.07875, example 1."
    yield Chart(title="Two parallel lines", names=("theta", "divergence"), lines=lines,
                caption=caption)  # fmt: skip


REAL, FAKE = NormalDist(-2, 1), NormalDist(2, 1)


def two_gaussians(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw the best discriminator and critic of two Gaussians (arXiv:1701.07875, figure 2)."""
    places = [step / 20 for step in range(-160, 161)]
    density = {"real": REAL.pdf, "fake": FAKE.pdf}
    lines = {f"density, {name}": [(x, pdf(x)) for x in places] for name, pdf in density.items()}
    lines["discriminator"] = [(x, REAL.pdf(x) / (REAL.pdf(x) + FAKE.pdf(x))) for x in places]
    # Mass moves to the left everywhere, which a critic of slope -1 pays for in full
    lines["critic / 4"] = [(x, -x / 4) for x in places]
    yield Chart(title="Two Gaussians", names=("x", "value"), lines=lines,
                caption="The discriminator is flat where samples are; the critic, of Lipschitz "
                "constant 1, is as steep everywhere.")  # fmt: skip


SWEEP = Sweep(
    name="wasserstein-critic",
    model=CATALOG["gan"],
    space={
        "objective": Categorical(OBJECTIVES),
        "critic_iterations": Integer(1, 10),
        "learning_rate": Real(1e-4, 1e-2, log=True),
        "clip": Real(0.01, 0.3, log=True, when={"objective": ("wasserstein",)}),
        "penalty_weight": Real(0.1, 10.0, log=True, when={"objective": ("wasserstein_gp",)}),
    },
    fixed={"hidden": 64, "batch_size": 64},
    data="ring8",
    trials=60,
    budget_images=400_000,
    cluster={"trials": 600, "budget_images": 4_000_000},
    sampler="qmc",
    group_by="objective",
    figures=(over_iterations, parallel_lines, two_gaussians),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
