"""Bad data: one line each, with the value and the cure, and nothing left in the store."""

import gzip
import io
import pickle
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gensweep.data import find_source, load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore, open_store

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"


def refused(store: ObjectStore, spec: str, *words: str, **options: Any) -> None:
    """Loading `spec` fails with one line that has all `words`; the store stays empty."""
    with pytest.raises(UserError) as caught:
        load_dataset(spec, store, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert ": " in text
    for word in words:
        assert word in text, text
    assert store.list() == []


def image(mode: str = "L", size: tuple[int, int] = (8, 8), form: str = "png") -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 99).convert(mode).save(out, form)
    return out.getvalue()


def folder_of(tmp_path: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return str(tmp_path / "set")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("mnits", ("'mnits'", "cifar10, digits, fashion_mnist, grid25, mnist, ring8")),
        ("mnist-0123456789abcdef", ("'mnist-0123456789abcdef'", "not in file://", "source first")),
        ("", ("unknown data set ''", "mnist")),
        ("mnist", ("'mnist'", "GENSWEEP_DATA", "mnist=/folder")),
        ("mnist=", ("'mnist='", "mnist=/data/mnist")),
        ("=x", ("'=x'", "mnist=/data/mnist")),
        ("a b=/x", ("'a b=/x'", "mnist=/data/mnist")),
        ("./none", ("'./none'", "does not exist")),
        ("mnist=/none/mnist", ("'/none/mnist'", "does not exist")),
        ("file:///none", ("file:///none", "does not exist")),
    ],
)
def test_spec(store: ObjectStore, spec: str, words: tuple[str, ...]) -> None:
    refused(store, spec, *words)


def test_split(store: ObjectStore) -> None:
    refused(store, "digits", "'validation'", "train, test", split="validation")


def test_options_that_do_not_apply(store: ObjectStore, mnist: tuple[Path, Any]) -> None:
    refused(store, "digits", "'digits'", "drop", image_size=8)
    refused(store, f"mnist={mnist[0]}", "'mnist'", "drop --image-size", image_size=32)
    refused(store, f"mnist={mnist[0]}", "no Parquet", "drop", column="image")


def test_empty_folder(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    refused(store, str(tmp_path / "set"), str(tmp_path / "set"), "holds no files")


def test_folder_of_something_else(store: ObjectStore, tmp_path: Path) -> None:
    refused(store, folder_of(tmp_path, {"notes.txt": b"hello"}), "notes.txt", "no images")


def cut(data: bytes) -> bytes:
    return data[:-7]


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        (TRAIN_IMAGES, lambda d: b"\x00\x00\x09\x03" + d[4:], ("0x00000903", "0x00000803")),
        (TRAIN_LABELS, lambda d: struct.pack(">I", 0x803) + d[4:], ("0x00000803", "0x00000801")),
        (TRAIN_IMAGES, cut, ("1509 bytes instead of 1516", "fetch it again")),
        (TRAIN_LABELS, cut, ("51 bytes instead of 58", "fetch it again")),
        (TRAIN_LABELS, lambda d: d + b"\0", ("59 bytes instead of 58",)),
        (TRAIN_IMAGES, lambda d: d[:9], ("cut off in its header",)),
        (TRAIN_IMAGES, lambda d: b"", ("cut off in its header",)),
        (
            TRAIN_LABELS,
            lambda d: struct.pack(">II", 0x801, 49) + d[9:],
            ("50 images", "49 labels", "one source"),
        ),
        (TRAIN_LABELS, lambda d: d[:-1] + b"\x0b", ("label 11", "10 classes")),
        (
            "t10k-images-idx3-ubyte.gz",
            lambda d: struct.pack(">4I", 0x803, 20, 5, 6) + d[16:],
            ("(1, 6, 5)", "(1, 5, 6)", "one data set"),
        ),
    ],
)
def test_damaged_idx(
    store: ObjectStore,
    mnist: tuple[Path, Any],
    file: str,
    damage: Callable[[bytes], bytes],
    words: tuple[str, ...],
) -> None:
    path = mnist[0] / file
    path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    refused(store, f"mnist={mnist[0]}", str(mnist[0]), *words)


@pytest.mark.parametrize("damage", [cut, lambda d: d[:40] + b"xxxx" + d[44:], lambda d: b"no"])
def test_damaged_gzip(
    store: ObjectStore, mnist: tuple[Path, Any], damage: Callable[[bytes], bytes]
) -> None:
    path = mnist[0] / TRAIN_IMAGES
    path.write_bytes(damage(path.read_bytes()))
    refused(store, f"mnist={mnist[0]}", str(path), "no whole gzip file")


def test_missing_idx(store: ObjectStore, mnist: tuple[Path, Any]) -> None:
    (mnist[0] / TRAIN_LABELS).unlink()
    refused(store, f"mnist={mnist[0]}", "train-labels-idx1-ubyte", "all four")


