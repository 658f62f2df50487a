"""Every game of the catalogue is swept, judged, kept, resumed and sampled from again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gensweep.evaluation import sampler_spec
from gensweep.game_capabilities import capabilities
from gensweep.storage import load_sample_grids, load_trained_lane
from gensweep.sweep import OwnMetric, sample_lane
from gensweep.worker import train_trials
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real
from small_entries import GAMES, small_settings

RATE = Real(1e-4, 1e-2, log=True)
STRATA = {"couplings": Categorical((2, 3)), "learning_rate": RATE}


def small(name: str, **changes: Any) -> dict[str, Any]:
    """A sweep of two trials of ten batches."""
    model, space = CATALOG[name], changes.get("space", {"learning_rate": RATE})
    small = small_settings(model, batch_size=32)
    fixed = {field: value for field, value in small.items() if field not in space}
    return {
        "model": model, "fixed": fixed, "space": space,
        "trials": 2, "width": 2, "budget_images": 320, "target": None,
    } | changes  # fmt: skip


SWEPT = pytest.mark.slow("a sweep of every game", minutes=0.05)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "vae" else SWEPT) for name in sorted(GAMES)]
)
def test_a_model_is_swept_and_its_best_trial_samples(
    name: str, open_small_sweep: Any, tmp_path: Path
) -> None:
    small_sweep = open_small_sweep(**small(name))
    train_trials(
        small_sweep.sweep,
        small_sweep.in_process("first"),
        small_sweep.evaluator,
        small_sweep.source,
    )
    trials = small_sweep.trials()
    assert len(trials) == 2
    assert {t.state for t in trials.values()} <= {"completed", "collapsed"}
    measured = "nll" if "log_prob" in capabilities(CATALOG[name].game) else "frechet"
    assert all(t.images >= 320 and measured in t.metrics for t in trials.values())
    kept = [small_sweep.result(number) for number in trials]
    pictures = load_sample_grids(small_sweep.store, kept)
    assert set(pictures) == {"0", "1"}
    assert all(png.startswith(b"\x89PNG") for png in pictures.values())

    file = tmp_path / "lane"
    file.write_bytes(load_trained_lane(small_sweep.store, kept[0]))
    about = sampler_spec(small_sweep.sweep, trials[0].params, small_sweep.evaluator.data)
    given = {"x": np.zeros((1, 8, 8)).tolist()} if "x" in about["given"] else None
    samples = sample_lane(str(file), about, 5, given, seed=1)
    assert samples.shape == (5, 1, 8, 8)
    assert np.isfinite(samples).all()
    np.testing.assert_array_equal(samples, sample_lane(str(file), about, 5, given, seed=1))


@pytest.mark.slow("a sweep of two strata is trained twice", minutes=0.3)
def test_a_sweep_of_two_strata_goes_on_after_its_driver_ended(open_small_sweep: Any) -> None:
    """One stratum's pack was saved and stopped, the other had not begun; the numbers are kept."""
    changes = small("realnvp", space=STRATA, trials=4)
    whole = open_small_sweep("whole", **changes)
    train_trials(whole.sweep, whole.in_process("first"), whole.evaluator, whole.source)

    parts = open_small_sweep("parts", **changes)
    here, runner = parts.runner("first")
    here.orders = ["go", "stop"]
    runner.resume()
    parts.close()
    assert {t.state for t in parts.trials().values()} == {"queued"}

    again = open_small_sweep("parts", **changes)
    train_trials(again.sweep, again.in_process("second"), again.evaluator, again.source)
    found, expected = again.trials(), whole.trials()
    assert len(found) == 4
    assert {n: t.params for n, t in found.items()} == {n: t.params for n, t in expected.items()}
    assert {t.params["couplings"] for t in found.values()} == {2, 3}
    assert {n: t.metrics["nll"] for n, t in found.items()} == {
        n: t.metrics["nll"] for n, t in expected.items()
    }
    assert sorted(t.attempts for t in found.values()) == [1, 1, 2, 2]


def test_a_scripts_own_metric_ranks_a_sweep(open_small_sweep: Any) -> None:
    metric = OwnMetric(name="ink", measure=lambda samples, real: samples.mean(),
                       larger_is_better=True, formula="mean pixel of samples")  # fmt: skip
    small_sweep = open_small_sweep(**small("realnvp", metrics=(metric,), target="ink"))
    train_trials(
        small_sweep.sweep, small_sweep.in_process("pack"), small_sweep.evaluator, small_sweep.source
    )
    small_sweep.close()
    trials = [small_sweep.result(number) for number in range(2)]
    ranked = small_sweep.sweep.objective("frechet").ranked(trials)
    values = [trial["metrics"]["ink"] for trial in ranked]
    assert len(values) == 2
    assert values == sorted(values, reverse=True)
