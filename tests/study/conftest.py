"""A PostgreSQL of the test's own, and each kind of ledger."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.scale import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a database of its own."""
    found = postgres.programs()
    assert found is not None, (
        "no initdb on PATH or in /usr/lib/postgresql: `make postgres` brings it"
    )
    with postgres.server(found, durable=False) as url:
        yield url


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """As `server`, emptied afterwards."""
    yield server
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


@pytest.fixture(params=["file", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger of each kind."""
    if request.param == "file":
        return f"journal://{tmp_path}/study.log"
    return str(request.getfixturevalue("database"))