def cifar(**changed: bytes) -> dict[str, bytes]:
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    return {f"{n}.bin": changed.get(n, bytes(3073)) for n in names if changed.get(n) != b"gone"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data_batch_2": bytes(3072)}, ("data_batch_2.bin", "3072 bytes", "3073")),
        ({"test_batch": b""}, ("test_batch.bin", "0 bytes")),
        ({"data_batch_5": b"gone"}, ("no data_batch_5.bin", "all six")),
        ({"test_batch": b"\x0a" + bytes(3072)}, ("test_batch.bin", "label 10")),
    ],
)
def test_damaged_cifar(
    store: ObjectStore, tmp_path: Path, changed: dict[str, bytes], words: tuple[str, ...]
) -> None:
    refused(store, f"cifar10={folder_of(tmp_path, cifar(**changed))}", *words)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


def test_pickled_cifar_is_not_opened(store: ObjectStore, tmp_path: Path) -> None:
    data = pickle.dumps(Bomb())
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]
    folder = folder_of(tmp_path, {f"cifar-10-batches-py/{n}": data for n in names})
    refused(store, f"cifar10={folder}", "pickled", "data_batch_1.bin", "Parquet")
    assert not Path("exploded").exists()


def pngs(count: int = 12, **special: bytes) -> dict[str, bytes]:
    files = {f"{i:02d}": image() for i in range(count)} | {
        k.strip("_"): v for k, v in special.items()
    }
    return {f"{name}.png": data for name, data in files.items()}


@pytest.mark.parametrize(
    ("special", "words"),
    [
        ({"_03": image(size=(9, 8))}, ("03.png is 9x8", "8x8", "--image-size")),
        ({"_03": image()[:70]}, ("03.png", "cannot be decoded", "remove it")),
        ({"_03": b"hello"}, ("03.png", "cannot be decoded")),
        ({"_03": b""}, ("03.png", "cannot be decoded")),
        ({"_03": image("F", form="tiff")}, ("03.png", "what is black", "--pixel-range")),
        ({"_03": b"hello", "_05": b""}, ("03.png", "and 1 more of 12", "--skip-bad 2")),
        ({"_00": image(size=(2000, 3))}, ("2000x3", "--image-size")),
    ],
)
def test_damaged_images(
    store: ObjectStore, tmp_path: Path, special: dict[str, bytes], words: tuple[str, ...]
) -> None:
    refused(store, folder_of(tmp_path, pngs(**special)), *words)


def test_late_colour_in_a_grey_folder(store: ObjectStore, tmp_path: Path) -> None:
    """Sixteen of forty are looked at first; this one is not among them."""
    folder = folder_of(tmp_path, pngs(40, _39=image("RGB")))
    refused(store, folder, "39.png has colours", "all RGB")


@pytest.mark.parametrize("size", [0, -1, 3, 1025])
def test_image_size(store: ObjectStore, tmp_path: Path, size: int) -> None:
    refused(store, folder_of(tmp_path, pngs()), str(size), "choose 4 to 1024", image_size=size)


def test_too_few_images(store: ObjectStore, tmp_path: Path) -> None:
    refused(store, folder_of(tmp_path, pngs(1)), "no train examples", "train and test folders")


def test_images_beside_class_folders(store: ObjectStore, tmp_path: Path) -> None:
    files = {"a.png": image(), "cats/b.png": image()}
    refused(store, folder_of(tmp_path, files), "beside", "class folders")


def parquet(tmp_path: Path, columns: dict[str, Any]) -> str:
    pq.write_table(pa.table(columns), tmp_path / "some.parquet")
    return str(tmp_path / "some.parquet")


