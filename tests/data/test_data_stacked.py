"""Stacked MNIST has digits as channels, whose classes are those of an example."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gensweep.data import _stacked, load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore

Mnist = tuple[Path, dict[str, Any]]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer examples than the paper has, composed in parts."""
    monkeypatch.setattr(_stacked, "COUNTS", {"train": 500, "test": 90})
    monkeypatch.setattr(_stacked, "PART", 80)


def test_every_channel_is_a_digit_of_its_split_with_its_class(
    store: ObjectStore, mnist: Mnist
) -> None:
    folder, made = mnist
    for split, count in _stacked.COUNTS.items():
        data = load_dataset(f"stacked_mnist={folder}", store, split)
        assert (data.count, data.shape, data.classes) == (count, (3, 6, 5), 1000)
        assert data.stacked
        images, labels = made[split]
        label_of = dict(zip((image.tobytes() for image in images), labels, strict=True))
        arrays = data.arrays()
        for x, y in zip(arrays["x"], arrays["y"], strict=True):
            digits = [int(label_of[channel.tobytes()]) for channel in x]
            assert data.class_names[y] == "".join(map(str, digits))


def test_channels_are_drawn_apart_and_every_digit_is_drawn(
    store: ObjectStore, mnist: Mnist
) -> None:
    arrays = load_dataset(f"stacked_mnist={mnist[0]}", store).arrays()
    first, second, _ = np.moveaxis(arrays["x"].reshape(500, 3, -1), 1, 0)
    assert (first == second).all(1).mean() < 0.1
    assert len(np.unique(first, axis=0)) == 50


def test_its_files_are_those_of_mnist(
    store: ObjectStore, mnist: Mnist, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="stacked_mnist"):
        load_dataset("stacked_mnist", store)
    monkeypatch.setenv("GENSWEEP_DATA", str(mnist[0].parent))
    named = load_dataset("stacked_mnist", store)
    assert named.hash == load_dataset(f"stacked_mnist={mnist[0]}", store).hash
    assert not load_dataset("mnist", store).stacked
