"""Laws of autoencoders: the linear ones' optima, the law of codes, corruption, padding."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind
from gensweep_models.game import Noise
from gensweep_models.scores import psnr
from gensweep_models.variational.autoencoder import Autoencoder, AutoencoderConfig, AutoencoderNet
from gensweep_models.variational.code_law import CodeLaw
from gensweep_models.variational.denoising_autoencoder import (
    DenoisingAutoencoder,
    DenoisingAutoencoderConfig,
)

IMAGE, NUMBERS, EXAMPLES = (1, 8, 8), 4, 500
SCALES = torch.tensor([2.0, 1.0, 0.5, 0.2])
"""Standard deviations of points along their axes."""


def _data(shape: tuple[int, ...]) -> Any:
    return SimpleNamespace(shape=shape, classes=0, count=10)


def _autoencoder(shape: tuple[int, ...] = (NUMBERS,), **values: Any) -> Autoencoder:
    settings: dict[str, Any] = {"layers": 0, "latent_size": 2, "hidden": 8, "batch_size": 6}
    return Autoencoder(AutoencoderConfig(**settings | values), _data(shape))


def _denoiser(shape: tuple[int, ...] = (NUMBERS,), **values: Any) -> DenoisingAutoencoder:
    settings: dict[str, Any] = {"layers": 0, "latent_size": NUMBERS, "hidden": 8, "batch_size": 6}
    return DenoisingAutoencoder(DenoisingAutoencoderConfig(**settings | values), _data(shape))


def _network(game: Autoencoder, seed: int = 0) -> AutoencoderNet:
    torch.manual_seed(seed)
    net = game.players["autoencoder"].build()
    assert isinstance(net, AutoencoderNet)
    return net


def _hyper(size: int, **values: float) -> dict[str, Tensor]:
    return {n: torch.tensor(float(v)) for n, v in {"latent_size": size, **values}.items()}


def _loss(game: Autoencoder, net: AutoencoderNet, x: Tensor, noise: Any, hyper: Any) -> Tensor:
    nets = {"autoencoder": bind("autoencoder", net)}
    return game.loss("autoencoder", nets, {"x": x}, noise, hyper)[0]


def _white(numbers: int) -> Tensor:
    """Examples with mean 0 and covariance 1, exactly."""
    torch.manual_seed(1)
    drawn = torch.cat([torch.ones(EXAMPLES, 1), torch.randn(EXAMPLES, numbers)], 1)
    return torch.linalg.qr(drawn.double())[0][:, 1:].float() * EXAMPLES**0.5


def _linear(net: AutoencoderNet, code: Tensor, back: Tensor) -> None:
    """Let the network compute back(code(x)), without biases."""
    last = net.decoder.get_submodule("0")
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        for layer, weight in ((net.code, code), (last, back)):
            layer.weight.copy_(weight)
            layer.bias.zero_()


def _assert_least(game: Autoencoder, net: AutoencoderNet, *rest: Any, least: float) -> None:
    """The loss is as told, its gradient zero, and it is more nearby."""
    loss = _loss(game, net, *rest)
    assert float(loss.detach()) == pytest.approx(least, rel=1e-4)
    for slope in torch.autograd.grad(loss, list(net.parameters())):
        assert float(slope.abs().max()) < 1e-4
    for _ in range(5):
        near = [p + 0.1 * torch.randn_like(p) for p in net.parameters()]
        other = _network(game)
        torch.nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(near), other.parameters())
        assert float(_loss(game, other, *rest).detach()) > least


def test_the_best_linear_autoencoder_is_that_of_principal_components() -> None:
    """Baldi and Hornik 1989: it loses the variance of the components that it has no code for."""
    x = _white(NUMBERS) * SCALES
    rotation = torch.linalg.qr(torch.randn(NUMBERS, NUMBERS))[0]
    game = _autoencoder()
    net = _network(game)
    kept = rotation[:, :2]
    _linear(net, kept.T, kept)
    lost = float(SCALES[2:].square().sum()) / NUMBERS
    _assert_least(game, net, x @ rotation.T, {}, _hyper(2), least=lost)


def test_the_best_linear_denoiser_is_the_wiener_filter() -> None:
    white = _white(2 * NUMBERS)
    x, noise = white[:, :NUMBERS] * SCALES, {"corruption": white[:, NUMBERS:]}
    game, std = _denoiser(), 0.7
    net = _network(game)
    gain = SCALES.square() / (SCALES.square() + std**2)
    _linear(net, torch.diag(gain), torch.eye(NUMBERS))
    least = float((gain * std**2).mean())
    hyper = _hyper(NUMBERS, noise_std=std, masked_share=0)
    _assert_least(game, net, x, noise, hyper, least=least)


def test_a_denoiser_without_noise_is_an_autoencoder() -> None:
    plain, denoiser = _autoencoder(IMAGE, layers=1), _denoiser(IMAGE, layers=1, latent_size=2)
    net, x = _network(plain), torch.rand(6, *IMAGE)
    hyper = _hyper(2, noise_std=0, masked_share=0.0)
    expected = _loss(plain, net, x, {}, hyper)
    noise = {"corruption": torch.randn(6, *IMAGE)}
    torch.testing.assert_close(_loss(denoiser, net, x, noise, hyper), expected)
    masking = _denoiser(IMAGE, layers=1, latent_size=2, corruption="masking")
    noise = {"corruption": torch.rand(6, *IMAGE)}
    torch.testing.assert_close(_loss(masking, net, x, noise, hyper), expected)


def test_masking_blackens_a_share_of_pixels_and_keeps_the_others() -> None:
    game, x = _denoiser(IMAGE, corruption="masking"), torch.rand(500, *IMAGE)
    noise = {"corruption": torch.rand(500, *IMAGE)}
    seen = game.corrupted(x, noise, _hyper(4, masked_share=0.3))
    masked = seen == -1
    assert float(masked.float().mean()) == pytest.approx(0.3, abs=0.01)
    assert torch.equal(seen[~masked], x[~masked])


def test_the_gain_of_denoising_is_over_the_noisy_image() -> None:
    game, x = _autoencoder(IMAGE, denoise_std=0.5), torch.zeros(6, *IMAGE)
    net = _network(game)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
    noise = {"noise": torch.randn(6, *IMAGE)}
    nets: Any = {"autoencoder": net}
    found = game.scores(nets, {"x": x + 0.1}, noise, _hyper(2))
    torch.testing.assert_close(found["denoised_psnr"], psnr(x, x + 0.1))
    expected = found["denoised_psnr"] - psnr(x, x + 0.5 * noise["noise"])
    torch.testing.assert_close(found["denoising_gain"], expected)
    assert tuple(found) == game.score_names


def test_codes_are_drawn_with_the_mean_and_covariance_of_those_seen() -> None:
    law, mixing = CodeLaw(3), torch.randn(3, 3)
    codes = _white(3) @ mixing + torch.tensor([5.0, 0.0, -1.0])
    for part in torch.split(codes, 100):
        law(part)
    torch.testing.assert_close(law.mean, codes.mean(0))
    torch.testing.assert_close(law.covariance, mixing.T @ mixing, atol=1e-3, rtol=1e-3)
    drawn = law.draw(_white(3))
    torch.testing.assert_close(drawn.mean(0), law.mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(drawn.T.cov(correction=0), law.covariance, atol=1e-2, rtol=1e-3)


def test_a_law_follows_codes_that_change_and_rests_outside_training() -> None:
    law = CodeLaw(2)
    for _ in range(100):
        law(torch.randn(8, 2))
    for _ in range(600):
        law(torch.full((8, 2), 3.0))
    torch.testing.assert_close(law.mean, torch.full((2,), 3.0), atol=0.02, rtol=0)
    before = law.mean.clone()
    law.eval()(torch.zeros(8, 2))
    assert torch.equal(law.mean, before)


def test_a_denoisers_law_is_that_of_codes_of_clean_examples() -> None:
    game, x = _denoiser(IMAGE, layers=1), torch.rand(200, *IMAGE)
    net, hyper = _network(game), _hyper(NUMBERS, noise_std=2.0, masked_share=0)
    noise = {"corruption": torch.randn(200, *IMAGE)}
    _loss(game, net, x, noise, hyper)
    codes = game.encode({"autoencoder": bind("autoencoder", net)}, x, {}, hyper).detach()
    torch.testing.assert_close(net.law.mean, codes.mean(0))
    torch.testing.assert_close(net.law.covariance, codes.T.cov(correction=0))


def test_codes_beyond_the_latent_size_leave_the_law_as_it_is() -> None:
    small, big, codes = CodeLaw(2), CodeLaw(5), torch.randn(50, 2) @ torch.randn(2, 2) + 1
    small(codes)
    big(torch.cat([codes, torch.zeros(50, 3)], 1))
    normal = torch.randn(9, 5)
    drawn = big.draw(normal)
    torch.testing.assert_close(drawn[:, :2], small.draw(normal[:, :2]))
    assert not drawn[:, 2:].any()


def test_codes_that_are_all_alike_are_drawn_as_they_are() -> None:
    law = CodeLaw(2)
    law(torch.full((8, 2), 0.5))
    torch.testing.assert_close(law.draw(torch.randn(4, 2)), torch.full((4, 2), 0.5))


@pytest.mark.parametrize("values", [{"layers": 1}, {"body": "conv", "channels": 4}])
def test_padding_changes_nothing(values: dict[str, Any]) -> None:
    small, big = _autoencoder(IMAGE, **values), _autoencoder(IMAGE, latent_size=5, **values)
    net, wide = _network(small), _network(big, 1)
    with torch.no_grad():
        for room, source in zip(wide.parameters(), net.parameters(), strict=True):
            room[tuple(slice(n) for n in source.shape)] = source
    x, hyper = torch.rand(6, *IMAGE), _hyper(2, truncation=6.0)
    torch.testing.assert_close(_loss(big, wide, x, {}, hyper), _loss(small, net, x, {}, hyper))
    nets: Any = ({"autoencoder": net}, {"autoencoder": wide})
    torch.testing.assert_close(*(
        game.reconstruct(each, x, {}, hyper) for game, each in zip((small, big), nets, strict=True)
    ))  # fmt: skip
    z = torch.rand(6, 5)
    z[:, 2:] = 0.5
    torch.testing.assert_close(
        big.sample(nets[1], {"z": z}, hyper), small.sample(nets[0], {"z": z[:, :2]}, hyper)
    )


def test_noise_is_declared_for_what_the_corruption_needs() -> None:
    assert _autoencoder().noise == {"autoencoder": {}}
    noise = {c: _denoiser(corruption=c).noise["autoencoder"] for c in ("gaussian", "masking")}
    assert noise["gaussian"] == {"corruption": Noise((6, NUMBERS))}
    assert noise["masking"] == {"corruption": Noise((6, NUMBERS), "uniform")}


def test_points_have_no_cross_entropy() -> None:
    with pytest.raises(ValueError, match="choose criterion squared_error"):
        _autoencoder(criterion="cross_entropy")
    game, x = _autoencoder(IMAGE, criterion="cross_entropy"), torch.rand(6, *IMAGE)
    assert float(_loss(game, _network(game), x, {}, _hyper(2)).detach()) > 0
