"""Stores in S3, in moto and in the embedded stack, each empty for each test."""

import os

import boto3
import pytest

from gensweep.storage import ObjectStore, S3Store


@pytest.fixture(scope="session")
def clients() -> dict[str, S3Store]:
    """The store of each server: to make its client takes longer than most tests last."""
    return {}


@pytest.fixture
def s3_store(bucket: str, moto_endpoint: str, clients: dict[str, S3Store]) -> ObjectStore:
    """An empty store in moto."""
    return emptied(clients.setdefault(moto_endpoint, S3Store(bucket)), bucket)


@pytest.fixture
def embedded_store(
    stack_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, clients: dict[str, S3Store]
) -> ObjectStore:
    """An empty store in the embedded stack; the environment leads there."""
    for name, value in stack_environment.items():
        monkeypatch.setenv(name, value)
    store = clients.get("embedded")
    if store is None:
        bucket = f"bucket-{os.urandom(6).hex()}"
        boto3.session.Session().client("s3").create_bucket(Bucket=bucket)
        store = clients["embedded"] = S3Store(bucket)
    return emptied(store, store.bucket)


def emptied(store: S3Store, bucket: str) -> S3Store:
    """The store at a prefix that nothing has used yet."""
    store.bucket, store.prefix = bucket, f"some/prefix-{os.urandom(6).hex()}"
    return store


@pytest.fixture
def stack_environment(stack: object) -> dict[str, str]:
    """The variables that lead to the embedded stack."""
    env: dict[str, str] = stack.env  # type: ignore[attr-defined]
    return env
