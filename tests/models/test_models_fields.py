"""Every value that a trial of any entry may be given reaches its weights, or its samples."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.space import scopes
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Model
from small_entries import GAMES, quick_but_deep, small_settings

DATA, TICKS = RandomExamples((1, 8, 8), classes=3), 6
ACTIVE: dict[tuple[str, str], dict[str, Any]] = {
    ("vae", "scale"): {"decoder": "gaussian"},
    ("denoising_autoencoder", "masked_share"): {"corruption": "masking"},
    ("ddpm", "bound_weight"): {"variance": "learned"},
    ("latent_diffusion", "label_dropout"): {"label_dropout": 0.5},
    ("latent_diffusion", "kl_weight"): {"kl_weight": 1.0},
    ("dalle", "guidance_scale"): {"prior_learning_rate": 0.03, "codes": 64, "stage_fraction": 0.2},
    ("gan", "noise_scale"): {"instance_noise": True},
    ("gan", "history_weight"): {"historical_averaging": True},
}
"""Settings without which a field of an entry is of no effect, where its search space says none."""
PLANE = ("bilinear", "dirac_gan")
"""Games without networks, for which most of what every configuration has is of no use."""
every_entry = pytest.mark.parametrize("name", quick_but_deep(CATALOG))


def _needed(model: Model, field: str) -> dict[str, Any]:
    """Settings under which the field plays a part."""
    when = getattr(model.space.get(field), "when", None) or {}
    return {n: choices[0] for n, choices in when.items()} | ACTIVE.get((model.name, field), {})


def _other(model: Model, field: str, value: Any) -> Any:
    """Another value of the field: a tenth of a number, for averages of few steps are all alike."""
    dimension = model.space.get(field)
    told = next(one.metadata for one in fields(model.config) if one.name == field)
    choices = getattr(dimension, "choices", None) or told["bounds"].get("choices")
    if choices and not isinstance(value, float):
        return next(choice for choice in choices if choice != value)
    return value + 1 if isinstance(value, int) else value / 10 or 0.5


def _fields(model: Model, *wanted: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Fields of some scopes: all of a game's first entry, those searched of its others."""
    every = model.name in GAMES and model.name not in PLANE
    for field, scope in scopes(model.config()).items():
        if scope in wanted and (every or field in model.space):
            yield field, _needed(model, field)


def _trained(model: Model, settings: dict[str, Any], changes: list[dict[str, Any]]) -> Pack:
    """A pack with a lane for each of some changes of one configuration, all of one seed."""
    every = [{**settings, **change} for change in changes]
    configs = [model.config(**small_settings(model, **values)) for values in every]
    pack = Pack(model, configs[0], DATA, DATA, width=len(configs), trace=False)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=0, budget_images=8 * TICKS)
    pack.run(TICKS)
    return pack


def _weights(pack: Pack, slot: int) -> Tensor:
    """The weights of all players, and the averages that samples use."""
    return torch.cat([
        part[slot] for stack in pack.stacks.values() for part in (stack.flat, stack.ema)
        if part is not None
    ])  # fmt: skip


def _distance(pack: Pack, slot: int) -> float:
    """Of the weights of a lane from those of the first, the largest of all differences."""
    return float((_weights(pack, slot) - _weights(pack, 0)).abs().max())


@every_entry
def test_every_value_of_a_lane_changes_what_is_learned(name: str) -> None:
    """Lanes of one pack and one seed differ in one value each; those of one need are one pack.

    The last lane is the first again: lanes alike may differ in their last bits.
    """
    model = CATALOG[name]
    groups: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for field, needed in _fields(model, "lane"):
        groups.setdefault(repr(needed), (needed, []))[1].append(field)
    for needed, some in groups.values():
        base = model.config(**small_settings(model, **needed))
        changes = [{f: _other(model, f, getattr(base, f))} for f in some]
        pack = _trained(model, needed, [{}, *changes, {}])
        rounding = _distance(pack, len(some) + 1)
        assert rounding < 1e-6
        for slot, field in enumerate(some, 1):
            assert _distance(pack, slot) > 10 * rounding + 1e-6, field


@every_entry
def test_every_value_of_sampling_changes_samples_alone(name: str) -> None:
    model = CATALOG[name]
    for field, needed in _fields(model, "sampling"):
        pack = _trained(model, needed, [{}])
        given = DATA.gather(torch.arange(8)) if getattr(pack.game, "given", ()) else None
        before = pack.sample(8, given=given)
        value = _other(model, field, getattr(pack.lane(0).config, field))
        changed = pack.sample(8, hyper={field: value}, given=given)
        assert not torch.equal(changed, before), field


def _choices(model: Model) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Searched values of what shapes a game, each but the first of its dimension."""
    for field, needed in _fields(model, "fixed"):
        dimension = model.space.get(field)
        for choice in getattr(dimension, "choices", ())[1:]:
            yield field, choice, needed


@every_entry
def test_every_searched_structure_is_another_game(name: str) -> None:
    """By its number of weights, or by what is learned from the same start."""
    model = CATALOG[name]
    for field, choice, needed in _choices(model):
        first = model.space[field].choices[0]  # type: ignore[union-attr]
        packs = [_trained(model, {**needed, field: value}, [{}]) for value in (first, choice)]
        one, other = (_weights(pack, 0) for pack in packs)
        assert one.shape != other.shape or not torch.equal(one, other), (field, choice)
