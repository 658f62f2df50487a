"""Objectives against their papers' formulas, by hand in float64."""

from typing import get_args

import pytest
import torch
from torch.nn.functional import softplus

from formulas_by_hand import MAXIMISED, MINIMISED, log_d, log_not_d
from gensweep_models.adversarial.objectives import OBJECTIVES as FORMULAS
from gensweep_models.adversarial.objectives import (
    Objective,
    critic_loss,
    critic_metrics,
    generator_loss,
    label_smoothing,
)
from same_gradients import assert_same_with_gradients, normal

OBJECTIVES = get_args(Objective)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_critic_descends_what_the_paper_maximises(objective: Objective) -> None:
    real, fake = normal(40, scale=3), normal(40, scale=3)
    loss = critic_loss(objective, real, fake)
    assert_same_with_gradients(loss, -MAXIMISED[objective](real, fake), [real, fake])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_generator_minimises_the_papers_formula(objective: Objective) -> None:
    real, fake = normal(40, scale=3), normal(40, scale=3)
    loss = generator_loss(objective, fake, real)
    assert_same_with_gradients(loss, MINIMISED[objective](real, fake), [fake])


def test_a_critics_accuracy_is_the_share_of_pairs_that_it_orders_rightly() -> None:
    """Wherever its zero is, which is nowhere for a Wasserstein critic; a tie is not right."""
    real, fake = torch.tensor([1.0, 2.0, 0.0, 5.0]), torch.tensor([0.0, 2.0, 3.0, -1.0])
    for shift in (0.0, 100.0):
        told = critic_metrics(real + shift, fake + shift)
        assert float(told["critic_accuracy"]) == 2 / 4
        assert float(told["critic_gap"]) == 1
    patches = critic_metrics(real.view(1, 1, 2, 2), fake.view(1, 1, 2, 2))
    assert patches == critic_metrics(real, fake)


def test_only_pairs_need_the_scores_of_real_examples() -> None:
    with pytest.raises(ValueError, match="relativistic compares with the scores of real examples"):
        generator_loss("relativistic", normal(4))
    unpaired = [name for name, formula in FORMULAS.items() if not formula.paired]
    assert len(unpaired) == len(OBJECTIVES) - 1
    for objective in unpaired:
        assert bool(generator_loss(objective, normal(4)).isfinite())


def test_losses_of_extreme_logits_stay_finite() -> None:
    """All but those of an exponential, which overflows by its definition."""
    far = torch.tensor([-1e4, 1e4], requires_grad=True)
    for objective in set(OBJECTIVES) - {"lipschitz_exp"}:
        for loss in (critic_loss(objective, far, far), generator_loss(objective, far, far)):
            (grad,) = torch.autograd.grad(loss, far)
            assert bool(loss.isfinite()), objective
            assert bool(grad.isfinite().all()), objective


def test_minimax_saturates_where_the_other_does_not() -> None:
    """Both push D(G(z)) up, by D and by 1 - D: the ratio is the odds, nothing for a clear fake."""
    fake = torch.tensor([-20.0, -2.0, 0.0, 2.0, 20.0], dtype=torch.float64, requires_grad=True)
    (slow,) = torch.autograd.grad(5 * generator_loss("minimax", fake), fake)
    (fast,) = torch.autograd.grad(5 * generator_loss("non_saturating", fake), fake)
    assert (slow < 0).all()
    assert (fast < 0).all()
    torch.testing.assert_close(slow, -fake.detach().sigmoid())
    torch.testing.assert_close(slow / fast, fake.detach().exp(), rtol=1e-6, atol=0)
    assert float(slow[0]) > -1e-8
    assert float(fast[0]) < -1 + 1e-8


CELLS = {"real": [0, 0, 0, 1], "fake": [0, 1, 1, 1]}
"""Two cells, in which data have shares of 3/4 and 1/4, samples 1/4 and 3/4."""


@pytest.mark.parametrize("objective", ["minimax", "non_saturating"])
def test_both_games_rest_where_samples_are_data(objective: Objective) -> None:
    """A generator of cells by softmax: at p = q and D = 1/2 no player has a gradient, else both."""
    shares = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    for wrong in (0.0, 0.5):
        logits = (shares.log() + wrong * torch.tensor([1.0, 0, 0])).requires_grad_()
        scores = torch.full((3,), wrong, dtype=torch.float64)
        scores = (scores * torch.tensor([0.0, 1, -1])).requires_grad_()
        mine = logits.softmax(0)
        value = (shares * softplus(-scores) + mine.detach() * softplus(scores)).sum()
        each = torch.stack([generator_loss(objective, one) for one in scores.detach()])
        grads = (*torch.autograd.grad(value, scores), *torch.autograd.grad(each @ mine, logits))
        assert all(bool((grad.abs() > 1e-3).any()) == bool(wrong) for grad in grads)


@pytest.mark.parametrize("objective", ["minimax", "non_saturating", "least_squares"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_the_best_critic_of_smoothed_labels(objective: Objective, share: float) -> None:
    """D* = (1 - share) p / (p + q): Salimans et al., section 3.4, with labels 1 - share and 0."""
    best = (1 - share) * torch.tensor([0.75, 0.25], dtype=torch.float64)
    scores = (best if objective == "least_squares" else best.logit()).requires_grad_()
    real, fake = (scores[CELLS[name]] for name in ("real", "fake"))
    smoothed = label_smoothing(real, torch.tensor(share))
    (grad,) = torch.autograd.grad(critic_loss(objective, real, fake) + smoothed, scores)
    torch.testing.assert_close(grad, torch.zeros_like(grad))


def test_smoothed_cross_entropy_is_that_of_the_label() -> None:
    real, fake = normal(40), normal(40)
    got = critic_loss("minimax", real, fake) + label_smoothing(real, torch.tensor(0.1))
    want = -(0.9 * log_d(real) + 0.1 * log_not_d(real)).mean() - log_not_d(fake).mean()
    assert_same_with_gradients(got, want, [real, fake])
