"""What a loss can do with a player's network: its parts, other weights, no trace in buffers."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes import Pack
from gensweep_models.game import Player
from gensweep_models.nets import SpectralLinear
from toy_games import Number, Toy, sgd, toy_pack


class Autoencoder(nn.Module):
    """With parts, a list of parts, a method, a bare parameter and a number of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(2, 3)
        self.middle = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.decoder = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        self.scale = nn.Parameter(torch.ones(3))
        self.size = 3

    def encode(self, x: Tensor, *, shift: float) -> Tensor:
        out: Tensor = self.encoder(x) * self.scale + shift
        return out

    def forward(self, x: Tensor) -> Tensor:
        h = self.encode(x, shift=0.5)
        for layer in self.middle:
            h = layer(h)
        out: Tensor = self.decoder(h)
        return out


def in_one_call(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    return (nets["ae"](batch["x"]) - batch["x"]).square().mean(), {}


def in_parts(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    ae, x = nets["ae"], batch["x"]
    assert ae.size == len(ae.middle) + 1 == 3
    h = ae.encode(x, shift=0.5)
    for layer in ae.middle:
        h = layer(h)
    last = ae.decoder[2]
    h = last.at({"weight": last.weight * 1})(ae.decoder[1](ae.decoder[0](h)))
    return (h - x).square().mean(), {"scale": ae.parameters["scale"].detach().mean()}


@pytest.mark.parametrize("trace", [False, True])
def test_a_network_in_parts_trains_as_the_whole(factory: Any, bitwise: Any, trace: bool) -> None:
    packs = []
    for loss in (in_one_call, in_parts):
        pack = toy_pack(lambda c, loss=loss: Toy({"ae": sgd(Autoencoder)}, loss), factory.points,
                        width=3, trace=trace)  # fmt: skip
        start = pack.stacks["ae"].flat.clone()
        pack.run(6)
        assert (pack.stacks["ae"].flat != start).any(1).all()
        packs.append(pack)
    for slot in range(3):
        for name, tensor in packs[0].take(slot).tensors.items():
            torch.testing.assert_close(tensor, packs[1].take(slot).tensors[name])


class Critic(nn.Module):
    """Batch statistics and a power iteration, both of which a forward pass changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), SpectralLinear(4, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


def r1(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    critic = nets["critic"].still
    gradient = torch.func.grad(lambda x: critic(x).sum())(batch["x"])
    penalty = gradient.square().sum(1).mean()
    return nets["critic"](batch["x"]).mean() + penalty, {"penalty": penalty.detach()}


@pytest.mark.parametrize("trace", [False, True])
def test_a_gradient_penalty_of_a_critic_with_state(factory: Any, trace: bool) -> None:
    """Statistics are those of the plain pass alone, in packs and in one lane."""
    wide, narrow = (
        toy_pack(lambda c: Toy({"critic": sgd(Critic)}, r1), factory.points, width=w, trace=trace)
        for w in (2, 1)
    )
    told = [pack.run(5)[0].metrics for pack in (wide, narrow)]
    assert told[0] == pytest.approx(told[1], rel=1e-5)
    assert told[0]["penalty"] > 0
    for pack in (wide, narrow):
        assert (
            pack.stacks["critic"].buffers["body.1.num_batches_tracked"].tolist() == [5] * pack.width
        )


def test_without_still_torch_refuses_the_penalty(factory: Any) -> None:
    def plain(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return torch.func.grad(lambda x: nets["critic"](x).sum())(batch["x"]).square().mean(), {}

    pack = toy_pack(lambda c: Toy({"critic": sgd(Critic)}, plain), factory.points)
    with pytest.raises(RuntimeError):
        pack.run(1)


def consensus(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    """min max xy with half the squared norm of all players' gradients (Mescheder et al. 2017)."""

    def value(x: Any, y: Any) -> Tensor:
        product: Tensor = nets["x"].at(x)() * nets["y"].at(y)()
        return product.sum()

    x, y = nets["x"].parameters, nets["y"].parameters
    by_x, by_y = torch.func.grad(value, argnums=(0, 1))(x, y)
    norm = sum(g.square().sum() for g in (*by_x.values(), *by_y.values()))
    sign = 1 if player == "x" else -1
    return sign * value(x, y) + norm / 2, {}


def test_consensus_optimisation_contracts_as_theory_says(factory: Any) -> None:
    """w <- (1 - a) w - a J w, so that |w| shrinks by sqrt((1 - a)^2 + a^2) a step."""
    rate = 0.1
    pack = toy_pack(lambda c: Toy({n: sgd(Number) for n in "xy"}, consensus, order="at_once"),
                    factory.points, learning_rate=rate)  # fmt: skip
    pack.run(20)
    w = torch.cat([pack.stacks[n].flat[0] for n in "xy"]).norm()
    assert float(w) == pytest.approx(2**0.5 * ((1 - rate) ** 2 + rate**2) ** 10, rel=1e-5)


def teacher(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    gap = nets["x"]() - nets["x"].averaged()
    return nets["x"]().square().sum(), {"gap": gap.detach().sum()}


def test_the_average_of_weights_is_seen_in_a_loss(factory: Any) -> None:
    pack = toy_pack(lambda c: Toy({"x": sgd(Number, ema=0.5)}, teacher), factory.points, trace=True)
    pack.run(1)
    stack = pack.stacks["x"]
    behind = float(stack.flat[0] - stack.ema[0])
    pack.lane(0).means.clear()
    assert pack.run(1)[0].metrics["gap"] == pytest.approx(behind)
    assert behind < 0


def test_a_part_has_the_average_of_its_own_weights(factory: Any) -> None:
    """By attribute and by number, in a module of two parts."""

    def build() -> nn.Module:
        return nn.Sequential(Number(1.0), Number(3.0))

    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        first, second = nets["x"]
        told = {"first": first.averaged(), "second": nets["x"][1].averaged()}
        value = first().square().sum() + second().square().sum()
        return value, {name: one.detach().sum() for name, one in told.items()}

    pack = toy_pack(lambda c: Toy({"x": sgd(build, ema=0.5)}, loss), factory.points)
    pack.run(2)
    known = pack.stacks["x"].ema[0].tolist()
    pack.lane(0).means.clear()
    found = pack.run(1)[0].metrics
    assert [found["first"], found["second"]] == pytest.approx(known)
    assert known != pack.stacks["x"].flat[0].tolist()


def refused(factory: Any, loss: Any) -> str:
    with pytest.raises(UserError) as error:
        toy_pack(lambda c: Toy({"x": sgd(Number)}, loss), factory.points).run(1)
    return str(error.value)


def test_a_part_that_is_not_there_is_named(factory: Any) -> None:
    no_average = refused(factory, lambda p, nets, *a: (nets["x"].averaged().sum(), {}))
    assert no_average == ("player 'x' keeps no average of its weights: give its Player an ema.")
    unknown = refused(factory, lambda p, nets, *a: (nets["x"].at({"w": torch.ones(1)})().sum(), {}))
    assert unknown == "player 'x' has no parameter 'w': it has value."


def _run(pack: Pack) -> Pack:
    pack.run(5)
    return pack


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


def test_statistics_change_in_their_owners_turns_alone(factory: Any) -> None:
    """Each player's loss calls both networks; five ticks are five updates of each."""

    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["a"](nets["b"](batch["x"])).square().mean(), {}

    for trace in (False, True):
        pack = _run(toy_pack(lambda c: Toy({n: sgd(Normalised) for n in "ab"}, loss),
                             factory.points, trace=trace))  # fmt: skip
        for name in "ab":
            counted = pack.stacks[name].buffers["body.1.num_batches_tracked"]
            assert counted.tolist() == [5, 5]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_statistics_are_averaged_with_the_weights_if_asked(factory: Any, optimizer: str) -> None:
    """By the same rate; a lane that rests keeps its averages, and a stored one goes on."""
    rate = 0.8

    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["net"](batch["x"]).square().mean(), {}

    def build(config: Any) -> Toy:
        player = Player(Normalised, optimizer, ema=rate, average_buffers=True)  # type: ignore[arg-type]
        return Toy({"net": player}, loss)

    pack = toy_pack(build, factory.points)
    stack, name = pack.stacks["net"], "body.1.running_mean"
    average = stack.buffers[name].clone()
    for step in range(1, 7):
        pack.run(1, resting=[1] if step == 3 else [])
        keep = min(rate, step / (10 + step))
        average[0] = torch.lerp(stack.buffers[name][0], average[0], keep)
    torch.testing.assert_close(stack.ema_buffers[name][0], average[0])
    assert torch.equal(stack.lane_weights(0)[name], stack.ema_buffers[name][0])
    assert not torch.equal(stack.ema_buffers[name], stack.buffers[name])
    other = toy_pack(build, factory.points)
    other.put(1, pack.take(0))
    for one, slot in ((pack, 0), (other, 1)):
        one.run(2)
        average = one.stacks["net"].ema_buffers[name][slot]
        assert one is pack or torch.equal(average, stack.ema_buffers[name][0])
