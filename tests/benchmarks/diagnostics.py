"""What the training diagnostics cost: lanes of a pack trained with them, and without.

    python tests/benchmarks/diagnostics.py [--models mlp_gan gan_28 vae] [--width 8] [--turns 5]

Diagnostics are the norms of gradients, the update ratios and spectral norms, and the points of the
learning curve, as every sweep has them. Whole trials are trained, in turns with and without, in
segments as a sweep does. `figures` have milliseconds a round of one lane, in time of the processor;
`ratios` the median of without over with: at least 0.98 is asked for. Equal quality: the diagnostics
leave every lane's weights as they are, bit for bit.
"""

import argparse
import json
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from engine_overhead import MODELS, Data
from machine import machine
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.lanes._curve import Curve
from gensweep.lanes._lane_index import LaneIndex
from gensweep.lanes._turn import Told, Turn
from gensweep_models.catalog import CATALOG

ROUNDS = {"mlp_gan": 4000, "mlp_gan_128": 4000, "gan_28": 1500, "dcgan_32": 100, "vae": 1000}
"""Of a trial, about as many as the sweeps of such models have on a laptop."""
SEGMENT = 200


class QuietTurn(Turn):
    """A turn that leaves the norm of the gradient unmeasured."""

    def with_norm(self, told: Told, grad: Tensor, index: LaneIndex) -> Told:
        return told


class QuietPack(Pack):
    """A pack that measures nothing beside the losses and metrics of its game."""

    def _make_turns(self, *, trace: bool) -> None:
        super()._make_turns(trace=trace)
        for name in self.turns:
            self.turns[name] = QuietTurn(self.game, self.stacks, name, trace=trace,
                                         precision=self.precision)  # fmt: skip

    def load(self, slot: int, config: Any, *, seed: int, budget_images: int) -> None:
        super().load(slot, config, seed=seed, budget_images=budget_images)
        self.lane(slot).curve = Curve(0)  # which no tick lies in a part of


def traced(kind: type[Pack], model: str, width: int) -> Pack:
    """A pack whose turns have been traced."""
    name, changes, shape = MODELS[model]
    entry, data = CATALOG[name], Data(shape)
    pack = kind(entry, entry.config(**changes), data, data, width=width)
    train(pack, 100)
    return pack


def train(pack: Pack, rounds: int) -> float:
    """Train new trials for so many rounds; return the seconds of the processor."""
    config = pack.config
    for slot in range(pack.width):
        pack.load(slot, config, seed=slot, budget_images=rounds * config.batch_size)
    begin = time.process_time()
    for _ in range(-(-rounds // SEGMENT)):
        pack.run(SEGMENT)
    return time.process_time() - begin


def weights(pack: Pack) -> Mapping[str, Tensor]:
    return {name: stack.flat for name, stack in pack.stacks.items()}


def compare(model: str, width: int, turns: int) -> tuple[dict[str, float], float, bool]:
    """Milliseconds of both, the ratio, and whether they end with the same weights."""
    packs = {"with": traced(Pack, model, width), "without": traced(QuietPack, model, width)}
    spent: dict[str, list[float]] = {name: [] for name in packs}
    for turn in range(turns):
        for name in list(packs)[:: 1 - 2 * (turn % 2)]:
            spent[name].append(train(packs[name], ROUNDS[model]))
    ratios = [without / on for on, without in zip(spent["with"], spent["without"], strict=True)]
    each = 1000 / (ROUNDS[model] * width)
    figures = {f"{model}.{name}_ms": each * median(some) for name, some in spent.items()}
    one, other = (weights(pack) for pack in packs.values())
    return figures, median(ratios), all(torch.equal(one[name], other[name]) for name in one)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=ROUNDS, default=["mlp_gan", "gan_28", "vae"])
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5, help="of each, alternately")
    parser.add_argument("--quick", action="store_true", help="short trials, whose parts are short")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.quick:
        ROUNDS = dict.fromkeys(ROUNDS, 60)
    found = {model: compare(model, args.width, args.turns) for model in args.models}
    print(json.dumps({
        "benchmark": "diagnostics",
        "figures": {key: ms for told, *_ in found.values() for key, ms in told.items()},
        "ratios": {model: ratio for model, (_, ratio, _) in found.items()},
        "equal_quality": all(same for *_, same in found.values()),
        "machine": machine(),
    }))  # fmt: skip
