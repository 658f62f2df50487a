"""A store, a cache, and small data sets in every format."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
