"""Trains two trials of each variant for a round on a few examples, and evaluates one of them.

What a sweep's packs do is done once, small and without traces, before anything starts. Values are
of no use, only that there are some, and their names.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.evaluation import LaneEvaluator, Scores, condition_classes, conditions
from gensweep.frames import with_user_line
from gensweep.known_pictures import is_classified
from gensweep.lanes import Pack, ticks_per_round
from gensweep.metric import NEIGHBOURS
from gensweep.metrics import Evaluator, FeatureNet, Projection
from gensweep.space import Stratum, pad_latent_sizes
from gensweep.spec import Sweep
from gensweep.testing import RandomExamples

if TYPE_CHECKING:
    from gensweep.data import Dataset

FEW = 4 * NEIGHBOURS
"""Samples, and examples that they are held against."""
BATCH = 8
SAMPLE_STEPS = 3
"""Steps of a long sampler, none of whose samples is looked at."""


def few_examples(dataset: "Dataset") -> dict[str, Tensor]:
    """Read examples from all over the data set: sorted files begin with much of a kind."""
    rows = torch.linspace(0, dataset.count - 1, min(dataset.count, FEW)).long()
    return dict(dataset.source("cpu").gather(rows))


def random_examples(dataset: "Dataset") -> dict[str, Tensor]:
    """Make examples of the data's shapes, no two of which are equal."""
    return RandomExamples.like(dataset).gather(torch.arange(FEW))


def few_evaluator(sweep: Sweep, dataset: "Dataset") -> Evaluator:
    """Build an evaluator against random examples, by an untrained network."""
    data = random_examples(dataset)
    classed = is_classified(dataset) and sweep.features is None
    return Evaluator.for_dataset(
        dataset.name, data, {}, modes=dataset.modes, mode_std=dataset.mode_std, samples=FEW,
        net=FeatureNet(dataset.shape, dataset.classes) if classed else Projection.fit(data["x"]),
    )  # fmt: skip


def small_pack(sweep: Sweep, stratum: Stratum, dataset: "Dataset", width: int) -> Pack:
    """Build a pack of small batches of the data's own examples, with a trial in each lane."""
    whole = pad_latent_sizes(sweep.config(stratum), sweep.space)
    config = dataclasses.replace(whole, batch_size=min(BATCH, int(whole.batch_size)))
    pack = Pack(sweep.model, config, dataset, dataset.source("cpu"), width=width,
                space=sweep.space, precision=sweep.precision, trace=False)  # fmt: skip
    pack.most_sample_steps = SAMPLE_STEPS
    for slot in range(width):
        pack.load(slot, config, seed=slot, budget_images=sweep.budget_images)
    return pack


def try_round(
    sweep: Sweep, stratum: Stratum, dataset: "Dataset", examples: dict[str, Tensor],
    evaluator: Evaluator,
) -> None:  # fmt: skip
    """`UserError` in one line for what fails in a round of all players, or in an evaluation."""
    with _one_line(sweep, stratum, "a round of training"):
        pack = small_pack(sweep, stratum, dataset, 2)
        pack.run(ticks_per_round(pack.game, pack.lane(0).hyper))
    with _one_line(sweep, stratum, "an evaluation"):
        lane = LaneEvaluator(
            evaluator=evaluator, data=dataset, modes=dataset.modes, sampling=sweep.sampling,
            likelihood=None, scores=Scores.of_game(pack.game, examples, "train"),
            given=conditions(pack.game, examples, FEW),
            classes=condition_classes(pack.game, examples, FEW),
        )  # fmt: skip
        list(lane.evaluate(pack, {0: True}, bound=False))


@contextmanager
def _one_line(sweep: Sweep, stratum: Stratum, what: str) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        said = str(error).removeprefix(f"{sweep.model.name}: ")
        raise UserError(f"{sweep.model.name}: {said}") from error
    except Exception as error:  # of a model of somebody's own
        named = "".join(f", {name}={value}" for name, value in stratum.items())
        told = f"{sweep.model.name}{named}: {what} fails with {with_user_line(error)}"
        raise UserError(f"{told}: correct it, or run gensweep check.") from error
