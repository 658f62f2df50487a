"""Tables and arrays: points that are standardised with the numbers kept, or images as pixels."""

import gzip
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from gensweep.data import Dataset, load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore

ROWS = 40
POINTS = np.random.default_rng(4).normal(5, 3, (ROWS, 3))
KINDS = np.arange(ROWS) % 3
PIXELS = np.random.default_rng(4).integers(0, 256, (ROWS, 8, 8), np.uint8)


def written(folder: Path, files: dict[str, Any]) -> str:
    """A folder of `.npy`, `.npz`, CSV and Parquet files."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".npy"):
            np.save(file, content)
        elif name.endswith(".npz"):
            np.savez(file, **content)
        elif name.endswith(".parquet"):
            pq.write_table(pa.table(content), file)
        else:
            file.write_bytes(content)
    return str(folder / name if len(files) == 1 else folder)


def csv(points: NDArray[Any], heading: str = "", separator: str = ",") -> bytes:
    out = io.StringIO()
    np.savetxt(out, points, "%.17g", separator, header=heading, comments="")
    return out.getvalue().encode()


def both(spec: str, store: ObjectStore, **options: Any) -> tuple[Dataset, Dataset]:
    return load_dataset(spec, store, **options), load_dataset(spec, store, "test", **options)


def in_own_units(data: Dataset) -> NDArray[np.float64]:
    mean, std = np.array(data.mean), np.array(data.std)
    points: NDArray[np.float64] = data.arrays()["x"] * std + mean
    return points


COLUMNS = dict(zip("abc", POINTS.T, strict=True))
FORMS: dict[str, tuple[str, Any]] = {
    "npy": ("t.npy", POINTS),
    "npz": ("t.npz", {"data": POINTS}),
    "csv": ("t.csv", csv(POINTS, "a,b,c")),
    "bare csv": ("t.csv", csv(POINTS)),
    "semicolons": ("t.csv", csv(POINTS, "a;b;c", ";")),
    "spaces": ("t.csv", csv(POINTS, "", " ")),
    "runs of spaces": ("t.csv", b" " + csv(POINTS, "", "   ").replace(b"\n", b" \n  ")),
    "headed runs of spaces": ("t.csv", csv(POINTS, " a  b   c", "  ")),
    "tsv": ("t.tsv", csv(POINTS, "a\tb\tc", "\t")),
    "gzipped": ("t.csv.gz", gzip.compress(csv(POINTS, "a,b,c"))),
    "parquet": ("t.parquet", COLUMNS),
    "list column": ("t.parquet", {"v": list(POINTS)}),
    "fixed lists": ("t.parquet", {"v": pa.array(POINTS.tolist(), pa.list_(pa.float64(), 3))}),
    "pandas' index": ("t.csv", csv(np.c_[np.arange(ROWS), POINTS], ",a,b,c")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_points(store: ObjectStore, tmp_path: Path, form: str) -> None:
    name, content = FORMS[form]
    train, test = both(written(tmp_path / "set", {name: content}), store)
    assert (train.count, test.count, train.shape, train.levels) == (36, 4, (3,), 0)
    assert train.hash == load_dataset(written(tmp_path / "o", {"t.npy": POINTS}), store).hash
    x = train.arrays()["x"]
    assert x.dtype == np.float32
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(0), 1, atol=1e-6)
    found = np.concatenate([in_own_units(train), in_own_units(test)])
    np.testing.assert_allclose(found[found[:, 0].argsort()], POINTS[POINTS[:, 0].argsort()],
                               rtol=1e-5)  # fmt: skip


def test_units_are_part_of_what_a_data_set_is(store: ObjectStore, tmp_path: Path) -> None:
    first, second = (load_dataset(written(tmp_path / n, {"t.npy": p}), store)
                     for n, p in (("a", POINTS), ("b", POINTS * 2)))  # fmt: skip
    np.testing.assert_allclose(first.arrays()["x"], second.arrays()["x"], rtol=1e-5)
    assert first.hash != second.hash
    np.testing.assert_allclose(in_own_units(load_dataset(second.id, store)),
                               2 * in_own_units(first), rtol=1e-5)  # fmt: skip


SPLIT: dict[str, dict[str, Any]] = {
    "csv": {"train.csv": csv(POINTS[:30], "a,b,c"), "test.csv": csv(POINTS[30:], "a,b,c")},
    "named": {"m_train.csv": csv(POINTS[:30], "a,b,c"), "m_test.csv": csv(POINTS[30:], "a,b,c")},
    "npy": {"train.npy": POINTS[:30], "test.npy": POINTS[30:]},
    "npz": {"t.npz": {"x_train": POINTS[:30], "x_test": POINTS[30:]}},
    "folders": {"train/x.npy": POINTS[:30], "test/x.npy": POINTS[30:]},
    "validation": {"t.npz": {"train": POINTS[:30], "val": POINTS[:3], "test": POINTS[30:]}},
}


@pytest.mark.parametrize("form", SPLIT)
def test_files_tell_the_split(store: ObjectStore, tmp_path: Path, form: str) -> None:
    train, test = both(written(tmp_path / "set", SPLIT[form]), store)
    np.testing.assert_allclose(in_own_units(train), POINTS[:30], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(in_own_units(test), POINTS[30:], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(train.mean, POINTS[:30].mean(0))


LABELLED: dict[str, dict[str, Any]] = {
    "csv": {"t.csv": csv(np.c_[POINTS, KINDS], "a,b,c,Label")},
    "parquet": {"t.parquet": {**COLUMNS, "class": KINDS}},
    "npz": {"t.npz": {"X": POINTS, "y": KINDS}},
    "npy": {"x.npy": POINTS, "labels.npy": KINDS[:, None]},
}


@pytest.mark.parametrize("form", LABELLED)
def test_classes(store: ObjectStore, tmp_path: Path, form: str) -> None:
    train, test = both(written(tmp_path / "set", LABELLED[form]), store)
    assert (train.shape, train.class_names) == ((3,), ("0", "1", "2"))
    kind_of = {round(float(point[0]), 3): kind for point, kind in zip(POINTS, KINDS, strict=True)}
    for data in (train, test):
        points = in_own_units(data)
        assert data.arrays()["y"].tolist() == [kind_of[round(float(p[0]), 3)] for p in points]


def test_a_test_table_without_classes_is_left_out(store: ObjectStore, tmp_path: Path) -> None:
    files = {
        "train.csv": csv(np.c_[POINTS, KINDS], "a,b,c,label"),
        "test.csv": csv(POINTS, "a,b,c"),
    }
    train, test = both(written(tmp_path / "set", files), store)
    assert (train.count, test.count, train.classes) == (36, 4, 3)
    assert train.notes[1] == "left out: 40 test row(s) without a class"
    arrays = {"x_train": POINTS, "y_train": KINDS, "x_test": POINTS}
    train, test = both(written(tmp_path / "arrays", {"t.npz": arrays}), store)
    assert (train.count, test.count, train.classes) == (36, 4, 3)


def test_columns_of_numbers_that_are_called_like_classes(
    store: ObjectStore, tmp_path: Path
) -> None:
    """A point's y is a coordinate, and a target with fractions is a number."""
    whole = np.round(POINTS)
    data = load_dataset(written(tmp_path / "a", {"t.csv": csv(whole, "x,y,z")}), store)
    assert (data.shape, data.classes) == ((3,), 0)
    data = load_dataset(written(tmp_path / "b", {"t.csv": csv(POINTS, "a,b,target")}), store)
    assert (data.shape, data.classes, data.notes) == ((3,), 0, ("numbers of a, b, target",))
    arrays = {"x": POINTS, "y": POINTS[:, 0]}
    data = load_dataset(written(tmp_path / "c", {"t.npz": arrays}), store)
    assert (data.shape, data.classes, data.notes) == ((3,), 0, ("arrays x, and not y",))
    pairs = {**COLUMNS, "label": POINTS[:, :2].tolist()}
    data = load_dataset(written(tmp_path / "d", {"t.parquet": pairs}), store)
    assert (data.shape, data.classes) == ((5,), 0)


