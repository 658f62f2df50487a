"""Decoded codes are valid where examples' codes are: an autoencoder's nowhere else."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch

from gensweep.storage import open_store

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        return importlib.import_module("code_regions")


def test_codes_are_parted_by_their_distance_to_the_nearest_known_one(script: ModuleType) -> None:
    """Each is in one region, whose ends belong to it."""
    known = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    codes = torch.tensor([[0.0, 1.5], [10.0, 1.6], [3.0, 0.0], [5.0, 0.0], [0.0, 100.0]])
    distance = script.nearest(codes, known)
    assert distance.tolist() == pytest.approx([1.5, 1.6, 3.0, 5.0, 100.0])
    found = {name: len(some) for name, some in script.regions(codes, distance).items()}
    assert found == {"to_1.5": 1, "to_2": 1, "to_3": 1, "to_4": 0, "to_inf": 2}


def test_codes_are_drawn_of_the_law_and_of_the_box_of_those_known(script: ModuleType) -> None:
    known = torch.randn(500, 3) @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]])
    law, box = script.of_law(known, 20_000), script.of_box(known, 20_000)
    torch.testing.assert_close(law.mT.cov(), known.mT.cov(), rtol=0.1, atol=0.1)
    torch.testing.assert_close(law.mean(0), known.mean(0), rtol=0, atol=0.1)
    low, high = known.amin(0), known.amax(0)
    assert ((box >= low) & (box <= high)).all()
    torch.testing.assert_close(box.mean(0), (low + high) / 2, rtol=0, atol=0.1)


@pytest.mark.slow("trains an autoencoder and a VAE", minutes=0.4)
def test_an_autoencoders_samples_get_worse_with_the_distance(
    script: ModuleType, tmp_path: Path
) -> None:
    """A VAE's less so: it has spread its codes over the prior, and their images with them."""
    store, falls = open_store(tmp_path.as_uri()), {}
    for name in ("autoencoder", "vae"):
        argv = [name, "--preset", "--images", "60000"]
        figures = script.measured(script.parser().parse_args(argv), store)
        near, far = figures["precision.to_1.5"], figures["precision.to_inf"]
        assert near > 0.85
        assert figures["precision.held_out"] > near
        falls[name] = near - far
    assert falls["autoencoder"] > 0.1
    assert falls["vae"] < 0.7 * falls["autoencoder"]
