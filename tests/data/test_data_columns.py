"""Named columns of Parquet files come with every batch: captions, numbers, lists, second images."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG

RNG = np.random.default_rng(3)
ROWS = 20
WORDS = ["a", "two words", "", "naïve"]


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder of two files, and what their rows hold."""
    rows: dict[str, Any] = {
        "image": RNG.integers(0, 256, (ROWS, 8, 8), np.uint8),
        "small": RNG.integers(0, 256, (ROWS, 4, 4, 3), np.uint8),
        "label": RNG.integers(0, 3, ROWS),
        "caption": [WORDS[i % 4] for i in range(ROWS)],
        "tokens": [list(range(1, 1 + i % 3)) for i in range(ROWS)],
        "age": RNG.random(ROWS),
        "when": [None] * ROWS,
    }
    folder = tmp_path / "rows"
    folder.mkdir()
    for part, chosen in enumerate((slice(0, 12), slice(12, ROWS))):
        table = {name: list(values[chosen]) for name, values in rows.items()}
        table |= {n: [png(x) for x in table[n]] for n in ("image", "small")}
        pq.write_table(pa.table(table), folder / f"{part}.parquet")
    return folder, rows


COLUMNS = ("caption", "tokens", "age", "small")


def test_columns_come_with_every_batch(
    store: ObjectStore, made: tuple[Path, dict[str, Any]]
) -> None:
    folder, rows = made
    data = load_dataset(str(folder), store, columns=COLUMNS, column="image")
    train = [i for i in range(ROWS) if i % 10 != 9]
    assert data.columns == {
        "caption": {"dtype": "int64", "shape": (9,), "levels": 255},
        "tokens": {"dtype": "int64", "shape": (2,), "levels": 2},
        "age": {"dtype": "float32", "shape": (), "levels": 0},
        "small": {"dtype": "uint8", "shape": (3, 4, 4), "levels": 255},
    }
    at = torch.tensor([[0, 5], [17, 3]])
    for batch in (data.source("cpu").gather(at), data.source("cpu", 0).gather(at)):
        assert batch["x"].shape == (2, 2, 1, 8, 8)
        assert batch["y"].shape == (2, 2)
        for place, index in enumerate(at.flatten().tolist()):
            row = train[index]
            told = {name: values.flatten(0, 1)[place] for name, values in batch.items()}
            text = rows["caption"][row].encode()
            assert told["caption"].tolist() == [*text, *[0] * (9 - len(text))]
            tokens = rows["tokens"][row]
            assert told["tokens"].tolist() == tokens + [0] * (2 - len(tokens))
            assert float(told["age"]) == pytest.approx(rows["age"][row])
            small = torch.tensor(rows["small"][row]).movedim(-1, 0).float() / 127.5 - 1
            torch.testing.assert_close(told["small"], small)
        assert batch["tokens"].dtype == torch.int64
        assert batch["small"].dtype == batch["age"].dtype == torch.float32


def test_columns_are_part_of_what_a_data_set_is(
    store: ObjectStore, made: tuple[Path, dict[str, Any]]
) -> None:
    """And a host that has no source files loads them by the data set's id."""
    folder, _ = made
    plain, more = (
        load_dataset(str(folder), store, columns=columns, column="image")
        for columns in ((), ("age",))
    )
    assert plain.hash != more.hash
    assert plain.columns == {}
    again = load_dataset(more.id, store)
    assert list(again.columns) == ["age"]
    assert again.nbytes == again.count * (64 + 8 + 4)


def test_what_is_cut_of_texts_and_lists_is_told(
    store: ObjectStore, made: tuple[Path, dict[str, Any]]
) -> None:
    table = {"image": [png(one) for one in made[1]["image"]], "caption": ["é" * 700] * ROWS}
    table |= {"tokens": [[1] * 1024] * ROWS, "ids": [[1] * 1025] * ROWS}
    pq.write_table(pa.table(table), "long.parquet")
    data = load_dataset("./long.parquet", store, columns=("caption", "tokens", "ids"))
    assert data.notes[1:] == (
        "column 'caption' has up to 1,400 bytes, of which the first 1,024 are kept",
        "column 'ids' has up to 1,025 numbers, of which the first 1,024 are kept",
    )


def test_shares_of_classes_are_known(store: ObjectStore, made: tuple[Path, dict[str, Any]]) -> None:
    folder, rows = made
    data = load_dataset(str(folder), store, column="image")
    labels = [rows["label"][i] for i in range(ROWS) if i % 10 != 9]
    assert data.class_shares == pytest.approx([labels.count(k) / len(labels) for k in range(3)])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("nothing",), "has no column 'nothing': choose from image, small, label"),
        (("when",), "column 'when' of .* has missing values"),
    ],
)
def test_columns_that_cannot_be_read_are_named(
    store: ObjectStore, made: tuple[Path, dict[str, Any]], columns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_dataset(str(made[0]), store, columns=columns, column="image")


def test_columns_without_parquet_are_refused(store: ObjectStore) -> None:
    with pytest.raises(UserError, match="'digits' has one form only"):
        load_dataset("digits", store, columns=("age", "caption"))


def test_a_sweep_names_columns_with_commas_between_them() -> None:
    plain = Sweep(name="s", model=CATALOG["gan"], space=CATALOG["gan"].space)
    more = dataclasses.replace(plain, columns="caption, age")
    assert more.data_options.keywords()["columns"] == ("caption", "age")
    assert plain.data_options.keywords()["columns"] == ()
    assert more.data_options.given() == {"columns": "caption, age"}
