"""What a host is told, and what it does with it before its services start."""

import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gensweep.cluster._node_logs import EVENT_BYTES, MAX_BYTES, MAX_EVENTS, batches
from gensweep.cluster._node_ray import arguments, environment, wait_for_head
from gensweep.cluster._node_settings import Settings, read
from gensweep.cluster._node_tracking import database_uri
from gensweep.errors import UserError

WORKER = {
    "GENSWEEP_ROLE": "worker",
    "GENSWEEP_CLUSTER": "lab",
    "GENSWEEP_CLOUD": "none",
    "GENSWEEP_HEAD": "192.0.2.10",
    "GENSWEEP_POOL": "own",
}


def test_settings_are_those_of_the_environment() -> None:
    settings = read(WORKER | {"GENSWEEP_HEAD_LOST_S": "60", "GENSWEEP_DATA": "/srv/data"})
    assert (settings.role, settings.pool, settings.head_lost_s) == ("worker", "own", 60)
    assert settings.data == Path("/srv/data")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"GENSWEEP_ROLE": "queen"}, "GENSWEEP_ROLE must be one of head, worker, tracking, but"),
        ({"GENSWEEP_CLOUD": "gcp"}, "GENSWEEP_CLOUD must be one of aws, none, but is 'gcp'"),
        ({"GENSWEEP_HEAD_LOST_S": "soon"}, "must be whole seconds, but is 'soon'"),
        ({"GENSWEEP_POOL": ""}, "GENSWEEP_POOL is empty: set it in /etc/gensweep/node.env"),
        ({"GENSWEEP_CLUSTER": ""}, "GENSWEEP_CLUSTER is empty"),
        ({"GENSWEEP_CLOUD": "aws"}, "GENSWEEP_MLFLOW_SECRET is empty"),
    ],
)
def test_what_is_missing_or_wrong_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(WORKER | change)


def test_the_command_line_says_so_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gensweep.cluster.node", "ray"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2] / "platform")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gensweep: ray: GENSWEEP_ROLE must be one of head")


def test_a_head_has_no_room_for_tasks_and_shows_its_dashboard_to_itself() -> None:
    argv = arguments(Settings(role="head", cluster="lab", cloud="none"), "192.0.2.10")
    assert {"--head", "--num-cpus=0", "--num-gpus=0", "--dashboard-host=127.0.0.1"} < set(argv)
    assert "--node-ip-address=192.0.2.10" in argv


def test_a_worker_joins_its_head_as_one_of_its_pool() -> None:
    settings = read(WORKER)
    assert "--address=192.0.2.10:6379" in arguments(settings, "192.0.2.11")
    assert environment(settings)["RAY_NODE_TYPE_NAME"] == "own"


def test_no_argument_and_no_variable_of_a_host_holds_a_secret() -> None:
    settings = Settings(
        role="head", cluster="lab", cloud="none", ledger="postgresql+psycopg://user@db/gensweep",
        ledger_secret="arn:aws:secretsmanager:::secret:db",
    )  # fmt: skip
    assert environment(settings)["PGPASSFILE"] == "/run/gensweep/pgpass"
    assert not any("PASSWORD" in name or name.endswith("TOKEN") for name in environment(settings))


def test_a_worker_waits_for_a_head_and_then_gives_up() -> None:
    with pytest.raises(TimeoutError, match=r"no head at 127\.0\.0\.1:6379 for 0 s"):
        wait_for_head(Settings(**_own(head="127.0.0.1", head_lost_s=0)))  # type: ignore[arg-type]
    with socket.socket() as listening:
        listening.bind(("127.0.0.9", 6379))
        listening.listen()
        wait_for_head(Settings(**_own(head="127.0.0.9", head_lost_s=0)))  # type: ignore[arg-type]


def _own(**changes: object) -> dict[str, object]:
    return {"role": "worker", "cluster": "lab", "cloud": "none", "pool": "own", **changes}


def test_mlflow_keeps_a_schema_of_its_own_beside_the_ledger() -> None:
    tracking = {"role": "tracking", "cluster": "lab", "cloud": "none"}
    with_one = Settings(**tracking, database="me@db:5432/gensweep")  # type: ignore[arg-type]
    assert database_uri(with_one) == (
        "postgresql+psycopg://me@db:5432/gensweep?sslmode=require&options=-csearch_path%3Dmlflow"
    )
    assert database_uri(Settings(**tracking)) == "sqlite:////data/mlflow/mlflow.db"  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
def test_no_batch_of_a_journal_is_more_than_cloudwatch_takes(seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice([0, 10, 1000, 90_000, 300_000]) for _ in range(400)] + [1] * 12_000
    found = list(batches(journal(sizes)))
    assert sum(map(len, found)) == len(sizes)
    for batch in found:
        text = sum(len(event["message"].encode()) + EVENT_BYTES for event in batch)
        assert len(batch) <= MAX_EVENTS
        assert text <= MAX_BYTES


def journal(sizes: list[int]) -> Iterator[str]:
    for at, size in enumerate(sizes):
        yield json.dumps({"__REALTIME_TIMESTAMP": str(1_000_000 * at), "MESSAGE": "é" * size,
                          "_SYSTEMD_UNIT": "gensweep-ray.service"})  # fmt: skip


def test_a_line_that_is_no_utf8_is_kept_as_far_as_it_can_be_read() -> None:
    line = json.dumps({"__REALTIME_TIMESTAMP": "1700000000000000", "MESSAGE": [104, 255, 105]})
    ((event,),) = batches(iter([line]))
    assert event == {"timestamp": 1_700_000_000_000, "message": "host: h\ufffdi"}
