"""A lane is judged where it trains, with a protocol that says what was measured."""

import dataclasses
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import build_evaluator, draw_examples, load_feature_net, measure_floor
from gensweep.evaluation._held_out_examples import draw_anew
from gensweep.lanes import Pack
from gensweep.planning._check_model import check_features
from gensweep.storage import ObjectStore, open_store
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
SMALL = {"hidden": 16, "layers": 1, "batch_size": 16}
VAE = {"decoder": "bernoulli", "binarise": "dynamic"}


def grids(model: str) -> dict[str, tuple[float, ...]]:
    return {} if model == "vqvae" else {"truncation": (0.5, 2.0)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    return open_store(f"file://{tmp_path_factory.mktemp('store')}")


def judged(
    store: ObjectStore, model: str, data: str, device: str = "cpu", **fixed: Any
) -> tuple[Any, Any]:
    """The evaluator and its verdict on a trial that trained a little."""
    evaluator, pack = trained(store, model, data, device, **fixed)
    return evaluator, dict(evaluator.evaluate(pack, {0: True}, bound=False))[0]


def trained(
    store: ObjectStore, model: str, data: str, device: str = "cpu", width: int = 1,
    target: str | None = None, **fixed: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """The evaluator and a pack that trained a little."""
    sweep = Sweep(
        name="judged", model=CATALOG[model], space={"learning_rate": Real(1e-4, 1e-2, log=True)},
        fixed=fixed, data=data, samples=60, sampling_grids=grids(model), target=target,
    )  # fmt: skip
    train = load_dataset(data, store, split="train")
    test = None if train.modes is not None else load_dataset(data, store, split="test")
    evaluator = build_evaluator(sweep, store, train, test).to(device)
    config = sweep.config({})
    pack = Pack(sweep.model, config, train, train.source(device), width=width, device=device)
    for slot in range(width):
        pack.load(slot, config, seed=slot, budget_images=3200)
    pack.run(3)
    return evaluator, pack


LAWFUL = [("gan", "ring8", {}), ("gan", "digits", {}), ("vae", "digits", VAE),
          ("gan", "digits", {"body": "conv"})]  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize(("model", "data", "fixed"), LAWFUL)
def test_no_number_depends_on_which_lanes_are_evaluated_together(
    store: ObjectStore, model: str, data: str, fixed: Any, at_once: int, device: str
) -> None:
    """Bit for bit; and a lane whose samples are not finite is one of them."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    evaluator, pack = trained(store, model, data, device, width=6, **fixed, **SMALL)
    evaluator = dataclasses.replace(evaluator, lanes_at_once=at_once)
    for stack in pack.stacks.values():
        stack.sampling_weights()[3] = math.inf
    due = {slot: slot != 1 for slot in range(6)}
    together = dict(evaluator.evaluate(pack, due, bound=True))
    alone = {
        slot: dict(evaluator.evaluate(pack, {slot: due[slot]}, bound=True))[slot] for slot in due
    }
    assert together == alone
    assert together[3].metrics == {"finite": 0.0}
    assert [bool(together[slot].curves) for slot in due] == [
        True,
        False,
        True,
        False,
        True,
        True,
    ]
    assert [bool(together[slot].intervals) for slot in due] == [
        bool(together[slot].curves) for slot in due
    ]
    assert len({result.metrics.get("variance_ratio") for result in together.values()}) == 6


@pytest.mark.parametrize("device", DEVICES)
def test_a_vae_gets_a_bound_on_binarised_pixels(store: ObjectStore, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    evaluator, found = judged(store, "vae", "digits", device, latent_size=4, **VAE, **SMALL)
    stated = evaluator.protocol["nll"]
    assert (stated["kind"], stated["importance_samples"], stated["split"]) == ("iwae", 500, "test")
    assert "binarised" in stated["of"]
    assert (stated["examples"], stated["drawn_from"]) == (178, 355)
    assert 0 < found.metrics["nll_standard_error"] < found.metrics["nll"] < 64 * math.log(4)
    assert [point[0] for point in found.curves["truncation"]] == [0.5, 2.0]
    told = ("nll", "frechet", "coverage", "kernel_distance", "mind", "copied", "classes")
    for name in (*told, "classes_seen"):
        low, high = found.intervals[name]
        assert low <= found.metrics[name] <= high, name
    assert not {"frechet_standard_error", "copied_standard_error"} & found.metrics.keys()
    assert found.png.startswith(b"\x89PNG")


def test_the_verdict_is_of_samples_at_the_neutral_value(store: ObjectStore) -> None:
    """How training went does not depend on the threshold that a trial is sampled at."""
    fixed = {"hidden": 32, "batch_size": 64, "objective": "hinge"}
    _, narrow = judged(store, "gan", "digits", truncation=0.1, **fixed)
    _, wide = judged(store, "gan", "digits", truncation=3.0, **fixed)
    judged_by = [n for n in wide.metrics if n.startswith("neutral_")]
    assert len(judged_by) == 6
    assert [narrow.metrics[n] for n in judged_by] == [wide.metrics[n] for n in judged_by]
    assert (narrow.outcome, narrow.cause) == (wide.outcome, wide.cause)
    assert narrow.metrics["variance_ratio"] < wide.metrics["variance_ratio"]
    assert narrow.metrics["frechet"] != wide.metrics["frechet"]


def test_grey_pixels_under_a_bernoulli_are_no_likelihood(store: ObjectStore) -> None:
    evaluator, _ = judged(store, "vae", "digits", latent_size=4, decoder="bernoulli", **SMALL)
    assert "not a likelihood" in evaluator.protocol["nll"]["of"]


def test_a_flow_gets_bits_per_dim(store: ObjectStore) -> None:
    """With the density of grey levels, not of [-1, 1]: that is one bit less for each doubling."""
    evaluator, found = judged(store, "realnvp", "digits", couplings=2, **SMALL)
    metrics = found.metrics
    nats = metrics["nll"] / 64 + math.log(16 / 2)
    assert metrics["bits_per_dim"] == pytest.approx(nats / math.log(2))
    assert evaluator.protocol["nll"]["kind"] == "exact"
    assert "17 levels" in evaluator.protocol["nll"]["of"]


@pytest.mark.parametrize("device", DEVICES)
def test_points_have_modes_and_no_bound(store: ObjectStore, device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    evaluator, found = judged(store, "gan", "ring8", device, **SMALL)
    assert "nll" not in evaluator.protocol
    assert evaluator.protocol["fake_samples"] == 2500
    assert {"modes", "high_quality", "w1_sliced"} <= set(found.metrics)
    assert evaluator.protocol["curve"] == ["total_variation", "modes"]
    assert [len(point) for point in found.curves["truncation"]] == [3, 3]
    assert evaluator.protocol["critic_overfitting"]["unseen"]["split"] == "drawn anew"
    assert 0.4 < found.metrics["critic_overfitting"] < 0.6  # of 100,000 points none is known
    assert found.metrics["critic_slope"] > 0


@pytest.mark.parametrize("data", ["ring8", "grid25"])
def test_a_critic_is_measured_on_new_points_of_the_same_mixture(
    store: ObjectStore, data: str
) -> None:
    """Which no training saw: as many of each mode, as near to it, and the same every time."""
    train = load_dataset(data, store, split="train")
    assert train.modes is not None
    assert train.mode_std is not None
    seen, unseen = draw_examples(train, train.count)["x"], draw_anew(train.modes, train.mode_std)
    assert torch.equal(unseen["x"], draw_anew(train.modes, train.mode_std)["x"])
    assert not torch.isin(unseen["x"].view(torch.int64), seen.view(torch.int64)).any()
    for points in (seen, unseen["x"]):
        distances, nearest = torch.cdist(points, train.modes).min(1)
        expected = len(points) / len(train.modes)
        counts = nearest.bincount(minlength=len(train.modes)).double()
        assert (counts - expected).abs().max() < 4.5 * expected**0.5
        spread = distances.square().mean() / 2 / train.mode_std**2
        assert spread == pytest.approx(1, abs=4.5 / len(points) ** 0.5)


def test_the_exact_distance_is_measured_at_the_end_or_where_trials_are_ranked_by_it(
    store: ObjectStore,
) -> None:
    """And of real points in the place of samples, where it is what their number leaves."""
    ranked, pack = trained(store, "gan", "ring8", target="w1", **SMALL)
    plain = dataclasses.replace(ranked, ranked_by=None)
    (at_a_rung,), (before,), (at_the_end,) = (
        [one for _, one in evaluator.evaluate(pack, {0: last}, bound=False)]
        for evaluator, last in ((ranked, False), (plain, False), (plain, True))
    )
    assert "w1" not in before.metrics
    assert at_a_rung.metrics == before.metrics | {"w1": at_the_end.metrics["w1"]}
    low, high = at_the_end.intervals["w1"]
    floor = measure_floor(plain, plain.data)
    assert floor is not None
    assert 0 < floor.metrics["w1"] < low < at_the_end.metrics["w1"] < high
    assert ranked.protocol == plain.protocol
    assert ranked.protocol["w1"] == {"samples": 500, "cost": "Euclidean"}


def test_a_folder_without_labels_is_judged_by_its_components(
    store: ObjectStore, tmp_path: Path
) -> None:
    """On real digits, saved as a folder of images that tells no classes."""
    digits = load_dataset("digits", store, split="train").arrays()["x"][:400]
    for i, pixels in enumerate(digits):
        Image.fromarray(np.uint8(pixels[0] * 15)).save(tmp_path / f"{i}.png")
    evaluator, found = judged(store, "gan", str(tmp_path), **SMALL)
    assert evaluator.protocol["features"] == "principal components of the pixels"
    assert "frechet" in found.metrics
    assert "classes" not in found.metrics
    assert found.outcome in ("collapsed", "unconverged")


def test_examples_are_drawn_from_all_of_the_data(store: ObjectStore) -> None:
    """Files often come sorted by class; the first ones would be of one class."""
    train = load_dataset("digits", store, split="train")
    few = draw_examples(train, 100)
    assert not torch.equal(few["x"], draw_examples(train, train.count)["x"][:100])
    assert torch.equal(draw_examples(train, 10**6)["y"], torch.from_numpy(train.arrays()["y"]))
    assert len(few["y"].unique()) == 10


def test_a_file_of_features_measures_in_the_place_of_the_trained_ones(
    store: ObjectStore, tmp_path: Path
) -> None:
    file, net, before = tmp_path / "net.pt", torch.nn.Conv2d(3, 8, 8), {*store.list("features/")}
    torch.jit.save(torch.jit.trace(net, torch.zeros(2, 3, 8, 8)), file)  # type: ignore[no-untyped-call]
    sweep = Sweep(name="s", model=CATALOG["gan"], space={"learning_rate": Real(1e-4, 1e-2)},
                  data="digits", samples=60, features=str(file), feature_input="ttur")  # fmt: skip
    train, test = (load_dataset("digits", store, split=split) for split in ("train", "test"))
    assert 0 < (check_features(sweep, train, store) or 0) < 1
    evaluator = build_evaluator(sweep, store, train, test)
    stated, used = evaluator.protocol, hashlib.sha256(file.read_bytes()).hexdigest()
    assert (stated["feature_hash"], stated["features"]) == (used, "TorchScript")
    assert stated["feature_input"]["high"] == 255.0  # type: ignore[index]
    build_evaluator(dataclasses.replace(sweep, feature_input="as-is"), store, train, test)
    new = {*store.list("features/")} - before
    kept = [store.get(key) for key in new if "-examples-" in key or "-held-out-" in key]
    assert len({*kept}) == 4  # of both inputs, which give other features
    file.unlink()  # a worker is elsewhere, and reads what the store keeps; so does --resume
    check_features(sweep, train, store, used)
    with pytest.raises(UserError, match="cannot be read"):
        check_features(sweep, train, store)
    found = build_evaluator(sweep, store, train, test, used).measure(
        torch.rand(1, 60, 1, 8, 8), None, errors=True
    )[0]
    assert found["frechet"] > 0
    assert "classes" not in found
    with pytest.raises(UserError, match="ring8 has points: leave --features out"):
        check_features(sweep, load_dataset("ring8", store, split="train"), store)


def test_the_feature_network_is_kept_by_the_hash_of_the_data(store: ObjectStore) -> None:
    train = load_dataset("digits", store, split="train")
    told: list[str] = []
    first = load_feature_net(store, train, log=told.append)
    assert load_feature_net(store, train, log=told.append).hash == first.hash
    assert len(told) <= 1
    assert load_feature_net(store, train, first.hash).hash == first.hash
    with pytest.raises(UserError, match="begun with 000"):
        load_feature_net(store, train, "0" * 64)
