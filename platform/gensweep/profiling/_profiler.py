"""How fast full packs train, and what memory they take: measured rather than guessed."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import Any, Protocol

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from gensweep.lanes import Pack, Ranks, Source, precision_of, turns
from gensweep.machine import device_name
from gensweep.profiling._cache import PackProfile, ProfileCache
from gensweep.profiling._memory import MemoryMeter
from gensweep.space import all_strata, padded, with_scope
from gensweep.spec import Sweep
from gensweep.versions import versions

STRETCH_S, STRETCHES = 0.05, 5
CALM = 0.7
"""Share of the time that a thread computes if no other process takes its core."""
BUDGET = 10**9
"""Images of a trial that does not end while it is measured."""


class ResourceShare(Protocol):
    """Where packs train: a `RunRequest` and a `PackResources` are such."""

    @property
    def packs(self) -> int: ...
    @property
    def ranks(self) -> int: ...
    @property
    def threads(self) -> int: ...


class PackProfiler:
    """Of full packs of a sweep's architectures on one device: remembered, or else measured."""

    def __init__(
        self, sweep: Sweep, dataset: Any, source: Source, room: ResourceShare, device: str = "cpu"
    ):
        self.sweep, self.dataset, self.source = sweep, dataset, source
        self.room, self.device = room, device
        self._meter: MemoryMeter | None = None

    def profile(self, stratum: Mapping[str, Any], width: int) -> PackProfile:
        """A full pack of this stratum; measured if it is not remembered."""
        remembered = self._remembered(stratum)
        table = remembered.load()
        if width not in table:
            table[width], calm = self._measured(stratum, width)
            if calm:
                remembered.save(table)
        return table[width]

    def training_s(self) -> float:
        """Seconds that all trials will train in packs side by side, evaluation excluded."""
        sweep, each = self.sweep, []
        for stratum in all_strata(sweep.space, sweep.strata):
            batch = int(sweep.config(stratum).batch_size)
            each.append(self.profile(stratum, sweep.lanes).ms / 1000 / batch)
        return sweep.trials * sweep.budget_images * sum(each) / len(each) / self.room.packs

    def parameters(self, stratum: Mapping[str, Any]) -> int:
        """Of all networks of a lane."""
        game = self.sweep.model.game(self.sweep.config(stratum), self.dataset)
        with torch.device("meta"):  # shapes alone: no memory, no time
            return sum(p.numel() for player in game.players.values()
                       for p in player.build().parameters())  # fmt: skip

    def _remembered(self, stratum: Mapping[str, Any]) -> ProfileCache:
        sweep, room = self.sweep, self.room
        config = padded(sweep.config(stratum), sweep.space)
        return ProfileCache({
            "model": sweep.model.name,
            "config": with_scope(config, "fixed", "latent"),
            "parameters": self.parameters(stratum),
            "searched": {n: repr(d) for n, d in sweep.space.items() if d.kind != "real"},
            "data": [self.dataset.shape, self.dataset.classes, type(self.source).__name__],
            "room": [room.packs, room.ranks, room.threads],
            "device": device_name(self.device),
            "precision": precision_of(sweep.precision, self.device),
            "versions": [versions().get(name) for name in ("gensweep", "torch")],
        })  # fmt: skip

    def _measured(self, stratum: Mapping[str, Any], width: int) -> tuple[PackProfile, bool]:
        """And whether nobody else took the processors meanwhile."""
        if self._meter is None:
            make_fx(torch.vmap(torch.sin))(torch.ones(1, 1, device=self.device))  # loads modules
            self._meter = MemoryMeter(self.device)
        alone = self.device == "cpu" and self.room.threads == 1
        clock = time.thread_time if alone else time.perf_counter
        begin, wall, own = clock(), time.perf_counter(), time.thread_time()
        self._meter.begin()
        with threads(self.room.threads):
            pack = self._full(stratum, width)
            counts = [turns(player, pack.lane(width - 1).hyper)
                      for player in pack.game.players.values()]  # fmt: skip
            pack.run(max(counts))  # each turn is traced
            seconds = tick_s(pack.run, max(counts), clock)
        profile = PackProfile(ms=1000 * seconds / width, mib=self._meter.grown_mib(),
                      seconds=clock() - begin)  # fmt: skip
        share = (time.thread_time() - own) / (time.perf_counter() - wall)
        return profile, alone or self.device != "cpu" or share > CALM

    def _full(self, stratum: Mapping[str, Any], width: int) -> Pack:
        """A pack whose lanes take turns as differently as the searched counts of turns allow."""
        sweep = self.sweep
        pack = Pack(sweep.model, sweep.config(stratum), self.dataset, self.source, width=width,
                    space=sweep.space, device=self.device, precision=sweep.precision,
                    ranks=Ranks(0, self.room.ranks))  # fmt: skip
        named = [p.turns for p in pack.game.players.values() if isinstance(p.turns, str)]
        varied = {n: sweep.space[n] for n in named if n in sweep.space and not sweep.space[n].when}
        for slot in range(width):
            part = slot / max(1, width - 1)
            values = {name: at(dimension, part) for name, dimension in varied.items()}
            config = replace(sweep.config(stratum), **values)
            pack.load(slot, config, seed=slot, budget_images=BUDGET)
        return pack


def at(dimension: Any, part: float) -> Any:
    """The whole number, or the choice, that lies at `part` of the way, 0 to 1.

    >>> from gensweep_models.space import Categorical, Integer
    >>> at(Integer(1, 5), 0.5), at(Categorical((2, 4, 8)), 1.0)
    (3, 8)
    """
    if dimension.kind == "categorical":
        choices = sorted(dimension.choices)
        return choices[round(part * (len(choices) - 1))]
    return round(dimension.low + part * (dimension.high - dimension.low))


def tick_s(run: Callable[[int], Any], ticks: int, clock: Callable[[], float]) -> float:
    """Seconds of a tick, when `ticks` or more are run at once: the best of some stretches."""
    best, left = inf, STRETCHES
    while left:
        begin = clock()
        run(ticks)
        took = clock() - begin
        best = min(best, took / ticks)
        if took < STRETCH_S:
            ticks *= 2
        else:
            left -= 1
    return best


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with that many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
