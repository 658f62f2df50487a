"""The real MNIST and CIFAR-10, where they are at hand."""

import hashlib
import os
from pathlib import Path

import pytest
import torch

from gensweep.data import load_dataset
from gensweep.storage import ObjectStore

FOLDER = os.environ.get("GENSWEEP_DATA") or Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def _real(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(FOLDER) / request.param
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set GENSWEEP_DATA to a folder with {request.param}")
    monkeypatch.setenv("GENSWEEP_DATA", str(FOLDER))


@pytest.mark.usefixtures("_real")
@pytest.mark.parametrize("_real", ["mnist"], indirect=True)
def test_mnist(store: ObjectStore) -> None:
    """The MD5 of the unpacked training images is the well-known one, and so are the counts."""
    train, test = load_dataset("mnist", store), load_dataset("mnist", store, "test")
    images, labels = (train.tensors()[name] for name in ("x", "y"))
    header = b"".join(n.to_bytes(4, "big") for n in (0x803, 60_000, 28, 28))
    digest = hashlib.md5(header + images.numpy().tobytes(), usedforsecurity=False)
    assert digest.hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert torch.bincount(labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert torch.bincount(test.tensors()["y"]).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert images.double().mean().item() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert images.double().std().item() / 255 == pytest.approx(0.3081, abs=5e-5)


@pytest.mark.slow("reads all of CIFAR-10")
@pytest.mark.usefixtures("_real")
@pytest.mark.parametrize("_real", ["cifar10"], indirect=True)
def test_cifar10(store: ObjectStore) -> None:
    """Balanced classes, and the known means of the channels, which compression hardly moves."""
    train, test = load_dataset("cifar10", store), load_dataset("cifar10", store, "test")
    assert (train.shape, train.class_names[0], train.class_names[9]) == (
        (3, 32, 32), "airplane", "truck",
    )  # fmt: skip
    assert torch.bincount(train.tensors()["y"]).tolist() == [5000] * 10
    assert torch.bincount(test.tensors()["y"]).tolist() == [1000] * 10
    means = train.tensors()["x"].double().mean((0, 2, 3)) / 255
    assert means.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.004)
