"""Images and classes of Parquet are read whatever Arrow type they have."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from gensweep.data import Dataset, load_dataset
from gensweep.storage import ObjectStore

COUNT = 20
PIXELS = np.random.default_rng(6).integers(0, 256, (COUNT, 8, 8), np.uint8)
TRAIN = np.arange(COUNT) % 10 != 9


def encoded(pixels: NDArray[np.uint8], form: str = "png") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


FILES = [encoded(one) for one in PIXELS]
BITMAPS = [encoded(one, "bmp") for one in PIXELS]
"""All of one length."""


def read(store: ObjectStore, tmp_path: Path, columns: dict[str, Any], **options: Any) -> Dataset:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return load_dataset(str(tmp_path / "t.parquet"), store, **options)


def tensor() -> Any:
    kind = pa.fixed_shape_tensor(pa.uint8(), (8, 8))
    flat = pa.FixedSizeListArray.from_arrays(pa.array(PIXELS.reshape(-1)), 64)
    return pa.ExtensionArray.from_storage(kind, flat)


def of_shape(*shape: int) -> list[Any]:
    return list(PIXELS.reshape(COUNT, *shape).tolist())


IMAGES: dict[str, Any] = {
    "large binary": pa.array(FILES, pa.large_binary()),
    "binary view": pa.array(FILES, pa.binary_view()),
    "fixed size": pa.array(BITMAPS, pa.binary(len(BITMAPS[0]))),
    "dictionary": pa.array(FILES, pa.binary()).dictionary_encode(),
    "list": [[one, FILES[0]] for one in FILES],
    "list of records": [[{"bytes": one, "path": "x"}] for one in FILES],
    "bytes": of_shape(8, 8),
    "16 bits": pa.array((PIXELS.astype(np.uint16) * 257).tolist(), pa.list_(pa.list_(pa.uint16()))),
    "channels last": of_shape(8, 8, 1),
    "channels first": of_shape(1, 8, 8),
    "tensor": tensor(),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images(store: ObjectStore, tmp_path: Path, kind: str) -> None:
    data = read(store, tmp_path, {"image": IMAGES[kind], "label": [1] * COUNT})
    assert np.array_equal(data.arrays()["x"][:, 0], PIXELS[TRAIN])
    assert data.notes[0].startswith("image 0 of each list in") == kind.startswith("list")


def test_colours_in_arrays(store: ObjectStore, tmp_path: Path) -> None:
    colours = np.random.default_rng(7).integers(0, 256, (COUNT, 3, 8, 9), np.uint8)
    for name, axes in (("first", (0, 1, 2, 3)), ("last", (0, 2, 3, 1))):
        data = read(store, tmp_path, {name: colours.transpose(axes).tolist()})
        assert np.array_equal(data.arrays()["x"], colours[TRAIN])


def test_floats_by_the_range_that_is_told(store: ObjectStore, tmp_path: Path) -> None:
    floats = (PIXELS / 127.5 - 1).tolist()
    data = read(store, tmp_path, {"image": floats}, pixel_range=(-1, 1))
    assert np.array_equal(data.arrays()["x"][:, 0], PIXELS[TRAIN])
    assert "pixels of -1 to 1" in data.protocol


def test_another_image_of_each_list_is_chosen(store: ObjectStore, tmp_path: Path) -> None:
    pairs = [[FILES[0], one] for one in FILES]
    data = read(store, tmp_path, {"views": pairs}, column="views[1]")
    assert np.array_equal(data.arrays()["x"][:, 0], PIXELS[TRAIN])
    assert data.notes == ("image 1 of each list in column 'views'",)


@pytest.mark.parametrize("folder", ["", "images/"])
def test_paths_in_the_place_of_bytes(store: ObjectStore, tmp_path: Path, folder: str) -> None:
    """As the hub writes data sets whose images lie beside the table."""
    (tmp_path / "set" / "data" / folder).mkdir(parents=True)
    for i, one in enumerate(FILES):
        (tmp_path / "set" / "data" / folder / f"{i}.png").write_bytes(one)
    rows = [{"bytes": None, "path": f"{folder}{i}.png"} for i in range(COUNT)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(rows, kind)}), tmp_path / "set/data/t.parquet")
    data = load_dataset(str(tmp_path / "set"), store)
    assert np.array_equal(data.arrays()["x"][:, 0], PIXELS[TRAIN])
    assert data.notes == ("images of column 'image'",)
    alone = load_dataset(str(tmp_path / "set/data/t.parquet"), store)
    assert alone.hash == data.hash


NUMBERS = [i % 3 for i in range(COUNT)]
LABELS: dict[str, Any] = {
    "floats": [float(n) for n in NUMBERS],
    "lists of one": [[n] for n in NUMBERS],
    "small": pa.array(NUMBERS, pa.int8()),
    "dictionary": pa.array(NUMBERS).dictionary_encode(),
}
TEXTS: dict[str, Any] = {
    "bytes": [b"cab"[n : n + 1] for n in NUMBERS],
    "lists of one": [["cab"[n]] for n in NUMBERS],
    "large": pa.array(["cab"[n] for n in NUMBERS], pa.large_string()),
    "view": pa.array(["cab"[n] for n in NUMBERS], pa.string_view()),
    "dictionary": pa.array(["cab"[n] for n in NUMBERS]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", LABELS)
def test_numbers_of_classes(store: ObjectStore, tmp_path: Path, kind: str) -> None:
    data = read(store, tmp_path, {"image": FILES, "Label": LABELS[kind]})
    assert data.class_names == ("0", "1", "2")
    assert data.arrays()["y"].tolist() == np.array(NUMBERS)[TRAIN].tolist()
    told = "images of column 'image', classes of 'Label'"
    assert data.notes == (told, "test has no example of 2")


@pytest.mark.parametrize("kind", TEXTS)
def test_names_of_classes(store: ObjectStore, tmp_path: Path, kind: str) -> None:
    data = read(store, tmp_path, {"image": FILES, "CLASS": TEXTS[kind]})
    assert data.class_names == ("a", "b", "c")
    assert data.arrays()["y"].tolist() == [(2, 0, 1)[n] for n in np.array(NUMBERS)[TRAIN]]


@pytest.mark.parametrize("none", [None, -1, float("nan")])
def test_rows_without_a_class(store: ObjectStore, tmp_path: Path, none: Any) -> None:
    labels = [0, none, *[i % 2 for i in range(COUNT - 2)]]
    data = read(store, tmp_path, {"image": FILES, "label": labels})
    assert data.class_names == ("0", "1", "no class")
    assert data.arrays()["y"].tolist()[:4] == [0, 2, 0, 1]
    assert data.count == 18


@pytest.mark.parametrize("none", [None, -1])
def test_a_column_of_no_classes_is_none(store: ObjectStore, tmp_path: Path, none: Any) -> None:
    data = read(store, tmp_path, {"image": FILES, "label": [none] * COUNT})
    assert (data.classes, set(data.arrays())) == (0, {"x"})


NO_CLASSES: dict[str, tuple[list[Any], str]] = {
    "lists": ([[1, 2]] * COUNT, "a list of 2"),
    "lists, some of one": ([[1]] * 9 + [[1, 2]] * (COUNT - 9), "a list of 2"),
    "records": ([{"a": 1}] * COUNT, "a record of a"),
    "dates": ([date(2020, 1, 1)] * COUNT, "the date 2020-01-01"),
}


@pytest.mark.parametrize("kind", NO_CLASSES)
def test_a_column_that_is_called_like_classes_and_has_none_is_passed_over(
    store: ObjectStore, tmp_path: Path, kind: str
) -> None:
    values, told = NO_CLASSES[kind]
    table = {"image": FILES, "label": values, "kind": NUMBERS}
    data = read(store, tmp_path, table)
    assert (data.classes, set(data.arrays())) == (0, {"x"})
    assert data.notes[1] == f"column 'label' has {told}: no classes"
    assert read(store, tmp_path, {**table, "class": NUMBERS}).class_names == ("0", "1", "2")
    assert read(store, tmp_path, table, label="kind").class_names == ("0", "1", "2")


def test_a_user_says_that_there_are_no_classes(store: ObjectStore, tmp_path: Path) -> None:
    data = read(store, tmp_path, {"image": FILES, "label": NUMBERS}, label="none")
    assert (data.classes, set(data.arrays()), len(data.notes)) == (0, {"x"}, 1)
    assert data.protocol.endswith("without classes")


@pytest.mark.parametrize(
    ("folders", "names", "label"),
    [
        (["label=cat", "label=dog"], ("cat", "dog"), None),
        (["Label=2", "Label=10"], tuple(map(str, range(11))), None),
        (
            ["label=tabby%20cat", "label=__HIVE_DEFAULT_PARTITION__"],
            ("tabby cat", "no class"),
            None,
        ),
        (["train/label=0", "train/label=1", "test/label=0", "test/label=1"], ("0", "1"), None),
        (["kind=cat", "kind=dog"], ("cat", "dog"), "kind"),
        (["kind=cat", "kind=dog"], (), None),
        (["label=cat", "label=dog"], (), "none"),
    ],
)
@pytest.mark.parametrize("points", [False, True])
def test_folders_of_parquet_state_classes(
    store: ObjectStore, tmp_path: Path, folders: list[str], names: tuple[str, ...],
    label: str | None, points: bool,
) -> None:  # fmt: skip
    """As Hive and Spark write them."""
    for folder in folders:
        (tmp_path / "set" / folder).mkdir(parents=True)
        table = {"a": NUMBERS, "b": NUMBERS[::-1]} if points else {"image": FILES}
        pq.write_table(pa.table(table), tmp_path / "set" / folder / "part-0.parquet")
    train = load_dataset(str(tmp_path / "set"), store, label=label)
    assert train.class_names == names
    assert train.shape == ((2,) if points else (1, 8, 8))
    halves = [count for count in train.class_counts if count]
    assert len(halves) == len(names and folders[:2])


def splits(folder: Path, hidden: list[Any]) -> str:
    folder.mkdir()
    for name, labels in (("train", NUMBERS), ("test", hidden)):
        table = {"image": FILES, "label": pa.array(labels, pa.int64())}
        pq.write_table(pa.table(table), folder / f"{name}-00000-of-00001.parquet")
    return str(folder)


@pytest.mark.parametrize("none", [None, -1])
def test_a_test_split_of_hidden_labels_is_left_out(
    store: ObjectStore, tmp_path: Path, none: Any
) -> None:
    folder = splits(tmp_path / "set", [none] * COUNT)
    train, test = (load_dataset(folder, store, split) for split in ("train", "test"))
    assert (train.count, test.count, train.classes) == (18, 2, 3)
    assert "every tenth row" in train.protocol
    assert train.notes[1] == "left out: 20 test row(s) without a class"


def test_validation_is_the_test_split_where_that_is_hidden(
    store: ObjectStore, tmp_path: Path
) -> None:
    """As the hub's ImageNet has it."""
    folder = splits(tmp_path / "set", [-1] * COUNT)
    table = {"image": FILES[:7], "label": NUMBERS[:7]}
    pq.write_table(pa.table(table), f"{folder}/validation-00000-of-00001.parquet")
    train, test = (load_dataset(folder, store, split) for split in ("train", "test"))
    assert (train.count, test.count, train.classes) == (20, 7, 3)
    assert np.array_equal(test.arrays()["x"][:, 0], PIXELS[:7])
    assert train.notes[1:] == ("left out: 20 test row(s) without a class",)


def test_test_rows_of_hidden_labels_are_left_out(store: ObjectStore, tmp_path: Path) -> None:
    folder = splits(tmp_path / "set", [*NUMBERS[:5], *[-1] * (COUNT - 5)])
    train, test = (load_dataset(folder, store, split) for split in ("train", "test"))
    assert (train.count, test.count, train.classes) == (20, 5, 3)
    assert np.array_equal(test.arrays()["x"][:, 0], PIXELS[:5])
    assert train.notes[1] == "left out: 15 test row(s) without a class"


def test_few_rows_are_split_by_seed(store: ObjectStore, tmp_path: Path) -> None:
    data = read(store, tmp_path, {"image": FILES[:5]})
    assert (data.count, load_dataset(data.id, store, "test").count) == (4, 1)


def test_files_beside_splits(store: ObjectStore, tmp_path: Path) -> None:
    folder = splits(tmp_path / "set", NUMBERS)
    pq.write_table(pa.table({"image": FILES, "label": NUMBERS}), f"{folder}/unsupervised.parquet")
    (tmp_path / "set" / "README.md").write_text("x")
    data = load_dataset(folder, store)
    assert data.count == COUNT
    assert data.notes[1] == "left out: 1 .md file(s); 1 file(s) beside the splits"
