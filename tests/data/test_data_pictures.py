"""Pictures of sixteen bits and floats, first frames, and pictures that cannot be read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore

BYTES = np.random.default_rng(8).integers(0, 256, (6, 8), np.uint8)


def folder_of(tmp_path: Path, pixels: NDArray[Any], ending: str, **saved: Any) -> str:
    (tmp_path / "set").mkdir()
    for i in range(10):
        Image.fromarray(pixels).save(tmp_path / "set" / f"{i}.{ending}", **saved)
    return str(tmp_path / "set")


def first(store: ObjectStore, folder: str, **options: Any) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = load_dataset(folder, store, **options).arrays()["x"][0, 0]
    return pixels


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_from_all_of_them(
    store: ObjectStore, tmp_path: Path, ending: str
) -> None:
    folder = folder_of(tmp_path, BYTES.astype(np.uint16) * 257, ending)
    assert np.array_equal(first(store, folder), BYTES)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_are_scaled_from_what_the_user_says(
    store: ObjectStore, tmp_path: Path, ending: str
) -> None:
    folder = folder_of(tmp_path, BYTES.astype(np.uint16) * 10, ending)
    assert np.array_equal(first(store, folder, pixel_range=(0, 2550)), BYTES)
    assert first(store, folder).max() < 11
    with pytest.raises(UserError, match=r"0.png|0.tif.* beyond 0 to 2000: say by --pixel-range"):
        load_dataset(folder, store, pixel_range=(0, 2000))


def test_floats_are_scaled_from_what_the_file_says(store: ObjectStore, tmp_path: Path) -> None:
    tags = {340: -1.0, 341: 1.0}
    folder = folder_of(tmp_path, (BYTES / 127.5 - 1).astype(np.float32), "tif", tiffinfo=tags)
    assert np.array_equal(first(store, folder), BYTES)


def test_floats_are_scaled_from_what_the_user_says(store: ObjectStore, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, (BYTES / 255).astype(np.float32), "tiff")
    assert np.array_equal(first(store, folder, pixel_range=(0, 1)), BYTES)
    with pytest.raises(UserError, match=r"tiff has pixels of .* say so by --pixel-range"):
        load_dataset(folder, store)


def test_bytes_are_scaled_too_where_the_user_says(store: ObjectStore, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, BYTES // 128 * 100, "png")
    assert np.array_equal(first(store, folder, pixel_range=(0, 100)), BYTES // 128 * 255)


@pytest.mark.parametrize("ending", ["gif", "tiff"])
def test_the_first_frame_is_read(store: ObjectStore, tmp_path: Path, ending: str) -> None:
    frames = [Image.fromarray(BYTES), Image.fromarray(255 - BYTES)]
    (tmp_path / "set").mkdir()
    for i in range(10):
        file = tmp_path / "set" / f"{i}.{ending}"
        frames[0].save(file, save_all=True, append_images=frames[1:])
    assert Image.open(file).n_frames == 2
    assert np.array_equal(first(store, str(tmp_path / "set")), BYTES)


CLEAR = np.zeros((6, 8), np.uint8)


def see_through(form: str, red: int, alpha: NDArray[np.uint8]) -> Image.Image:
    """A picture of one colour, grey or (red, 30, 10), which is seen as far as `alpha` says."""
    flat = Image.new("RGB", (8, 6), (red, 30, 10))
    if form == "LA":
        return Image.merge("LA", [Image.new("L", (8, 6), red), Image.fromarray(alpha)])
    if form == "RGBA":
        return Image.merge("RGBA", [*flat.split(), Image.fromarray(alpha)])
    colour = flat.quantize(2) if form == "P" else flat
    colour.info["transparency"] = 0 if form == "P" else (red, 30, 10)
    return colour


@pytest.mark.parametrize("form", ["LA", "RGBA", "P", "RGB"])
def test_hidden_colours_do_not_show(store: ObjectStore, tmp_path: Path, form: str) -> None:
    """Two pictures that look alike are the same pixels."""
    hashes = set()
    for red in (240, 0):
        folder = tmp_path / f"{red}" / "set"
        folder.mkdir(parents=True)
        for i in range(10):
            see_through(form, red, CLEAR).save(folder / f"{i}.png")
        data = load_dataset(str(folder), store)
        assert set(data.arrays()["x"].flat) == {255}
        assert "transparency on white" in data.protocol
        hashes.add(data.hash)
    assert len(hashes) == 1


def test_half_of_a_colour_is_half_white(store: ObjectStore, tmp_path: Path) -> None:
    alpha = np.full((6, 8), 51, np.uint8)  # a fifth
    (tmp_path / "set").mkdir()
    for i in range(10):
        see_through("RGBA", 240, alpha).save(tmp_path / "set" / f"{i}.png")
    pixels = load_dataset(str(tmp_path / "set"), store).arrays()["x"][0, :, 0, 0]
    assert np.abs(pixels - np.array([252, 210, 206])).max() <= 1
    array = np.asarray(see_through("RGBA", 240, alpha))
    np.savez(tmp_path / "t.npz", x=np.stack([array] * 20))
    data = load_dataset(str(tmp_path / "t.npz"), store)
    assert np.array_equal(data.arrays()["x"][0, :, 0, 0], pixels)
    assert data.protocol.endswith("transparency on white")


def test_opaque_pictures_are_as_they_are(store: ObjectStore, tmp_path: Path) -> None:
    alpha = np.full((6, 8), 255, np.uint8)
    (tmp_path / "set").mkdir()
    for i in range(10):
        see_through("RGBA", 240, alpha).save(tmp_path / "set" / f"{i}.png")
    data = load_dataset(str(tmp_path / "set"), store)
    assert data.arrays()["x"][0, :, 0, 0].tolist() == [240, 30, 10]
    assert "white" not in data.protocol


def test_white_is_what_the_user_says(store: ObjectStore, tmp_path: Path) -> None:
    alpha = np.where(np.arange(8) < 4, 0, 255).astype(np.uint8)[None].repeat(6, 0)
    (tmp_path / "set").mkdir()
    for i in range(10):
        see_through("LA", 60, alpha).save(tmp_path / "set" / f"{i}.png")
    pixels = first(store, str(tmp_path / "set"), pixel_range=(0, 100))
    assert pixels[0].tolist() == [255] * 4 + [153] * 4


def damaged(tmp_path: Path, *bad: str) -> str:
    for label in ("cat", "dog"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for i in range(20):
            number = np.full((6, 8), i + 100 * (label == "dog"), np.uint8)
            Image.fromarray(number).save(tmp_path / "set" / label / f"{i:02d}.png")
    for name in bad:
        (tmp_path / "set" / name).write_bytes(b"no image")
    return str(tmp_path / "set")


BAD = ("cat/00.png", "cat/05.png", "dog/19.png")
"""The last is a test example."""


def test_unreadable_images_are_left_out_and_listed(store: ObjectStore, tmp_path: Path) -> None:
    folder = damaged(tmp_path, *BAD)
    train = load_dataset(folder, store, skip_bad=3)
    test = load_dataset(folder, store, "test", skip_bad=3)
    expected = [*(i for i in range(20) if i not in (0, 5, 9, 19)), *range(100, 109),
                *range(110, 119)]  # fmt: skip
    assert train.arrays()["x"][:, 0, 0, 0].tolist() == expected
    assert train.arrays()["y"].tolist() == [int(value >= 100) for value in expected]
    assert test.arrays()["x"][:, 0, 0, 0].tolist() == [9, 19, 109]
    names = ", ".join(f"{folder}/{name}" for name in BAD)
    assert train.notes == (f"left out: 3 of 40 examples that cannot be read: {names}",)


ODD = {"cat/00.png": np.zeros((9, 8), np.uint8), "cat/03.png": np.zeros((6, 8, 3), np.uint8)}
"""One of the first that decide for all is of another size; one of the others has colours."""


def test_pictures_of_another_size_or_colour_are_left_out_too(
    store: ObjectStore, tmp_path: Path
) -> None:
    folder = damaged(tmp_path)
    for name, pixels in ODD.items():
        Image.fromarray(pixels).save(f"{folder}/{name}")
    with pytest.raises(
        UserError, match=r"00.png is 8x9, others are 8x6 \(--image-size .* and 1 more"
    ):
        load_dataset(folder, store)
    data = load_dataset(folder, store, skip_bad=2)
    assert (data.count, data.shape) == (34, (1, 6, 8))
    names = ", ".join(f"{folder}/{name}" for name in ODD)
    assert data.notes == (f"left out: 2 of 40 examples that cannot be read: {names}",)


@pytest.mark.parametrize("allowed", [0, 2])
def test_more_are_counted_all(store: ObjectStore, tmp_path: Path, allowed: int) -> None:
    with pytest.raises(UserError) as caught:
        load_dataset(damaged(tmp_path, *BAD), store, skip_bad=allowed)
    text = str(caught.value)
    assert "cat/00.png cannot be decoded as an image" in text
    assert "and 2 more of 40 examples cannot be read" in text
    assert text.endswith("or go on without by --skip-bad 3.")
    assert store.list() == []


def test_a_set_with_bad_examples_is_not_found_again_without_the_option(
    store: ObjectStore, tmp_path: Path
) -> None:
    folder = damaged(tmp_path, *BAD)
    load_dataset(folder, store, skip_bad=3)
    with pytest.raises(UserError, match="--skip-bad 3"):
        load_dataset(folder, store)


def test_nothing_can_be_read(store: ObjectStore, tmp_path: Path) -> None:
    everything = [f"{c}/{i:02d}.png" for c in ("cat", "dog") for i in range(20)]
    with pytest.raises(UserError, match=r"cat/00.png cannot be decoded"):
        load_dataset(damaged(tmp_path, *everything), store, skip_bad=40)


def test_labels_and_columns_of_unreadable_rows_are_left_out(
    store: ObjectStore, tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(damaged(tmp_path))
    images: list[Any] = [(folder / f"cat/{i:02d}.png").read_bytes() for i in range(20)]
    images[3], images[4] = b"no image", None
    table = {"image": images, "label": [i % 5 for i in range(20)], "age": list(range(20))}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    data = load_dataset(str(tmp_path / "t.parquet"), store, columns=("age",), skip_bad=2)
    kept = [i for i in range(20) if i not in (3, 4, 9, 19)]
    arrays = data.arrays()
    assert arrays["age"].tolist() == arrays["x"][:, 0, 0, 0].tolist() == kept
    assert arrays["y"].tolist() == [i % 5 for i in kept]
