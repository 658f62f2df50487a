"""A player that cannot be trained is refused before training: in one line, with the cure."""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from gensweep.errors import UserError
from gensweep.lanes import Pack
from gensweep_models.config import fixed, lane, latent, sampling
from gensweep_models.game import Model, Noise, Optimizer, Player


@dataclass(frozen=True, kw_only=True)
class Config:
    """Fields of every kind that a player might name."""

    learning_rate: float = lane(0.1)
    beta1: float = lane(0.5)
    beta2: float = lane(0.99)
    iterations: int = lane(2)
    kind: Any = sampling("hinge")
    clip: float = fixed(0.01)
    batch_size: Any = fixed(8)


def _build() -> nn.Module:
    return nn.Linear(2, 1)


def _own(step: Any, moments: Any = (), reads: Any = ("learning_rate",)) -> Optimizer:
    return Optimizer("own", moments, reads, step)


def _good(params: Any, grad: Any, state: Any, scalars: Any) -> Any:
    return params - scalars["learning_rate"] * grad, {}


def _pack(factory: Any, config: Any, noise: Any, players: dict[str, Player]) -> Pack:
    class Game:
        def __init__(self, config: Any, data: Any):
            self.players = players
            self.noise = {name: {} for name in players} if noise is None else noise

        def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
            return nets[player](batch["x"]).square().mean(), {}

        def sample_noise(self, count: int) -> dict[str, Noise]:
            return {}

        def sample(self, nets: Any, noise: Any, hyper: Any) -> Any:
            raise NotImplementedError

    model: Any = Model("toy", "toy", "none", type(config), Game, {})
    pack = Pack(model, config, factory.points, factory.points, width=2)
    pack.load(0, config, seed=0, budget_images=80)
    return pack


