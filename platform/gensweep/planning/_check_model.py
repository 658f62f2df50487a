"""Checks that the model fits the data, and that the metrics which a sweep names are measured."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING, Any

import torch

from gensweep.errors import UserError
from gensweep.evaluation import (
    Likelihood,
    Scores,
    given_of,
    kept_file_features,
    read_file_features,
)
from gensweep.frames import refusal
from gensweep.game import Game
from gensweep.known_pictures import is_image
from gensweep.lanes import check_budget, check_config, check_initial_weights, check_players
from gensweep.metric import NEIGHBOURS, NEUTRAL
from gensweep.own_metric import try_own
from gensweep.planning._check_target import named_metrics, unmeasured
from gensweep.planning._try_round import (
    few_evaluator,
    few_examples,
    random_examples,
    small_pack,
    try_round,
)
from gensweep.space import Stratum, all_strata
from gensweep.spec import RunRequest, Sweep
from gensweep.testing import RandomExamples, check_game

if TYPE_CHECKING:
    from gensweep.data import Dataset
    from gensweep.storage import ObjectStore


_log = logging.getLogger(__name__)
CHUNK = 1000
SIDES = (8, 16, 28, 32, 64, 128, 256)
"""Sizes of images that are looked for in the place of one that a model does not take."""
SILENT_S = 5.0
"""Seconds of checks after which their progress is told."""


def check_data_set(train: "Dataset", test: "Dataset | None") -> None:
    """`UserError` if there are too few examples to compare samples with, or all are equal."""
    if train.count <= NEIGHBOURS:
        raise UserError(f"{train.name} has {train.count} training examples: use more than "
                        f"{NEIGHBOURS}.")  # fmt: skip
    for split, data in (("training", train), ("test", test)):
        if data is not None and data.count > NEIGHBOURS and _are_equal(data):
            raise UserError(f"{data.name} has {data.count} {split} examples, and all are equal: "
                            "use others, for nothing can be learned or judged.")  # fmt: skip


def _are_equal(data: "Dataset") -> bool:
    x = data.arrays()["x"]
    return all(bool((x[start : start + CHUNK] == x[0]).all())
               for start in range(0, len(x), CHUNK))  # fmt: skip


def check_features(
    sweep: Sweep, dataset: "Dataset", store: "ObjectStore", begun_with: str | None = None
) -> float | None:
    """`UserError` unless the file of `features` is a network of the data's images, many or few.

    Of a sweep that was `begun_with` a file of that hash it is the store's copy, if there is one:
    the file itself may be gone. Return the seconds that it takes for an image here; None: there is
    no file.
    """
    if sweep.features is None:
        if sweep.feature_input != "as-is":
            raise UserError(f"feature_input={sweep.feature_input!r} says what the network of "
                            "--features takes, which is not given: name its file, or leave it "
                            "out.")  # fmt: skip
        return None
    if dataset.modes is not None:
        raise UserError(f"features are of images, but {dataset.name} has points: leave --features "
                        "out.")  # fmt: skip
    net = kept_file_features(sweep.features, sweep.feature_input, store, begun_with)
    if net is None:
        net, _ = read_file_features(sweep.features, sweep.feature_input)
    images = dataset.source("cpu").gather(torch.arange(min(dataset.count, 3)))["x"]
    with torch.no_grad():
        for count in (1, len(images)):  # the first call makes what later ones have
            begin = time.monotonic()
            net.features(images[:count])
    return (time.monotonic() - begin) / len(images)


def check_games(request: RunRequest, dataset: "Dataset") -> None:
    """`UserError` unless each stratum's game keeps the quick laws, and ranks share its batch.

    A round of all its players is trained, and evaluated, too.

    The laws hold for any number of steps of sampling, so that the least one is taken. What takes
    seconds all the same tells how far it is.
    """
    sweep = request.sweep
    strata, least = all_strata(sweep.space, sweep.strata), _least_sampling(sweep)
    examples, evaluator = few_examples(dataset), few_evaluator(sweep, dataset)
    begin = time.monotonic()
    for number, stratum in enumerate(strata):
        config = sweep.config(stratum)
        if time.monotonic() - begin > SILENT_S:
            _log.info("checked %d of %d variants of %s", number, len(strata), sweep.model.name)
        check_config(config, sweep.model.name)
        named = "".join(f", {name}={value}" for name, value in stratum.items())
        try:
            game = sweep.model.game(config, dataset)
            built = _networks(game)
        except Exception as error:  # of a model of somebody's own
            told = refusal(error) + _cure(sweep, stratum, dataset)
            raise UserError(f"{sweep.model.name} on {dataset.name}{named}: {told}") from error
        for each in [config, *_ends(sweep, stratum)]:
            check_players(sweep.model.game(each, dataset), each, sweep.model.name)
            check_budget(game, each, ceil(sweep.budget_images / each.batch_size), sweep.model.name)
        check_initial_weights(game, built, sweep.model.name)
        check_game(sweep.model, dataset, dataclasses.asdict(config) | least)
        try_round(sweep, stratum, dataset, examples, evaluator)
        if config.batch_size % request.ranks:
            raise UserError(f"--ranks {request.ranks} must divide batch_size={config.batch_size}"
                            f"{named}: lower it, or change the batch size.")  # fmt: skip


def _networks(game: Game) -> dict[str, torch.nn.Module]:
    """Build the players' networks as shapes alone, which takes no memory and no time."""
    with torch.device("meta"):
        return {name: player.build() for name, player in game.players.items()}


