"""The pyfunc model of a registered sampler. MLflow runs this file; nothing imports it."""

import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np


class SamplerModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Generates samples from the weights that are kept with the model."""

    def load_context(self, context: Any) -> None:
        """Find the sampling function that `model_config` names."""
        module, function = context.model_config["load"].split(":")
        self._sample: Callable[..., Any] = getattr(importlib.import_module(module), function)
        self._about = json.loads(Path(context.artifacts["about"]).read_text())

    # without hints: MLflow would take them for a schema, and the signature says it better
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Generate the samples [n, ...] of each row of `model_input`, one row after another."""
        rows = model_input.to_dict("records")
        return np.concatenate([self._draw(context.artifacts["weights"], row) for row in rows])

    def _draw(self, path: str, row: dict[str, Any]) -> Any:
        given = {name: value for name, value in row.items() if _is_given(value)}
        count, seed = int(given.pop("n")), int(given.pop("seed", 0))
        return self._sample(path, self._about, count, given, seed)


def _is_given(value: Any) -> bool:
    """Return whether a row has the column: tables of rows that have not fill it with NaN."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


mlflow.models.set_model(SamplerModel())
