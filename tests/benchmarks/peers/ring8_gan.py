"""One trial in plain PyTorch, as a researcher writes it: an MLP GAN on ring8.

The same networks, losses, optimiser, average of weights and falling learning rate as gensweep's.
"""

import copy
import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

MODES = torch.tensor([[math.cos(a), math.sin(a)] for a in (math.tau * k / 8 for k in range(8))])
STD, LAYERS, EMA, SAMPLES = 0.01, 3, 0.999, 1000
SIZES = {"small": {"batch": 64, "hidden": 64}, "medium": {"batch": 128, "hidden": 128}}
TRIALS = {"small": 256, "medium": 64}
ROUNDS = 1000
RATES, BETAS, LATENTS = (1e-4, 1e-2), (0.0, 0.9), (4, 16)
"""What is searched: learning rate (log), Adam's beta1, latent size."""


def mlp(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    sizes = [inputs, *[hidden] * LAYERS]
    body: list[nn.Module] = []
    for size, following in itertools.pairwise(sizes):
        body += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*body, nn.Linear(hidden, outputs))


def points(count: int = 100_000) -> Tensor:
    """Examples of ring8."""
    source = torch.Generator().manual_seed(0)
    centres = MODES[torch.randint(8, (count,), generator=source)]
    return centres + STD * torch.randn(count, 2, generator=source)


def train(params: dict[str, Any], size: str, seed: int, rounds: int = ROUNDS) -> dict[str, float]:
    """A round is a step of the critic and one of the generator; metrics at the end."""
    torch.manual_seed(seed)
    batch, hidden, latent = SIZES[size]["batch"], SIZES[size]["hidden"], params["latent_size"]
    data = points()
    critic, generator = mlp(2, 1, hidden), mlp(latent, 2, hidden)
    average = copy.deepcopy(generator)
    kind = {"lr": params["learning_rate"], "betas": (params["beta1"], 0.999)}
    players = [torch.optim.Adam(net.parameters(), **kind) for net in (critic, generator)]
    falling = [torch.optim.lr_scheduler.LambdaLR(p, lambda step: 1 - step / rounds)
               for p in players]  # fmt: skip
    order = torch.randperm(len(data))
    for step in range(rounds):
        at = step * batch % (len(data) - batch)
        real = data[order[at : at + batch]]
        fake = generator(torch.randn(batch, latent)).detach()
        _descend(players[0], softplus(-critic(real)).mean() + softplus(critic(fake)).mean())
        fake = generator(torch.randn(batch, latent))
        _descend(players[1], softplus(-critic(fake)).mean(), critic)
        for schedule in falling:
            schedule.step()
        keep = min(EMA, (step + 1) / (step + 11))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1 - keep)
    return measured(average(torch.randn(SAMPLES, latent)).detach())


def _descend(player: torch.optim.Optimizer, loss: Tensor, other: nn.Module | None = None) -> None:
    if other is not None:
        other.requires_grad_(False)
    player.zero_grad()
    loss.backward()
    player.step()
    if other is not None:
        other.requires_grad_(True)


def measured(samples: Tensor) -> dict[str, float]:
    """Modes covered and share of samples within three standard deviations of one (PacGAN)."""
    nearest, index = torch.cdist(samples, MODES).min(-1)
    good = nearest <= 3 * STD
    return {"modes": float(len(index[good].unique())), "high_quality": float(good.float().mean())}
