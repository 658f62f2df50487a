"""The embedded stack, on real processes."""

import os
import re
import signal
import socket
from pathlib import Path
from threading import Event, Thread
from typing import Any

import boto3
import grpc
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from gensweep.home import Home
from gensweep.stack import doctor
from gensweep.stack._ports import choose_port, choosing_ports
from gensweep.stack._services import answers, http_status

pytestmark = [pytest.mark.stack, pytest.mark.slow("a stack starts", minutes=0.3)]


def client(env: dict[str, str], key: str | None = None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=key or env["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def test_one_stack_at_a_time_chooses_ports() -> None:
    entered = Event()

    def other() -> None:
        with choosing_ports():
            entered.set()

    thread = Thread(target=other)
    with choosing_ports():
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join()


def test_a_chosen_port_is_none_that_a_connection_is_given() -> None:
    state: dict[str, Any] = {}
    chosen = [choose_port(state, f"service-{i}") for i in range(50)]
    assert len(set(chosen)) == 50
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        assert max(chosen) < given.getsockname()[1]


def test_ray_is_unwell_without_the_agent_that_takes_jobs(stack: Any) -> None:
    state = Home(stack.home).load()
    assert answers(state, "ray")
    state["ports"]["ray-agent"] = choose_port(state, "nobody")
    assert not answers(state, "ray")


def test_up_twice_changes_nothing(stack: Any) -> None:
    before = stack.status()
    assert before["healthy"]
    assert stack.run("up").returncode == 0
    pids = {name: service["pids"] for name, service in before["services"].items()}
    after = stack.status()["services"]
    assert {name: set(p) & set(after[name]["pids"]) for name, p in pids.items()} == {
        name: set(p) for name, p in pids.items()
    }


@pytest.mark.slow("services are killed and start again", minutes=0.5)
@pytest.mark.parametrize("name", ["swift-object", "swift-proxy", "mlflow"])
def test_up_mends_a_killed_piece_and_keeps_its_objects(stack: Any, name: str) -> None:
    client(stack.env).put_object(Bucket="gensweep", Key=f"kept/{name}", Body=b"bytes")
    before = stack.status()["services"]
    for pid in before[name]["pids"]:
        os.kill(pid, signal.SIGKILL)
    assert not stack.status()["healthy"]
    assert stack.run("up").returncode == 0
    after = stack.status()
    assert after["healthy"]
    assert after["services"]["ray"]["address"] == before["ray"]["address"]
    body = client(stack.env).get_object(Bucket="gensweep", Key=f"kept/{name}")["Body"].read()
    assert body == b"bytes"


def test_a_wrong_s3_key_is_refused(stack: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client(stack.env, "wrong").list_objects_v2(Bucket="gensweep")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


WRONG = {"Authorization": "Bearer " + "0" * 64}


@pytest.mark.parametrize(
    ("port", "path"),
    [("dashboard", "/api/jobs/"), ("dashboard", "/api/cluster_status"),
     ("dashboard", "/nodes?view=summary"), ("ray-agent", "/api/job_agent/jobs/")],
)  # fmt: skip
def test_rays_ports_need_the_token(stack: Any, port: str, path: str) -> None:
    url = f"http://127.0.0.1:{Home(stack.home).load()['ports'][port]}{path}"
    assert http_status(url) == 401
    assert http_status(url, WRONG) == 403


@pytest.mark.parametrize("port", ["gcs", "ray-client"])
@pytest.mark.parametrize("headers", [(), tuple((k.lower(), v) for k, v in WRONG.items())])
def test_rays_processes_need_the_token(stack: Any, port: str, headers: Any) -> None:
    calls = {"gcs": "NodeInfoGcsService/GetAllNodeInfo", "ray-client": "RayletDriver/ClusterInfo"}
    address = f"127.0.0.1:{Home(stack.home).load()['ports'][port]}"
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/ray.rpc.{calls[port]}")(b"", metadata=headers, timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_store_needs_its_key(stack: Any) -> None:
    url = stack.env["AWS_ENDPOINT_URL"]
    # What is not signed is no request of S3, and as one of Swift it names no account.
    assert http_status(f"{url}/gensweep?list-type=2") == 412
    assert http_status(f"{url}/gensweep", {"Authorization": "AWS gensweep:sweeper:x"}) == 403
    assert http_status(f"{url}/v1/AUTH_gensweep/gensweep") == 401
    # Nobody has a token of Swift's own: they are kept in a memcached, which is not there.
    wrong = {"X-Auth-Token": "AUTH_tk" + "0" * 32}
    assert http_status(f"{url}/v1/AUTH_gensweep/gensweep", wrong) == 500


def test_no_other_machine_reaches_a_port(stack: Any) -> None:
    """MLflow's, and those of Swift's servers behind its proxy, have no password."""
    pids = {pid for service in stack.status()["services"].values() for pid in service["pids"]}
    listening = {one.laddr.ip for pid in pids for one in psutil.Process(pid).net_connections()
                 if one.status == psutil.CONN_LISTEN}  # fmt: skip
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert listening


def test_no_secret_in_status_or_logs(stack: Any) -> None:
    secrets = [
        stack.env["AWS_SECRET_ACCESS_KEY"],
        Path(stack.env["RAY_AUTH_TOKEN_PATH"]).read_text().strip(),
    ]
    texts = [stack.run("status", "--json").stdout, stack.run("status").stdout]
    assert re.search(r"^resumer +up +- \(no port\) +/", texts[1], re.MULTILINE)
    texts += [file.read_text(errors="replace") for file in (stack.home / "logs").iterdir()]
    assert not [secret for secret in secrets for text in texts if secret in text]
    assert (stack.home / "env").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "object store"),
        ({"GENSWEEP_STORE": "s3://no-such-bucket"}, "object store"),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "tracker"),
        ({"RAY_AUTH_TOKEN": "0" * 64}, "ray dashboard"),
    ],
)
def test_doctor_finds_what_is_wrong(stack: Any, change: dict[str, str], check: str) -> None:
    assert all(c.ok for c in doctor(Home(stack.home), stack.env))
    wrong = [c for c in doctor(Home(stack.home), stack.env | change) if not c.ok]
    assert [c.check for c in wrong] == [check]
    assert wrong[0].cure
