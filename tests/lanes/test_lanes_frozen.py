"""Players that learn one after the other: who is at rest stays as it is, statistics too."""

from dataclasses import make_dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from gensweep.lanes import Pack
from gensweep_models.game import Player


def _player(build: Any, begins: float, ends: float) -> Any:
    return Player(build, "sgd", learning_rate=0.1, begins=begins, ends=ends)


class Twofold:
    """Features with batch normalisation learn first, then a readout of them."""

    noise: dict[str, Any] = {"features": {}, "readout": {}}  # noqa: RUF012

    def __init__(self, config: Any, data: Any):
        self.players = {
            "features": _player(
                lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), 0.0, 0.5
            ),
            "readout": _player(lambda: nn.Linear(3, 1), 0.5, 1.0),
        }

    def loss(self, player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        features = nets["features"](batch["x"])
        out = features if player == "features" else nets["readout"](features)
        return (out - 1).square().mean(), {f"{player}_mean": features.mean().detach()}


def _config() -> Any:
    fields = [("batch_size", int, 8)]
    return make_dataclass("Config", fields, frozen=True)


def _pack(factory: Any, trace: bool) -> Pack:
    kind = _config()
    model: Any = SimpleNamespace(name="twofold", config=kind, game=Twofold)
    pack = Pack(model, kind(), factory.points, factory.points, width=2, trace=trace)
    for slot in (0, 1):
        pack.load(slot, kind(), seed=slot, budget_images=8 * 8 * (1 + slot))
    return pack


def _statistics(pack: Pack, slot: int) -> dict[str, Tensor]:
    state = pack.take(slot).tensors
    return {n: t for n, t in state.items() if n.startswith("features/buffer")}


def test_statistics_rest_with_the_stage_that_owns_them(factory: Any) -> None:
    for trace in (True, False):
        pack = _pack(factory, trace)
        pack.run(4)
        switch = [_statistics(pack, slot) for slot in (0, 1)]
        assert int(switch[0]["features/buffer.1.num_batches_tracked"]) == 4
        pack.run(4)
        final = [_statistics(pack, slot) for slot in (0, 1)]
        for name in switch[0]:
            assert torch.equal(switch[0][name], final[0][name]), name
            assert not torch.equal(switch[1][name], final[1][name]), name


def test_a_frozen_stage_is_seen_as_it_will_be_used(factory: Any) -> None:
    """The readout's features are normalised by running statistics, not by those of the batch."""
    pack = _pack(factory, trace=True)
    pack.run(4)
    progress = pack.run(1)
    # batch statistics would make the mean that of the layer's shift
    shift = float(pack.stacks["features"].views(pack.stacks["features"].flat)["1.bias"][0].mean())
    assert abs(progress[0].metrics["readout_mean"] - shift) > 1e-3
