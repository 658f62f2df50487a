"""A plain Tune function trainable, its actors used again, two at a time; MLflow."""

from typing import Any

from common import main, space
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch


def run(size: str, trials: int, folder: str, tracker: str) -> list[dict[str, float]]:
    def trial(config: dict[str, Any]) -> None:
        import torch
        from ring8_gan import train as train_gan

        torch.set_num_threads(1)
        tune.report(train_gan(config, size, config["seed"]))

    tuner = tune.Tuner(
        tune.with_resources(trial, {"CPU": 0.9}),
        param_space=space(),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(metric="high_quality", mode="max"), num_samples=trials,
            max_concurrent_trials=2, reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            storage_path=folder, verbose=0,
            callbacks=[MLflowLoggerCallback(tracking_uri=tracker, experiment_name="plain")],
        ),
    )  # fmt: skip
    return [r.metrics for r in tuner.fit()]


if __name__ == "__main__":
    main(run)
