"""Pictures along a model's latent: its samples change with that alone, and end where they say."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation._latent_arithmetic import EXEMPLARS, SPREAD, arithmetic
from gensweep.evaluation._latent_pictures import manifold, traversals, turns, walks
from gensweep.evaluation._pictured_lane import COLUMNS, DOTS, PicturedLane, own_game
from gensweep.known_pictures import PICTURES, offered_pictures
from gensweep.lanes import Pack
from gensweep.storage import open_store
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.config import fixed, latent
from gensweep_models.game import Model, Noise
from gensweep_models.space import Integer
from toy_games import Number, ToyConfig, sgd

NAMES = ("red", "green", "blue", "grey")
EXAMPLES = RandomExamples((1, 4, 8), 4, class_names=NAMES)
SMALL = {"hidden": 8, "layers": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShownConfig(ToyConfig):
    latent_size: int = latent(3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedConfig(ToyConfig):
    latent_size: int = fixed(3)


class Shown:
    """Samples whose rows of pixels are the noise itself: the latent, a number each, one for all."""

    def __init__(self, config: Any, data: Any):
        self.size, self.shape = config.latent_size, data.shape
        self.players, self.noise = {"x": sgd(Number)}, dict[str, Any](x={})

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["x"]().sum(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        latent_noise = Noise((count, self.size), latent="latent_size")
        return {"e": Noise((count,)), "z": latent_noise, "all": Noise((1,), per="lane")}

    def sample(self, nets: Any, noise: Any, hyper: Any, *given: Any) -> Tensor:
        image = noise["z"].new_zeros(len(noise["z"]), *self.shape)
        z = torch.nn.functional.pad(noise["z"], (0, self.shape[-1] - noise["z"].shape[-1]))
        label = given[0]["y"][:, None] if given else 0
        rows = (z, noise["e"][:, None], noise["all"], label)
        return torch.stack([image[:, 0, 0] + row for row in rows], 1)[:, None]


class ShownOfClass(Shown):
    given = ("y",)


def quarters(images: Tensor) -> Tensor:
    """Logits of four classes, by the signs of two latent numbers; the surer the farther."""
    z = images[:, 0, 0, :2]
    label = (z[:, 0] > 0).long() + 2 * (z[:, 1] > 0).long()
    return torch.nn.functional.one_hot(label, 4) * z.abs().sum(1, keepdim=True)


def pictured(
    model: Model, data: Any, count: int = 24, space: Any = None, **values: Any
) -> PicturedLane:
    config = model.config(**values)
    pack = Pack(model, config, data, data, width=1, space=space, trace=False)
    pack.load(0, config, seed=3, budget_images=100)
    examples = data.gather(torch.arange(16))
    return PicturedLane(pack=pack, examples=examples, count=count, seed=5, classify=quarters)


def shown(game: type[Any] = Shown, config: type[Any] = ShownConfig, **options: Any) -> PicturedLane:
    return pictured(Model("shown", "toys", "", config, game, {}), EXAMPLES, **options)


def catalogue(name: str, shape: tuple[int, ...] = (1, 8, 8), **values: Any) -> PicturedLane:
    return pictured(CATALOG[name], RandomExamples(shape), **SMALL, **values)


def samples_at(lane: PicturedLane, rows: list[int], drawn: int) -> Tensor:
    """Samples at the z that were drawn, by number, with no more of the platform than `sample`."""
    noise = lane.pack.sample_noise(drawn, seed=lane.seed)
    return lane.pack.sample(len(rows), noise={n: one[:, rows] for n, one in noise.items()})[0]


@pytest.mark.parametrize(("name", "shape"), [("gan", (1, 8, 8)), ("vae", (1, 8, 8)), ("gan", (2,))])
def test_a_walk_ends_at_the_samples_of_its_two_latents(name: str, shape: tuple[int, ...]) -> None:
    """Bit for bit, although the model's noise is uniform and the way leads through normal z."""
    lane = catalogue(name, shape, latent_size=4)
    sheet = walks(lane)
    steps = DOTS if shape == (2,) else COLUMNS
    assert (sheet.columns, len(sheet.samples)) == (steps, 3 * steps)
    ends = [row for first in range(3) for row in [first] * (steps - 1) + [first + 3]]
    expected = samples_at(lane, ends, 6)
    for row in range(3):
        for at in (row * steps, (row + 1) * steps - 1):
            assert torch.equal(sheet.samples[at], expected[at])
        way = sheet.samples[row * steps : (row + 1) * steps]
        assert (way[1:] - way[:-1]).abs().amax() < (way[-1] - way[0]).abs().amax()


