"""Registers the best trial as a model that generates samples."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gensweep.catalog import catalog
from gensweep.coordinator import RemoteCoordinator, SweepCoordinator
from gensweep.errors import UserError
from gensweep.evaluation import sampler_spec
from gensweep.planning import Plan
from gensweep.redact import redact
from gensweep.storage import MissingKeyError, load_trained_lane
from gensweep.trial import TrialView

_log = logging.getLogger(__name__)


def register_best(plan: Plan, coordinator: RemoteCoordinator, best: Sequence[TrialView]) -> None:
    """Register the best trial, if there is one; a tracker that fails costs only that."""
    from mlflow.exceptions import MlflowException

    for trial in best:
        run_id = str(coordinator.ask(SweepCoordinator.run_id, trial["number"]))
        try:
            uri = _register(plan, run_id, trial)
        except (MlflowException, UserError, MissingKeyError, OSError) as error:
            why = (redact(str(error)).splitlines() or [type(error).__name__])[0]
            _log.warning("the best trial was not registered: %s", why[:160])
            return
        print(f"model    {_usage_text(plan, uri)}")


def _register(plan: Plan, run_id: str, trial: TrialView) -> str:
    """Register `trial` as a version of MODEL-DATASET, with the sweep's name as alias; its URI.

    Empty for a model that no installed catalogue has: MLflow could not build it again.
    """
    from gensweep.tracking import register_model

    sweep = plan.request.sweep
    if sweep.model.name not in catalog():
        return ""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "lane.safetensors"
        weights.write_bytes(load_trained_lane(plan.open_store(), trial))
        return register_model(
            plan.tracking_uri,
            f"{sweep.model.name}-{plan.dataset.name}",
            run_id=run_id,
            weights=weights,
            about=sampler_spec(sweep, trial["params"], plan.dataset),
            alias=sweep.name.replace(".", "-"),
        )


def _usage_text(plan: Plan, uri: str) -> str:
    if uri:
        return f"{uri}: mlflow.pyfunc.load_model(...).predict([{{'n': 64}}])"
    return (
        f"not registered: no installed catalogue has {plan.request.sweep.model.name!r} (an entry "
        "point in the group gensweep.models adds one)"
    )
