"""The standard error of a metric over its samples, from what each sample adds to it.

A metric is linearised in the weights of the samples (the infinitesimal jackknife, Jaeckel 1972) or
taken without each of them in turn (the jackknife, Efron and Stein 1981): the error is that of a
bootstrap over the samples, without its replicates. It tells how the metric would differ between
draws of as many samples of the same trial. It does not cover which real examples stand for the
data, for they are the same for all trials; nor the bias of a distance for a finite number of
samples, nor other seeds of the trial. That of recall, and of a coverage near 1, is too wide: up to
1.9 times, for what a sample leaves is partly filled by its neighbours.
"""

# N samples
import math

import torch
from torch import Tensor

METHOD = (
    "95 %, of draws of as many samples of the trial, by the jackknife; the real examples, and a "
    "distance's bias for a finite number of samples, are as they are; of recall, and of a coverage "
    "near 1, up to 1.9 times too wide"
)

COUNT_METHOD = (
    "of modes and classes found: of a bootstrap over the samples, whose counts are Poisson; one "
    "that no sample is of is not thought to be found by others"
)
__all__ = ["COUNT_METHOD", "METHOD", "count_error", "share_pieces", "standard_error"]


def standard_error(pieces: Tensor) -> Tensor:
    """Return the standard error of a metric of which `pieces` [..., N] are the samples' parts.

    A part is the metric's derivative by the sample's weight, up to a constant that all share.
    """
    error: Tensor = pieces.double().std(-1) / math.sqrt(pieces.shape[-1])
    return error


def count_error(hits: Tensor, least: Tensor) -> Tensor:
    """Return the standard error of how many of K classes with `hits` [K] have `least` [K] or more.

    That of a bootstrap without its replicates: there a class has a Poisson number of hits, and
    is counted with a probability of its own.
    """
    counted = torch.special.gammainc(least.double(), hits.double())
    error: Tensor = (counted * (1 - counted)).sum().sqrt()
    return error


def share_pieces(classes: Tensor, slopes: Tensor) -> Tensor:
    """Return the parts [N] of samples of `classes` [N] in a metric of the classes' shares.

    `slopes` [K] are its derivatives by the shares.
    """
    return torch.gather(slopes.double(), 0, classes)
