"""Packs are placed where there is room: on Ray with GPUs that it only believes in."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ray.tune.execution import class_cache

from gensweep.driver._run_packs import (
    STORE_KEYS,
    build_trainer,
    supervisor_resources,
    with_store_keys,
)
from gensweep.spec import PackResources
from gensweep.sweep import Sweep
from gensweep.worker import WorkerSettings
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

TESTS = Path(__file__).parents[1]
SWEEP = Sweep(name="placed", model=CATALOG["gan"], space={"beta1": Real(0.0, 0.9)})


def settings_of(resources: PackResources) -> WorkerSettings:
    return WorkerSettings(
        coordinator=None, sweep=SWEEP, resources=resources, store="", data="", feature_hash=None,
        bounds={}, owner="pack",
    )  # fmt: skip


PLACED = """
import json, os, ray, sys, tempfile
from ray import tune
from gensweep.driver._run_packs import build_trainer, supervisor_resources
from driver.test_driver_packs import resources_of, settings_of

ray.init(num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False,
         _temp_dir=sys.argv[1])
resources = resources_of(packs=2, use_gpu=True, storage=sys.argv[1])

def pack(config):
    def loop(config):
        import time, torch.distributed
        seen["gpu"] = os.environ["CUDA_VISIBLE_DEVICES"]
        seen["group"] = torch.distributed.is_initialized()
        time.sleep(3)
    seen = {}
    os.environ |= {n: "1" for n in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE",
                                    "MASTER_ADDR", "MASTER_PORT")}
    build_trainer(loop, settings_of(resources)).fit()
    tune.report(seen)

tuner = tune.Tuner(tune.with_resources(pack, supervisor_resources(resources)),
                   tune_config=tune.TuneConfig(num_samples=2),
                   run_config=tune.RunConfig(storage_path=sys.argv[1], verbose=0))
print(json.dumps([[r.metrics["gpu"], r.metrics["group"]] for r in tuner.fit()]))
"""


def resources_of(storage: str = "", **changes: Any) -> PackResources:
    return PackResources(tune_storage=storage, train_storage=storage, **changes)


@pytest.mark.parametrize(
    ("resources", "own", "workers"),
    [
        (resources_of(), {"CPU": 0.9}, 0),
        (resources_of(use_gpu=True), {"GPU": 1}, 0),
        (resources_of(ranks=2), {"CPU": 0.01}, 2),
        (resources_of(ranks=2, use_gpu=True), {"CPU": 0.01}, 2),
    ],
)
def test_a_pack_has_the_resources_of_its_ranks(resources: PackResources, own: dict[str, float],
                                               workers: int) -> None:  # fmt: skip
    assert supervisor_resources(resources) == own
    scaling = build_trainer(print, settings_of(resources)).scaling_config
    assert scaling.num_workers == workers
    assert scaling.use_gpu == resources.use_gpu
    assert scaling.resources_per_worker == resources.per_rank


def test_a_pack_has_the_keys_of_the_store_though_ray_logs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tune would put them into what Ray's agents log of each pack."""
    seen: list[str | None] = []
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-shown")
    loop = with_store_keys(lambda config: seen.append(os.environ.get("AWS_SECRET_ACCESS_KEY")))
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")  # as on another host
    loop({})
    assert seen == ["not-shown"]
    assert not class_cache.ENV_VARS_TO_PROPAGATE & {*STORE_KEYS}


@pytest.mark.slow("packs of a sweep on a Ray of their own", minutes=0.6)
def test_packs_on_gpus_see_one_each(tmp_path_factory: Any) -> None:
    """And none joins the group that torchrun's variables speak of."""
    folder = tmp_path_factory.mktemp("r")  # Ray's sockets want a short path
    paths = [TESTS, TESTS.parent / "platform", TESTS.parent / "models"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run([sys.executable, "-c", PLACED, str(folder)], env=env,
                          capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(json.loads(done.stdout.splitlines()[-1])) == [["0", False], ["1", False]]
