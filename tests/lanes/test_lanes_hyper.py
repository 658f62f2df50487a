"""Every value that a trial may be given reaches its step, or its samples, as it should.

Lanes of one seed differ in one value; each (model, field) has a law, and none is left out. That
values of the catalogue's other entries reach them too, `tests/models/test_models_fields.py` shows.
"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes._inference import Caller, sampling_state
from gensweep.lanes._purity import Purity
from gensweep.space import scopes
from gensweep_models.catalog import CATALOG
from small_entries import STRUCTURES

LAWS = {
    "learning_rate": "scaled",
    "critic_learning_rate": "scaled",
    "weight_decay": "decayed",
    "beta1": "adam",
    "beta2": "adam",
    "penalty_weight": "linear",
    "kl_weight": "linear",
    "commitment_weight": "linear",
    "orthogonal_weight": "linear",
    "bound_weight": "linear",
    "critic_iterations": "turns",
    "clip": "clip",
    "label_smoothing": "smoothed",
    "noise_scale": "noisy",
    "history_weight": "remembered",
    "gamma": "balanced",
    "balance_rate": "balanced",
    "scale": "gaussian",
    "free_bits": "floored",
    "ema": "average",
    "latent_size": "mask",
    "truncation": "truncated",
    "temperature": "tempered",
    "sampler": "chosen",
    "sample_steps": "chosen",
    "steps": "chosen",
}
FIELDS = [
    *((m, n) for m in STRUCTURES for n, s in scopes(CATALOG[m].config).items() if s != "fixed"),
    ("began", "gamma"), ("began", "balance_rate"), ("rectified_flow", "steps"),
    ("sagan", "critic_learning_rate"), ("biggan", "orthogonal_weight"),
]  # fmt: skip
TERMS = {
    "penalty_weight": ("penalty", {"objective": "wasserstein_gp"}),
    "kl_weight": ("rate", {}),
    "commitment_weight": ("commitment", {}),
    "orthogonal_weight": ("orthogonal_penalty", {}),
    "bound_weight": ("bound", {"variance": "learned"}),
}


def _of(*laws: str) -> Any:
    chosen = [(m, n) for m, n in FIELDS if LAWS.get(n) in laws]
    return pytest.mark.parametrize(("model", "name"), chosen)


def _lanes(factory: Any, model: str, name: str, values: Any, **fixed: Any) -> Any:
    data, optimizer = fixed.pop("data", factory.data), fixed.pop("player", None)
    configs = [factory.config(model, **(fixed | {name: v})) for v in values]
    pack = factory.pack(
        model, configs[0], width=len(values), trace=False, data=data, optimizer=optimizer
    )
    for slot, config in enumerate(configs):
        factory.load(pack, slot, config, 0)
    return pack


def _step(factory: Any, pack: Any, player: str, grad: Tensor) -> Tensor:
    """How the weights move."""
    before = pack.stacks[player].flat.clone()
    pack.turns[player].step(grad, factory.inputs(pack, player)[2], None)
    moved: Tensor = pack.stacks[player].flat - before
    return moved


def test_every_field_has_a_law() -> None:
    assert {name for _, name in FIELDS} == set(LAWS)


@_of("scaled")
def test_double_rate_is_double_step(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (0.5, 1.0), player="sgd")
    grads = {n: turn.gradient(*factory.inputs(pack, n))[0] for n, turn in pack.turns.items()}
    for player, grad in grads.items():
        assert torch.equal(grad[0], grad[1])
        moved = _step(factory, pack, player, grad)
        factor = 2 if pack.stacks[player].player.learning_rate == name else 1
        torch.testing.assert_close(moved[1], factor * moved[0], rtol=1e-4, atol=1e-6)
        assert moved[0].any()


@_of("decayed")
def test_decay_pulls_weights_to_zero(factory: Any, model: str, name: str) -> None:
    rate, decay = 0.01, 0.3
    pack = _lanes(factory, model, name, (0.0, decay), learning_rate=rate)
    grads = {n: turn.gradient(*factory.inputs(pack, n))[0] for n, turn in pack.turns.items()}
    for player, grad in grads.items():
        weights = pack.stacks[player].flat[1].clone()
        moved = _step(factory, pack, player, grad)
        torch.testing.assert_close(
            moved[1] - moved[0], -rate * decay * weights, rtol=1e-3, atol=1e-6
        )
        assert weights.any()


@_of("adam")
def test_momentum_is_that_of_adam(factory: Any, model: str, name: str) -> None:
    fixed = CATALOG[model].config()
    rates = {rate: 0.01 for rate in scopes(fixed) if rate.endswith("learning_rate")}
    pack = _lanes(factory, model, name, (0.3, 0.8), **rates)
    for player, turn in pack.turns.items():
        stack = pack.stacks[player]
        leaves = [torch.nn.Parameter(row.clone()) for row in stack.flat]
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[stack.player.optimizer]
        oracles: list[Any] = [
            kind([leaf], 0.01, (c.beta1, c.beta2), weight_decay=0)
            for leaf, c in zip(leaves, (pack.lane(0).config, pack.lane(1).config), strict=True)
        ]
        grad = turn.gradient(*factory.inputs(pack, player))[0]
        for scale in (1.0, -0.5, 2.0):
            _step(factory, pack, player, scale * grad)
            for leaf, oracle, row in zip(leaves, oracles, grad, strict=True):
                leaf.grad = scale * row
                oracle.step()
        torch.testing.assert_close(stack.flat, torch.stack(leaves).detach(), rtol=1e-3, atol=1e-5)
        assert not torch.allclose(stack.flat[0], stack.flat[1], atol=1e-4)
    assert getattr(fixed, name) not in (0.3, 0.8)


@_of("linear")
def test_loss_and_gradient_are_linear(factory: Any, model: str, name: str) -> None:
    metric, fixed = TERMS[name]
    pack = _lanes(factory, model, name, (1.0, 2.0, 4.0), **fixed)
    found = [t.gradient(*factory.inputs(pack, player)) for player, t in pack.turns.items()]
    grad, loss, metrics = next(one for one in found if metric in one[2])
    torch.testing.assert_close(loss[1] - loss[0], metrics[metric][0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(loss[2] - loss[0], 3 * metrics[metric][0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(grad[2] - grad[0], 3 * (grad[1] - grad[0]), rtol=1e-2, atol=1e-4)
    assert (grad[1] - grad[0]).any()


@_of("turns")
def test_the_critic_takes_that_many_turns(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (2, 3))
    pack.run(6)
    steps = {n: s.optimizer["steps"].flatten().tolist() for n, s in pack.stacks.items()}
    assert steps == {"critic": [6, 6], "generator": [3, 2]}


@_of("clip")
def test_weights_stay_within_the_clip(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (0.01, 0.05), objective="wasserstein", learning_rate=1e-2)
    pack.run(3)
    largest = pack.stacks["critic"].flat.abs().amax(1)
    torch.testing.assert_close(largest, torch.tensor([0.01, 0.05]), rtol=0, atol=0)
    assert pack.stacks["generator"].flat.abs().amax() > 0.05


@_of("smoothed")
def test_the_critics_loss_is_linear_in_the_share(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (0.0, 0.2, 0.4))
    _check_linear(*pack.turns["critic"].gradient(*factory.inputs(pack, "critic"))[:2])


@_of("remembered")
def test_both_losses_are_linear_in_the_weight(factory: Any, model: str, name: str) -> None:
    """Of the distance of lanes from a past which they share, and have left."""
    pack = _lanes(factory, model, name, (0.0, 1.0, 2.0), historical_averaging=True)
    pack.run(2)
    for player, turn in pack.turns.items():
        for one in (stack := pack.stacks[player]).flat, *stack.buffers.values():
            one[:] = one[:1].clone()
        stack.flat.add_(0.1)
        _check_linear(*turn.gradient(*factory.inputs(pack, player))[:2])


def _check_linear(grad: Tensor, loss: Tensor) -> None:
    """Of three lanes with values that are evenly apart."""
    torch.testing.assert_close(loss[2] - loss[0], 2 * (loss[1] - loss[0]), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(grad[2] - grad[0], 2 * (grad[1] - grad[0]), rtol=1e-2, atol=1e-4)
    assert (grad[1] - grad[0]).any()
    assert loss[1] != loss[0]


@_of("noisy")
def test_the_scale_is_that_of_the_noise(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (0.2, 0.4), instance_noise=True)
    for player, turn in pack.turns.items():
        batch, noise, hyper = factory.inputs(pack, player)
        shares = {"near_real": (2.0, 1.0), "near_fake": (2.0, 1.0)}
        for key, factors in shares.items():
            noise[key] = noise[key][:1] * torch.tensor(factors).reshape(-1, 1, 1, 1, 1)
        loss = turn.gradient(batch, noise, hyper)[1]
        torch.testing.assert_close(loss[0], loss[1])
        assert turn.gradient(batch, {**noise, "near_fake": noise["z"].new_zeros(()).expand_as(
            noise["near_fake"])}, hyper)[1][0] != loss[0]  # fmt: skip


@_of("balanced")
def test_the_balance_takes_a_step_of_rate_and_ratio(factory: Any, model: str, name: str) -> None:
    """rate (gamma L(x) - L(G(z))), from a balance of 1/2."""
    pack = _lanes(factory, model, name, (0.01, 0.02, 0.03))
    balance = pack.stacks["critic"].buffers["balance"]
    balance.fill_(0.5)
    pack.turns["critic"].gradient(*factory.inputs(pack, "critic"))
    step = (balance - 0.5).tolist()
    assert step[2] - step[1] == pytest.approx(step[1] - step[0], rel=1e-2)
    assert step[1] != step[0]
    if name == "balance_rate":
        assert step[1] == pytest.approx(2 * step[0], rel=1e-2)


@_of("gaussian")
def test_distortion_is_a_normal_density_of_that_scale(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (0.5, 2.0), decoder="gaussian")
    metrics = pack.turns[model].gradient(*factory.inputs(pack, model))[2]
    size = math.prod(pack.data.shape)
    one, two = (metrics["distortion"].double() - size / 2 * math.log(2 * math.pi)).tolist()
    error = 2 * 0.5**2 * (one - size * math.log(0.5))
    assert two == pytest.approx(error / (2 * 2.0**2) + size * math.log(2.0), rel=1e-4)


@_of("floored")
def test_below_the_floor_a_latent_number_costs_it(factory: Any, model: str, name: str) -> None:
    """And has no gradient by its rate: that of the distortion alone is left."""
    pack = _lanes(factory, model, name, (0.0, 50.0, 100.0))
    grad, loss, metrics = pack.turns[model].gradient(*factory.inputs(pack, model))
    floors = pack.lane(0).config.latent_size * torch.tensor([50.0, 100.0])
    torch.testing.assert_close(loss[1:] - metrics["distortion"][1:], floors, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(grad[1], grad[2])
    assert not torch.allclose(grad[0], grad[1])


@_of("average")
def test_average_has_its_own_decay(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (0.02, 0.05))
    before = {n: s.flat.clone() for n, s in pack.stacks.items()}
    pack.run(1)
    for player, stack in pack.stacks.items():
        rate = torch.tensor([[0.02], [0.05]])
        expected = rate * before[player] + (1 - rate) * stack.flat
        torch.testing.assert_close(stack.ema, expected)
        assert not torch.equal(stack.ema[0], stack.ema[1])


@_of("mask")
def test_noise_beyond_the_latent_size_is_unseen(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (4, 2))
    for player, turn in pack.turns.items():
        batch, noise, hyper = factory.inputs(pack, player)
        kept = {name: one.clone() for name, one in pack.stacks[player].buffers.items()}
        before = _told(turn.gradient(batch, noise, hyper))
        for buffer, one in kept.items():
            pack.stacks[player].buffers[buffer].copy_(one)
        padded = pack.config.latent_size
        moved = {n: t.clone() for n, t in noise.items()}
        for one in moved.values():
            if one.shape[-1] == padded:
                one[..., 3] += 1
        after = _told(turn.gradient(batch, moved, hyper))
        assert torch.equal(after[1], before[1])
        assert not torch.equal(after[0], before[0])


def _told(found: Any) -> Tensor:
    """The loss and the metrics of each lane."""
    _, loss, metrics = found
    return torch.stack([loss, *metrics.values()], 1)


@_of("truncated")
def test_samples_start_from_the_truncated_normal(factory: Any, model: str, name: str) -> None:
    """The same z from another threshold, by its CDF, is the same sample; the same u is not."""
    data = factory.data if model in ("vae", "sagan", "biggan") else factory.points
    fixed = {"objective": "hinge"} if model == "gan" else {}
    pack = _lanes(factory, model, name, (0.5, 1.0), data=data, **fixed)
    pack.run(2)
    noise = pack.game.sample_noise(6)
    u = {n: torch.rand(one.shape, dtype=torch.double) for n, one in noise.items()}
    below = torch.special.ndtr(torch.tensor([-0.5, -1.0], dtype=torch.double))
    level = below[0] + u["z"] * (1 - 2 * below[0])
    same = {"z": torch.stack([u["z"], (level - below[1]) / (1 - 2 * below[1])])}
    results, y = [], (torch.arange(6) % 3).expand(2, -1)
    given = [{"y": y}] if getattr(pack.game, "given", ()) else []
    for drawn in (same, {"z": torch.stack([u["z"], u["z"]])}):
        both = {n: t.float() for n, t in drawn.items()}
        call = Caller(pack.game, pack.stacks, Purity(pack.game))
        weights = sampling_state(pack.stacks, [0, 1])
        results.append(call("sample", weights, both, pack._hyper, *given))
    torch.testing.assert_close(results[0][0], results[0][1], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(results[1][0], results[1][1], rtol=1e-2, atol=1e-2)


@_of("tempered")
def test_temperature_divides_the_logits(factory: Any, model: str, name: str) -> None:
    pack = _lanes(factory, model, name, (1e-5, 1.0))
    cold, warm = pack.sample(4)
    assert (cold == cold[0]).all()
    assert not (warm == warm[0]).all()


CHOICES = {"sampler": ("ddim", "ancestral"), "steps": (2, 5), "sample_steps": (3, 5)}


@_of("chosen")
def test_lanes_are_sampled_by_their_own_choice(factory: Any, model: str, name: str) -> None:
    """As in a pack in which all have it: to the last bit."""
    pack = _lanes(factory, model, name, CHOICES[name])
    pack.run(2)
    mixed = pack.sample(4)
    assert not torch.equal(mixed[0], mixed[1])
    for slot, choice in enumerate(CHOICES[name]):
        assert torch.equal(pack.sample(4, hyper={name: choice})[slot], mixed[slot])
