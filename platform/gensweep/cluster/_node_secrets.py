"""Secrets of a host: files that only the user gensweep can read, never variables or arguments."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

from gensweep.cluster._node_settings import Settings
from gensweep.errors import UserError

USER = "gensweep"
MLFLOW_USER, MLFLOW_ADMIN, PGPASS = "mlflow_user.json", "mlflow_admin.json", "pgpass"


def token_file(settings: Settings) -> Path:
    """Where Ray reads the cluster's token."""
    return (settings.etc if settings.cloud == "none" else settings.run) / "auth_token"


def fetch(settings: Settings, client: Any = None) -> None:
    """Fetch what the role needs from Secrets Manager into `settings.run`, anew each time."""
    if settings.cloud == "none":
        _own(token_file(settings))
        return
    if client is None:
        import boto3

        client = boto3.client("secretsmanager")
    settings.run.mkdir(mode=0o755, parents=True, exist_ok=True)
    for path, text in _files(settings, client).items():
        _write(path, text)


def _own(token: Path) -> None:
    """The token that an operator has put here is for the services, and for nobody else."""
    if not token.exists():
        raise UserError(f"there is no {token}: put the cluster's token there, the same on all "
                        "hosts (`openssl rand -hex 32` makes one).")  # fmt: skip
    owner = pwd.getpwnam(USER)
    os.chown(token, owner.pw_uid, owner.pw_gid)
    token.chmod(0o600)


def read_json(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text())
    return found


def _files(settings: Settings, client: Any) -> dict[Path, str]:
    files = {}
    if settings.token_secret:
        files[token_file(settings)] = _value(client, settings.token_secret)
    user = _value(client, settings.mlflow_secret)
    files[settings.run / MLFLOW_USER] = user
    files[Path(pwd.getpwnam(USER).pw_dir) / ".mlflow" / "credentials"] = _credentials(user)
    if settings.mlflow_admin_secret:
        files[settings.run / MLFLOW_ADMIN] = _value(client, settings.mlflow_admin_secret)
    if secret := settings.ledger_secret or settings.database_secret:
        files[settings.run / PGPASS] = _pgpass(json.loads(_value(client, secret)))
    return files


def _credentials(user: str) -> str:
    """As MLflow's client reads them."""
    found = json.loads(user)
    return (
        f"[mlflow]\nmlflow_tracking_username = {found['username']}\n"
        f"mlflow_tracking_password = {found['password']}\n"
    )


def _pgpass(user: dict[str, str]) -> str:
    password = user["password"].replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:{user['username']}:{password}\n"


def _value(client: Any, arn: str) -> str:
    return str(client.get_secret_value(SecretId=arn)["SecretString"])


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, so that nobody reads half of it."""
    owner = pwd.getpwnam(USER)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchown(descriptor, owner.pw_uid, owner.pw_gid)
        file.write(text)
    draft.replace(path)
