"""What the tracker is told of a sweep, and what of it goes to the store."""

import contextlib
import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.planning import Plan
from gensweep.population import explorable
from gensweep.spec import Sweep
from gensweep.storage import open_store
from gensweep.tracking import Spool, Tracker, redact
from gensweep.trial import Lease, TrialState, finite

if TYPE_CHECKING:
    from gensweep.spec import Sweep


FLUSH_S = 180.0


class SweepRecorder:
    """Tells the tracker, which never blocks."""

    def __init__(self, sweep: Sweep, plan: Plan):
        self._sweep, self._store = sweep, open_store(plan.store)
        spool = Spool(Path(plan.home) / "spool" / sweep.name)
        self._tracker = Tracker(spool, plan.tracking_uri, sweep.question, sweep.name)
        data = {"name": plan.dataset.name, "hash": plan.dataset.hash,
                "source": f"{plan.store}/datasets/{plan.dataset.id}"}  # fmt: skip
        self._tracker.start_sweep(config=sweep.identity(), seed=sweep.seed, data=data)

    def begin(self, lease: Lease) -> None:
        """A trial has a lane."""
        tags = {"gensweep.attempt": lease.attempt}
        self._tracker.start_trial(lease.number, lease.params, seed=lease.seed, tags=tags)
        if self._sweep.pbt:
            names = explorable(self._sweep.model.config, self._sweep.space)
            config = dataclasses.asdict(self._sweep.config(lease.params))
            self._tracker.metrics(lease.number, 0, scheduled(config, names))

    def copied(self, number: int, copy: dict[str, Any]) -> None:
        """A trial took over the state of another one."""
        self._tracker.metrics(number, copy["images"], scheduled(copy["params"], copy["params"]))

    def report(self, number: int, images: int, metrics: dict[str, float], png: bytes) -> None:
        """A trial was evaluated after `images` examples."""
        self._tracker.metrics(number, images, metrics)
        if png:
            self._tracker.image(number, "samples", images, png)

    def end(self, number: int, state: TrialState, cause: str, metrics: Mapping[str, float],
            lineage: Sequence[Any] = ()) -> None:  # fmt: skip
        """A trial ended."""
        if lineage:
            self._tracker.artifact(number, "lineage.json", json.dumps(lineage).encode())
        self._tracker.finish_trial(number, state, cause, finite(metrics))

    def error(self, number: int, traceback: str) -> None:
        """A pack died with the trial in one of its lanes."""
        self._tracker.artifact(number, "traceback.txt", traceback.encode())
        key = f"sweeps/{self._sweep.name}/trials/{number:04d}/traceback.txt"
        self._store.put(key, redact(traceback).encode())

    def complete(self, files: dict[str, bytes], summary: dict[str, float], state: TrialState,
                 cause: str) -> bool:  # fmt: skip
        """The sweep ended; whether the tracker has everything."""
        for name, data in files.items():
            self._tracker.artifact(None, name, data)
        self._tracker.finish_sweep(state, cause, metrics=summary)
        return self._tracker.flush(FLUSH_S)

    def loss(self) -> str:
        """What the tracker lost, and why it lags; empty if all is well."""
        return self._tracker.loss()

    def drop_checkpoints(self) -> None:
        """Every trial has ended, and its weights are kept: no pack goes on from a checkpoint."""
        with contextlib.suppress(UserError):  # they cost room, nothing else
            for key in self._store.list(f"sweeps/{self._sweep.name}/checkpoints/"):
                self._store.delete(key)

    def run_id(self, number: int) -> str | None:
        """The tracker's id of the trial, once it has one."""
        return self._tracker.run_id(number)

    def close(self) -> None:
        """Nothing more will come from this process."""
        self._tracker.close()


def scheduled(config: Mapping[str, Any], names: Collection[str]) -> dict[str, float]:
    """The values of a configuration that change, as metrics; words are left out."""
    values = {f"pbt/{name}": config[name] for name in names}
    return {n: float(v) for n, v in values.items() if isinstance(v, int | float)}
