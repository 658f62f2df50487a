"""The picture of codes in a plane: where they are, whose they are, and what is left out."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.evaluation._code_scatter import COLOURS, principal_plane, scatter
from gensweep.evaluation._pictured_lane import PicturedLane
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.config import latent
from gensweep_models.game import Noise
from toy_games import Number, Toy, ToyConfig, own_number, sgd, toy_model

DATA = RandomExamples((2,), 2)


@dataclass(frozen=True, kw_only=True)
class PlacedConfig(ToyConfig):
    """A toy with a latent size."""

    size: int = latent(2)


class Placed(Toy):
    """Codes are the examples themselves, and then zeros."""

    size = 2

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, self.size), latent="size")}

    def encode(self, nets: Any, x: Tensor, noise: Any, hyper: Any) -> Tensor:
        return torch.nn.functional.pad(x, (0, self.size - 2))


def _game(config: PlacedConfig) -> Placed:
    made = Placed({"x": sgd(Number)}, own_number)
    made.size = config.size
    return made


def _lane(x: Tensor, size: int = 2, **columns: Tensor) -> PicturedLane:
    config = PlacedConfig(size=size)
    pack = Pack(toy_model(_game, PlacedConfig), config, DATA, DATA, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=100)
    examples = {"x": x, **columns}
    return PicturedLane(pack=pack, examples=examples, count=len(x), classify=lambda images: images)


def _colours(image: Tensor) -> set[tuple[int, ...]]:
    levels = ((image + 1) * 127.5).round().int().flatten(1).T
    return {tuple(each) for each in levels.tolist()}


CORNERS = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [-1.0, -0.5], [1.0, 0.5]])


def test_codes_stand_at_their_place_in_the_colour_of_their_class() -> None:
    sheet = scatter(_lane(CORNERS, y=torch.tensor([0, 1, 0, 1])))
    assert sheet.samples.shape == (1, 3, 300, 300)
    assert sheet.detail == ""
    levels = ((sheet.samples[0] + 1) * 127.5).round().int()
    for label, colour in enumerate(COLOURS[:2]):
        row, column = (levels == torch.tensor(colour)[:, None, None]).all(0).nonzero().float().T
        low = label == 0  # the first is below and to the left
        assert (float(row.mean()) > 150) == low
        assert (float(column.mean()) < 150) == low


def test_without_classes_there_is_one_colour_and_what_is_not_finite_is_left_out() -> None:
    x = torch.cat([CORNERS, torch.tensor([[float("nan"), 0.0]])])
    assert _colours(scatter(_lane(x)).samples[0]) == {COLOURS[0], (255, 255, 255)}


def test_codes_of_more_numbers_are_shown_by_their_principal_components() -> None:
    sheet = scatter(_lane(torch.randn(50, 2), size=3))
    assert sheet.detail == "100% of the codes' variance"


def test_the_plane_keeps_the_most_variance() -> None:
    torch.manual_seed(0)
    scales = torch.tensor([0.1, 3.0, 2.0])
    codes = torch.randn(2000, 3) * scales + 7
    plane, share = principal_plane(codes)
    kept = scales[1:].square().sum() / scales.square().sum()
    assert share == pytest.approx(float(kept), abs=1e-3)
    assert plane.std(0).tolist() == pytest.approx([3.0, 2.0], rel=0.05)
    assert principal_plane(codes[:, :1])[0].shape == (2000, 2)
