"""Any game of the catalogue in an eager loop: what one would write for a single trial."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gensweep.lanes._net import Net

KNOWN = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD,
         "rmsprop": torch.optim.RMSprop}  # fmt: skip
"""Optimisers; the others of the platform are not in torch, and Adam takes as long."""


class Alone(Net):
    """A network whose calls are the module's own, unless a loss asks for other weights or state."""

    _plain = True

    @classmethod
    def of(cls, name: str, module: nn.Module) -> "Alone":
        return cls(name, module, dict(module.named_parameters()), dict(module.named_buffers()))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        called = self._module if self._plain else super().__call__
        return called(*args, **kwargs)

    def _method(self, name: str) -> Callable[..., Any]:
        return getattr(self._module, name) if self._plain else super()._method(name)

    def _with(self, **changes: Any) -> Net:
        other = super()._with(**changes)
        other._plain = self._plain and "module" in changes  # type: ignore[attr-defined]
        return other


class Learner:
    """A player that learns: its network, its optimiser, and the average of its weights."""

    def __init__(self, player: Any, module: nn.Module, hyper: Mapping[str, float]) -> None:
        def value(scalar: Any) -> Any:
            return hyper[scalar] if isinstance(scalar, str) else scalar

        self.weights = list(module.parameters())
        self.turns, self.bound = int(value(player.turns)), value(player.weight_bound)
        self.ema, self.taken = value(player.ema), 0
        self.penalty_every = int(value(player.penalty_every) or 0)
        options = {"lr": value(player.learning_rate)}
        if player.optimizer not in ("sgd", "rmsprop"):
            options["betas"] = value(player.beta1), value(player.beta2)
        self.optimizer = KNOWN.get(player.optimizer, torch.optim.Adam)(self.weights, **options)
        self.average = [w.detach().clone() for w in self.weights] if self.ema else []

    def step(self, loss: Tensor) -> None:
        grads = torch.autograd.grad(loss, self.weights, allow_unused=True)
        for weight, grad in zip(self.weights, grads, strict=True):
            weight.grad = grad
        self.optimizer.step()
        self.taken += 1
        with torch.no_grad():
            if self.bound is not None:
                torch._foreach_clamp_min_(self.weights, -self.bound)
                torch._foreach_clamp_max_(self.weights, self.bound)
            if self.average:
                torch._foreach_lerp_(self.average, self.weights, 1 - self.ema)


def bare_steps(entry: Any, config: Any, data: Any, device: str) -> Callable[[int], None]:
    """A loop that takes a number of ticks, in which the players that begin at once act in turn.

    Learning rates stay as they are, and so does progress: at 0.
    """
    game = entry.game(config, data)
    modules = {name: player.build().to(device) for name, player in game.players.items()}
    nets = {name: Alone.of(name, module) for name, module in modules.items()}
    numbers = _numbers(config)
    hyper = {n: torch.tensor(v, device=device) for n, v in numbers.items()}
    learners = {name: Learner(player, modules[name], numbers)
                for name, player in game.players.items()
                if not player.frozen and not numbers.get(player.begins, player.begins)}  # fmt: skip
    cycle = max(one.turns for one in learners.values())

    def turn(name: str, batch: dict[str, Tensor]) -> None:
        noise = {n: _drawn(one, device) for n, one in game.noise[name].items()}
        learner = learners[name]
        loss, _ = game.loss(name, nets, batch, noise, hyper)
        if learner.penalty_every and learner.taken % learner.penalty_every == 0:
            penalty, _ = game.penalty(name, nets, batch, noise, hyper)
            loss = loss + learner.penalty_every * penalty
        learner.step(loss)

    def run(ticks: int) -> None:
        for tick in range(ticks):
            batch = data.gather(torch.randint(data.count, (config.batch_size,), device=device))
            for name, learner in learners.items():
                if tick % cycle >= cycle - learner.turns:
                    turn(name, batch)
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def _numbers(config: Any) -> dict[str, float]:
    """What a loss finds in `hyper` of a trial alone, at its beginning."""
    values = {n: v for n, v in dataclasses.asdict(config).items() if isinstance(v, int | float)}
    values |= {f"padded_{name}": value for name, value in values.items()}
    return {name: float(value) for name, value in values.items()} | {"progress": 0.0, "spent": 0.0}


def _drawn(noise: Any, device: str) -> Tensor:
    if noise.kind == "key":
        return torch.randint(1 << 62, noise.shape, device=device)
    draw = torch.rand if noise.kind == "uniform" else torch.randn
    return draw(noise.shape, device=device)
