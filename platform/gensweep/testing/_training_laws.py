"""Laws of a game's losses: what a pack of many trials must be able to rely on."""

import torch

from gensweep.errors import UserError
from gensweep.lanes import LaneState
from gensweep.testing._case import Case
from gensweep.testing._python_state import check_repeatable

STEPS = 3
"""Steps that are trained where training is compared; some players act in the last alone."""
RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""Tolerance of comparisons between computations of unlike shapes, whose last bits differ."""


def loss_is_sound(case: Case) -> None:
    """every player's loss is a finite scalar of declared inputs, with metrics, and sets nothing"""
    pack = case.pack(2)
    what = "loss or penalty" if hasattr(pack.game, "penalty") else "loss"
    found = check_repeatable(pack.game, what, lambda: pack.losses(0))
    for player, values in found.items():
        for name, value in values.items():
            if not abs(value) < float("inf"):
                raise UserError(f"{name} of player {player!r} is {value:g} for untrained networks.")


def loss_is_pure(case: Case) -> None:
    """the same seed gives the same bits"""
    first, second = (_trained(case, 2) for _ in range(2))
    name = _unlike(first, second)
    if name is not None:
        raise UserError(
            f"two runs of one seed differ in {name!r}: draw random numbers as declared noise, and "
            "keep nothing between steps but parameters and buffers."
        )


def lane_is_alone(case: Case) -> None:
    """a trial in a pack has the losses that it has alone"""
    here, alone = case.pack(2), case.pack(1)
    # Only before training: Adam divides a gradient that is rounding alone by itself.
    pairs = zip(here.losses(0).items(), alone.losses(0).values(), strict=True)
    for (player, values), others in pairs:
        for name, value in values.items():
            if abs(value - others[name]) > ABSOLUTE + RELATIVE * abs(value):
                raise UserError(
                    f"{name} of player {player!r} is {value:.6g} among other lanes and "
                    f"{others[name]:.6g} alone: the loss mixes trials, or counts lanes."
                )


def state_is_whole(case: Case) -> None:
    """a trial that is stored in the middle goes on bit for bit"""
    pack = case.pack(2)
    pack.run(1)
    state = LaneState.from_bytes(pack.take(0).to_bytes())
    pack.run(STEPS - 1)
    whole = pack.take(0)
    other = case.pack(2)
    other.put(0, state)
    other.run(STEPS - 1)
    if (name := _unlike(whole, other.take(0))) is not None:
        raise UserError(f"a stored trial goes on otherwise in {name!r}: keep all state in buffers.")


def _trained(case: Case, width: int) -> LaneState:
    pack = case.pack(width)
    pack.run(STEPS)
    return pack.take(0)


def _unlike(one: LaneState, other: LaneState) -> str | None:
    """Name a tensor in which two lanes differ; None: there is none."""
    for name, tensor in one.tensors.items():
        if not tensor.is_floating_point() or "optimizer" in name:
            continue
        if not torch.equal(tensor.nan_to_num(), other.tensors[name].nan_to_num()):
            return name
    return None
