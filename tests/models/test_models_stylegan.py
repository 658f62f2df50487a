"""StyleGAN: modulation, style mixing, truncation in W, and what a style can change."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, instance_norm, interpolate, leaky_relu

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.adversarial.stylegan import Stylegan, StyleganConfig, StyleGenerator
from gensweep_models.catalog import CATALOG
from gensweep_models.nets.style import (
    MODULATIONS,
    AdaptiveLayer,
    DemodulatedLayer,
    adain,
    crossovers,
    demodulated_conv,
    mixed,
)

SHAPE = (1, 8, 8)
SMALL: dict[str, Any] = {"hidden": 8, "layers": 2, "channels": 4, "latent_size": 5, "batch_size": 8}
every_modulation = pytest.mark.parametrize("modulation", MODULATIONS)


def built(modulation: Any = "adain", shape: tuple[int, ...] = SHAPE) -> StyleGenerator:
    """A generator whose noise inputs and styles all have an effect."""
    net = StyleGenerator(StyleganConfig(modulation=modulation, **SMALL), shape)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return net


def inputs(net: StyleGenerator, count: int) -> list[Tensor]:
    return [torch.randn(count, 1, side, side) for side in net.sides]


def test_adain_is_instance_normalisation_with_a_gain_and_a_shift() -> None:
    x, gain, shift = 2 + 3 * torch.randn(3, 4, 5, 5), torch.randn(3, 4), torch.randn(3, 4)
    by_hand = torch.stack(
        [instance_norm(x[i : i + 1], weight=gain[i], bias=shift[i], eps=1e-8)[0] for i in range(3)]
    )
    torch.testing.assert_close(adain(x, gain, shift), by_hand)


def test_a_demodulated_convolution_is_that_of_each_examples_weights() -> None:
    """Equations 1 and 3 of the paper, one example after the other."""
    x, weight, style = torch.randn(3, 4, 6, 6), torch.randn(5, 4, 3, 3), torch.randn(3, 4)
    found = demodulated_conv(x, weight, style)
    for i in range(3):
        own = weight * style[i, :, None, None]
        own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(found[i : i + 1], conv2d(x[i : i + 1], own, padding=1))


def test_demodulation_keeps_the_variance_of_unit_inputs() -> None:
    x, style = torch.randn(4, 16, 40, 40), torch.randn(4, 16) * torch.tensor([[0.1], [1], [3], [9]])
    inner = demodulated_conv(x, torch.randn(3, 16, 3, 3), style)[..., 1:-1, 1:-1]
    assert float((inner.var((2, 3)) - 1).abs().max()) < 0.2
    assert float(inner.var((1, 2, 3)).mean()) == pytest.approx(1, abs=0.03)


def random_layer(kind: Any, up: bool) -> Any:
    layer = kind(4, 6, 8, up=up)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return layer


def activated(h: Tensor, layer: Any, noise: Tensor, up: bool) -> Tensor:
    """Smoothed if it is enlarged; then noise, the bias, and LeakyReLU, in this order."""
    smooth = torch.tensor([1.0, 2, 1]).outer(torch.tensor([1.0, 2, 1])) / 16
    h = conv2d(h, smooth.expand(6, 1, 3, 3), padding=1, groups=6) if up else h
    added = layer.activation.strength[:, None, None] * noise
    return leaky_relu(h + added + layer.activation.bias[:, None, None], 0.2)


@pytest.mark.parametrize("up", [False, True])
def test_an_adaptive_layer_ends_in_adain(up: bool) -> None:
    """As `layer_epilogue` of `networks_stylegan.py`, whose gains are 1 and what the style says."""
    layer, x, w = random_layer(AdaptiveLayer, up), torch.randn(3, 4, 4, 4), torch.randn(3, 8)
    noise = torch.randn(3, 1, *[8 if up else 4] * 2)
    h = interpolate(x, scale_factor=2.0) if up else x
    h = conv2d(h, layer.conv.weight * (2 / 36) ** 0.5, padding=1)
    style = w @ (layer.style.weight / 8**0.5).mT + layer.style.bias
    gain, shift = style[:, :6, None, None], style[:, 6:, None, None]
    wanted = instance_norm(activated(h, layer, noise, up), eps=1e-8) * (1 + gain) + shift
    torch.testing.assert_close(layer(x, w, noise), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("up", [False, True])
def test_a_demodulated_layer_keeps_the_variance_through_its_activation(up: bool) -> None:
    """LeakyReLU times sqrt(2), as in `networks_stylegan2.py`, after the convolution by hand."""
    layer, x, w = random_layer(DemodulatedLayer, up), torch.randn(3, 4, 4, 4), torch.randn(3, 8)
    noise = torch.randn(3, 1, *[8 if up else 4] * 2)
    h = interpolate(x, scale_factor=2.0) if up else x
    style = w @ (layer.style.weight / 8**0.5).mT + layer.style.bias
    h = demodulated_conv(h, layer.weight / 6, style)
    wanted = 2**0.5 * activated(h, layer, noise, up)
    torch.testing.assert_close(layer(x, w, noise), wanted, rtol=1e-4, atol=1e-4)


@every_modulation
def test_layers_that_a_style_steers_are_those_of_the_paper(modulation: str) -> None:
    """Two of each side; demodulation has none of the constant itself."""
    config = StyleganConfig(modulation=modulation, **SMALL)  # type: ignore[arg-type]
    net = StyleGenerator(config, (3, 28, 28))
    assert net.sides == [7, 7, 14, 14, 28, 28][modulation == "demodulation" :]
    game = Stylegan(config, SimpleNamespace(shape=(3, 28, 28)))
    drawn = {name: one.shape for name, one in game.noise["critic"].items()}
    assert [drawn[f"noise{i}"] for i in range(len(net.sides))] == [(8, 1, s, s) for s in net.sides]


@every_modulation
def test_a_style_changes_nothing_in_earlier_layers(modulation: str) -> None:
    net, seen = built(modulation), []
    for layer in net.layers:
        layer.register_forward_hook(lambda *called: seen.append(called[-1]))
    styles, noise = torch.randn(len(net.layers), 2, 8), inputs(net, 2)
    net.synthesis(styles, noise)
    before = seen.copy()
    for place in range(len(net.layers)):
        seen.clear()
        changed = styles.clone()
        changed[place] += 1
        net.synthesis(changed, noise)
        same = [torch.equal(one, other) for one, other in zip(seen, before, strict=True)]
        assert same == [i < place for i in range(len(same))]


def test_the_last_style_weighs_the_maps_that_colours_are_made_of() -> None:
    """In StyleGAN2 their layer is modulated and not demodulated; AdaIN has gains of its own.

    Without them no style could change the contrast of an image.
    """
    net, seen = built("demodulation"), []
    net.layers[-1].register_forward_hook(lambda *called: seen.append(called[-1]))
    styles = torch.randn(len(net.layers), 2, 8)
    images = net.synthesis(styles, inputs(net, 2))
    assert net.gains is not None
    gains = net.gains(styles[-1])
    own = [conv2d(h[None], net.rgb.weight * net.rgb.scale * gain[:, None, None], net.rgb.bias)
           for h, gain in zip(seen[0], gains, strict=True)]  # fmt: skip
    torch.testing.assert_close(images, torch.cat(own))
    assert built("adain").gains is None


@every_modulation
def test_noise_has_an_effect_only_as_far_as_its_strength(modulation: str) -> None:
    net = StyleGenerator(StyleganConfig(modulation=modulation, **SMALL), SHAPE)  # type: ignore[arg-type]
    styles = torch.randn(len(net.layers), 2, 8)
    first, second = (net.synthesis(styles, inputs(net, 2)) for _ in range(2))
    assert torch.equal(first, second)
    with torch.no_grad():
        net.layers[-1].activation.strength.fill_(0.1)  # type: ignore[union-attr]
    assert not torch.equal(net.synthesis(styles, inputs(net, 2)), first)


def test_styles_of_two_latents_meet_at_the_crossover() -> None:
    w, other = torch.randn(2, 3, 5)
    assert torch.equal(mixed(w, other, torch.full((3,), 0.0), 4), other.expand(4, 3, 5))
    assert torch.equal(mixed(w, other, torch.full((3,), 4.0), 4), w.expand(4, 3, 5))
    found = mixed(w, other, torch.tensor([1.0, 2, 3]), 4)
    for example, place in enumerate((1, 2, 3)):
        assert torch.equal(found[:place, example], w[example].expand(place, -1))
        assert torch.equal(found[place:, example], other[example].expand(4 - place, -1))


@every_modulation
def test_without_a_crossover_images_are_those_of_one_style(modulation: str) -> None:
    net, z, other = built(modulation), *torch.randn(2, 3, 5)
    net.eval()
    noise, layers = inputs(net, 3), float(len(net.layers))
    psi = torch.tensor(1.0)
    ends = {0.0: net.truncated(other, psi, noise), layers: net.truncated(z, psi, noise)}
    for place, known in ends.items():
        torch.testing.assert_close(net(z, other, torch.full((3,), place), noise), known)


def test_crossovers_are_even_over_the_inner_places() -> None:
    uniform = (torch.arange(9000) + 0.5) / 9000
    found = crossovers(uniform, torch.tensor(0.9), 4)
    shares = found.unique(return_counts=True)
    assert shares[0].tolist() == [1, 2, 3, 4]
    assert shares[1].tolist() == pytest.approx([2700, 2700, 2700, 900], abs=2)
    assert bool((crossovers(uniform, torch.tensor(0.0), 4) == 4).all())
    assert float(crossovers(uniform, torch.tensor(1.0), 4).max()) == 3


@every_modulation
def test_psi_of_one_changes_no_bit_and_psi_of_zero_leaves_one_image(modulation: str) -> None:
    net, z = built(modulation), torch.randn(4, 5)
    net.w_mean.normal_()
    drawn = inputs(net, 4)
    styles = net.mapping(z / z.square().mean(1, keepdim=True).add(1e-8).sqrt())
    w = net.truncated(z, torch.tensor(1.0), drawn)
    plain = net.synthesis(styles.expand(len(net.layers), -1, -1), drawn)
    torch.testing.assert_close(w, plain)
    net.w_mean.normal_()
    assert torch.equal(net.truncated(z, torch.tensor(1.0), drawn), w)
    torch.testing.assert_close(net.styles(z, torch.tensor(0.0))[0], net.w_mean.expand(4, -1))
    between = 0.7 * net.w_mean + 0.3 * styles
    torch.testing.assert_close(net.styles(z, torch.tensor(0.3))[-1], between)
    alike = [one[:1].expand_as(one) for one in drawn]
    found = net.truncated(z, torch.tensor(0.0), alike)
    torch.testing.assert_close(found, found[:1].expand_as(found))
    assert not torch.allclose(net.truncated(z, torch.tensor(0.0), drawn), found)


def test_the_mean_of_styles_is_a_running_one_of_the_generators_turns() -> None:
    net, z = built(), torch.randn(2, 6, 5)
    known = torch.zeros(8)
    for each in z:
        net(each, torch.randn(6, 5), torch.ones(6), inputs(net, 6))
        styles = net.mapping(each / each.square().mean(1, keepdim=True).sqrt())
        known = 0.995 * known + 0.005 * styles.mean(0)
    torch.testing.assert_close(net.w_mean, known)
    net.eval()
    net(z[0], z[1], torch.ones(6), inputs(net, 6))
    torch.testing.assert_close(net.w_mean, known)


def test_the_penalty_is_half_the_mean_squared_slope_on_real_images() -> None:
    game = Stylegan(StyleganConfig(**SMALL), SimpleNamespace(shape=SHAPE))
    nets: Any = {name: player.build() for name, player in game.players.items()}
    x = torch.randn(8, *SHAPE, requires_grad=True)
    hyper = {"penalty_weight": torch.tensor(10.0)}
    penalty, metrics = game.penalty("critic", nets, {"x": x}, {}, hyper)
    (slope,) = torch.autograd.grad(nets["critic"](x).sum(), x)
    torch.testing.assert_close(metrics["r1"], slope.square().sum() / 16)
    torch.testing.assert_close(penalty, 10 * metrics["r1"])


def test_samples_of_a_trained_lane_have_the_averaged_mean_of_styles() -> None:
    model, data = CATALOG["stylegan"], RandomExamples()
    config = model.config(**SMALL)
    pack = Pack(model, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=80)
    pack.run(3)
    full, none = (pack.sample(4, hyper={"psi": psi}) for psi in (1.0, 0.0))
    assert torch.equal(pack.sample(4), full)
    assert not torch.allclose(none, full)
    state = pack.take(0).tensors
    used = pack.stacks["generator"].lane_weights(0)["w_mean"]
    assert torch.equal(used, state["generator/ema_buffer.w_mean"])
    assert not torch.equal(used, state["generator/buffer.w_mean"])
