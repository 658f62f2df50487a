"""Lazy regularisation: in every k-th turn of a player, k times its penalty is added to its loss."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes import DataOrder, LaneState, Pack, Ranks, ticks_per_cycle
from gensweep.lanes._graph import Graphs
from gensweep.lanes._turn import Turn
from gensweep_models.game import Noise, Player
from toy_games import Mean, Toy, repeating, sgd, toy_pack

WEIGHT = 0.3


class Critic(nn.Module):
    """A critic that counts its calls in training mode, as power iterations do."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        out: Tensor = self.body(x)
        return out


def _loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    fake = nets["critic"](nets["generator"](noise["z"])).mean()
    if player == "generator":
        return -fake, {}
    return fake - nets["critic"](batch["x"]).mean() + fake.square(), {"fake": fake}


def _gradient_penalty(nets: Any, x: Tensor) -> Tensor:
    """R1 (arXiv:1801.04406), and a call that leaves its trace in a buffer."""
    slope = torch.func.grad(lambda x: nets["critic"].still(x).sum())(x)
    return WEIGHT * slope.square().sum(1).mean() + 0.1 * nets["critic"](x).square().mean()


class Lazy(Toy):
    """A GAN on points, whose critic pays a penalty on its slope."""

    def penalty(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        value = _gradient_penalty(nets, batch["x"])
        return value, {"slope": value / WEIGHT}


def _eager(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    """The same with the penalty in the loss."""
    loss, metrics = _loss(player, nets, batch, noise, hyper)
    return loss + (_gradient_penalty(nets, batch["x"]) if player == "critic" else 0), metrics


def _gan(every: Any = "critic_iterations", order: str = "in_turn", **options: Any) -> Any:
    def build(config: Any) -> Toy:
        noise = {"z": Noise((config.batch_size, 2))}
        generator = Player(lambda: nn.Linear(2, 2), "sgd")
        critic = Player(Critic, **({"optimizer": "adam"} | options), penalty_every=every)
        players, noises = (
            {"critic": critic, "generator": generator},
            dict.fromkeys(("critic", "generator"), noise),
        )
        return (Lazy if every is not None else Toy)(
            players, _loss if every is not None else _eager, noises, order
        )

    return build


def _close(one: LaneState, other: LaneState) -> None:
    for name, tensor in one.tensors.items():
        torch.testing.assert_close(tensor, other.tensors[name], rtol=2e-4, atol=2e-5, msg=name)


@pytest.mark.parametrize("order", ["in_turn", "at_once", "extragradient"])
def test_a_penalty_of_every_turn_is_a_part_of_the_loss(factory: Any, order: str) -> None:
    lazy, eager = (toy_pack(_gan(every, order), factory.points) for every in (1, None))
    for pack in (lazy, eager):
        pack.run(5)
    for slot in (0, 1):
        _close(lazy.take(slot), eager.take(slot))
    calls = 3 * 5 * (2 if order == "extragradient" else 1)
    assert lazy.stacks["critic"].buffers["calls"].tolist() == [calls, calls]


def _loop(every: int, seed: int, start: LaneState, data: Any, ticks: int) -> nn.Module:
    """The same by torch's modules, autograd and SGD."""
    net, order = Critic(), DataOrder(seed, data.count)
    nn.utils.vector_to_parameters(start.tensors["net/parameters"], net.parameters())
    step = torch.optim.SGD(net.parameters(), 0.1)
    for tick in range(ticks):
        x = data.x[order.indices(8 * tick, 8)].requires_grad_()
        loss = (net(x) - 1).square().mean()
        if tick % every == 0:
            (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
            loss = loss + every * slope.square().mean()
        step.zero_grad()
        loss.backward()
        step.step()
    return net


class Alone(Toy):
    """One critic, whose penalty is due in every so many turns of the lane's own."""

    def penalty(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        slope = torch.func.grad(lambda x: nets["net"].still(x).sum())(batch["x"])
        return slope.square().mean(), {}


def _alone(every: Any = "critic_iterations", **options: Any) -> Any:
    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return (nets["net"](batch["x"]) - 1).square().mean(), {}

    return lambda c: Alone({"net": sgd(Critic, penalty_every=every, **options)}, loss)


def _three(factory: Any, build: Any = None, **options: Any) -> Pack:
    """Lanes that pay in every turn, in every second, and in every fourth."""
    pack = toy_pack(build or _alone(), factory.points, width=3, **options)
    kind = type(pack.lane(0).config)
    for slot, every in enumerate((1, 2, 4)):
        pack.load(slot, kind(critic_iterations=every), seed=slot, budget_images=8 * 40)
    return pack


@pytest.mark.parametrize("trace", [False, True])
def test_a_lane_pays_k_times_the_penalty_in_every_kth_turn(factory: Any, trace: bool) -> None:
    """Each lane by its own k, as a loop written by hand does."""
    pack = _three(factory, trace=trace)
    starts = [pack.take(slot) for slot in range(3)]
    pack.run(10)
    for slot, every in enumerate((1, 2, 4)):
        net = _loop(every, slot, starts[slot], factory.points, 10)
        flat = nn.utils.parameters_to_vector(net.parameters())
        torch.testing.assert_close(pack.stacks["net"].flat[slot], flat, rtol=1e-4, atol=1e-5)


def test_only_lanes_that_pay_are_computed_again(
    factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pairs at least, as turns are; and buffers change where the penalty is due."""
    sizes, gradient = [], Turn.gradient

    def counted(self: Turn, *args: Any, of: str = "loss", **options: Any) -> Any:
        found = gradient(self, *args, of=of, **options)
        sizes.append((of, len(found[0])))
        return found

    monkeypatch.setattr(Turn, "gradient", counted)
    pack = toy_pack(_alone(), factory.points, width=4, critic_iterations=4)
    pack.load(3, type(pack.lane(0).config)(critic_iterations=2), seed=3, budget_images=8 * 40)
    pack.run(4)
    assert sizes == [("loss", 4), ("penalty", 4), ("loss", 4), ("loss", 4), ("penalty", 2),
                     ("loss", 4)]  # fmt: skip
    assert pack.stacks["net"].buffers["calls"].tolist() == [4, 4, 4, 4]


@pytest.mark.parametrize("trace", [False, True])
def test_a_lane_that_pays_does_not_depend_on_neighbours_slot_or_time(
    factory: Any, bitwise: Callable[..., None], trace: bool
) -> None:
    """Nor on being stored, moved and put back in the middle of its cycle."""
    pack = _three(factory, _gan(), trace=trace)
    pack.run(9)
    expected = pack.take(2)
    assert expected.meta["turns"] == {"critic": 9}
    other = _three(factory, _gan(), trace=trace)
    other.drop(2)
    other.run(3)
    kind = type(other.lane(0).config)
    other.load(0, kind(critic_iterations=4), seed=2, budget_images=8 * 40)
    other.run(2)
    middle = LaneState.from_bytes(other.take(0).to_bytes())
    other.run(1)
    other.put(2, middle)
    other.run(7)
    bitwise(other.take(2), expected)
    alone = toy_pack(_gan(), factory.points, width=1, critic_iterations=4, trace=trace)
    alone.load(0, kind(critic_iterations=4), seed=2, budget_images=8 * 40)
    alone.run(9)
    _close(alone.take(0), expected)


@pytest.mark.parametrize("order", ["in_turn", "at_once"])
def test_captured_turns_with_and_without_a_penalty_are_the_turns(
    factory: Any, bitwise: Callable[..., None], order: str
) -> None:
    """As on a GPU: all lanes are computed, and masks say which of them pay."""
    lanes, captures = [], []
    for captured in (False, True):
        pack = _three(factory, _gan(order=order), trace=True)
        pack.sparse = False
        state = [t for s in pack.stacks.values() for t in s._tensors().values()]

        def capture(work: Callable[[], Any], state: Any = state) -> Any:
            captures.append(work)
            return repeating(work, state)

        if captured:
            for turn in (*pack.turns.values(), *filter(None, [pack.joint_turn])):
                turn.graphs = Graphs(capture)
        found = pack.run(13)
        told = [found[slot].metrics for slot in range(3)]
        lanes.append(([pack.take(slot) for slot in range(3)], told))
    (plain, known), (replayed, again) = lanes
    for one, two in zip(plain, replayed, strict=True):
        bitwise(one, two)
    assert known == again
    # Turns in which one lane pays, two, or all; the generator has graphs of its own if in turn.
    assert len(captures) == {"in_turn": 3, "at_once": 2}[order]


def test_all_lanes_computed_or_only_those_that_pay_are_the_same(factory: Any) -> None:
    packs = [_three(factory, _gan()) for _ in range(2)]
    packs[1].sparse = False
    for pack in packs:
        pack.run(7)
    for slot in range(3):
        _close(packs[0].take(slot), packs[1].take(slot))


def test_a_penalty_is_recorded_where_it_is_due_and_not_multiplied(factory: Any) -> None:
    packs = [toy_pack(_alone(every, learning_rate=1e-9), factory.points) for every in (1, 3)]
    each, third = (pack.run(9)[0].metrics for pack in packs)
    told = set(packs[1].losses(0)["net"])
    assert set(third) - packs[1].measured == {"net_loss", "net_penalty"} == told
    assert third["net_loss"] == pytest.approx(each["net_loss"], rel=1e-5)
    values = []
    alone = toy_pack(_alone(1, learning_rate=1e-9), factory.points)
    for _ in range(9):
        alone.lane(0).means.clear()
        values.append(alone.run(1)[0].metrics["net_penalty"])
    assert third["net_penalty"] == pytest.approx(sum(values[::3]) / 3, rel=1e-5)
    assert each["net_penalty"] == pytest.approx(sum(values) / 9, rel=1e-5)


def test_two_ranks_pay_the_penalty_of_the_whole_batch(factory: Any) -> None:
    mean = Mean()
    packs = [toy_pack(_alone(2), factory.points, ranks=Ranks(rank, 2, mean)) for rank in (0, 1)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda pack: pack.run(5), packs))
    one = toy_pack(_alone(2), factory.points)
    one.run(5)
    first, second = (pack.take(1) for pack in packs)
    assert all(torch.equal(t, second.tensors[name]) for name, t in first.tensors.items())
    _close(first, one.take(1))


def test_a_cycle_has_turns_of_both_kinds(factory: Any) -> None:
    """For players with several turns in a round, it is as long as the rarest penalty."""
    hyper = {"critic_iterations": 5.0}
    gan = _gan(16, turns="critic_iterations")
    pack = toy_pack(gan, factory.points, critic_iterations=5)
    assert ticks_per_cycle(pack.game, hyper) == 4 * 5
    assert ticks_per_cycle(toy_pack(_gan(None), factory.points).game, hyper) == 1


EVERY = {
    0: "penalty_every=0 must be a whole number, 1 or more: change it",
    2.0: "penalty_every=2.0 must be a whole number",
    "typo": "penalty_every='typo' names no field .* declare it with lane",
    "learning_rate": "penalty_every='learning_rate', which is 0.1, must be a whole number",
}


@pytest.mark.parametrize("every", EVERY)
def test_a_penalty_of_no_whole_number_of_turns_is_refused(factory: Any, every: Any) -> None:
    with pytest.raises(UserError, match=f"^toy: player 'net': {EVERY[every]}.*$"):
        toy_pack(_alone(every), factory.points)


def _told(value: Any) -> type[Toy]:
    class Told(Alone):
        def penalty(self, player: str, nets: Any, *inputs: Any) -> Any:
            return value(nets["net"](inputs[0]["x"]).mean())

    return Told


WRONG: dict[str, tuple[Any, str]] = {
    "no metrics": (lambda v: v, "the penalty of player 'net' returns a Tensor: return `penalty, m"),
    "a vector": (lambda v: (v[None], {}), "the penalty of player 'net' has shape .1.: take its"),
    "a loss's name": (
        lambda v: (v, {"net_loss": v}), "player 'net' reports 'net_loss', a name that is taken",
    ),
    "its own name": (lambda v: (v, {"net_penalty": v}), "reports 'net_penalty', a name that is"),
    "a metric's name": (lambda v: (v, {"value": v}), "reports 'value', a name that is taken"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_penalty_is_told_in_a_line(factory: Any, case: str) -> None:
    value, told = WRONG[case]

    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        out = nets["net"](batch["x"]).mean()
        return out, {"value": out}

    pack = toy_pack(lambda c: _told(value)({"net": sgd(Critic, penalty_every=2)}, loss),
                    factory.points)  # fmt: skip
    with pytest.raises(UserError, match=told):
        pack.losses(0)
    with pytest.raises(UserError, match=told):
        pack.run(1)


def test_a_penalty_that_nobody_pays_is_refused(factory: Any) -> None:
    told = "^toy: the game has a `penalty` that no player pays: say by penalty_every in how many"
    with pytest.raises(UserError, match=told):
        toy_pack(_alone(None), factory.points)
