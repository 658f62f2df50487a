"""Laws of a game's losses: what a pack of many trials must be able to rely on."""

import torch

from gensweep.errors import UserError
from gensweep.lanes import LaneState, Pack, claim_names
from gensweep.testing._calls import method_name, named, named_errors, one_line, unwritten
from gensweep.testing._case import BUDGET_IMAGES, Case
from gensweep.testing._own_rules import check_own_rules, check_rows
from gensweep.testing._python_state import check_repeatable, modules_of

STEPS = 3
"""Steps that are trained where training is compared; some players act in the last alone."""
RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""Tolerance of comparisons between computations of unlike shapes, whose last bits differ."""


def loss_is_sound(case: Case) -> None:
    """every player's loss is a finite scalar of declared inputs, with metrics, and sets nothing"""
    pack = case.pack(2)
    owners: dict[str, str] = {}
    for player in pack.turns:
        claim_names(owners, player, _first_call(pack, case, player))
    what = "loss or penalty" if hasattr(pack.game, "penalty") else "loss"
    with one_line(pack.game, "loss"):
        found = check_repeatable(pack.game, what, lambda: pack.losses(0), modules_of(pack))
    for player, values in found.items():
        for name, value in values.items():
            if not abs(value) < float("inf"):
                raise UserError(f"{name} of player {player!r} is {value:g} for untrained networks.")
    check_own_rules(pack.game)


def _first_call(pack: Pack, case: Case, player: str) -> list[str]:
    """Compute a player's gradient once, and return the names of its metrics.

    `UserError` if its loss writes to an input.
    """
    size = int(pack.config.batch_size)
    batch = case.data.gather(torch.arange(size).repeat(pack.width, 1))
    noise = pack.draw_noise("check", pack.game.noise[player])
    hyper = pack.first_hyper(player)
    weights = {n: one for n, s in pack.stacks.items() for one in (s.flat, s.ema) if one is not None}
    inputs = {
        **named("batch", batch), **named("noise", noise), **named("hyper", hyper),
        **named("the weights of nets", weights),
    }  # fmt: skip
    what = method_name(pack.game, "loss", player)
    with one_line(pack.game, "loss", player), unwritten(what, inputs):
        _, _, metrics = pack.turns[player].gradient(batch, noise, hyper)
    return list(metrics)


def loss_is_pure(case: Case) -> None:
    """the same seed gives the same bits"""
    first, second = (_trained(case.pack(2)) for _ in range(2))
    if (name := _unlike(first, second)) is not None:
        raise UserError(
            f"two runs of one seed differ in {name!r}: draw random numbers as declared noise, and "
            "keep nothing between steps but parameters and buffers."
        )


def lane_is_alone(case: Case) -> None:
    """a trial in a pack has the losses that it has alone, and trains alike beside any other"""
    here, alone = case.pack(2), case.pack(1)
    check_rows(here.game)
    with one_line(here.game, "loss"):
        # Only before training: Adam divides a gradient that is rounding alone by itself.
        pairs = zip(here.losses(0).items(), alone.losses(0).values(), strict=True)
    for (player, values), others in pairs:
        for name, value in values.items():
            if abs(value - others[name]) > ABSOLUTE + RELATIVE * abs(value):
                raise UserError(
                    f"{name} of player {player!r} is {value:.6g} among other lanes and "
                    f"{others[name]:.6g} alone: the loss mixes trials, or counts lanes."
                )
    other = case.pack(2)
    other.load(1, case.config, seed=2, budget_images=BUDGET_IMAGES // 2)
    if (unlike := _unlike(_trained(here), _trained(other))) is not None:
        raise UserError(
            f"{unlike!r} of a trial differs after {STEPS} steps beside another trial: the "
            "gradient, the optimiser or the schedule mixes trials."
        )


def state_is_whole(case: Case) -> None:
    """a trial that is stored in the middle goes on bit for bit"""
    pack = case.pack(2)
    _run(pack, 1)
    state = LaneState.from_bytes(pack.take(0).to_bytes())
    _run(pack, STEPS - 1)
    whole = pack.take(0)
    other = case.pack(2)
    other.put(0, state)
    _run(other, STEPS - 1)
    if (name := _unlike(whole, other.take(0))) is not None:
        raise UserError(f"a stored trial goes on otherwise in {name!r}: keep all state in buffers.")


def _trained(pack: Pack) -> LaneState:
    _run(pack, STEPS)
    return pack.take(0)


def _run(pack: Pack, ticks: int) -> None:
    with named_errors(f"training {type(pack.game).__name__}", "see the law of the loss"):
        pack.run(ticks)


def _unlike(one: LaneState, other: LaneState) -> str | None:
    """Name a tensor in which two lanes differ; None: there is none."""
    for name, tensor in one.tensors.items():
        if not tensor.is_floating_point() or "optimizer" in name:
            continue
        if not torch.equal(tensor.nan_to_num(), other.tensors[name].nan_to_num()):
            return name
    return None
