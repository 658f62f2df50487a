"""Are GANs created equal? Eight models, each searched as widely as the others.

The study of Lucic et al. (arXiv:1711.10337) at a scale of one's own: random search of each model's
wide ranges, then of their narrow ones, and the best configuration of the wide ones over fresh seeds
(`--confirm`). A sweep for each model and phase, one after the other; then a table beside the
published figures, with what is not comparable, and NAME-SCALE.html with the budget curves: what the
best of k configurations is worth.

Scales are smoke (some ten minutes, which tell nothing), cpu (the 8x8 digits, on two cores) and
paper (MNIST, at its budgets). Options are those of every sweep, for all of them. The same command
with the same `--name` goes on where it was stopped; `--table NAME` tells of what is there.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev
from typing import Any

# First, so that Ctrl-C while the rest is imported is told in a line.
from gensweep.sweep import Chart, Sweep, main, results_of, sweeps_here

# isort: split
from gensweep.best_probability import best_probabilities, probability_text
from gensweep.objective import Configuration, Objective, searched
from gensweep.report import SweepFacts, Table, TitledTable, best_of_k, build_report, text_table
from gensweep.results import SweepProgress, read_here
from gensweep.sampling_fields import sampling_fields
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Dimension, Real

FRECHET = Objective(metric="frechet")
PHASES = ("wide", "narrow")


@dataclass(frozen=True)
class Scale:
    """How large the study is."""

    data: str
    wide: int
    """Configurations of the first phase."""
    narrow: int
    """Configurations of the second phase."""
    seeds: int
    """Of the best configuration of the first phase, in the third."""
    images: int
    fixed: Mapping[str, Any]
    """The size of all networks."""
    samples: int = 1000


SCALES = {
    "smoke": Scale("digits", 2, 2, 2, 100_000, {"hidden": 32, "layers": 2, "latent_size": 8}, 200),
    "cpu": Scale("digits", 24, 10, 5, 300_000, {"hidden": 64, "layers": 2, "latent_size": 16}),
    "paper": Scale("mnist", 100, 50, 50, 1_000_000,
                   {"hidden": 128, "latent_size": 64, "body": "conv"}, 10_000),
}  # fmt: skip


@dataclass(frozen=True)
class Competitor:
    """A model of the study."""

    entry: str
    published: tuple[float, float]
    """Mean and deviation over 50 seeds on MNIST, of their table 2."""
    space: Mapping[str, Dimension]
    """Their wide ranges."""
    fixed: Mapping[str, Any]
    differs: str = ""
    """What is not theirs, beyond what no model has of theirs."""


PLAIN = {"ema": 0.0, "batch_size": 64}
GAN = {**PLAIN, "decay": False, "truncation": 8.0, "beta2": 0.999, "optimizer": "adam"}
WITH_NORM = CATALOG["lsgan"].space
NO_NORM = "the critic of a penalty has no batch norm"
MODELS = {
    "mm": Competitor("minimax_gan", (9.8, 0.9), WITH_NORM, GAN),
    "ns": Competitor("gan", (6.8, 0.5), WITH_NORM, {**GAN, "objective": "non_saturating"}),
    "lsgan": Competitor("lsgan", (7.8, 0.6), WITH_NORM, GAN),
    "wgan": Competitor(
        "wgan", (6.7, 0.4), CATALOG["wgan"].space | {"beta1": Real(0.0, 0.999)}, GAN
    ),
    "wgan_gp": Competitor("wgan_gp", (20.3, 5.0), CATALOG["wgan_gp"].space, GAN, NO_NORM),
    "dragan": Competitor("dragan", (7.6, 0.4), CATALOG["dragan"].space, GAN, NO_NORM),
    "began": Competitor(
        "began", (13.1, 1.0), CATALOG["began"].space, {**PLAIN, "code_size": 16},
        "rates fall to zero; a code of 16",
    ),
    "vae": Competitor(
        "vae", (23.8, 0.6), {name: WITH_NORM[name] for name in ("learning_rate", "beta1")},
        {**PLAIN, "decay": False, "truncation": 8.0, "deviation": "softplus", "eps": 1e-8},
    ),
}  # fmt: skip
HALVES = (tuple(MODELS)[:4], tuple(MODELS)[4:])
"""A chart has six colours."""
NARROW = {
    "learning_rate": Real(1e-4, 1e-3, log=True),
    "clip": Real(1e-2, 1.0, log=True),
    "penalty_weight": Real(0.1, 10.0, log=True),
    "gamma": Real(0.6, 0.9),
}
SETTLED = {"beta1": 0.5, "critic_iterations": 1, "balance_rate": 1e-3}
"""In the second phase no longer searched."""
NOT_COMPARABLE = (
    "What no row has of theirs: {data}, {images:,} images a trial, evaluated at its end and not at "
    "the best of its checkpoints; networks without their layer of 1,024 units and without batch "
    "norm in the generator, {body}, and normal latents; Fréchet distances in features of a network "
    "that was trained on the data, in the place of Inception's. Their first configuration was the "
    "authors' own, and means leave out seeds that collapsed, which here are counted. So ranks, not "
    "values, can be set beside one another."
)


def sweep_of(scale: Scale, phase: str, model: str) -> Sweep:
    """Make the sweep of a model and a phase."""
    one = MODELS[model]
    narrow = phase == "narrow"
    settled = {name: value for name, value in SETTLED.items() if narrow and name in one.space}
    ranges = {**one.space, **NARROW} if narrow else one.space
    return Sweep(
        name=f"lucic-{phase}-{model}",
        model=CATALOG[one.entry],
        space={name: ranges[name] for name in one.space if name not in settled},
        fixed={**one.fixed, **scale.fixed, **settled},
        data=scale.data,
        target="frechet",
        trials=scale.narrow if narrow else scale.wide,
        confirm=None if narrow else f"1x{scale.seeds}",
        budget_images=scale.images,
        cluster={"trials": 2 * max(scale.narrow, scale.wide), "budget_images": 2 * scale.images},
        sampler="random",
        seed=123,
        rungs=1,
        samples=scale.samples,
        sampling_grids={one.name: () for one in sampling_fields(CATALOG[one.entry].config)},
        question="lucic",
    )


KEYS = tuple(f"{phase}-{model}" for phase in PHASES for model in MODELS)
SWEEPS = {model: sweep_of(SCALES["cpu"], "wide", model) for model in MODELS}
"""The first phase, at the default scale."""
Results = Mapping[str, Mapping[str, Any]]
"""Of `results_of`, by phase and model."""


def confirmed_bests(results: Results) -> dict[str, Configuration]:
    """The best configuration of each model's wide ranges, by its fresh seeds, the best first."""
    every = {model: FRECHET.configurations(results[f"wide-{model}"]["trials"]) for model in MODELS}
    found = {model: ranked[0] for model, ranked in every.items() if ranked and ranked[0].confirmed}
    return dict(sorted(found.items(), key=lambda pair: pair[1].score))


