"""The study's promises, over each storage."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gensweep.budget import Budget
from gensweep.errors import UserError
from gensweep.redact import redact
from gensweep.study import Study, StudyRuntime, list_sweeps, read_sweep
from gensweep.trial import Lease, StaleLease
from study.small_study import SPACE, Clock, Integer, Open, finish, spec_of


def drain(study: Study, count: int = 4) -> list[Lease]:
    """Complete everything that is left."""
    done = []
    while leases := study.lease("pack", count):
        for lease in leases:
            finish(study, lease, "completed", metrics={"fid": 10.0}, images=1000)
            done.append(lease)
    return done


class TestStudy:
    def test_every_stratum_gets_its_share(self, opened: Open) -> None:
        with opened() as study:
            drain(study)
            assert study.stop_reason() == "trials"
            shares = Counter(r.params["objective"] for r in study.records())
        assert shares == {"hinge": 4, "wasserstein": 4, "minimax": 4}

    def test_one_lease_is_of_one_stratum_and_respects_conditions(self, opened: Open) -> None:
        with opened() as study:
            leases = study.lease("a", 3)
            assert len({lease.params["objective"] for lease in leases}) == 1
            wanted = study.lease("b", 2, {"objective": "wasserstein"})
            drain(study)
            records = study.records()
        assert [lease.stratum for lease in wanted] == [{"objective": "wasserstein"}] * 2
        for record in records:
            assert ("clip" in record.params) == (record.params["objective"] == "wasserstein")
            assert 1e-5 <= record.params["learning_rate"] <= 1e-1

    def test_full_stratum_has_nothing_more(self, opened: Open) -> None:
        with opened() as study:
            assert len(study.lease("a", 99, {"objective": "hinge"})) == 4
            assert study.lease("a", 1, {"objective": "hinge"}) == []
            assert study.next_stratum() in ({"objective": "wasserstein"}, {"objective": "minimax"})

    def test_silent_owner_loses_its_leases_with_their_checkpoint(
        self, opened: Open, clock: Clock
    ) -> None:
        with opened() as study:
            old = study.lease("a", 1)[0]
            study.report(old, 300, {"fid": 50.0})
            study.checkpoint([old], {"key": "ckpt/3"})
            clock.now += 59
            assert study.expire() == []
            study.heartbeat("a")
            clock.now += 61
            assert study.expire() == [old.number]
            new = study.lease("b", 1)[0]
            assert (new.number, new.attempt, new.checkpoint) == (old.number, 2, {"key": "ckpt/3"})
            assert (new.params, new.seed, new.images) == (old.params, old.seed, 300)
            with pytest.raises(StaleLease):
                finish(study, old, "completed", metrics={"fid": 1.0})
            with pytest.raises(StaleLease):
                study.checkpoint([old], {"key": "late"})
            with pytest.raises(StaleLease):
                study.report(old, 400, {"fid": 1.0})

    def test_owners_that_outlive_the_process_keep_their_leases(
        self, opened: Open, clock: Clock
    ) -> None:
        study = opened()
        held, unheard = study.lease("a", 2, {"objective": "hinge"})
        study._exit.close()  # as its process was killed
        with opened(resume=True, keep_leases=True) as again:
            known = [(held.number, held.attempt)]
            assert unheard == again.lease("a", 2, {"objective": "hinge"}, known)[0]
            with pytest.raises(StaleLease):
                again.lease_of("b", held.number)
            again.report(held, 10, {})
            clock.now += 61  # nor do they keep them for ever
            assert held.number in again.expire()

    @pytest.mark.parametrize("keep_leases", [False, True])
    def test_checkpoints_outlive_the_process(self, opened: Open, keep_leases: bool) -> None:
        """Several trials at once, each as it was stored last: by this owner or one before."""
        study = opened()
        one, two, three = study.lease("a", 3, {"objective": "hinge"})
        study.checkpoint([one, two], {"key": "first"})
        study.checkpoint([two, three], {"key": "second"})
        study.release("a")
        study.lease("b", 1, {"objective": "hinge"})
        three = study.lease("a", 2, {"objective": "hinge"})[1]
        study.checkpoint([three], {"key": "third"})
        study._exit.close()  # as its process was killed
        asks = [("b", 1), ("a", 2)] if keep_leases else [("c", 3)]
        with opened(resume=True, keep_leases=keep_leases) as again:
            stratum = {"objective": "hinge"}
            leases = [lease for owner, count in asks
                      for lease in again.lease(owner, count, stratum, ())]  # fmt: skip
        found = {lease.number: (lease.checkpoint or {})["key"] for lease in leases}
        assert found == {one.number: "first", two.number: "second", three.number: "third"}

    def test_nobody_falls_silent_while_the_ledger_is_away(
        self, opened: Open, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def outage() -> None:
            clock.now += 600
            sync()

        with opened(max_cost=1000.0, hourly_price=lambda: 100.0) as study:
            sync = study._transaction._journal.sync
            (lease,) = study.lease("a", 1)
            study.heartbeat("a")
            monkeypatch.setattr(study._transaction._journal, "sync", outage)
            study.checkpoint([lease], {"key": "x"})
            monkeypatch.undo()
            assert study.expire() == []
            study.heartbeat("a")
            assert study.stop_reason() is None
            assert study._spending.cost_once_stopped() < study.cost() + 1
            clock.now += 61
            assert study.expire() == [lease.number]

    def test_a_wall_clock_that_jumps_ends_no_lease_and_costs_nothing(
        self, storage: str, clock: Clock
    ) -> None:
        """Durations are of another clock, and the order of trials is that of their numbers."""

        class Runtime(StudyRuntime):
            ticks = Clock()

        wall, budget = clock, Budget(trials=4, max_hours=0.9, max_cost=5.0)
        runtime = Runtime(clock=wall, hourly_price=lambda: 5.0)
        with Study.create(spec_of(budget=budget), storage, runtime) as study:
            for jump_s in (3600, -7200, 3600):
                (lease,) = study.lease("a", 1)
                study.heartbeat("a")
                wall.now += jump_s
                assert study.expire() == []
                assert study.stop_reason() is None
                finish(study, lease, "completed", metrics={"fid": 1.0})
            (last,) = study.lease("a", 1)
            assert (study.hours(), study.cost()) == (0.0, pytest.approx(0.0, abs=0.2))
            assert [r.number for r in study.records()] == [0, 1, 2, last.number]
            Runtime.ticks.now += 61  # what passes in truth still counts
            assert study.expire() == [last.number]

    def test_lease_of_the_same_owner_is_fenced_by_its_attempt(self, opened: Open) -> None:
        with opened() as study:
            old = study.lease("a", 1)[0]
            study.fail_owner("a")
            again = study.lease("a", 1)[0]
            assert again.number == old.number
            with pytest.raises(StaleLease):
                study.report(old, 10, {})

    def test_poison_trial_fails_after_its_attempts(self, opened: Open) -> None:
        with opened(max_attempts=3) as study:
            numbers = []
            for _ in range(3):
                numbers.append(study.lease("a", 1)[0].number)
                study.fail_owner("a")
            assert numbers == [numbers[0]] * 3
            record = study.record(numbers[0])
            assert (record.state, record.cause) == ("failed", "lost 3 times")

    def test_a_trial_outlives_its_hosts_more_often(self, opened: Open) -> None:
        with opened(max_attempts=3) as study:
            for _ in range(10):
                assert [lease.number for lease in study.lease("a", 2)] == [0, 1]  # no suspect
                study.fail_owner("a", "the loss of its host", host=True)
        with opened(max_attempts=3, resume=True) as study:
            assert [lease.number for lease in study.lease("a", 2)] == [0]  # a suspect by now
            study.fail_owner("a", "the loss of its host", host=True)
            record = study.record(0)
            cause = "lost 11 times, the last by the loss of its host"
            assert (record.state, record.cause) == ("failed", cause)
            assert study.record(1).state == "queued"

    def test_a_suspect_comes_alone(self, opened: Open) -> None:
        """A trial that would be lost for the last time takes no other with it."""
        study = opened(trials=6, max_attempts=3, strata=())
        for _ in range(2):
            assert len(study.lease("p", 3)) == 3
            study.fail_owner("p")
        alone = study.lease("p", 3)
        assert [lease.number for lease in alone] == [0]
        assert study.lease("p", 3) == []
        fresh = study.lease("q", 1)
        assert [lease.number for lease in fresh] == [1]
        study.fail_owner("p")
        assert study.record(0).state == "failed"
        finish(study, fresh[0], "completed", "", {"fid": 1.0}, 100)
        study.lease("r", 1)
        others = study.lease("s", 3)
        assert [lease.number for lease in others] == [3, 4, 5]

    def test_release_is_not_counted_against_the_trial(self, opened: Open) -> None:
        with opened(max_attempts=2) as study:
            for _ in range(5):
                number = study.lease("a", 1)[0].number
                assert study.release("a") == [number]
            assert study.record(number).state == "queued"

    def test_second_finish_is_ignored(self, opened: Open) -> None:
        with opened() as study:
            lease = study.lease("a", 1)[0]
            assert finish(study, lease, "completed", metrics={"fid": 3.0})
            assert not finish(study, lease, "failed", "late")
            assert study.record(lease.number).state == "completed"
            assert study.summary().states["completed"] == 1

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_non_finite_objective_is_a_divergence(self, opened: Open, bad: float) -> None:
        with opened() as study:
            lease = study.lease("a", 1)[0]
            assert study.report(lease, 10, {"fid": bad, "loss": 1.0}) == "continue"
            finish(study, lease, "completed", metrics={"fid": bad})
            record = study.record(lease.number)
        assert (record.state, record.cause) == ("diverged", f"fid is {bad}")
        assert record.metrics == {"loss": 1.0}

    def test_completed_without_objective_is_a_failure(self, opened: Open) -> None:
        with opened() as study:
            lease = study.lease("a", 1)[0]
            finish(study, lease, "completed", metrics={"loss": 1.0})
            assert study.record(lease.number).state == "failed"

    def test_reopening_queues_what_ran_and_keeps_what_ended(self, opened: Open) -> None:
        study = opened()
        leases = study.lease("a", 3)
        finish(study, leases[0], "diverged", "loss is nan", images=20)
        study.checkpoint([leases[1]], {"key": "x"})
        before = study.records()
        study.close()
        with opened(resume=True) as again:
            assert again.record(leases[0].number) == before[0]
            taken = again.lease("b", 2)
            assert [t.number for t in taken] == [leases[1].number, leases[2].number]
            assert taken[0].checkpoint == {"key": "x"}
            drain(again)
            assert len(again.records()) == 12

    def test_finished_sweep_can_be_extended(self, opened: Open) -> None:
        with opened(trials=6) as study:
            drain(study)
            old = study.records()
        with opened(trials=15, resume=True) as study:
            assert study.stop_reason() is None
            new = drain(study)
            assert study.records()[:6] == old
        assert sorted(lease.number for lease in new) == list(range(6, 15))

    def test_reopened_sampler_does_not_repeat_itself(self, opened: Open) -> None:
        rates = []
        for trials in (3, 6, 9):
            with opened(trials=trials, resume=trials > 3, sampler="random") as study:
                drain(study)
                rates = [r.params["learning_rate"] for r in study.records()]
        assert len(set(rates)) == 9

    def test_repeats_share_parameters_but_not_seeds(self, opened: Open) -> None:
        with opened(trials=18, repeats=3) as study:
            drain(study, count=2)
            records = study.records()
        groups: dict[int, list[Any]] = {}
        for record in records:
            groups.setdefault(record.group, []).append(record)
        assert [len(group) for group in groups.values()] == [3] * 6
        assert all(r.params == g[0].params for g in groups.values() for r in g)
        assert len({record.seed for record in records}) == 18

    def test_repeats_never_exceed_the_trials(self, opened: Open) -> None:
        with opened(trials=10, repeats=4, strata=()) as study:
            drain(study, count=3)
            assert len(study.records()) == 10

    def test_image_budget_is_never_exceeded(self, opened: Open) -> None:
        with opened(max_images=4500) as study:
            first = study.lease("a", 4)
            assert len(first) == 4
            assert study.next_stratum() is None
            finish(study, first[0], "diverged", "early", images=100)
            assert len(study.lease("a", 9)) == 1
            drain(study)
            assert sum(r.images for r in study.records()) <= 4500

    def test_hours_are_counted_over_sessions(self, opened: Open, clock: Clock) -> None:
        study = opened(max_hours=2.0)
        clock.now += 3600
        study.close()
        clock.now += 100 * 3600
        with opened(max_hours=2.0, resume=True) as again:
            assert again.stop_reason() is None
            clock.now += 3601
            assert again.stop_reason() == "hours"
            assert again.lease("a", 1) == []

    def test_cancel_ends_everything(self, opened: Open) -> None:
        with opened() as study:
            held, returned = study.lease("a", 1) + study.lease("b", 1)
            study.release("b")
            study.cancel()
            assert {study.record(x.number).state for x in (held, returned)} == {"cancelled"}
            with pytest.raises(StaleLease):
                study.report(held, 10, {})
            assert study.stop_reason() == "cancelled"
            assert study.lease("a", 1) == []

    def test_pruner_hears_of_reports(self, opened: Open) -> None:
        with opened(pruner="median", trials=30, strata=()) as study:
            for _ in range(6):
                lease = study.lease("a", 1)[0]
                for images in (100, 200):
                    study.report(lease, images, {"fid": 1.0})
                finish(study, lease, "completed", metrics={"fid": 1.0})
            worse = study.lease("a", 1)[0]
            assert study.report(worse, 100, {"fid": 99.0}) == "prune"

    def test_tpe_learns_divergence_as_infeasible(self, opened: Open) -> None:
        """Rates above 1e-3 diverge: the sampler must come to avoid them, though they have no
        value at all, and the feasible rest is flat."""
        with opened(trials=70, strata=(), space={"learning_rate": SPACE["learning_rate"]}) as s:
            for _ in range(70):
                lease = s.lease("a", 1)[0]
                if lease.params["learning_rate"] > 1e-3:
                    finish(s, lease, "diverged", "loss is nan", images=10)
                else:
                    finish(s, lease, "completed", metrics={"fid": 1.0}, images=1000)
            states = [r.state for r in s.records()]
        assert states[:10].count("diverged") >= 3
        assert states[-30:].count("diverged") <= 4

    def test_name_that_exists_needs_resume(self, opened: Open) -> None:
        opened().close()
        with pytest.raises(UserError, match="--resume first"):
            opened()

    def test_another_space_is_named(self, opened: Open) -> None:
        opened().close()
        other = {**SPACE, "latent_size": Integer(2, 128, log=True)}
        for resume in (False, True):
            with pytest.raises(UserError, match=r"another space.*latent_size\.high: 64 -> 128"):
                opened(space=other, resume=resume)

    def test_another_spec_shows_the_difference(self, opened: Open) -> None:
        opened().close()
        with pytest.raises(UserError, match=r'data: "abc" -> "xyz"'):
            opened(settings={"model": "gan", "data": "xyz"}, resume=True)

    def test_unknown_name_lists_the_known(self, opened: Open, storage: str) -> None:
        where = rf"there is none yet in {re.escape(redact(storage))}, `make sweep` runs one"
        with pytest.raises(UserError, match=where):
            opened(name="nobody", resume=True)
        opened().close()
        with pytest.raises(UserError, match="known ones are first"):
            opened(name="nobody", resume=True)
        with pytest.raises(UserError, match="known ones are first"):
            read_sweep("nobody", storage)

    def test_refused_sweep_leaves_nothing_behind(self, opened: Open, tmp_path: Path) -> None:
        for bad in ({"trials": 0}, {"sampler": "genetic"}, {"repeats": 0}, {"resume": True},
                    {"pruner": "garden"}, {"strata": ("nothing",)}, {"max_hours": -1.0},
                    {"budget_images": 0}, {"rungs": (3, 2)}, {"name": "a/b"}):  # fmt: skip
            with pytest.raises(UserError):
                opened(**bad)
        assert list(tmp_path.iterdir()) == []

    def test_second_driver_is_refused_by_process_id(self, opened: Open) -> None:
        with opened(), pytest.raises(UserError, match=str(os.getpid())):
            opened(resume=True)

    def test_running_sweep_can_be_read_and_another_one_driven(
        self, opened: Open, storage: str, clock: Clock
    ) -> None:
        with opened() as study:
            clock.now += 1
            with opened(name="second") as second:
                second.lease("b", 1)
                finish(study, study.lease("a", 1)[0], "completed", metrics={"fid": 2.0})
                assert [view.name for view in list_sweeps(storage)] == ["first", "second"]
                view = read_sweep("first", storage)
                assert list(view.records) == study.records()
        assert view.spec["model"] == "gan"
        assert "optuna" in view.versions
