"""A trial's number tells its parameters, seed, group and stratum; what learns can be replayed."""

import itertools
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gensweep.errors import UserError
from gensweep.grid import fitting_points
from gensweep.samplers import SAMPLERS
from gensweep.study import Study, StudySpec, read_sweep
from gensweep.study._entry import TrialEntry
from gensweep.study._new_trials import NewTrial
from gensweep.study._queue import TrialQueue
from gensweep.trial import Lease, TrialRecord, TrialState, Verdict
from study.small_study import SPACE, Categorical, Integer, Real, begin, finish, spec_of

LISTED = [name for name, sampler in SAMPLERS.items() if sampler.configurations]
TRIALS, MORE = 64, 16
QUESTION: dict[str, Any] = {"space": SPACE, "strata": ("objective",), "repeats": 2, "seed": 5}
WIDTHS, PACKS = (4, 8, 12), (1, 2, 3)
Identities = list[tuple[Any, ...]]


def identities(trials: Any) -> Identities:
    """Read what follows from the number of each trial."""
    return [(one.number, one.params, one.seed, one.group) for one in trials]


# What is drawn, without a ledger


def asked(spec: StudySpec, widths: list[int], draw: random.Random, known: Any = ()) -> Any:
    """Draw all trials, as packs of these widths ask in a random order, and give some back."""
    queue, entries = TrialQueue(spec, by_number=True), list[TrialEntry]()

    def add(new: NewTrial) -> TrialEntry:
        number = len(entries)
        group = number if new.group is None else new.group
        entries.append(TrialEntry(number, number, new.fixed, group=group))
        return entries[-1]

    for entry in known:
        entries.append(entry)
        queue.add(entry)
        if not entry.state.ended:
            queue.requeue(entry)
    while (stratum := queue.next_stratum()) is not None:
        if draw.random() < 0.5:  # a pack that stays with its stratum
            stratum = draw.choice([{"objective": each} for each in SPACE["objective"].choices])
        for _ in range(draw.choice(widths)):
            entry = queue.take_next(queue.find(stratum), add)
            if entry is None:
                break
            entry.attempts += 1
            if draw.random() < 0.1:
                queue.requeue(entry)
                continue
            entry.state = TrialState.COMPLETED
            queue.end(entry)
    assert all(entry.state.ended for entry in entries)
    return entries


@pytest.mark.parametrize("sampler", LISTED)
def test_a_number_is_the_same_whatever_asks_and_when(sampler: str) -> None:
    """At any width, by any number of packs, and when trials are added."""
    question = QUESTION | {"sampler": sampler}
    short, long = (spec_of(**question, trials=n) for n in (TRIALS, TRIALS + MORE))
    whole = identities(asked(long, [4], random.Random(0)))
    assert len(whole) == TRIALS + MORE
    for seed, (width, packs) in enumerate(itertools.product(WIDTHS, PACKS)):
        draw = random.Random(seed)
        first = asked(short, [width] * packs, draw)
        assert identities(first) == whole[:TRIALS]
        assert identities(asked(long, [width, 1], draw, first)) == whole


