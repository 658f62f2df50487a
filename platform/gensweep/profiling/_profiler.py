"""Profiles full packs on the device at hand: how fast they train, and what memory they take."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import Any, Protocol

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from gensweep.lanes import Pack, Ranks, Source, precision_of, ticks_per_cycle
from gensweep.machine import device_name
from gensweep.profiling._memory import MemoryMeter
from gensweep.profiling._profile_cache import PackProfile, ProfileCache
from gensweep.space import all_strata, pad_latent_sizes, with_scope
from gensweep.spec import Sweep
from gensweep.versions import versions

_log = logging.getLogger(__name__)
STRETCH_S, STRETCHES = 0.05, 5
"""Least length of a timed stretch, which a clock's error must not blur, and their number."""
ENOUGH_S = 2.0
"""Stretches that took so long together are enough: what is long is blurred little."""
LONGEST_S = 20.0
"""No further variant of a model is measured for an estimate if all would take longer together."""
CALM = 0.7
"""Part of the time that a thread computes if no other process takes its core."""
BUDGET = 10**9
"""Images of a trial, so many that it does not end while it is measured."""


class ResourceShare(Protocol):
    """The part of a machine that a pack gets; `RunRequest` and `PackResources` satisfy this."""

    @property
    def packs(self) -> int: ...
    @property
    def ranks(self) -> int: ...
    @property
    def threads(self) -> int: ...


