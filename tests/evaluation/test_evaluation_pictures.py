"""Pictures of what a stored trial makes of examples, and of all that its model offers."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import (
    draw_examples,
    draw_pictures,
    encode_lane,
    picture_lane,
    sampler_spec,
)
from gensweep.evaluation._example_pictures import denoised, inpainted
from gensweep.evaluation._pictured_lane import PicturedLane
from gensweep.lanes import Pack
from gensweep.metrics import FeatureNet
from gensweep.sampling_fields import sampling_fields
from gensweep.storage import ObjectStore, open_store
from gensweep.sweep import Sweep
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Noise
from gensweep_models.space import Real
from small_entries import quick_but_deep, small_settings
from toy_games import Number, Toy, ToyConfig, sgd, toy_model

MLP = {"hidden": 16, "layers": 1}
SMALL: dict[str, dict[str, Any]] = {
    "vae": MLP, "gan": {**MLP, "latent_size": 4}, "realnvp": {**MLP, "couplings": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    return open_store(f"file://{tmp_path_factory.mktemp('store')}")


@pytest.fixture(scope="module")
def test_split(store: ObjectStore) -> Any:
    return load_dataset("digits", store, split="test")


def stored(
    folder: Path, model: str, data: Any, settings: Any = None
) -> tuple[str, dict[str, Any], Pack]:
    """A lane in a file, its description, and the pack that it came from."""
    space = {"learning_rate": Real(1e-4, 1e-2, log=True)}
    sweep = Sweep(name="s", model=CATALOG[model], space=space,
                  fixed=settings or SMALL[model])  # fmt: skip
    config = sweep.config({})
    pack = Pack(sweep.model, config, data, data.source("cpu"), width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=1000)
    file = folder / "lane.safetensors"
    file.write_bytes(pack.take(0).to_bytes())
    about = sampler_spec(sweep, {}, data)
    return str(file), {**about, "pack": dataclasses.asdict(config)}, pack


def tile(png: bytes, row: int, column: int) -> NDArray[np.float32]:
    """One of the 8x8 images of a sheet, in [-1, 1]."""
    sheet = np.asarray(Image.open(io.BytesIO(png)), np.float32)
    factor = round((sheet.shape[1] + 0.0) / (8 * 9 - 1))
    pixels = sheet[factor // 2 :: factor, factor // 2 :: factor]
    found: NDArray[np.float32] = pixels[9 * row : 9 * row + 8, 9 * column : 9 * column + 8]
    return found / 127.5 - 1


def test_examples_stand_above_their_reconstructions(
    store: ObjectStore, test_split: Any, tmp_path: Path
) -> None:
    file, about, pack = stored(tmp_path, "vae", test_split)
    shows, png = picture_lane(file, about, "reconstructions", store, 10)
    assert shows.startswith("reconstructions: a row of held-out examples, then a row of what")
    x = draw_examples(test_split, 10)["x"]
    noise: Any = pack.game
    made = pack.call("reconstruct", noise.reconstruct_noise(10), x)[0]
    for i, (row, column) in enumerate([(0, 0), (0, 7)]):
        at = [0, 7][i]
        np.testing.assert_allclose(tile(png, row, column), x[at, 0], atol=0.01)
        np.testing.assert_allclose(tile(png, row + 1, column), made[at, 0], atol=0.01)
    np.testing.assert_allclose(tile(png, 2, 1), x[9, 0], atol=0.01)
    assert (tile(png, 2, 2) == 1).all()


def test_a_row_passes_from_an_example_to_another(
    store: ObjectStore, test_split: Any, tmp_path: Path
) -> None:
    file, about, _ = stored(tmp_path, "vae", test_split)
    _, png = picture_lane(file, about, "interpolations", store, 3)
    rows = [[tile(png, row, column) for column in range(8)] for row in range(3)]
    for row in range(3):
        np.testing.assert_allclose(rows[row][7], rows[row - 1][0], atol=0.01)
        steps = [np.abs(a - b).max() for a, b in zip(rows[row], rows[row][1:], strict=False)]
        assert max(steps) < np.abs(rows[row][0] - rows[row][7]).max()


class Repairing(Toy):
    """Cleans examples by halving them, and fills in what its lane's noise says."""

    def denoise(self, nets: Any, x: Tensor, noise: Any, hyper: Any) -> Tensor:
        return x / 2

    def inpaint_noise(self, batch: int) -> dict[str, Noise]:
        return {"fill": Noise((batch, 1, 8, 8), "uniform")}

    def inpaint(self, nets: Any, x: Tensor, mask: Tensor, noise: Any, hyper: Any) -> Tensor:
        assert mask.shape == (len(x), 1, 8, 8)
        return torch.where(mask > 0, x, noise["fill"])


