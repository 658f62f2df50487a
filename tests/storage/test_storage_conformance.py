"""One suite for every object store: a folder, S3 in memory, and the embedded server."""

import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gensweep.errors import UserError
from gensweep.storage import MissingKeyError, ObjectStore, open_store, staged_store


class StoreContract:
    """What every store promises. A subclass supplies the fixture `store`, empty."""

    def test_returns_what_was_put(self, store: ObjectStore) -> None:
        data = os.urandom(100_000)
        store.put("a/b.bin", data)
        assert store.get("a/b.bin") == data
        assert store.size("a/b.bin") == len(data)

    def test_empty_object(self, store: ObjectStore) -> None:
        store.put("empty", b"")
        assert store.get("empty") == b""
        assert store.size("empty") == 0
        assert store.exists("empty")

    def test_replaces(self, store: ObjectStore) -> None:
        store.put("key", b"a long first value")
        store.put("key", b"second")
        assert store.get("key") == b"second"

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (3, None, b"3456789"),
            (3, 4, b"3456"),
            (8, 100, b"89"),
            (0, 1, b"0"),
            (9, 1, b"9"),
            (10, 1, b""),
            (50, None, b""),
            (4, 0, b""),
        ],
    )
    def test_range(
        self, store: ObjectStore, start: int, length: int | None, expected: bytes
    ) -> None:
        store.put("digits", b"0123456789")
        assert store.get("digits", start, length) == expected

    def test_lists_sorted_by_string_prefix(self, store: ObjectStore) -> None:
        for key in ("b", "a/2", "a/10", "ab/1", "a/c/d"):
            store.put(key, b"x")
        assert store.list() == ["a/10", "a/2", "a/c/d", "ab/1", "b"]
        assert store.list("a/") == ["a/10", "a/2", "a/c/d"]
        assert store.list("a") == ["a/10", "a/2", "a/c/d", "ab/1"]
        assert store.list("a/1") == ["a/10"]
        assert store.list("none/") == []

    def test_missing_key(self, store: ObjectStore) -> None:
        assert not store.exists("a/missing")
        with pytest.raises(MissingKeyError):
            store.get("a/missing")
        with pytest.raises(MissingKeyError):
            store.get("a/missing", 5, 2)
        with pytest.raises(MissingKeyError):
            store.size("a/missing")

    def test_delete_twice(self, store: ObjectStore) -> None:
        store.put("gone", b"x")
        store.delete("gone")
        assert not store.exists("gone")
        store.delete("gone")
        assert store.list() == []

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a\\b", "a\nb", "x" * 1000]
    )
    def test_refuses_unsafe_keys(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(UserError, match="key"):
            store.put(key, b"x")
        assert store.list() == []

    def test_keys_with_spaces_and_unicode(self, store: ObjectStore) -> None:
        key = "sweep α/trial 7+=%20?#&.json"
        store.put(key, b"x")
        assert store.list("sweep α/") == [key]
        assert store.get(key) == b"x"

    def test_threads(self, store: ObjectStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: store.put(f"t/{i:02d}", bytes([i]) * 1000), range(32)))
            values = list(pool.map(lambda i: store.get(f"t/{i:02d}"), range(32)))
        assert values == [bytes([i]) * 1000 for i in range(32)]

    def test_one_whole_winner_of_a_race(self, store: ObjectStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: store.put("race", bytes([i]) * 50_000), range(16)))
        data = store.get("race")
        assert data == data[:1] * 50_000

    def test_survives_pickling_without_secrets(self, store: ObjectStore) -> None:
        store.put("k", b"v")
        pickled = pickle.dumps(store)
        assert os.environ.get("AWS_SECRET_ACCESS_KEY", "no secret").encode() not in pickled
        assert pickle.loads(pickled).get("k") == b"v"

    def test_uri_reopens_the_store(self, store: ObjectStore) -> None:
        store.put("k", b"v")
        assert open_store(store.uri).get("k") == b"v"

    def test_check_leaves_nothing(self, store: ObjectStore) -> None:
        store.check()
        assert store.list() == []


class TestFileStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return open_store(f"file://{tmp_path}/a%20root")

    def test_check_removes_the_folders_it_made(self, tmp_path: Path) -> None:
        open_store(str(tmp_path / "new" / "deep")).check()
        assert list(tmp_path.iterdir()) == []


class TestStagedStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ObjectStore]:
        with staged_store(open_store(str(tmp_path / "store")), tmp_path / "scratch") as stage:
            yield stage

    def test_uri_reopens_the_store(self, store: ObjectStore) -> None:
        store.put("k", b"v")
        with pytest.raises(MissingKeyError):
            open_store(store.uri).get("k")
        store.publish()  # type: ignore[attr-defined]
        assert open_store(store.uri).get("k") == b"v"

    def test_what_is_not_published_is_gone(self, tmp_path: Path) -> None:
        below = open_store(str(tmp_path / "store"))
        below.put("old", b"1")
        with staged_store(below, tmp_path / "scratch") as stage:
            stage.put("old", b"2")
            stage.put("new", b"3")
            assert (stage.get("old"), stage.list()) == (b"2", ["new", "old"])
        assert (below.get("old"), below.list()) == (b"1", ["old"])
        assert list((tmp_path / "scratch").iterdir()) == []


class TestS3Store(StoreContract):
    @pytest.fixture
    def store(self, s3_store: ObjectStore) -> ObjectStore:
        return s3_store

    def test_sends_large_objects_in_parts(
        self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gensweep.storage._s3.LARGE", 1 << 20)
        data = os.urandom(9 << 20)
        store.put("large", data)
        assert store.get("large") == data


@pytest.mark.stack
class TestEmbeddedStore(StoreContract):
    @pytest.fixture
    def store(self, embedded_store: ObjectStore) -> ObjectStore:
        return embedded_store
