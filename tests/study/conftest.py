"""A PostgreSQL of the test's own, and each kind of ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.scale import postgres
from gensweep.study import Study
from study.small_study import QUESTION, Clock, Open, begin


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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(storage: str, clock: Clock) -> Open:
    def make(**changes: Any) -> Study:
        options = {"name": "first", **QUESTION, "seed": 7, "clock": clock,
                   "strata": ("objective",), **changes}  # fmt: skip
        return begin(storage, **options)

    return make
