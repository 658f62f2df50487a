"""A fresh bucket of the embedded stack for each test."""

import os
from collections.abc import Iterator

import boto3
import pytest

from gensweep.storage import open_store


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
