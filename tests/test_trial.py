"""States and outcomes of trials are plain strings outside, and agree with one another."""

import copy
import json
import pickle

import pytest
from safetensors.torch import load, save

from gensweep.objective import Objective
from gensweep.report import SweepFacts, build_report, state_label
from gensweep.trial import Outcome, TrialState


@pytest.mark.parametrize("member", [*TrialState, *Outcome])
def test_a_member_is_a_plain_string_wherever_it_is_written(member: TrialState | Outcome) -> None:
    word = member.value
    assert json.loads(json.dumps({member: member})) == {word: word}
    assert (f"{member:>12}", str(member)) == (f"{word:>12}", word)
    assert member == word
    assert {word: 1}[member] == 1
    assert load(save({}, metadata={"state": member})) == {}
    assert pickle.loads(pickle.dumps(member)) is copy.deepcopy(member) is type(member)(word)


def test_an_unknown_word_is_an_error_and_no_state() -> None:
    with pytest.raises(ValueError, match="lost"):
        TrialState("lost")
    assert state_label("lost") == "lost"


def test_every_outcome_has_a_colour_in_the_report() -> None:
    objective = Objective(metric="nll")
    page = build_report(SweepFacts(name="s"), [], {}, objective=objective, map_axis="x")
    assert all(f"--{outcome}:" in page and f"i.{outcome}" in page for outcome in Outcome)


def test_each_verdict_ends_a_trial_in_a_state_of_which_the_report_says_the_same() -> None:
    told = {state: Outcome.of(state) for state in TrialState}
    assert told[TrialState.COLLAPSED] == Outcome.COLLAPSED
    assert {s for s in TrialState if not s.ended} == {TrialState.QUEUED, TrialState.LEASED}
    assert {s for s in TrialState if s.infeasible} == {TrialState.DIVERGED, TrialState.COLLAPSED}
    assert all(outcome.state.ended for outcome in Outcome)
