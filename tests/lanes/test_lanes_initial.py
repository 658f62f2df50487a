"""What players begin with: frozen networks, weights from files, copies of other players."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gensweep.errors import UserError
from gensweep.lanes import LaneState, Pack, weight_hashes
from gensweep_models.config import fixed, lane
from gensweep_models.game import Model, Player


@dataclass(frozen=True, kw_only=True)
class Config:
    """Of a learner beside a teacher."""

    learning_rate: float = lane(0.1)
    batch_size: int = fixed(8)


def _network(width: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


def _teacher(**options: Any) -> Player:
    return Player(_network, "adam", beta1=0.9, beta2=0.99, frozen=True, **options)


def _learner(**options: Any) -> Player:
    return Player(_network, "sgd", **options)


def _pack(factory: Any, players: dict[str, Player], width: int = 2, **options: Any) -> Pack:
    """Players of which each learns from the first, whose BatchNorm shows how it is run."""

    class Game:
        noise: dict[str, Any] = {name: {} for name in players}  # noqa: RUF012

        def __init__(self, config: Any, data: Any):
            self.players = players

        def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
            goal = nets[next(iter(players))](batch["x"])
            metrics = {f"{player}_goal": goal.mean().detach()}
            return (nets[player](batch["x"]) - goal / 2 - 1).square().mean(), metrics

    model: Any = Model("taught", "toy", "none", Config, Game, {})
    pack = Pack(model, Config(), factory.points, factory.points, width=width, **options)
    for slot in range(width):
        pack.load(slot, Config(), seed=slot, budget_images=8 * 8)
    return pack


def _weights(pack: Pack, player: str, slot: int = 0) -> dict[str, Any]:
    tensors = pack.take(slot).tensors
    prefixes = (f"{player}/parameters", f"{player}/buffer")
    return {n.partition("/")[2]: t for n, t in tensors.items() if n.startswith(prefixes)}


@pytest.mark.parametrize("trace", [True, False])
def test_a_frozen_player_costs_no_turn_no_moments_and_no_average(factory: Any, trace: bool) -> None:
    players = {"teacher": _teacher(ema=0.9, turns=3), "learner": _learner()}
    pack = _pack(factory, players, trace=trace)
    before = _weights(pack, "teacher"), _weights(pack, "learner")
    pack.run(4)
    torch.testing.assert_close(_weights(pack, "teacher"), before[0], rtol=0, atol=0)
    assert not torch.equal(_weights(pack, "learner")["parameters"], before[1]["parameters"])
    tensors = pack.take(0).tensors
    assert not [n for n in tensors if n.startswith(("teacher/optimizer", "teacher/ema"))]
    assert set(pack.turns) == {"learner"}
    assert pack.turns_taken == 2 * 4


def test_a_frozen_player_is_run_in_evaluation_mode(factory: Any) -> None:
    """By statistics that it has, which are not those of the batch: its outputs are no zeros."""
    pack = _pack(factory, {"teacher": _teacher(), "learner": _learner()})
    goals = pack.run(1)[0].metrics["learner_goal"]
    module = _network()
    state = _weights(pack, "teacher")
    views = pack.stacks["teacher"].views(state["parameters"][None])
    module.load_state_dict({n: v[0] for n, v in views.items()} | {
        n.removeprefix("buffer."): t for n, t in state.items() if n.startswith("buffer.")
    })  # fmt: skip
    indices = pack.lane(0).order.indices(0, 8)
    known = module.eval()(pack.source.gather(indices[None])["x"][0]).mean().detach()
    assert goals == pytest.approx(float(known), rel=1e-4)
    assert abs(goals) > 1e-3


def test_a_lane_with_a_frozen_player_leaves_and_goes_on(factory: Any, bitwise: Any) -> None:
    pack = _pack(factory, {"teacher": _teacher(), "learner": _learner()}, width=3)
    pack.run(2)
    data = pack.take(0).to_bytes()
    pack.run(3)
    other = _pack(factory, {"teacher": _teacher(), "learner": _learner()}, width=3)
    other.put(1, LaneState.from_bytes(data))
    other.run(3)
    bitwise(other.take(1), pack.take(0))


def test_weights_come_from_a_file_and_leave_others_weights_as_they_are(
    factory: Any, tmp_path: Any
) -> None:
    torch.manual_seed(5)
    module, path = _network(), str(tmp_path / "teacher.safetensors")
    module.train()(torch.randn(8, 2))
    save_file(module.state_dict(), path)
    pack = _pack(factory, {"teacher": _teacher(weights=path), "learner": _learner()})
    known = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert weight_hashes([pack.game, pack.game]) == {path: known}
    for slot in (0, 1):
        state = _weights(pack, "teacher", slot)
        flat = nn.utils.parameters_to_vector(module.parameters()).detach()
        assert torch.equal(state["parameters"], flat)
        for name, buffer in module.named_buffers():
            assert torch.equal(state[f"buffer.{name}"], buffer)
    fresh = _pack(factory, {"teacher": _teacher(), "learner": _learner()})
    torch.testing.assert_close(_weights(pack, "learner"), _weights(fresh, "learner"), rtol=0,
                               atol=0)  # fmt: skip


def test_weights_of_a_file_are_where_a_learner_begins(factory: Any, tmp_path: Any) -> None:
    module, path = _network(), str(tmp_path / "pretrained.safetensors")
    save_file(module.state_dict(), path)
    pack = _pack(factory, {"teacher": _teacher(), "learner": _learner(weights=path, ema=0.5)})
    flat = nn.utils.parameters_to_vector(module.parameters()).detach()
    assert torch.equal(pack.stacks["learner"].flat, flat.expand(2, -1))
    assert torch.equal(pack.stacks["learner"].ema, pack.stacks["learner"].flat)


WRONG = {
    "another size": ({"0.weight": (4, 2)}, "'0.weight' is of shape \\(3, 2\\), and there of shape"),
    "a name too many": ({"2.weight": (3,)}, "'2.weight' is missing, and there of shape \\(3,\\)"),
    "a name missing": ({"1.running_mean": None}, "'1.running_mean' is of shape \\(3,\\), and"),
}


@pytest.mark.parametrize("change", WRONG)
def test_a_file_that_does_not_fit_is_refused(factory: Any, tmp_path: Any, change: str) -> None:
    values, told = WRONG[change]
    state, path = _network().state_dict(), str(tmp_path / "other.safetensors")
    for name, shape in values.items():
        state.pop(name, None)
        if shape is not None:
            state[name] = torch.zeros(shape)
    save_file(state, path)
    with pytest.raises(UserError, match=f"^taught: player 'teacher': weights='.*{told}.*$"):
        _pack(factory, {"teacher": _teacher(weights=path), "learner": _learner()})


def test_what_is_no_file_of_weights_is_refused(factory: Any, tmp_path: Any) -> None:
    path = tmp_path / "weights.pt"
    with pytest.raises(UserError, match=r"player 'teacher': weights=.* is no file: give a path"):
        _pack(factory, {"teacher": _teacher(weights=str(path)), "learner": _learner()})
    path.write_bytes(b"no safetensors")
    with pytest.raises(UserError, match=r"cannot be read .* write it by safetensors.torch.save_"):
        _pack(factory, {"teacher": _teacher(weights=str(path)), "learner": _learner()})


@pytest.mark.parametrize("order", [("learner", "target"), ("target", "learner")])
def test_a_copy_begins_where_the_other_does(factory: Any, order: Any) -> None:
    players = {"learner": _learner(), "target": Player(_network, copy_of="learner", frozen=True)}
    ordered = {name: players[name] for name in order}
    pack = _pack(factory, ordered | {"other": _learner()}, width=3)
    for slot in range(3):
        learner, target = (_weights(pack, name, slot) for name in ("learner", "target"))
        torch.testing.assert_close(target, learner, rtol=0, atol=0)
        assert not torch.equal(learner["parameters"], _weights(pack, "other", slot)["parameters"])
    pack.run(2)
    assert not torch.equal(pack.stacks["target"].flat, pack.stacks["learner"].flat)


def test_a_copy_of_another_network_is_refused(factory: Any) -> None:
    players = {"learner": _learner(), "copy": Player(lambda: _network(4), "sgd", copy_of="learner")}
    told = "player 'copy': copy_of='learner' does not fit the network, in which '0.weight' is of"
    with pytest.raises(UserError, match=told):
        _pack(factory, players)


def test_a_configuration_without_betas_trains(factory: Any) -> None:
    assert {field.name for field in fields(Config)} == {"learning_rate", "batch_size"}
    pack = _pack(factory, {"one": _learner(weight_bound=0.5), "two": _learner()})
    pack.run(3)
    assert float(pack.stacks["one"].flat.abs().max()) <= 0.5
