"""An S3 server in memory, with a fresh bucket for each test."""

import os
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from gensweep.storage import open_store

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "not-shown-4711",
    "AWS_REGION": "us-east-1",
}


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a new bucket; the environment leads to its server."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": moto_endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    name = f"bucket-{os.urandom(6).hex()}"
    boto3.session.Session().client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture
def embedded_bucket(
    stack_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The name of a new bucket of the embedded stack; the environment leads there."""
    for name, value in stack_environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{os.urandom(6).hex()}"
    client = boto3.session.Session().client("s3")  # boto3's own would keep another test's keys
    client.create_bucket(Bucket=bucket)
    yield bucket
    store = open_store(f"s3://{bucket}")
    for key in store.list():
        store.delete(key)
    client.delete_bucket(Bucket=bucket)


@pytest.fixture
def stack_environment(stack: object) -> dict[str, str]:
    """The variables that lead to the embedded stack."""
    env: dict[str, str] = stack.env  # type: ignore[attr-defined]
    return env
