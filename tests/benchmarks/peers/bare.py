"""Any game of the catalogue in an eager loop: what one would write for a single trial."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def bare_steps(entry: Any, config: Any, data: Any, device: str) -> Callable[[int], None]:
    """A loop that takes a number of ticks, in each of which every player acts; Adam alone."""
    game = entry.game(config, data)
    nets = {name: player.build().to(device) for name, player in game.players.items()}
    rates = {"lr": config.learning_rate, "betas": (config.beta1, config.beta2)}
    optimizers = {n: torch.optim.Adam(net.parameters(), **rates) for n, net in nets.items()}
    averages = {n: [w.detach().clone() for w in nets[n].parameters()]
                for n, player in game.players.items() if player.ema is not None}  # fmt: skip
    values = {n: v for n, v in dataclasses.asdict(config).items() if isinstance(v, int | float)}
    hyper = {n: torch.tensor(float(v), device=device) for n, v in values.items()}

    def transaction(name: str, batch: dict[str, Tensor]) -> None:
        noise = {n: _drawn(one, device) for n, one in game.noise[name].items()}
        loss, _ = game.loss(name, nets, batch, noise, hyper)
        weights = list(nets[name].parameters())
        for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = grad
        optimizers[name].step()
        optimizers[name].zero_grad()
        with torch.no_grad():
            for mean, weight in zip(averages.get(name, ()), weights, strict=False):
                mean.lerp_(weight, 0.001)

    def run(ticks: int) -> None:
        for _ in range(ticks):
            batch = data.gather(torch.randint(data.count, (config.batch_size,), device=device))
            for name in nets:
                transaction(name, batch)
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def _drawn(noise: Any, device: str) -> Tensor:
    draw = torch.rand if noise.kind == "uniform" else torch.randn
    return draw(noise.shape, device=device)
