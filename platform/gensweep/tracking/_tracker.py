"""Records a sweep in MLflow by way of the disk, so that no trial waits for a server."""

import contextlib
import dataclasses
import getpass
import json
import math
import platform
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from gensweep.patience import TELL_S
from gensweep.redact import redact, redact_all, redact_bytes
from gensweep.tracking._delivery_thread import Deliverer
from gensweep.tracking._mlflow_writes import Sink
from gensweep.tracking._shared_view import SweepView, view_link
from gensweep.tracking._spool import Spool
from gensweep.trial import TrialState
from gensweep.versions import versions

Number = int | None
"""A trial's number; None: the sweep itself."""

Point = tuple[int, int, Mapping[str, float]]
"""Values with their step and their time in milliseconds since 1970."""

_KEY = re.compile(r"[^\w./ -]")


class Tracker:
    """Records a sweep: returns once an event is on disk, never waits for the server.

    A parent run holds the sweep, a child run each trial. Steps at or below those already recorded
    for a metric are dropped, so a trial that resumes from a checkpoint repeats no point. Secrets
    are taken out before anything reaches the disk. Any thread may call any method. `script` is
    shown as the source of all runs.
    """

    def __init__(self, spool: Spool, tracking_uri: str, experiment: str, sweep: str, *,
                 script: str = "", clock: Callable[[], float] = time.time) -> None:  # fmt: skip
        self._spool, self._clock = spool, clock
        self._lock = threading.Lock()
        self._tracking_uri, self._sweep = tracking_uri, sweep
        self._source = _source_tags(script)
        sink = Sink(tracking_uri, experiment, sweep, spool.directory / "runs.jsonl")
        self._deliverer = Deliverer(spool, sink)
        self._deliverer.start()

    def start_sweep(
        self,
        *,
        config: Mapping[str, Any],
        seed: int,
        data: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        view: SweepView | None = None,
    ) -> None:
        """Open or find the parent run.

        `config` becomes an artifact; `data` with `name`, `hash`, `source` (a URI) and optionally
        `profile` (a mapping) becomes the run's data set. `view` is what `view_link` opens.
        """
        known = {"gensweep.seed": seed, **_versions(), **self._source, **(tags or {})}
        if data is not None:
            known["gensweep.data_hash"] = data["hash"]
        self._put("sweep", None, tags=redact_all(known), data=_redact_json(data),
                  view=dataclasses.asdict(view) if view else None)  # fmt: skip
        self.log_artifact(None, "config.json", _to_json(config))

    def start_trial(
        self,
        number: int,
        params: Mapping[str, Any],
        *,
        seed: int | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Open or find the trial's run. `params` are the searched ones."""
        known = {**self._source, **(tags or {})}
        if seed is not None:
            known["gensweep.seed"] = seed
        self._put("trial", number, params=redact_all(params), tags=redact_all(known),
                  opens=str(number))  # fmt: skip

    def log_metrics(self, number: Number, step: int, values: Mapping[str, float]) -> None:
        """Record values measured at `step` (images seen). An infinite value becomes NaN."""
        # Compared and spooled under one lock: two threads must not both find a step new.
        with self._lock:
            new = {k: _storable(v) for k, v in values.items() if self._is_new(number, k, step)}
            if new:
                marks = {_mark_name(number, key): int(step) for key in new}
                self._put("metrics", number, step=int(step), values=new, marks=marks)

    def log_points(self, number: Number, points: Sequence[Point]) -> None:
        """Record values measured earlier, as one event: each point with its own step and time."""
        with self._lock:
            marks: dict[str, int] = {}
            new = []
            for step, time_ms, values in points:
                fresh = {k: _storable(v) for k, v in values.items()
                         if self._is_new(number, k, step)
                         and step > marks.get(_mark_name(number, k), -1)}  # fmt: skip
                marks |= {_mark_name(number, key): step for key in fresh}
                if fresh:
                    new.append([step, time_ms, fresh])
            if new:
                self._put("metrics", number, points=new, marks=marks)

    def log_image(self, number: Number, key: str, step: int, png: bytes) -> None:
        """Record a PNG at a step; MLflow's UI shows all steps of a key behind a slider."""
        key = _KEY.sub("_", key)
        with self._lock:
            if self._is_new(number, f"image/{key}", step):
                marks = {_mark_name(number, f"image/{key}"): int(step)}
                self._put("image", number, file=("image.png", png), key=key, step=int(step),
                          marks=marks)  # fmt: skip

    def log_artifact(self, number: Number, path: str, data: bytes) -> None:
        """Record a file at `path` of the run's artifacts; a later one of that path replaces it.

        Raises `ValueError` if the path leaves the run's artifacts.
        """
        where = Path(path)
        if where.is_absolute() or ".." in where.parts or not where.name:
            raise ValueError(f"an artifact's path must stay in its run, but got {path!r}.")
        folder = "" if where.parent == Path() else where.parent.as_posix()
        self._put("artifact", number, file=(where.name, redact_bytes(data)), folder=folder)

    def finish_trial(self, number: int, state: TrialState, cause: str = "",
                     metrics: Mapping[str, float] | None = None) -> None:  # fmt: skip
        """Close the trial's run; of its last `metrics` those without a point are recorded."""
        self._finish(number, state, cause, metrics)

    def finish_sweep(self, state: TrialState = TrialState.COMPLETED, cause: str = "", *,
                     metrics: Mapping[str, float] | None = None) -> None:  # fmt: skip
        """Close the parent run."""
        self._finish(None, state, cause, metrics)

    def _finish(self, number: Number, state: TrialState, cause: str,
                metrics: Mapping[str, float] | None) -> None:  # fmt: skip
        if not TrialState(state).ended:
            raise ValueError(f"{state} is no end of a run.")
        with self._lock:
            # The others are there: MLflow shows a metric's last point, and a copy under another
            # name would be a page of bars before the learning curves.
            values = {key: _storable(value) for key, value in (metrics or {}).items()
                      if _mark_name(number, key) not in self._spool.marks}  # fmt: skip
            # An event of its own: a metric that is refused holds up no end.
            if values:
                self._put("metrics", number, step=0, values=values)
            # A failure is told again by each successor of a coordinator that was killed.
            is_last = number is not None and state is not TrialState.FAILED
            closes: dict[str, Any] = {"closes": str(number)} if is_last else {}
            self._put("finish", number, state=state, cause=redact(cause), **closes)

    def rest_trial(self, number: int) -> None:
        """Show that the trial waits, until it is started again or ends."""
        self._put("rest", number, state=TrialState.QUEUED)

    @property
    def refused_count(self) -> int:
        """The number of events that the server refused for good, kept in `rejected.jsonl`."""
        return self._deliverer.rejected

    @property
    def last_error(self) -> str:
        """The error for which nothing is being delivered right now; empty if all is well."""
        return self._deliverer.last_error

    def describe_undelivered(self) -> str:
        """Say in one line what the server refused, and why it lags; empty if all is well."""
        says = []
        if self.refused_count:
            says.append(f"the tracker refused {self.refused_count} events, kept with its reasons "
                        f"in {self._spool.directory / 'rejected.jsonl'}")  # fmt: skip
        if not self._spool.empty:
            why = " ".join(self.last_error.split())
            says.append("the tracker has not taken everything yet, "
                        f"{f'because of {why}' if why else 'it is slow'}: the rest waits in the "
                        "spool for --resume")  # fmt: skip
        return "; ".join(says) + "." * bool(says)

    def describe_wait(self) -> str:
        """Say since when the server takes nothing; empty if it does, or has just begun to fail."""
        since = self._deliverer.failing_since
        if since is None or time.time() - since < TELL_S:
            return ""
        at = time.strftime("%H:%M:%S", time.localtime(since))
        why = " ".join(self.last_error.split())
        return f"the tracker does not answer since {at}: the spool keeps its events ({why})"

    def run_id(self, number: Number) -> str | None:
        """Return MLflow's id of a run, None until it exists there."""
        return self._deliverer.sink.run_id(number)

    def view_link(self) -> str | None:
        """Return the address of the sweep in MLflow's UI, None until its run exists there."""
        sink = self._deliverer.sink
        if sink.run_id(None) is None or not sink.experiment_id:
            return None
        return view_link(self._tracking_uri, sink.experiment_id, self._sweep)

    def flush(self, timeout: float) -> bool:
        """Wait until everything was delivered; False if it was not within `timeout` seconds."""
        return self._deliverer.flush(timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Flush and stop; what is left stays in the spool for --resume. Returns as `flush` does."""
        delivered = self.flush(timeout)
        self._deliverer.stop()
        self._spool.close()
        return delivered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _is_new(self, number: Number, key: str, step: int) -> bool:
        return int(step) > self._spool.marks.get(_mark_name(number, key), -1)

    def _put(self, kind: str, number: Number, *, file: tuple[str, bytes] | None = None,
             **rest: Any) -> None:  # fmt: skip
        event = {"kind": kind, "trial": number, "time": int(self._clock() * 1000), **rest}
        name, data = file if file is not None else ("", None)
        self._spool.put(event, name=name, data=data)


def _mark_name(number: Number, key: str) -> str:
    return f"{'sweep' if number is None else number}/{key}"


def _storable(value: float) -> float:
    return float(value) if math.isfinite(value) else math.nan


def _redact_json(data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if data is None:
        return None
    plain: dict[str, Any] = json.loads(redact(json.dumps(dict(data), default=str)))
    return plain


def _to_json(config: Mapping[str, Any]) -> bytes:
    return json.dumps(config, indent=2, default=str).encode()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), **versions()}
    return {f"gensweep.version.{name}": version for name, version in found.items()}


def _source_tags(script: str) -> dict[str, str]:
    """Return the tags from which MLflow's UI says where a run comes from, and whose it is."""
    tags = {"mlflow.source.type": "LOCAL", **_git_commit()}
    if script:
        tags["mlflow.source.name"] = script
    with contextlib.suppress(OSError, KeyError):  # of a user without a name
        tags["mlflow.user"] = getpass.getuser()
    return tags


def _git_commit() -> dict[str, str]:
    """Return the git commit that this file belongs to as a tag; none outside a checkout."""
    try:
        out = subprocess.run(["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
                             capture_output=True, text=True, timeout=5, check=True)  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": out.stdout.strip()}