def test_a_turn_begins_at_a_latent_and_passes_another() -> None:
    lane = catalogue("gan", latent_size=4)
    found = turns(lane).samples.unflatten(0, (3, COLUMNS))
    quarter = COLUMNS // 4
    rows = [row for first in range(3) for row in [first] * quarter + [first + 3] * 3 * quarter]
    expected = samples_at(lane, rows, 6).unflatten(0, (3, COLUMNS))
    assert torch.equal(found[:, 0], expected[:, 0])
    torch.testing.assert_close(found[:, quarter], expected[:, quarter], rtol=0, atol=1e-5)


@pytest.mark.parametrize("draw", [walks, turns])
def test_all_other_noise_is_that_of_the_row(draw: Any) -> None:
    """And a latent that a pack has padded from 3 numbers to 7 is blank beyond them."""
    lane = shown(space={"latent_size": Integer(1, 7)})
    z, e, every, _ = draw(lane).samples.squeeze(1).unflatten(0, (3, COLUMNS)).unbind(2)
    assert (z[..., 3:] == 0).all()
    assert (z[:, :-1] != z[:, 1:])[..., :3].all()
    assert (e == e[:, :1]).all()
    assert len(e.unique()) == 3
    assert len(every.unique()) == 1


def test_a_walk_turns_evenly_and_its_norms_change_evenly() -> None:
    """However unlike its ends are; the straight line would pass near the origin, where nothing is.

    The angles of steps, and the differences of norms, are all alike within a row.
    """
    z = walks(shown(count=80)).samples[:, 0, 0].double().unflatten(0, (10, COLUMNS))
    norms = z.norm(dim=2)
    cosines = torch.cosine_similarity(z[:, 1:], z[:, :-1], 2)
    for even in (norms[:, 1:] - norms[:, :-1], cosines):
        torch.testing.assert_close(even, even[:, :1].expand_as(even), rtol=0, atol=1e-5)


def test_a_latent_of_one_number_walks_straight() -> None:
    """Where there is no angle between z and z', and none to be divided by."""
    z = walks(shown(latent_size=1)).samples[:, 0, 0, 0].unflatten(0, (3, COLUMNS))
    steps = z[:, 1:] - z[:, :-1]
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps))


def test_a_manifold_is_sampled_at_quantiles() -> None:
    """Of both numbers of a VAE's latent, to the right and upwards; by hand they are uniform."""
    lane = catalogue("vae", latent_size=2)
    sheet = manifold(lane)
    at = (torch.arange(5) + 0.5) / 5
    z = torch.stack([at.repeat(5), at.flip(0).repeat_interleave(5)], 1)
    expected = lane.pack.sample(25, noise={"z": z[None]})[0]
    assert sheet.columns == 5
    torch.testing.assert_close(sheet.samples, expected, rtol=0, atol=1e-6)


def test_a_traversal_changes_one_number_of_the_latent_alone() -> None:
    """Of as many numbers as there is room for, and of none that a pack has padded."""
    lane = catalogue("vae", latent_size=4)
    first = torch.special.ndtri(lane.pack.sample_noise(1, seed=lane.seed)["z"][0].double())
    z = first.expand(3 * COLUMNS, 4).clone()
    for row in range(3):
        z[row * COLUMNS : (row + 1) * COLUMNS, row] = torch.linspace(-3, 3, COLUMNS).double()
    uniform = torch.special.ndtr(z).float()
    expected = lane.pack.sample(len(z), noise={"z": uniform[None]})[0]
    torch.testing.assert_close(traversals(lane).samples, expected, rtol=0, atol=1e-5)
    padded = shown(count=80, space={"latent_size": Integer(1, 7)})
    assert len(traversals(padded).samples) == 3 * COLUMNS


def test_a_manifold_of_a_padded_latent_is_that_of_two_numbers() -> None:
    z = manifold(shown(space={"latent_size": Integer(1, 7)}, latent_size=2)).samples[:, 0, 0]
    expected = torch.special.ndtri((torch.arange(5) + 0.5) / 5)
    torch.testing.assert_close(z[:5, 0], expected)
    torch.testing.assert_close(z[::5, 1], expected.flip(0))
    assert (z[:, 2:] == 0).all()


