"""Events from EventBridge through SQS to a drained node; and a worker that reads its metadata."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator import ENV, launch_template, moto_server
from gensweep.cluster._notices import HEALTH, REBALANCE, SPOT, STATE, Notice, parse_event
from infra.aws import client
from raynodes import RayNodes, ray_nodes
from waiting import until

pytestmark = [
    pytest.mark.slow("Ray nodes join and drain one after the other", minutes=2),
    pytest.mark.stack,
]
BUSY = """
import sys, time, ray
ray.init(log_to_driver=False)
@ray.remote(num_cpus=1)
class Busy:
    def here(self): pass
busy = Busy.options(resources={sys.argv[1]: 1}).remote()
ray.get(busy.here.remote())
print("busy", flush=True)
while True:
    print(ray._private.state.state.get_draining_nodes(), flush=True)
    time.sleep(0.2)
"""


def event(kind: str, detail: dict[str, Any], source: str = "aws.ec2") -> dict[str, Any]:
    return {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}


def interruption(instance: str) -> dict[str, Any]:
    return event(SPOT, {"instance-id": instance, "instance-action": "terminate"})


class Announcer:
    """An event bus and a queue as infra/aws has them, but messages come back sooner."""

    def __init__(self, moto: str):
        self.sqs, self.events = client("sqs", moto), client("events", moto)
        self.dead, self._arn_of_dead = self._queue("dead", {})
        self.url, arn = self._queue("events", {"VisibilityTimeout": "1", **self._redrive(1000)})
        pattern = {"source": ["aws.ec2", "aws.health"]}
        self.events.put_rule(Name="ends", EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule="ends", Targets=[{"Id": "queue", "Arn": arn}])

    def _queue(self, name: str, attributes: dict[str, str]) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def _redrive(self, most: int) -> dict[str, str]:
        policy = {"maxReceiveCount": most, "deadLetterTargetArn": self._arn_of_dead}
        return {"RedrivePolicy": json.dumps(policy)}

    def keep(self, times: int) -> None:
        """Let a message be read so often before it goes to the dead letters."""
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes=self._redrive(times))

    def announce(self, *events: dict[str, Any]) -> None:
        assert self.events.put_events(Entries=events)["FailedEntryCount"] == 0

    def waiting(self, url: str = "") -> int:
        """Messages in the queue, those that are being read among them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture(scope="module")
def bus(moto: str) -> Announcer:
    return Announcer(moto)


@pytest.fixture(scope="module")
def cluster(moto: str) -> Iterator[RayNodes]:
    """A head, and four workers."""
    with ray_nodes(**ENV, AWS_ENDPOINT_URL=moto) as nodes:
        nodes.head()
        until(lambda: nodes.started("i-head"), 60, lambda: nodes.told("i-head"))
        nodes.join("i-a", "i-b", "i-c", "i-d")
        yield nodes


