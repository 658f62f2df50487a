"""GAN, VAE, flow or diffusion: what does each give for the same processor time?

A sweep of each family, one after the other, over its learning rate, on handwritten digits. Trials
of all families have the same seconds of one processor core: a budget in images is these times the
pace at which the family trained when it was measured, which `--pace` does anew. After the sweeps a
table of each family's best trial follows (Fréchet distance, density and coverage of samples,
likelihood and reconstructions where there are such, seconds of training and of 1,000 samples), and
NAME.html, in which all trials are compared as those of one sweep are.

Options are those of every sweep, for all of them; `--name NAME` begins the sweeps NAME-gan and so
on, `--table NAME` tells of sweeps that are there, and `--resume NAME-gan` goes on with that one.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# First, so that Ctrl-C while the rest is imported is told in a line.
from gensweep.sweep import Chart, Sweep, main, results_of

# isort: split
import torch

from gensweep.lanes import Pack
from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report, text_table
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

SECONDS = 40
"""Of a processor core, of which each trial has as many."""
WIDTH, SAMPLES = 3, 1000
METRICS = ("frechet", "density", "coverage", "nll", "bits_per_dim", "reconstruction_error")
Trials = list[dict[str, Any]]


@dataclass(frozen=True)
class Family:
    """An entry, its settings, and its pace: images a second and core in a pack of `WIDTH`."""

    entry: str
    pace: int
    fixed: Mapping[str, Any]


FAMILIES = {
    "gan": Family("dcgan", 4_600, {"batch_size": 64, "ema": 0.99}),
    "vae": Family("vae", 12_200, {
        "decoder": "gaussian", "body": "conv", "latent_size": 16, "batch_size": 64, "ema": 0.99,
    }),
    "flow": Family("realnvp", 11_800, {"batch_size": 64, "ema": 0.99}),
    "diffusion": Family("ddpm", 2_000, {"channels": 16, "batch_size": 64, "ema": 0.99}),
}  # fmt: skip


def sweep_of(name: str) -> Sweep:
    """Make the sweep of a family."""
    family = FAMILIES[name]
    images = SECONDS * family.pace
    return Sweep(
        name=f"families-{name}",
        model=CATALOG[family.entry],
        space={"learning_rate": Real(3e-4, 1e-2, log=True)},
        fixed=family.fixed,
        data="digits",
        target="frechet",
        trials=6,
        budget_images=images,
        cluster={"trials": 24, "budget_images": 20 * images},
        width=WIDTH,
        sampler="qmc",
        sampling_grids={"sample_steps": ()} if name == "diffusion" else {},
        question="families",
    )


SWEEPS = {name: sweep_of(name) for name in FAMILIES}


def paces(name: str, seconds: float = 5.0) -> tuple[float, float]:
    """Measure images a processor second of a family's trials, and seconds of `SAMPLES` samples."""
    torch.set_num_threads(1)
    sweep = SWEEPS[name]
    config, data = sweep.config({}), RandomExamples((1, 8, 8), classes=10)
    pack = Pack(sweep.model, config, data, data, width=WIDTH)
    for slot in range(WIDTH):
        pack.load(slot, config, seed=slot, budget_images=10**9)
    pack.run(8)  # traces
    ticks, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        pack.run(8)
        ticks += 8
    pace = ticks * config.batch_size * WIDTH / (time.process_time() - begin)
    pack.sample(SAMPLES)
    begin = time.process_time()
    pack.sample(SAMPLES)
    return pace, (time.process_time() - begin) / WIDTH


def best_of(trials: Trials) -> dict[str, Any] | None:
    """The trial of the least Fréchet distance; None if none was measured."""
    measured = [one for one in trials if "frechet" in one["metrics"]]
    return min(measured, key=lambda one: float(one["metrics"]["frechet"]), default=None)


