"""A script's own metric: measured of every trial, ranked by, refused before anything starts."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import build_evaluator, measure_floor
from gensweep.known_metrics import METRICS
from gensweep.lanes import Pack
from gensweep.metric import OVERFITTING, SLOPE
from gensweep.planning._check_model import check_metrics
from gensweep.storage import open_store
from gensweep.sweep import OwnMetric, Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real


def brightness(samples: Tensor, real: Tensor) -> Tensor:
    """How much brighter samples are than real examples."""
    return samples.mean() - real.mean()


BRIGHTNESS = OwnMetric(name="brightness", measure=brightness, larger_is_better=True,
                       formula="mean pixel of samples - mean pixel of examples")  # fmt: skip


def sweep_with(*metrics: Any, target: str | None = None, **values: Any) -> Sweep:
    return Sweep(
        name="own", model=CATALOG["gan"], space={"learning_rate": Real(1e-4, 1e-2, log=True)},
        fixed={"hidden": 8, "layers": 1}, data="digits", metrics=metrics, target=target, **values,
    )  # fmt: skip


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = open_store(f"file://{tmp_path_factory.mktemp('store')}")
    return store, *(load_dataset("digits", store, split=split) for split in ("train", "test"))


def evaluated(splits: Any, *metrics: OwnMetric) -> tuple[Any, Any, Pack]:
    """The evaluator, and what it finds of an untrained trial."""
    store, train, test = splits
    sweep = sweep_with(*metrics)
    evaluator = build_evaluator(sweep, store, train, test)
    pack = Pack(sweep.model, sweep.config({}), train, train.source("cpu"), width=1)
    pack.load(0, sweep.config({}), seed=0, budget_images=1000)
    (_, found), *_ = evaluator.evaluate(pack, {0: False}, bound=False)
    return evaluator, found, pack


def test_it_is_measured_of_samples_beside_the_ranking_examples(splits: Any) -> None:
    evaluator, found, pack = evaluated(splits, BRIGHTNESS)
    want = brightness(pack.sample(1000)[0], evaluator.real)
    assert found.metrics["brightness"] == float(want)
    assert len(evaluator.real) == splits[2].count
    assert evaluator.protocol["own_metrics"] == {"brightness": BRIGHTNESS.formula}
    assert "own_metrics" not in evaluated(splits)[0].protocol


def test_real_examples_set_the_floor_of_every_metric(splits: Any) -> None:
    """Training examples beside the test split: far nearer than samples of an untrained model."""
    evaluator, found, _ = evaluated(splits, BRIGHTNESS)
    floor = measure_floor(evaluator, splits[1])
    assert floor.examples == 1000
    assert floor.metrics["frechet"] < 0.05 * found.metrics["frechet"]
    assert floor.metrics["clipped_density"] > 0.8
    assert abs(floor.metrics["brightness"]) < 0.01 < abs(found.metrics["brightness"])
    assert set(found.metrics) >= set(floor.metrics)
    assert floor.text("brightness").startswith(
        "1,000 real training examples in the place of samples: brightness "
    )
    assert "frechet" in floor.text("nll")


def test_copies_are_searched_where_a_trial_ends_and_examples_are_kept(splits: Any) -> None:
    evaluator, at_a_rung, pack = evaluated(splits)
    signs: list[bool] = []
    (_, at_the_end), *_ = evaluator.evaluate(
        pack, {0: True}, bound=False, note_alive=lambda: signs.append(True)
    )
    assert len(signs) > 4
    assert "copied" not in at_a_rung.metrics
    assert 0 <= at_the_end.metrics["copied"] <= 1
    assert {OVERFITTING, SLOPE} <= at_a_rung.metrics.keys() & at_the_end.metrics.keys()
    of_samples = {n: v for n, v in at_a_rung.metrics.items() if n not in (OVERFITTING, SLOPE)}
    assert of_samples.items() <= at_the_end.metrics.items()
    assert [key for key in splits[0].list("features/") if "-examples-" in key]


def test_one_that_fails_or_is_not_finite_costs_only_itself(
    splits: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(samples: Tensor, real: Tensor) -> Tensor:
        raise RuntimeError("no such thing\nin a long story")

    broken = OwnMetric(name="broken", measure=fails, larger_is_better=None, formula="none")
    infinite = OwnMetric(name="infinite", measure=lambda *_: float("inf"), larger_is_better=None,
                         formula="none")  # fmt: skip
    _, found, _ = evaluated(splits, broken, infinite, BRIGHTNESS)
    assert "brightness" in found.metrics
    assert not {"broken", "infinite"} & set(found.metrics)
    assert "metric broken failed: RuntimeError: no such thing (" in caplog.text
    assert "metric infinite is inf, and left out" in caplog.text
    with pytest.raises(UserError, match=r"metric 'broken' fails on samples \(20, 1, 8, 8\) and"):
        check_metrics(sweep_with(broken), splits[1])


def test_it_changes_nothing_and_draws_the_same_numbers(splits: Any) -> None:
    def careless(samples: Tensor, real: Tensor) -> Tensor:
        return real.add_(1).mean() + samples[torch.randperm(len(samples))[:5]].mul_(2).mean()

    metric = OwnMetric(name="careless", measure=careless, larger_is_better=None, formula="none")
    evaluator, first, pack = evaluated(splits, metric)
    real = evaluator.real.clone()
    torch.randperm(9)
    (_, again), *_ = evaluator.evaluate(pack, {0: False}, bound=False)
    assert again.metrics["careless"] == first.metrics["careless"]
    assert torch.equal(evaluator.real, real)


def test_a_loss_is_no_name_of_ones_own(splits: Any) -> None:
    for name in ("critic_loss", "critic_gradient_norm"):
        metric = OwnMetric(name=name, measure=brightness, larger_is_better=None, formula="")
        with pytest.raises(UserError, match=f"metrics: '{name}' is a loss or metric of gan's"):
            check_metrics(sweep_with(metric), splits[1])


def test_trials_are_ranked_by_it(splits: Any) -> None:
    sweep = sweep_with(BRIGHTNESS, target="brightness")
    assert sweep.objective("frechet").direction == "maximize"
    check_metrics(sweep, splits[1])
    neither = OwnMetric(name="neither", measure=brightness, larger_is_better=None, formula="")
    with pytest.raises(UserError, match="no trial is better for more or for less neither"):
        sweep_with(neither, target="neither").objective("frechet")
    with pytest.raises(UserError, match="target names 'brightness', which is not measured"):
        check_metrics(sweep_with(target="brightness"), splits[1])


def test_it_is_part_of_what_a_sweep_is() -> None:
    """A resumed one measures by the same formulas; sweeps without own metrics are as before."""
    assert sweep_with(BRIGHTNESS).identity()["metrics"] == {"brightness": BRIGHTNESS.formula}
    assert "metrics" not in sweep_with().identity()


@pytest.mark.parametrize("name", ["frechet", "brightness"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    other = OwnMetric(name=name, measure=brightness, larger_is_better=True, formula="")
    with pytest.raises(UserError, match=f"metrics: '{name}' is the name of another metric"):
        sweep_with(BRIGHTNESS, other)
    assert name in METRICS or name == "brightness"


def test_what_is_no_metric_is_refused() -> None:
    with pytest.raises(UserError, match="metrics must be a tuple of OwnMetric, but got"):
        sweep_with(brightness)
    with pytest.raises(UserError, match="metric 'a:b': name it with letters"):
        OwnMetric(name="a:b", measure=brightness, larger_is_better=True, formula="")
    with pytest.raises(UserError, match="'a' must have a function of samples and real examples"):
        OwnMetric(name="a", measure=torch.zeros(1), larger_is_better=True, formula="")  # type: ignore[arg-type]