class Service:
    """A service of ours in a process, and what it says."""

    def __init__(self, cluster: RayNodes, module: str, *args: str, **env: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"gensweep.cluster.{module}", *args], env=cluster.env | env,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def says(self, part: str) -> bool:
        return any(part in line for line in self.lines)

    def end(self) -> float:
        """SIGTERM; the seconds until it has ended well."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.lines
        return time.monotonic() - begin


@pytest.fixture(scope="module")
def drainer(cluster: RayNodes, bus: Announcer) -> Iterator[Service]:
    service = Service(cluster, "drainer", "--queue", bus.url, "--cluster", "tests")
    until(lambda: service.says("reads "), 30, lambda: str(service.lines))
    yield service
    if service.process.poll() is None:
        service.end()


@pytest.fixture
def busy(cluster: RayNodes) -> Iterator[Any]:
    """Keeps a node busy, and tells which drain, and until when."""
    drivers = []

    def start(instance: str) -> Any:
        driver = cluster.script(BUSY, instance)
        drivers.append(driver)
        assert driver.stdout is not None
        while "busy" not in (line := driver.stdout.readline()):
            assert line, "the driver has ended"
        return driver

    yield start
    for driver in drivers:
        driver.kill()
        driver.communicate()


def test_a_warned_node_drains_until_the_deadline(cluster: RayNodes, bus: Announcer,
                                                 drainer: Service, busy: Any) -> None:  # fmt: skip
    driver = busy("i-a")
    before = time.time()
    bus.announce(interruption("i-elsewhere"), interruption("i-a"))
    until(lambda: drainer.says("i-a: EC2 Spot"), 20, lambda: str(drainer.lines))
    drains = {"i-head": False, "i-a": True, "i-b": False, "i-c": False, "i-d": False}
    until(lambda: cluster.alive() == drains, 10, lambda: str((cluster.alive(), drainer.lines)))
    while (line := driver.stdout.readline()) in ("{}\n", ""):
        assert driver.poll() is None
    (deadline,) = json.loads(line.replace("'", '"')).values()
    assert before + 118 <= deadline / 1000 <= before + 125  # EC2 writes whole seconds
    until(lambda: bus.waiting() == 0, 10)
    bus.announce(interruption("i-a"))
    until(lambda: bus.waiting() == 0, 10)
    begun, *again = [line for line in drainer.lines if "i-a" in line]
    assert "; drains node " in begun
    assert all(line.endswith("; it drains already") for line in again)
    assert not drainer.says("i-elsewhere")
    cluster.cut("i-a")


def test_a_recommendation_is_only_told_of(cluster: RayNodes, bus: Announcer,
                                          drainer: Service) -> None:  # fmt: skip
    bus.announce(event(REBALANCE, {"instance-id": "i-b"}))
    until(lambda: drainer.says("i-b: EC2 Instance Rebalance Recommendation; it goes on"), 20)
    until(lambda: bus.waiting() == 0, 10)
    assert cluster.alive()["i-b"] is False


def test_the_head_is_only_told_of(cluster: RayNodes, bus: Announcer, drainer: Service) -> None:
    """Drained, it would take every job with it, and no other head would come for that."""
    bus.announce(interruption("i-head"))
    until(lambda: drainer.says("it is the head"), 20, lambda: str(drainer.lines))
    until(lambda: bus.waiting() == 0, 10)
    assert cluster.alive()["i-head"] is False


def test_maintenance_is_left_for_when_it_is_near(cluster: RayNodes, bus: Announcer,
                                                 drainer: Service) -> None:  # fmt: skip
    for after_s, said, drains in ((14 * 86_400, "that is far off", False), (600, "drains", True)):
        bus.announce(maintenance("i-b", time.time() + after_s))
        until(lambda said=said: drainer.says(f"i-b: {HEALTH}; {said}"), 20,
              lambda: str(drainer.lines))  # fmt: skip
        until(lambda: bus.waiting() == 0, 10)
        until(lambda drains=drains: cluster.alive().get("i-b", True) is drains, 10)


def maintenance(instance: str, start: float) -> dict[str, Any]:
    detail = {"eventTypeCategory": "scheduledChange", "startTime": formatdate(start, usegmt=True),
              "affectedEntities": [{"entityValue": instance}]}  # fmt: skip
    return event(HEALTH, detail, "aws.health")


def test_an_instance_that_shuts_down_leaves_ray(cluster: RayNodes, bus: Announcer,
                                                drainer: Service) -> None:  # fmt: skip
    bus.announce(event(STATE, {"instance-id": "i-c", "state": "shutting-down"}))
    until(lambda: "i-c" not in cluster.alive(), 30, lambda: str(drainer.lines))


class Instance(BaseHTTPRequestHandler):
    """The metadata of an instance, version 2: tokens that end, and no answer without one."""

    tokens: dict[str, int] = {}  # noqa: RUF012
    USES = 3
    data: dict[str, str] = {}  # noqa: RUF012

    def do_PUT(self) -> None:
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = 0
        self._say(200, token)

    def do_GET(self) -> None:
        token = self.headers.get("X-aws-ec2-metadata-token", "")
        self.tokens[token] = self.tokens.get(token, self.USES) + 1
        if self.tokens[token] > self.USES:
            return self._say(401, "")
        found = self.data.get(self.path.removeprefix("/latest/meta-data/"))
        return self._say(404 if found is None else 200, found or "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def metadata() -> Iterator[str]:
    Instance.data.clear()
    Instance.tokens.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Instance)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_worker_drains_itself(cluster: RayNodes, metadata: str) -> None:
    Instance.data["instance-id"] = "i-d"
    Instance.data["events/recommendations/rebalance"] = '{"noticeTime": "2026-01-01T00:00:00Z"}'
    service = Service(cluster, "notice", AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata)
    until(lambda: service.says("i-d: EC2 Instance Rebalance Recommendation; it goes on"), 30)
    until(lambda: len(Instance.tokens) > 1, 30)
    end = datetime.now(UTC) + timedelta(seconds=120)
    Instance.data["spot/instance-action"] = json.dumps(
        {"action": "terminate", "time": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    )
    assert service.process.wait(30) == 0
    assert service.says("i-d: EC2 Spot Instance Interruption Warning; drains node")
    until(lambda: cluster.alive().get("i-d", True), 20)


def test_a_worker_whose_head_is_away_tries_again(cluster: RayNodes, metadata: str) -> None:
    Instance.data["instance-id"] = "i-g"
    Instance.data["spot/instance-action"] = '{"action": "stop", "time": "2026-01-01T00:00:00Z"}'
    service = Service(cluster, "notice", "--address", "127.0.0.1:9",
                      AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata)  # fmt: skip
    until(lambda: len([s for s in service.lines if "no head at 127.0.0.1:9" in s]) == 2, 30)
    service.end()


def test_garbage_goes_to_the_dead_letters(bus: Announcer, drainer: Service) -> None:
    bus.keep(3)
    for body in ("no json", '{"detail-type": 1}', "[]", json.dumps({"detail-type": SPOT})):
        bus.sqs.send_message(QueueUrl=bus.url, MessageBody=body)
    until(lambda: bus.waiting(bus.dead) == 4, 60, lambda: str(drainer.lines))
    assert drainer.says("is left in the queue, read 3 times: no event of EC2")
    assert bus.waiting() == 0
    bus.keep(1000)


def test_an_event_outlives_the_head(cluster: RayNodes, bus: Announcer, drainer: Service,
                                    moto: str) -> None:  # fmt: skip
    mine = instance(client("ec2", moto))
    port = cluster.address.rpartition(":")[2]
    for one in [i for i in cluster.nodes if i != "i-head"]:
        cluster.cut(one)
    cluster.cut("i-head")
    bus.announce(interruption(mine))
    until(lambda: drainer.says("no head at"), 30, lambda: str(drainer.lines))
    assert bus.waiting() == 1
    cluster.head(f"--port={port}")
    until(lambda: drainer.says("Ray does not know it yet"), 120, lambda: str(drainer.lines))
    cluster.worker(mine, "spot", "--num-cpus=1")  # it leaves as soon as it has joined
    until(lambda: drainer.says(f"{mine}: EC2 Spot Instance Interruption Warning; drains"), 120,
          lambda: str(drainer.lines))  # fmt: skip
    until(lambda: mine not in cluster.alive(), 30)
    until(lambda: bus.waiting() == 0, 10)


def instance(ec2: Any) -> str:
    """The id of a new instance of the cluster."""
    tags = [{"Key": "ray-cluster-name", "Value": "tests"}]
    made = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": launch_template(ec2, "drainer")}, MinCount=1,
        MaxCount=1, TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )  # fmt: skip
    return str(made["Instances"][0]["InstanceId"])


def test_sigterm_ends_it_at_once(drainer: Service) -> None:
    time.sleep(1)  # it waits for messages, which takes up to 20 s
    assert drainer.end() < 5
    assert drainer.says("ended")


def test_a_wrong_token_is_told(cluster: RayNodes, bus: Announcer, drainer: Service) -> None:
    drainer.end()  # it would read the message
    bus.announce(interruption("i-head"))
    service = Service(
        cluster, "drainer", "--queue", bus.url, "--cluster", "tests", RAY_AUTH_TOKEN="b" * 64
    )
    until(lambda: service.says("no head at"), 60, lambda: str(service.lines))
    assert "nauth" in " ".join(service.lines), service.lines
    service.end()
    bus.sqs.purge_queue(QueueUrl=bus.url)


def test_events_in_words() -> None:
    body = {"detail-type": SPOT, "time": "2026-01-01T00:00:00Z", "detail": {"instance-id": "i-a"}}
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert parse_event(json.dumps(body)) == [
        Notice(instance="i-a", kind=SPOT, deadline=start + 120)
    ]
    entities = [{"entityValue": "i-a"}, {"entityValue": "i-b"}]
    detail = {"eventTypeCategory": "scheduledChange", "affectedEntities": entities,
              "startTime": "Thu, 01 Jan 2026 00:00:00 GMT"}  # fmt: skip
    body = {"detail-type": HEALTH, "time": "2025-12-01T00:00:00Z", "detail": detail}
    assert [(n.instance, n.deadline) for n in parse_event(json.dumps(body))] == [
        ("i-a", start), ("i-b", start),
    ]  # fmt: skip
    other = {"detail-type": STATE, "time": "2026-01-01T00:00:00Z",
             "detail": {"instance-id": "i-a", "state": "running"}}  # fmt: skip
    assert parse_event(json.dumps(other)) == []
