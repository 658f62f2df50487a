"""The host's side of a trial in a slot; weights and moments lie in the pack's stacks."""

import dataclasses
import math
from typing import Any

import torch

from gensweep.errors import UserError
from gensweep.lanes._curve import Curve
from gensweep.lanes._generators import KINDS, generator
from gensweep.lanes._means import Means
from gensweep.lanes._order import DataOrder
from gensweep.lanes._state import LaneState
from gensweep.sampling_fields import real_values
from gensweep.space import with_scope

Streams = dict[tuple[str, str], torch.Generator]


class Lane:
    """A trial in a slot of a pack: its configuration, progress, noise streams and data order.

    `count` is the number of examples of the data set.
    """

    def __init__(self, config: Any, seed: int, budget_images: int, players: list[str], count: int):
        self.config: Any = config
        self.seed, self.budget_images = seed, budget_images
        self.ticks = 0
        self.standing_at: dict[str, Any] = {}
        """The ticks and sampling hyperparameters that standing statistics were measured at."""
        self.turns: dict[str, int] = {}
        """Turns so far of each player that has a penalty, which is due in some of them."""
        self.means = Means()
        self.hyper = _scalars(config)
        self.total_ticks: int = max(1, math.ceil(budget_images / config.batch_size))
        self.curve = Curve(self.total_ticks)
        self.order = DataOrder(seed, count)
        self.streams: Streams = {
            (player, kind): generator(seed, "noise", player, kind)
            for player in players
            for kind in KINDS
        }

    @classmethod
    def resume(cls, config: Any, state: LaneState, players: list[str], count: int) -> "Lane":
        """Build the lane of a trial of `config` where `state` left it."""
        meta = state.meta
        lane = cls(config, meta["seed"], meta["budget_images"], players, count)
        lane.ticks = meta["ticks"]
        lane.turns = dict(meta.get("turns", {}))
        lane.standing_at = dict(meta.get("standing_at", {}))
        lane.means = Means(meta.get("means", {}))
        lane.curve = Curve(lane.total_ticks, meta.get("curve", {}))
        # Data order follows from the images seen; generators have no such index, but a state.
        for (player, kind), source in lane.streams.items():
            source.set_state(state.tensors[f"stream.{player}.{kind}"])
        return lane

    @property
    def images_seen(self) -> int:
        return self.ticks * int(self.config.batch_size)

    @property
    def remaining(self) -> int:
        """Number of ticks until the budget is spent."""
        return max(0, self.total_ticks - self.ticks)

    def meta(self) -> dict[str, Any]:
        return {
            "config": dataclasses.asdict(self.config),
            "seed": self.seed,
            "ticks": self.ticks,
            "turns": dict(self.turns),
            "standing_at": dict(self.standing_at),
            "budget_images": self.budget_images,
            "means": self.means.to_json(),
            "curve": self.curve.to_json(),
        }

    def stream_states(self) -> dict[str, torch.Tensor]:
        return {f"stream.{p}.{k}": g.get_state() for (p, k), g in self.streams.items()}


def check_fits(config: Any, padded: Any) -> None:
    """Raise `UserError` unless a trial of `config` fits a pack of the configuration `padded`."""
    mine = with_scope(padded, "fixed")
    for name, value in with_scope(config, "fixed").items():
        if value != mine[name]:
            raise UserError(f"{name}={value!r} does not fit a pack of {name}={mine[name]!r}.")
    for name, value in with_scope(config, "latent").items():
        if value > getattr(padded, name):
            most = getattr(padded, name)
            raise UserError(f"{name}={value!r} exceeds the pack's {most!r}: widen its space.")


def _scalars(config: Any) -> dict[str, float]:
    """Return the numbers of a configuration that may differ from lane to lane."""
    values = with_scope(config, "lane", "latent")
    numbers = {n: float(v) for n, v in values.items() if isinstance(v, int | float)}
    return numbers | real_values(config)
