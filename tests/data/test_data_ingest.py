"""Ingested once, under a content hash, by any number of processes; damage heals."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from gensweep.data import Dataset, Meta, _ingest, load_dataset
from gensweep.data._source import Chunk
from gensweep.errors import UserError
from gensweep.storage import FileStore, ObjectStore, load_checksummed, open_store

IMAGES = np.zeros((3, 1, 4, 4), np.uint8)


class CountingStore(FileStore):
    """A folder that notes which keys are written and read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts: list[str] = []
        self.gets: list[str] = []

    def put(self, key: str, data: bytes) -> None:
        self.puts.append(key)
        super().put(key, data)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self.gets.append(key)
        return super().get(key, start, length)


@pytest.fixture
def counting(tmp_path: Path) -> CountingStore:
    return CountingStore(tmp_path / "store")


def same(a: Dataset, b: Dataset) -> bool:
    left, right = a.tensors(), b.tensors()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.mark.parametrize(
    ("name", "known"),
    [("digits", "e5f85d1ceb78db77"), ("ring8", "85d8c8cb289ead4d"), ("grid25", "41418f92b2ff01ec")],
)
def test_built_in_data_keep_the_hash_that_stored_sweeps_have(
    name: str, known: str, store: ObjectStore
) -> None:
    """A sweep goes on with `--resume` on the data that it began with alone."""
    assert load_dataset(name, store).hash.startswith(known)


def test_manifest_comes_after_all_shards(
    counting: CountingStore, mnist: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ingest, "SHARD_BYTES", 20 * 30)
    data = load_dataset(f"mnist={mnist[0]}", counting)
    *shards, manifest, index = counting.puts
    prefix = f"datasets/{data.id}/"
    assert [key.removeprefix(prefix).split("-")[:2] for key in shards] == [
        ["train", "00000"], ["train", "00001"], ["train", "00002"], ["test", "00000"],
    ]  # fmt: skip
    assert (manifest, index.split("/")[:2]) == (f"{prefix}manifest.json", ["datasets", "index"])
    body = load_checksummed(FileStore.get(counting, manifest))
    assert [shard["rows"] for shard in body["shards"]["train"]] == [20, 20, 10]
    assert np.array_equal(data.tensors()["x"].numpy()[:, 0], mnist[1]["train"][0])


def test_shards_are_plain_parquet_that_describes_itself(
    store: ObjectStore, mnist: tuple[Path, Any]
) -> None:
    data = load_dataset(f"mnist={mnist[0]}", store)
    (key,) = store.list(f"datasets/{data.id}/test")
    table = pq.read_table(io.BytesIO(store.get(key)))
    assert str(table.schema.field("x").type) == "fixed_size_binary[30]"
    assert str(table.schema.field("y").type) == "int64"
    images, labels = mnist[1]["test"]
    assert b"".join(table.column("x").to_pylist()) == images.tobytes()
    assert table.column("y").to_pylist() == labels.tolist()
    sampler_spec = json.loads(table.schema.metadata[b"gensweep"])
    assert (sampler_spec["shape"], sampler_spec["classes"]) == ([1, 6, 5], 10)
    assert sampler_spec["class_names"] == list("0123456789")
    assert "IDX" in sampler_spec["protocol"]


def test_second_load_reads_no_shard_and_writes_nothing(
    counting: CountingStore, mnist: tuple[Path, Any]
) -> None:
    first = load_dataset(f"mnist={mnist[0]}", counting)
    counting.puts.clear()
    counting.gets.clear()
    again = load_dataset(f"mnist={mnist[0]}", counting)
    assert same(first, again)
    assert counting.puts == []
    assert all(key.endswith(".json") for key in counting.gets)


def test_another_machine_downloads_but_does_not_ingest(
    counting: CountingStore, mnist: tuple[Path, Any], tmp_path: Path
) -> None:
    first = load_dataset(f"mnist={mnist[0]}", counting)
    counting.puts.clear()
    again = load_dataset(f"mnist={mnist[0]}", counting, cache=tmp_path / "elsewhere")
    assert same(first, again)
    assert counting.puts == []


def test_identifier_needs_no_source(
    store: ObjectStore, mnist: tuple[Path, Any], tmp_path: Path
) -> None:
    first = load_dataset(f"mnist={mnist[0]}", store, "test")
    for file in mnist[0].iterdir():
        file.unlink()
    assert same(first, load_dataset(first.id, store, "test", cache=tmp_path / "elsewhere"))


