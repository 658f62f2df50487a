"""Confirming the best configurations: which get more seeds, whatever the order of results."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gensweep.best_probability import best_probabilities
from gensweep.budget import StopReason
from gensweep.confirmation import Confirmation
from gensweep.errors import UserError
from gensweep.objective import Configuration, Objective
from gensweep.study import Study, read_sweep
from gensweep.trial import Lease, TrialRecord, Verdict
from study.small_study import Categorical, Integer, begin, finish

SPACE = {"x": Integer(0, 999), "kind": Categorical(("a", "b"))}
QUESTION: dict[str, Any] = {
    "space": SPACE, "strata": ("kind",), "sampler": "random", "trials": 8,
    "confirm": Confirmation.parse("3x6"),
}  # fmt: skip
OBJECTIVE = Objective(metric="fid")
DRAWN = 8 + 3 * 6


def value(lease: Lease) -> float:
    """What the trial would measure: recorded for its configuration and seed, whenever it ends."""
    draw = random.Random(f"{lease.params}/{lease.seed}")
    return 10 + lease.params["x"] / 100 + draw.gauss(0.0, 1.0)


def train(study: Study, shuffled: random.Random, most: int = 10**6) -> None:
    """End up to `most` trials, held by packs of up to three lanes, in a random order."""
    held: list[Lease] = []
    for _ in range(most):
        for owner in ("p", "q"):
            free = 3 - sum(lease.owner == owner for lease in held)
            held += study.lease(owner, free if shuffled.random() < 0.7 else 1) if free else []
        if not held:
            break
        lease = held.pop(shuffled.randrange(len(held)))
        finish(study, lease, metrics={"fid": value(lease)}, images=100)


def told(record: TrialRecord) -> tuple[Any, ...]:
    return (record.number, record.group, record.confirm_round, record.seed, record.metrics["fid"])


def search(place: str) -> None:
    """Begin a sweep whose search has ended."""
    with begin(place, **QUESTION) as study:
        for _ in range(8):
            (lease,) = study.lease("p", 1)
            finish(study, lease, metrics={"fid": value(lease)}, images=100)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"journal://{tmp_path}/study.log"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[TrialRecord]:
    """An undisturbed sweep, one trial at a time."""
    with begin(f"journal://{tmp_path_factory.mktemp('whole')}/study.log", **QUESTION) as study:
        while leases := study.lease("p", 1):
            finish(study, leases[0], metrics={"fid": value(leases[0])}, images=100)
        assert study.stop_reason() is StopReason.TRIALS
        return study.records()


def test_a_running_sweep_and_its_ledger_count_alike_what_waits(place: str) -> None:
    """The trials of a round are drawn together, and the first of them train."""
    search(place)
    with begin(place, resume=True, **QUESTION) as study:
        study.lease("p", 2)
        counts, stored = study.summary(), read_sweep("s", place)
        assert stored.states == counts.states
        assert counts.states["leased"] == 2
        assert counts.states["queued"] > 0
        assert stored.not_begun == counts.target - len(study.ranked())


def test_fresh_seeds_go_to_the_best_of_the_search(whole: list[TrialRecord]) -> None:
    searched, fresh = whole[:8], whole[8:]
    best = sorted(searched, key=lambda record: record.metrics["fid"])[:3]
    counts = Counter(record.group for record in fresh)
    assert len(fresh) == 18
    assert set(counts) == {record.number for record in best}
    assert [record.group for record in fresh[:6]] == [record.number for record in best] * 2
    assert all(r.params == whole[r.group].params for r in fresh)
    assert len({r.seed for r in whole}) == DRAWN


@pytest.mark.parametrize("seed", range(4))
def test_the_same_trials_are_drawn_whatever_order_results_come_in(
    whole: list[TrialRecord], place: str, seed: int
) -> None:
    """And wherever the sweep is killed, in the search, within a round and between two."""
    shuffled = random.Random(seed)
    confirms = [r for r in whole if r.confirm_round]
    assert {r.confirm_round for r in confirms} == {1, 2, 3}
    search(place)
    for _ in range(30):
        study = begin(place, resume=True, **QUESTION)
        try:
            train(study, shuffled, most=shuffled.randint(1, 5))
            done = study.stop_reason()
        finally:
            study._exit.close()  # killed: nothing is given back
        if done:
            break
    assert done is StopReason.TRIALS
    assert [told(r) for r in read_sweep("s", place).records] == [told(r) for r in whole]


def test_a_round_whose_drawing_was_cut_short_is_completed(
    whole: list[TrialRecord], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(place)
    study = begin(place, resume=True, **QUESTION)
    ask = study._ledger.ask

    def killed(*wanted: Any) -> Any:
        if len(study._ledger.entries) == 11:
            raise KeyboardInterrupt
        return ask(*wanted)

    monkeypatch.setattr(study._ledger, "ask", killed)
    with pytest.raises(KeyboardInterrupt):
        study.lease("p", 3)
    study._exit.close()
    with begin(place, resume=True, **QUESTION) as study:
        assert len(study.records()) == 11
        train(study, random.Random(0))
        assert [told(r) for r in study.records()] == [told(r) for r in whole]


def test_a_round_that_a_former_version_planned_is_as_long_as_it_was(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its estimate of which is best shared the seeds otherwise."""
    search(place)
    with begin(place, resume=True, **QUESTION) as study, monkeypatch.context() as former:
        former.setattr("gensweep.confirmation.best_probabilities", lambda ranked: [])
        train(study, random.Random(0), most=8)
    with begin(place, resume=True, **QUESTION) as study:
        train(study, random.Random(0))
        rounds = Counter(record.confirm_round for record in study.records())
    assert rounds == {0: 8, 1: 6, 2: 6, 3: 6}


