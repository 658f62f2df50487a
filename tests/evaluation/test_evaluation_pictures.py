"""Pictures of what a stored trial can do: reconstructions, and ways between examples."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.evaluation import (
    draw_examples,
    draw_pictures,
    encode_lane,
    picture_lane,
    sampler_spec,
)
from gensweep.lanes import Pack
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

SMALL = {"vae": {"hidden": 16, "layers": 1}, "gan": {"hidden": 16, "layers": 1}}


@pytest.fixture(scope="module")
def test_split(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = open_store(f"file://{tmp_path_factory.mktemp('store')}")
    return load_dataset("digits", store, split="test")


def stored(folder: Path, model: str, data: Any) -> tuple[str, dict[str, Any], Pack]:
    """A lane in a file, its description, and the pack that it came from."""
    space = {"learning_rate": Real(1e-4, 1e-2, log=True)}
    sweep = Sweep(name="s", model=CATALOG[model], space=space, fixed=SMALL[model])
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


def test_examples_stand_above_their_reconstructions(test_split: Any, tmp_path: Path) -> None:
    file, about, pack = stored(tmp_path, "vae", test_split)
    png = picture_lane(file, about, "reconstructions", test_split, 10)
    x = draw_examples(test_split, 10)["x"]
    noise: Any = pack.game
    made = pack.call("reconstruct", noise.reconstruct_noise(10), x)[0]
    for i, (row, column) in enumerate([(0, 0), (0, 7)]):
        at = [0, 7][i]
        np.testing.assert_allclose(tile(png, row, column), x[at, 0], atol=0.01)
        np.testing.assert_allclose(tile(png, row + 1, column), made[at, 0], atol=0.01)
    np.testing.assert_allclose(tile(png, 2, 1), x[9, 0], atol=0.01)
    assert (tile(png, 2, 2) == 1).all()


def test_a_row_passes_from_an_example_to_another(test_split: Any, tmp_path: Path) -> None:
    file, about, _ = stored(tmp_path, "vae", test_split)
    png = picture_lane(file, about, "interpolations", test_split, 3)
    rows = [[tile(png, row, column) for column in range(8)] for row in range(3)]
    for row in range(3):
        np.testing.assert_allclose(rows[row][7], rows[row - 1][0], atol=0.01)
        steps = [np.abs(a - b).max() for a, b in zip(rows[row], rows[row][1:], strict=False)]
        assert max(steps) < np.abs(rows[row][0] - rows[row][7]).max()


def test_a_model_without_the_capability_says_what_it_has(test_split: Any, tmp_path: Path) -> None:
    file, about, _ = stored(tmp_path, "gan", test_split)
    with pytest.raises(UserError, match="gan cannot reconstruct: only samples are to be had"):
        picture_lane(file, about, "reconstructions", test_split, 2)


def test_codes_are_those_of_the_encoder(test_split: Any, tmp_path: Path) -> None:
    file, about, pack = stored(tmp_path, "vae", test_split)
    codes = encode_lane(file, about, test_split, 5)
    x = draw_examples(test_split, 5)["x"]
    assert np.array_equal(codes, pack.call("encode", {}, x)[0].numpy())
    with pytest.raises(UserError, match="gan cannot encode"):
        encode_lane(*stored(tmp_path, "gan", test_split)[:2], test_split, 2)


def test_all_that_a_model_offers_is_drawn(test_split: Any, tmp_path: Path) -> None:
    """Which is what the report shows of the best trial; nothing of points."""
    space = {"learning_rate": Real(1e-4, 1e-2, log=True)}
    for model, kinds in (("vae", ["reconstructions", "interpolations"]), ("gan", [])):
        sweep = Sweep(name="s", model=CATALOG[model], space=space, fixed=SMALL[model])
        _, _, pack = stored(tmp_path, model, test_split)
        lane = pack.take(0).to_bytes()
        found = draw_pictures(sweep, test_split, test_split, {}, lane)
        assert list(found) == kinds
        assert all(png.startswith(b"\x89PNG") for png in found.values())
