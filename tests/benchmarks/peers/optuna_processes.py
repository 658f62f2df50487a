"""Optuna alone: two processes that share a journal file; no cluster, no tracking."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import torch
from common import main
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from ring8_gan import BETAS, LATENTS, RATES, train


def study(folder: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(Path(folder) / "journal")))
    return optuna.create_study(
        storage=storage, study_name="peer", direction="maximize", load_if_exists=True
    )


def work(size: str, trials: int, folder: str) -> None:
    torch.set_num_threads(1)

    def objective(trial: optuna.Trial) -> float:
        params: dict[str, Any] = {
            "learning_rate": trial.suggest_float("learning_rate", *RATES, log=True),
            "beta1": trial.suggest_float("beta1", *BETAS),
            "latent_size": trial.suggest_int("latent_size", *LATENTS, log=True),
        }
        metrics = train(params, size, trial.number)
        trial.set_user_attr("metrics", metrics)
        return metrics["high_quality"]

    ends = (TrialState.COMPLETE, TrialState.RUNNING)
    study(folder).optimize(objective, callbacks=[MaxTrialsCallback(trials, states=ends)])


def run(size: str, trials: int, folder: str, tracker: str) -> list[dict[str, float]]:
    study(folder)
    argv = [sys.executable, __file__, "--worker", size, str(trials), folder]
    workers = [subprocess.Popen(argv) for _ in range(2)]
    statuses = [worker.wait() for worker in workers]
    if any(statuses):
        raise RuntimeError("a worker failed")
    return [t.user_attrs["metrics"] for t in study(folder).trials if t.user_attrs]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main(run)