def test_whole_numbers_that_hardly_repeat_are_no_classes_unasked(
    store: ObjectStore, tmp_path: Path
) -> None:
    """As the target of a regression."""
    target = np.r_[np.arange(ROWS - 10), np.arange(10)]
    spec = written(tmp_path / "set", {"t.csv": csv(np.c_[POINTS, target], "a,b,c,target")})
    with pytest.raises(UserError, match=r"'target' of .*t has 30 values, 20 of them in one row "):
        load_dataset(spec, store)
    assert load_dataset(spec, store, label="target").classes == 30
    data = load_dataset(spec, store, column="a,b,c,target")
    assert (data.shape, data.classes) == ((4,), 0)


def test_decimal_numbers_are_classes_too(store: ObjectStore, tmp_path: Path) -> None:
    kinds = pa.array([Decimal(int(kind)) for kind in KINDS], pa.decimal128(4, 1))
    data = load_dataset(written(tmp_path / "a", {"t.parquet": {**COLUMNS, "label": kinds}}), store)
    assert (data.shape, data.class_names) == ((3,), ("0", "1", "2"))
    halves = pa.array([Decimal(int(kind)) / 2 for kind in KINDS], pa.decimal128(4, 1))
    data = load_dataset(written(tmp_path / "b", {"t.parquet": {**COLUMNS, "label": halves}}), store)
    assert (data.shape, data.classes) == ((4,), 0)


