"""Records a sweep in the tracker, and what goes with it in the object store."""

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gensweep.errors import UserError
from gensweep.home import Home
from gensweep.learning_curve import CurvePoint
from gensweep.objective import Objective
from gensweep.patience import OUTAGE_S, Patience
from gensweep.population import explorable
from gensweep.redact import redact
from gensweep.space import conditions
from gensweep.spec import RunContext
from gensweep.storage import open_store
from gensweep.tracking import Spool, SweepView, Tracker
from gensweep.trial import Lease, StateCopy, TrialReport, TrialState, finite

FLUSH_S = OUTAGE_S
BRIEFLY_S = 5.0
"""How long the store is waited for, by whom all packs wait."""
Curves = Mapping[str, Sequence[Sequence[float]]]
"""By sampling hyperparameter, [value, fidelity, variety] along its grid."""


def spool_of(context: RunContext) -> Path:
    """Return the folder of what the tracker is still to be told, and of the session's memory."""
    return Home(Path(context.home)).spool(context.sweep.name)


class SweepRecorder:
    """Tells the tracker of a sweep and its trials, through a spool: no call waits for a server."""

    def __init__(self, context: RunContext, objective: Objective):
        sweep = context.sweep
        self._sweep = sweep
        self._store = open_store(context.store, Patience(BRIEFLY_S), was_there=True)
        self._ranked = objective.metric
        spool = Spool(spool_of(context))
        self._tracker = Tracker(spool, context.tracking_uri, sweep.question, sweep.name,
                                script=context.script)  # fmt: skip
        data = {"name": context.data_name, "hash": context.data_hash,
                "source": f"{context.store}/datasets/{context.data_id}"}  # fmt: skip
        axes = [name for name, one in sweep.space.items() if not conditions(one)]
        view = SweepView(params=list(sweep.space), axes=axes, metric=objective.metric,
                         minimize=objective.sign > 0)  # fmt: skip
        self._tracker.start_sweep(config=sweep.identity(), seed=sweep.seed, data=data, view=view)

    def begin_trial(self, lease: Lease) -> None:
        """Record that a trial has a lane, and the values that it begins with."""
        tags = {"gensweep.attempt": lease.attempt}
        if lease.confirm_round:
            tags["gensweep.confirm_round"] = lease.confirm_round
        self._tracker.start_trial(lease.number, lease.params, seed=lease.seed, tags=tags)
        if self._sweep.pbt:
            names = explorable(self._sweep.model.config, self._sweep.space)
            config = dataclasses.asdict(self._sweep.config(lease.params))
            self._tracker.log_metrics(lease.number, 0, _schedule_metrics(config, names))

    def record_copy(self, number: int, copy: StateCopy) -> None:
        """Record that a trial took over the state of another one."""
        values = _schedule_metrics(copy["params"], copy["params"])
        self._tracker.log_metrics(number, copy["images"], values)

    def report(self, report: TrialReport) -> None:
        """Record an evaluation, at the images that its trial had seen, and training until then.

        A metric of training has the points of its learning curve alone: its mean since the last
        evaluation would be a step in it.
        """
        self.record_learning(report.number, report.points)
        curves = {name for point in report.points for name in point.metrics} - {self._ranked}
        metrics = {name: v for name, v in report.metrics.items() if name not in curves}
        self._tracker.log_metrics(report.number, report.images, metrics)
        if report.png:
            self._tracker.log_image(report.number, "samples", report.images, report.png)

    def record_learning(self, number: int, points: Sequence[CurvePoint]) -> None:
        """Record points of a learning curve; those that were recorded already are left out.

        A metric that ranks trials has its values of evaluations, as the study has them.
        """
        self._tracker.log_points(number, [
            (point.images, point.time_ms,
             {name: v for name, v in point.metrics.items() if name != self._ranked})
            for point in points
        ])  # fmt: skip

    def record_curves(
        self, number: int, images: int, curves: Curves, metrics: Sequence[str]
    ) -> None:
        """Record what was measured along the grids; `metrics` are fidelity and variety."""
        self._tracker.log_metrics(number, images, curve_metrics(curves, metrics))

    def end_trial(
        self,
        number: int,
        state: TrialState,
        cause: str,
        metrics: Mapping[str, float],
        lineage: Sequence[StateCopy] = (),
    ) -> None:
        """Record how a trial ended; `metrics` are its last word."""
        if lineage:
            self._tracker.log_artifact(number, "lineage.json", json.dumps(lineage).encode())
        self._tracker.finish_trial(number, state, cause, finite(metrics))

    def rest_trial(self, number: int) -> None:
        """Record that a trial which was begun waits for `--resume`."""
        self._tracker.rest_trial(number)

    def record_error(self, numbers: Sequence[int], traceback: str) -> None:
        """Record the error by which a pack died with these trials in its lanes."""
        for number in numbers:
            self._tracker.log_artifact(number, "traceback.txt", traceback.encode())
        # The tracker has it, too: a store that is away keeps the other packs waiting but once.
        with suppress(UserError):
            for number in numbers:
                key = f"sweeps/{self._sweep.name}/trials/{number:04d}/traceback.txt"
                self._store.put(key, redact(traceback).encode())

    def complete(
        self, files: Mapping[str, bytes], summary: Mapping[str, float], state: TrialState,
        cause: str,
    ) -> bool:  # fmt: skip
        """Record the end of the sweep; whether the tracker has everything within `FLUSH_S`."""
        for name, data in files.items():
            self._tracker.log_artifact(None, name, data)
        self._tracker.finish_sweep(state, cause, metrics=summary)
        return self._tracker.flush(FLUSH_S)

    def loss(self) -> str:
        """Tell what the tracker lost, and why it lags; empty if all is well."""
        return self._tracker.describe_undelivered()

    def waits(self) -> str:
        """Tell since when the tracker does not answer; empty if it does. Nobody waits for it."""
        return self._tracker.describe_wait()

    def run_id(self, number: int) -> str | None:
        """Tell the tracker's id of the trial, once it has one."""
        return self._tracker.run_id(number)

    def view_link(self) -> str | None:
        """Tell the address of the sweep in the tracker's UI, once the tracker has the sweep."""
        return self._tracker.view_link()

    def drop_checkpoints(self) -> None:
        """Delete checkpoints: every trial has ended and has its weights, so none goes on."""
        with suppress(UserError):  # they cost room, nothing else
            for key in self._store.list(f"sweeps/{self._sweep.name}/checkpoints/"):
                self._store.delete(key)

    def close(self) -> None:
        """Stop telling; what the tracker has not heard stays in the spool."""
        self._tracker.close()


def curve_metrics(curves: Curves, metrics: Sequence[str]) -> dict[str, float]:
    """Name what was measured along the grids of sampling hyperparameters, each by its value.

    >>> curve_metrics({"truncation": ((0.5, 40.0, 0.25),)}, ("frechet", "coverage"))
    {'frechet.truncation_0.5': 40.0, 'coverage.truncation_0.5': 0.25}
    """
    return {
        f"{metric}.{name}_{at:g}".replace("+", ""): value
        for name, curve in curves.items()
        for at, *measured in curve
        for metric, value in zip(metrics, measured, strict=False)
    }


def _schedule_metrics(config: Mapping[str, object], names: Collection[str]) -> dict[str, float]:
    """The values of a configuration that change, as metrics; words are left out.

    >>> _schedule_metrics({"rate": 0.5, "objective": "hinge"}, ["rate", "objective"])
    {'pbt/rate': 0.5}
    """
    values = {f"pbt/{name}": config[name] for name in names}
    return {name: float(v) for name, v in values.items() if isinstance(v, int | float)}
