"""The best trial as a registered model that generates samples."""

import tempfile
from pathlib import Path
from typing import Any

from gensweep.storage import open_store
from gensweep.sweep._args import Request
from gensweep.sweep._catalog import catalog
from gensweep.sweep._kept import lane_of
from gensweep.sweep._plan import Plan
from gensweep.sweep._sampling import described


def register(asked: Request, plan: Plan, run_id: str, trial: dict[str, Any]) -> str:
    """Register `trial` as a version of MODEL-DATASET, with the sweep's name as alias; its URI.

    Empty for a model that no installed catalogue has: MLflow could not build it again.
    """
    from gensweep.tracking import register_best

    sweep = asked.sweep
    if sweep.model.name not in catalog():
        return ""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "lane.safetensors"
        weights.write_bytes(lane_of(open_store(plan.store), trial))
        return register_best(
            plan.tracking_uri,
            f"{sweep.model.name}-{plan.dataset.name}",
            run_id=run_id,
            weights=weights,
            about=described(sweep, trial["params"], plan.dataset),
            alias=sweep.name.replace(".", "-"),
        )
