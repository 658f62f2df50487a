"""The sweep's actor beside the driver: the study that decides, and the log that is kept."""

from collections import Counter
from contextlib import suppress
from typing import Any

from gensweep.budget import Budget
from gensweep.coordinator._cost_meter import meter
from gensweep.coordinator._recorder import SweepRecorder
from gensweep.objective import Objective
from gensweep.planning import Plan
from gensweep.population import choose_donor
from gensweep.spec import RunRequest
from gensweep.study import Study, StudyRuntime, StudySpec
from gensweep.tracking import redact
from gensweep.trial import LINEAGE, TERMINAL, Lease, StaleLease, TrialRecord, TrialState, Verdict

KEPT = ("curve", "kept", LINEAGE)
"""Of a result: what the ledger keeps beside the outcome."""
HOST_LOST = "the loss of its host"
LEASE_S = 300.0
"""A pack that died is known at once; this is for one that no longer answers."""


def open_study(
    request: RunRequest, plan: Plan, objective: Objective, protocol: dict[str, Any]
) -> Study:
    """The sweep's study, new or resumed; `UserError` shows what differs."""
    sweep = request.sweep
    spec = StudySpec(
        name=sweep.name, space=sweep.space, objective=objective,
        budget=Budget(trials=sweep.trials, max_hours=sweep.max_hours, max_images=sweep.max_images,
                      max_cost=sweep.max_cost),
        budget_images=sweep.budget_images, seed=sweep.seed, sampler=sweep.sampler,
        pruner=sweep.pruner, rungs=sweep.rung_images, repeats=sweep.repeats, strata=sweep.strata,
        settings=sweep.identity() | {"data_hash": plan.dataset.hash, "protocol": protocol},
    )  # fmt: skip
    begin = Study.open if request.resume else Study.create
    return begin(spec, plan.ledger, StudyRuntime(lease_s=LEASE_S, hourly_price=meter(request)))


