"""Every reader of files that may come from elsewhere, each with a file that it reads well."""

import contextlib
import functools
import gzip
import io
import json
import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from ended_sweep import ended
from gensweep.cli import main as command
from gensweep.cluster import load_prices
from gensweep.configuration_file import ConfigurationFile
from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.lanes import LaneState
from gensweep.metrics import FileFeatures, feature_input
from gensweep.profiling._profile_cache import PackProfile, ProfileCache
from gensweep.spec import fix_values
from gensweep.storage import Checkpoints, open_store
from gensweep.sweep import Sweep
from gensweep.tracking import Spool
from gensweep.tracking._runs import Runs
from gensweep.tracking._spool import Position
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real
from security.mutations import BINARY, LEDGER, TEXT, Mutation

COMMANDS = ("report s --format html", "list", "results s", "results s --json", "best s",
            "compare s s", "export s --out best.toml")  # fmt: skip
"""Which read a ledger."""
SWEEP = Sweep(name="s", model=CATALOG["gan"], space={"learning_rate": Real(1e-4, 1e-2)})


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads one file of a folder, which `write` has filled; the others stay whole."""

    file: str
    """Its path in the folder, as a pattern."""
    write: Callable[[Path], object]
    read: Callable[[Path], object]
    mutations: tuple[Mutation, ...] = BINARY
    sealed: bool = False
    """Whether it is JSON with its own sha256, which an attacker renews."""


def load(name: str) -> Callable[[Path], object]:
    """Load the data set in a folder's `name`."""
    return lambda folder: load_dataset(f"x={folder / name}", open_store(str(folder / "store")))


def png(mode: str = "L", side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 99).convert(mode).save(out, "png")
    return out.getvalue()


def write_idx(folder: Path) -> None:
    for split, count in (("train", 12), ("t10k", 8)):
        images = struct.pack(">4I", 0x803, count, 4, 4) + bytes(range(16)) * count
        labels = struct.pack(">2I", 0x801, count) + bytes(i % 10 for i in range(count))
        for name, data in (("images-idx3", images), ("labels-idx1", labels)):
            place = folder / "set" / f"{split}-{name}-ubyte"
            place.parent.mkdir(exist_ok=True)
            if split == "train":
                place.write_bytes(data)
            else:
                place.with_name(f"{place.name}.gz").write_bytes(gzip.compress(data))


def write_images(folder: Path) -> Path:
    for number in range(12):
        place = folder / "set" / ("cat", "dog")[number % 2] / f"{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png())
    return folder / "set"


