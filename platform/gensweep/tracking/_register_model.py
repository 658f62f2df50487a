"""Registers the best trial in MLflow as a model whose `predict` generates samples."""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.json_text import json_text
from gensweep.redact import redact

ALIAS = "best"
SAMPLING = "gensweep.sweep:sample_lane"
_MODEL_FILE = Path(__file__).with_name("_sampler_model.py")
_REQUIREMENTS = ["gensweep", "safetensors", "torch", "numpy"]


def register_model(
    tracking_uri: str,
    name: str,
    *,
    run_id: str,
    weights: str | Path,
    about: Mapping[str, Any],
    load: str = SAMPLING,
    alias: str = ALIAS,
) -> str:
    """Log `weights` (a safetensors file) as a pyfunc of run `run_id` and register it.

    The loaded model's `predict` takes a row with `n`, and `seed` and any of `about["sampling"]`,
    sampling hyperparameters with their values, if others are wanted. It returns
    `load(path, about, n, values, seed)`, an array of n samples; `about` is JSON. It is kept
    as code and weights, not as a pickle. The version registered as `name` gets `alias`; returned is
    its "models:/NAME/VERSION". A run whose version has the alias already is left as it is, for
    trials that ended do not change.
    """
    path = Path(weights)
    if path.suffix != ".safetensors" or not path.is_file():
        raise UserError(f"the weights {str(path)!r} must be a safetensors file that exists.")
    import mlflow

    client = mlflow.MlflowClient(tracking_uri)
    if held := _registered_version(client, name, alias, run_id):
        return held
    mlflow.set_tracking_uri(tracking_uri)
    with _quiet(), tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id):
        about_file = Path(folder) / "about.json"
        about_file.write_text(redact(json_text(dict(about), default=str)))
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(_MODEL_FILE),
            artifacts={"weights": str(path), "about": str(about_file)},
            model_config={"load": load},
            signature=_signature(about.get("sampling", {}), about.get("given", ())),
            input_example=[{"n": 64, "seed": 0}],
            pip_requirements=_REQUIREMENTS,
        )
        registered = mlflow.register_model(logged.model_uri, name)
    client.set_registered_model_alias(name, alias, registered.version)
    return f"models:/{name}/{registered.version}"


def _registered_version(client: Any, name: str, alias: str, run_id: str) -> str:
    """The URI of this run's version if it has the alias; empty if another run's has, or none."""
    from mlflow.exceptions import MlflowException

    try:
        held = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if not 400 <= error.get_http_status_code() < 500:
            raise
        return ""  # no such model, or no such alias
    return f"models:/{name}/{held.version}" if held.run_id == run_id else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence MLflow, which prints each step, bars and advice into the log of the job."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            yield
    finally:
        logger.setLevel(level)


def _signature(sampling: Mapping[str, object], given: Sequence[str]) -> Any:
    """The columns of `predict`; those of `sampling` have the types of its values.

    Of what samples are conditioned on only a class, by its name, fits into a table's column.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    types = {bool: DataType.boolean, int: DataType.long, str: DataType.string}
    columns = [ColSpec(DataType.long, "n")]
    columns += [
        ColSpec(types.get(type(value), DataType.double), name, required=False)
        for name, value in sampling.items()
    ]
    columns += [ColSpec(DataType.string, "y", required=False) for name in given if name == "y"]
    columns.append(ColSpec(DataType.long, "seed", required=False))
    return ModelSignature(inputs=Schema(columns))
