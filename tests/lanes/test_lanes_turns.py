"""Who acts when: turns of a round, stages of a budget; a resting lane is left alone."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from toy_games import Toy, sgd, toy_pack


def _steps(pack: Any, slot: int) -> dict[str, int]:
    return {n: int(s.optimizer["steps"][slot]) for n, s in pack.stacks.items()}


def test_the_generator_acts_every_nth_tick(factory: Any) -> None:
    counts = (1, 2, 5)
    configs = [factory.config("gan", critic_iterations=n) for n in counts]
    pack = factory.filled("gan", configs)
    for tick in range(1, 12):
        pack.run(1)
        for slot, n in enumerate(counts):
            assert _steps(pack, slot) == {"critic": tick, "generator": tick // n}


def test_each_step_knows_how_much_of_the_budget_is_spent(factory: Any) -> None:
    """Which is what the learning rate falls with: also of a lane begun later, or moved."""
    pack = factory.reused("vae", factory.config("vae"), width=2)
    seen: list[Tensor] = []
    inner = pack.turns["vae"].step
    pack.turns["vae"].step = lambda *a: (seen.append(a[1]["progress"].clone()), inner(*a))[1]
    total = factory.budget // factory.config("vae").batch_size
    try:
        factory.load(pack, 0, factory.config("vae"), 0)
        pack.run(10)
        factory.load(pack, 1, factory.config("vae"), 1)
        pack.run(5)
        state = pack.take(0)
        pack.drop(0)
        pack.put(1, state)
        pack.run(total)
    finally:
        del pack.turns["vae"].step
    spent = torch.stack(seen) * total
    assert spent[:15, 0].round().tolist() == list(range(15))
    assert spent[10:15, 1].round().tolist() == list(range(5))
    assert spent[15:, 1].round().tolist() == list(range(15, total))
    assert torch.equal(spent.round(), (spent * 1000).round() / 1000)


def test_players_act_in_order_within_a_tick(factory: Any) -> None:
    """The generator's loss of a tick is that of the critic after its step in that tick."""
    pack = factory.filled("gan", [factory.config("gan", learning_rate=1e-2)], width=1, trace=False)
    seen: list[Tensor] = []
    inner = pack.turns["generator"].gradient
    critic = pack.stacks["critic"].flat
    pack.turns["generator"].gradient = lambda *a, **k: (
        seen.append(critic.clone()),
        inner(*a, **k),
    )[1]
    try:
        before = critic.clone()
        pack.run(1)
    finally:
        del pack.turns["generator"].gradient
    assert torch.equal(seen[0], critic)
    assert not torch.equal(before, critic)


@pytest.mark.parametrize("objective", ["non_saturating", "hinge"])
def test_resting_lanes_are_untouched_with_their_buffers(
    factory: Any, objective: str, bitwise: Any
) -> None:
    """Lanes whose rounds differ train as in packs where all rounds are alike."""
    counts = (1, 3, 4)
    configs = [
        factory.config("gan", critic_iterations=n, objective=objective, learning_rate=1e-3)
        for n in counts
    ]
    mixed = factory.filled("gan", configs)
    mixed.run(9)
    states = [mixed.take(slot) for slot in range(3)]
    for slot, config in enumerate(configs):
        alike = factory.reused("gan", config)
        factory.load(alike, slot, config, slot)
        alike.run(9)
        bitwise(states[slot], alike.take(slot))
    names = [n for n in states[0].tensors if "buffer" in n]
    assert bool(names) == (objective == "hinge")