def table(results: Mapping[str, Any], measured: Mapping[str, tuple[float, float]]) -> str:
    """Show the best trial of each family, a row each."""
    heads = ["family", "entry", "converged", *METRICS, "images", "train s", f"{SAMPLES} samples s"]
    rows = []
    for name, result in results.items():
        trials = result["trials"]
        pace, draw = measured[name]
        best = best_of(trials)
        told = best["metrics"] if best else {}
        good = sum(one["outcome"] == "converged" for one in trials)
        images = best["images"] if best else 0
        rows.append([name, FAMILIES[name].entry, f"{good} of {len(trials)}",
                     *(float(told[m]) if m in told else "" for m in METRICS),
                     images, images / pace, draw])  # fmt: skip
    return text_table(heads, rows)


def likelihoods(results: Mapping[str, Any]) -> Iterator[str]:
    """Say of which data, and how, each likelihood is measured: few compare with one another."""
    for name, result in results.items():
        if stated := result["protocol"].get("nll"):
            yield f"{name}: nll is {stated['kind']}, of {stated['of']}"


def ranked(results: Mapping[str, Any]) -> Iterator[Chart]:
    """Draw what each family's trials reached, from the best on."""
    for metric, worst in (("frechet", 1), ("coverage", -1)):
        lines = {}
        for name, result in results.items():
            found = [
                float(t["metrics"][metric]) for t in result["trials"] if metric in t["metrics"]
            ]
            lines[name] = list(enumerate(sorted(found, key=lambda value: worst * value), 1))
        yield Chart(
            title=f"{metric} of trials", names=("rank of the trial", metric), lines=lines,
            caption=f"The flatter, the less its learning rate matters. {SECONDS} processor seconds "
            "each.",
        )  # fmt: skip


def page(name: str, results: Mapping[str, Any]) -> str:
    """The report of all trials, which the family groups."""
    trials: list[Any] = [
        {**one, "params": {**one["params"], "family": family}, "group": f"{family} {one['group']}"}
        for family, result in results.items() for one in result["trials"]
    ]  # fmt: skip
    trials = [{**one, "number": number} for number, one in enumerate(trials)]
    return build_report(
        SweepFacts(name=name, summary=(__doc__ or "").splitlines()[0]), trials, {},
        objective=Objective.of("frechet"), map_axis="learning_rate", group_by="family",
        scatter_of=("density", "coverage", "learning_rate"), charts=ranked(results),
    )  # fmt: skip


def tell(name: str) -> None:
    """Print the table of sweeps that have ended, and write their report."""
    results = {family: results_of(f"{name}-{family}") for family in FAMILIES}
    print(table(results, {family: paces(family) for family in FAMILIES}))
    print(*likelihoods(results), sep="\n")
    file = Path(f"{name}.html")
    file.write_text(page(name, results))
    print(f"figure   {file}")


def tell_paces() -> None:
    """Print the pace of each family on this machine, for `FAMILIES`."""
    for name in FAMILIES:
        pace, draw = paces(name)
        print(f"{name}: {pace:,.0f} images a second, {draw:.2f} s for {SAMPLES} samples")


def sweep_all(name: str, options: Sequence[str]) -> None:
    """Sweep each family in a process of its own, as a script of its own would, and compare them."""
    for family in FAMILIES:
        command = [sys.executable, sys.argv[0], "--family", family, "--name", f"{name}-{family}"]
        if code := subprocess.run([*command, *options], check=False).returncode:
            sys.exit(code)
    if "--dry-run" not in options:
        tell(name)


def run(argv: Sequence[str]) -> None:
    """Do what the command line says."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--family", choices=FAMILIES, default="gan" if "--help" in argv else None)
    made.add_argument("--table")
    made.add_argument("--pace", action="store_true")
    own, options = made.parse_known_args(argv)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name")
    named.add_argument("--resume", default="")
    names, others = named.parse_known_args(options)
    resumed = names.resume.rpartition("-")[2]
    if own.pace:
        tell_paces()
    elif own.table:
        tell(own.table)
    elif own.family or resumed in SWEEPS:
        main(__doc__ or "", SWEEPS[own.family or resumed], options)
    else:
        sweep_all(names.name or time.strftime("families-%m%d-%H%M%S"), others)


if __name__ == "__main__":
    run(sys.argv[1:])
