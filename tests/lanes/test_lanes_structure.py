"""Every searched value that shapes a game, and so the signature, reaches its step and samples."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from gensweep.space import strata
from gensweep_models.adversarial.objectives import (
    OBJECTIVES,
    Objective,
    critic_loss,
    generator_loss,
)
from gensweep_models.catalog import CATALOG
from small_entries import STRUCTURES

Views = Mapping[str, Tensor]
ADDED: dict[tuple[str, str], Callable[[Views, int], list[Tensor]]] = {
    ("vqvae", "codes"): lambda views, n: [views["codebook.codes"][:, n // 2 :]],
    ("realnvp", "couplings"): lambda views, n: [
        view for name, view in views.items() if name.startswith(f"steps.{n - 1}.")
    ],
    ("ddpm", "channels"): lambda views, n: [views["stem.weight"][:, n // 2 :]],
}
"""What a network of n has and one of n / 2 has not, in the first player."""
SIZES: dict[str, Callable[[int], int]] = {
    # a row of the codebook and of the prior's head, 12 taps of 16 filters at its entry
    "codes": lambda n: n * (4 + 9 + 12 * 16),
    # two layers of 64 to 16 to 2 * 64, and the factor
    "couplings": lambda n: n * (65 * 16 + 17 * 128 + 64),
    # 366 products of widths, 97 biases, norms and layers to or from one grey channel
    "channels": lambda n: 366 * n**2 + 97 * n,
}
"""The number of parameters, up to a constant; counted by hand for the small configurations."""
CHOICES = [(m, name, c) for m, name in ADDED for c in CATALOG[m].space[name].choices]  # type: ignore[union-attr]
LOWERED = {"wasserstein", "wasserstein_gp", "hinge", "lipschitz", "lipschitz_exp", "lipschitz_sqrt"}
OTHERS = set(get_args(Objective)) - {"minimax", "non_saturating"}
CRITICS = ({"minimax", "non_saturating"}, *({one} for one in OTHERS))
GENERATORS = (LOWERED, *({one} for one in set(get_args(Objective)) - LOWERED))
"""Objectives of which the critic's, or the generator's, loss is the same."""
BODIES = [(one, "mlp") for one in get_args(Objective)] + [
    ("hinge", "conv"),
    ("wasserstein_gp", "conv"),
]


def test_every_field_of_structure_has_a_law() -> None:
    entries = {name: CATALOG[name] for name in STRUCTURES}
    found = {(m, name) for m, e in entries.items() for name in strata(e.config, e.space)}
    assert found == set(ADDED) | {("gan", "objective")}


def _pack(factory: Any, model: str, name: str, value: Any) -> Any:
    configs = [factory.config(model, **{name: value, "learning_rate": r}) for r in (1e-2, 3e-3)]
    return factory.filled(model, configs, width=2, trace=False)


@pytest.mark.parametrize(("model", "name"), ADDED)
def test_as_many_parameters_are_stepped_as_the_value_says(
    factory: Any, model: str, name: str
) -> None:
    counts = {}
    for value in (c for m, n, c in CHOICES if (m, n) == (model, name)):
        pack = _pack(factory, model, name, value)
        for player, stack in pack.stacks.items():
            grad = pack.turns[player].gradient(*factory.inputs(pack, player))[0]
            assert grad.shape == stack.flat.shape == stack.optimizer["square"].shape
        counts[value] = sum(stack.flat.shape[1] for stack in pack.stacks.values())
    first = min(counts)
    grown = {value: count - counts[first] for value, count in counts.items()}
    assert grown == {value: SIZES[name](value) - SIZES[name](first) for value in counts}
    assert len(counts) > 1


@pytest.mark.parametrize(("model", "name", "value"), CHOICES)
def test_what_a_value_adds_is_stepped_and_sampled_from(
    factory: Any, model: str, name: str, value: int
) -> None:
    pack = _pack(factory, model, name, value)
    stack = next(iter(pack.stacks.values()))
    added = ADDED[model, name](stack.views(stack.flat), value)
    before = [view.clone() for view in added]
    pack.run(6)
    for view, old in zip(added, before, strict=True):
        assert (view != old).flatten(1).any(1).all()
    samples = pack.sample(8)
    torch.manual_seed(0)
    for view in ADDED[model, name](stack.views(stack.sampling_weights()), value):
        view.add_(torch.randn_like(view))
    assert ((pack.sample(8) - samples).abs().flatten(1).amax(1) > 1e-3).all()


def _alone(pack: Any, slot: int) -> dict[str, Any]:
    """The networks of one lane, as modules of their own in training mode."""
    nets = {name: player.build() for name, player in pack.game.players.items()}
    for name, net in nets.items():
        stack = pack.stacks[name]
        state = dict(stack.views(stack.flat)) | stack.buffers
        net.load_state_dict({key: tensor[slot] for key, tensor in state.items()})
    return nets


def _loss(objective: Any, player: str, nets: Any, x: Tensor, noise: Any, config: Any) -> Tensor:
    z = noise["z"].clone()
    z[:, config.latent_size :] = 0
    fake = nets["generator"](z).reshape(x.shape).tanh()
    score = nets["critic"](fake).squeeze(-1)
    real = nets["critic"](x).squeeze(-1)
    if player == "generator":
        return generator_loss(objective, score, real)
    loss = critic_loss(objective, real, score)
    if OBJECTIVES[objective].penalty:
        epsilon = noise.get("epsilon", 0.5)
        at = (epsilon * x + (1 - epsilon) * fake).detach().requires_grad_()
        (slope,) = torch.autograd.grad(nets["critic"](at).sum(), at, create_graph=True)
        norms = slope.flatten(1).norm(dim=1)
        gradient = objective == "wasserstein_gp"
        penalty = (norms - 1).square().mean() if gradient else norms.max().square()
        loss = loss + config.penalty_weight * penalty
    return loss


def _followed(pack: Any, slot: int, player: str, inputs: Any, grad: Tensor) -> set[str]:
    """The objectives whose gradient, of this lane's networks alone, is `grad`."""
    batch, noise, _ = inputs
    own = {name: tensor[slot] for name, tensor in noise.items()}
    found = set()
    for objective in get_args(Objective):
        nets = _alone(pack, slot)
        loss = _loss(objective, player, nets, batch["x"][slot], own, pack.lane(slot).config)
        weights = list(nets[player].parameters())
        grads = torch.autograd.grad(loss, weights, materialize_grads=True, allow_unused=True)
        want = torch.cat([g.flatten() for g in grads])
        if torch.allclose(grad, want, rtol=1e-3, atol=1e-5 * float(want.abs().max())):
            found.add(objective)
    return found


