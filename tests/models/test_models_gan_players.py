"""Of each convolutional GAN: the paper's defaults, and how its players learn."""

from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from gensweep_models.catalog import CATALOG
from gensweep_models.game import Player
from small_entries import small_game

DEFAULTS: dict[str, dict[str, Any]] = {
    "dcgan": {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "batch_size": 128,
              "latent_size": 100, "ema": 0},
    "cgan": {"critic_iterations": 1, "conditioning": "concatenation"},
    "sagan": {"learning_rate": 1e-4, "critic_learning_rate": 4e-4, "beta1": 0, "beta2": 0.9,
              "critic_iterations": 1, "latent_size": 128, "attention": True},
    "biggan": {"learning_rate": 2e-4, "critic_learning_rate": 2e-4, "beta1": 0, "beta2": 0.999,
               "critic_iterations": 4, "batch_size": 50, "orthogonal_weight": 1e-4, "ema": 0.9999,
               "latent_size": 80, "embedding_size": 128, "standing_batches": 16, "channels": 64},
    "progan": {"learning_rate": 1e-3, "beta1": 0, "beta2": 0.99, "penalty_weight": 10,
               "drift_weight": 1e-3, "ema": 0.999},
    "stylegan": {"learning_rate": 1e-3, "beta1": 0, "beta2": 0.99, "penalty_weight": 10,
                 "penalty_every": 1, "mixing": 0.9, "layers": 8, "psi": 1, "ema": 0.999},
}  # fmt: skip
HOT: dict[str, Any] = {"learning_rate": "critic_learning_rate", "turns": "critic_iterations"}
PLAYERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dcgan": ({}, {"average_buffers": True}),
    "cgan": ({"turns": "critic_iterations"}, {"ema": 0.999}),
    "sagan": (HOT, {"ema": 0.999, "average_buffers": True}),
    "biggan": (HOT, {"ema": 0.9999, "standing_batches": 16}),
    "progan": ({"steps_per_parameter": True}, {"ema": 0.999, "steps_per_parameter": True}),
    "stylegan": ({"penalty_every": "penalty_every"}, {"ema": 0.999, "average_buffers": True}),
}
"""Critic's and generator's settings that are not a `Player`'s own: Adam at constant rates."""
every_entry = pytest.mark.parametrize("name", DEFAULTS)


@every_entry
def test_defaults_are_the_papers(name: str) -> None:
    config, values = CATALOG[name].config(), DEFAULTS[name]
    assert {field: getattr(config, field) for field in values} == values


@every_entry
def test_players_learn_as_in_the_paper(name: str) -> None:
    known = dict(zip(("critic", "generator"), PLAYERS[name], strict=True))
    players = small_game(name).players
    assert list(players) == list(known)
    for player, found in players.items():
        assert replace(found, build=nn.Module) == Player(nn.Module, **known[player])


@every_entry
def test_no_average_is_kept_at_a_decay_of_zero(name: str) -> None:
    assert small_game(name, ema=0.0).players["generator"].ema is None


@pytest.mark.parametrize("batches", [0, 3])
def test_statistics_are_averaged_or_measured_anew(batches: int) -> None:
    generator = small_game("biggan", standing_batches=batches).players["generator"]
    assert (generator.standing_batches, generator.average_buffers) == (batches, not batches)