IMAGES = [image() for _ in range(12)]


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"img": IMAGES, "n": [1] * 12}, {"column": "image"}, ("'image'", "img, n")),
        ({"img": IMAGES, "n": [1] * 12}, {"label": "label"}, ("'label'", "img, n")),
        ({"a": [1] * 12, "b": ["x"] * 12}, {}, ("column 'b'", "string such as 'x'", "--column")),
        ({"a": ["y"] * 12, "b": ["x"] * 12}, {}, ("0 columns", "a, b", "--column")),
        ({"a": IMAGES, "b": IMAGES}, {}, ("2 columns", "a, b", "--column")),
        ({"img": [*IMAGES[:7], b"no", *IMAGES[8:]]}, {}, ("row 7 of", "cannot be decoded")),
        ({"img": [{"bytes": None, "path": "no.png"}] * 12}, {}, ("row 0 of", "names 'no.png'")),
        ({"img": [*IMAGES[:7], None, *IMAGES[8:]]}, {}, ("row 7 of", "no image bytes")),
        ({"img": IMAGES, "n": ["x"] * 12}, {"column": "n"}, ("row 0 of", "names 'x', which is no")),
        ({"img": IMAGES, "label": [-2] * 12}, {}, ("'label'", "negative -2", "--label")),
        ({"img": IMAGES, "n": [None] * 12}, {"label": "n"}, ("'n'", "no classes", "--label")),
        ({"img": IMAGES, "n": [[1, 2]] * 12}, {"label": "n"}, ("row 0", "list of 2", "--label")),
        ({"img": IMAGES, "n": [{"a": 1}] * 12}, {"label": "n"}, ("a record of a", "--label none")),
        ({"img": IMAGES, "Label": [1] * 12, "LABEL": [2] * 12}, {}, ("Label and LABEL", "--label")),
        ({"img": [[[1, 2], [3]]] * 12}, {}, ("row 0", "pixels that differ in length")),
        ({"img": [[[0.5] * 8] * 8] * 12}, {}, ("row 0", "--pixel-range")),
        ({"img": [[[256] * 8] * 8] * 12}, {}, ("row 0", "256", "--pixel-range")),
        ({"img": [[IMAGES[0]]] * 12}, {"column": "img[1]"}, ("row 0", "no image bytes in 'img'")),
        ({"img": IMAGES, "label": [0.5] * 12}, {}, ("'label'", "fractional")),
        ({"img": IMAGES, "label": [5_000_000] * 12}, {}, ("'label'", "5000000", "--label")),
        ({"img": pa.array([], pa.binary())}, {}, ("no rows",)),
    ],
)
def test_bad_parquet(
    store: ObjectStore,
    tmp_path: Path,
    columns: dict[str, Any],
    options: dict[str, str],
    words: tuple[str, ...],
) -> None:
    refused(store, parquet(tmp_path, columns), "some.parquet", *words, **options)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"img": IMAGES}, ("b.parquet", "no column 'label'")),
        ({"label": [1] * 12}, ("b.parquet", "no column 'img'")),
        ({"img": IMAGES, "label": ["cat"] * 12}, ("'label'", "text such as 'cat'")),
    ],
)
def test_parquet_files_that_differ(
    store: ObjectStore, tmp_path: Path, second: dict[str, Any], words: tuple[str, ...]
) -> None:
    for name, columns in (("a", {"img": IMAGES, "label": [1] * 12}), ("b", second)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    refused(store, str(tmp_path), *words)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("train", "other"), ("train.parquet as a split", "other.parquet")),
        (("test", "val"), ("test.parquet as a split", "val.parquet")),
        (("en/train", "en/test", "de/train", "de/test"), ("de and en", "name one")),
    ],
)
def test_parquet_files_of_two_readings(
    store: ObjectStore, tmp_path: Path, names: tuple[str, ...], words: tuple[str, ...]
) -> None:
    for name in names:
        file = tmp_path / f"{name}.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"img": IMAGES}), file)
    refused(store, str(tmp_path), "can be read in two ways", *words)


@pytest.mark.parametrize("damage", [lambda d: d[:-30], lambda d: b"PAR1", lambda d: d[100:]])
def test_damaged_parquet(
    store: ObjectStore, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = Path(parquet(tmp_path, {"img": IMAGES}))
    file.write_bytes(damage(file.read_bytes()))
    refused(store, str(file), "some.parquet", "fetch it again")


def test_parquet_damaged_inside(store: ObjectStore, tmp_path: Path) -> None:
    file = Path(parquet(tmp_path, {"img": IMAGES}))
    data = file.read_bytes()
    file.write_bytes(data[:4] + b"\xff" * 60 + data[64:])
    refused(store, str(file), "some.parquet")


def test_empty_prefix(store: ObjectStore, bucket: str) -> None:
    refused(store, f"mnist=s3://{bucket}/none", f"s3://{bucket}/none", "no files")
    refused(store, f"s3://{bucket}/none/x.parquet", "x.parquet", "no files")


def test_bucket_of_the_data_does_not_exist(store: ObjectStore, bucket: str) -> None:
    refused(store, f"s3://{bucket}-not/x", f"{bucket}-not", "does not exist")


def test_server_of_the_data_does_not_answer(
    store: ObjectStore, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{probe.getsockname()[1]}")
    began = time.monotonic()
    refused(store, f"s3://{bucket}/x", "AWS_ENDPOINT_URL")
    assert time.monotonic() - began < 30


def test_damaged_store_without_the_source(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "own"))
    data = load_dataset("ring8", store)
    for key in store.list(f"datasets/{data.id}/train"):
        store.put(key, store.get(key)[:-1])
    with pytest.raises(UserError, match=f"{data.id}.* is damaged .*: load it from its source"):
        load_dataset(data.id, store, cache=tmp_path / "other")


def test_nothing_is_opened_by_finding() -> None:
    with pytest.raises(UserError, match="unknown data set 'celeba'"):
        find_source("celeba")
