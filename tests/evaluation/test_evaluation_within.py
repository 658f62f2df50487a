"""Pictures of samples beside others of the same noise, and of what a generator does within."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.evaluation._example_pictures import enlarged
from gensweep.evaluation._network_pictures import MARKS, attention, exchanged, growth, mixing
from gensweep.evaluation._pictured_lane import PicturedLane
from gensweep.evaluation._sample_pictures import classes, sampling, steps
from gensweep.known_pictures import offered_pictures
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from small_entries import small_settings

NAMES = ("red", "green", "blue")
EXAMPLES = RandomExamples((1, 8, 8), 3, class_names=NAMES)


def pictured(name: str, count: int = 16, data: Any = EXAMPLES, **values: Any) -> PicturedLane:
    """A lane of an entry, whose weights are moved: what begins as nothing has an effect."""
    model = CATALOG[name]
    config = model.config(**small_settings(model, **values))
    pack = Pack(model, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=3, budget_images=64)
    pack.run(2)
    source = torch.Generator().manual_seed(0)
    for stack in pack.stacks.values():
        for flat in (stack.flat, stack.sampling_weights()):
            flat.add_(0.1 * torch.randn(flat.shape, generator=source))
    return PicturedLane(pack=pack, examples=data.gather(torch.arange(16)), count=count, seed=5,
                        classify=lambda images: images)  # fmt: skip


def drawn(lane: PicturedLane, columns: int, **told: Any) -> Tensor:
    """Samples of the lane's first noise, with no more of the platform than `sample`."""
    noise = lane.pack.sample_noise(columns, seed=lane.seed)
    return lane.pack.sample(columns, noise=noise, **told)[0]


@pytest.mark.parametrize("name", ["cgan", "biggan"])
def test_a_row_is_of_its_class_and_a_column_of_one_noise(name: str) -> None:
    lane = pictured(name, count=14)
    sheet = classes(lane)
    assert (sheet.columns, len(sheet.samples), sheet.detail) == (5, 15, "red, green, blue")
    for label, row in enumerate(sheet.samples.split(5)):
        known = drawn(lane, 5, given={"y": torch.full((5,), label)})
        torch.testing.assert_close(row, known, rtol=0, atol=1e-4)


def test_of_many_classes_some_are_shown() -> None:
    lane = pictured("cgan", 12, RandomExamples((1, 8, 8), 50))
    sheet = classes(lane)
    assert (sheet.columns, len(sheet.samples), sheet.detail) == (4, 12, "0 to 2")


@pytest.mark.parametrize(("name", "field"), [("biggan", "truncation"), ("stylegan", "psi")])
def test_a_row_is_of_one_value_of_the_grid(name: str, field: str) -> None:
    """BigGAN's are the paper's thresholds."""
    lane = pictured(name, count=12)
    sheet = sampling(lane)
    values = {"truncation": (0.04, 0.5, 1.0, 2.0), "psi": (0.3, 0.5, 0.7, 1.0)}[field]
    assert sheet.detail == ", ".join(f"{field}={value:g}" for value in values)
    given = lane.given(torch.arange(3))
    for value, row in zip(values, sheet.samples.split(3), strict=True):
        known = drawn(lane, 3, hyper={field: value}, given=given)
        torch.testing.assert_close(row, known, rtol=0, atol=1e-5)
    assert not torch.allclose(sheet.samples[:3], sheet.samples[-3:])


@pytest.mark.parametrize("name", ["pixelcnn", "ddpm", "guided_diffusion", "sr3_cascade"])
def test_a_row_leads_by_steps_to_its_sample(name: str) -> None:
    """At first there is nothing but noise, or blank places, of which no pixel is the sample's."""
    extra = {"sample_steps": 20} if name != "pixelcnn" else {}
    lane = pictured(name, 24, **extra)
    sheet = steps(lane)
    rows, last = sheet.samples.unflatten(0, (3, -1)), {"pixelcnn": 64}.get(name, 20)
    assert sheet.columns == 8
    assert sheet.detail.startswith(f"after 0, {round(last / 7)}, ")
    assert sheet.detail.endswith(f", {last} of them")
    known = drawn(lane, 3, given=lane.given(torch.arange(3)))
    torch.testing.assert_close(rows[:, -1], known, rtol=0, atol=1e-5)
    gaps = (rows - rows[:, -1:]).flatten(2).abs().mean((0, 2))
    assert gaps[:-1].min() > 0
    assert gaps[0] > gaps[-2]


