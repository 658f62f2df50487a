"""Synchronous halving stops the same trials, whatever packs, widths, kills and orders there are."""

import itertools
import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gensweep.pruners import PRUNERS, cohort_size
from gensweep.study import Study, read_sweep
from gensweep.trial import Lease, TrialRecord, TrialState, Verdict
from study.small_study import Categorical, Real, begin, finish

RUNGS = PRUNERS["halving"].rungs(2700, 4)
LAST = RUNGS[-1]
SPACE = {"x": Real(), "kind": Categorical(("a", "b"))}
QUESTION: dict[str, Any] = {
    "space": SPACE, "strata": ("kind",), "group_by": "kind", "sampler": "qmc", "pruner": "halving",
    "rungs": RUNGS, "budget_images": LAST, "seed": 3, "max_attempts": 1000,
}  # fmt: skip
Ends = dict[int, tuple[str, int]]


def measured(number: int, rung: int) -> float:
    """What a trial measures: many are equal, and every tenth measures no number at some rung."""
    if number % 10 == 7 and rung == RUNGS[number % 3]:
        return math.nan
    return float(random.Random(f"{number}/{rung}").randrange(8))


def diverges(number: int, rung: int) -> bool:
    """Some do, with a value that would be the best."""
    return number % 11 == 4 and rung == RUNGS[number % 4]


def passes_over(number: int, rung: int) -> bool:
    """Some learn too late to be evaluated at the first rung."""
    return number % 13 == 5 and rung == RUNGS[0]


class Packs:
    """Packs of some widths, one trial of which takes a step at a time, in a random order."""

    def __init__(self, study: Study, widths: list[int], draw: random.Random, kills: float = 0.0):
        self.study, self.widths, self.draw, self.kills = study, widths, draw, kills
        self.lanes: list[dict[int, Lease]] = [{} for _ in widths]
        self.leaving: list[tuple[int, Lease, int]] = []
        """Trials that are to wait, of which the study has not heard yet."""

    def run(self, steps: int = 10**5) -> bool:
        """Train until the study has ended; False if it has not after so many steps."""
        for _ in range(steps):
            if self.study.stop_reason():
                return True
            pack = self.draw.randrange(len(self.widths))
            if self.draw.random() < self.kills:
                self.study.fail_owner(f"pack {pack}")
                self.lanes[pack] = {}
                self.leaving = [one for one in self.leaving if one[0] != pack]
            self.hear(pack)
            self.fill(pack)
            if self.lanes[pack]:
                self.step(pack, self.draw.choice(list(self.lanes[pack].values())))
        return False

    def hear(self, pack: int) -> None:
        """Tell of trials that wait: some late, so that their verdict may have come before."""
        for one in self.leaving[:]:
            if one[0] == pack and (self.draw.random() < 0.5 or not self.lanes[pack]):
                self.leaving.remove(one)
                _, lease, rung = one
                kept: Any = {"kept": {"place": f"{rung}", "step": lease.attempt}}
                self.study.set_aside(lease, rung, kept)
        for number, cause in self.study.to_prune().items():
            self.study.prune(number, cause)

    def fill(self, pack: int) -> None:
        free = self.widths[pack] - len(self.lanes[pack])
        stratum = next((lease.stratum for lease in self.lanes[pack].values()), None)
        for lease in self.study.lease(f"pack {pack}", free, stratum) if free else []:
            assert lease.number not in self.lanes[pack]
            self.lanes[pack][lease.number] = lease

    def step(self, pack: int, lease: Lease) -> None:
        """Train one trial to its next rung, from where it was stored last."""
        number, pointer = lease.number, lease.checkpoint
        stored = int(pointer["place"]) if pointer and "place" in pointer else 0
        for rung in (r for r in RUNGS if r > stored and not passes_over(number, r)):
            metrics = {"fid": measured(number, rung)}
            if diverges(number, rung):
                self.study.measure(lease, rung, {"fid": -1.0})
                finish(self.study, lease, "diverged", images=rung)
            elif rung == LAST:
                finish(self.study, lease, metrics={"fid": 1.0}, images=rung)
            elif (verdict := self.study.report(lease, rung, metrics, rung)) is Verdict.CONTINUE:
                continue
            elif verdict is Verdict.PRUNE:
                finish(self.study, lease, "pruned", f"stopped at {rung} images", images=rung)
            else:
                self.leaving.append((pack, lease, rung))
            del self.lanes[pack][number]
            return


def ends(records: Iterable[TrialRecord]) -> Ends:
    return {one.number: (str(one.state), one.images) for one in records}


