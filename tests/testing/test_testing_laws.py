"""Each law of games is kept by the catalogue, and broken by a game that an outsider could write."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.testing import RandomExamples, check_game, check_model, find_violations
from gensweep_models.catalog import CATALOG
from gensweep_models.config import latent
from gensweep_models.game import Model, Noise, Player
from small_entries import quick_but_deep, small_settings
from toy_games import Number, Toy, ToyConfig, broken_laws, own_number, sgd, toy_model


@pytest.mark.parametrize("name", quick_but_deep(CATALOG))
def test_the_catalogue_keeps_the_laws(name: str) -> None:
    model = CATALOG[name]
    check_model(model, **small_settings(model))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatentConfig(ToyConfig):
    """A toy with a latent size, which packs pad."""

    latent_size: int = latent(4)


def toy(loss: Any, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda config, data: Toy({"x": sgd(Number)}, loss, **options)


def test_a_good_toy_breaks_none() -> None:
    assert broken_laws(toy(own_number)) == {}


class Counting(Toy):
    """Counts its own steps in Python."""

    step = 0

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        self.step += 1
        return nets["x"]().square().sum(), {}


def test_a_counter_in_python_is_named() -> None:
    found = broken_laws(lambda config, data: Counting({"x": sgd(Number)}, None))
    assert "mine: Counting.loss changes self.step from 2 to 3: calls are replayed" in found["loss"]


def test_an_infinite_loss_is_named() -> None:
    found = broken_laws(toy(lambda p, nets, *a: (nets["x"]().sum() / 0, {})))
    assert found["loss"] == "mine: x_loss of player 'x' is inf for untrained networks."


class Unruly(Toy):
    """Samples of another shape, and other ones each time."""

    kind = "shape"

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        z: Tensor = noise["z"]
        return z[:, :1] if self.kind == "shape" else z / 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("shape", "mine: `sample` returns [5, 1] for 5 samples: [5, 2] is due."),
        ("nan", "mine: `sample` of untrained networks is not finite: bound what they feed."),
    ],
)
def test_samples_that_will_not_do_are_named(kind: str, message: str) -> None:
    def game(config: Any, data: Any) -> Toy:
        made = Unruly({"x": sgd(Number)}, own_number)
        made.kind = kind
        return made

    assert broken_laws(game)["samples"] == message


class FromLatent:
    """A generator that joins z with a condition, before or after it."""

    def __init__(self, size: int, first: bool, normalised: bool, declared: bool = True):
        norm: nn.Module = nn.LayerNorm(size) if normalised else nn.Identity()
        self.players = {"g": Player(lambda: nn.Sequential(norm, nn.Linear(size + 2, 2)), "sgd")}
        if normalised:
            self.players = {"g": Player(lambda: nn.Sequential(norm, nn.Linear(size, 2)), "sgd")}
        self.noise = {"g": {"z": Noise((8, size), latent="latent_size" if declared else None)}}
        self.size, self.first, self.normalised = size, first, normalised

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        z = noise["z"]
        parts = [z] if self.normalised else [z, batch["x"]] if self.first else [batch["x"], z]
        return nets["g"](torch.cat(parts, 1)).square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, 2))}

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        z: Tensor = noise["z"]
        return z


@pytest.mark.parametrize(
    ("first", "normalised", "kept"),
    [(False, False, True), (True, False, False), (False, True, False)],
)
def test_a_padding_that_trains_another_model_is_named(
    first: bool, normalised: bool, kept: bool
) -> None:
    found = broken_laws(lambda c, data: FromLatent(c.latent_size, first, normalised), LatentConfig)
    assert ("padding" not in found) == kept
    if not kept:
        assert found["padding"].startswith("mine: g_loss of player 'g' changes by ")
        assert "when latent_size is padded: say latent='latent_size' of" in found["padding"]


def test_noise_of_a_latent_that_is_not_declared_so_is_named() -> None:
    """Weights beyond the trial's own size are zero, but they would learn."""
    found = broken_laws(
        lambda c, data: FromLatent(c.latent_size, False, False, False), LatentConfig
    )
    assert found["padding"] == (
        "mine: 1.weight of player 'g' learns beyond the trial's own latent_size: say "
        "latent='latent_size' of its Noise."
    )


class Reconstructing(Toy):
    def reconstruct(self, nets: Any, x: Tensor, noise: Any, hyper: Any) -> Tensor:
        return x[:, 0]


def test_a_capability_that_gives_something_else_is_named() -> None:
    found = broken_laws(lambda config, data: Reconstructing({"x": sgd(Number)}, own_number))
    assert found == {"capabilities": "mine: `reconstruct` returns [4]: [4, 2] is due."}


