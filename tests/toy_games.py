"""Games of a few numbers, as a researcher would write them, and packs of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from gensweep.lanes import Pack, Ranks
from gensweep.testing import LAWS, RandomExamples, find_violations
from gensweep_models.config import fixed, lane
from gensweep_models.game import Model, Noise, Player


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    """Settings of the toys: all use SGD without momentum unless a player says otherwise."""

    learning_rate: float = lane(0.1)
    beta1: float = lane(0.9)
    beta2: float = lane(0.99)
    critic_iterations: int = lane(1)
    batch_size: int = fixed(8)


class Number(nn.Module):
    """One number that is learned."""

    def __init__(self, value: float = 1.0):
        super().__init__()
        self.value = nn.Parameter(torch.tensor([value]))

    def forward(self) -> Tensor:
        return self.value


class CountingNumber(Number):
    """One that counts its calls in Python."""

    calls = 0

    def forward(self) -> Tensor:
        self.calls += 1
        return self.value


class Toy:
    """A game from players, noise and a function from a player's name and inputs to its loss."""

    def __init__(
        self, players: Mapping[str, Player], loss: Callable[..., Any],
        noise: Mapping[str, Mapping[str, Noise]] | None = None, order: str = "in_turn",
    ):  # fmt: skip
        self.players, self.order, self._loss = players, order, loss
        self.noise = noise or {name: {} for name in players}

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return self._loss(player, nets, batch, noise, hyper)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        return {"z": Noise((count, 2))}

    def sample(self, nets: Any, noise: Any, hyper: Any) -> Tensor:
        z: Tensor = noise["z"]
        return z


def own_number(player: str, nets: Any, *args: Any) -> Any:
    """A loss without fault: the square of the player's number."""
    return nets[player]().square().sum(), {}


def broken_laws(
    game: Callable[[Any, Any], Any], config: type[Any] = ToyConfig,
    data: RandomExamples | None = None, laws: Sequence[str] = tuple(LAWS),
) -> dict[str, str]:  # fmt: skip
    """Law to message, of the laws that the game of a model called mine breaks."""
    model = Model("mine", "toys", "none", config, game, {})
    found = find_violations(model, data or RandomExamples((2,)), {}, laws)
    return {violation.law: violation.message for violation in found}


def toy_model(build: Callable[[Any], Toy], config: type[Any] = ToyConfig) -> Model:
    return Model("toy", "toys", "none", config, lambda c, data: build(c), {})


def toy_pack(
    build: Callable[[Any], Toy], data: Any, *, width: int = 2, images: int = 8 * 40,
    ranks: Ranks | None = None, trace: bool = False, **values: Any,
) -> Pack:  # fmt: skip
    """A pack full of lanes of the toy, of seeds 0, 1, and so on, and of one configuration."""
    config = ToyConfig(**values)
    pack = Pack(toy_model(build), config, data, data, width=width, trace=trace, ranks=ranks)
    for slot in range(width):
        pack.load(slot, config, seed=slot, budget_images=images)
    return pack


def sgd(build: Callable[[], nn.Module], **options: Any) -> Player:
    return Player(build, "sgd", **options)


def repeating(work: Callable[[], Any], state: list[Tensor]) -> tuple[Callable[[], None], Any]:
    """What a CUDA graph is, by the CPU: `state` is as if `work` had not been done."""
    before = [one.clone() for one in state]
    results = work()
    for room, old in zip(state, before, strict=True):
        room.copy_(old)

    def repeat() -> None:
        for room, new in zip(*(pytree.tree_leaves(t) for t in (results, work())), strict=True):
            room.copy_(new)

    return repeat, results


class Mean:
    """The mean over two threads, each of which is a rank."""

    def __init__(self) -> None:
        self._met = Barrier(2)
        self._given: list[Tensor] = []

    def __call__(self, tensor: Tensor) -> None:
        self._given.append(tensor)
        self._met.wait(60)
        mean = torch.stack(self._given).mean(0)
        if self._met.wait(60) == 0:
            self._given.clear()
        tensor.copy_(mean)
        self._met.wait(60)