@pytest.mark.parametrize("sampler", LISTED)
def test_strata_have_even_shares_of_any_beginning(sampler: str) -> None:
    space = {name: SPACE[name] for name in ("learning_rate", "objective")}
    spec = spec_of(**QUESTION | {"space": space}, sampler=sampler, trials=TRIALS)
    listed = spec.configurations()
    assert listed is not None
    found = [str(listed.stratum(place)) for place in range(TRIALS // 2)]
    for count in range(1, len(found)):
        shares = Counter(found[:count])
        assert max(shares.values()) - min(shares.values()) <= 1
        assert len(shares) == min(count, 3)


def test_the_trials_of_a_stratum_are_spread_evenly() -> None:
    """More than random ones: of each 16 in a row, every 16th of each range has one."""
    space = {"kind": Categorical(("a", "b", "c", "d")), "x": Real(), "y": Real()}
    spec = spec_of(space=space, strata=("kind",), sampler="qmc", trials=128)
    listed = spec.configurations()
    assert listed is not None
    values = [listed.values(place) for place in range(512)]
    for kind in "abcd":
        mine = [one for one in values if one["kind"] == kind]
        for at in range(0, len(mine), 16):
            assert {int(16 * one["x"]) for one in mine[at : at + 16]} == set(range(16))
    first = {kind: [one["x"] for one in values if one["kind"] == kind][:4] for kind in "abcd"}
    assert len({tuple(xs) for xs in first.values()}) == 4


# The grid


def grid(trials: int, **changes: Any) -> list[dict[str, Any]]:
    points = fitting_points(changes["space"], changes.get("strata", ()), trials)
    spec = spec_of(**{"sampler": "grid", "trials": trials, "grid_points": points, **changes})
    listed = spec.configurations()
    assert listed is not None
    return [listed.values(place) for place in range(trials)]


def test_a_grid_has_as_many_points_as_fit_ends_included() -> None:
    space = {"kind": Categorical(("a", "b")), "rate": Real(1e-4, 1.0, log=True),
             "beta": Real(0.0, 1.0, when={"kind": ("b",)})}  # fmt: skip
    found = grid(32, space=space, strata=("kind",))
    rates, betas = (sorted({one[name] for one in found[:30] if name in one})
                    for name in ("rate", "beta"))  # fmt: skip
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert (rates[0], rates[-1]) == (1e-4, 1.0)
    assert betas == [0.0, 0.25, 0.5, 0.75, 1.0]
    wanted = {("a", rate, None) for rate in rates}
    wanted |= {("b", rate, beta) for rate in rates for beta in betas}
    assert {(one["kind"], one["rate"], one.get("beta")) for one in found[:30]} == wanted
    assert len({str(one) for one in found}) == 32
    halves = [one["rate"] for one in found[30:]]
    assert not set(halves) & set(rates)


def test_whole_numbers_are_tried_once_and_a_grid_that_is_all_ends() -> None:
    space = {"n": Integer(1, 4, log=True), "kind": Categorical((1, 2))}
    found = grid(8, space=space, repeats=1)
    assert sorted((one["n"], one["kind"]) for one in found) == list(
        itertools.product(range(1, 5), (1, 2))
    )
    with pytest.raises(UserError, match=r"more than the grid's 8 .* use at most 16, or raise"):
        grid(18, space=space, repeats=2)


def test_too_few_trials_for_a_grid_are_told_how_many_it_takes() -> None:
    many, least = {f"x{i}": Real() for i in range(40)}, 3 * 2**40
    with pytest.raises(UserError, match=rf"2 points .* with 3 seeds each: use at least {least}"):
        grid(90, space=many, repeats=3)
    with pytest.raises(UserError, match=r"5 points .* use at least 25"):
        grid(24, space={"x": Real(), "y": Real()}, grid_points=5)


# In a ledger, with kills


def train(study: Study, widths: list[int], draw: random.Random, most: int = 10**6) -> None:
    """End up to `most` trials: packs of these widths ask in a random order."""
    while most > 0:
        pack = draw.randrange(len(widths))
        for lease in study.lease(f"pack {pack}", widths[pack]):
            if draw.random() < 0.1:
                study.release(lease.owner)
                break
            finish(study, lease, metrics={"fid": lease.params["learning_rate"]}, images=900)
            most -= 1
        if study.stop_reason():
            return


@pytest.mark.parametrize("sampler", LISTED)
def test_kills_and_extensions_change_no_trial(tmp_path: Path, sampler: str) -> None:
    question = QUESTION | {"sampler": sampler}
    with begin(f"{tmp_path}/whole", trials=TRIALS + MORE, **question) as study:
        train(study, [4], random.Random(0))
        whole = identities(study.records())
    place, draw = f"{tmp_path}/parts", random.Random(1)
    for part, trials in enumerate((TRIALS, TRIALS, TRIALS + MORE)):
        study = begin(place, resume=part > 0, trials=trials, **question)
        try:
            train(study, [[8], [12, 4], [4, 8, 12]][part], draw, most=23 if part == 0 else 10**6)
        finally:
            study._exit.close()  # killed: nothing is given back
        if part == 1:
            assert identities(read_sweep("s", place).records) == whole[:TRIALS]
    assert identities(read_sweep("s", place).records) == whole
    assert len(whole) == TRIALS + MORE


NOTE = '"drawn":"by number",'
"""In the journal of a sweep; earlier versions wrote none."""


def test_a_sweep_of_an_earlier_version_goes_on_to_draw_as_packs_ask(tmp_path: Path) -> None:
    path, question = tmp_path / "j", QUESTION | {"repeats": 1, "sampler": "qmc", "trials": 12}
    begin(str(path), **question).close()
    journal = path.read_text()
    assert journal.count(NOTE) == 1
    path.write_text(journal.replace(NOTE, ""))
    asks = ["minimax", "minimax", "hinge", "minimax"]
    for part in (asks[:2], asks[2:]):
        with begin(str(path), resume=True, **question) as study:
            for objective in part:
                (lease,) = study.lease("a", 1, {"objective": objective})
                finish(study, lease, metrics={"fid": 1.0})
    found = read_sweep("s", str(path))
    assert [record.params["objective"] for record in found.records] == asks
    assert "drawn" not in found.spec
    with begin(str(tmp_path / "new"), **question) as study:
        assert [lease.number for lease in study.lease("a", 1, {"objective": "minimax"})] == [2]
    found = read_sweep("s", str(tmp_path / "new"))
    assert ([record.number for record in found.records], found.drawn) == ([2], 3)


# Replays


def replayed(
    records: list[TrialRecord], study: Study, rungs: dict[int, dict[int, float]]
) -> Identities:
    """Draw, judge and end trials in the order that their records tell; what came out.

    `rungs` has what a trial measured at its rungs.
    """
    events: list[tuple[int, str, int, int]] = []
    for one in records:
        assert one.ended_at is not None
        events += [(one.ended_at, "end", one.number, 0), (one.drawn_at, "ask", one.number, 0)]
        events += [(at, "judge", one.number, rung) for rung, at, _ in one.verdicts]
    leases, verdicts = {}, {}
    # Draws come before what was told at that time; among them the numbers tell the order.
    for _, what, number, rung in sorted(events, key=lambda e: (e[0], e[1] != "ask", e[2])):
        if what == "ask":
            (leases[number],) = study.lease(f"{number}", 1, objective_of(records[number]))
        elif what == "judge":
            verdict = study.report(leases[number], rung, {"fid": rungs[number][rung]}, rung)
            verdicts[number, rung] = verdict
        else:
            one = records[number]
            finish(study, leases[number], one.state, metrics=one.metrics, images=one.images)
    return [(lease.number, lease.params, lease.seed, lease.group,
             {rung: v for (n, rung), v in verdicts.items() if n == number})
            for number, lease in sorted(leases.items())]  # fmt: skip


def objective_of(record: TrialRecord) -> dict[str, Any]:
    return {"objective": record.params["objective"]}


def noisy(lease: Lease, rung: int) -> float:
    """What a trial measures at a rung: best at a learning rate of 1e-3."""
    off = abs(math.log10(lease.params["learning_rate"]) + 3)
    return off + 100 / rung + random.Random(f"{lease.seed}/{rung}").random()


ENDS = ("completed", "completed", "completed", "diverged")


@pytest.mark.parametrize("pruner", ["asha", "median"])
def test_a_sweep_that_learns_and_prunes_is_replayed_from_its_ledger(
    tmp_path: Path, pruner: str
) -> None:
    """Wherever it was killed: suggestions and verdicts follow from the order that it kept."""
    rungs, draw = (100, 300, 900), random.Random(2)
    question = QUESTION | {"repeats": 1, "trials": 30, "pruner": pruner, "rungs": rungs}
    measured: dict[int, dict[int, float]] = {}
    study = begin(f"{tmp_path}/j", **question)
    for kills in range(3):
        held: dict[int, Lease] = {}
        while study.stop_reason() is None and (kills == 2 or len(measured) < 9 * (kills + 1)):
            if len(held) < 5:
                held |= {lease.number: lease for lease in study.lease(draw.choice("abc"), 2)}
            lease = held[draw.choice(list(held))]
            curve = measured.setdefault(lease.number, {})
            rung = rungs[len(curve)]
            curve[rung] = value = noisy(lease, rung)
            if rung == rungs[-1]:
                finish(study, lease, draw.choice(ENDS), metrics={"fid": value}, images=rung)
                del held[lease.number]
            elif study.report(lease, rung, {"fid": value}, rung) is Verdict.PRUNE:
                finish(study, lease, "pruned", images=rung)
                del held[lease.number]
        study._exit.close()  # killed: what was not saved since the last rung is trained again
        for curve in filter(None, map(measured.get, held)):
            curve.popitem()
        if kills < 2:
            study = begin(f"{tmp_path}/j", resume=True, **question)
    records = list(read_sweep("s", f"{tmp_path}/j").records)
    assert len(records) == 30
    assert sum(record.state is TrialState.PRUNED for record in records) >= 5
    assert max(record.drawn_at for record in records) > 40
    with begin(f"{tmp_path}/again", **question) as again:
        found = replayed(records, again, measured)
    assert found == [
        (*identities([one])[0], {rung: Verdict.PRUNE if poor else Verdict.CONTINUE
                           for rung, _, poor in one.verdicts})
        for one in records
    ]  # fmt: skip


def test_a_verdict_stands_when_a_trial_comes_to_its_rung_again(tmp_path: Path) -> None:
    """As its pack was lost; others have measured more since."""
    with begin(f"{tmp_path}/j", pruner="median", rungs=(50, 100), trials=9) as study:
        late = study.lease("late", 1)[0]
        assert study.report(late, 50, {"fid": 9.0}, 50) is Verdict.CONTINUE
        for lease in study.lease("p", 6):
            study.report(lease, 50, {"fid": 1.0}, 50)
            finish(study, lease, metrics={"fid": 1.0})
        study.fail_owner("late")
        (late,) = study.lease("other", 1)
        assert study.report(late, 50, {"fid": 9.0}, 50) is Verdict.CONTINUE
        (fresh,) = study.lease("fresh", 1)
        assert study.report(fresh, 50, {"fid": 9.0}, 50) is Verdict.PRUNE