@pytest.mark.parametrize("objective", ["non_saturating", "hinge", "wasserstein_gp"])
@pytest.mark.parametrize(
    "body", ["mlp", pytest.param("conv", marks=pytest.mark.slow("convolutions are traced"))]
)
def test_lanes_that_do_not_act_are_not_computed(
    factory: Any, objective: str, body: str, bitwise: Any
) -> None:
    """And nobody can tell: each lane is what it is in a pack that computes and masks them."""
    counts = (1, 3, 4, 4, 2, 4)
    configs = [
        factory.config(
            "gan", critic_iterations=n, objective=objective, learning_rate=1e-3, body=body
        )
        for n in counts
    ]
    wide = factory.filled("gan", configs, width=8)
    wide.run(8)
    assert wide.turns_taken == 6 * 8 + 8 + 2 + 2 + 2 + 4 + 2
    # the generators act: lane 0 alone, with 4, with 1, with 2, 3, 4 and 5, and so on
    assert wide.turns_computed == 6 * 8 + (2 + 2 + 2 + 5 + 2 + 3 + 2 + 5)
    narrow = factory.pack("gan", configs[0], width=3)
    narrow.sparse = False
    for slots in ((0, 1, 2), (3, 4, 5)):
        before = narrow.turns_computed
        for place, slot in enumerate(slots):
            factory.load(narrow, place, configs[slot], slot)
        narrow.run(8)
        assert narrow.turns_computed - before == 2 * 3 * 8 - (0 if 0 in slots else 3 * 4)
        for place, slot in enumerate(slots):
            bitwise(wide.take(slot), narrow.take(place))


@pytest.mark.parametrize("objective", ["hinge"])
def test_a_spent_budget_freezes_everything(factory: Any, objective: str, bitwise: Any) -> None:
    config = factory.config("gan", objective=objective)
    pack = factory.reused("gan", config)
    pack.load(0, config, seed=0, budget_images=30)
    pack.load(1, config, seed=1, budget_images=4000)
    progress = pack.run(4)
    spent = pack.take(0)
    assert progress[0].images_seen == 32
    before = progress[0].metrics
    progress = pack.run(5)
    bitwise(pack.take(0), spent)
    assert (progress[0].ticks, progress[1].ticks) == (4, 9)
    assert progress[0].metrics == before


def test_only_the_active_stage_moves(factory: Any) -> None:
    config = factory.config("vqvae", stage_fraction=0.5)
    pack = factory.reused("vqvae", config)
    pack.load(0, config, seed=0, budget_images=8 * 8)
    pack.load(1, config, seed=1, budget_images=16 * 8)
    start = [pack.take(slot) for slot in (0, 1)]
    pack.run(4)
    switch = [pack.take(slot) for slot in (0, 1)]
    pack.run(4)
    final = [pack.take(slot) for slot in (0, 1)]

    def moved(one: Any, other: Any) -> set[str]:
        changed = {n for n, t in one.tensors.items() if not torch.equal(t, other.tensors[n])}
        return {n.split("/")[0] for n in changed if "/" in n}

    assert moved(start[0], switch[0]) == {"autoencoder"}
    assert moved(switch[0], final[0]) == {"prior"}
    assert moved(start[1], switch[1]) == moved(switch[1], final[1]) == {"autoencoder"}
    assert _steps(pack, 0) == {"autoencoder": 4, "prior": 4}


class Critic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


@pytest.mark.parametrize("bound", [None, 1e-3])
def test_the_norm_of_each_lanes_gradient_is_told_before_it_is_clipped(
    factory: Any, bound: float | None
) -> None:
    """By the step that plain gradient descent takes without a bound, in each lane."""

    def moved(bound: float | None) -> tuple[Tensor, list[float]]:
        player = sgd(Critic, max_grad_norm=bound)
        pack = toy_pack(lambda config: Toy({"net": player}, _squares), factory.points)
        before = pack.stacks["net"].flat.clone()
        told = [one.metrics["net_gradient_norm"] for one in pack.run(1).values()]
        return (pack.stacks["net"].flat - before).norm(dim=1) / 0.1, told

    norms, told = moved(None)[0].tolist(), moved(bound)[1]
    assert told == pytest.approx(norms, rel=1e-4)
    assert norms[0] != pytest.approx(norms[1], rel=1e-2)


def _squares(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    return (nets["net"](batch["x"]) - 1).square().mean(), {}
