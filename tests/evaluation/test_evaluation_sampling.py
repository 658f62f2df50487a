"""Sampling hyperparameters of any name: what lanes are judged at, their curves, their groups."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import LaneEvaluator, build_evaluator, sample_lane, sampler_spec
from gensweep.lanes import Pack, _sampling
from gensweep.space import signature
from gensweep.storage import ObjectStore, open_store
from gensweep.sweep import Sweep
from gensweep.trial import Outcome
from gensweep_models.catalog import CATALOG
from gensweep_models.config import BaseConfig, lane, sampling
from gensweep_models.game import Model, Noise, Player
from gensweep_models.space import Real

CONFIG = {"frozen": True, "kw_only": True, "slots": True}
SPACE = {"rate": Real(1e-4, 1e-2, log=True)}


class Ring:
    """A generator that knows the ring of eight points by heart; `pull` draws it to the centre."""

    def __init__(self, config: Any, data: Any) -> None:
        self.config = config
        self.players = {"generator": Player(lambda: nn.Linear(1, 1), learning_rate="rate")}
        self.noise: dict[str, dict[str, Noise]] = {"generator": {}}

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["generator"](batch["x"][:, :1]).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"angle": Noise((count,), "uniform"), "error": Noise((count, 2))}

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        angle = (noise["angle"] * 8).floor() * math.pi / 4
        points = torch.stack([angle.cos(), angle.sin()], -1) + 0.01 * noise["error"]
        return points * self.pull(hyper)

    def pull(self, hyper: Any) -> Any:
        (name,) = {f.name for f in dataclasses.fields(self.config) if f.name in NAMES}
        return hyper[name]


NAMES = ("psi", "guidance", "truncation")


def ring_model(name: str, **stated: Any) -> Model:
    fields = [
        ("rate", float, lane(1e-3, above=0)),
        (name, float, sampling(0.3, "pull to the centre", above=0, **stated)),
    ]
    config = dataclasses.make_dataclass("RingConfig", fields, bases=(BaseConfig,), **CONFIG)
    return Model("ring", "exact", "", config, Ring, SPACE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    return open_store(f"file://{tmp_path_factory.mktemp('store')}")


def prepared(
    store: ObjectStore, model: Model, configs: list[dict[str, Any]], **options: Any
) -> tuple[LaneEvaluator, Pack]:
    sweep = Sweep(name="ring", model=model, space=model.space, data="ring8", **options)
    train = load_dataset("ring8", store, split="train")
    evaluator = build_evaluator(sweep, store, train, None)
    config = sweep.config({})
    pack = Pack(model, config, train, train.source("cpu"), width=len(configs), trace=False)
    for slot, values in enumerate(configs):
        pack.load(slot, sweep.config(values), seed=slot, budget_images=1000)
    return evaluator, pack


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_judged_at_its_own_neutral_value(store: ObjectStore, name: str) -> None:
    """Samples at psi = 1 are the data; whatever the name, and however poor those at its own 0.3."""
    model = ring_model(name, neutral=1.0, grid=(0.5, 1.0))
    evaluator, pack = prepared(store, model, [{}])
    found = dict(evaluator.evaluate(pack, {0: True}, bound=False))[0]
    assert found.outcome is Outcome.CONVERGED, found.cause
    assert (found.metrics["modes"], found.metrics["neutral_modes"]) == (0, 8)
    assert evaluator.protocol["neutral"] == {name: 1.0}
    assert {n: [p[0] for p in curve] for n, curve in found.curves.items()} == {name: [0.5, 1.0]}
    assert [point[2] for point in found.curves[name]] == [0, 8]


def test_without_a_neutral_value_a_trial_is_judged_at_its_own(store: ObjectStore) -> None:
    evaluator, pack = prepared(store, ring_model("psi"), [{}, {"psi": 1.0}])
    found = dict(evaluator.evaluate(pack, {0: True, 1: True}, bound=False))
    assert [found[slot].outcome for slot in (0, 1)] == [Outcome.COLLAPSED, Outcome.CONVERGED]
    assert found[0].curves == {}


def test_a_sweep_has_grids_of_its_own(store: ObjectStore) -> None:
    model = ring_model("psi", neutral=1.0, grid=(0.5, 1.0))
    evaluator, pack = prepared(store, model, [{}], sampling_grids={"psi": (0.9,)})
    found = dict(evaluator.evaluate(pack, {0: True}, bound=False))[0]
    assert [point[0] for point in found.curves["psi"]] == [0.9]
    none, _ = prepared(store, model, [{}], sampling_grids={"psi": ()})
    assert dict(none.evaluate(pack, {0: True}, bound=False))[0].curves == {}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a neutral value out of bounds": (
        {"neutral": 0.0}, "neutral value of 'psi' does not fit: `0 < psi` must hold, but got psi=0"
    ),
    "a grid out of bounds": (
        {"grid": (0.5, -1.0)}, "grid of 'psi' does not fit: `0 < psi` must hold, but got psi=-1.0"
    ),
    "a grid of words": ({"grid": ("wide",)}, "psi='wide' will not do: it must be a finite number"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_a_field_cannot_be_is_told_before_training(case: str) -> None:
    stated, message = BAD[case]
    with pytest.raises(UserError, match=message):
        Sweep(name="s", model=ring_model("psi", **stated), space=SPACE, data="ring8")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WalkConfig(BaseConfig):
    rate: float = lane(1e-3, above=0)
    scale: float = sampling(1.0)
    solver: str = sampling("euler", "order of the steps", choices=("euler", "heun"))
    steps: int = sampling(2, grid=(1, 3), at_least=1)


class Walk(Ring):
    """Samples whose noise and form depend on a number of steps and on the name of a solver."""

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"steps": Noise((count, self.config.steps, 2))}

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        weight: Tensor = nets["generator"](noise["steps"][..., :1])
        end = (weight * noise["steps"]).sum(1) * hyper["scale"]
        return -end if self.config.solver == "heun" else end


WALK = Model("walk", "exact", "", WalkConfig, Walk, SPACE)
LANES = [{"solver": "heun"}, {"steps": 5}, {}, {"solver": "heun", "scale": 2.0}, {"steps": 5}]


def test_lanes_of_a_pack_may_differ_in_names_and_whole_numbers(store: ObjectStore) -> None:
    """Each gets the samples, bit for bit, of a pack in which all are like it; none splits it."""
    _, pack = prepared(store, WALK, LANES)
    assert len({signature(lane.config, SPACE) for lane in pack.lanes if lane}) == 1
    together = pack.sample(6)
    for slot, values in enumerate(LANES):
        _, alike = prepared(store, WALK, [values] * len(LANES))
        assert torch.equal(together[slot], alike.sample(6)[slot]), values
    assert torch.equal(pack.sample(6, slots=[4, 0]), together[[4, 0]])


@pytest.mark.parametrize("size", [1 << 20, 100])
def test_noise_that_is_given_is_used_as_if_it_were_drawn(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """By each lane its own, by lanes of other choices apart, in one batch and in several."""
    monkeypatch.setattr(_sampling, "SAMPLING_BYTES", size)
    _, pack = prepared(store, WALK, [{"solver": "heun"}, {}, {"solver": "heun", "scale": 2.0}])
    each = [pack.sample_noise(7, seed=4, slot=slot) for slot in (2, 0, 1)]
    noise = {"steps": torch.cat([one["steps"] for one in each])}
    found = pack.sample(7, slots=[2, 0, 1], noise=noise)
    assert torch.equal(found, pack.sample(7, seed=4, slots=[2, 0, 1]))
    assert not torch.equal(found, pack.sample(7, slots=[2, 0, 1]))


def test_a_name_reaches_all_lanes_in_the_place_of_their_own(store: ObjectStore) -> None:
    _, pack = prepared(store, WALK, [{"steps": 2}, {"steps": 5}])
    _, alike = prepared(store, WALK, [{"steps": 2, "solver": "heun"}] * 2)
    assert torch.equal(pack.sample(6, hyper={"steps": 2, "solver": "heun"}), alike.sample(6))
    with pytest.raises(UserError, match="'speed' is no sampling hyperparameter of walk: choose"):
        pack.sample(6, hyper={"speed": 1})


def test_a_curve_runs_along_whole_numbers_too(store: ObjectStore) -> None:
    evaluator, pack = prepared(store, WALK, LANES)
    found = dict(evaluator.evaluate(pack, dict.fromkeys(range(5), True), bound=False))
    assert {tuple(one.curves) for one in found.values()} == {("steps",)}
    assert [point[0] for point in found[3].curves["steps"]] == [1, 3]


def test_a_name_has_no_curve() -> None:
    with pytest.raises(UserError, match="'solver' is no number, and has no curve"):
        Sweep(name="s", model=WALK, space=SPACE, sampling_grids={"solver": ("euler",)})


def test_an_evaluation_with_groups_is_the_same_alone(store: ObjectStore) -> None:
    evaluator, pack = prepared(store, WALK, LANES)
    evaluator = dataclasses.replace(evaluator, lanes_at_once=4)
    together = dict(evaluator.evaluate(pack, dict.fromkeys(range(5), True), bound=False))
    for slot in range(5):
        assert dict(evaluator.evaluate(pack, {slot: True}, bound=False))[slot] == together[slot]


DIFFUSION = {"hidden": 8, "layers": 1, "steps": 20, "batch_size": 16}


@pytest.fixture(scope="module")
def lane_file(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Any, Pack]:
    """A stored lane of a catalogue's model, the facts to sample it by, and its pack."""
    model = CATALOG["ddpm"]
    sweep = Sweep(name="s", model=model, space={"truncation": Real(1.0, 5.0)}, fixed=DIFFUSION,
                  data="ring8")  # fmt: skip
    train = load_dataset("ring8", store, split="train")
    config = sweep.config({"truncation": 2.0})
    pack = Pack(model, config, train, train.source("cpu"), width=1, trace=False)
    pack.load(0, config, seed=3, budget_images=1000)
    file = tmp_path_factory.mktemp("lane") / "lane.safetensors"
    file.write_bytes(pack.take(0).to_bytes())
    return str(file), sampler_spec(sweep, {"truncation": 2.0}, train), pack


