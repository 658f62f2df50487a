"""The parts of a study alone: what it asks, who holds what, and what comes next."""

import random
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gensweep.errors import UserError
from gensweep.study import StudyRuntime, is_driven, only_writer
from gensweep.study._entry import TrialEntry
from gensweep.study._leases import LeaseBook
from gensweep.study._lost_trials import ALONE_AFTER, MAX_HOSTS_LOST, MAX_KILLED, Loss, LossRule
from gensweep.study._new_trials import NewTrial
from gensweep.study._queue import TrialQueue
from gensweep.trial import Lease, StaleLease, TrialState
from study.small_study import Categorical, Clock, Real, begin, spec_of

# What a study asks


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "a/b"}, "a/b"),
        ({"name": " "}, "one word"),
        ({"budget_images": 0}, "1 <= budget_images"),
        ({"budget_images": 1.5}, "budget_images=1.5"),
        ({"repeats": 0}, "1 <= repeats"),
        ({"sampler": "genetic"}, "tpe, random, qmc, grid"),
        ({"pruner": "garden"}, "asha"),
        ({"rungs": (300, 100)}, "ascend"),
        ({"strata": ("nothing",)}, "nothing"),
    ],
)
def test_a_question_that_no_study_can_have_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        spec_of(**change)


def test_the_identity_is_all_but_the_limits() -> None:
    """And its keys are those of stored studies."""
    spec = spec_of(settings={"model": "gan", "by": "x"})
    assert set(spec.identity()) == {
        "model", "by", "objective", "budget_images", "space", "sampler", "seed", "repeats",
        "strata",
    }  # fmt: skip
    assert spec.identity() == spec_of(trials=99, max_hours=1.0, settings=spec.settings).identity()
    assert spec.identity() != spec_of(seed=1, settings=spec.settings).identity()


# Who holds what


def lease_of(entry: TrialEntry) -> Lease:
    return Lease(number=entry.number, owner=entry.owner, attempt=entry.attempts, params={}, seed=0,
                 group=0, stratum={}, checkpoint=None, images=0)  # fmt: skip


def held(number: int, owner: str) -> TrialEntry:
    return TrialEntry(number, number, {}, state=TrialState.LEASED, owner=owner, attempts=1)


def test_only_silence_and_forgetting_end_a_lease() -> None:
    clock = Clock()
    book = LeaseBook(StudyRuntime(clock=clock, lease_s=60.0))
    entries = [held(2, "a"), held(0, "a"), held(1, "b")]
    for entry in entries:
        book.hear(entry.owner)
        book.grant(entry)
    clock.now += 60.0
    assert book.silent_owners() == []
    book.hear("b")
    clock.now += 0.1
    assert book.silent_owners() == ["a"]
    assert [entry.number for entry in book.held("a")] == [0, 2]
    book.drop("a", 0)
    book.forget("b")
    assert [book.held(owner) for owner in ("a", "b")] == [[entries[0]], []]
    assert book.owners() == ["a"]


@pytest.mark.parametrize("change", [("state", TrialState.QUEUED), ("owner", "b"), ("attempts", 2)])
def test_a_lease_is_of_one_owner_and_one_attempt(change: tuple[str, Any]) -> None:
    book, entry = LeaseBook(StudyRuntime()), held(0, "a")
    lease = lease_of(entry)
    book.check(lease, entry)
    setattr(entry, *change)
    with pytest.raises(StaleLease, match="trial 0"):
        book.check(lease, entry)


@pytest.mark.parametrize("max_attempts", [1, 2, 3, 5])
def test_the_trial_that_one_more_loss_ends_runs_alone(max_attempts: int) -> None:
    """And those lost twice; not one that was never lost, though its first loss may be its last."""
    rule = LossRule(max_attempts)
    for lost in range(max_attempts):
        for hosts in range(MAX_HOSTS_LOST + 1):
            entry = TrialEntry(0, 0, {}, errors_in_row=lost, hosts_in_row=hosts)
            by_pack = rule.after_loss(entry, Loss(packs=1)).state.ended and lost > 0
            by_host = rule.after_loss(entry, Loss(hosts=1)).state.ended
            assert rule.after_loss(entry, Loss()).state is TrialState.QUEUED
            assert rule.must_run_alone(entry) == (by_pack or by_host or lost >= ALONE_AFTER)
    entry = TrialEntry(0, 0, {}, lost=9, hosts=2, errors_in_row=max_attempts - 1)
    assert rule.after_loss(entry, Loss(packs=1, cause="fire")).cause == (
        "lost 12 times, the last by fire"
    )


