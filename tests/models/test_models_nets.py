"""Shared networks: a U-Net of any size, a transformer with a cache, conditional residual blocks."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import one_hot

from gensweep_models.nets.residual import ConditionalNorm, ResidualDown, ResidualUp
from gensweep_models.nets.transformer import Transformer
from gensweep_models.nets.unet import UNet


def random(net: nn.Module) -> nn.Module:
    """The network with weights that are nowhere zero, so that every part has an effect."""
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.2)
    return net


@pytest.mark.parametrize("side", [(4, 4), (7, 9), (20, 28), (64, 64)])
def test_a_unet_takes_images_of_any_size(side: tuple[int, int]) -> None:
    net = UNet((3, *side), 8, True, inputs=6, outputs=5, condition=4)
    x, time = torch.randn(2, 6, *side), torch.rand(2)
    assert net(x, time, torch.randn(2, 4)).shape == (2, 5, *side)


def test_a_unet_depends_on_its_condition_and_all_inputs() -> None:
    net = random(UNet((1, 8, 8), 8, False, inputs=2, condition=3))
    x, condition = (
        torch.randn(2, 2, 8, 8, requires_grad=True),
        torch.randn(2, 3, requires_grad=True),
    )
    net(x, torch.rand(2), condition)[0].square().sum().backward()
    assert x.grad is not None
    assert condition.grad is not None
    assert (x.grad[0] != 0).all()
    assert (x.grad[1] == 0).all()
    assert (condition.grad[0] != 0).all()


@pytest.fixture
def transformer() -> Transformer:
    net = Transformer(codes=5, length=6, channels=8, layers=2, heads=2)
    random(net)
    return net


def test_logits_depend_on_the_tokens_before_alone(transformer: Transformer) -> None:
    tokens = torch.randint(0, 5, (1, 6))
    # Embeddings of one-hot tokens, so that there is a gradient with respect to each token.
    soft = one_hot(tokens, 5).float().requires_grad_()
    table = transformer.embed.weight
    x = torch.cat([transformer.first(1)[:, None], (soft @ table)[:, :-1]], 1)
    logits, _ = transformer._logits(x, torch.arange(6), transformer.cache(x))
    torch.testing.assert_close(logits, transformer(tokens))
    for place in range(6):
        (gradient,) = torch.autograd.grad(logits[0, place].sum(), soft, retain_graph=True)
        assert (gradient[0, place:] == 0).all()
        assert place == 0 or (gradient[0, :place].abs().sum(-1) > 0).all()


@pytest.mark.parametrize("conditioned", [False, True])
def test_steps_with_a_cache_give_the_logits_of_the_whole(
    transformer: Transformer, conditioned: bool
) -> None:
    tokens = torch.randint(0, 5, (3, 6))
    condition = torch.randn(3, 8) if conditioned else None
    whole = transformer(tokens, condition)
    fed, kept = transformer.first(3, condition), transformer.cache(whole)
    for place in range(6):
        logits, kept = transformer.step(fed, torch.tensor(place), kept)
        torch.testing.assert_close(logits, whole[:, place])
        fed = transformer.embed(tokens[:, place])


def test_a_stacked_transformer_equals_each_alone() -> None:
    nets = [random(Transformer(4, 5, 4, 1, 1)) for _ in range(2)]
    for parameter in nets[1].parameters():
        nn.init.normal_(parameter)
    tokens = torch.randint(0, 4, (2, 3, 5))
    params, buffers = stack_module_state(nets)
    stacked = vmap(lambda p, b, t: functional_call(nets[0], (p, b), (t,)))(params, buffers, tokens)
    for i, net in enumerate(nets):
        torch.testing.assert_close(stacked[i], net(tokens[i]))


@pytest.mark.parametrize("kind", ["batch", "group", "instance"])
def test_a_conditional_norm_begins_as_the_plain_one(kind: str) -> None:
    x = 3 + 2 * torch.randn(4, 16, 5, 5)
    norm = ConditionalNorm(16, 3, kind)  # type: ignore[arg-type]
    plain = norm.norm(x)
    torch.testing.assert_close(norm(x, torch.randn(4, 3)), plain)
    torch.testing.assert_close(ConditionalNorm(16, 0, kind)(x), plain)  # type: ignore[arg-type]
    assert float(plain.mean()) == pytest.approx(0, abs=1e-5)
    assert float(plain.std()) == pytest.approx(1, abs=0.05)


def test_a_conditional_norm_is_of_each_examples_condition() -> None:
    norm = random(ConditionalNorm(8, 3, "group"))
    x = torch.randn(1, 8, 4, 4).expand(2, -1, -1, -1)
    alike, other = torch.ones(2, 3), torch.tensor([[1.0, 1, 1], [0, 2, 1]])
    same = norm(x, alike)
    torch.testing.assert_close(same[0], same[1])
    assert not torch.allclose(*norm(x, other))


def test_blocks_change_the_sides_and_pass_gradients_to_all() -> None:
    up = random(ResidualUp(4, 6, condition=3, norm="group"))
    down = random(ResidualDown(6, 2, spectral=True))
    x, condition = torch.randn(2, 4, 4, 4), torch.randn(2, 3)
    middle = up(x, condition)
    assert middle.shape == (2, 6, 8, 8)
    out = down(middle)
    assert out.shape == (2, 2, 4, 4)
    out.square().sum().backward()
    for net in (up, down):
        assert all((p.grad != 0).any() for p in net.parameters())
    assert ResidualUp(4, 4, resize="none")(x).shape == x.shape


def test_the_first_block_of_a_critic_halves_before_its_shortcut() -> None:
    """Which changes nothing but the cost: a 1x1 convolution and the mean of four commute."""
    first = ResidualDown(3, 4, first=True)
    x = torch.randn(2, 3, 8, 8).abs()  # a ReLU changes nothing here
    later = ResidualDown(3, 4)
    later.load_state_dict(first.state_dict())
    torch.testing.assert_close(first(x), later(x))
