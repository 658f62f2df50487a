"""Every format is read to the very pixels and classes that were written."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gensweep.data import Dataset, find_source, load_dataset
from gensweep.storage import ObjectStore, S3Store, open_store

RNG = np.random.default_rng(1)


def noise(*shape: int) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, shape, np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def save(file: Path, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A lossless image file; returns its pixels with the channels first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(png(pixels))
    return np.atleast_3d(pixels).transpose(2, 0, 1)


def both(spec: str, store: ObjectStore, **options: Any) -> tuple[Dataset, Dataset]:
    return load_dataset(spec, store, **options), load_dataset(spec, store, "test", **options)


def test_idx(store: ObjectStore, mnist: tuple[Path, dict[str, Any]]) -> None:
    folder, made = mnist
    for split, data in zip(("train", "test"), both(f"mnist={folder}", store), strict=True):
        tensors = data.tensors()
        assert np.array_equal(tensors["x"].numpy()[:, 0], made[split][0])
        assert np.array_equal(tensors["y"].numpy(), made[split][1])
        assert (data.shape, data.classes, data.count) == ((1, 6, 5), 10, len(made[split][1]))
        assert (tensors["x"].dtype, tensors["y"].dtype) == (torch.uint8, torch.int64)


def test_idx_plain_and_gzipped_are_one_data_set(
    store: ObjectStore, mnist: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    import gzip

    for file in mnist[0].iterdir():
        plain = tmp_path / "raw" / file.stem.replace("-idx", ".idx")
        plain.parent.mkdir(exist_ok=True)
        plain.write_bytes(gzip.decompress(file.read_bytes()))
    packed = load_dataset(f"mnist={mnist[0]}", store)
    assert load_dataset(f"mnist={tmp_path / 'raw'}", store).hash == packed.hash


def test_names_are_searched(
    store: ObjectStore,
    mnist: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fashion_mnist").symlink_to(mnist[0])
    assert load_dataset("fashion_mnist", store).class_names[9] == "Ankle boot"
    monkeypatch.setenv("GENSWEEP_DATA", str(mnist[0].parent))
    assert load_dataset("mnist", store).count == 50


def test_cifar_binary(store: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "c" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    parts = {}
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        x, y = noise(7, 3, 32, 32), RNG.integers(0, 10, 7).astype(np.uint8)
        parts[name] = (x, y)
        records = np.concatenate([y[:, None], x.reshape(7, -1)], 1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    train, test = both(f"cifar10={tmp_path / 'c'}", store)
    assert (train.count, test.count, train.class_names[3]) == (35, 7, "cat")
    expected = np.concatenate([parts[f"data_batch_{i}"][0] for i in range(1, 6)])
    assert np.array_equal(train.tensors()["x"].numpy(), expected)
    assert np.array_equal(test.tensors()["y"].numpy(), parts["test_batch"][1])


def test_image_folder_with_classes(store: ObjectStore, tmp_path: Path) -> None:
    made = {}
    for label in ("cats", "dogs"):
        for i in range(20):
            made[label, i] = save(tmp_path / "pets" / label / f"{i:02d}.png", noise(8, 10, 3))
    train, test = both(str(tmp_path / "pets"), store)
    assert (train.name, train.shape, train.class_names) == ("pets", (3, 8, 10), ("cats", "dogs"))
    held_out = [(label, i) for label in ("cats", "dogs") for i in (9, 19)]
    expected = np.stack([made[key] for key in held_out])
    assert np.array_equal(test.tensors()["x"].numpy(), expected)
    assert test.tensors()["y"].tolist() == [0, 0, 1, 1]
    expected = np.stack([pixels for key, pixels in made.items() if key not in held_out])
    assert np.array_equal(train.tensors()["x"].numpy(), expected)


def test_image_folder_with_splits_and_no_classes(store: ObjectStore, tmp_path: Path) -> None:
    first = save(tmp_path / "f" / "train" / "a.png", noise(8, 8))
    other = save(tmp_path / "f" / "val" / "a.png", noise(8, 8))
    train, test = both(str(tmp_path / "f"), store)
    assert (train.shape, train.classes, set(train.tensors())) == ((1, 8, 8), 0, {"x"})
    assert np.array_equal(train.tensors()["x"].numpy(), first[None])
    assert np.array_equal(test.tensors()["x"].numpy(), other[None])


def test_validation_is_left_out_where_there_is_a_test_split(
    store: ObjectStore, tmp_path: Path
) -> None:
    made = {s: save(tmp_path / "f" / s / "a.png", noise(8, 8)) for s in ("train", "val", "test")}
    for split, data in zip(("train", "test"), both(str(tmp_path / "f"), store), strict=True):
        assert np.array_equal(data.tensors()["x"].numpy(), made[split][None])
    for split in ("train", "validation", "test"):
        parquet(tmp_path / "p" / f"{split}.parquet", {"image": [png(noise(8, 8))] * len(split)})
    train, test = both(str(tmp_path / "p"), store)
    assert (train.count, test.count) == (5, 4)


def test_resize_and_crop(store: ObjectStore, tmp_path: Path) -> None:
    """A wide image keeps its middle, a tall one too, and shrinking averages."""
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = 200
    fine = np.indices((32, 16)).sum(0).astype(np.uint8) % 2 * 255
    for i in range(10):
        save(tmp_path / "m" / f"{i}.png", wide if i != 8 else np.stack([fine] * 3, -1))
    x = load_dataset(str(tmp_path / "m"), store, image_size=8).tensors()["x"]
    assert x.shape == (9, 3, 8, 8)
    assert (x[0, :, :, 1:-1].int() - 200).abs().max() < 8  # Lanczos overshoots at edges
    assert ((x[8] > 115) & (x[8] < 140)).all()


def test_grey_beside_colour_becomes_colour(store: ObjectStore, tmp_path: Path) -> None:
    for i in range(10):
        save(tmp_path / "m" / f"{i}.png", noise(8, 8) if i else noise(8, 8, 3))
    x = load_dataset(str(tmp_path / "m"), store).tensors()["x"]
    assert x.shape[1] == 3
    assert torch.equal(x[1, 0], x[1, 2])
    assert not torch.equal(x[0, 0], x[0, 2])


def test_photos_are_turned_upright(store: ObjectStore, tmp_path: Path) -> None:
    upright = noise(8, 8)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its right side
    (tmp_path / "p").mkdir()
    for i in range(10):
        Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "p" / f"{i}.png", exif=exif)
    x = load_dataset(str(tmp_path / "p"), store).tensors()["x"]
    assert np.array_equal(x[0, 0].numpy(), upright)


def parquet(file: Path, columns: dict[str, Any], names: list[str] | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if names:
        label = {"names": names, "_type": "ClassLabel"}
        info = {"info": {"features": {"label": label}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, file, row_group_size=3)


def test_parquet_of_the_hub(store: ObjectStore, tmp_path: Path) -> None:
    made = {}
    for split, count in (("train", 11), ("test", 4)):
        pixels = [noise(8, 8, 3) for _ in range(count)]
        made[split] = np.stack(pixels).transpose(0, 3, 1, 2)
        images = [{"bytes": png(p), "path": None} for p in pixels]
        parquet(
            tmp_path / "hub" / "data" / f"{split}-00000-of-00001.parquet",
            {"image": images, "label": [i % 2 for i in range(count)]},
            ["no", "yes"],
        )
    train, test = both(str(tmp_path / "hub"), store)
    assert np.array_equal(train.tensors()["x"].numpy(), made["train"])
    assert np.array_equal(test.tensors()["x"].numpy(), made["test"])
    assert train.tensors()["y"].tolist() == [i % 2 for i in range(11)]
    assert train.class_names == ("no", "yes")


def test_one_parquet_file_with_binary_and_text_labels(store: ObjectStore, tmp_path: Path) -> None:
    pixels = [noise(8, 8) for _ in range(20)]
    kinds = ["b", "a"] * 10
    file = tmp_path / "one.parquet"
    parquet(file, {"id": list(range(20)), "scan": [png(p) for p in pixels], "kind": kinds})
    train, test = both(str(file), store, label="kind")
    assert (train.name, train.class_names, train.count) == ("one", ("a", "b"), 18)
    assert np.array_equal(test.tensors()["x"].numpy()[:, 0], np.stack([pixels[9], pixels[19]]))
    assert test.tensors()["y"].tolist() == [0, 0]


def test_column_chooses(store: ObjectStore, tmp_path: Path) -> None:
    left, right = ([noise(8, 8) for _ in range(10)] for _ in range(2))
    columns = {"left": [png(p) for p in left], "right": [png(p) for p in right]}
    parquet(tmp_path / "two.parquet", columns)
    x = load_dataset(str(tmp_path / "two.parquet"), store, column="right").tensors()["x"]
    assert np.array_equal(x.numpy()[:, 0], np.stack(right[:9]))
    other = load_dataset(str(tmp_path / "two.parquet"), store, column="left")
    assert not torch.equal(other.tensors()["x"], x)


@pytest.mark.parametrize("kind", ["idx", "images", "parquet", "file"])
def test_from_s3(
    store: ObjectStore,
    mnist: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    bucket: str,
    kind: str,
) -> None:
    """The same data from a bucket and from a folder have one hash."""
    folder = tmp_path / "src" / "set"
    if kind == "idx":
        folder = mnist[0]
    elif kind == "images":
        for i in range(24):
            save(folder / "ab"[i % 2] / f"{i}.png", noise(8, 8))
    else:
        parquet(folder / "x.parquet", {"image": [png(noise(8, 8)) for _ in range(12)]})
    uri = f"s3://{bucket}/in/{folder.name}"
    remote = open_store(uri)
    for file in folder.rglob("*.*" if kind != "idx" else "*"):
        if file.is_file():
            remote.put(file.relative_to(folder).as_posix(), file.read_bytes())
    suffix = "/x.parquet" if kind == "file" else ""
    local = load_dataset(f"{folder}{suffix}", store)
    assert load_dataset(f"{uri}{suffix}", store).id == local.id


def test_finding_a_table_in_a_bucket_fetches_its_schema_alone(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet(tmp_path / "x.parquet", {"image": [png(noise(200, 200)) for _ in range(60)]})
    data = (tmp_path / "x.parquet").read_bytes()
    open_store(f"s3://{bucket}/in").put("x.parquet", data)
    fetched, get = [], S3Store.get

    def counting(self: S3Store, *args: Any) -> bytes:
        fetched.append(get(self, *args))
        return fetched[-1]

    monkeypatch.setattr(S3Store, "get", counting)
    find_source(f"s3://{bucket}/in/x.parquet")
    assert 0 < sum(map(len, fetched)) <= 2**20 < len(data)


def test_digits() -> None:
    from sklearn.datasets import load_digits

    store = open_store("digits-store")
    train, test = both("digits", store)
    x, y = (torch.cat([d.tensors()[k] for d in (train, test)]) for k in ("x", "y"))
    assert (len(x), int(x.max()), train.levels) == (1797, 16, 16)
    bunch = load_digits()
    assert sorted(x.flatten(1).tolist()) == sorted(bunch.data.astype(int).tolist())
    counts = torch.bincount(y, minlength=10)
    held = torch.bincount(test.tensors()["y"], minlength=10)
    assert torch.equal(held, counts // 5)
    assert train.images(torch.arange(train.count)).unique().tolist() == [
        v / 8 - 1 for v in range(17)
    ]


@pytest.mark.parametrize(
    ("name", "count", "std", "radius"), [("ring8", 8, 0.01, 1.0), ("grid25", 25, 0.05, 32**0.5)]
)
def test_mixtures(store: ObjectStore, name: str, count: int, std: float, radius: float) -> None:
    """The sample's moments are those of PacGAN's mixture, to four standard errors."""
    train, test = both(name, store)
    x, modes = train.tensors()["x"], train.modes
    assert modes is not None
    assert (train.count, test.count, train.classes, train.mode_std) == (100_000, 20_000, 0, std)
    assert (x.dtype, x.shape[1:], train.shape) == (torch.float32, (2,), (2,))
    assert len(modes) == count
    assert modes.norm(dim=1).max().item() == pytest.approx(radius)
    nearest = torch.cdist(x.double(), modes.double()).argmin(1)
    share = torch.bincount(nearest, minlength=count) / len(x)
    assert (share - 1 / count).abs().max() < 4 * (1 / count / len(x)) ** 0.5
    residual = x.double() - modes.double()[nearest]
    assert residual.std().item() == pytest.approx(std, rel=4 / (2 * 2 * len(x)) ** 0.5)
    assert residual.mean(0).abs().max() < 4 * std / len(x) ** 0.5
    assert not torch.equal(x[:100], test.tensors()["x"][:100])


def test_sources_tell_their_shape_without_a_store(mnist: tuple[Path, dict[str, Any]]) -> None:
    meta = find_source(f"mnist={mnist[0]}").meta()
    assert (meta.shape, meta.classes) == ((1, 6, 5), 10)