def lose(rule: LossRule, entry: TrialEntry, loss: Loss) -> TrialState:
    """The state of the trial after one loss more, which its entry keeps."""
    after = rule.after_loss(entry, loss)
    for name, value in asdict(after.losses).items():
        setattr(entry, name, value)
    return after.state


KILL, ERROR, HOST = Loss(packs=1, is_killed=True), Loss(packs=1), Loss(hosts=1)


@pytest.mark.parametrize(("loss", "most"), [(KILL, MAX_KILLED), (ERROR, 3), (HOST, 11)])
def test_packs_that_are_killed_and_hosts_are_forgiven_more_often(loss: Loss, most: int) -> None:
    rule, entry = LossRule(3), TrialEntry(0, 0, {})
    for _ in range(most - 1):
        assert lose(rule, entry, loss) is TrialState.QUEUED
    assert rule.must_run_alone(entry)
    assert lose(rule, entry, Loss()) is TrialState.QUEUED  # it was given back
    assert lose(rule, entry, loss) is TrialState.FAILED


def test_kills_errors_and_hosts_are_counted_apart() -> None:
    rule, entry = LossRule(3), TrialEntry(0, 0, {})
    for loss in (*[KILL] * (MAX_KILLED - 1), *[ERROR] * 2, *[HOST] * MAX_HOSTS_LOST):
        assert lose(rule, entry, loss) is TrialState.QUEUED
    assert (entry.lost, entry.hosts) == (MAX_KILLED + 1, MAX_HOSTS_LOST)
    for last in (KILL, ERROR, HOST):
        assert lose(rule, replace(entry), last) is TrialState.FAILED


def test_losses_count_from_where_a_trial_last_got_further() -> None:
    """In all of them are counted, too."""
    rule, entry = LossRule(3), TrialEntry(0, 0, {}, images=100)
    for loss in (ERROR, ERROR, *[HOST] * MAX_HOSTS_LOST):
        assert lose(rule, entry, loss) is TrialState.QUEUED
    assert rule.must_run_alone(entry)
    assert rule.after_loss(entry, ERROR).state is TrialState.FAILED
    assert rule.after_loss(entry, HOST).state is TrialState.FAILED
    entry.images = 101
    assert not rule.must_run_alone(entry)
    assert lose(rule, entry, ERROR) is TrialState.QUEUED
    assert (entry.errors_in_row, entry.hosts_in_row, entry.lost_at) == (1, 0, 101)
    assert (entry.lost, entry.hosts) == (3, MAX_HOSTS_LOST)


# What comes next


