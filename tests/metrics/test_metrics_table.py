"""Every number that an evaluation returns is declared, and every declared one is returned."""

from collections.abc import Iterator

import pytest
import torch

from gensweep.errors import UserError
from gensweep.known_metrics import LIKELIHOOD_METRICS, METRICS, find_metric
from gensweep.metric import NEUTRAL, Kind
from gensweep.metrics import CopyTest, Evaluator, FeatureNet, Projection
from gensweep.objective import Objective

Case = tuple[set[Kind], Evaluator, torch.Tensor]


def cases() -> Iterator[Case]:
    """An evaluator of each kind of data, and samples for it."""
    source = torch.Generator().manual_seed(0)
    modes = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    points = modes.repeat(20, 1) + 0.01 * torch.randn(40, 2, generator=source)
    yield (
        {"points"},
        Evaluator.for_dataset("p", {"x": points}, {}, modes=modes, mode_std=0.01),
        points,
    )
    net = Projection.fit(points)
    copies = CopyTest(net.features(points[:20]), net.features(points[20:]))
    plain = Evaluator.for_dataset("p", {"x": points}, {}, net=net, copies=copies)
    yield {"images", "points without modes"}, plain, points
    images = torch.rand(40, 1, 8, 8, generator=source) * 2 - 1
    net = Projection.fit(images)
    copies = CopyTest(net.features(images[:20]), net.features(images[20:]))
    plain = Evaluator.for_dataset("i", {"x": images}, {}, net=net, copies=copies)
    yield {"images"}, plain, images
    labelled = {"x": images, "y": torch.arange(40) % 3}
    seen = FeatureNet((1, 8, 8), 3).eval().requires_grad_(False)
    copies = CopyTest(seen.features(images[:20]), seen.features(images[20:]))
    told = Evaluator.for_dataset("l", labelled, {}, net=seen, copies=copies)
    yield {"labelled images"}, told, images


def test_an_evaluator_measures_agreement_where_samples_were_given_classes() -> None:
    *_, (kinds, evaluator, samples) = cases()
    plain, given = (evaluator.evaluate(samples[None], given=y)[0]
                    for y in (None, torch.arange(40) % 3))  # fmt: skip
    declared = {name for name, metric in METRICS.items() if "given classes" in metric.kinds}
    assert kinds == {"labelled images"}
    assert set(given) - set(plain) == declared
    assert {name: given[name] for name in plain} == plain


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: max(case[0]))
def test_an_evaluator_returns_what_is_declared_for_its_kind_of_data(case: Case) -> None:
    kinds, evaluator, samples = case
    (found,) = evaluator.evaluate(samples[None])
    assert set(found) == {name for name, metric in METRICS.items() if kinds & metric.kinds}
    reference = evaluator.reference
    assert {evaluator.objective, reference.variety, *reference.judged} <= set(METRICS)
    assert Objective.of(evaluator.objective).metric == evaluator.objective


def test_likelihood_metrics_are_declared_too() -> None:
    assert {"nll", "nll_standard_error", "bits_per_dim"} == LIKELIHOOD_METRICS
    assert all(metric.kinds for metric in METRICS.values())


def test_a_metric_of_samples_at_neutral_values_is_the_same_metric() -> None:
    assert all(find_metric(NEUTRAL + name) is metric for name, metric in METRICS.items())


def test_an_objective_takes_the_better_end() -> None:
    assert Objective.of("modes").direction == "maximize"
    assert Objective.of("nll").direction == "minimize"
    assert Objective.of("loss_critic").direction == "minimize"
    with pytest.raises(UserError, match="nll_standard_error"):
        Objective.of("nll_standard_error")