class SweepCoordinator:
    """Hands out trials and hears of them; every change is on disk before it is answered."""

    def __init__(
        self, request: RunRequest, plan: Plan, objective: Objective, protocol: dict[str, Any]
    ):
        self._study = open_study(request, plan, objective, protocol)
        self._objective = objective
        self._log = SweepRecorder(request.sweep, plan)
        self._leases: dict[int, Lease] = {}
        records = self._study.records()
        self._seen: dict[int, int] = {r.number: r.images for r in records}
        self._ended = {r.number for r in records if r.state in TERMINAL}
        self._budget = request.sweep.budget_images
        self._rungs = request.sweep.rung_images
        self._causes: dict[str, str] = {}
        self._nodes: dict[str, set[str]] = {}
        self._begun: set[str] = set()
        self._notes: list[str] = []
        self._used: Counter[str] = Counter()
        self._stopping = False

    def ready(self) -> bool:
        return True

    def waiting(self) -> int | None:
        """Trials that wait for a lane; None once the sweep is over."""
        self._expire()
        if self._stopping or self._study.stop_reason() is not None:
            return None
        return int(self._study.next_stratum() is not None)

    def _expire(self) -> None:
        for number in self._study.expire():
            self._tell_failed(number)

    def lease(self, owner: str, count: int, stratum: dict[str, Any] | None) -> list[Lease]:
        self._expire()
        if self._stopping:
            return []
        self._begun.add(owner)
        leases = self._study.lease(owner, count, stratum)
        for lease in leases:
            self._leases[lease.number] = lease
            self._log.begin(lease)
        return leases

    def heartbeat(self, owner: str, seen: dict[int, int]) -> bool:
        """Whether the pack should go on; `seen` are the images that its trials have seen."""
        self._study.heartbeat(owner)
        self._seen |= {n: images for n, images in seen.items() if self._leases[n].owner == owner}
        return not self._stopping and self._study.stop_reason() in (None, "trials", "images")

    def reports(
        self, owner: str, reports: list[tuple[int, int, dict[str, float], bytes]]
    ) -> dict[int, str]:
        """What the pack's trials measured: each with number, images, metrics and picture.

        The verdict on each: "continue", "prune", or "lost" if others have it by now.
        """
        with self._study.transaction():
            verdicts = {r[0]: self._verdict(owner, *r[:3]) for r in reports}
        for number, images, metrics, png in reports:
            if verdicts[number] != Verdict.LOST:
                self._log.report(number, images, metrics, png)
        return verdicts

    def _verdict(self, owner: str, number: int, images: int, metrics: dict[str, float]) -> str:
        rung = min(self._rungs, key=lambda at: abs(at - images))
        try:
            verdict = self._study.report(self._held(owner, number), images, metrics, rung)
        except StaleLease:
            return Verdict.LOST
        self._seen[number] = images
        return verdict

    def better(self, owner: str, number: int, images: int, here: list[int]) -> int | None:
        """Which of the trials `here` this one goes on from; None: from its own state."""
        lease = self._held(owner, number)
        rung = min(self._rungs, key=lambda at: abs(at - images))
        values = {n: self._objective.sign * v for n, v in self._study.peers(lease, rung).items()}
        return choose_donor(values, number, here, lease.seed, rung)

    def copied(self, owner: str, number: int, copy: dict[str, Any]) -> None:
        """The trial goes on from another's state, with other values."""
        self._held(owner, number)
        self._log.copied(number, copy)

    def checkpoint(self, owner: str, numbers: list[int], pointer: dict[str, Any]) -> list[int]:
        """Keep where the trials' lanes are; the numbers of those that others have by now."""
        lost = []
        with self._study.transaction():
            for number in numbers:
                try:
                    self._study.checkpoint(self._held(owner, number), pointer)
                except StaleLease:
                    lost.append(number)
        return lost

    def finish(self, owner: str, ends: list[tuple[int, TrialState, str, dict[str, Any]]]) -> None:
        """End trials, each with number, state, cause and result, unless others have them by now."""
        with self._study.transaction():
            for number, state, cause, result in ends:
                with suppress(StaleLease):
                    self._finish(self._held(owner, number), state, cause, result)

    def _finish(self, lease: Lease, state: TrialState, cause: str, result: dict[str, Any]) -> None:
        """In the tracker first, then for good."""
        metrics, number = dict(result.get("metrics", {})), lease.number
        images = self._seen[number] = result.get("images", self._seen.get(number, 0))
        end = self._study.resolve_end(lease, state, cause, metrics)
        if end is None:
            return
        outcome = result.get("outcome", state) if end.state == state else end.state
        self._log.end(number, end.state, end.cause, metrics, result.get(LINEAGE, ()))
        kept = {name: result[name] for name in KEPT if result.get(name)}
        self._study.finish(lease, end, images, {**kept, "outcome": outcome})
        self._ended.add(number)

    def give_back(self, owner: str) -> None:
        """The trials of a pack that starts anew wait again, which does not count against them."""
        self._study.release(owner)

    def used(self, owner: str, lane_seconds: dict[str, float]) -> None:
        """Add what a pack's lanes did with their time."""
        self._used.update(lane_seconds)

    def usage(self) -> dict[str, float]:
        """Lane-seconds of all packs in this session, by kind."""
        return dict(self._used)

    def died(self, owner: str, error: str) -> None:
        """The pack ends by an error; its traceback is kept with each of its trials."""
        self._causes[owner] = redact(error.strip().splitlines()[-1])[:300]
        held = [n for n, lease in self._leases.items() if lease.owner == owner]
        for number in sorted(set(held) - self._ended):
            self._log.error(number, error)

    def runs_on(self, owner: str, nodes: set[str]) -> None:
        """The nodes of Ray that end the pack if they end."""
        self._nodes[owner] = nodes

    def found(self, pack: str) -> tuple[bool, set[str]]:
        """Whether the pack has asked for trials, and its nodes, none if it did not come so far."""
        begun = any(pack in owner for owner in self._begun)
        return begun, next((nodes for o, nodes in self._nodes.items() if pack in o), set())

    def release(self, pack: str, *, died: bool, host: bool = False) -> None:
        """The pack ended: its trials wait for another, or fail if packs keep dying of them.

        `host`: it died as a host of it was lost, which is rarely a trial's doing.
        """
        told = [cause for owner, cause in self._causes.items() if pack in owner]
        cause = HOST_LOST if host else told[-1] if told else "the end of its process"
        self._nodes = {o: nodes for o, nodes in self._nodes.items() if pack not in o}
        self._begun = {owner for owner in self._begun if pack not in owner}
        for owner in {lease.owner for lease in self._leases.values() if pack in lease.owner}:
            if not died:
                self._study.release(owner)
                continue
            for number in self._study.fail_owner(owner, cause, host=host):
                self._tell_failed(number)
        if died:  # with trials or before it had any
            self._notes.append(f"a pack died of {cause}")

    def _tell_failed(self, number: int) -> None:
        kept = self._study.record(number)
        if kept.state in TERMINAL:
            self._ended.add(number)
            self._log.end(number, kept.state, kept.cause, kept.metrics)

    def summary(self) -> dict[str, Any]:
        """What progress is told from; `left` are images that trials still have to see."""
        counts, records = self._study.summary(), self._study.records()
        states = {n: c for n, c in counts.items() if n not in ("total", "target", "images")}
        saved = sum(self._budget - self._seen.get(number, 0) for number in self._ended)
        images = sum(self._seen.values())
        return {
            "states": states, "images": images, "metric": self._objective.metric,
            "left": max(0, counts["target"] * self._budget - images - saved),
            "best": self._best(records, "completed"),
            "leader": self._best(records, "leased", "pruned"),
            "notes": list(self._notes), "cost": self._study.cost(),
        }  # fmt: skip

    def _best(self, records: list[TrialRecord], *states: str) -> float | None:
        """The best value that a trial in one of the states has reported."""
        metric, sign = self._objective.metric, self._objective.sign
        values = [r.metrics[metric] for r in records
                  if r.state in states and metric in r.metrics]  # fmt: skip
        return min(values, key=lambda value: sign * value, default=None)

    def records(self) -> list[Any]:
        return self._study.records()

    def exhausted(self) -> str | None:
        """Which bound of the study was reached, if one was."""
        return self._study.stop_reason()

    def stop(self) -> None:
        """Packs stop at their next heartbeat; their trials stay in the study."""
        self._stopping = True

    def close(self) -> None:
        if self._study.stop_reason() == "trials":
            self._log.drop_checkpoints()
        self._study.close()
        self._log.close()

    def complete(self, files: dict[str, bytes], summary: dict[str, float], died: str) -> bool:
        """Log the whole sweep's report and figures; whether the tracker has everything."""
        return self._log.complete(files, summary, *self._end(died))

    def _end(self, died: str) -> tuple[TrialState, str]:
        """State and cause of the sweep as a whole, for the tracker."""
        if died:
            return TrialState.FAILED, died
        if self._stopping:
            return TrialState.CANCELLED, "interrupted; --resume goes on"
        reason = self._study.stop_reason()
        return TrialState.COMPLETED, "" if reason == "trials" else f"the limit of {reason}"

    def tracker_loss(self) -> str:
        """What the tracker lost, and why it lags, in one line; empty if all is well."""
        return self._log.loss()

    def run_id(self, number: int) -> str | None:
        """The tracker's id of the trial, once it has one."""
        return self._log.run_id(number)

    def _held(self, owner: str, number: int) -> Lease:
        lease = self._leases[number]
        if lease.owner != owner:
            raise StaleLease(f"trial {number} belongs to {lease.owner} now.")
        return lease
