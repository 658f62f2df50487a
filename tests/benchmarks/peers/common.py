"""What the peers share: their command line and, of those in Ray, the space and the search."""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ring8_gan import BETAS, LATENTS, RATES, SIZES


def space() -> dict[str, Any]:
    from ray import tune

    return {
        "learning_rate": tune.loguniform(*RATES),
        "beta1": tune.uniform(*BETAS),
        "latent_size": tune.lograndint(*LATENTS),
        "seed": tune.randint(0, 2**31 - 1),
    }


def searched(trial: Any, resources: dict[str, float], trials: int, folder: str, tracker: str,
             **more: Any) -> list[dict[str, float]]:  # fmt: skip
    """Run a Tune trainable as Ray's documentation does, two at a time: OptunaSearch and MLflow."""
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    logger = MLflowLoggerCallback(tracking_uri=tracker, experiment_name="peers")
    tuner = tune.Tuner(
        tune.with_resources(trial, resources),
        param_space=space(),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(metric="high_quality", mode="max"), num_samples=trials,
            max_concurrent_trials=2, **more,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[logger]),
    )  # fmt: skip
    return [result.metrics for result in tuner.fit()]


def main(run: Callable[[str, int, str, str], list[dict[str, float]]]) -> None:
    """Writes every trial's metrics as JSON to `--out`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--tracker", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(args.size, args.trials, folder, args.tracker)
    names = ("modes", "high_quality")
    args.out.write_text(json.dumps([{name: each[name] for name in names} for each in found]))