def searched_best(results: Results, model: str, phase: str) -> object:
    """What the best configuration had in the search; empty if none was completed."""
    trials = searched(results[f"{phase}-{model}"]["trials"])
    return next((one.mean for one in FRECHET.configurations(trials)), "")


HEAD = ("model", "best of wide", "its fresh seeds", "completed", "best of narrow",
        "published, MNIST", "rank", "rank, published", "not comparable")  # fmt: skip


def comparison(results: Results) -> Table:
    """Set each model's best configuration beside the published one."""
    bests = confirmed_bests(results)
    ours, theirs = list(bests), sorted(MODELS, key=lambda model: MODELS[model].published)
    rows = [
        [model, searched_best(results, model, "wide"),
         *seeds_of(bests.get(model), fresh_seeds(results, model)),
         searched_best(results, model, "narrow"), "{:g} ± {:g}".format(*one.published),
         ours.index(model) + 1 if model in ours else "", theirs.index(model) + 1, one.differs]
        for model, one in MODELS.items()
    ]  # fmt: skip
    return Table(HEAD, rows)


def fresh_seeds(results: Results, model: str) -> int:
    """Count the trials that were to confirm the best configuration."""
    return sum(one["confirm_round"] > 0 for one in results[f"wide-{model}"]["trials"])


def seeds_of(best: Configuration | None, fresh: int) -> tuple[str, str]:
    """Mean and deviation of the seeds that were completed, and how many of `fresh` were."""
    if best is None:
        return "", f"0 of {fresh}"
    seeds = best.values[: len(best.trials)]
    spread = f" ± {stdev(seeds):.3g}" if len(seeds) > 1 else ""
    return f"{best.mean:.4g}{spread}", f"{len(seeds)} of {fresh}"


def sure(results: Results) -> str:
    """Say which model is best, and how sure that is."""
    bests = confirmed_bests(results)
    if not bests:
        return "No configuration was completed by a fresh seed."
    model, best = next(iter(bests.items()))
    says = f"{model} has the best configuration: Fréchet distance {best.score:.4g}"
    says += f" in the mean of {len(best.values)} fresh seeds"
    chances = best_probabilities(list(bests.values()))
    told = f", the best of the models with probability {probability_text(chances[0])}"
    return says + (told if chances else "") + "."


