"""Runs the MLflow server of a cluster: users with passwords, artifacts only through it."""

import os
import subprocess
import sys
from pathlib import Path

from gensweep.cluster._node_secrets import (
    DATABASE_CA,
    LEDGER_USER,
    MLFLOW_ADMIN,
    MLFLOW_USER,
    PGPASS,
    read_json,
)
from gensweep.cluster._node_settings import Settings
from gensweep.errors import UserError
from gensweep.files import write_atomically
from gensweep.tracking import SERVER_SETTINGS, upgrade_database

PORT = 5000
SCHEMA = "mlflow"


def run_mlflow(settings: Settings) -> None:
    """Become `mlflow server`."""
    admin = read_json(settings.run / MLFLOW_ADMIN)
    os.environ.update(SERVER_SETTINGS)
    os.environ["MLFLOW_FLASK_SERVER_SECRET_KEY"] = admin["flask_key"]
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(_write_auth_config(settings, admin))
    if settings.database:
        os.environ["PGPASSFILE"] = str(settings.run / PGPASS)
        create_ledger_user(
            f"postgresql://{_postgres_address(settings)}", read_json(settings.run / LEDGER_USER)
        )
    try:
        upgrade_database(database_uri(settings))
    except subprocess.CalledProcessError as error:
        raise UserError(f"mlflow db upgrade failed: {error.stderr or error}") from None
    set_passwords(settings)
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *mlflow_arguments(settings)])


def mlflow_arguments(settings: Settings) -> list[str]:
    """The arguments of `mlflow`, which listens on all addresses; the network lets the cluster
    in."""
    hosts = f"{settings.name}:{PORT},localhost:*,127.0.0.1:*"
    return [
        "server",
        "--app-name=basic-auth",
        f"--backend-store-uri={database_uri(settings)}",
        f"--artifacts-destination={settings.artifacts}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--allowed-hosts={hosts}",
        f"--workers={2 if settings.database else 1}",  # SQLite has one writer
    ]


def database_uri(settings: Settings, name: str = "mlflow") -> str:
    """The URI of the database of MLflow's runs (`mlflow`) or of its users (`users`)."""
    if settings.database:
        return (
            f"postgresql+psycopg://{_postgres_address(settings)}&options=-csearch_path%3D{SCHEMA}"
        )
    return f"sqlite:///{settings.data / 'mlflow' / name}.db"


def _postgres_address(settings: Settings) -> str:
    return f"{settings.database}?sslmode=verify-full&sslrootcert={settings.run / DATABASE_CA}"


def create_ledger_user(database: str, ledger: dict[str, str]) -> None:
    """Create MLflow's schema, and the database user for ledgers, who cannot look into it.

    `database` is the URL of its owner. The password is sent as what PostgreSQL keeps of it
    (SCRAM): statements that make users are logged.
    """
    import psycopg
    from psycopg import sql

    name = sql.Identifier(ledger["username"])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        secret = connection.pgconn.encrypt_password(
            ledger["password"].encode(), ledger["username"].encode(), b"scram-sha-256"
        )
        found = "SELECT FROM pg_roles WHERE rolname = %s"
        known = connection.execute(found, [ledger["username"]]).rowcount
        change = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}" if known else
                         "CREATE ROLE {} LOGIN PASSWORD {}")  # fmt: skip
        connection.execute(change.format(name, sql.Literal(secret.decode())))
        connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(name))
        older = "SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = " \
                "'gensweep_journal' AND tableowner = current_user"  # fmt: skip
        if connection.execute(older).rowcount:  # of when the owner kept ledgers
            grant = "GRANT SELECT, INSERT ON public.gensweep_journal TO {}"
            connection.execute(sql.SQL(grant).format(name))


def set_passwords(settings: Settings) -> None:
    """Create MLflow's administrator and the user of head and jobs, or set their passwords anew.

    Before the server starts: it would keep an administrator's old password, and so would be
    closed to us after the secret has changed.
    """
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(database_uri(settings, "users"))
    for name, rights in ((MLFLOW_ADMIN, True), (MLFLOW_USER, False)):
        user = read_json(settings.run / name)
        if store.has_user(user["username"]):
            store.update_user(user["username"], password=user["password"])
        else:
            store.create_user(user["username"], user["password"], is_admin=rights)


def _write_auth_config(settings: Settings, admin: dict[str, str]) -> Path:
    path = settings.data / "mlflow" / "auth.ini"
    users = database_uri(settings, "users").replace("%", "%%")
    write_atomically(path, AUTH_CONFIG.format(uri=users, **admin))
    return path


AUTH_CONFIG = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = {uri}
admin_username = {username}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""