def write_archive(form: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        shutil.make_archive(str(folder / "packed"), form, write_images(folder))

    return write


def write_parquet(columns: dict[str, Any]) -> Callable[[Path], None]:
    return lambda folder: pq.write_table(pa.table(columns), folder / "some.parquet")


def write_arrays(folder: Path) -> None:
    np.savez(folder / "a.npz", x=np.arange(48.0).reshape(24, 2), y=np.arange(24) % 3)
    np.save(folder / "a.npy", np.arange(48.0).reshape(24, 2))


def write_table(folder: Path) -> None:
    lines = "".join(f"{i / 3:.3f},{i * i},{i % 3}\n" for i in range(24))
    (folder / "t.csv").write_text("a,b,label\n" + lines)


@functools.cache
def lane_bytes() -> bytes:
    return LaneState({"net/w": torch.ones(4)}, {"config": {"hidden": 8}, "ticks": 3}).to_bytes()


def write_checkpoint(folder: Path) -> None:
    kept = Checkpoints(open_store(str(folder / "store")), "c")
    kept.write(3, {"0": lane_bytes()}, {"time": 1})


def read_checkpoint(folder: Path) -> None:
    kept = Checkpoints(open_store(str(folder / "store")), "c")
    with contextlib.suppress(LookupError):  # what is damaged is passed over
        LaneState.from_bytes(kept.read_lane("0")[0])
    kept.prune(1)


def write_dataset(folder: Path) -> None:
    load_dataset("ring8", open_store(str(folder / "store")), cache=folder / "cache")
    (identifier,) = {place.parent.name for place in folder.glob("store/datasets/*/manifest.json")}
    (folder / "id").write_text(identifier)


def read_dataset(folder: Path) -> None:
    store = open_store(str(folder / "store"))
    load_dataset((folder / "id").read_text(), store, cache=folder / "other").arrays()


def read_ledger(folder: Path) -> None:
    """Tell of a sweep as commands do, which tell a `UserError` in a line."""
    os.environ.update(GENSWEEP_HOME=str(folder), GENSWEEP_STORE=f"file://{folder}/store")
    refused = [said for line in COMMANDS if (said := refusal_of(line.split()))]
    if refused:
        raise UserError(refused[-1])


def refusal_of(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = command(words)
    if not status:
        return ""
    assert status == 2
    assert len(said.getvalue().splitlines()) == 1
    return said.getvalue()


def write_spool(folder: Path) -> None:
    spool = Spool(folder / "spool")
    for number in range(4):
        spool.put({"kind": "metric", "marks": {"m": number}}, name="a.png", data=png())
    spool.acknowledge(spool.read(Position(1, 0), 1))
    spool.close()


def read_spool(folder: Path) -> None:
    spool = Spool(folder / "spool")
    try:
        events = spool.read(spool.acked, 10)
        for event, _ in events:
            if "blob" in event:
                assert spool.blob_path(event).is_relative_to(folder / "spool" / "blobs")
        spool.acknowledge(events)
    finally:
        spool.close()


def write_runs(folder: Path) -> None:
    lines = (json.dumps({"name": f"s/{number}", "run": "a" * 32}) for number in range(4))
    (folder / "runs.jsonl").write_text("\n".join(lines) + "\n")


def read_runs(folder: Path) -> None:
    runs = Runs("s", folder / "runs.jsonl")
    assert all(isinstance(runs.run_id(number), str | None) for number in range(4))


def write_configuration(folder: Path) -> None:
    file = ConfigurationFile(model="gan", values={"learning_rate": 1e-3, "hidden": 8})
    for suffix in (".toml", ".json"):
        (folder / f"best{suffix}").write_text(file.text(suffix))


def read_configuration(suffix: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        return fix_values(SWEEP, ConfigurationFile.read(folder / f"best{suffix}").values, 2)

    return read


def write_prices(folder: Path) -> None:
    row = {"on_demand": 1.0, "spot": 0.5, "gpus": 1}
    told = {"currency": "USD", "regions": {"us-east-1": {"g6.xlarge": row}}}
    (folder / "prices.json").write_text(json.dumps(told))


def profiles(folder: Path) -> ProfileCache:
    os.environ["GENSWEEP_HOME"] = str(folder)
    return ProfileCache({"of": "a model"})


@functools.cache
def scripted() -> bytes:
    out, net = io.BytesIO(), torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3)).eval()
    torch.jit.save(torch.jit.trace(net, torch.zeros(2, 3, 8, 8)), out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def read_features(folder: Path) -> object:
    return FileFeatures.load((folder / "net.pt").read_bytes(), feature_input("as-is"))


IMAGES = [png() for _ in range(12)]
POINTS = {"a": [i / 3 for i in range(24)], "b": list(range(24)), "label": ["x", "y"] * 12}
READERS = {
    "IDX": Reader(file="set/train-images*", write=write_idx, read=load("set")),
    "IDX labels": Reader(file="set/t10k-labels*", write=write_idx, read=load("set")),
    "an image": Reader(file="set/cat/00.png", write=write_images, read=load("set")),
    "a zip": Reader(file="packed.zip", write=write_archive("zip"), read=load("packed.zip")),
    "a tar": Reader(file="packed.tar", write=write_archive("tar"), read=load("packed.tar")),
    "a tar.gz": Reader(
        file="packed.tar.gz", write=write_archive("gztar"), read=load("packed.tar.gz")
    ),
    "images in Parquet": Reader(
        file="*.parquet", write=write_parquet({"img": IMAGES}), read=load("some.parquet")
    ),
    "numbers in Parquet": Reader(
        file="*.parquet", write=write_parquet(POINTS), read=load("some.parquet")
    ),
    "a table": Reader(file="t.csv", write=write_table, read=load("t.csv"),
                      mutations=(*BINARY, *TEXT)),
    "an array": Reader(file="a.npy", write=write_arrays, read=load("a.npy")),
    "arrays": Reader(file="a.npz", write=write_arrays, read=load("a.npz")),
    "a stored data set": Reader(file="store/datasets/*/manifest.json", write=write_dataset,
                                read=read_dataset, mutations=TEXT, sealed=True),
    "a checkpoint": Reader(file="store/c/*.json", write=write_checkpoint, read=read_checkpoint,
                           mutations=TEXT, sealed=True),
    "a lane": Reader(file="lane", write=lambda folder: (folder / "lane").write_bytes(lane_bytes()),
                     read=lambda folder: LaneState.from_bytes((folder / "lane").read_bytes())),
    "a ledger": Reader(file="studies", write=ended, read=read_ledger, mutations=LEDGER),
    "a spool": Reader(file="spool/*.jsonl", write=write_spool, read=read_spool, mutations=TEXT),
    "a spool's mark": Reader(file="spool/acked", write=write_spool, read=read_spool,
                             mutations=TEXT),
    "runs": Reader(file="runs.jsonl", write=write_runs, read=read_runs, mutations=TEXT),
    "a configuration": Reader(file="best.json", write=write_configuration,
                              read=read_configuration(".json"), mutations=TEXT),
    "a configuration in TOML": Reader(file="best.toml", write=write_configuration,
                                      read=read_configuration(".toml"), mutations=TEXT),
    "prices": Reader(file="prices.json", write=write_prices, mutations=TEXT,
                     read=lambda folder: load_prices(str(folder / "prices.json"), "us-east-1")),
    "profiles": Reader(
        file="paces/*.json", mutations=TEXT, read=lambda folder: profiles(folder).load(),
        write=lambda folder: profiles(folder).save({4: PackProfile(1.0, 2.0, 3.0)}),
    ),
    "features": Reader(
        file="net.pt", write=lambda folder: (folder / "net.pt").write_bytes(scripted()),
        read=read_features,
    ),
}  # fmt: skip
