"""The best trial's weights as a model of a real MLflow server."""

from pathlib import Path
from typing import Any

import pytest

from gensweep.errors import UserError
from gensweep.tracking import Spool, Tracker, register_model
from tracking.mlflow_server import Server

pytestmark = [pytest.mark.stack]


def sample_scaled(
    path: str, about: dict[str, Any], n: int, values: dict[str, float], seed: int
) -> Any:
    """Stands at the place of a model's sampling function: noise times the stored weight."""
    import torch
    from safetensors.torch import load_file

    noise = torch.randn(n, about["latent_size"], generator=torch.Generator().manual_seed(seed))
    bound = values.get("bound", about["sampling"]["bound"])
    noise = noise.clamp(-bound, bound)
    return (noise * load_file(path)["scale"]).numpy()


@pytest.mark.slow("MLflow loads a model in a process of its own")
def test_best_trial_becomes_a_model_that_samples(
    server: Server, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import numpy as np
    import pandas as pd
    import torch
    from safetensors.torch import save_file

    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    save_file({"scale": torch.tensor(3.0)}, tmp_path / "w.safetensors")
    with Tracker(Spool(tmp_path / "spool"), server.uri, "model", "s") as tracker:
        tracker.start_trial(0, {"x": 1})
        assert tracker.flush(60), tracker.last_error
        run = tracker.run_id(0)
    assert run is not None
    weights = tmp_path / "w.safetensors"
    for _ in range(2):  # the second time there is nothing new
        uri = register_model(server.uri, "digits-gan", run_id=run, weights=weights,
                            about={"latent_size": 2, "sampling": {"bound": 9.0}},
                            load="test_tracking_model:sample_scaled")  # fmt: skip
        assert uri == "models:/digits-gan/1"
    model = mlflow.pyfunc.load_model("models:/digits-gan@best")
    whole = model.predict(pd.DataFrame([{"n": 64, "seed": 5}]))
    cut = model.predict(pd.DataFrame([{"n": 64, "bound": 0.5, "seed": 5}]))
    assert whole.shape == (64, 2)
    assert abs(cut).max() == 1.5
    np.testing.assert_allclose(cut, whole.clip(-1.5, 1.5))
    about = mlflow.models.get_model_info("models:/digits-gan@best")
    assert [column.name for column in about.signature.inputs] == ["n", "bound", "seed"]
    assert about.saved_input_example_info["artifact_path"] == "input_example.json"
    folder = mlflow.artifacts.download_artifacts("models:/digits-gan@best")
    assert not list(Path(folder).rglob("*.pkl"))
    with pytest.raises(UserError, match="safetensors"):
        register_model(server.uri, "x", run_id=run, weights="a.pkl", about={})
