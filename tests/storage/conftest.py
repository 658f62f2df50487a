"""Stores in S3, in moto and in the embedded stack, each empty for each test."""

import os

import pytest

from gensweep.storage import ObjectStore, S3Store


@pytest.fixture
def s3_store(bucket: str) -> ObjectStore:
    """An empty store in moto."""
    return S3Store(bucket, "some/prefix")


@pytest.fixture
def embedded_store(
    stack_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> ObjectStore:
    """An empty store in the embedded stack, at a prefix that nothing has used yet."""
    for name, value in stack_environment.items():
        monkeypatch.setenv(name, value)
    return S3Store("gensweep", f"some/prefix-{os.urandom(6).hex()}")


@pytest.fixture
def stack_environment(stack: object) -> dict[str, str]:
    """The variables that lead to the embedded stack."""
    env: dict[str, str] = stack.env  # type: ignore[attr-defined]
    return env
