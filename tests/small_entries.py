"""Settings at which an entry of the catalogue is small, for tests that run over all of it."""

import dataclasses
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from gensweep_models.catalog import CATALOG
from gensweep_models.game import Model

STRUCTURES = ("gan", "vae", "vqvae", "realnvp", "ddpm")
"""An entry of each structure that the engine knows: two players, one, one after the other, buffers,
long samplers. That every entry trains in a pack as alone is a law of `gensweep.testing`."""

GAMES = tuple({model.game: name for name, model in reversed(CATALOG.items())}.values())[::-1]
"""One entry of each game of the catalogue, the first: others are it with other settings."""

DEEP = (
    "sagan", "biggan", "progan", "stylegan", "vqvae2", "vqgan", "dalle", "pixelcnn", "glow", "ddpm",
    "improved_ddpm", "guided_diffusion", "sr3", "sr3_cascade", "glide", "rectified_flow",
    "flow_matching", "latent_diffusion",
)  # fmt: skip
"""Entries whose networks take seconds to trace and to call."""


def quick_but_deep(names: Iterable[str]) -> list[Any]:
    """Return entries as parameters of a test, of which those in `DEEP` make it slow."""
    mark = pytest.mark.slow("deep networks are traced and called", minutes=0.2)
    return [pytest.param(name, marks=mark) if name in DEEP else name for name in names]


SETTINGS: dict[str, Any] = {
    "hidden": 8,
    "layers": 2,
    "channels": 8,
    "autoencoder_channels": 8,
    "blocks": 1,
    "couplings": 2,
    "latent_size": 4,
    "codes": 4,
    "code_size": 2,
    "prior_channels": 4,
    "prior_layers": 1,
    "text_channels": 8,
    "text_layers": 1,
    "steps": 20,
    "sample_steps": 2,
    "batch_size": 8,
}
"""Taken by those configurations that have the field."""


def small_settings(model: Model, **values: Any) -> dict[str, Any]:
    """Return the small settings of an entry, with `values` in the place of some."""
    known = {field.name for field in dataclasses.fields(model.config)}
    return {name: value for name, value in SETTINGS.items() if name in known} | values


def small_game(name: str, shape: tuple[int, ...] = (1, 8, 8), **values: Any) -> Any:
    """Build the game of an entry at its small settings, for examples of three classes."""
    model = CATALOG[name]
    config = model.config(**small_settings(model, **values))
    return model.game(config, SimpleNamespace(shape=shape, classes=3, count=10))