@pytest.mark.parametrize("by_number", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_queue_keeps_every_bound_and_ends_with_equal_shares(seed: int, by_number: bool) -> None:
    """Packs of random size take, return and end trials of the stratum that is the next."""
    draw = random.Random(seed)
    repeats, trials = draw.choice([1, 2, 3]), draw.randint(1, 40)
    spec = spec_of(
        space={"kind": Categorical(("a", "b", "c")), "x": Real()}, strata=("kind",), trials=trials,
        repeats=repeats, max_images=draw.choice([None, 2500]), sampler="random",
    )  # fmt: skip
    queue, entries = TrialQueue(spec, by_number=by_number), list[TrialEntry]()
    running: list[TrialEntry] = []

    def drawn(new: NewTrial) -> TrialEntry:
        number = len(entries)
        entries.append(TrialEntry(number, number, {"x": draw.random()} | new.fixed,
                                  group=number if new.group is None else new.group))  # fmt: skip
        return entries[-1]

    while running or queue.next_stratum() is not None:
        stratum = queue.next_stratum()
        if stratum is not None and draw.random() < 0.6:
            entry = queue.take_next(queue.find(stratum), drawn)
            assert entry is not None
            entry.state, entry.attempts = TrialState.LEASED, 1
            running.append(entry)
        elif running:
            entry = running.pop(draw.randrange(len(running)))
            ends = draw.random() < 0.7
            entry.state = TrialState.COMPLETED if ends else TrialState.QUEUED
            entry.images = draw.randint(0, 100)
            (queue.end if ends else queue.requeue)(entry)
        assert queue.total == len(entries) <= trials
        assert queue.unfinished == sum(not entry.state.ended for entry in entries)
    assert all(entry.state.ended for entry in entries)
    images = sum(entry.images for entry in entries)
    assert queue.images == images <= (spec.budget.max_images or images)
    shares = Counter(entry.params["kind"] for entry in entries)
    assert max(shares.values()) - min(shares[kind] for kind in "abc") <= repeats
    groups = Counter(entry.group for entry in entries)
    assert sum(size < repeats for size in groups.values()) <= 1
    assert all(entry.params["x"] == entries[entry.group].params["x"] for entry in entries)
    if spec.budget.max_images is None:
        assert len(entries) == trials
    else:
        assert len(entries) == trials or images + spec.budget_images > spec.budget.max_images


def test_a_returned_trial_comes_before_a_repeat_and_that_before_a_new_one() -> None:
    queue = TrialQueue(spec_of(repeats=2))
    key = queue.find({})
    first, second = TrialEntry(0, 0, {"x": 0.5}), TrialEntry(1, 1, {"x": 0.5})
    queue.add(first)
    queue.requeue(first)
    planned: list[NewTrial] = []

    def drawn(new: NewTrial) -> TrialEntry:
        planned.append(new)
        return second if len(planned) == 1 else TrialEntry(2, 2, {"x": 0.25}, group=2)

    assert queue.take_next(key, drawn) is first
    assert queue.take_next(key, drawn) is second
    assert queue.take_next(key, drawn) is not None
    assert planned == [NewTrial(fixed={"x": 0.5}, group=0), NewTrial(fixed={}, group=None)]


def test_what_waits_for_its_stratum_comes_after_what_was_begun() -> None:
    """A list is drawn in its order, whichever stratum asks."""
    spec = spec_of(space={"kind": Categorical(("a", "b"))}, strata=("kind",), sampler="random")
    queue = TrialQueue(spec, by_number=True)
    entries: list[TrialEntry] = []

    def drawn(new: NewTrial) -> TrialEntry:
        entries.append(TrialEntry(len(entries), len(entries), new.fixed, group=len(entries)))
        return entries[-1]

    a, b = (queue.find({"kind": kind}) for kind in "ab")
    second = queue.take_next(b, drawn)
    assert [entry.params["kind"] for entry in entries] == ["a", "b"]
    assert second is entries[1]
    second.attempts = 1
    assert queue.next_stratum() == {"kind": "a"}
    assert queue.take_next(b, drawn) is entries[3]
    queue.requeue(second)
    assert queue.next_stratum() == {"kind": "b"}
    assert queue.take_next(b, drawn) is second
    assert [queue.take_next(a, drawn) for _ in range(3)] == [entries[n] for n in (0, 2, 4)]


# Whether anybody drives it


def test_a_ledger_out_of_reach_does_not_tell_that_somebody_drives(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot use the ledger .*127\.0\.0\.1:9/x"):
        is_driven("s", "postgresql://127.0.0.1:9/x")
    ledger = str(tmp_path / "studies")
    with only_writer(ledger, "s"):
        assert is_driven("s", ledger)
    assert not is_driven("s", ledger)


def test_a_study_that_its_own_session_began_is_gone_on_with(tmp_path: Path) -> None:
    """The process that began it may die before it has told anybody."""
    ledger = str(tmp_path / "studies")
    begin(ledger, session="mine").close()
    with pytest.raises(UserError, match="sweep 's' exists"):
        begin(ledger, session="other")
    with begin(ledger, session="mine") as study:
        assert len(study.lease("a", 2)) == 2
