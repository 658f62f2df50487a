"""Ray's documented pattern: Tune with OptunaSearch, a TorchTrainer for each trial, MLflow."""

from typing import Any

from common import main, searched
from ray import train
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback


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

    return searched(trial, {"CPU": 0.01}, trials, folder, tracker)


if __name__ == "__main__":
    main(run)