def test_changed_file_is_another_data_set(store: ObjectStore, mnist: tuple[Path, Any]) -> None:
    first = load_dataset(f"mnist={mnist[0]}", store)
    label = mnist[0] / "train-labels-idx1-ubyte.gz"
    stat = label.stat()
    label.write_bytes(label.read_bytes())
    os.utime(label, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert load_dataset(f"mnist={mnist[0]}", store).hash == first.hash
    import gzip

    data = bytearray(gzip.decompress(label.read_bytes()))
    data[8] = (data[8] + 1) % 10
    label.write_bytes(gzip.compress(bytes(data)))
    os.utime(label, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    changed = load_dataset(f"mnist={mnist[0]}", store)
    assert changed.hash != first.hash
    assert changed.tensors()["y"][0] == data[8]


def test_hash_is_of_contents_alone(mnist: tuple[Path, Any], tmp_path: Path) -> None:
    one = load_dataset(f"mnist={mnist[0]}", open_store(str(tmp_path / "1")))
    two = load_dataset(f"other={mnist[0]}", open_store(str(tmp_path / "2")))
    assert one.hash == two.hash
    assert (one.name, two.name) == ("mnist", "other")


@pytest.mark.parametrize("damage", ["shard", "no shard", "manifest", "index"])
def test_damaged_store_heals_from_the_source(
    store: ObjectStore, mnist: tuple[Path, Any], tmp_path: Path, damage: str
) -> None:
    first = load_dataset(f"mnist={mnist[0]}", store)
    keys = {
        "shard": store.list(f"datasets/{first.id}/train")[0],
        "no shard": store.list(f"datasets/{first.id}/train")[0],
        "manifest": f"datasets/{first.id}/manifest.json",
        "index": store.list("datasets/index/")[0],
    }
    key = keys[damage]
    good = store.get(key)
    if damage == "no shard":
        store.delete(key)
    else:
        store.put(key, good[:60] + bytes([good[60] ^ 16]) + good[61:])
    again = load_dataset(f"mnist={mnist[0]}", store, cache=tmp_path / "elsewhere")
    assert same(first, again)
    assert store.get(key) == good


def test_half_filled_cache_is_replaced(store: ObjectStore, mnist: tuple[Path, Any]) -> None:
    first = load_dataset(f"mnist={mnist[0]}", store)
    file = first.folder / "x.npy"
    file.write_bytes(file.read_bytes()[:-1])
    again = load_dataset(f"mnist={mnist[0]}", store)
    assert np.array_equal(again.tensors()["x"].numpy()[:, 0], mnist[1]["train"][0])


LOADER = """
import hashlib, sys
from gensweep.data import load_dataset
from gensweep.storage import open_store
print("ready", flush=True)
sys.stdin.readline()
data = load_dataset(sys.argv[1], open_store(sys.argv[2]))
print(data.id, hashlib.sha256(data.arrays()["x"].tobytes()).hexdigest())
"""


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_processes_at_once(
    request: pytest.FixtureRequest, tmp_path: Path, mnist: tuple[Path, Any], kind: str
) -> None:
    uri = str(tmp_path / "store")
    if kind == "s3":
        uri = f"s3://{request.getfixturevalue('bucket')}/p"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    loaders = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, f"mnist={mnist[0]}", uri],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for loader in loaders:
        assert loader.stdout is not None
        assert loader.stdout.readline() == "ready\n"
    for loader in loaders:  # all at once, after the slow imports
        assert loader.stdin is not None
        loader.stdin.write("\n")
        loader.stdin.flush()
    answers = [loader.communicate(timeout=60)[0] for loader in loaders]
    assert [loader.returncode for loader in loaders] == [0, 0, 0]
    assert len(set(answers)) == 1
    store = open_store(uri)
    left = [key for key in store.list() if "/index/" not in key]
    assert len(left) == 3  # a shard for each split, and the manifest
    home = Path(os.environ["GENSWEEP_HOME"]) / "cache"
    assert list((home / "scratch").iterdir()) == []
    assert list(home.rglob(".*")) == []


@dataclass(frozen=True)
class Changing:
    """A source whose examples are not what its description promises."""

    classes: int
    chunk: Chunk
    name: str = "changing"
    fingerprint: str = "changing 1"

    def meta(self) -> Meta:
        return Meta(shape=(1, 4, 4), classes=self.classes)

    def chunks(self, split: str) -> Iterator[Chunk]:
        yield self.chunk


@pytest.mark.parametrize(
    ("classes", "chunk", "words"),
    [
        (2, Chunk(IMAGES), "examples that have no classes among 2 classes: give all"),
        (0, Chunk(IMAGES, np.zeros(3, np.int64)), "examples that have classes among 0 classes"),
        (0, Chunk(IMAGES[..., :3]), r"examples of \(1, 4, 3\) uint8 among \(1, 4, 4\) uint8"),
    ],
)
def test_what_the_description_does_not_promise_is_told(
    store: ObjectStore, tmp_path: Path, classes: int, chunk: Chunk, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        _ingest.ingest(Changing(classes, chunk), store, tmp_path / "scratch")
    assert store.list() == []


def test_import_is_light() -> None:
    script = (
        "import sys, gensweep.data, gensweep.storage;"
        "heavy = {'torch', 'numpy', 'sklearn', 'PIL', 'pyarrow', 'boto3', 'botocore', 'ray'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"