@pytest.mark.parametrize(("ended", "fresh"), [(0, 0), (2, 6)])
def test_confirming_is_switched_off_after_a_round_that_has_begun(
    place: str, ended: int, fresh: int
) -> None:
    """Its seeds are chosen, so that they are trained; no further round follows."""
    search(place)
    if ended:
        with begin(place, resume=True, **QUESTION) as study:
            train(study, random.Random(0), most=ended)
    with begin(place, resume=True, **QUESTION | {"confirm": None}) as study:
        train(study, random.Random(0))
        assert study.stop_reason() is StopReason.TRIALS
        assert [r.confirm_round for r in study.records()] == [0] * 8 + [1] * fresh
        assert study.summary().target == 8 + fresh
    found = read_sweep("s", place)
    assert (found.planned, found.confirm) == (8 + fresh, "")


def test_limits_hold_for_confirming_trials_too(place: str) -> None:
    """Pruners do not: a seed of unknown end would confirm nothing."""
    question = QUESTION | {"pruner": "asha", "rungs": (50, 100)}
    with begin(place, max_images=1200, **question) as study:
        train(study, random.Random(0))
        assert study.stop_reason() is StopReason.IMAGES
        assert len(study.records()) == 12
        assert study.summary().target == DRAWN
    with begin(place, resume=True, **question) as study:
        (lease,) = study.lease("p", 1)
        assert lease.confirm_round == 1
        assert study.report(lease, 50, {"fid": 1e6}) is Verdict.CONTINUE
        finish(study, lease, "diverged", images=50)
        train(study, random.Random(0))
        assert study.stop_reason() is StopReason.TRIALS
        assert len(study.records()) == DRAWN


def test_configurations_that_fail_get_no_more_seeds(place: str) -> None:
    """The others have their share; where all fail, the sweep ends."""
    for failing, least in ((1, 18), (3, 6)):
        with begin(f"{place}.{failing}", **QUESTION) as study:
            bad: list[int] = []
            while leases := study.lease("p", 1):
                (lease,) = leases
                if lease.confirm_round and lease.group not in bad and len(bad) < failing:
                    bad.append(lease.group)
                state = "collapsed" if lease.confirm_round and lease.group in bad else "completed"
                finish(study, lease, state, metrics={"fid": value(lease)}, images=100)
            fresh = [r for r in study.records() if r.confirm_round]
            assert study.stop_reason() is StopReason.TRIALS
            assert len(fresh) == least
            assert sum(r.group in bad for r in fresh) == 2 * failing
            assert study.summary().target == 8 + least
        found = read_sweep("s", f"{place}.{failing}")
        assert (found.planned, found.confirm) == (8 + least, "3x6")


def test_the_confirmed_one_is_best_as_often_as_it_says() -> None:
    """Of those that were confirmed, in sweeps of 12 configurations whose true means are known."""
    runs, says, right = 40, 0.0, 0
    for sweep in range(runs):
        random_ = np.random.default_rng(sweep)
        means = random_.normal(0.0, 1.0, 12)
        ranked = confirmed(means[:, None] + random_.normal(0.0, 1.0, (12, 21)))
        groups = [one.trials[0]["group"] for one in ranked if one.confirmed]
        says += best_probabilities(ranked)[0]
        right += groups[0] == min(groups, key=lambda group: means[group])
    assert says / runs == pytest.approx(right / runs, abs=0.1)


def confirmed(values: Any) -> list[Configuration]:
    """Rank by 4x5 fresh seeds; `values` are those of a configuration's seeds, a row each."""
    seeds = [row.tolist() for row in values]
    trials = [trial_of(group, 0, row.pop()) for group, row in enumerate(seeds)]
    while drawn := Confirmation.parse("4x5").next_round(OBJECTIVE, trials):
        trials += [trial_of(group, 1, seeds[group].pop()) for group in drawn]
    assert len(trials) == len(values) + 20
    return OBJECTIVE.configurations(trials)


def trial_of(group: int, confirm_round: int, value: float) -> Any:
    return {"group": group, "confirm_round": confirm_round, "state": "completed",
            "metrics": {"fid": value}}  # fmt: skip


def test_seeds_go_where_the_order_is_unsure() -> None:
    """Two are alike, six are worse by ten times what their seeds differ by."""
    asked = Confirmation.parse("8x5")
    trials = [trial_of(group, 0, float(group)) for group in range(9)]
    means = (0.0, 0.1, *[10.0] * 6)
    first = asked.next_round(OBJECTIVE, trials)
    trials += [trial_of(g, 1, means[g] + n % 3 - n % 2) for n, g in enumerate(first)]
    second = Counter(asked.next_round(OBJECTIVE, trials))
    assert Counter(first) == dict.fromkeys(range(8), 2)
    assert second.total() == 10
    assert second[0] + second[1] == 10
    assert abs(second[0] - second[1]) <= 2
    # One more is asked for by a sweep that goes on: it gets the seeds of a first round.
    assert Confirmation.parse("9x5").next_round(OBJECTIVE, trials) == [8, 8]


@pytest.mark.parametrize("text", ["3x", "0x10", "x", "3x1", "3", "3X4", "-1x3", "1e1x3", "3x10 "])
def test_what_confirms_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="confirm is MxN") as told:
        Confirmation.parse(text)
    assert repr(text) in str(told.value)
