"""Small packs of every model of the catalogue, on random images or points."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes import LaneState, Pack
from gensweep.space import signature
from gensweep_models.catalog import CATALOG
from small_entries import STRUCTURES

SMALL = {
    "hidden": 16,
    "layers": 1,
    "batch_size": 8,
    "couplings": 2,
    "channels": 16,
    "blocks": 1,
    "codes": 8,
    "code_size": 4,
    "prior_channels": 8,
    "prior_layers": 1,
    "steps": 20,
    "sample_steps": 4,
    "latent_size": 4,
    "stage_fraction": 0.1,
}
"""Taken by those configurations that have the field. A second stage begins after 5 ticks."""

CURES = {
    "penalty": "dragan",
    "packing": 2,
    "instance_noise": True,
    "historical_averaging": True,
    "feature_matching": True,
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in STRUCTURES} | {
    "gan-hinge": ("gan", {"objective": "hinge"}),
    "gan-wasserstein_gp": ("gan", {"objective": "wasserstein_gp"}),
    "gan-cures": ("gan", CURES),
    "gan-batch_norm": ("gan", {"batch_norm": True, "layers": 2}),
}
"""Name to a model and settings of it: power iterations, a double backward, past weights, statistics
of each lane's batches."""


@dataclass(frozen=True)
class Data:
    """Random examples, resident; a shape of three is images in [-1, 1]."""

    shape: tuple[int, ...] = (1, 8, 8)
    classes: int = 3
    count: int = 44
    levels: int = 16
    x: Tensor = field(init=False)

    def __post_init__(self) -> None:
        rng = torch.Generator().manual_seed(7)
        values = torch.randint(0, 17, (self.count, *self.shape), generator=rng) / 8 - 1
        object.__setattr__(self, "x", values)

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices], "y": indices % self.classes}


@dataclass(frozen=True)
class Using:
    """A catalogue entry whose players all learn otherwise."""

    entry: Any
    options: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entry, name)

    def game(self, config: Any, data: Any) -> Any:
        game = self.entry.game(config, data)
        players = {
            name: dataclasses.replace(player, **self.options)
            for name, player in game.players.items()
        }
        game.players = players
        return game


PACKS: dict[tuple[str, str], Pack] = {}


class PackFactory:
    """Builds configurations and packs."""

    data = Data()
    points = Data((2,))
    budget = 400

    def config(self, model: str, **values: Any) -> Any:
        name, settings = VARIANTS.get(model, (model, {}))
        kind = CATALOG[name].config
        known = {f.name for f in dataclasses.fields(kind)}
        small = {n: v for n, v in SMALL.items() if n in known}
        return kind(**(small | settings | values))

    def configs(self, model: str, count: int, *, rate: float = 3e-4, **values: Any) -> list[Any]:
        """Configurations that differ in the learning rates and in the momentum of Adam."""
        kind = CATALOG[VARIANTS.get(model, (model, {}))[0]].config
        rates = [f.name for f in dataclasses.fields(kind) if f.name.endswith("learning_rate")]
        return [
            self.config(
                model, **dict.fromkeys(rates, rate * (i + 1)), beta1=0.5 + 0.1 * i, **values
            )
            for i in range(count)
        ]

    def pack(
        self,
        model: str,
        config: Any,
        *,
        optimizer: str | None = None,
        recipe: Any = None,
        **kw: Any,
    ) -> Pack:
        """An empty pack; of width 3, padded to a latent size of 6, unless told otherwise.

        `recipe` has fields of every player.
        """
        entry: Any = CATALOG[VARIANTS.get(model, (model, {}))[0]]
        data = kw.pop("data", self.data)
        space = {"latent_size": Latent()} if hasattr(config, "latent_size") else {}
        kw = {"width": 3, "space": space} | kw
        options = {"optimizer": optimizer, "momentum": 0.5} if optimizer else dict(recipe or {})
        return Pack(Using(entry, options) if options else entry, config, data, data, **kw)

    def reused(self, model: str, config: Any, **kw: Any) -> Pack:
        """A pack emptied of what it did before; tracing anew would take seconds."""
        key = (signature(config, {}), repr((model, sorted(kw.items()))))
        if key not in PACKS:
            PACKS[key] = self.pack(model, config, **kw)
        pack = PACKS[key]
        for slot in range(pack.width):
            pack.drop(slot)
        return pack

    def filled(self, model: str, configs: Sequence[Any], **kw: Any) -> Pack:
        """A reused pack with `configs` in its slots, of seeds 0, 1, 2 and so on."""
        pack = self.reused(model, configs[0], **kw)
        for slot, config in enumerate(configs):
            self.load(pack, slot, config, slot)
        return pack

    def load(self, pack: Pack, slot: int, config: Any, seed: int) -> None:
        pack.load(slot, config, seed=seed, budget_images=self.budget)

    def inputs(self, pack: Pack, player: str) -> tuple[Any, Any, Any]:
        """The batch, noise and hyperparameters of a turn of `player`."""
        ticks, place = dict.fromkeys(pack.occupied, 1), (slice(None), 0)
        noise = pack.inputs.noise(pack.lanes, ticks, pack.device)
        batch = pack.source.gather(pack.inputs.indices(pack.lanes, ticks, pack.device)[place])
        hyper = pack._hyper | {n: torch.zeros(pack.width) for n in ("progress", "spent")}
        return batch, pack.inputs.player_noise(player, noise, place), hyper


