"""A store, a cache, and small data sets in every format."""

import gzip
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from numpy.typing import NDArray

from gensweep.storage import ObjectStore, open_store

IDX_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches of one test are not those of another, nor the user's."""
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GENSWEEP_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


def idx(array: NDArray[np.uint8]) -> bytes:
    """The IDX file of an array of bytes."""
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, counts: dict[str, int], packed: bool = True) -> dict[str, Any]:
    """The four files of a small random MNIST; returns its arrays by split."""
    rng, made = np.random.default_rng(0), {}
    folder.mkdir(parents=True, exist_ok=True)
    for split, (images, labels) in IDX_NAMES.items():
        x = rng.integers(0, 256, (counts[split], 6, 5), np.uint8)
        y = rng.integers(0, 10, counts[split]).astype(np.uint8)
        for name, array in ((images, x), (labels, y)):
            data = idx(array)
            file = folder / (name + ".gz" if packed else name)
            file.write_bytes(gzip.compress(data) if packed else data)
        made[split] = (x, y)
    return made


@pytest.fixture
def mnist(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with IDX files, and what is in them."""
    folder = tmp_path / "small" / "mnist"
    return folder, write_idx(folder, {"train": 50, "test": 20})


@pytest.fixture(scope="session")
def data_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def data_bucket(data_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket on an S3 server in memory; the environment leads there."""
    for name, value in {
        "AWS_ENDPOINT_URL": data_endpoint,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "tester",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"data-{os.urandom(6).hex()}"
    boto3.session.Session().client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    return name
