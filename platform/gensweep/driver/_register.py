"""The best trial as a registered model that generates samples."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gensweep.catalog import catalog
from gensweep.evaluation import sampler_spec
from gensweep.planning import Plan
from gensweep.spec import RunRequest
from gensweep.storage import MissingKeyError, StoreError, load_trained_lane, open_store
from gensweep.tracking import redact
from gensweep.trial import TrialView


def register(request: RunRequest, plan: Plan, run_id: str, trial: TrialView) -> str:
    """Register `trial` as a version of MODEL-DATASET, with the sweep's name as alias; its URI.

    Empty for a model that no installed catalogue has: MLflow could not build it again.
    """
    from gensweep.tracking import register_best

    sweep = request.sweep
    if sweep.model.name not in catalog():
        return ""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "lane.safetensors"
        weights.write_bytes(load_trained_lane(open_store(plan.store), trial))
        return register_best(
            plan.tracking_uri,
            f"{sweep.model.name}-{plan.dataset.name}",
            run_id=run_id,
            weights=weights,
            about=sampler_spec(sweep, trial["params"], plan.dataset),
            alias=sweep.name.replace(".", "-"),
        )


def register_best(
    request: RunRequest, plan: Plan, coordinator: Any, best: Sequence[TrialView]
) -> None:
    """Register the best trial, if there is one; a tracker that fails costs only that."""
    import ray
    from mlflow.exceptions import MlflowException

    for trial in best:
        run = ray.get(coordinator.run_id.remote(trial["number"]))
        try:
            uri = register(request, plan, str(run), trial)
        except (MlflowException, StoreError, MissingKeyError, OSError) as error:
            why = (redact(str(error)).splitlines() or [type(error).__name__])[0]
            print(f"the best trial was not registered: {why[:160]}")
            return
        if not uri:
            print(
                f"model    not registered: no installed catalogue has {request.sweep.model.name!r} "
                "(an entry point in the group gensweep.models adds one)"
            )
        else:
            print(f"model    {uri}: mlflow.pyfunc.load_model(...).predict([{{'n': 64}}])")
