"""The bounds that fields state are checked, and told as mathematics writes them."""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import pytest

from gensweep_models.catalog import CATALOG
from gensweep_models.config import BaseConfig, fixed, lane, latent, sampling
from gensweep_models.game import Model


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounded(BaseConfig):
    above: float = lane(1.0, above=0)
    between: float = lane(0.5, at_least=0, at_most=1)
    size: int = latent(4, at_least=1, below=65)
    solver: str = sampling("euler", choices=("euler", "heun"))
    free: Any = fixed(None)


@pytest.mark.parametrize(
    ("name", "value", "law"),
    [
        ("above", 0, "0 < above"),
        ("above", float("nan"), "0 < above"),
        ("above", "wide", "0 < above"),
        ("between", 1.5, "0 <= between <= 1"),
        ("between", -0.5, "0 <= between <= 1"),
        ("size", 65, "1 <= size < 65"),
        ("solver", "rk4", "solver in ('euler', 'heun')"),
        ("learning_rate", 0.0, "0 < learning_rate"),
        ("batch_size", 0, "1 <= batch_size"),
        ("beta1", 1.0, "0 <= beta1 < 1"),
        ("ema", 1, "0 <= ema < 1"),
    ],
)
def test_a_value_out_of_bounds_is_told_with_its_law(name: str, value: Any, law: str) -> None:
    told = f"`{law}` must hold, but got {name}={value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        Bounded(**{name: value})


def test_values_within_bounds_are_kept() -> None:
    config = Bounded(above=1e-9, between=1, size=64, solver="heun", free="anything")
    assert (config.above, config.between, config.size, config.solver) == (1e-9, 1, 64, "heun")
    assert not hasattr(config, "__dict__")


FREE_TEXT = {"feature_weights", "caption"}
"""Fields that name a file or a column, which may be any."""


@pytest.mark.parametrize("model", CATALOG.values(), ids=lambda model: model.name)
def test_every_number_of_a_model_has_bounds(model: Model) -> None:
    fields = model.config.__dataclass_fields__.values()
    unbounded = {
        f.name for f in fields
        if isinstance(f.default, int | float | str) and not isinstance(f.default, bool)
        and not f.metadata["bounds"]
    }  # fmt: skip
    assert unbounded <= FREE_TEXT


@pytest.mark.parametrize("model", CATALOG.values(), ids=lambda model: model.name)
def test_every_sampling_hyperparameter_says_what_it_means(model: Model) -> None:
    fields = dataclasses.fields(model.config)
    assert all(f.metadata["doc"] for f in fields if f.metadata["scope"] == "sampling")
