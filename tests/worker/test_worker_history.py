"""The course of a trial: how its losses went, and what was measured along grids, is told."""

import json
from typing import Any

import pytest
from mlflow import MlflowClient

from gensweep.lanes import CURVE_PARTS
from gensweep.learning_curve import CurvePoint
from gensweep.worker import _lane_trial
from gensweep.worker._lane_trial import LaneTrial

IN_TENTHS = "_spectral_norm"
"""End of the names of what is measured ten times in a trial."""
OF_FEW = {"active_share": 2, "active_share.0.1": 1, "active_share.1": 1}
"""Shares of four latent numbers, and the fewest values of each: rates are small here."""


@pytest.mark.slow("trains a trial twice", minutes=0.2)
def test_how_training_went_is_kept_and_goes_on_after_a_stop(open_small_sweep: Any) -> None:
    """A mean for each fiftieth of the budget, at the same images and with the same bits."""
    one = {"trials": 1, "width": 1, "budget_images": 6400}
    whole, parts = open_small_sweep("whole", **one), open_small_sweep("parts", **one)
    whole.runner("first")[1].resume()
    here, runner = parts.runner("first")
    here.stop_after("report")
    runner.resume()
    assert all(trial.points for trial in runner.lanes.trials.values())
    parts.close()
    again = open_small_sweep("parts", **one)
    again.runner("second")[1].resume()
    ticks = whole.sweep.budget_images // 64
    ends = [64.0 * -(-ticks * part // CURVE_PARTS) for part in range(1, CURVE_PARTS + 1)]
    tenths = ends[4::5]
    for number in whole.trials():
        history = whole.result(number)["history"]
        assert history == again.result(number)["history"]
        assert len(history) > 1
        for name, points in history.items():
            assert [at for at, _ in points] == (tenths if name.endswith(IN_TENTHS) else ends)
            values = {value for _, value in points}
            assert len(values) >= OF_FEW.get(name, len(points) // 2 + 1), name


@pytest.mark.parametrize(("rungs", "shown"), [(3, [1, 2]), (6, [1, 2, 3, 4, 5]),
                                              (13, [3, 6, 9, 12])])  # fmt: skip
def test_a_trial_keeps_pictures_of_five_earlier_rungs_at_most(rungs: int, shown: list[int]) -> None:
    lease: Any = None
    trial = LaneTrial(lease, tuple(range(1, rungs + 1)))
    for trial.reached in range(1, rungs):
        trial.picture(trial.reached, b"png")
    meta = json.loads(json.dumps(trial.to_meta()))
    assert LaneTrial.from_meta(lease, trial.stops, meta).take_pictures(rungs) == dict.fromkeys(
        shown, b"png"
    )


@pytest.mark.slow("trains a trial, and tells MLflow", minutes=0.2)
def test_the_tracker_has_the_curve_with_its_steps_and_the_evaluations_beside(
    open_small_sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lane_trial, "TICKS_A_VALUE", 0)  # as if the trial were long
    small_sweep = open_small_sweep(trials=1, width=1, budget_images=6400)
    small_sweep.runner("first")[1].resume()
    history, last = small_sweep.result(0)["history"], small_sweep.trials()[0].metrics
    small_sweep.coordinator.complete({}, {}, "")
    small_sweep.close()
    client = MlflowClient(small_sweep.plan.tracking_uri)
    (run,) = [r for r in client.search_runs([e.experiment_id for e in client.search_experiments()])
              if r.info.run_name == "trial-0000"]  # fmt: skip

    def told(name: str) -> list[tuple[float, float]]:
        points = client.get_metric_history(run.info.run_id, name)
        assert len({point.step for point in points}) == len(points)
        return sorted((float(point.step), point.value) for point in points)

    for name, points in history.items():
        assert told(name) == [(at, pytest.approx(value)) for at, value in points]
        assert len(points) == (10 if name.endswith(IN_TENTHS) else CURVE_PARTS)
    assert [step for step, _ in told("frechet")] == [
        -(-images // 64) * 64 for images in small_sweep.sweep.rung_images
    ]
    assert run.data.metrics["frechet"] == last["frechet"]


def test_a_trial_that_waits_for_resume_is_shown_as_waiting(open_small_sweep: Any) -> None:
    def shown() -> tuple[str, str]:
        client = MlflowClient(small_sweep.plan.tracking_uri)
        every = [one.experiment_id for one in client.search_experiments()]
        (run,) = client.search_runs(every, "tags.`gensweep.trial` = 'small/0'")
        return run.info.status, run.data.tags["status"]

    small_sweep = open_small_sweep(trials=1, width=1)
    small_sweep.runner("first")
    small_sweep.coordinator.end_pack("first", died=True)
    small_sweep.coordinator.complete({}, {}, "a pack died")
    small_sweep.close()
    assert shown() == ("SCHEDULED", "queued")
    small_sweep = open_small_sweep(trials=1, width=1)
    small_sweep.runner("second")
    small_sweep.close()
    assert shown() == ("RUNNING", "running")


@pytest.mark.parametrize(("ticks", "told"), [(4200, 50), (2100, 25), (1000, 10), (50, 1), (7, 1)])
def test_a_short_trial_tells_the_tracker_fewer_points_and_always_the_last(
    ticks: int, told: int
) -> None:
    """As many in several reports as in one."""
    lease: Any = None
    trial = LaneTrial(lease, (ticks,))
    points = [CurvePoint(n, 0, dict.fromkeys("abcdef", 1.0)) for n in range(min(50, ticks))]
    trial.points = points[:20]
    first = trial.new_points()
    trial.points = points
    found = first + trial.new_points()
    assert (len(found), found[-1]) == (told, points[-1])
    assert found == points[trial.points_stride - 1 :: trial.points_stride]


@pytest.mark.slow("trains a trial, and tells MLflow", minutes=0.2)
def test_what_was_measured_along_a_grid_is_told_by_its_value(open_small_sweep: Any) -> None:
    small_sweep = open_small_sweep(trials=1, width=1)
    small_sweep.runner("first")[1].resume()
    ended = small_sweep.result(0)
    (curve,) = ended["curves"].values()
    low, high = ended["intervals"]["frechet"]
    assert low < ended["metrics"]["frechet"] < high
    small_sweep.coordinator.complete({}, {}, "")
    small_sweep.close()
    client = MlflowClient(small_sweep.plan.tracking_uri)
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    (told,) = [run.data.metrics for run in runs if "frechet.truncation_2" in run.data.metrics]
    assert told["frechet.interval_low"] == low
    assert told["frechet.interval_high"] == high
    for at, fidelity, variety in curve:
        assert told[f"frechet.truncation_{at:g}"] == fidelity
        assert told[f"coverage.truncation_{at:g}"] == variety
