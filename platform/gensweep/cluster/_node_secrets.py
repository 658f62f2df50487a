"""Fetches a host's secrets into files that only the user gensweep reads, never into arguments.

Nor variables, but the key of MLflow's sessions, which its server takes in no other way.
"""

import json
import os
import pwd
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gensweep.cluster._node_settings import Settings
from gensweep.errors import UserError
from gensweep.files import write_atomically

USER = "gensweep"
MLFLOW_USER, MLFLOW_ADMIN, PGPASS = "mlflow_user.json", "mlflow_admin.json", "pgpass"
LEDGER_USER = "ledger_user.json"
DATABASE_CA = "database_ca.pem"
"""Certificates, no secret: a ledger's address names the file, /run/gensweep/database_ca.pem."""
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
TIMEOUT_S = 30


def token_file(settings: Settings) -> Path:
    """The file from which Ray reads the cluster's token."""
    return (settings.etc if settings.cloud == "none" else settings.run) / "auth_token"


def fetch_secrets(settings: Settings, client: Any = None) -> None:
    """Fetch what the role needs from Secrets Manager into `settings.run`, anew each time."""
    if settings.cloud == "none":
        _protect_token(token_file(settings))
        return
    if client is None:
        import boto3

        client = boto3.client("secretsmanager")
    settings.run.mkdir(mode=0o755, parents=True, exist_ok=True)
    owner = pwd.getpwnam(USER)
    for name, text in _secret_files(settings, client).items():
        _write_owned(settings.run / name, text, owner)
    if not settings.mlflow_secret:
        return
    with _acting_as(owner):  # its home is its own: root would follow where its links lead
        credentials = Path(owner.pw_dir) / ".mlflow" / "credentials"
        _write_owned(credentials, _credentials(read_json(settings.run / MLFLOW_USER)), owner)


def fetch_database_ca(settings: Settings) -> None:
    """Put the certificates of `settings.database_ca` into `settings.run`.

    `UserError` if there are none: without them nothing tells the database from who answers for it.
    """
    place = settings.database_ca
    if place.startswith("https://"):
        with urllib.request.urlopen(place, timeout=TIMEOUT_S) as answer:
            text = answer.read().decode()
    else:
        text = Path(place).read_text()
    if CERTIFICATE not in text:
        raise UserError(f"GENSWEEP_DATABASE_CA={place} holds no certificate: name the PEM file by "
                        "which the database's server is known.")  # fmt: skip
    settings.run.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomically(settings.run / DATABASE_CA, text, mode=0o644)


def refresh_database_password(settings: Settings, client: Any = None) -> None:
    """Fetch the password of the database's owner, which RDS rotates.

    The rest is fixed for the life of a host: a token that changed would part it from its cluster.
    """
    if settings.database_secret:
        if client is None:
            import boto3

            client = boto3.client("secretsmanager")
        owner = json.loads(_secret_value(client, settings.database_secret))
        _write_owned(settings.run / PGPASS, _pgpass(owner), pwd.getpwnam(USER))


def _protect_token(token: Path) -> None:
    """Give the token that an operator has put here to the services' user, and to nobody else."""
    if not token.exists():
        raise UserError(f"there is no {token}: put the cluster's token there, the same on all "
                        "hosts (`openssl rand -hex 32` makes one).")  # fmt: skip
    owner = pwd.getpwnam(USER)
    os.chown(token, owner.pw_uid, owner.pw_gid)
    token.chmod(0o600)


def read_json(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text())
    return found


def _secret_files(settings: Settings, client: Any) -> dict[str, str]:
    wanted = {
        "auth_token": settings.token_secret,
        MLFLOW_USER: settings.mlflow_secret,
        MLFLOW_ADMIN: settings.mlflow_admin_secret,
    }
    if settings.role == "tracking":  # which makes that user
        wanted[LEDGER_USER] = settings.ledger_secret
    files = {name: _secret_value(client, arn) for name, arn in wanted.items() if arn}
    if secret := settings.database_secret or settings.ledger_secret:
        files[PGPASS] = _pgpass(json.loads(_secret_value(client, secret)))
    return files


def _credentials(user: dict[str, str]) -> str:
    """Format a user as ~/.mlflow/credentials, which MLflow's client reads."""
    return (
        f"[mlflow]\nmlflow_tracking_username = {user['username']}\n"
        f"mlflow_tracking_password = {user['password']}\n"
    )


def _pgpass(user: dict[str, str]) -> str:
    # libpq splits the line at colons, and takes a backslash as an escape.
    password = user["password"].replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:{user['username']}:{password}\n"


def _secret_value(client: Any, arn: str) -> str:
    return str(client.get_secret_value(SecretId=arn)["SecretString"])


@contextmanager
def _acting_as(owner: pwd.struct_passwd) -> Iterator[None]:
    os.setegid(owner.pw_gid)
    os.seteuid(owner.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _write_owned(path: Path, text: str, owner: pwd.struct_passwd) -> None:
    """Replace a file that `owner` alone can read, in a folder that all can look into."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_atomically(path, text, owner=(owner.pw_uid, owner.pw_gid))