@dataclass(frozen=True)
class Latent:
    """Latent sizes up to 6."""

    kind: str = "integer"
    low: int = 2
    high: int = 6
    when: None = None


@pytest.fixture
def factory() -> PackFactory:
    return PackFactory()


SLOWER = ("vqvae", "ddpm")
"""Structures that take seconds to trace; the others are quick."""
TRACED = pytest.mark.slow("deep networks are traced", minutes=0.05)


@pytest.fixture(
    params=[pytest.param(name, marks=TRACED if name in SLOWER else ()) for name in STRUCTURES]
)
def model(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=list(VARIANTS))
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def acted() -> Callable[[LaneState], None]:
    """Asserts that every player of the lane has acted."""

    def all_players(lane: LaneState) -> None:
        steps = {n: int(t) for n, t in lane.tensors.items() if n.endswith("/optimizer.steps")}
        assert steps
        assert all(steps.values()), steps

    return all_players


Same = Callable[[LaneState, LaneState], None]


@pytest.fixture
def bitwise() -> Same:
    """Asserts that two lanes are the same to the last bit."""

    def same(one: LaneState, other: LaneState) -> None:
        assert one.tensors.keys() == other.tensors.keys()
        assert one.meta == other.meta
        for name, tensor in one.tensors.items():
            assert torch.equal(tensor, other.tensors[name]), name

    return same


@pytest.fixture
def close() -> Same:
    """Asserts that two lanes agree to float tolerance.

    Weights whose gradients have stayed below 1e-6 of the player's largest are left out, at most
    a tenth: RMSProp and Adam divide them by themselves, roundoff included. Of the others one in
    a thousand may differ, for the first steps of RMSProp are those of the gradient's sign.
    """

    def same(one: LaneState, other: LaneState) -> None:
        assert one.tensors.keys() == other.tensors.keys()
        for name, tensor in one.tensors.items():
            compared = _compared(name, other)
            mine, known = tensor[compared], other.tensors[name][compared]
            far = ~torch.isclose(mine, known, rtol=2e-3, atol=2e-5)
            assert far.float().mean() <= 1e-3, (name, (mine - known).abs().max())

    return same


def _compared(name: str, lane: LaneState) -> Any:
    player = name.partition("/")[0]
    square = lane.tensors.get(f"{player}/optimizer.square")
    if square is None or lane.tensors[name].shape != square.shape:
        return ...
    known = (square > 1e-12 * square.max()) | (square == 0)
    assert known.float().mean() > 0.9
    return known
