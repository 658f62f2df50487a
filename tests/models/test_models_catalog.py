"""What holds for every model of the catalogue."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind_all
from gensweep.game_capabilities import capabilities
from gensweep.lanes import check_players
from gensweep.sampling_fields import real_values
from gensweep.space import check_space, scopes, strata, with_scope
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Model, Noise
from small_entries import small_settings

SHAPE, CLASSES = (1, 8, 8), 10
DATA = SimpleNamespace(shape=SHAPE, classes=CLASSES, count=100)
SCOPES = {"lane", "latent", "sampling", "fixed"}
every_model = pytest.mark.parametrize("model", CATALOG.values(), ids=lambda model: model.name)


class Subject:
    """A small game of a model with networks, as the engine would drive it."""

    def __init__(self, model: Model, **values: Any) -> None:
        self.config = model.config(**small_settings(model, **values))
        self.game: Any = model.game(self.config, DATA)
        torch.manual_seed(0)
        self.modules: dict[str, nn.Module] = {n: p.build() for n, p in self.game.players.items()}
        self.nets = bind_all(self.modules)
        numbers = with_scope(self.config, "lane", "latent") | real_values(self.config)
        self.hyper = {n: torch.tensor(float(v)) for n, v in numbers.items()}
        self.hyper["progress"] = torch.tensor(0.0)

    @property
    def learning(self) -> list[str]:
        return [name for name, player in self.game.players.items() if not player.frozen]

    def draw(self, noise: dict[str, Noise]) -> dict[str, Tensor]:
        kinds = {"normal": torch.randn, "uniform": torch.rand, "key": _keys}
        return {name: kinds[one.kind](one.shape) for name, one in noise.items()}

    def loss(self, player: str) -> tuple[Tensor, dict[str, Tensor]]:
        x = torch.rand(self.config.batch_size, *SHAPE) * 2 - 1
        batch = {"x": x, "y": torch.randint(CLASSES, (len(x),))}
        noise = self.draw(self.game.noise[player])
        value: tuple[Tensor, dict[str, Tensor]] = self.game.loss(
            player, self.nets, batch, noise, self.hyper
        )
        return value

    def sample(self, count: int) -> Tensor:
        for net in self.modules.values():
            net.eval()
        noise = self.draw(self.game.sample_noise(count))
        with torch.no_grad():
            samples: Tensor = self.game.sample(self.nets, noise, self.hyper, *self.given(count))
        return samples

    def given(self, count: int) -> list[dict[str, Tensor]]:
        """The last argument of what is conditioned on something; nothing of other games."""
        columns = {"x": torch.rand(count, *SHAPE) * 2 - 1, "y": torch.arange(count) % CLASSES}
        names = getattr(self.game, "given", ())
        return [{name: columns[name] for name in names}] if names else []


def _keys(shape: tuple[int, ...]) -> Tensor:
    return torch.randint(1 << 62, shape)


def variants(model: Model) -> list[dict[str, Any]]:
    """The defaults, and each choice of each searched dimension of the signature."""
    choices = {n: model.space[n] for n in strata(model.config, model.space)}
    found = [{n: c} for n, d in choices.items() for c in getattr(d, "choices", ())]
    return [{}, *found]


every_variant = pytest.mark.parametrize(
    ("model", "values"),
    [
        pytest.param(m, v, id="-".join([m.name, *map(str, v.values())]))
        for m in CATALOG.values()
        for v in variants(m)
    ],
)


@every_variant
def test_losses_are_finite_scalars_with_scalar_metrics(model: Model, values: Any) -> None:
    subject = Subject(model, **values)
    for player in subject.learning:
        loss, metrics = subject.loss(player)
        for name, value in {"loss": loss, **metrics}.items():
            assert value.shape == (), (player, name)
            assert bool(value.isfinite()), (player, name)
        assert not any(m.requires_grad for m in metrics.values()), player


@every_variant
def test_samples_have_the_shape_and_the_range_of_images(model: Model, values: Any) -> None:
    samples = Subject(model, **values).sample(5)
    assert samples.shape == (5, *SHAPE)
    assert samples.dtype == torch.float32
    assert bool(samples.isfinite().all())
    assert float(samples.abs().max()) <= 1
    assert float(samples.std(0).max()) > 0


@every_variant
def test_the_same_noise_gives_the_same_sample(model: Model, values: Any) -> None:
    subject = Subject(model, **values)
    torch.manual_seed(1)
    first = subject.sample(3)
    torch.manual_seed(1)
    torch.testing.assert_close(subject.sample(3), first)
    assert not torch.equal(subject.sample(3), first)


SHIFTED = ("wgan", "wgan_gp", "r3gan", "sngan")
"""Entries to whose critic a shift of all scores is nothing: its loss is of differences, or, at
first, of scores that all lie within the hinge's margins."""


