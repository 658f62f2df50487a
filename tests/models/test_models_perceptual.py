"""Laws of perceptual features: by hand, beside torchmetrics' LPIPS, beside the platform's."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import conv2d, max_pool2d
from torchmetrics.functional.image import lpips

from gensweep.lanes import Pack
from gensweep.metrics import FeatureNet
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.discrete.vqgan import VqGan, VqGanConfig
from gensweep_models.nets.perceptual import (
    ClassifierFeatures,
    LpipsFeatures,
    RandomFeatures,
    feature_distance,
)

SMALL: dict[str, Any] = {
    "codes": 8, "code_size": 3, "channels": 8, "blocks": 1, "prior_channels": 8, "prior_layers": 1,
    "prior_heads": 2, "critic_channels": 4, "feature_channels": 4, "batch_size": 4,
}  # fmt: skip


def test_random_features_are_one_network_for_all_trials() -> None:
    torch.manual_seed(1)
    one, drawn = RandomFeatures(4).requires_grad_(False), torch.rand(())
    torch.manual_seed(2)
    other = RandomFeatures(4).requires_grad_(False)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(()), drawn)
    x, y = torch.rand(2, 1, 28, 28), torch.rand(2, 1, 28, 28)
    for a, b in zip(one(x), other(x), strict=True):
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(a.square().sum(1), torch.ones_like(a[:, 0]), atol=1e-3, rtol=0)
    assert float(feature_distance(one(x), one(x))) == 0
    near, far = (float(feature_distance(one(x), one(torch.lerp(x, y, t)))) for t in (0.1, 1.0))
    assert 0 < near < far


def test_random_features_are_taken_after_the_last_relu_of_a_scale() -> None:
    """relu1_2, relu2_2 and relu3_3 of VGG-16 by hand, each pixel's of length 1."""
    net = RandomFeatures(4).requires_grad_(False)
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    mean, std = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    h, wanted = (x - mean[:, None, None]) / std[:, None, None], []
    for numbers in ((0, 2), (5, 7), (10, 12, 14)):
        for number in numbers:
            layer = net.features[number]
            h = conv2d(h, layer.weight, layer.bias, padding=1).clamp(min=0)
        wanted.append(h / (h.norm(dim=1, keepdim=True) + 1e-10))
        h = max_pool2d(h, 2)
    for found, by_hand in zip(net(x), wanted, strict=True):
        torch.testing.assert_close(found, by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 20)])
def test_classifier_features_are_those_of_the_platforms_classifier(shape: tuple[int, ...]) -> None:
    theirs, ours = FeatureNet(shape, 5), ClassifierFeatures(shape)
    state = theirs.state_dict()
    ours.load_state_dict({name: one for name, one in state.items() if not name.startswith("head.")})
    x = torch.rand(4, *shape) * 2 - 1
    first = theirs.first(x).relu()
    wanted = [first, theirs.second(first).relu(), theirs.features(x)[:, :, None, None]]
    for found, raw in zip(ours(x), wanted, strict=True):
        by_hand = raw / (raw.norm(dim=1, keepdim=True) + 1e-10)
        torch.testing.assert_close(found, by_hand, rtol=1e-4, atol=1e-5)


def _vgg16(*_: Any, **__: Any) -> nn.Sequential:
    """The layers of torchvision's `vgg16().features`, with fresh weights."""
    layers: list[nn.Module] = []
    inputs = 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _layer in range(depth):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def test_lpips_features_give_torchmetrics_lpips(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its calibrated weights, on one trunk; names are those of its file, too."""
    monkeypatch.setattr(lpips, "_get_tv_model_features", _vgg16)
    torch.manual_seed(0)
    theirs, ours = lpips._LPIPS(net="vgg", pnet_rand=True), LpipsFeatures()
    state = theirs.state_dict() | ours.scaling_layer.state_dict(prefix="scaling_layer.")
    ours.load_state_dict({name: one for name, one in state.items() if not name.startswith("lins.")})
    x, y = (torch.rand(3, 3, 32, 32) * 2 - 1 for _ in range(2))
    with torch.no_grad():
        want, found = theirs(x, y).mean(), feature_distance(ours(x), ours(y))
    assert float(want) > 1e-3
    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-6)


def test_a_file_is_the_perceptual_network_of_a_pack(tmp_path: Path) -> None:
    file, wanted = tmp_path / "features.safetensors", ClassifierFeatures((1, 8, 8)).state_dict()
    save_file(wanted, file)
    config = VqGanConfig(**SMALL, features="classifier", feature_weights=str(file))
    data = RandomExamples((1, 8, 8), classes=3)
    pack = Pack(CATALOG["vqgan"], config, data, data, width=2, trace=False)
    for slot in range(2):
        pack.load(slot, config, seed=slot, budget_images=40)
    pack.run(2)
    for slot in range(2):
        found = pack.stacks["features"].lane_weights(slot)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name], one) for name, one in wanted.items())


@pytest.mark.parametrize(
    ("values", "shape", "classes", "says"),
    [
        ({"features": "classifier"}, (1, 8, 8), 3, "feature_weights=''"),
        ({"feature_weights": "a.safetensors"}, (1, 8, 8), 3, "random features have no file"),
        ({"features": "classifier", "feature_weights": "a"}, (1, 8, 8), 1, "classes=1"),
        ({"features": "lpips", "feature_weights": "a"}, (1, 8, 8), 3, "sides have 16 pixels"),
    ],
)
def test_features_that_do_not_fit_are_refused(
    values: dict[str, Any], shape: tuple[int, ...], classes: int, says: str
) -> None:
    data = SimpleNamespace(shape=shape, classes=classes, count=64)
    with pytest.raises(ValueError, match=says):
        VqGan(VqGanConfig(**SMALL, **values), data)