def by_hand(kinds: dict[int, str], cohorts: list[range]) -> Ends:
    """The ends that the rule says: `cohorts` are numbers, of which each kind makes one."""
    found: Ends = {}
    for numbers in cohorts:
        for kind in "ab":
            alive = members = [n for n in numbers if kinds[n] == kind]
            for at, rung in enumerate(RUNGS):
                lost = [n for n in alive if diverges(n, rung) and not passes_over(n, rung)]
                found |= dict.fromkeys(lost, ("diverged", rung))
                alive = [n for n in alive if n not in lost]
                if rung == LAST:
                    found |= dict.fromkeys(alive, ("completed", LAST))
                    continue
                here = [n for n in alive if not passes_over(n, rung)]
                ranked = sorted((measured(n, rung), n) for n in here
                                if not math.isnan(measured(n, rung)))  # fmt: skip
                best = {n for _, n in ranked[: max(1, len(members) // 3 ** (at + 1))]}
                found |= {n: ("pruned", rung) for n in here if n not in best}
                alive = [n for n in alive if n in best or n not in here]
    return found


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The comparison group of each number."""
    with begin(str(tmp_path_factory.mktemp("kinds") / "j"), trials=124, **QUESTION) as study:
        study.lease("a", 62, {"kind": "a"})
        study.lease("b", 62, {"kind": "b"})
        return {one.number: one.params["kind"] for one in study.records()}


def of_size(kinds: dict[int, str], trials: range) -> list[range]:
    """Cut trials, which alternate between the kinds, into full cohorts and a rest."""
    size = 2 * cohort_size(len(RUNGS))
    assert [kinds[n] for n in trials[:4]] in (["a", "b"] * 2, ["b", "a"] * 2)
    return [trials[at : at + size] for at in range(0, len(trials), size)]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_trials_are_stopped_whatever_packs_there_are(
    tmp_path: Path, kinds: dict[int, str], seed: int
) -> None:
    """Nor do deaths of packs and kills of the process matter; trials that are added are apart.

    The ledger has each verdict once, in the order in which they were given.
    """
    draw, place = random.Random(seed), str(tmp_path / "j")
    widths = [[4], [8, 12], [1, 2, 40]][seed]
    for part, trials in enumerate((108, 108, 124)):
        study = begin(place, resume=part > 0, trials=trials, **QUESTION)
        packs = Packs(study, widths, draw, kills=0.02 * seed)
        assert packs.run(draw.randrange(10, 100) if part == 0 else 10**5) == (part > 0)
        study._exit.close()  # killed: nothing is given back
    records = read_sweep("s", place).records
    cohorts = [*of_size(kinds, range(108)), range(108, 124)]
    assert len(cohorts) == 3
    assert ends(records) == by_hand(kinds, cohorts)
    verdicts = [verdict for one in records for verdict in one.verdicts]
    assert len({verdict.decided_at for verdict in verdicts}) == len(verdicts) > 124
    for one in records:
        pruned = [verdict.rung for verdict in one.verdicts if verdict.is_pruned]
        assert pruned == [one.images] * (one.state is TrialState.PRUNED)


def test_a_cohort_spends_what_the_formula_says(tmp_path: Path) -> None:
    """Of 27 trials each rung's third goes on: 27, 9, 3 and 1 train to it."""
    question = QUESTION | {"space": {"x": Real()}, "strata": (), "group_by": None}
    with begin(str(tmp_path / "j"), trials=27, **question) as study:
        while leases := study.lease("pack", 5):
            for lease in leases:
                seen = study.record(lease.number).images
                rung = next(rung for rung in RUNGS if rung > seen)
                value = {"fid": lease.params["x"]}
                if rung == LAST:
                    finish(study, lease, metrics=value, images=rung)
                    continue
                match study.report(lease, rung, value, rung):
                    case Verdict.PRUNE:
                        finish(study, lease, "pruned", images=rung)
                    case Verdict.WAIT:
                        kept: Any = {"kept": {"place": "p", "step": 1}}
                        study.set_aside(lease, rung, kept)
                    case _:  # the last of a cohort might train on
                        study.release("pack")
            for number, cause in study.to_prune().items():
                study.prune(number, cause)
        assert study.stop_reason() == "trials"
        records = study.records()
    steps = zip((27, 9, 3, 1), RUNGS, (0, *RUNGS), strict=False)
    assert sum(one.images for one in records) == sum(n * (b - a) for n, b, a in steps)
    best = min(records, key=lambda one: one.params["x"])
    assert [one.number for one in records if one.state is TrialState.COMPLETED] == [best.number]


def test_a_limit_of_images_judges_those_that_there_are(tmp_path: Path) -> None:
    """No other may be drawn, so that nobody waits for more; with more images others follow."""
    place, question = str(tmp_path / "j"), QUESTION | {"space": {"x": Real()}, "strata": ()}
    question |= {"group_by": None, "trials": 27}
    found = []
    for session, (limit, width) in enumerate(((3 * LAST, 4), (5 * LAST, 1), (10**9, 8))):
        with begin(place, resume=session > 0, max_images=limit, **question) as study:
            assert Packs(study, [width], random.Random(session)).run()
            assert study.stop_reason() == ("images" if session < 2 else "trials")
            found.append(ends(study.records()))
    assert 4 <= len(found[0]) < len(found[1]) < len(found[2]) == 27
    for former, later in itertools.pairwise(found):
        assert {n: later[n] for n in former} == former


@pytest.mark.parametrize("seed", range(4))
def test_a_cohort_that_no_other_joins_is_judged_before_trials_are_added(
    tmp_path: Path, seed: int
) -> None:
    """All of its trials may wait by then, and none reports that would have it judged."""
    question = QUESTION | {"space": {"x": Real()}, "strata": (), "group_by": None}
    for trials, steps in ((4, random.Random(seed).randrange(1, 12)), (8, 3000)):
        with begin(str(tmp_path / "j"), resume=trials > 4, trials=trials, **question) as study:
            done = Packs(study, [1], random.Random(seed)).run(steps)
    assert done
    assert all(state.ended for state in (one.state for one in study.records()))
