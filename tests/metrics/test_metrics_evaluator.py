"""The evaluator's protocol, verdicts and isolation of lanes; the classifier's hash."""

import gzip
import math
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.metrics import Evaluator, FeatureNet, Projection, train_classifier
from gensweep.metrics._verdict import (
    ADDED_BOUNDS,
    CLASS_BOUNDS,
    IMAGE_BOUNDS,
    POINT_BOUNDS,
    POINT_CLOUD_BOUNDS,
    judge_images,
    judge_points,
)


def ring(count: int, modes: int = 8) -> Tensor:
    angle = torch.arange(count) % modes * math.tau / 8
    return torch.stack([angle.cos(), angle.sin()], -1) + 0.01 * torch.randn(count, 2)


def points() -> Evaluator:
    torch.manual_seed(0)
    angle = torch.arange(8) * math.tau / 8
    at = torch.stack([angle.cos(), angle.sin()], -1)
    return Evaluator.for_dataset("ring8", {"x": ring(2000)}, {}, modes=at, mode_std=0.01)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    data = pytest.importorskip("sklearn.datasets").load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
    images = torch.tensor(data.images).float()[:, None] / 8 - 1
    return images[order], torch.tensor(data.target)[order]


@pytest.fixture(scope="module")
def net(digits: tuple[Tensor, Tensor]) -> FeatureNet:
    return train_classifier(digits[0][:1000], digits[1][:1000], 10)


@pytest.mark.parametrize("level", [0.7, -0.2])
def test_examples_that_are_all_equal_are_no_reference(level: float) -> None:
    """Also those whose mean is rounded, so that their variance is not 0."""
    flat = {"x": torch.full((1000, 1, 8, 8), level)}
    net = FeatureNet((1, 8, 8), 10)
    with pytest.raises(UserError, match="flat has 1000 train examples"):
        Evaluator.for_dataset("flat", flat, {}, net=net)


@pytest.mark.parametrize(
    ("spread", "outcome"),
    [(0.05, "collapsed"), (0.3, "unconverged"), (1.0, "collapsed"), (62.0, "unconverged")],
)
def test_points_at_no_mode_have_lost_some_if_they_lie_around_few(
    spread: float, outcome: str
) -> None:
    """Not before they have spread as the data, nor where they are scattered far around them."""
    found = {"modes": 8.0, "high_quality": 0.1, "mode_entropy": math.log(14.0)}
    lost, cause = judge_points(found | {"variance_ratio": spread}, 25, POINT_BOUNDS)
    assert lost == outcome
    assert ("around 14.0" in cause) == (spread == 1.0)
    kept = found | {"mode_entropy": math.log(16.0), "variance_ratio": 1.0}
    assert judge_points(kept, 25, POINT_BOUNDS)[0] == "unconverged"


def test_a_wide_cloud_of_points_is_not_the_datas_shape() -> None:
    found = {"density": 0.31, "coverage": 0.91, "variance_ratio": 0.8}
    assert judge_images(found, None, IMAGE_BOUNDS)[0] == "converged"
    assert judge_images(found, None, POINT_CLOUD_BOUNDS)[0] == "unconverged"
    moons = Evaluator.for_dataset("moons", {"x": ring(400)}, {}, net=Projection.fit(ring(400)))
    assert moons.protocol["bounds"] == POINT_CLOUD_BOUNDS


def test_point_verdicts() -> None:
    evaluator = points()
    lanes = torch.stack([ring(800), ring(800, 5), ring(800, 7), ring(800) * math.nan])
    found = [evaluator.verdict(metrics)[0] for metrics in evaluator.evaluate(lanes)]
    assert found == ["converged", "collapsed", "unconverged", "diverged"]


def test_samples_at_no_mode_have_lost_none_unless_they_hardly_differ() -> None:
    """A sweep that was begun before goes on with the bounds that it had."""
    evaluator, noise = points(), torch.randn(800, 2, generator=torch.Generator().manual_seed(0))
    bounds = evaluator.reference.bounds
    some = {name: bounds[name] for name in bounds if name not in ADDED_BOUNDS}
    older = evaluator.judging_by(some)
    assert older.protocol["bounds"] == some
    lanes = torch.stack([noise / 3, noise / 100, ring(800)[:1].repeat(800, 1)])
    metrics = evaluator.evaluate(lanes)
    assert [evaluator.verdict(one)[0] for one in metrics] == ["unconverged", *2 * ["collapsed"]]
    assert [older.verdict(one)[0] for one in metrics] == 3 * ["collapsed"]
    assert "% of the data's variance" in evaluator.verdict(metrics[1])[1]
    assert [evaluator.reference.variety_of(one) for one in metrics[1:]] == [0.0, 0.0]
    assert older.reference.variety_of(metrics[2]) == 1.0


