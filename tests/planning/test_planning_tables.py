"""Points of a table train flows, VAEs and others, and their samples are judged and drawn."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gensweep.evaluation import build_evaluator, sample_lane, sampler_spec
from gensweep.lanes import Pack
from gensweep.planning import parse_request
from gensweep.planning._check_model import check_data_set, check_games, check_metrics
from gensweep.planning._prepare import check_data_source, load_data
from gensweep.storage import ObjectStore, open_store
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

RATE = Real(1e-4, 1e-2, log=True)
pytestmark = pytest.mark.usefixtures("own_home")
ENTRIES: list[tuple[str, int, dict[str, Any]]] = [
    ("realnvp", 2, {}), ("vae", 5, {"decoder": "gaussian"}), ("ddpm", 5, {}),
    ("rectified_flow", 2, {}), ("gan", 1, {}), ("cgan", 5, {}),
]  # fmt: skip
"""A model, the numbers of a point, and fields of the configuration."""


def written(tmp_path: Path, size: int) -> str:
    """A CSV file with a heading and a column of classes."""
    rng = np.random.default_rng(0)
    points = rng.normal(3, 2, (400, size)) @ rng.normal(size=(size, size))
    rows = np.c_[points, rng.integers(0, 3, 400)]
    heading = ",".join([*(f"n{i}" for i in range(size)), "label"])
    np.savetxt(tmp_path / "t.csv", rows, "%.8g", ",", header=heading, comments="")
    return str(tmp_path / "t.csv")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


@pytest.mark.parametrize(("name", "size", "fixed"), ENTRIES, ids=[name for name, *_ in ENTRIES])
def test_a_model_of_points_is_checked_trained_and_judged(
    store: ObjectStore, tmp_path: Path, name: str, size: int, fixed: dict[str, Any]
) -> None:
    table = written(tmp_path, size)
    sweep = Sweep(name="s", model=CATALOG[name], space={"learning_rate": RATE}, fixed=fixed,
                  samples=60, sampling_grids={}, target="coverage")  # fmt: skip
    request = parse_request("A test.", sweep, ["--data", table])
    check_data_source(request)
    train, test = load_data(request, store)
    assert test is not None
    assert (train.count, test.count, train.classes) == (360, 40, 3)
    check_data_set(train, None)
    check_games(request, train)
    check_metrics(request.sweep, train)
    evaluator = build_evaluator(request.sweep, store, train, test)
    pack = Pack(sweep.model, sweep.config({}), train, train.source("cpu"), width=1)
    pack.load(0, sweep.config({}), seed=0, budget_images=3200)
    pack.run(2)
    found = dict(evaluator.evaluate(pack, {0: True}, bound=False))[0]
    assert found.metrics["finite"] == 1
    assert np.isfinite(found.metrics["coverage"])
    assert Image.open(io.BytesIO(found.png)).size[0] > 100


def test_a_registered_model_samples_in_the_units_of_the_table(
    store: ObjectStore, tmp_path: Path
) -> None:
    table = written(tmp_path, 5)
    sweep = Sweep(name="s", model=CATALOG["realnvp"], space={"learning_rate": RATE}, data=table)
    train, _ = load_data(parse_request("A test.", sweep, []), store)
    pack = Pack(sweep.model, sweep.config({}), train, train.source("cpu"), width=1)
    pack.load(0, sweep.config({}), seed=0, budget_images=3200)
    file = tmp_path / "lane"
    file.write_bytes(pack.take(0).to_bytes())
    about = json.loads(json.dumps(sampler_spec(sweep, {}, train)))
    drawn = sample_lane(str(file), about, 50)
    about["data"] |= {"mean": [], "std": []}
    np.testing.assert_allclose(drawn, sample_lane(str(file), about, 50) * train.std + train.mean,
                               rtol=1e-4, atol=1e-4)  # fmt: skip


def test_metrics_of_classes_are_not_measured_of_points(tmp_path: Path) -> None:
    table = written(tmp_path, 2)
    sweep = Sweep(name="s", model=CATALOG["gan"], space={"learning_rate": RATE}, data=table)
    for target in ("coverage", "frechet"):
        check_data_source(parse_request("", dataclasses.replace(sweep, target=target), []))
    with pytest.raises(ValueError, match="'classes', which is not measured for gan"):
        check_data_source(parse_request("", dataclasses.replace(sweep, target="classes"), []))
