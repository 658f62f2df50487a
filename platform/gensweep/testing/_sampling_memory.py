"""Measures the memory that the samples of an evaluation take."""

import dataclasses

import torch
from torch import Tensor

from gensweep.lanes import LiveBytes, Pack
from gensweep.testing._case import Case
from gensweep.testing._random_examples import RandomExamples
from gensweep.testing._sampling_laws import given_examples

MIB = 2**20
FEW = (4, 8)
"""Samples of two draws, whose difference is what each of many more takes."""


@dataclasses.dataclass(frozen=True, slots=True)
class SamplingMemory:
    """The most memory that drawing many samples of one lane takes."""

    count: int
    batch: int
    """How many of them are drawn at once."""
    mib: float
    """Noise, what networks compute on the way and the batch's samples; weights are not in it."""

    def __str__(self) -> str:
        return (f"{self.count:,} samples of a lane, drawn in batches of {self.batch:,}, take "
                f"{self.mib:,.0f} MiB beside the weights")  # fmt: skip


def measure_sampling(case: Case, count: int) -> SamplingMemory:
    """Measure it by drawing `FEW` samples; the number of steps of a long sampler plays no part."""
    pack = case.pack(1)
    few, more = (_peak(pack, case.data, number) for number in FEW)
    each = (more - few) / (FEW[1] - FEW[0])
    batch = pack.sampling_batch(count, _given(pack, case.data, count))
    return SamplingMemory(count, batch, (few + each * (batch - FEW[0])) / MIB)


def _peak(pack: Pack, data: RandomExamples, count: int) -> int:
    live = LiveBytes()
    with live:
        pack.sample(count, given=_given(pack, data, count))
    return live.peak


def _given(pack: Pack, data: RandomExamples, count: int) -> dict[str, Tensor] | None:
    return given_examples(pack, data.gather(torch.arange(count) % data.count))