def test_few_steps_are_all_shown() -> None:
    sheet = steps(pictured("ddpm", 8, sample_steps=2))
    assert (len(sheet.samples), sheet.detail) == (3, "after 0, 1, 2 of them")


@pytest.mark.parametrize("name", ["sr3", "sr3_cascade"])
def test_small_images_stand_above_samples_and_examples(name: str) -> None:
    lane = pictured(name, 8)
    lane.examples["x"] = lane.examples["x"][:8]
    small, made, examples = enlarged(lane).samples.split(8)
    assert torch.equal(examples, lane.examples["x"])
    blocks = examples.unflatten(3, (2, 4)).unflatten(2, (2, 4)).mean((3, 5))
    torch.testing.assert_close(small, blocks.repeat_interleave(4, 2).repeat_interleave(4, 3))
    assert made.isfinite().all()
    assert not torch.allclose(made, examples)


GROUPS = {"coarse": range(2), "fine": range(2, 4)}


def test_mixed_styles_are_the_givers_within_the_group_alone() -> None:
    takers, givers = torch.randn(3, 4, 5), torch.randn(2, 2, 4, 5)
    mixed = exchanged(takers, givers, GROUPS).unflatten(0, (2, 2, 3))
    for group, layers in enumerate(GROUPS.values()):
        for row in range(2):
            for column in range(3):
                for layer in range(4):
                    whose = givers[group, row] if layer in layers else takers[column]
                    assert torch.equal(mixed[group, row, column, layer], whose[layer])
    alike = exchanged(takers, takers[:1].expand(2, 2, -1, -1), GROUPS).unflatten(0, (4, 3))
    assert torch.equal(alike[:, 0], takers[:1].expand(4, -1, -1))


@pytest.mark.parametrize("modulation", ["adain", "demodulation"])
def test_mixing_shows_its_sources_and_their_mixtures(modulation: str) -> None:
    lane = pictured("stylegan", 40, modulation=modulation)
    sheet = mixing(lane)
    tiles = sheet.samples.unflatten(0, (-1, 8))
    assert sheet.detail == "coarse, fine"
    assert len(tiles) == 5
    sources = drawn(lane, 11)
    torch.testing.assert_close(tiles[0, 1:], sources[:7])
    torch.testing.assert_close(tiles[1:, 0], sources[7:])
    assert (tiles[0, 0] == 1).all()
    game: Any = lane.pack.game
    noise = lane.pack.sample_noise(11, seed=lane.seed)
    styles = lane.pack.call_with("styles", noise)[0]
    coarse = torch.arange(styles.shape[1]) < game.style_groups["coarse"].stop
    own = torch.where(coarse[:, None], styles[7], styles[:7])
    first = {name: one[:, :7] for name, one in noise.items()}
    known = lane.pack.call_with("synthesise", first, own)[0]
    torch.testing.assert_close(tiles[1, 1:], known)
    assert not torch.allclose(tiles[1, 1:], sources[:7])


def test_a_game_of_one_style_mixes_nothing() -> None:
    """At psi = 0 all styles are their mean, so that sources at the top come back in every row."""
    tiles = mixing(pictured("stylegan", 40, psi=0.0)).samples.unflatten(0, (-1, 8))
    for row in tiles[1:]:
        torch.testing.assert_close(row[1:], tiles[0, 1:])


