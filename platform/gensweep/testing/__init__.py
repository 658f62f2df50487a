"""Checks in seconds that a model keeps the protocol of games: the laws that packs rely on.

    from gensweep.testing import check_model

    def test_my_model_keeps_the_laws():
        check_model(MODEL, shape=(1, 8, 8), hidden=16)

Runs in: the script's process, before a sweep starts; tests of whoever writes a model.
"""

from gensweep.testing._case import Case
from gensweep.testing._check import LAWS, Violation, check_game, check_model, find_violations
from gensweep.testing._random_examples import RandomExamples
from gensweep.testing._sampling_memory import SamplingMemory, measure_sampling

__all__ = [
    "Case",
    "LAWS",
    "RandomExamples",
    "SamplingMemory",
    "Violation",
    "check_game",
    "check_model",
    "find_violations",
    "measure_sampling",
]