def test_a_stored_lane_is_sampled_at_any_values(lane_file: tuple[str, Any, Pack]) -> None:
    file, about, pack = lane_file
    assert about["sampling"] == {"truncation": 2.0, "sampler": "ddim", "sample_steps": 0}
    values = {"truncation": 0.5, "sampler": "ancestral", "sample_steps": 5}
    found = sample_lane(file, about, 6, values, 1)
    np.testing.assert_array_equal(found, pack.sample(6, seed=1, hyper=values)[0].numpy())
    own = sample_lane(file, about, 6, seed=1)
    np.testing.assert_array_equal(own, sample_lane(file, about, 6, None, 1))
    assert not np.array_equal(own, found)


def test_models_that_were_registered_before_give_a_number(
    lane_file: tuple[str, Any, Pack],
) -> None:
    """As the fourth argument, of the one hyperparameter that there was; and facts without them."""
    file, about, _ = lane_file
    before = {name: value for name, value in about.items() if name != "sampling"}
    np.testing.assert_array_equal(
        sample_lane(file, before, 6, 0.5, 1), sample_lane(file, about, 6, {"truncation": 0.5}, 1)
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"psi": 0.5}, "'psi' is no sampling hyperparameter of ddpm: choose from truncation, samp"),
        ({"hidden": 8}, "'hidden' is no sampling hyperparameter of ddpm"),
        ({"truncation": 0.0}, "ddpm: `0 < truncation` must hold, but got truncation=0.0"),
        ({"sample_steps": 2.5}, "sample_steps=2.5 will not do: it must be a whole number"),
        ({"sample_steps": 21}, "ddpm: `sample_steps <= steps` must hold, but got sample_steps=21"),
        ({"sampler": "euler"}, "ddpm: `sampler in"),
    ],
)
def test_values_that_cannot_be_are_told(
    lane_file: tuple[str, Any, Pack], values: dict[str, Any], message: str
) -> None:
    file, about, _ = lane_file
    with pytest.raises(UserError, match=message):
        sample_lane(file, about, 6, values)
