"""Finds the model that a sweep registered, and fetches what it samples with."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.tracking._impatient_client import impatient_client


@dataclass(frozen=True, slots=True)
class RegisteredSampler:
    """A registered trial's weights and description, on the local disk."""

    uri: str
    weights: Path
    about: dict[str, Any]


def fetch_sampler(tracking_uri: str, sweep: str, folder: Path) -> RegisteredSampler:
    """Download into `folder` what the best trial of `sweep` was registered with.

    `UserError` if there is no such model, or no server answers.
    """
    import mlflow

    alias = sweep.replace(".", "-")
    mlflow.set_tracking_uri(tracking_uri)
    with impatient_client(tracking_uri) as client:
        for model in client.search_registered_models():
            if alias in model.aliases:
                uri = f"models:/{model.name}@{alias}"
                with contextlib.redirect_stderr(io.StringIO()):  # a bar for each file
                    where = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
                about = json.loads(next(where.rglob("about.json")).read_text())
                return RegisteredSampler(uri, next(where.rglob("*.safetensors")), about)
    raise UserError(
        f"no model is registered of a sweep {sweep!r}: `gensweep list` shows sweeps, and each "
        "tells at its end whether its best trial was registered."
    )
