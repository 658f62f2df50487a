"""A VAE whose posterior tells nothing of its example is collapsed, and its cause says so."""

from typing import Any

import pytest
import torch

from gensweep.data import load_dataset
from gensweep.evaluation import build_evaluator
from gensweep.lanes import Pack
from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report
from gensweep.storage import open_store
from gensweep.sweep import Sweep
from gensweep.trial import Outcome
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

WEIGHTS = (0.1, 1000.0)
"""Of the KL divergence: one that a code is worth, and one that none is."""
IMAGES = 64 * 200


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Any]]:
    """The evaluator, and what it finds of a trial of each weight."""
    store = open_store(f"file://{tmp_path_factory.mktemp('store')}")
    fixed = {"hidden": 32, "latent_size": 4, "batch_size": 64, "learning_rate": 5e-3}
    sweep = Sweep(name="collapse", model=CATALOG["vae"], space={"kl_weight": Real(0.1, 1e4)},
                  fixed=fixed, data="digits")  # fmt: skip
    train, test = (load_dataset("digits", store, split=split) for split in ("train", "test"))
    evaluator = build_evaluator(sweep, store, train, test)
    configs = [sweep.config({"kl_weight": weight}) for weight in WEIGHTS]
    pack = Pack(sweep.model, configs[0], train, train.source("cpu"), width=len(WEIGHTS))
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=0, budget_images=IMAGES)
    pack.run(IMAGES // 64)
    told = dict(evaluator.evaluate(pack, dict.fromkeys(range(len(WEIGHTS)), False), bound=False))
    return evaluator, [told[slot] for slot in range(len(WEIGHTS))]


def test_a_posterior_that_is_the_prior_is_a_verdict(evaluated: Any) -> None:
    sound, collapsed = evaluated[1]
    assert sound.metrics["posterior_rate"] > 1
    assert "posterior_rate" not in sound.cause
    assert collapsed.outcome is Outcome.COLLAPSED
    assert collapsed.variety == collapsed.metrics["posterior_rate"] / 0.1
    assert collapsed.cause == (
        f"posterior_rate {collapsed.metrics['posterior_rate']:.3g}, below 0.1"
    )


def test_active_units_are_counted_over_all_held_out_examples(evaluated: Any) -> None:
    """Not the mean of batches' counts, which no number of examples makes whole."""
    evaluator, (sound, collapsed) = evaluated
    assert sound.metrics["active_units"] == 4
    assert collapsed.metrics["active_units"] == 0
    scores = evaluator.scores
    assert {"active_units", "posterior_rate"} <= scores.metrics
    code = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.3, 1.0], [0.3, 1.0]])
    assert scores.summaries.of({"posterior_mean": code}) == {"active_units": 1}
    assert all(scores.summaries.of({"posterior_mean": part})["active_units"] == 0
               for part in code.split(2))  # fmt: skip


def test_scores_that_tell_no_collapse_leave_the_verdict_to_samples(evaluated: Any) -> None:
    assert evaluated[0].scores.verdict({"posterior_rate": 0.1}) is None


def test_the_report_says_what_tells_it(evaluated: Any) -> None:
    protocol = evaluated[0].protocol
    assert protocol["scores"]["collapse_bounds"] == {"posterior_rate": 0.1}
    trial = {
        "number": 0, "group": 0, "state": "completed", "outcome": "collapsed", "images": 5,
        "cause": "", "params": {"kl_weight": 9.0}, "metrics": {"frechet": 1.0}, "curves": {},
    }  # fmt: skip
    page = build_report(
        SweepFacts(protocol=protocol), [trial], {}, objective=Objective.of("frechet"),  # type: ignore[list-item]
        map_axis="kl_weight",
    )  # fmt: skip
    says = "Collapsed also: posterior_rate below 0.1 nats (KL divergence of the posterior of a"
    assert says in page
