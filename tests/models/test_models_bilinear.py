"""The bilinear game moves as theory says: it spirals, orbits or converges, and at which rate."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gensweep_models.catalog import CATALOG
from plane_paths import distances, paths

Array = NDArray[np.float64]
ROUNDING = 2.0**-24
"""Of a float32 number, relative to it."""
RATES = (0.01, 0.1, 0.3, 0.43)
"""At the last the norm is 7e36 after 1,000 steps; float32 ends at 3.4e38."""


def lanes(rates: tuple[float, ...], **more: float) -> list[dict[str, float]]:
    return [{"learning_rate": rate, **more} for rate in rates]


def as_float32(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values).double()


def test_every_game_starts_on_the_unit_circle() -> None:
    (start,) = paths("bilinear", 0, 1, lanes((0.1,)))[0]
    assert start.square().sum(-1).sqrt().numpy() == pytest.approx(1, abs=2 * ROUNDING)
    assert start.mean(0).abs().max() < ROUNDING
    (single,) = paths("bilinear", 0, 1, lanes((0.1,)), starts=1)[0]
    assert single[0].tolist() == pytest.approx([0.5**0.5, 0.5**0.5])


def test_simultaneous_steps_multiply_the_norm_by_the_root_of_one_plus_the_squared_rate() -> None:
    """A step rounds a product of at most a |w| and a sum of a new |w|: by 2 roundings at most."""
    every, steps = 10, 1000
    norms = distances(paths("bilinear", steps, every, lanes(RATES), order="at_once"))
    growth = (1 + as_float32(RATES).square()).sqrt()
    each = norms[1:] / norms[:-1] / growth**every
    assert float((each - 1).abs().max()) < 2 * every * ROUNDING
    whole = norms[-1] / norms[0] / growth**steps
    assert float((whole - 1).abs().max()) < 2 * steps * ROUNDING
    assert 6e36 < float(norms[-1, -1]) < 8e36


def test_steps_in_turn_keep_to_an_orbit_at_rates_below_two() -> None:
    """On it x² + y² - a x y is constant, so that the norm is bounded."""
    rates = (0.1, 0.5, 1.0, 1.9, 2.01)
    path, a = paths("bilinear", 150, 10, lanes(rates), order="in_turn"), as_float32(rates)
    x, y = path.unbind(-1)
    kept = x.square() + y.square() - a[:, None] * x * y
    drift = (kept / kept[0] - 1).abs().amax((0, 2))
    assert float(drift[:-1].max()) < 150 * 8 * ROUNDING
    worst = (1 + a / 2) / (1 - a / 2)
    squares = path.square().sum(-1).amax((0, 2))
    assert bool((squares <= worst * (1 + 1e-3))[:-1].all())
    assert float(squares[:-1].min()) >= 1
    assert float(squares[-1]) > 1e6


def gradients(w: Array, weight: float) -> Array:
    """Of both players: that of xy, and `weight` times that of (x² + y²) / 2, the consensus."""
    return np.array([w[1] + weight * w[0], -w[0] + weight * w[1]])


def step(order: str, method: str, state: Array, a: float, momentum: float, weight: float) -> Array:
    """One step by the papers' formulas of (x, y) and what each player remembers: [4, ...]."""
    w, memory = state[:2].copy(), state[2:].copy()
    weight = weight if method == "consensus" else 0.0
    if order == "extragradient":
        ahead = w - a * gradients(w, weight)
        return np.concatenate([w - a * gradients(ahead, weight), 0 * memory])
    for players in ([0, 1],) if order == "at_once" else ([0], [1]):
        g = gradients(w, weight)[players]
        if method == "optimistic":
            moved, memory[players] = 2 * g - memory[players], g
        else:
            moved = g + (momentum if method == "negative_momentum" else 0.0) * memory[players]
            memory[players] = moved
        w[players] -= a * moved
    return np.concatenate([w, memory])


def radius(matrix: Array) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


A, MOMENTUM, WEIGHT = 0.25, -0.5, 0.5
ROOT = (1 - 4 * A**2) ** 0.5
KNOWN: dict[tuple[str, str], float] = {
    ("extragradient", "gradient"): (1 - A**2 + A**4) ** 0.5,
    ("at_once", "optimistic"): ((1 + ROOT) / 2) ** 0.5,
    ("at_once", "consensus"): ((1 - A * WEIGHT) ** 2 + A**2) ** 0.5,
    ("in_turn", "consensus"): 1 - A * WEIGHT,
}
"""Spectral radii in closed form; the last is the root of the determinant."""
CONVERGENT = [*KNOWN, ("in_turn", "optimistic"), ("in_turn", "negative_momentum")]


@pytest.mark.parametrize(("order", "method"), CONVERGENT)
def test_cures_converge_at_the_rate_of_their_update_matrix(order: str, method: str) -> None:
    settings = (A, MOMENTUM, WEIGHT)
    matrix = step(order, method, np.eye(4), *settings)
    rate = radius(matrix)
    assert rate < 1
    assert rate == pytest.approx(KNOWN.get((order, method), rate), rel=1e-12)
    trained = lanes((A,), momentum=MOMENTUM, consensus_weight=WEIGHT)
    steps, every = 80, 20
    path = paths("bilinear", steps, every, trained, order=order, method=method)[:, 0].numpy()
    state = np.concatenate([path[0].T, np.zeros_like(path[0].T)])
    for at in range(0, steps + 1, every):
        due = (np.linalg.matrix_power(matrix, at) @ state)[:2].T
        assert np.abs(path[at // every] - due).max() < 8 * (at + 1) * ROUNDING * np.abs(due).max()
    fallen = np.linalg.norm(path[-1]) / np.linalg.norm(path[1])
    assert fallen ** (1 / (steps - every)) == pytest.approx(rate, rel=0.01)


def test_negative_momentum_needs_players_in_turn() -> None:
    """At once no momentum converges (arXiv:1807.04740); in turn, all below a = 2 (1 + momentum)."""
    method = "negative_momentum"
    for momentum in (-0.9, -0.5, -0.1):
        for a in (0.05, 0.25, 0.99, 1.01, 1.9):
            at_once, in_turn = (
                radius(step(order, method, np.eye(4), a, momentum, 0.0))
                for order in ("at_once", "in_turn")
            )
            assert at_once > 1
            assert (in_turn < 1) == (a < 2 * (1 + momentum))
    path = paths("bilinear", 100, 100, lanes((0.25,)), order="at_once", method=method)
    assert float(distances(path)[-1]) > 1.5


def test_a_sweep_may_not_ask_for_momentum_that_is_no_cure() -> None:
    config: Callable[..., Any] = CATALOG["bilinear"].config
    for momentum in (-1.0, 0.0):
        with pytest.raises(ValueError, match="-1 < momentum < 0"):
            config(momentum=momentum)
