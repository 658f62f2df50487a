"""Ray's documented pattern: Tune with OptunaSearch, a TorchTrainer for each trial, MLflow."""

from typing import Any

from common import main, space
from ray import train, tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback
from ray.tune.search.optuna import OptunaSearch


def run(size: str, trials: int, folder: str, tracker: str) -> list[dict[str, float]]:
    def loop(config: dict[str, Any]) -> None:
        import torch
        from ring8_gan import train as train_gan

        torch.set_num_threads(1)
        train.report(train_gan(config, size, config["seed"]))

    def trial(config: dict[str, Any]) -> None:
        trainer = TorchTrainer(
            loop,
            train_loop_config=config,
            scaling_config=train.ScalingConfig(num_workers=1, resources_per_worker={"CPU": 0.9}),
            run_config=train.RunConfig(storage_path=folder, callbacks=[TuneReportCallback()]),
        )
        trainer.fit()

    tuner = tune.Tuner(
        tune.with_resources(trial, {"CPU": 0.01}),
        param_space=space(),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(metric="high_quality", mode="max"), num_samples=trials,
            max_concurrent_trials=2,
        ),
        run_config=tune.RunConfig(
            storage_path=folder, verbose=0,
            callbacks=[MLflowLoggerCallback(tracking_uri=tracker, experiment_name="nested")],
        ),
    )  # fmt: skip
    return [r.metrics for r in tuner.fit()]


if __name__ == "__main__":
    main(run)
