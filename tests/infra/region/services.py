"""The metadata service and the resolver of a region: `python services.py FOLDER ENDPOINT`.

FOLDER holds one JSON file for each host, `<address>.json`, with its instance id, role, zone and
user-data; `<address>.notice.json` appears when the instance is about to be taken away. Names are
those of Route 53, asked at ENDPOINT.
"""

import json
import socket
import socketserver
import struct
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

METADATA = "169.254.169.254"
TOKENS: set[str] = set()


class Metadata(BaseHTTPRequestHandler):
    """IMDSv2: refuses whoever has no token, as an instance with `http_tokens = required`."""

    folder: Path
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        if self.path != "/latest/api/token" or not ttl:
            return self._answer(400)
        token = uuid.uuid4().hex
        TOKENS.add(token)
        return self._answer(200, token, {"X-aws-ec2-metadata-token-ttl-seconds": ttl})

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") not in TOKENS:
            return self._answer(401)
        file = self.folder / f"{self.client_address[0]}.json"
        if not file.exists():
            return self._answer(404)
        text = _metadata(self.path.rstrip("/"), json.loads(file.read_text()), file)
        return self._answer(404) if text is None else self._answer(200, text)

    def _answer(self, code: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _metadata(path: str, host: dict[str, str], file: Path) -> str | None:
    keys = {
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": f"ASIA{host['role'].upper()}",
        "SecretAccessKey": "secret", "Token": "token", "LastUpdated": "2026-01-01T00:00:00Z",
        "Expiration": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    notice = file.with_suffix(".notice.json")
    found = {
        "meta-data/instance-id": host["instance_id"],
        "meta-data/instance-type": host["type"],
        "meta-data/instance-life-cycle": host["market"],
        "meta-data/local-ipv4": file.stem,
        "meta-data/placement/availability-zone": host["zone"],
        "meta-data/placement/region": host["zone"][:-1],
        "meta-data/iam/security-credentials": host["role"],
        f"meta-data/iam/security-credentials/{host['role']}": json.dumps(keys),
        "user-data": host["user_data"],
    }
    if notice.exists():
        found["meta-data/spot/instance-action"] = notice.read_text()
    return found.get(path.removeprefix("/latest/"))


class Resolver(socketserver.BaseRequestHandler):
    """Answers questions for A records; anything else does not exist."""

    route53: Any

    def handle(self) -> None:
        question, sock = self.request
        name, end = _name(question)
        kind = struct.unpack(">H", question[end : end + 2])[0]
        addresses = self._addresses(name) if kind == 1 else []
        flags = 0x8180 if addresses or kind != 1 else 0x8183
        answer = question[:2] + struct.pack(">HHHHH", flags, 1, len(addresses), 0, 0)
        answer += question[12 : end + 4]
        for address in addresses:
            answer += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton(address)
        sock.sendto(answer, self.client_address)

    def _addresses(self, name: str) -> list[str]:
        found = []
        for zone in self.route53.list_hosted_zones()["HostedZones"]:
            sets = self.route53.list_resource_record_sets(HostedZoneId=zone["Id"])
            for record in sets["ResourceRecordSets"]:
                if record["Type"] == "A" and record["Name"].rstrip(".") == name:
                    found += [each["Value"] for each in record["ResourceRecords"]]
        return found


def _name(question: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


def main(folder: str, endpoint: str) -> None:
    Metadata.folder = Path(folder)
    Resolver.route53 = boto3.client("route53", endpoint_url=endpoint)
    resolver = socketserver.ThreadingUDPServer((METADATA, 53), Resolver)
    threading.Thread(target=resolver.serve_forever, daemon=True).start()
    ThreadingHTTPServer((METADATA, 80), Metadata).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