@pytest.mark.parametrize(("objective", "body"), BODIES)
def test_each_objective_steps_by_its_own_formula(factory: Any, objective: str, body: str) -> None:
    fixed = {"objective": objective, "body": body}
    configs = [
        factory.config("gan", latent_size=size, penalty_weight=weight, **fixed)
        for size, weight in ((4, 10.0), (2, 3.0))
    ]
    pack = factory.filled("gan", configs)
    critic = pack.stacks["critic"]
    # scores above 1, short of which hinge and Wasserstein are one
    list(critic.views(critic.flat).values())[-1][:] = 2
    for player, kinds in (("critic", CRITICS), ("generator", GENERATORS)):
        inputs = factory.inputs(pack, player)
        buffers = {name: b.clone() for name, b in critic.buffers.items()}
        grad = pack.turns[player].gradient(*inputs)[0]
        for name, old in buffers.items():
            critic.buffers[name].copy_(old)
        for slot in (0, 1):
            followed = _followed(pack, slot, player, inputs, grad[slot])
            assert followed == next(kind for kind in kinds if objective in kind)


@pytest.mark.parametrize("objective", get_args(Objective))
def test_only_the_wasserstein_critic_is_clipped(factory: Any, objective: str) -> None:
    config = factory.config("gan", objective=objective, clip=0.01)
    pack = factory.filled("gan", [config], trace=False)
    pack.run(1)
    largest = float(pack.stacks["critic"].flat[0].abs().max())
    assert (largest <= 0.01) == (objective == "wasserstein")
