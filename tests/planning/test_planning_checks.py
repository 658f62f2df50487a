"""What a sweep and a command line are refused for, and what they may be."""

import dataclasses
from typing import Any

import pytest

from gensweep.errors import UserError
from gensweep.planning import options_parser, parse_request
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.config import BaseConfig, latent
from gensweep_models.space import Categorical, Integer, Real

RATE = Real(1e-4, 1e-2, log=True)
KINDS = Categorical(("hinge", "minimax"))
GAN = Sweep(name="gan", model=CATALOG["gan"], space={"learning_rate": RATE, "objective": KINDS})
pytestmark = pytest.mark.usefixtures("own_home")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a group that is not searched": ({"group_by": "clip"}, "group_by='clip'"),
    "groups of a real number": ({"group_by": "learning_rate"}, "group_by='learning_rate'"),
    "an axis that is not searched": ({"map_axis": "clip"}, "map_axis='clip'"),
    "an axis of words": ({"map_axis": "objective"}, "choose from learning_rate"),
    "an axis that reaches 0": (
        {"space": {"beta1": Real(0.0, 0.5)}, "map_axis": "beta1"}, "map_axis='beta1'",
    ),
    "scatter shades by what is fixed": ({"scatter": ("frechet", "recall", "clip")}, "'clip'"),
    "scatter of two": ({"scatter": ("frechet", "recall")}, "scatter="),
    "fixed and searched": ({"fixed": {"learning_rate": 0.01}}, "fixed at 0.01"),
    "fixed unknown": ({"fixed": {"depth": 3}}, "'depth' in fixed"),
    "a threshold of 0": (
        {"sampling_grids": {"truncation": (1.0, 0.0)}},
        "the grid of 'truncation' does not fit: `0 < truncation` must hold, but got "
        "truncation=0.0",
    ),
    "a number for a grid": (
        {"sampling_grids": {"truncation": 1.0}},
        "the grid of 'truncation' must be a tuple of numbers, but got 1.0",
    ),
    "a grid of training": (
        {"sampling_grids": {"learning_rate": (1.0,)}},
        "'learning_rate', which is no sampling hyperparameter: choose from truncation",
    ),
    "samples that are all neighbours": ({"samples": 5}, "samples=5"),
    "repeats that do not divide": ({"trials": 49, "repeats": 2}, "use 48 or 50"),
    "more repeats than trials": ({"trials": 4, "repeats": 8}, "use at least 16"),
    "fewer trials than choices": ({"trials": 1}, "the 2 choices of objective"),
    "less than a batch": ({"budget_images": 127}, "budget_images=127"),
    "less than a batch for a rung": ({"budget_images": 384}, "use at least 512"),
    "asha's rungs fall together": ({"budget_images": 512, "pruner": "asha"}, "use at least 3456"),
    "pbt with a pruner": ({"pbt": True, "pruner": "asha"}, "pruner='asha'"),
    "confirming nothing": ({"confirm": "3x"}, "confirm is MxN"),
    "confirming more than is searched": (
        {"trials": 8, "repeats": 2, "confirm": "5x3"}, "the 4 that trials=8 search: use at most 4x3"
    ),
    "confirming a population": ({"pbt": True, "confirm": "2x3"}, "confirm=2x3: leave one out"),
    "pbt with repeats": ({"pbt": True, "repeats": 2}, "repeats=2"),
    "pbt of one evaluation": ({"pbt": True, "rungs": 1}, "rungs=1"),
    "pbt of nothing that changes": (
        {"pbt": True, "space": {"latent_size": Integer(4, 32)}, "map_axis": ""},
        "search one of learning_rate",
    ),
    "a fraction of trials": ({"trials": 4.5}, "trials=4.5"),
    "a negative seed": ({"seed": -1}, "seed=-1"),
    "not a time": ({"max_hours": float("nan")}, "max_hours=nan"),
    "a condition that never holds": (
        {"space": {"objective": KINDS, "clip": Real(0.1, 1, when={"objective": ("wasser",)})}},
        "'wasser'",
    ),
    "a condition beyond the range": (
        {"space": {"critic_iterations": Integer(1, 5),
                   "beta1": Real(0.0, 0.5, when={"critic_iterations": (9,)})}}, "1 to 5",
    ),
    "an architecture under what a pack mixes": (
        {"space": {"critic_iterations": Integer(1, 3),
                   "layers": Categorical((1, 2), when={"critic_iterations": (2,)})}}, "'layers'",
    ),
    "a whole number as a real one": ({"space": {"latent_size": Real(4, 32)}}, "an Integer"),
    "a word for a number": ({"space": {"learning_rate": Categorical(("1e-3",))}}, "'1e-3'"),
    "fixed at infinity": ({"fixed": {"beta2": float("inf")}}, "beta2=inf"),
    "fixed at half an example": ({"fixed": {"batch_size": 64.5}}, "batch_size=64.5"),
    "a condition on what is fixed": (
        {"space": {"clip": Real(0.1, 1, when={"objective": ("hinge",)})}}, "'clip'",
    ),
    "a stratum that what is fixed forbids": (
        {"model": CATALOG["vae"], "space": {"decoder": Categorical(("bernoulli", "gaussian"))},
         "fixed": {"binarise": "dynamic"}}, "decoder='gaussian'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Real(1e-4, float("inf"), log=True), "high=inf"),
        (lambda: Integer(1.5, 3), "1.5"),  # type: ignore[arg-type]
        (lambda: Real(float("nan"), 1.0), "low=nan"),
    ],
)
def test_a_range_is_refused(make: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BadConfig(BaseConfig):
    """A configuration that cannot have its own default."""

    latent_size: int = latent(0, at_least=1)


@pytest.mark.parametrize("space", [{"latent_size": Integer(2, 16)}, {"learning_rate": RATE}])
def test_a_wrong_default_is_not_blamed_on_the_space(space: dict[str, Any]) -> None:
    told = "a default of BadConfig will not do: `1 <= latent_size` must hold, but got latent_size=0"
    with pytest.raises(UserError, match=told):
        Sweep(name="x", model=dataclasses.replace(GAN.model, config=BadConfig), space=space)


@pytest.mark.parametrize("case", REFUSED)
def test_a_sweep_is_refused(case: str) -> None:
    changes, named = REFUSED[case]
    with pytest.raises(UserError) as caught:
        dataclasses.replace(GAN, **changes)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_least_that_is_advised_is_taken() -> None:
    for changes in ({"budget_images": 512}, {"budget_images": 3456, "pruner": "asha"},
                    {"trials": 16, "repeats": 8}, {"samples": 6}):  # fmt: skip
        dataclasses.replace(GAN, **changes)


@pytest.mark.parametrize(
    ("space", "axis"),
    [
        ({"latent_size": Integer(2, 8), "learning_rate": RATE}, "learning_rate"),
        ({"beta1": Real(0.0, 0.5), "latent_size": Integer(2, 8)}, "latent_size"),
        ({"objective": KINDS, "batch_size": Categorical((32, 64))}, "batch_size"),
        ({"objective": KINDS}, ""),
    ],
)
def test_the_map_runs_over_what_is_searched(space: dict[str, Any], axis: str) -> None:
    assert dataclasses.replace(GAN, space=space, map_axis="").map_axis == axis


@pytest.mark.parametrize(
    ("argv", "packs", "gpus"),
    [
        ([], 2, 0), (["--ranks", "2"], 1, 0), (["--packs", "3"], 3, 0), (["--gpus", "1"], 1, 1),
        (["--gpus", "5", "--ranks", "2"], 2, 5), (["--gpus", "4", "--packs", "3"], 3, 4),
        (["--preset", "cluster", "--gpus", "8"], 8, 8),
    ],
)  # fmt: skip
def test_packs_follow_the_gpus(argv: list[str], packs: int, gpus: int) -> None:
    request = parse_request("A test.", GAN, argv)
    assert (request.packs, request.gpus) == (packs, gpus)


def test_a_cluster_gets_a_larger_sweep_unless_told_otherwise() -> None:
    sweep = dataclasses.replace(GAN, cluster={"trials": 640, "budget_images": 12_800})
    for argv, trials in (([], GAN.trials), (["--preset", "cluster"], 640),
                         (["--preset", "cluster", "--trials", "64"], 64)):  # fmt: skip
        request = parse_request("A test.", sweep, [*argv, "--gpus", "1"])
        budget = 12_800 if "cluster" in argv else GAN.budget_images
        assert (request.sweep.trials, request.sweep.budget_images) == (trials, budget)
    assert "trials 640" in options_parser("A test.", sweep).format_help()


def test_what_is_given_need_not_suit_a_preset_that_is_not_chosen() -> None:
    """1000 trials of a cluster are no multiple of three seeds, which says nothing of 48 here."""
    sweep = dataclasses.replace(GAN, trials=48, cluster={"trials": 1000})
    assert parse_request("A test.", sweep, ["--repeats", "3"]).sweep.repeats == 3
    with pytest.raises(UserError, match="use 999 or 1002"):
        parse_request("A test.", sweep, ["--preset", "cluster", "--gpus", "1", "--repeats", "3"])


@pytest.mark.parametrize("cluster", [{"trails": 5}, {"trials": 0}])
def test_a_preset_that_is_no_sweep_is_refused(cluster: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"trails|trials=0"):
        dataclasses.replace(GAN, cluster=cluster)


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--gpus", "2", "--packs", "3"], "--gpus 2"),
        (["--gpus", "3", "--packs", "2", "--ranks", "2"], "take 4 GPUs"),
        (["--gpus", "1", "--ranks", "2"], "take 2 GPUs"),
        (["--preset", "cluster", "--gpus", "0"], "--gpus 0"),
        (["--image-size", "0"], "image_size=0"),
    ],
)
def test_a_command_line_is_refused(argv: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        parse_request("A test.", GAN, argv)


def test_the_direction_is_that_of_the_target() -> None:
    goals = [
        dataclasses.replace(GAN, target=name).objective("frechet") for name in (None, "coverage")
    ]
    assert [(objective.metric, objective.direction) for objective in goals] == [
        ("frechet", "minimize"), ("coverage", "maximize"),
    ]  # fmt: skip
