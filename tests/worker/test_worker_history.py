"""The course of a trial: how its losses went, and what was measured along grids, is told."""

from typing import Any

import pytest
from mlflow import MlflowClient


@pytest.mark.slow("trains a trial twice", minutes=0.2)
def test_how_training_went_is_kept_and_goes_on_after_a_stop(open_small_sweep: Any) -> None:
    """A mean for each evaluation, the last as the trial's metrics have it."""
    one = {"trials": 1, "width": 1}
    whole, parts = open_small_sweep("whole", **one), open_small_sweep("parts", **one)
    whole.runner("first")[1].resume()
    here, runner = parts.runner("first")
    here.stop_after("report")
    runner.resume()
    assert all(trial.history for trial in runner.lanes.trials.values())
    parts.close()
    again = open_small_sweep("parts", **one)
    again.runner("second")[1].resume()
    stops = [-(-images // 64) * 64 for images in whole.sweep.rung_images]
    for number, trial in whole.trials().items():
        history = whole.result(number)["history"]
        assert history == again.result(number)["history"]
        for name, points in history.items():
            assert [at for at, _ in points] == stops
            assert points[-1][1] == trial.metrics[name]
            assert points[0][1] != points[-1][1]
        assert len(history) > 1


@pytest.mark.slow("trains a trial, and tells MLflow", minutes=0.2)
def test_what_was_measured_along_a_grid_is_told_by_its_value(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(trials=1, width=1)
    small_sweep.runner("first")[1].resume()
    (curve,) = small_sweep.result(0)["curves"].values()
    small_sweep.coordinator.complete({}, {}, "")
    small_sweep.close()
    client = MlflowClient(small_sweep.plan.tracking_uri)
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    (told,) = [run.data.metrics for run in runs if "truncation_2/frechet" in run.data.metrics]
    for at, fidelity, variety in curve:
        assert told[f"truncation_{at:g}/frechet"] == fidelity
        assert told[f"truncation_{at:g}/coverage"] == variety
