"""A plain Tune function trainable, its actors used again, two at a time; MLflow."""

from typing import Any

from common import main, searched
from ray import tune


def run(size: str, trials: int, folder: str, tracker: str) -> list[dict[str, float]]:
    def trial(config: dict[str, Any]) -> None:
        import torch
        from ring8_gan import train as train_gan

        torch.set_num_threads(1)
        tune.report(train_gan(config, size, config["seed"]))

    return searched(trial, {"CPU": 0.9}, trials, folder, tracker, reuse_actors=True)


if __name__ == "__main__":
    main(run)