def test_samples_that_have_spread_around_few_modes_have_lost_the_others() -> None:
    evaluator, noise = points(), torch.randn(800, 2, generator=torch.Generator().manual_seed(0))
    blurred = torch.stack([ring(800, kept) + noise / 10 for kept in (4, 8)])
    (lost, cause), (kept, _) = map(evaluator.verdict, evaluator.evaluate(blurred))
    assert (lost, kept) == ("collapsed", "unconverged")
    assert cause.endswith("high-quality samples, around 4.0")


def test_a_bad_lane_leaves_others_bitwise_untouched() -> None:
    evaluator = points()
    lanes = torch.stack([ring(500), ring(500), ring(500, 5)])
    before = evaluator.evaluate(lanes)
    lanes[1] = math.inf
    after = evaluator.evaluate(lanes)
    assert after[1] == {"finite": 0.0}
    assert (after[0], after[2]) == (before[0], before[2])
    assert evaluator.evaluate(lanes[2:])[0] == before[2]


def test_huge_finite_samples_count_as_non_finite() -> None:
    assert points().evaluate(torch.full((1, 20, 2), 3e38).mul(ring(20).sign())) == [{"finite": 0.0}]


def test_classifier_is_accurate_deterministic_and_round_trips(
    digits: tuple[Tensor, Tensor], net: FeatureNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gensweep.metrics._classifier.TELL_S", 0.0)
    told: list[str] = []
    images, labels = digits
    assert (net(images[1000:]).argmax(1) == labels[1000:]).float().mean() > 0.96
    assert train_classifier(images[:1000], labels[:1000], 10, log=told.append).hash == net.hash
    assert told[0] == "feature network: 20 epochs of 1,000 images"
    assert (told[160], told[-1]) == ("feature network: 50%", "feature network: 100%")
    again = FeatureNet.load(net.save())
    assert torch.equal(again.features(images[:9]), net.features(images[:9]))
    assert again.hash == net.hash


def test_image_verdicts_and_protocol(digits: tuple[Tensor, Tensor], net: FeatureNet) -> None:
    images, labels = digits
    train = {"x": images[:1000], "y": labels[:1000]}
    test = {"x": images[1000:], "y": labels[1000:]}
    evaluator = Evaluator.for_dataset("digits", train, test, net=net)
    real, few = train["x"][:700], train["x"][train["y"] < 3]
    lanes = torch.stack([real, few.repeat(3, 1, 1, 1)[:700], torch.rand(real.shape) * 2 - 1])
    metrics = evaluator.evaluate(lanes)
    verdicts = [evaluator.verdict(lane)[0] for lane in metrics]
    assert verdicts == ["converged", "collapsed", "unconverged"]
    assert metrics[0]["frechet"] < metrics[1]["frechet"] < metrics[2]["frechet"] * 2
    assert evaluator.protocol["feature_hash"] == net.hash
    with pytest.raises(UserError, match="classifier"):
        Evaluator.for_dataset("digits", train, test)


def test_agreement_is_with_the_classes_that_were_given(
    digits: tuple[Tensor, Tensor], net: FeatureNet
) -> None:
    """By the classifier of the protocol: real digits agree with their labels, and no others do."""
    images, labels = digits[0][1000:], digits[1][1000:]
    evaluator = Evaluator.for_dataset("digits", {"x": images, "y": labels}, {}, net=net)
    right = (net(images).argmax(1) == labels).double().mean()

    def agreement(given: Tensor) -> float:
        return evaluator.evaluate(images[None], {"class_agreement"}, given)[0]["class_agreement"]

    assert agreement(labels) == pytest.approx(float(right))
    assert agreement(net(images).argmax(1)) == 1
    assert agreement((labels + 1) % 10) < 0.1
    assert "class_agreement" not in evaluator.evaluate(images[None])[0]


def test_wanted_metrics_are_those_of_all(digits: tuple[Tensor, Tensor], net: FeatureNet) -> None:
    """Whether the others are measured with them or not, to the last bit."""
    data = {"x": digits[0][:300], "y": digits[1][:300]}
    of_images = Evaluator.for_dataset("digits", data, {}, net=net)
    for evaluator, lane in ((of_images, digits[0][300:600]), (points(), ring(300, 7))):
        whole = evaluator.evaluate(lane[None])[0]
        judged = evaluator.reference.judged
        for wanted in (judged, evaluator.protocol["curve"], tuple(whole)):
            found = evaluator.evaluate(lane[None], wanted)[0]
            assert set(wanted) <= set(found)
            assert found == {name: whole[name] for name in found}
        assert len(evaluator.evaluate(lane[None], judged)[0]) < len(whole)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_feature_shapes(shape: tuple[int, ...]) -> None:
    assert FeatureNet(shape, 10).features(torch.zeros(2, *shape)).shape == (2, 64)


@pytest.mark.slow("trains a classifier on MNIST")
def test_classifier_on_mnist() -> None:
    shared = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("GENSWEEP_DATA", shared)) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST files at {folder}")

    def read(name: str, header: int) -> Tensor:
        raw = gzip.decompress((folder / name).read_bytes())[header:]
        return torch.frombuffer(bytearray(raw), dtype=torch.uint8)

    train, test = (
        read(f"{split}-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28).float() / 127.5 - 1
        for split in ("train", "t10k")
    )
    net = train_classifier(train, read("train-labels-idx1-ubyte.gz", 8).long(), 10)
    right = net(test).argmax(1) == read("t10k-labels-idx1-ubyte.gz", 8)
    assert right.float().mean() >= 0.985


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_classes_that_samples_are_of_are_found_and_no_others(
    digits: tuple[Tensor, Tensor], net: FeatureNet, noise: float
) -> None:
    """Also of samples with noise; those between two classes are called by one, but not surely."""
    (images, labels), source = digits, torch.Generator().manual_seed(0)
    shown = {"x": images[:1000], "y": labels[:1000]}
    evaluator = Evaluator.for_dataset("digits", shown, {"x": images[1000:]}, net=net)
    older = {n: bound for n, bound in evaluator.reference.bounds.items() if n not in ADDED_BOUNDS}

    def found(lane: Tensor, judge: Evaluator = evaluator) -> tuple[float, str]:
        metrics = judge.evaluate((lane + noise * torch.randn(lane.shape, generator=source))[None])
        return metrics[0]["classes"], judge.verdict(metrics[0])[0]

    for kept, outcome in ((10, "converged"), (8, "unconverged"), (3, "collapsed")):
        assert found(shown["x"][shown["y"] < kept]) == (kept, outcome)
    some = shown["x"][shown["y"] < 8]
    pairs = torch.randint(len(some), (2, len(some)), generator=source)
    lane = torch.cat([some, (some[pairs[0]] + some[pairs[1]]) / 2])
    assert found(lane) == (8, "unconverged")
    assert found(lane, evaluator.judging_by(older | {"found_share": 0.2}))[0] > 8


def test_real_data_have_all_classes_and_strays_save_none(
    digits: tuple[Tensor, Tensor], net: FeatureNet
) -> None:
    """Of two classes that nothing tells apart, and of samples that are near no real example."""
    (images, labels), source = digits, torch.Generator().manual_seed(0)
    alike = torch.where(
        (labels == 3) & (torch.rand(len(labels), generator=source) < 0.5), 10, labels
    )
    shown = {"x": images[:1000], "y": alike[:1000]}
    eleven = train_classifier(*shown.values(), 11)
    evaluator = Evaluator.for_dataset("digits", shown, {"x": images[1000:]}, net=eleven)
    assert evaluator.evaluate(shown["x"][None])[0]["classes"] == 11
    evaluator = Evaluator.for_dataset(
        "digits", {"x": images[:1000], "y": labels[:1000]}, {"x": images[1000:]}, net=net
    )
    (one,) = images[labels == 1][:1]
    noisy = one + 0.6 * torch.randn(1000, *one.shape, generator=source)
    (metrics,) = evaluator.evaluate(noisy[None])
    assert metrics["precision"] < 0.5
    assert evaluator.verdict(metrics)[0] == "collapsed"


def test_a_sweep_that_was_begun_with_other_bounds_is_judged_by_them(
    digits: tuple[Tensor, Tensor], net: FeatureNet
) -> None:
    """Of the other five classes a few examples: a tenth of their share, which once was enough."""
    images, labels = digits
    real, shown = {"x": images[1000:]}, {"x": images[:1000], "y": labels[:1000]}
    now = Evaluator.for_dataset("digits", shown, real, net=net, samples=400)
    former = CLASS_BOUNDS | {"found_share": 0.05}
    before = now.judging_by(former)
    few = (labels[:1000] >= 4) & (torch.arange(1000) % 10 > 0)  # of six classes a tenth is left
    some = images[:1000][~few][None]
    outcomes = [one.verdict(one.evaluate(some)[0])[0] for one in (now, before, before.to("cpu"))]
    assert outcomes == ["unconverged", "converged", "converged"]
    assert now.protocol["bounds"] == IMAGE_BOUNDS | CLASS_BOUNDS
    assert before.protocol == {**now.protocol, "bounds": IMAGE_BOUNDS | former}
