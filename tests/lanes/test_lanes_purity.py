"""What a loss or a sample may not do is refused in one line, of one lane as of two."""

import dataclasses
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gensweep.errors import UserError
from gensweep.lanes import Pack
from gensweep.lanes._purity import Purity
from gensweep.testing._python_state import check_repeatable
from gensweep_models.config import fixed
from gensweep_models.game import Noise, Player


@dataclasses.dataclass(frozen=True)
class Config:
    batch_size: int = fixed(8)


class Fit:
    """A line fitted to points; what is `added` to the loss is for tests to say."""

    noise: ClassVar[dict[str, Any]] = {"net": {}}
    added: ClassVar[Any] = None

    def __init__(self, config: Any, data: Any) -> None:
        net = lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))  # noqa: E731
        sgd: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 0.1, "beta1": 0, "beta2": 0}
        self.players = {"net": Player(net if self.added is nn.Dropout else lambda: nn.Linear(2, 2),
                                      **sgd)}  # fmt: skip
        self.step, self.kept = 0, None

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return self._called(nets["net"], batch["x"]).square().mean(), {}

    def _called(self, net: Any, x: Tensor) -> Tensor:
        added = type(self).added
        out: Tensor = net(x)
        return out if added is nn.Dropout else out + added(net, x)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, 2))}

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        return self._called(nets["net"], noise["z"])


def _score(net: Any, x: Tensor) -> Tensor:
    return torch.autograd.grad(net(x).sum(), x, create_graph=True)[0]


IMPURE = {
    "randn": (lambda net, x: torch.randn(x.shape), "draws random numbers by `randn`: declare"),
    "rand_like": (lambda net, x: torch.rand_like(x), "`rand_like`"),
    "normal_": (lambda net, x: torch.empty_like(x).normal_(), "`normal_`"),
    "bernoulli": (lambda net, x: torch.bernoulli(torch.full_like(x, 0.5)), "`bernoulli`"),
    "function": (lambda net, x: functional.dropout(x), "`dropout`: declare"),
    "gumbel": (lambda net, x: functional.gumbel_softmax(x), "random numbers by `gumbel_softmax`"),
    "attention": (lambda net, x: functional.scaled_dot_product_attention(
        x[None, None], x[None, None], x[None, None], dropout_p=0.3)[0, 0], "random numbers by"),
    "grad": (_score, "calls `grad`: take torch.func.grad"),
    "backward": (lambda net, x: (net(x).sum().backward(), x)[1], "calls `backward`: take"),
    "item": (lambda net, x: x * x.mean().item(), "value of a tensor by `item`: choose by"),
    "branch": (lambda net, x: x if x.mean() > 0 else -x, "value of a tensor by `"),
}  # fmt: skip
every_impurity = pytest.mark.parametrize(("added", "words"), IMPURE.values(), ids=IMPURE)


def _pack(factory: Any, added: Any, width: int, trace: bool = True) -> Pack:
    game: Any = type("Fit", (Fit,), {"added": staticmethod(added) if added else None})
    model: Any = SimpleNamespace(name="fit", config=Config, game=game)
    pack = Pack(model, Config(), factory.points, factory.points, width=width, trace=trace)
    for slot in range(width):
        pack.load(slot, Config(), seed=slot, budget_images=80)
    return pack


@every_impurity
@pytest.mark.parametrize("width", [1, 2])
def test_an_impure_loss_is_refused(factory: Any, added: Any, words: str, width: int) -> None:
    for trace in (True, False):
        with pytest.raises(UserError, match=words) as refused:
            _pack(factory, added, width, trace).run(1)
        assert str(refused.value).startswith("Fit.loss of player 'net' ")
        assert "\n" not in str(refused.value)


@every_impurity
@pytest.mark.parametrize("width", [1, 2])
def test_an_impure_sample_is_refused(factory: Any, added: Any, words: str, width: int) -> None:
    with pytest.raises(UserError, match=words) as refused:
        _pack(factory, added, width).sample(5)
    assert str(refused.value).startswith("Fit.sample ")


def test_a_module_of_dropout_is_refused_in_training_alone(factory: Any) -> None:
    for width in (1, 2):
        pack = _pack(factory, nn.Dropout, width)
        assert pack.sample(5).isfinite().all()
        with pytest.raises(UserError, match="player 'net' draws random numbers by `dropout`"):
            pack.run(1)


PURE = {
    "func": lambda net, x: torch.func.grad(lambda y: net(y).square().sum())(x),
    "nested": lambda net, x: torch.func.grad(
        lambda y: torch.func.grad(lambda w: net(w).pow(3).sum())(y).sum())(x),
    "jacobian": lambda net, x: torch.func.vmap(torch.func.jacrev(net))(x).sum(1),
    "jvp": lambda net, x: torch.func.jvp(net, (x,), (x,))[1],
    "attention": lambda net, x: functional.scaled_dot_product_attention(*[x[None]] * 3)[0],
    "index": lambda net, x: x[torch.arange(len(x))],
    "where": lambda net, x: torch.where(x.mean() > 0, x, -x),
}  # fmt: skip


@pytest.mark.parametrize("added", PURE.values(), ids=PURE)
@pytest.mark.parametrize("width", [1, 2])
def test_what_is_pure_is_let_through(factory: Any, added: Any, width: int) -> None:
    pack = _pack(factory, added, width)
    pack.run(1)
    assert pack.sample(4).isfinite().all()


def test_only_the_first_call_is_watched() -> None:
    purity = Purity(object())
    with pytest.raises(UserError, match=r"object\.loss draws"), purity.watch("loss"):
        torch.randn(2)
    with purity.watch("loss"):
        torch.ones(2)
    with purity.watch("loss"):
        torch.randn(2)


def _counted(game: Any) -> Tensor:
    game.step += 1
    return torch.ones(2)


def _stored(game: Any) -> Tensor:
    game.kept = torch.ones(3)
    return torch.ones(2)


def _cached(game: Any) -> Tensor:
    game.step = 7
    return torch.tensor([float("nan")])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (_counted, r"Fit\.loss changes self\.step from 1 to 2: calls are replayed without Python"),
        (_stored, r"changes self\.kept from a tensor \(3,\) to a tensor \(3,\)"),
        (lambda game: game.players.update({len(game.players): 0}), r"changes self\.players"),
        (lambda game: torch.rand(3), "other numbers when it is called again"),
    ],
)
def test_python_state_is_found(call: Any, words: str) -> None:
    game = Fit(Config(), None)
    with pytest.raises(UserError, match=words):
        check_repeatable(game, "loss", lambda: call(game))


def test_what_is_computed_once_is_no_state() -> None:
    game = Fit(Config(), None)
    assert bool(check_repeatable(game, "loss", lambda: _cached(game)).isnan())
