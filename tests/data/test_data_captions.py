"""Captions say an image's class, and what it has more or less of than others of its class."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gensweep.data import Meta, find_source, load_dataset
from gensweep.data._captions import Captioned, caption, measures
from gensweep.data._source import Chunk
from gensweep.errors import UserError
from gensweep.storage import ObjectStore
from gensweep_models.captions import NO_CLASS


def texts_of(tokens: Any) -> list[str]:
    return [bytes(row.tolist()).rstrip(b"\0").decode() for row in tokens]


@dataclass(frozen=True)
class Levels:
    """Nine even images of each of two classes, the second's all lighter; test: the darkest."""

    channels: int = 1
    name: str = "levels"
    fingerprint: str = "levels 1"

    def meta(self) -> Meta:
        return Meta(shape=(self.channels, 4, 4), classes=2, class_names=("7", "owl"))

    def chunks(self, split: str) -> Iterator[Chunk]:
        for label in range(2):
            levels = np.arange(9 if split == "train" else 1, dtype=np.uint8) + 100 * label
            x = np.repeat(levels, self.channels * 16).reshape(-1, self.channels, 4, 4)
            yield Chunk(x, np.full(len(x), label, np.int64))


@pytest.mark.parametrize(("channels", "words"), [(1, ("thin", "bold")), (3, ("dark", "light"))])
def test_a_third_of_each_class_has_a_word(channels: int, words: tuple[str, str]) -> None:
    source = Captioned(Levels(channels))
    for label, chunk in enumerate(source.chunks("train")):
        name = ("seven", "owl")[label]
        wanted = [f"a {words[0]} {name}", f"{('a', 'an')[label]} {name}", f"a {words[1]} {name}"]
        assert texts_of(chunk.columns["caption"]) == [text for text in wanted for _ in range(3)]
    for label, chunk in enumerate(source.chunks("test")):
        assert texts_of(chunk.columns["caption"]) == [f"a {words[0]} {('seven', 'owl')[label]}"]


def test_a_slant_is_what_a_line_moves_to_the_right_in_a_row_upwards() -> None:
    images = np.zeros((3, 1, 8, 8), np.uint8)
    for row in range(8):
        images[0, 0, row, 7 - row] = images[1, 0, row, 3] = images[2, 0, row, row] = 200
    np.testing.assert_allclose(measures(images)[:, 1], [1, 0, -1], atol=1e-9)
    np.testing.assert_allclose(measures(images)[:, 0], 25)
    assert np.isfinite(measures(np.zeros((1, 3, 5, 4), np.uint8))).all()


def test_digits_have_captions_as_a_column(store: ObjectStore) -> None:
    data = load_dataset("digits", store, columns=("caption",))
    column = data.columns["caption"]
    assert column == {"dtype": "int64", "shape": (len("a slanted bold three"),), "levels": 255}
    arrays = data.arrays()
    found = texts_of(arrays["caption"])
    counts = Counter(found)
    assert counts["a bold seven"] > 10
    assert {t.split()[-1] for t, y in zip(found, arrays["y"], strict=True) if y == 8} == {"eight"}
    assert {text.split()[0] for text in found} == {"a", "an"}
    again = load_dataset("digits", store)
    assert again.id != data.id
    assert again.columns == {}
    assert load_dataset(data.id, store).columns["caption"] == column


def hub(tmp_path: Path, **columns: Any) -> str:
    """A Parquet file of twelve even images, the later the lighter."""
    images = [np.full((4, 4), 10 * i, np.uint8).tolist() for i in range(12)]
    pq.write_table(pa.table({"image": images, **columns}), tmp_path / "hub.parquet")
    return str(tmp_path / "hub.parquet")


def test_parquet_without_a_column_of_captions_gets_them(store: ObjectStore, tmp_path: Path) -> None:
    spec = hub(tmp_path, label=["cat", "owl"] * 6, age=list(range(12)))
    data = load_dataset(spec, store, columns=("caption", "age"))
    assert list(data.columns) == ["age", "caption"]
    assert texts_of(data.arrays()["caption"])[:2] == ["a thin cat", "a thin owl"]
    written = hub(tmp_path, label=["cat", "owl"] * 6, caption=["as written"] * 12)
    found = load_dataset(written, store, columns=("caption",)).arrays()["caption"]
    assert {*texts_of(found)} == {"as written"}


def test_rows_without_a_class_have_empty_captions(store: ObjectStore, tmp_path: Path) -> None:
    spec = hub(tmp_path, label=[*["cat", "owl"] * 4, None, None, None, "owl"])
    data = load_dataset(spec, store, columns=("caption",))
    texts = texts_of(data.arrays()["caption"])
    assert data.columns["caption"]["shape"] == (len("a bold slanted cat"),)
    assert [text for text, y in zip(texts, data.arrays()["y"], strict=True) if y == 2] == ["", ""]
    assert all(text.endswith(("cat", "owl")) for text in filter(None, texts))
    assert data.class_names[2] == NO_CLASS


def test_articles_go_by_the_first_letter() -> None:
    assert caption("8", ["", ""]) == "an eight"
    assert caption("1", ["", "slanted"]) == "a slanted one"
    assert caption("1", [""]) == "a one"
    assert caption("Ankle boot", [""]) == "an Ankle boot"


def test_what_has_no_images_with_classes_has_no_captions(store: ObjectStore) -> None:
    with pytest.raises(UserError, match="ring8 has no images with classes, of which captions are"):
        load_dataset("ring8", store, columns=("caption",))
    with pytest.raises(UserError, match="'digits' has one form only"):
        find_source("digits", columns=("caption", "age"))


def test_other_captions_are_other_files() -> None:
    with_captions = find_source("digits", columns=("caption",))
    assert with_captions.fingerprint != find_source("digits").fingerprint