def curves(results: Results) -> Iterator[Chart]:
    """Draw the budget curves, and how configurations spread, four models at a time."""
    for phase in PHASES:
        for models in HALVES:
            draws = {model: sorted(FRECHET.configuration_medians(
                searched(results[f"{phase}-{model}"]["trials"]))) for model in models}  # fmt: skip
            yield Chart(
                title=f"Budget: best of k, {phase} ranges", names=("k", "frechet"),
                lines={model: [(k, best_of_k(found, k)) for k in range(1, len(found) + 1)]
                       for model, found in draws.items()},
                caption="Median of the best of k configurations drawn at random; one that was not "
                "completed ranks last. The paper draws the mean, and gives no numbers.",
            )  # fmt: skip
            yield Chart(
                title=f"Spread, {phase} ranges", names=("rank of the configuration", "frechet"),
                lines={model: list(enumerate(found, 1)) for model, found in draws.items()},
            )  # fmt: skip


def not_comparable(scale: Scale) -> str:
    """Say what no row has of the paper's."""
    body = "convolutions" if "body" in scale.fixed else f"perceptrons of {scale.fixed['hidden']}"
    return NOT_COMPARABLE.format(data=scale.data, images=scale.images, body=body)


def page(name: str, scale: Scale, results: Results) -> str:
    """The report of the wide search, which the model groups, and of what confirms its best."""
    trials: list[Any] = [
        {**one, "params": {**one["params"], "model": model}, "group": f"{model} {one['group']}"}
        for model in MODELS for one in results[f"wide-{model}"]["trials"]
    ]  # fmt: skip
    trials = [{**one, "number": number} for number, one in enumerate(trials)]
    table = TitledTable(title="Are GANs created equal?", table=comparison(results),
                        caption=not_comparable(scale))  # fmt: skip
    return build_report(
        SweepFacts(name=name, summary=f"{(__doc__ or '').splitlines()[0]} {sure(results)}"),
        trials, {}, objective=FRECHET, map_axis="learning_rate", group_by="model",
        charts=curves(results), tables=[table],
    )  # fmt: skip


def tell(name: str, scale: str) -> None:
    """Print the table of sweeps that have ended, and write their report."""
    results = {key: results_of(f"{name}-{scale}-{key}") for key in KEYS}
    table = comparison(results)
    print(text_table(table.head, table.rows))
    print(sure(results), not_comparable(SCALES[scale]), sep="\n")
    file = Path(f"{name}-{scale}.html")
    file.write_text(page(file.stem, SCALES[scale], results))
    print(f"report   {file}")


def sweep_all(name: str, scale: str, options: Sequence[str]) -> None:
    """Sweep what is not complete, each in a process of its own as a script's own would, and tell.

    A sweep that was begun is resumed: it keeps what it began with.
    """
    dry = "--dry-run" in options
    known = set() if dry else {sweep["name"] for sweep in sweeps_here()}
    for key in KEYS:
        each = f"{name}-{scale}-{key}"
        if each in known and SweepProgress.of(read_here(each)).is_complete:
            continue
        command = [sys.executable, sys.argv[0], "--scale", scale, "--only", key,
                   "--resume" if each in known else "--name", each, *options]  # fmt: skip
        if code := subprocess.run(command, check=False).returncode:
            sys.exit(code)
    if not dry:
        tell(name, scale)


def run(argv: Sequence[str]) -> None:
    """Do what the command line says."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--scale", choices=SCALES, default="cpu")
    made.add_argument("--only", choices=KEYS, default="wide-ns" if "--help" in argv else None)
    made.add_argument("--table")
    own, options = made.parse_known_args(argv)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default=time.strftime("lucic-%m%d-%H%M%S"))
    named.add_argument("--resume", default="")
    names, others = named.parse_known_args(options)
    parts = names.resume.rsplit("-", 3)[1:] or [own.scale, *(own.only or "-").split("-")]
    scale, key = parts[0], "-".join(parts[1:])
    if own.table:
        tell(own.table, own.scale)
    elif key in KEYS and scale in SCALES:
        main(__doc__ or "", sweep_of(SCALES[scale], *key.split("-")), options)
    else:
        sweep_all(names.resume or names.name, own.scale, others)


if __name__ == "__main__":
    run(sys.argv[1:])