@every_model
def test_gradients_reach_every_parameter_in_some_variant(model: Model) -> None:
    """Some, for a shift of its scores is nothing to a Wasserstein critic."""
    every: set[tuple[str, str]] = set()
    reached: set[tuple[str, str]] = set()
    shift: set[tuple[str, str]] = set()
    for values in variants(model):
        subject = Subject(model, **values)
        _unsettle(subject)
        if model.name in SHIFTED:
            shift.add(("critic", list(dict(subject.modules["critic"].named_parameters()))[-1]))
        for player in subject.learning:
            net = subject.modules[player]
            every |= {(player, name) for name, _ in net.named_parameters()}
            for progress in (0.0, 0.3, 0.6, 1.0):  # some parts learn early, some late
                subject.hyper["progress"] = torch.tensor(progress)
                reached |= {(player, name) for name in _reached(subject, player)}
    assert every - reached == shift


def _unsettle(subject: Subject) -> None:
    """Move every weight, for layers that begin at zero pass nothing on."""
    with torch.no_grad():
        for net in subject.modules.values():
            for parameter in net.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))


def _reached(subject: Subject, player: str) -> set[str]:
    named = dict(subject.modules[player].named_parameters())
    loss = subject.loss(player)[0]
    grads = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    pairs = zip(named, grads, strict=True)
    return {n for n, g in pairs if g is not None and bool(g.any())}


@every_model
def test_the_space_fits_the_configuration_at_its_extremes(model: Model) -> None:
    assert model.space
    check_space(model.config, model.space)


TRADED = {"guidance_scale", "temperature", "sample_steps", "steps", "candidates"}
"""What trades fidelity for variety or time where a model has no truncation to search."""


@every_model
def test_what_trades_fidelity_in_samples_is_searched(model: Model) -> None:
    found = {name for name, scope in scopes(model.config()).items() if scope == "sampling"}
    assert found & TRADED <= set(model.space)


@every_model
def test_a_sweep_may_search_the_whole_space(model: Model) -> None:
    """Conditions name dimensions that are there."""
    sweep = Sweep(name="whole", model=model, space=model.space, data="digits")
    assert set(sweep.space) == set(model.space)


@every_model
def test_every_field_has_a_scope_and_lane_fields_are_numbers(model: Model) -> None:
    for field in dataclasses.fields(model.config):
        assert field.metadata["scope"] in SCOPES, field.name
    for name, value in with_scope(model.config(), "lane", "latent").items():
        assert isinstance(value, int | float), name
    assert scopes(model.config())["batch_size"] == "fixed"


@every_model
def test_a_configuration_is_frozen(model: Model) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.config().learning_rate = 1.0


@every_model
def test_players_name_only_values_that_there_are(model: Model) -> None:
    subject = Subject(model)
    check_players(subject.game, subject.config, model.name)


@every_model
def test_an_entry_says_its_name_family_and_paper(model: Model) -> None:
    assert CATALOG[model.name] is model
    assert model.family
    assert model.paper.startswith("arXiv:")


LIKELIHOODS = [name for name, one in CATALOG.items() if "log_prob" in capabilities(one.game)]


def test_the_catalogue_has_likelihoods() -> None:
    assert {"vae", "realnvp"} <= set(LIKELIHOODS)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_a_likelihood_says_what_it_bounds(name: str) -> None:
    model = CATALOG[name]
    subject = Subject(model)
    assert subject.game.log_prob_kind in ("exact", "elbo", "iwae")
    noise = subject.draw(subject.game.log_prob_noise(4, 3))
    x = torch.rand(4, *SHAPE) * 2 - 1
    found = subject.game.log_prob(subject.nets, x, noise, subject.hyper, *subject.given(4))
    assert found.shape == (4,)
    assert bool(found.isfinite().all())
