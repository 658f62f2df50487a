"""The database that MLflow and ledgers share: who may see what, in a real PostgreSQL."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from benchmarks.scale import postgres
from gensweep.budget import Budget
from gensweep.cluster._node_tracking import create_ledger_user
from gensweep.errors import UserError
from gensweep.objective import Objective
from gensweep.study import Study, StudySpec, list_sweeps
from gensweep_models.space import Real
from waiting import until


@pytest.fixture(scope="module")
def owner() -> Iterator[str]:
    """The URL of a database by its owner, who is no superuser, as in RDS."""
    found = postgres.programs()
    assert found, "no initdb: `make postgres` brings it"
    with postgres.server(found, durable=False) as url:
        server = urlsplit(url)._replace(scheme="postgresql")
        with psycopg.connect(server.geturl(), autocommit=True) as connection:
            connection.execute("CREATE ROLE owner LOGIN CREATEROLE CREATEDB")
            connection.execute("CREATE DATABASE gensweep OWNER owner")
            connection.execute("ALTER SYSTEM SET log_statement = 'ddl'")
            connection.execute("SELECT pg_reload_conf()")
        yield server._replace(netloc=f"owner@127.0.0.1:{server.port}", path="/gensweep").geturl()


def stored(owner: str) -> tuple[str, str]:
    """What the server keeps of the ledger's password, and its log."""
    with psycopg.connect(owner.replace("owner@", "gensweep@")) as connection:
        query = "SELECT rolpassword, current_setting('data_directory') FROM pg_authid " \
                "WHERE rolname = 'ledger'"  # fmt: skip
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0], (Path(row[1]) / "log").read_text()


def test_the_user_of_ledgers_keeps_them_and_sees_nothing_of_mlflow(owner: str) -> None:
    create_ledger_user(owner, {"username": "ledger", "password": "first-password"})
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE mlflow.users AS SELECT 1 AS secret")
    ledger = owner.replace("owner@", "ledger@")
    with psycopg.connect(ledger, autocommit=True) as connection:
        for query in ("SELECT * FROM mlflow.users", "CREATE TABLE mlflow.mine (x int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query)
    keep(ledger, "kept")
    assert [view.name for view in list_sweeps(storage_of(ledger))] == ["kept"]


def storage_of(database: str) -> str:
    return database.replace("postgresql:", "postgresql+psycopg:")


def keep(database: str, name: str) -> None:
    """A sweep's ledger."""
    spec = StudySpec(
        name=name, space={"learning_rate": Real(1e-4, 1e-1, log=True)},
        objective=Objective(metric="fid"), budget=Budget(trials=2), budget_images=10,
    )  # fmt: skip
    with Study.create(spec, storage_of(database)) as study:
        assert study.lease("pack", 1)


def test_ledgers_of_the_owner_are_kept_on(owner: str) -> None:
    """As when one user kept all."""
    own = owner.replace("/gensweep", "/older")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE DATABASE older")
    keep(own, "before")
    create_ledger_user(own, {"username": "ledger", "password": "first-password"})
    ledger = own.replace("owner@", "ledger@")
    keep(ledger, "after")
    assert {view.name for view in list_sweeps(storage_of(ledger))} == {"before", "after"}
    with (
        psycopg.connect(ledger) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TRIGGER mine BEFORE INSERT ON gensweep_journal "
                           "EXECUTE FUNCTION suppress_redundant_updates_trigger()")  # fmt: skip


def test_a_new_password_holds_and_none_is_in_the_log(owner: str) -> None:
    create_ledger_user(owner, {"username": "ledger", "password": "first-password"})
    first, _ = stored(owner)
    create_ledger_user(owner, {"username": "ledger", "password": "second-password"})
    second, log = stored(owner)
    assert first.startswith("SCRAM-SHA-256$")
    assert first != second
    assert "ALTER ROLE" in log
    assert "-password" not in log
    ask_passwords(owner)
    until(lambda: not lets_in(owner, "first-password"), 30)
    assert lets_in(owner, "second-password")


def lets_in(owner: str, password: str) -> bool:
    try:
        psycopg.connect(owner.replace("owner@", f"ledger:{password}@")).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" not in str(error)
    return True


def ask_passwords(owner: str) -> None:
    """Of the user of ledgers, whom the server has trusted so far."""
    with psycopg.connect(owner.replace("owner@", "gensweep@"), autocommit=True) as connection:
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        hba = Path(row[0])
        hba.write_text(f"host all ledger 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
        connection.execute("SELECT pg_reload_conf()")


def certificate(folder: Path, name: str, authority: Path | None = None) -> Path:
    """A key and a certificate of 127.0.0.1, signed by an authority or by itself."""
    signed = [] if authority is None else [
        "-CA", authority.with_suffix(".crt"), "-CAkey", authority.with_suffix(".key"),
    ]  # fmt: skip
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *signed,
         "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / name


def test_a_ledgers_server_is_known_by_its_certificate(owner: str, tmp_path: Path) -> None:
    ours, other = certificate(tmp_path, "ours"), certificate(tmp_path, "other")
    server = certificate(tmp_path, "server", ours)
    with psycopg.connect(owner.replace("owner@", "gensweep@"), autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        for suffix in (".crt", ".key"):
            kept = Path(row[0]) / f"server{suffix}"
            kept.write_bytes(server.with_suffix(suffix).read_bytes())
            kept.chmod(0o600)
            shutil.chown(kept, Path(row[0]).owner())
        connection.execute("ALTER SYSTEM SET ssl = 'on'")
        connection.execute("SELECT pg_reload_conf()")

    def known(by: Path, host: str = "127.0.0.1") -> bool:
        address = owner.replace("127.0.0.1", host)
        secure = f"{address}?sslmode=verify-full&sslrootcert={by.with_suffix('.crt')}"
        try:
            list_sweeps(storage_of(secure))
        except UserError as error:
            return "certificate" not in str(error) and "does not support SSL" not in str(error)
        return True

    until(lambda: known(ours), 30)
    assert not known(other)
    assert not known(ours, "localhost")
