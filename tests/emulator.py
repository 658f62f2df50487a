"""A moto server of the test's own, and a wire in front of it on which EC2 can be short of hosts."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlencode

from infra import aws

REGION = "eu-central-1"
SPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
ENV = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "not-shown-4711",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a moto server whose log nobody keeps."""
    with TemporaryDirectory() as folder, aws.server(Path(folder) / "moto.log") as address:
        yield address


@dataclass
class Wire:
    """Requests on their way to moto; `left` says what a launch template and market still have."""

    target: str
    left: dict[tuple[str, str], int] = field(default_factory=dict)
    """Instances, by id of the launch template and market; others have any number."""
    code: str = "InsufficientInstanceCapacity"
    throttled: int = 0
    """Requests that are refused next."""
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """Launch template, market and number of each CreateFleet."""
    tokens: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    """What DescribeInstances was asked to go on from."""
    address: str = ""

    def reply(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        form = {key: values[0] for key, values in parse_qs(body.decode("latin1")).items()}
        if self.throttled:
            self.throttled -= 1
            return 503, _error("RequestLimitExceeded", "Request limit exceeded.")
        if form.get("Action") == "DescribeInstances":
            self.pages.append(form.get("NextToken", ""))
        if form.get("Action") == "CreateFleet":
            return self._fleet(method, path, headers, form)
        return self._forward(method, path, headers, body)

    def _fleet(self, method: str, path: str, headers: Any, form: dict[str, str]) -> Any:
        template = form["LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId"]
        market = form["TargetCapacitySpecification.DefaultTargetCapacityType"]
        wanted = int(form["TargetCapacitySpecification.TotalTargetCapacity"])
        self.asked.append((template, market, wanted))
        self.tokens.append(form.get("ClientToken", ""))
        there = min(wanted, self.left.get((template, market), wanted))
        errors = f"""<errorSet><item><lifecycle>{market}</lifecycle>
            <errorCode>{self.code}</errorCode>
            <errorMessage>There is no such capacity in your zones.</errorMessage>
            </item></errorSet>"""
        if not there:
            return 200, (f'<CreateFleetResponse xmlns="{SPACE}"><fleetId>fleet-none</fleetId>'
                         f"{errors}<fleetInstanceSet/></CreateFleetResponse>").encode()  # fmt: skip
        if (template, market) in self.left:
            self.left[template, market] -= there
        form["TargetCapacitySpecification.TotalTargetCapacity"] = str(there)
        status, answer = self._forward(method, path, headers, urlencode(form).encode())
        if there < wanted:
            answer = re.sub(rb"<fleetInstanceSet", errors.encode() + b"<fleetInstanceSet", answer)
        return status, answer

    def _forward(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        line = http.client.HTTPConnection(self.target.removeprefix("http://"), timeout=60)
        kept = {k: v for k, v in headers.items() if k.lower() not in ("content-length", "host")}
        line.request(method, path, body, kept)
        answer = line.getresponse()
        return answer.status, answer.read()


def _error(code: str, message: str) -> bytes:
    return (f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            "</Errors><RequestID>none</RequestID></Response>").encode()  # fmt: skip


@contextmanager
def wire_to(target: str) -> Iterator[Wire]:
    """A wire to moto, at an address of its own."""
    wire = Wire(target)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data = wire.reply(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET = do_PUT = answer  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()


@cache
def _image(ec2: Any) -> str:
    return str(ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"])


def launch_template(ec2: Any, name: str) -> str:
    """The id of a new launch template."""
    made = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"ImageId": _image(ec2), "InstanceType": "g5.xlarge"},
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def subnets(ec2: Any) -> list[str]:
    return [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"][:2]]


def alive(ec2: Any) -> dict[str, dict[str, str]]:
    """Id to tags of every instance that is pending or running."""
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    )
    found = [i for page in pages for r in page["Reservations"] for i in r["Instances"]]
    return {i["InstanceId"]: {t["Key"]: t["Value"] for t in i.get("Tags", ())} for i in found}


def cluster_yaml(name: str, pools: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A cluster.yaml as Terraform renders it; `changes` are of its provider."""
    head = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
    return {
        "cluster_name": name,
        "max_workers": 4,
        "idle_timeout_minutes": 0.05,
        "provider": {
            "type": "external",
            "module": "gensweep.cluster.FleetNodeProvider",
            "region": REGION,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "cache_stopped_nodes": False,
            "max_workers": 4,
            **changes,
        },
        "auth": {"ssh_user": "none"},
        "head_node_type": "head",
        "available_node_types": {"head": head, **pools},
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "cluster_synced_files": [],
    }