class PackProfiler:
    """Profiles full packs of a sweep's architectures on one device, and caches the results.

    `share` says how many packs and ranks share the machine, which changes what is measured.
    """

    def __init__(
        self, sweep: Sweep, dataset: Any, source: Source, share: ResourceShare, device: str = "cpu"
    ):
        self.sweep, self.dataset, self.source = sweep, dataset, source
        self.share, self.device = share, device
        self._meter: MemoryMeter | None = None

    def profile(self, stratum: Mapping[str, Any], width: int) -> PackProfile:
        """Return the profile of a full pack of this stratum; measure it unless it is cached."""
        cache = self._cache_for(stratum)
        table = cache.load()
        if width not in table:
            table[width], calm = self._measure(stratum, width)
            # Other processes slowed a disturbed measurement: it serves this run alone.
            if calm:
                cache.save(table)
        return table[width]

    def training_s(self) -> float:
        """Estimate the seconds of training of all trials in packs side by side; no evaluation.

        Strata for which there is no time left are taken to be like the mean of the others.
        """
        sweep, each, spent = self.sweep, list[float](), 0.0
        strata = all_strata(sweep.space, sweep.strata)
        for stratum in strata:
            profile = self.profile(stratum, sweep.lanes)
            each.append(profile.lane_round_ms / 1000 / int(sweep.config(stratum).batch_size))
            # The next one takes about as long as this one did, whenever that was.
            spent += profile.measuring_s
            if len(each) < len(strata) and spent + profile.measuring_s > LONGEST_S:
                _log.info("measured %d of %d variants, which take long", len(each), len(strata))
                break
        return sweep.planned_trials * sweep.budget_images * sum(each) / len(each) / self.share.packs

    def parameter_count(self, stratum: Mapping[str, Any]) -> int:
        """Count the parameters of all networks of one trial."""
        game = self.sweep.model.game(self.sweep.config(stratum), self.dataset)
        with torch.device("meta"):  # shapes alone: no memory, no time
            return sum(p.numel() for player in game.players.values()
                       for p in player.build().parameters())  # fmt: skip

    def _cache_for(self, stratum: Mapping[str, Any]) -> ProfileCache:
        sweep, share = self.sweep, self.share
        config = pad_latent_sizes(sweep.config(stratum), sweep.space)
        return ProfileCache({
            "model": sweep.model.name,
            "config": with_scope(config, "fixed", "latent"),
            "parameters": self.parameter_count(stratum),
            "searched": {n: repr(d) for n, d in sweep.space.items() if d.kind != "real"},
            "data": [self.dataset.shape, self.dataset.classes, type(self.source).__name__],
            "room": [share.packs, share.ranks, share.threads],
            "device": device_name(self.device),
            "precision": precision_of(sweep.precision, self.device),
            "versions": [versions().get(name) for name in ("gensweep", "torch")],
        })  # fmt: skip

    def _measure(self, stratum: Mapping[str, Any], width: int) -> tuple[PackProfile, bool]:
        """Return the profile, and whether no other process took this one's cores meanwhile."""
        if self._meter is None:
            make_fx(torch.vmap(torch.sin))(torch.ones(1, 1, device=self.device))  # loads modules
            self._meter = MemoryMeter(self.device)
        # The clock of a single thread stands still while others have its core.
        single = self.device == "cpu" and self.share.threads == 1
        clock = time.thread_time if single else time.perf_counter
        begin, wall, own = clock(), time.perf_counter(), time.thread_time()
        self._meter.begin()
        with num_threads(self.share.threads):
            pack = self._full_pack(stratum, width)
            ticks = ticks_per_cycle(pack.game, pack.lane(width - 1).hyper)
            pack.run(ticks)  # traces each turn, which is not timed
            seconds = measure_tick_s(pack.run, ticks, clock)
        profile = PackProfile(
            lane_round_ms=1000 * seconds / width,
            memory_mib=self._meter.grown_mib(),
            measuring_s=clock() - begin,
        )
        # With several threads this one also computes unless it waits for others to get a core.
        busy = (time.thread_time() - own) / (time.perf_counter() - wall)
        return profile, single or self.device != "cpu" or busy > CALM

    def _full_pack(self, stratum: Mapping[str, Any], width: int) -> Pack:
        """Build a pack whose lanes differ in turns as much as the searched numbers allow."""
        sweep = self.sweep
        pack = Pack(sweep.model, sweep.config(stratum), self.dataset, self.source, width=width,
                    space=sweep.space, device=self.device, precision=sweep.precision,
                    ranks=Ranks(0, self.share.ranks))  # fmt: skip
        named = [p.turns for p in pack.game.players.values() if isinstance(p.turns, str)]
        varied = {n: sweep.space[n] for n in named if n in sweep.space and not sweep.space[n].when}
        # Lanes whose players take fewer turns rest meanwhile, so the mix decides the pack's speed.
        for slot in range(width):
            fraction = slot / (width - 1) if width > 1 else 0.5
            values = {name: value_at(dimension, fraction) for name, dimension in varied.items()}
            # Of the largest latent sizes searched: the default's may be beyond them.
            config = replace(pad_latent_sizes(sweep.config(stratum), sweep.space), **values)
            pack.load(slot, config, seed=slot, budget_images=BUDGET)
        return pack


def value_at(dimension: Any, fraction: float) -> Any:
    """Return the integer or choice that lies at `fraction`, 0 to 1, of the dimension's range.

    >>> from gensweep_models.space import Categorical, Integer
    >>> value_at(Integer(1, 5), 0.5), value_at(Categorical((2, 4, 8)), 1.0)
    (3, 8)
    """
    if dimension.kind == "categorical":
        choices = sorted(dimension.choices)
        return choices[round(fraction * (len(choices) - 1))]
    return round(dimension.low + fraction * (dimension.high - dimension.low))


def measure_tick_s(run: Callable[[int], Any], ticks: int, clock: Callable[[], float]) -> float:
    """Time `run(ticks)`, or multiples of it: the seconds of a tick in the best stretch."""
    # The least of several times is the steadiest: disturbances only ever add.
    best, left, end = inf, STRETCHES, clock() + ENOUGH_S
    while left and (best == inf or clock() < end):
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
def num_threads(count: int) -> Iterator[None]:
    """Set the number of torch's threads within, and the former one afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