PLAYERS: dict[str, tuple[dict[str, Any], str]] = {
    "optimiser": ({"optimizer": "adma"}, "unknown optimizer='adma': choose from sgd, .*lion"),
    "no optimiser": ({"optimizer": None}, "optimizer None has no 'name': give a name, or"),
    "schedule": ({"schedule": "warmup"}, "unknown schedule='warmup': choose from .*cosine"),
    "schedule by if": (
        {"schedule": lambda p: 1.0 if p < 0.5 else 0.1}, "schedule gives .* torch.where",
    ),
    "a number as schedule": ({"schedule": lambda p: 0.5}, "schedule gives 0.5 for a tensor"),
    "schedule below zero": ({"schedule": lambda p: 0.5 - p}, "schedule gives .* from 0 on"),
    "a name of nothing": (
        {"learning_rate": "rate"}, "learning_rate='rate' names no field .* choose from learning",
    ),
    "a fixed field": (
        {"weight_bound": "clip"},
        "weight_bound='clip' names a fixed field: give its value, config.clip, or declare it",
    ),
    "a field that is no number": ({"eps": "kind"}, "eps='kind' names a field that is no number"),
    "beta of 1": ({"beta1": 1.0}, "beta1=1.0 will not do: a number with `0 <= beta1 < 1`"),
    "beta below 0": ({"beta2": -0.1}, "`0 <= beta2 < 1` must hold"),
    "a field out of range": (
        {"beta1": "iterations"}, "beta1='iterations', which is 2, will not do",
    ),
    "rate 0": ({"learning_rate": 0.0}, "`0 < learning_rate` must hold"),
    "rate None": ({"learning_rate": None}, "learning_rate=None will not do"),
    "rate inf": ({"learning_rate": float("inf")}, "learning_rate=inf will not do"),
    "decay below 0": ({"weight_decay": -1e-4}, "`0 <= weight_decay` must hold"),
    "momentum of 1": ({"optimizer": "sgd", "momentum": 1.0}, "`-1 < momentum < 1` must hold"),
    "norm 0": ({"max_grad_norm": 0}, "max_grad_norm=0 will not do"),
    "bound 0": ({"weight_bound": 0.0}, "weight_bound=0.0 will not do"),
    "eps below 0": ({"eps": -1e-8}, "`0 <= eps` must hold"),
    "average of 1": ({"ema": 1.0}, "`0 <= ema < 1` must hold"),
    "turns of nothing": ({"turns": "typo"}, "turns='typo' names no field .* declare it with lane"),
    "turns 0": ({"turns": 0}, "turns=0 must be a whole number, 1 or more: change it"),
    "half turns": ({"turns": "learning_rate"}, "turns='learning_rate', which is 0.1, must be a w"),
    "turns True": ({"turns": True}, "turns=True must be a whole number"),
    "no penalty": ({"penalty_every": 4}, "penalty_every=4, but the game has no `penalty`: drop it"),
    "standing below 0": ({"standing_batches": -1}, "standing_batches=-1 must be a whole number"),
    "half a batch": ({"standing_batches": 0.5}, "standing_batches=0.5 must be a whole number"),
    "standing averages": (
        {"standing_batches": 2, "average_buffers": True, "ema": 0.9},
        "standing_batches=2 and average_buffers exclude each other: drop one",
    ),
    "nothing to measure": (
        {"standing_batches": 2}, "standing_batches=2, but no layer .* running statistics: drop it",
    ),
    "a copy of nothing": ({"copy_of": "b"}, "copy_of='b' names no other player .* from other"),
    "a copy of itself": ({"copy_of": "one"}, "copy_of='one' names no other player"),
    "a copy and a file": ({"copy_of": "other", "weights": "a"}, "weights='a' and copy_of='other'"),
    "own reads": (
        {"optimizer": _own(_good, reads=("rate",))}, "'own' reads 'rate', which no player has",
    ),
    "own moment": ({"optimizer": _own(_good, ("steps",))}, "'own' has a moment 'steps'"),
    "own step fails": (
        {"optimizer": _own(_good, reads=())}, "'own': its step fails .*KeyError.*learning_rate",
    ),
    "own moment lost": ({"optimizer": _own(_good, ("mean",))}, "just the moments .* not so 'mean'"),
    "own shape": (
        {"optimizer": _own(lambda p, g, state, s: (p.sum(1), {}))},
        "'own': its step must return 'parameters' in the shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PLAYERS)
def test_a_player_that_cannot_be_trained_is_refused(factory: Any, case: str) -> None:
    values, told = PLAYERS[case]
    players = {"one": Player(**{"build": _build} | values), "other": Player(_build)}
    with pytest.raises(UserError, match=f"^toy: player 'one': .*{told}.*$") as caught:
        _pack(factory, Config(), None, players)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True, kw_only=True)
class Sizeless:
    """A configuration without a batch size."""

    learning_rate: float = lane(0.1)


@dataclass(frozen=True, kw_only=True)
class Loose:
    """A batch size that differs between lanes."""

    batch_size: int = lane(8)


@dataclass(frozen=True, kw_only=True)
class Named(Config):
    """A lane field that is no number."""

    mode: Any = lane("up")


@dataclass(frozen=True, kw_only=True)
class Taken(Config):
    """A field with the name of what a loss is told."""

    progress: float = lane(0.7)


@dataclass(frozen=True, kw_only=True)
class Sized(Config):
    """A latent size."""

    latent_size: Any = latent(4)


def _frozen_part() -> nn.Module:
    net = _build()
    next(net.parameters()).requires_grad_(requires_grad=False)
    return net


def _noisy(shape: Any, **more: Any) -> dict[str, Any]:
    return {"one": {"z": Noise(shape, **more)}}


ONE = {"one": Player(_build)}
GAMES: dict[str, tuple[Any, Any, dict[str, Player], str]] = {
    "no batch size": (Sizeless(), None, {}, "a batch_size, 1 or more, but has None: declare it"),
    "batch size 0": (Config(batch_size=0), None, {}, "batch_size, 1 or more, but has 0"),
    "batch size 8.0": (Config(batch_size=8.0), None, {}, "batch_size, 1 or more, but has 8.0"),
    "batch size by lane": (Loose(), None, {}, "declare it with fixed"),
    "none learns": (
        Config(), None, {"one": Player(_build, frozen=True)}, "no player learns: leave one",
    ),
    "no player": (Config(), None, {}, "`players` is {}: make it a dict of Player by name"),
    "a list of players": (Config(), {}, [Player(_build)], "`players` is .*: make it a dict"),
    "a number as name": (Config(), None, {1: Player(_build)}, "player 1: a name is a string"),
    "no Player": (Config(), None, {"one": {}}, "player 'one' is a dict: make it a Player"),
    "a module": (Config(), None, {"one": Player(None)}, "'one': build=None is to be called"),
    "a list that decays": (
        Config(), None, {"one": Player(_build, decays=["weight"])}, "'one': decays=.* no function",
    ),
    "a network without parameters": (
        Config(), None, {"one": Player(nn.Flatten)}, "'one': its network has no parameters: say",
    ),
    "a parameter that is frozen": (
        Config(), None, {"one": Player(_frozen_part)},
        "'one': parameter 'weight' is not to be trained: make it a buffer",
    ),
    "a name as lane field": (Named(), None, ONE, "mode='up' is no number, .*: declare it with fix"),
    "a taken name": (Taken(), None, ONE, "the field 'progress' has the name of what a loss is"),
    "half a latent": (Sized(latent_size=4.5), None, ONE, "latent_size=4.5 is a latent size: it"),
    "noise None": (Config(), {"one": None}, ONE, "the noise of player 'one' is None: make it"),
    "noise of size 0": (Config(), _noisy((8, 0)), ONE, "noise 'z' of player 'one' has shape=.8, 0"),
    "noise of a number": (Config(), _noisy(8), ONE, "noise 'z' of player 'one' has shape=8: give"),
    "noise of a field": (
        Sized(), _noisy((8, 4), latent="learning_rate"), ONE,
        "noise 'z' of player 'one' has latent='learning_rate', which is no latent field: latent_si",
    ),
    "noise of another size": (
        Sized(), _noisy((8, 3), latent="latent_size"), ONE,
        "noise 'z' of player 'one' has latent='latent_size', but its last size is 3, not 4",
    ),
    "a slash": (Config(), None, {"a/b": Player(_build)}, "player 'a/b': a name has letters, dig"),
    "a sign": (Config(), None, {"D(x)": Player(_build)}, r"player 'D\(x\)': a name has letters"),
    "a lazy layer": (
        Config(), None, {"one": Player(lambda: nn.LazyLinear(2))},
        "'one': its network has the lazy 'weight', whose size only a first call tells: give the",
    ),
    "no network": (
        Config(), None, {"one": Player(lambda: 3)}, "'one': its `build` returns a int: return a mo",
    ),
    "no noise": (Config(), {}, {"one": Player(_build)}, "player 'one': `noise` has no entry"),
    "noise of nobody": (
        Config(), {"one": {}, "two": {}}, {"one": Player(_build)},
        "noise is declared for 'two', which is no player: choose from one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GAMES)
def test_a_game_that_cannot_be_trained_is_refused(factory: Any, case: str) -> None:
    config, noise, players, told = GAMES[case]
    with pytest.raises(UserError, match=f"^toy: .*{told}.*$") as caught:
        _pack(factory, config, noise, players)
    assert "\n" not in str(caught.value)


def test_each_trials_own_values_are_checked(factory: Any) -> None:
    pack = _pack(factory, Config(), None, {"one": Player(_build, turns="iterations")})
    told = "player 'one': beta1='beta1', which is 1.5, will not do"
    with pytest.raises(UserError, match=told):
        pack.load(1, Config(beta1=1.5), seed=0, budget_images=80)
    assert pack.occupied == [0]


@pytest.mark.parametrize(
    "part", [{"begins": 0.5, "ends": 0.51}, {"ends": 0.04}, {"begins": 0.96}], ids=str
)
def test_a_part_of_the_budget_without_a_step_is_refused(factory: Any, part: Any) -> None:
    """Of 10 steps."""
    told = "^toy: player 'one' has no step of the 10 of its budget .*: raise the budget"
    with pytest.raises(UserError, match=told):
        _pack(factory, Config(), None, {"one": Player(_build, **part)})


def test_what_a_player_does_not_read_is_not_asked_for(factory: Any) -> None:
    """A frozen player is asked for no optimiser, and none for what its own does not read."""
    players = {
        "one": Player(_build, "sgd", beta1="nothing", beta2=7.0, eps=-1),
        "two": Player(_build, learning_rate="nothing", frozen=True),
        "three": Player(_build, _own(_good), momentum="nothing", weight_decay="nothing"),
    }
    pack = _pack(factory, Config(), None, players)
    before = {name: stack.flat[0].clone() for name, stack in pack.stacks.items()}
    pack.run(2)
    moved = {n: not torch.equal(s.flat[0], before[n]) for n, s in pack.stacks.items()}
    assert moved == {"one": True, "two": False, "three": True}