def repaired(count: int) -> PicturedLane:
    data = RandomExamples((1, 8, 8))
    loss = lambda player, nets, *a: (nets["x"]().square().sum(), {})  # noqa: E731
    model = toy_model(lambda config: Repairing({"x": sgd(Number)}, loss))
    pack = Pack(model, ToyConfig(), data, data, width=1, trace=False)
    pack.load(0, ToyConfig(), seed=1, budget_images=100)
    examples = data.gather(torch.arange(count))
    return PicturedLane(pack=pack, examples=examples, count=count, classify=lambda images: images)


def test_examples_are_made_noisy_and_cleaned() -> None:
    """In rows of eight; the noise is of the stated size, which a game may state otherwise."""
    lane = repaired(20)
    clean, noisy, cleaned = denoised(lane).samples.unflatten(0, (3, 3, 8)).unbind(1)
    assert torch.equal(clean.flatten(0, 1)[:20], lane.examples["x"])
    assert torch.equal(cleaned.flatten(0, 1)[:20], noisy.flatten(0, 1)[:20] / 2)
    assert (noisy - clean).flatten(0, 1)[:20].std().item() == pytest.approx(0.5, rel=0.05)
    assert denoised(lane).detail == "of standard deviation 0.5"
    vars(lane.pack.game)["denoise_std"] = 0.1
    _, noisy, _ = denoised(lane).samples.unflatten(0, (3, 3, 8)).unbind(1)
    assert (noisy - clean).flatten(0, 1)[:20].std().item() == pytest.approx(0.1, rel=0.05)
    assert (clean[2, 4:] == 1).all()


def test_the_middle_of_examples_is_hidden_and_filled_in() -> None:
    lane = repaired(8)
    x, known, filled = inpainted(lane).samples.unflatten(0, (3, 8)).unbind(0)
    middle = (slice(None), slice(None), slice(2, 6), slice(2, 6))
    changed = (known != x).sum((1, 2, 3))
    assert (known[middle] == 0).all()
    assert ((changed > 8) & (changed <= 16)).all()
    assert (filled[middle] != 0).all()
    same = filled.clone()
    same[middle] = x[middle]
    assert torch.equal(same, x)


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        ("gan", "reconstructions",
         "gan has no reconstructions, for want of `reconstruct` of images that it does not "
         "`shrink`: choose from samples, walks, turns, arithmetic, sampling, neighbours."),
        ("gan", "manifold", "gan has no manifold, for want of one latent of size 2: choose from "),
        ("realnvp", "walks",
         "realnvp has no walks, for want of latent noise: choose from samples, interpolations, "
         "sampling, neighbours, codes."),
    ],
)  # fmt: skip
def test_a_model_without_the_capability_says_what_it_has(
    store: ObjectStore, test_split: Any, tmp_path: Path, model: str, kind: str, message: str
) -> None:
    file, about, _ = stored(tmp_path, model, test_split)
    with pytest.raises(UserError, match=message):
        picture_lane(file, about, kind, store, 2)


def test_values_of_sampling_act_on_pictures_too(
    store: ObjectStore, test_split: Any, tmp_path: Path
) -> None:
    """Where z is truncated to nothing a walk stays where it is; other names are refused."""
    file, about, _ = stored(tmp_path, "gan", test_split)
    for values, moves in (({}, True), ({"truncation": 1e-3}, False)):
        _, png = picture_lane(file, about, "walks", store, 8, values)
        assert bool(np.abs(tile(png, 0, 0) - tile(png, 0, 7)).max() > 0.02) is moves
    with pytest.raises(UserError, match="'psi' is no sampling hyperparameter of gan: choose from"):
        picture_lane(file, about, "walks", store, 8, {"psi": 1.0})


