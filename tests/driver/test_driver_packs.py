"""Packs are placed where there is room: on Ray with GPUs that it only believes in."""

import json
import subprocess
import sys
from typing import Any

import pytest

from gensweep.driver._packs import process_resources, trainer
from gensweep.spec import PackResources

PLACED = """
import json, os, ray, sys, tempfile
from ray import tune
from gensweep.driver._packs import resources, trainer
from gensweep.spec import Fleet

ray.init(num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False,
         _temp_dir=sys.argv[1])
fleet = Fleet(packs=2, use_gpu=True, tune_storage=sys.argv[1], train_storage=sys.argv[1])

def pack(config):
    def loop(settings):
        import time, torch.distributed
        seen["gpu"] = os.environ["CUDA_VISIBLE_DEVICES"]
        seen["group"] = torch.distributed.is_initialized()
        time.sleep(3)
    seen = {}
    os.environ |= {n: "1" for n in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE",
                                    "MASTER_ADDR", "MASTER_PORT")}
    trainer(loop, {"owner": "pack"}, fleet).fit()
    tune.report(seen)

tuner = tune.Tuner(tune.with_resources(pack, resources(fleet)),
                   tune_config=tune.TuneConfig(num_samples=2),
                   run_config=tune.RunConfig(storage_path=sys.argv[1], verbose=0))
print(json.dumps([[r.metrics["gpu"], r.metrics["group"]] for r in tuner.fit()]))
"""


def fleet_of(**changes: Any) -> PackResources:
    return PackResources(tune_storage="", train_storage="", **changes)


@pytest.mark.parametrize(
    ("resources", "own", "workers"),
    [
        (fleet_of(), {"CPU": 0.9}, 0),
        (fleet_of(use_gpu=True), {"GPU": 1}, 0),
        (fleet_of(ranks=2), {"CPU": 0.01}, 2),
        (fleet_of(ranks=2, use_gpu=True), {"CPU": 0.01}, 2),
    ],
)
def test_a_pack_has_the_resources_of_its_ranks(resources: PackResources, own: dict[str, float],
                                               workers: int) -> None:  # fmt: skip
    assert process_resources(resources) == own
    scaling = trainer(print, {"owner": "pack"}, resources).scaling_config
    assert scaling.num_workers == workers
    assert scaling.use_gpu == resources.use_gpu
    assert scaling.resources_per_worker == resources.each


@pytest.mark.slow
def test_packs_on_gpus_see_one_each(tmp_path_factory: Any) -> None:
    """And none joins the group that torchrun's variables speak of."""
    folder = tmp_path_factory.mktemp("r")  # Ray's sockets want a short path
    done = subprocess.run([sys.executable, "-c", PLACED, str(folder)], capture_output=True,
                          text=True, timeout=200, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(json.loads(done.stdout.splitlines()[-1])) == [["0", False], ["1", False]]