def test_columns_are_chosen(store: ObjectStore, tmp_path: Path) -> None:
    table = {**COLUMNS, "name": ["x"] * ROWS}
    spec = written(tmp_path / "set", {"t.parquet": table})
    with pytest.raises(UserError, match=r"column 'name' of .* has string such as 'x'"):
        load_dataset(spec, store)
    data = load_dataset(spec, store, column="a, c")
    assert (data.shape, data.notes) == ((2,), ("numbers of a, c",))
    assert data.mean == pytest.approx(POINTS[:, [0, 2]].mean(0), abs=1)


@pytest.mark.parametrize("form", ["grey", "colour", "floats", "npz"])
def test_arrays_of_images(store: ObjectStore, tmp_path: Path, form: str) -> None:
    arrays = {"train_images": PIXELS[:30], "train_labels": KINDS[:30, None],
              "test_images": PIXELS[30:], "test_labels": KINDS[30:, None]}  # fmt: skip
    content, options = {
        "grey": (PIXELS, {}),
        "colour": (np.stack([PIXELS, PIXELS, 255 - PIXELS], -1), {}),
        "floats": (PIXELS / 255, {"pixel_range": (0, 1)}),
        "npz": (arrays, {}),
    }[form]
    name = "t.npz" if form == "npz" else "t.npy"
    train, test = both(written(tmp_path / "set", {name: content}), store, **options)
    assert (train.levels, train.shape) == (255, (3 if form == "colour" else 1, 8, 8))
    found = {one.tobytes() for data in (train, test) for one in data.arrays()["x"][:, 0]}
    assert found == {one.tobytes() for one in PIXELS}
    if form == "npz":
        assert np.array_equal(test.arrays()["x"][:, 0], PIXELS[30:])
        assert test.arrays()["y"].tolist() == KINDS[30:].tolist()


@pytest.mark.parametrize(
    ("pixels", "most"),
    [(PIXELS % 2, 1), ((PIXELS % 17).astype(np.int64), 16), (PIXELS.astype(np.uint16) * 16, 16)],
)
def test_pixels_that_are_nearly_black_are_told(
    store: ObjectStore, tmp_path: Path, pixels: NDArray[Any], most: int
) -> None:
    spec = written(tmp_path / "set", {"t.npy": pixels})
    note = load_dataset(spec, store).notes[-1]
    assert note.startswith(f"dark: the largest pixel is {most} of 255; ")
    assert "--pixel-range" in note
    high = int(pixels.max())
    data = load_dataset(spec, store, pixel_range=(0, high))
    assert data.arrays()["x"].max() == 255
    assert data.notes == ("arrays t",)


