"""The landscape of a critic: its values where they stand, below data and samples."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gensweep.evaluation._frame import SIDE, Frame
from gensweep.evaluation._landscape import STEPS, landscape
from gensweep.evaluation._pictured_lane import PicturedLane, own_game
from gensweep.evaluation._plane import LINE, SAMPLE, plane_png
from gensweep.known_pictures import offered_pictures
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.game import Model
from toy_games import Number, Toy, ToyConfig, own_number, sgd

RING = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
POINTS = RandomExamples((2,), classes=0)


class Linear(Toy):
    """A critic that is a linear function of the place, and of the class where there is one."""

    def critic_values(self, nets: Any, x: Tensor, noise: Any, hyper: Any, *given: Any) -> Tensor:
        values = 3 * x[:, 0] - 2 * x[:, 1] + 5
        return values + given[0]["y"] if given else values


class LinearOfClass(Linear):
    given = ("y",)

    def sample(self, nets: Any, noise: Any, hyper: Any, given: Any) -> Tensor:
        z: Tensor = noise["z"]
        return z


def pictured(model: Model, data: Any, modes: Tensor | None = RING, **values: Any) -> PicturedLane:
    config = model.config(**values)
    pack = Pack(model, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=3, budget_images=100)
    return PicturedLane(pack=pack, examples=data.gather(torch.arange(20)), count=30, modes=modes,
                        classify=lambda images: images)  # fmt: skip


def toy(kind: type[Toy] = Linear) -> Model:
    return Model("toy", "toys", "", ToyConfig, lambda *_: kind({"x": sgd(Number)}, own_number), {})


def test_a_linear_critic_is_a_plane() -> None:
    """Over a frame half as wide again as the modes, to the right and upwards."""
    sheet = landscape(pictured(toy(), POINTS))
    at = 1.5 * (2 * (torch.arange(STEPS) + 0.5) / STEPS - 1)
    assert sheet.surface is not None
    expected = 3 * at - 2 * at.flip(0)[:, None] + 5
    torch.testing.assert_close(sheet.surface, expected, rtol=1e-5, atol=1e-5)
    low, high = float(expected.min()), float(expected.max())
    assert sheet.detail == f"from {low:.3g} to {high:.3g}"
    assert (len(sheet.samples), sheet.examples is not None) == (30, True)


def test_all_places_are_of_one_condition() -> None:
    data = RandomExamples((2,), classes=3)
    lane = pictured(toy(LinearOfClass), data)
    plain, found = landscape(pictured(toy(), data)).surface, landscape(lane).surface
    assert plain is not None
    assert found is not None
    (label,) = lane.given(torch.tensor([0]))["y"].tolist()  # type: ignore[index]
    torch.testing.assert_close(found, plain + label)


@pytest.mark.parametrize("values", [{}, {"packing": 2}, {"objective": "hinge"}])
def test_values_are_the_scores_of_the_critic(values: dict[str, Any]) -> None:
    """Of the network as a loss calls it; PacGAN's, of a place beside itself."""
    config = {"hidden": 8, "layers": 1, "batch_size": 8} | values
    lane = pictured(CATALOG["gan"], POINTS, **config)
    surface = landscape(lane).surface
    net = lane.pack.stacks["critic"].module.eval()
    net.load_state_dict(lane.pack.stacks["critic"].lane_weights(0))
    places = Frame.around(RING).lattice(STEPS)
    with torch.no_grad():
        scores = net(places.repeat(1, config.get("packing", 1)))
    assert surface is not None
    torch.testing.assert_close(surface.flatten(), scores.squeeze(-1), rtol=1e-4, atol=1e-5)


def test_the_picture_is_light_where_values_are_high() -> None:
    """And has contours where a sixteenth of the range ends, and samples above all that."""
    surface = torch.linspace(0, 1, STEPS).expand(STEPS, STEPS)
    png = plane_png(torch.zeros(1, 2), RING, examples=RING[:1], surface=surface)
    pixels = np.asarray(Image.open(io.BytesIO(png)), np.int64)
    top = pixels[0, :, 0]
    assert (top[0], top[-1]) == (90, 255)
    assert 30 <= (top == LINE[0]).sum() <= 34  # 15 of two pixels, and where the shade is the same
    assert tuple(pixels[SIDE // 2, SIDE // 2]) == SAMPLE


def test_only_a_critic_of_points_is_drawn() -> None:
    """And none that has no score of an example alone, as minibatch discrimination makes it."""
    for data, values, offered in (
        (POINTS, {}, True), (RandomExamples(), {}, False), (POINTS, {"minibatch_kernels": 2}, False)
    ):  # fmt: skip
        config = CATALOG["gan"].config(**values)
        game = CATALOG["gan"].game(config, data)
        assert ("landscape" in offered_pictures(game, data, config)) is offered
    lane = pictured(toy(), POINTS)
    assert "landscape" in offered_pictures(own_game(lane.pack), POINTS, ToyConfig())
