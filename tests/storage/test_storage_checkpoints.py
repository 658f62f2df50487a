"""Checkpoints: whatever is torn, a lane read back is whole, and the newest that is."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gensweep.errors import UserError
from gensweep.storage import Checkpoints, MissingKeyError, ObjectStore, open_store

LANES = ("trial-0", "trial-1", "trial-2")


def content(name: str, step: int) -> bytes:
    """Bytes that no other lane and no other step has."""
    return random.Random(f"{name}@{step}").randbytes(4000 + step)


def write(checkpoints: Checkpoints, step: int, names: tuple[str, ...] = LANES) -> None:
    checkpoints.write(step, {n: content(n, step) for n in names}, {"images": step * 64})


EMBEDDED = pytest.param(
    "embedded_store", marks=[pytest.mark.stack, pytest.mark.slow("a Swift server on real disks")]
)
"""That it keeps the contract of a store is tested among the quick ones."""


@pytest.fixture(params=["file", "s3_store", EMBEDDED])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "file":
        return open_store(str(tmp_path / "store"))
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def checkpoints(store: ObjectStore) -> Checkpoints:
    """Three good checkpoints, at steps 1, 2 and 10."""
    made = Checkpoints(store, "pack-0")
    for step in (1, 2, 10):
        write(made, step)
    return made


def lanes_at(checkpoints: Checkpoints, step: int) -> bool:
    """Whether every lane is read as it was at `step`."""
    reader = Checkpoints(checkpoints.store, checkpoints.prefix)
    expected = [(content(n, step), {"images": step * 64}) for n in LANES]
    return [reader.read_lane(n) for n in LANES] == expected


def test_reads_the_newest(checkpoints: Checkpoints) -> None:
    assert lanes_at(checkpoints, 10)
    latest = checkpoints.latest()
    assert latest is not None
    assert (latest.step, sorted(latest.lanes), latest.size) == (10, list(LANES), 3 * 4010)


def test_reads_before_a_step(checkpoints: Checkpoints) -> None:
    assert checkpoints.read_lane("trial-1", before=10)[0] == content("trial-1", 2)
    assert checkpoints.read_lane("trial-1", before=2)[0] == content("trial-1", 1)
    with pytest.raises(MissingKeyError, match="trial-1"):
        checkpoints.read_lane("trial-1", before=1)


def test_parents_form_a_chain(checkpoints: Checkpoints) -> None:
    manifests = list(checkpoints.manifests())
    assert [m.step for m in manifests] == [10, 2, 1]
    assert [m.parent for m in manifests] == [m.key for m in manifests[1:]] + [None]


def test_lane_that_left_the_pack(checkpoints: Checkpoints) -> None:
    write(checkpoints, 11, ("trial-0", "trial-3"))
    assert checkpoints.read_lane("trial-1")[0] == content("trial-1", 10)
    assert checkpoints.read_lane("trial-3")[0] == content("trial-3", 11)


def test_one_step_written_twice_keeps_both_and_reads_the_later(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "p")
    checkpoints.write(5, {"a": b"first"}, {})
    checkpoints.write(5, {"a": b"second"}, {})
    assert checkpoints.read_lane("a")[0] == b"second"
    assert len(list(checkpoints.manifests())) == 2


def test_prefixes_do_not_mix(checkpoints: Checkpoints) -> None:
    other = Checkpoints(checkpoints.store, "pack-01")
    write(other, 99)
    Checkpoints(checkpoints.store, "pack-0/inner").write(99, {"trial-0": b"x"}, {})
    assert lanes_at(checkpoints, 10)


def test_no_checkpoint_at_all(store: ObjectStore) -> None:
    assert Checkpoints(store, "none").latest() is None
    with pytest.raises(MissingKeyError, match="trial-9"):
        Checkpoints(store, "none").read_lane("trial-9")


def test_empty_lane_and_odd_names(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "p")
    lanes = {"../up\n": b"a", "α": b"", "": b"c"}
    checkpoints.write(0, lanes, {"1": None, "nested": {"x": [1, 2.5]}})
    assert {name: checkpoints.read_lane(name)[0] for name in lanes} == lanes
    assert checkpoints.read_lane("α")[1] == {"1": None, "nested": {"x": [1, 2.5]}}


def test_meta_that_json_alters_is_still_read(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "p")
    checkpoints.write(0, {"a": b"1"}, {"seeds": (1, 2), "turns": {10: 1, 9: 2}})
    assert checkpoints.read_lane("a")[1] == {"seeds": [1, 2], "turns": {"10": 1, "9": 2}}


def test_meta_that_is_no_json_stores_nothing(store: ObjectStore) -> None:
    for meta in ({"loss": float("nan")}, {"config": object()}):
        with pytest.raises((TypeError, ValueError)):
            Checkpoints(store, "p").write(0, {"a": b"1"}, meta)
    assert store.list() == []


def _truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip_start(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def _flip_all(data: bytes) -> bytes:
    return bytes(byte ^ 4 for byte in data)


DAMAGE = [_truncate, _flip_all, lambda data: b"", lambda data: data[::-1]]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("part", ["data", "key"])
def test_damaged_object_gives_the_one_before(
    checkpoints: Checkpoints, part: str, damage: Callable[[bytes], bytes]
) -> None:
    latest = checkpoints.latest()
    assert latest is not None
    key = getattr(latest, part)
    checkpoints.store.put(key, damage(checkpoints.store.get(key)))
    if part == "data" and damage is _truncate:  # lanes in the whole half are still good
        assert checkpoints.read_lane("trial-0")[0] == content("trial-0", 10)
        assert checkpoints.read_lane("trial-2")[0] == content("trial-2", 2)
        return
    assert lanes_at(checkpoints, 2)


@pytest.mark.parametrize("part", ["data", "key"])
def test_missing_object_gives_the_one_before(checkpoints: Checkpoints, part: str) -> None:
    latest = checkpoints.latest()
    assert latest is not None
    checkpoints.store.delete(getattr(latest, part))
    assert lanes_at(checkpoints, 2)
    again = checkpoints.latest()
    assert again is not None
    assert again.step == 2


def test_every_flipped_bit_of_a_manifest_is_noticed(tmp_path: Path) -> None:
    checkpoints = Checkpoints(open_store(str(tmp_path)), "p")
    checkpoints.write(1, {"a": b"old"}, {"images": 1})
    manifest = checkpoints.write(2, {"a": b"new"}, {"images": 2})
    good = checkpoints.store.get(manifest.key)
    accepted = []
    for bit in range(0, len(good) * 8, 29):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        checkpoints.store.put(manifest.key, bytes(flipped))
        accepted.append(checkpoints.read_lane("a"))
    # A flip in the white space between tokens changes nothing that is said.
    assert set(map(json.dumps, [a[1] for a in accepted])) <= {'{"images": 1}', '{"images": 2}'}
    assert all(data == (b"old" if meta["images"] == 1 else b"new") for data, meta in accepted)
    assert sum(meta["images"] == 1 for _, meta in accepted) > 0.9 * len(accepted)


def test_manifest_under_a_foreign_name_is_passed_over(checkpoints: Checkpoints) -> None:
    latest = checkpoints.latest()
    assert latest is not None
    checkpoints.store.put("pack-0/zzz.json", checkpoints.store.get(latest.key))
    checkpoints.store.delete(latest.data)
    assert lanes_at(checkpoints, 2)


def test_prune_keeps_the_newest(checkpoints: Checkpoints) -> None:
    assert len(checkpoints.prune(2)) == 1
    assert [m.step for m in checkpoints.manifests()] == [10, 2]
    assert len(checkpoints.store.list()) == 4
    assert checkpoints.prune(2) == []


def test_prune_counts_only_what_verifies(checkpoints: Checkpoints) -> None:
    latest = checkpoints.latest()
    assert latest is not None
    checkpoints.store.put(latest.data, _flip_start(checkpoints.store.get(latest.data)))
    checkpoints.prune(1)
    assert checkpoints.read_lane("trial-0")[0] == content("trial-0", 2)
    checkpoints.store.delete(latest.data)
    assert checkpoints.prune(2) == []
    assert lanes_at(checkpoints, 2)


def test_prune_keeps_the_last_of_a_lane_that_left(checkpoints: Checkpoints) -> None:
    write(checkpoints, 11, ("trial-0",))
    write(checkpoints, 12, ("trial-0",))
    checkpoints.prune(1, lanes=["trial-1"])
    assert [m.step for m in checkpoints.manifests()] == [12, 10]
    assert checkpoints.read_lane("trial-1")[0] == content("trial-1", 10)


def test_prune_removes_data_that_a_crash_left(checkpoints: Checkpoints) -> None:
    checkpoints.store.put("pack-0/000000000003-orphan.data", b"torn")
    checkpoints.prune(1)
    assert len(checkpoints.store.list("pack-0/")) == 2


@pytest.mark.parametrize(("step", "keep"), [(-1, None), (None, 0)])
def test_refuses(tmp_path: Path, step: int | None, keep: int | None) -> None:
    checkpoints = Checkpoints(open_store(str(tmp_path)), "p")
    with pytest.raises(UserError, match="must hold"):
        checkpoints.write(step, {}, {}) if step is not None else checkpoints.prune(keep or 0)


WRITER = """
import random, sys
from gensweep.storage import Checkpoints, open_store
def content(name, step):
    return random.Random(f"{name}@{step}").randbytes(4000 + step)
checkpoints = Checkpoints(open_store(sys.argv[1]), "pack")
latest = checkpoints.latest()
step = latest.step + 1 if latest else 0
print("ready", flush=True)
while True:
    lanes = {f"trial-{i}": content(f"trial-{i}", step) for i in range(3)}
    checkpoints.write(step, lanes, {"step": step})
    print(step, flush=True)
    checkpoints.prune(2)
    step += 1
"""


def test_writer_killed_at_any_moment(store: ObjectStore) -> None:
    """Whatever was acknowledged is read back, whole, after each `kill -9`."""
    rng, acknowledged = random.Random(7), -1
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, store.uri],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            steps = [int(writer.stdout.readline()) for _ in range(rng.randrange(1, 5))]
            time.sleep(rng.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
            steps += [int(line) for line in writer.stdout.read().splitlines()]
        acknowledged = max([acknowledged, *steps])
        for name in LANES:
            data, meta = Checkpoints(store, "pack").read_lane(name)
            assert meta["step"] >= acknowledged
            assert data == content(name, meta["step"])
