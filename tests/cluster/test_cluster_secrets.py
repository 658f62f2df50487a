"""Which secrets a host fetches, by its role, from Secrets Manager."""

import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import moto_server
from gensweep.cluster import _node_secrets
from gensweep.cluster._node_secrets import (
    _secret_files,
    fetch_database_ca,
    refresh_database_password,
)
from gensweep.cluster._node_settings import Settings
from gensweep.errors import UserError
from infra.aws import client

SETTINGS = {"token": "token_secret", "mlflow": "mlflow_secret", "admin": "mlflow_admin_secret",
            "ledger": "ledger_secret", "owner": "database_secret"}  # fmt: skip


@pytest.fixture(scope="module")
def manager() -> Iterator[Any]:
    with moto_server() as address:
        yield client("secretsmanager", address)


@pytest.fixture(scope="module")
def arns(manager: Any) -> dict[str, str]:
    """Of secrets, each the user of its name and a password with a colon."""
    return {name: manager.create_secret(Name=name, SecretString=secret(name, "of:"))["ARN"]
            for name in SETTINGS}  # fmt: skip


def secret(user: str, password: str) -> str:
    return json.dumps({"username": user, "password": password + user})


def settings(role: str, arns: dict[str, str], given: str, **more: Any) -> Settings:
    own: dict[str, Any] = {SETTINGS[name]: arns[name] for name in given.split()}
    return Settings(role=role, cluster="lab", cloud="none", head="h", pool="p", **own, **more)


@pytest.mark.parametrize(
    ("role", "given", "files", "pgpass"),
    [
        ("worker", "token", {"auth_token"}, ""),
        ("head", "token mlflow ledger", {"auth_token", "mlflow_user.json"}, "ledger"),
        (
            "tracking",
            "mlflow admin ledger owner",
            {"mlflow_user.json", "mlflow_admin.json", "ledger_user.json"},
            "owner",
        ),
        ("tracking", "mlflow admin", {"mlflow_user.json", "mlflow_admin.json"}, ""),
    ],
)
def test_each_host_has_the_secrets_of_its_role(
    manager: Any, arns: dict[str, str], role: str, given: str, files: set[str], pgpass: str
) -> None:
    found = _secret_files(settings(role, arns, given), manager)
    assert found.keys() == files | ({"pgpass"} if pgpass else set())
    if pgpass:
        assert found["pgpass"] == f"*:*:*:{pgpass}:of\\:{pgpass}\n"
    if "ledger_user.json" in files:
        assert json.loads(found["ledger_user.json"])["username"] == "ledger"


def test_the_owners_password_is_fetched_again(
    manager: Any, arns: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RDS rotates it; the user of ledgers is ours, and changes with its host."""
    monkeypatch.setattr(_node_secrets, "USER", pwd.getpwuid(os.getuid()).pw_name)
    tracking = settings("tracking", arns, "admin mlflow ledger owner", run=tmp_path)
    head = settings("head", arns, "token mlflow ledger", run=tmp_path / "head")
    manager.put_secret_value(SecretId=arns["owner"], SecretString=secret("owner", "new-"))
    for host in (tracking, head):
        refresh_database_password(host, manager)
    assert (tmp_path / "pgpass").read_text() == "*:*:*:owner:new-owner\n"
    assert [file.name for file in tmp_path.iterdir()] == ["pgpass"]


def test_the_databases_certificates_are_put_where_its_address_says(tmp_path: Path) -> None:
    given = tmp_path / "bundle.pem"
    host = Settings(role="head", cluster="lab", cloud="none", run=tmp_path / "run",
                    database_ca=str(given))  # fmt: skip
    given.write_text("not a certificate")
    with pytest.raises(UserError, match=r"GENSWEEP_DATABASE_CA=.*bundle.pem holds no certificate"):
        fetch_database_ca(host)
    given.write_text("-----BEGIN CERTIFICATE-----\n")
    fetch_database_ca(host)
    assert (host.run / "database_ca.pem").read_text() == given.read_text()
