"""Files made to do harm run no code, fill no disk and no memory, and get one clear line."""

import json
import random
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gensweep.errors import UserError
from gensweep.storage import dump_checksummed
from security.attacks import ATTACKS, FORGED, MARKER
from security.mutations import Mutation
from security.readers import READERS, Reader

INPUTS = 200
MOST_DISK, MOST_MEMORY = 32 << 20, 400 << 20
"""Bytes that reading a file of some kilobytes may take."""
LONGEST = 2000
"""Characters of a line."""
QUIET = ("a checkpoint", "profiles", "runs")
"""Readers that pass over what is damaged, for there is something before it or it is made anew."""
READ = ("a table with a type of Python",)
"""Attacks that do no harm without being refused."""
ONCE_FAILED: tuple[tuple[str, int], ...] = (("a checkpoint", 1052),)
"""Reader and seed of inputs for which a traceback, or a file elsewhere, was once seen."""


def mutated(reader: Reader, data: bytes, seed: int) -> bytes:
    """Damage a file in the way that the seed chooses."""
    chance = random.Random(seed)
    mutate: Mutation = chance.choice(reader.mutations)
    if not reader.sealed:
        return mutate(data, chance)
    changed = mutate(json.dumps(json.loads(data)["body"]).encode(), chance)
    try:
        return dump_checksummed(json.loads(changed))
    except (ValueError, RecursionError):
        return changed


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home, store and working directory of the test's own; files may unpack to a megabyte."""
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GENSWEEP_STORE", f"file://{tmp_path / 'home' / 'store'}")
    for name in ("GENSWEEP_LEDGER", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("gensweep.unpacking.FLOOR", 1 << 20)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")


def inputs_of(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what the reader `name` is given: its share of the fuzzer's inputs, and all attacks."""
    for seed in range(list(READERS).index(name), INPUTS, len(READERS)):
        yield f"seed {seed}", mutated(READERS[name], data, seed)
    for reader, seed in ONCE_FAILED:
        if reader == name:
            yield f"seed {seed}", mutated(READERS[name], data, seed)
    for attack, (reader, make) in ATTACKS.items():
        if reader == name:
            yield attack, make()
    for attack, (reader, change) in FORGED.items():
        if reader == name:
            body = json.loads(data)["body"]
            change(body)
            yield attack, dump_checksummed(body)


def line_of(reader: Reader, folder: Path) -> str:
    """What reading tells, which is a `UserError` or nothing."""
    try:
        reader.read(folder)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", READERS)
def test_what_is_made_to_do_harm_gets_one_line_and_does_none(name: str, tmp_path: Path) -> None:
    reader, whole = READERS[name], tmp_path / "whole"
    whole.mkdir()
    reader.write(whole)
    assert line_of(reader, Path(shutil.copytree(whole, tmp_path / "first"))) == ""
    (file,) = whole.glob(reader.file)
    before = sorted(tmp_path.iterdir()), peak_bytes()
    for label, data in inputs_of(name, file.read_bytes()):
        folder = Path(shutil.copytree(whole, tmp_path / "input"))
        (folder / file.relative_to(whole)).write_bytes(data)
        told = line_of(reader, folder)
        assert told or label.startswith("seed ") or name in QUIET or label in READ, label
        assert len(told) < LONGEST, label
        assert sum(one.stat().st_size for one in folder.rglob("*")) < MOST_DISK, label
        shutil.rmtree(folder)
        assert not MARKER.exists(), label
        assert sorted(tmp_path.iterdir()) == before[0], label
        assert peak_bytes() - before[1] < MOST_MEMORY, label


def peak_bytes() -> int:
    """The most memory that this process has had until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