class Repairing(Toy):
    """Breaks laws of images that are repaired as `fault` says; keeps them if it says nothing."""

    fault, calls = "", 0

    def denoise(self, nets: Any, x: Tensor, noise: Any, hyper: Any) -> Tensor:
        self.calls += self.fault == "counts"
        return x / 0 if self.fault == "infinite" else x

    def inpaint(self, nets: Any, x: Tensor, mask: Tensor, noise: Any, hyper: Any) -> Tensor:
        filled = torch.where(mask > 0, x, 1.0)
        return {"blurs": x + 0.01, "cuts": filled[:, :, 1:]}.get(self.fault, filled)

    def shrink(self, nets: Any, x: Tensor, noise: Any, hyper: Any) -> Tensor:
        return x[..., :5, :5] if self.fault == "crops" else x[..., ::4, ::4]


FAULTS = {
    "": None,
    "infinite": "mine: `denoise` of untrained networks is not finite: bound what they feed.",
    "counts": "mine: Repairing.denoise changes self.calls from 1 to 2: calls are replayed",
    "cuts": "mine: `inpaint` returns [4, 1, 7, 8]: [4, 1, 8, 8] is due.",
    "crops": "mine: `shrink` returns [4, 1, 5, 5]: [4, 1, 8, 8] is due.",
    "blurs": "mine: `inpaint` changes pixels that are known: return torch.where(mask > 0, x, fil",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_repairs_of_images_have_laws(fault: str) -> None:
    def game(config: Any, data: Any) -> Toy:
        made = Repairing({"x": sgd(Number)}, lambda p, nets, *a: (nets["x"]().sum(), {}))
        made.fault = fault
        return made

    mine = Model("mine", "toys", "none", ToyConfig, game, {})
    found = find_violations(mine, RandomExamples((1, 8, 8)), {}, ["capabilities"])
    told = [violation.message for violation in found]
    assert len(told) == (FAULTS[fault] is not None)
    assert all(str(FAULTS[fault]) in one for one in told)


class Scoring(Toy):
    score_names = ("far",)

    def scores(self, nets: Any, batch: Any, noise: Any, hyper: Any) -> dict[str, Tensor]:
        return {"far": batch["x"][:, 0]}


@pytest.mark.parametrize(
    ("bounds", "value"),
    [("verdict_bounds", {"near": (0.1, 1.0)}), ("collapse_bounds", {"near": 1})],
)
def test_a_verdict_by_what_is_no_score_is_named(bounds: str, value: Any) -> None:
    def game(config: Any, data: Any) -> Scoring:
        made = Scoring({"x": sgd(Number)}, lambda p, nets, *a: (nets["x"]().square().sum(), {}))
        setattr(made, bounds, value)
        return made

    assert broken_laws(game) == {
        "capabilities": f"mine: `{bounds}` has 'near': its `score_names` are ['far']."
    }


@pytest.mark.parametrize(
    ("game", "config", "message"),
    [
        (toy(lambda p, nets, *a: (nets["x"]().sum() / 0, {})), ToyConfig, "x_loss of player 'x'"),
        (lambda c, data: FromLatent(c.latent_size, True, False), LatentConfig, "g_loss of player"),
        (lambda *_: Unruly({"x": sgd(Number)}, own_number), ToyConfig, "`sample` returns"),
        (lambda *_: Reconstructing({"x": sgd(Number)}, own_number), ToyConfig, "`reconstruct` ret"),
    ],
    ids=["loss", "padding", "samples", "capabilities"],
)
def test_planning_refuses_what_breaks_a_quick_law(game: Any, config: Any, message: str) -> None:
    model = Model("mine", "toys", "none", config, game, {})
    with pytest.raises(UserError, match=f"mine: {message}"):
        check_game(model, RandomExamples((2,)), dataclasses.asdict(config()))


def test_the_first_violation_is_an_error_of_one_line() -> None:
    def fails(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["x"]().reshape(5), {}

    words = r"^toy: Toy\.loss of player 'x' raises RuntimeError \(shape.*one trial\.$"
    with pytest.raises(UserError, match=words):
        check_model(toy_model(lambda config: Toy({"x": sgd(Number)}, fails)), shape=(2,))


def test_settings_that_the_model_refuses_are_its_own_words() -> None:
    with pytest.raises(UserError, match=r"vae: `bernoulli decodes images; choose decoder gaussian"):
        check_model(CATALOG["vae"], shape=(2,))