def _cure(sweep: Sweep, stratum: Stratum, dataset: "Dataset") -> str:
    """Name the nearest size of images that the model takes, where they can be given one."""
    from gensweep.data import find_source

    if not is_image(dataset):
        return ""
    channels, *sides = dataset.shape
    for side in sorted(SIDES, key=lambda one: abs(one - min(sides))):
        data = dataclasses.replace(RandomExamples.like(dataset), shape=(channels, side, side))
        with suppress(Exception):  # a size that does not fit, or data that cannot be resized
            find_source(sweep.data, **{**sweep.data_options.keywords(), "image_size": side})
            _networks(sweep.model.game(sweep.config(stratum), data))
            return f" Say --image-size {side}."
    return ""


def _least_sampling(sweep: Sweep) -> dict[str, int]:
    """Return the least value that the sweep searches or draws curves of, by whole-number field."""
    found: dict[str, int] = {}
    for field in sweep.sampling:
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            values = [int(value) for value in field.grid]
            if field.name in sweep.space:
                values += _least_of(sweep.space[field.name])
            if values:
                found[field.name] = min(values)
    return found


def _least_of(dimension: Any) -> list[int]:
    return [min(dimension.choices) if dimension.kind == "categorical" else dimension.low]


def _ends(sweep: Sweep, stratum: Stratum) -> Iterator[Any]:
    """Yield configurations at both ends of each numeric dimension."""
    for name, dimension in sweep.space.items():
        if dimension.kind != "categorical":
            yield from (sweep.config({**stratum, name: end})
                        for end in (dimension.low, dimension.high))  # fmt: skip


def check_metrics(sweep: Sweep, dataset: "Dataset") -> None:
    """`UserError` unless `target` and `scatter` name metrics that trials will have."""
    wanted = named_metrics(sweep)
    known = evaluation_metrics(sweep, dataset)
    if not {name for name, _ in wanted} <= known:
        known |= training_metrics(sweep, dataset)
    own = {metric.name for metric in sweep.metrics}
    if taken := own and own & training_metrics(sweep, dataset):
        raise UserError(f"metrics: {min(taken)!r} is a loss or metric of {sweep.model.name}'s "
                        "training: take another name.")  # fmt: skip
    for name, use in wanted:
        if name not in known:
            raise unmeasured(name, use, sweep, dataset.name, known)


def evaluation_metrics(sweep: Sweep, dataset: "Dataset") -> set[str]:
    """Names of the metrics of a trained lane, found by evaluating random examples as samples."""
    data, evaluator = random_examples(dataset), few_evaluator(sweep, dataset)
    game = sweep.model.game(sweep.config({}), dataset)
    likelihood = Likelihood.of_game(game, data, "train")
    scores = Scores.of_game(game, data, "train")
    neutral = {NEUTRAL + name for name in evaluator.reference.judged}
    classes = data.get("y") if given_of(game, data) else None
    measured = {*evaluator.evaluate(data["x"][None], given=classes)[0], *neutral}
    held_out = [one.metrics for one in (likelihood, scores) if one is not None]
    real = few_examples(dataset)["x"]
    try_own(sweep.metrics, real, real)
    return measured.union(*held_out, (metric.name for metric in sweep.metrics))


def training_metrics(sweep: Sweep, dataset: "Dataset") -> set[str]:
    """Names of the losses and metrics of training, found by computing each player's loss once."""
    pack = small_pack(sweep, all_strata(sweep.space, sweep.strata)[0], dataset, width=1)
    return {name for values in pack.losses(0).values() for name in values} | pack.measured