@pytest.mark.parametrize("name", ["sagan", "biggan"])
def test_attention_is_shown_where_each_place_looks(name: str) -> None:
    """Of the same samples, in colours that mark the place; the brightest is the largest weight."""
    lane = pictured(name, count=3, data=RandomExamples((1, 28, 28), 3), channels=2)
    sheet = attention(lane)
    tiles = sheet.samples.unflatten(0, (3, 1 + len(MARKS)))
    noise, given = lane.pack.sample_noise(3, seed=lane.seed), lane.given(torch.arange(3))
    weights = lane.pack.call_with("attention", noise, given=given)[0]
    assert weights.shape == (3, 14, 14, 7, 7)
    torch.testing.assert_close(weights.sum((3, 4)), torch.ones(3, 14, 14))
    images = drawn(lane, 3, given=given)
    changed = (tiles[:, 0] - images).abs().amax(1) > 1e-4
    assert 0 < int(changed[0].sum()) <= 4 * len(MARKS)
    for number, ((down, across), colour) in enumerate(MARKS.items()):
        row, column = int(14 * down), int(14 * across)
        of_place = torch.tensor(colour) / 127.5 - 1
        assert torch.equal(tiles[0, 0, :, 2 * row, 2 * column], of_place)
        seen, tile = weights[0, row, column], tiles[0, 1 + number]
        marked = (tile == of_place[:, None, None]).all(0)
        expected = (2 * seen / seen.max() - 1).repeat_interleave(4, 0).repeat_interleave(4, 1)
        torch.testing.assert_close(tile[:, ~marked], expected[~marked].expand(3, -1))
        assert int(marked.sum()) == 4


def test_small_images_are_enlarged_beside_their_attention() -> None:
    lane = pictured("sagan", count=2)
    tiles = attention(lane).samples.unflatten(0, (2, 1 + len(MARKS)))
    assert tiles.shape[2:] == (3, 32, 32)
    large = drawn(lane, 2, given=lane.given(torch.arange(2))).repeat_interleave(4, 2)
    same = (tiles[:, 0] == large.repeat_interleave(4, 3)).all(1)
    assert (~same).flatten(1).sum(1).tolist() == [len(MARKS) * 4 * 4] * 2


def test_growth_ends_at_the_sample_and_is_blocky_before() -> None:
    """At first of squares as large as 28 / 7 pixels, then of half that."""
    lane = pictured("progan", 3, RandomExamples((1, 28, 28), 0), channels=2)
    sheet = growth(lane)
    stages = sheet.samples.unflatten(0, (3, 3)).transpose(0, 1)
    assert sheet.columns == 3
    torch.testing.assert_close(stages[:, -1], drawn(lane, 3))
    for stage, size in ((0, 4), (1, 2)):
        small = stages[:, stage, :, ::size, ::size]
        again = small.repeat_interleave(size, 2).repeat_interleave(size, 3)
        torch.testing.assert_close(stages[:, stage], again)
    assert not torch.allclose(stages[:, 0], stages[:, 1])


@pytest.mark.parametrize(
    ("name", "values", "kinds"),
    [
        ("cgan", {}, {"classes", "sampling"}),
        ("sagan", {}, {"classes", "sampling", "attention"}),
        ("sagan", {"attention": False}, {"classes", "sampling"}),
        ("biggan", {}, {"classes", "sampling", "attention"}),
        ("progan", {}, {"growth"}),
        ("stylegan", {}, {"mixing", "sampling"}),
        ("gan", {}, {"sampling"}),
        ("rectified_flow", {}, {"sampling", "steps"}),
        ("pixelcnn", {}, {"sampling", "steps"}),
        ("sr3", {}, {"sampling", "steps", "enlarged"}),
    ],
)
def test_entries_offer_what_their_papers_show(name: str, values: Any, kinds: set[str]) -> None:
    model = CATALOG[name]
    config = model.config(**small_settings(model, **values))
    offered = set(offered_pictures(model.game(config, EXAMPLES), EXAMPLES, config))
    shown = {"classes", "sampling", "steps", "enlarged", "mixing", "attention", "growth"}
    assert offered & shown == kinds