WHOLE = [
    name
    for name, model in CATALOG.items()
    if any(type(one.grid[0]) is int for one in sampling_fields(model.config()) if one.grid)
]
"""Entries with sampling hyperparameters that are whole numbers, which shapes may depend on."""


@pytest.mark.parametrize("model", quick_but_deep(WHOLE))
def test_every_value_of_sampling_has_a_row(
    store: ObjectStore, test_split: Any, tmp_path: Path, model: str
) -> None:
    settings = small_settings(CATALOG[model])
    file, about, pack = stored(tmp_path, model, test_split, settings)
    shows, png = picture_lane(file, about, "sampling", store, 1)
    grids = [one.grid for one in sampling_fields(pack.lane(0).config) if one.grid]
    assert shows.count("=") == sum(map(len, grids))
    assert png.startswith(b"\x89PNG")


def test_noise_of_other_values_of_sampling_is_refused(test_split: Any, tmp_path: Path) -> None:
    settings = small_settings(CATALOG["dalle"])
    _, _, pack = stored(tmp_path, "dalle", test_split, settings)
    noise = pack.sample_noise(2)
    with pytest.raises(ValueError, match=r"'token' of samples is \(2, 1, \d+\), where \(2, 4, "):
        pack.sample(2, noise=noise, hyper={"candidates": 4}, given={"y": torch.zeros(2).long()})


def test_codes_are_those_of_the_encoder(
    store: ObjectStore, test_split: Any, tmp_path: Path
) -> None:
    file, about, pack = stored(tmp_path, "vae", test_split)
    codes = encode_lane(file, about, store, 5)
    x = draw_examples(test_split, 5)["x"]
    assert np.array_equal(codes, pack.call("encode", {}, x)[0].numpy())
    with pytest.raises(UserError, match="gan has no codes, for want of `encode` or `invert`"):
        encode_lane(*stored(tmp_path, "gan", test_split)[:2], store, 2)


def test_all_that_a_model_offers_is_drawn(
    store: ObjectStore, test_split: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which is what the report shows of the best trial; what its samples lack is left out.

    The classifier here takes all for one class, so that there is nothing to add.
    """
    net = FeatureNet((1, 8, 8), 10)
    net.head.bias.data[3] = 100
    store.put(f"features/digits-{test_split.hash[:16]}-classes-v1.pt", net.save())
    space = {"learning_rate": Real(1e-4, 1e-2, log=True)}
    caplog.set_level("INFO")
    splits = load_dataset("digits", store, split="train"), test_split
    always = ["sampling", "neighbours"]
    latent, flow = ["walks", "turns", *always], ["interpolations", *always]
    drawn = ["reconstructions", "interpolations", "scatter", *latent[:2], "traversals", *always]
    for model, kinds in (("vae", drawn), ("gan", latent), ("realnvp", flow)):
        sweep = Sweep(name="s", model=CATALOG[model], space=space, fixed=SMALL[model])
        _, _, pack = stored(tmp_path, model, test_split)
        found = draw_pictures(sweep, splits, store, {}, pack.take(0).to_bytes())
        assert [shows.partition(":")[0] for shows in found] == kinds
        assert all(png.startswith(b"\x89PNG") for png in found.values())
    assert caplog.text.count("has no picture of arithmetic: arithmetic needs 7 of 512") == 2


def test_a_picture_that_fails_costs_only_itself(
    store: ObjectStore, test_split: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """As a model's own method may, at the end of a sweep."""

    def interpolate(*_: Any) -> Tensor:
        raise RuntimeError("sizes differ\nin a long story")

    space = {"learning_rate": Real(1e-4, 1e-2, log=True)}
    sweep = Sweep(name="s", model=CATALOG["realnvp"], space=space, fixed=SMALL["realnvp"])
    _, _, pack = stored(tmp_path, "realnvp", test_split)
    monkeypatch.setattr(type(pack.game), "interpolate", interpolate)
    splits = load_dataset("digits", store, split="train"), test_split
    found = draw_pictures(sweep, splits, store, {}, pack.take(0).to_bytes())
    assert [shows.partition(":")[0] for shows in found] == ["sampling", "neighbours"]
    assert "no picture of interpolations: RuntimeError: sizes differ\n" in caplog.text
