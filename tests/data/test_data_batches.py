"""Resident and streamed batches are the same numbers, those of the definition."""

import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from gensweep.data import BatchSource, Dataset, Resident, Streamed, load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore


@pytest.fixture(params=["digits", "ring8", "mnist"])
def data(request: pytest.FixtureRequest, store: ObjectStore, mnist: tuple[Path, Any]) -> Dataset:
    spec = f"mnist={mnist[0]}" if request.param == "mnist" else request.param
    return load_dataset(spec, store)


@pytest.mark.parametrize("shape", [(), (5,), (3, 7), (2, 3, 4), (0,), (2, 0)])
def test_both_sources_give_the_definition(data: Dataset, shape: tuple[int, ...]) -> None:
    indices = torch.randint(data.count, shape, generator=torch.Generator().manual_seed(1))
    stored = data.tensors()
    x = stored["x"][indices]
    expected = x.double() / (data.levels / 2) - 1 if data.levels else x.double()
    for source in (Resident(data), Streamed(data)):
        batch = source.gather(indices)
        assert batch["x"].dtype == torch.float32
        assert batch["x"].shape == (*shape, *data.shape)
        assert torch.allclose(batch["x"].double(), expected, atol=1e-7, rtol=0)
        if data.classes:
            assert torch.equal(batch["y"], stored["y"][indices])
            assert batch["y"].dtype == torch.int64
        else:
            assert set(batch) == {"x"}


def test_both_sources_agree_to_the_bit(data: Dataset) -> None:
    indices = torch.randint(data.count, (4, 100))
    resident, streamed = Resident(data).gather(indices), Streamed(data).gather(indices)
    assert all(torch.equal(resident[name], streamed[name]) for name in resident)


def test_pixels_fill_the_interval(store: ObjectStore, mnist: tuple[Path, Any]) -> None:
    for data in (load_dataset("digits", store), load_dataset(f"mnist={mnist[0]}", store)):
        x = data.images(torch.arange(data.count))
        assert (x.min().item(), x.max().item()) == (-1, 1)


@pytest.mark.parametrize("kind", [Resident, Streamed])
@pytest.mark.parametrize("index", [-1, 50])
def test_indices_out_of_range(
    store: ObjectStore, mnist: tuple[Path, Any], kind: type, index: int
) -> None:
    source: BatchSource = kind(load_dataset(f"mnist={mnist[0]}", store))
    with pytest.raises(IndexError):
        source.gather(torch.tensor([0, index]))


def test_batches_do_not_share_memory_with_the_data(data: Dataset) -> None:
    source, other = Resident(data), Resident(data)
    before = source.gather(torch.arange(3))["x"].clone()
    source.gather(torch.arange(3))["x"].fill_(9)
    source.data["x"].fill_(3)
    assert torch.equal(other.gather(torch.arange(3))["x"], before)
    assert torch.equal(Streamed(data).gather(torch.arange(3))["x"], before)


def test_choice_by_memory(store: ObjectStore, mnist: tuple[Path, Any]) -> None:
    data = load_dataset(f"mnist={mnist[0]}", store)
    assert data.nbytes == 50 * (30 + 8) == sum(t.nbytes for t in data.tensors().values())
    assert data.fits(1900)
    assert not data.fits(1899)
    assert isinstance(data.source(device_bytes=1900), Resident)
    assert isinstance(data.source(device_bytes=1899), Streamed)
    assert isinstance(data.source(), Resident)


def test_unknown_device(data: Dataset) -> None:
    with pytest.raises(UserError, match=r"'meta'.*cpu or cuda"):
        data.source("meta")


def test_pickles_as_a_reference(data: Dataset) -> None:
    text = pickle.dumps(data)
    assert len(text) < 5_000 + sum(map(len, data.class_names))
    again = pickle.load(io.BytesIO(text))
    assert torch.equal(again.tensors()["x"], data.tensors()["x"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_batches_on_a_gpu(data: Dataset) -> None:
    indices = torch.randint(data.count, (4, 100))
    expected = Streamed(data).gather(indices)
    for source in (Resident(data, "cuda"), Streamed(data, "cuda")):
        for asked in (indices, indices.cuda()):
            batch = source.gather(asked)
            assert all(batch[name].is_cuda for name in batch)
            assert all(torch.equal(batch[name].cpu(), expected[name]) for name in batch)