def test_arithmetic_adds_means_of_classes() -> None:
    lane = shown(space={"latent_size": Integer(1, 7)})
    sheet = arithmetic(lane)
    assert sheet.detail == "a: red, b: green, c: blue"
    rows = sheet.samples[:, 0, 0].unflatten(0, (4, COLUMNS))
    for label, row in enumerate(rows[:3]):
        exemplars = sheet.samples.unflatten(0, (4, COLUMNS))[label, :EXEMPLARS]
        assert (quarters(exemplars).argmax(1) == label).all()
        torch.testing.assert_close(row[-1], row[:EXEMPLARS].mean(0))
    a, b, c = rows[:3, -1]
    torch.testing.assert_close(rows[3, 0], a - b + c)
    added = rows[3] - rows[3, 0]
    assert 0.5 * SPREAD < added.abs().max() <= SPREAD * 1.001
    assert (added[1:, :3] != 0).all()
    assert (rows[..., 3:] == 0).all()


def test_arithmetic_takes_the_surest_of_the_first_classes_that_are_there() -> None:
    """Class 1 has no sample, so that the sum is of 0, 2 and 3."""

    def classify(images: Tensor) -> Tensor:
        logits = quarters(images)
        return torch.cat([logits[:, :1], logits[:, :1] - 1, logits[:, 1:3] + logits[:, 3:]], 1)

    lane = dataclasses.replace(shown(), classify=classify)
    sheet = arithmetic(lane)
    assert sheet.detail == "a: red, b: blue, c: grey"
    drawn = lane.pack.sample(512, seed=5)[0]
    sure, label = classify(drawn).softmax(1).max(1)
    least = classify(sheet.samples[:EXEMPLARS]).softmax(1).amax(1).min()
    assert (sure[label == 0] > least).sum() < EXEMPLARS


def test_samples_of_few_classes_are_one_line() -> None:
    two = dataclasses.replace(shown(), classify=lambda images: quarters(images)[:, :2])
    with pytest.raises(UserError, match=r"needs 7 of 512 samples of each of three .* so many of 2"):
        arithmetic(two)


def test_a_row_has_one_condition(tmp_path_factory: pytest.TempPathFactory) -> None:
    """That of a held-out example, or the one that was asked for."""
    lane = shown(ShownOfClass)
    label = walks(lane).samples[:, 0, 3].unflatten(0, (3, COLUMNS))
    assert (label == label[:, :1, :1]).all()
    assert set(label.unique().int().tolist()) <= set(lane.examples["y"].tolist())
    store = open_store(f"file://{tmp_path_factory.mktemp('store')}")
    digits = load_dataset("digits", store, split="train")
    asked = PicturedLane.of(lane.pack, (digits, None), store, 16, 0, {"y": "blue"})
    assert (walks(asked).samples[:, 0, 3] == NAMES.index("blue")).all()


LATENT = ["walks", "turns"]
OFFERS = {
    "gan": ((1, 8, 8), {}, [*LATENT, "arithmetic", "sampling", "neighbours"]),
    "gan of points": ((2,), {}, [*LATENT, "landscape"]),
    "gan of two numbers and points": (
        (2,), {"latent_size": 2}, [*LATENT, "manifold", "landscape"]
    ),
    "vae": (
        (1, 8, 8), {"latent_size": 2},
        ["reconstructions", "interpolations", "scatter", *LATENT, "traversals", "manifold",
         "arithmetic", "sampling", "neighbours"],
    ),
    "realnvp": ((1, 8, 8), {"couplings": 2}, ["interpolations", "sampling", "neighbours"]),
    "realnvp of points": ((2,), {"couplings": 2}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", OFFERS)
def test_only_what_makes_sense_is_offered(case: str) -> None:
    shape, values, kinds = OFFERS[case]
    lane = catalogue(case.partition(" ")[0], shape, **values)
    config = lane.pack.lane(0).config
    assert offered_pictures(own_game(lane.pack), lane.pack.data, config) == kinds


def test_a_latent_of_a_fixed_size_is_drawn_too() -> None:
    """Packs pad no such one. And without classes, or where they are given, nothing is added."""
    lane = shown(config=FixedConfig)
    game, config = own_game(lane.pack), FixedConfig()
    assert offered_pictures(game, EXAMPLES, config) == [*LATENT, "arithmetic", "neighbours"]
    assert walks(lane).samples[:, 0, 0, :3].all()
    of_class = [*LATENT, "classes", "reranked", "neighbours"]
    for data, kind, kinds in (
        (RandomExamples((1, 4, 8), 0), Shown, [*LATENT, "neighbours"]),
        (EXAMPLES, ShownOfClass, of_class),
    ):
        assert offered_pictures(kind(config, data), data, config) == kinds  # type: ignore[arg-type]


def test_every_known_picture_can_be_drawn() -> None:
    from gensweep.evaluation._lane_pictures import DRAW

    assert DRAW.keys() == PICTURES.keys()