def test_rows_with_missing_numbers(store: ObjectStore, tmp_path: Path) -> None:
    holes = POINTS.copy()
    holes[3, 1], holes[7, 0] = np.nan, np.inf
    spec = written(tmp_path / "set", {"t.npy": holes})
    with pytest.raises(UserError, match=r"row 3 of t .* missing or infinite, and 1 more of 40"):
        load_dataset(spec, store)
    train, test = both(spec, store, skip_bad=2)
    assert train.count + test.count == 38
    assert np.isfinite(train.arrays()["x"]).all()
    assert "2 of 40 examples that cannot be read: row 3 of t" in train.notes[1]
    empty = csv(POINTS, "a,b,c").replace(b"\n", b"\n,1,2\n", 1)
    with pytest.raises(UserError, match=r"row 0 of .*t.csv has a number that is missing"):
        load_dataset(written(tmp_path / "csv", {"t.csv": empty}), store)


def test_a_number_that_never_varies_is_kept(store: ObjectStore, tmp_path: Path) -> None:
    data = load_dataset(written(tmp_path / "set", {"t.npy": np.full((ROWS, 2), 0.1)}), store)
    assert (data.arrays()["x"] == 0).all()
    np.testing.assert_allclose([data.mean, data.std], [[0.1, 0.1], [1, 1]])


class Thing:
    """Something that numpy can pickle only."""


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"t.npy": np.array([Thing()] * 20)}, ("t.npy", "without objects")),
        ({"t.npy": np.array(["a"] * 20)}, ("no numbers",)),
        ({"t.npz": {"a": POINTS, "b": POINTS}}, ("arrays a, b", "--column")),
        ({"t.npz": {"x": POINTS, "y": KINDS[:9]}}, ("(9,)", "not one class for each of the 40")),
        ({"t.csv": b"a,b\n1,2\n3\n"}, ("t.csv", "cannot be read as a table")),
        ({"t.csv": b"x,x,z\n" + b"1,2,3\n" * 20}, ("t.csv has 2 columns 'x'", "--column")),
        ({"t.csv": b"label,z,label\n" + b"1,2,3\n" * 20}, ("2 columns 'label'", "rename")),
        ({"t.csv": b""}, ("t.csv", "cannot be read as a table")),
        ({"t.parquet": {"v": [[1.0, 2.0], [1.0]] * 10}}, ("lists of 1 to 2 numbers", "'v'")),
        ({"t.parquet": {"v": pa.array([None] * 20, pa.list_(pa.float64()))}}, ("'v'", "no list")),
        ({"train.csv": csv(POINTS, "a,b,c"), "test.csv": csv(POINTS, "a,b,d")}, ("no column",)),
        ({"train.npy": POINTS, "test.npy": POINTS[:, :2]}, ("(3,)", "(2,)", "one kind")),
        ({"t.csv": b"a,b\n"}, ("one row or none",)),
        ({"t.csv": b"a,b\n1,2\n"}, ("one row or none",)),
        ({"t.npy": POINTS[:0]}, ("one row or none",)),
        ({"t.parquet": {"label": KINDS}}, ("no column of numbers", "'label'")),
        ({"t.npy": np.zeros((20, 2, 2, 2, 2))}, ("row 0 of t", "(2, 2, 2, 2)")),
        ({"t.csv": b"a,b\n" + b"1,\n" * 20}, ("no row without missing numbers", "--column")),
    ],
)
def test_what_cannot_be_read(
    store: ObjectStore, tmp_path: Path, files: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(UserError) as caught:
        load_dataset(written(tmp_path / "set", files), store)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.list() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": 8}, "drop --image-size"),
        ({"pixel_range": (0, 1)}, "drop --image-size and --pixel-range"),
        ({"columns": ("a",)}, "drop --columns"),
        ({"column": "a,z"}, "no column 'z': choose from a, b, c"),
    ],
)
def test_options_that_points_have_not(
    store: ObjectStore, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    spec = written(tmp_path / "set", {"t.csv": csv(POINTS, "a,b,c")})
    with pytest.raises(UserError, match=words):
        load_dataset(spec, store, **options)


def test_few_rows_are_split_by_seed_and_the_seed_is_fixed(
    store: ObjectStore, tmp_path: Path
) -> None:
    first = load_dataset(written(tmp_path / "a", {"t.npy": POINTS}), store)
    other = load_dataset(written(tmp_path / "b", {"t.npy": POINTS}), store)
    assert first.hash == other.hash
    assert "a tenth of all by seed" in first.protocol
    assert "standardised" in first.protocol
