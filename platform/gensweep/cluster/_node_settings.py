"""Reads what a host is told about itself: /etc/gensweep/node.env (see infra/boot)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gensweep.errors import UserError

ROLES = ("head", "worker", "tracking")
CLOUDS = ("aws", "none")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The variables GENSWEEP_* of a host; empty where its role has none."""

    role: str
    """head, worker or tracking."""
    cluster: str
    cloud: str = "aws"
    """aws, or none: a host of one's own, whose secrets lie in /etc/gensweep already."""
    head: str = ""
    """The name or address of the head."""
    pool: str = ""
    """The worker's pool, which is Ray's node type."""
    cpus: int | None = None
    """What the worker offers to Ray, as its pool promises; None: what it has."""
    gpus: int | None = None
    head_lost_s: int = 900
    """A worker that cannot reach its head for so long gives up."""
    token_secret: str = ""
    """ARN of the secret with the cluster's token."""
    mlflow_secret: str = ""
    """ARN of the secret with the user of MLflow: JSON with username and password."""
    mlflow_admin_secret: str = ""
    """ARN, tracking only: JSON with username, password and flask_key."""
    ledger_secret: str = ""
    """ARN of the database's user who keeps ledgers, if there is a database: JSON as above."""
    database: str = ""
    """MLflow's database, USER@HOST:PORT/NAME; empty: SQLite on the data volume."""
    database_secret: str = ""
    """ARN of the database's owner, tracking only: JSON as above."""
    database_ca: str = ""
    """Where the certificates are by which the database's server is known: https://... or a path."""
    artifacts: str = ""
    """Where MLflow keeps artifacts: s3://BUCKET/PREFIX."""
    log_group: str = ""
    """The log group of CloudWatch that keeps this host's journal."""
    volume: str = ""
    """The EBS volume to attach as the data volume."""
    zone_id: str = ""
    """The Route 53 zone in which this host takes `name`."""
    name: str = ""
    address: str = ""
    """This host's address where no metadata service tells it."""
    data: Path = Path("/data")
    run: Path = Path("/run/gensweep")
    etc: Path = Path("/etc/gensweep")

    def __post_init__(self) -> None:
        _check_choice("GENSWEEP_ROLE", self.role, ROLES)
        _check_choice("GENSWEEP_CLOUD", self.cloud, CLOUDS)
        needed = {"cluster": self.cluster}
        if self.role == "worker":
            needed |= {"head": self.head, "pool": self.pool}
        if self.cloud == "aws":
            needed |= {"mlflow_secret": self.mlflow_secret} if self.role != "worker" else {}
            needed |= {"token_secret": self.token_secret} if self.role != "tracking" else {}
        for name, value in needed.items():
            if not value:
                raise UserError(
                    f"GENSWEEP_{name.upper()} is empty: set it in /etc/gensweep/node.env "
                    f"of this {self.role}."
                )


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `environ`; `UserError` names the variable that is wrong."""
    given: dict[str, Any] = {}
    for field in fields(Settings):
        value = environ.get(f"GENSWEEP_{field.name.upper()}", "")
        if value or field.name in {"role", "cluster"}:
            given[field.name] = _parse_value(field.name, value)
    return Settings(**given)


def _parse_value(name: str, value: str) -> str | int | Path:
    if name in {"data", "run", "etc"}:
        return Path(value)
    if name not in {"cpus", "gpus", "head_lost_s"}:
        return value
    if not value.isdigit():
        raise UserError(f"GENSWEEP_{name.upper()} must be a whole number, but is {value!r}.")
    return int(value)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UserError(f"{name} must be one of {', '.join(allowed)}, but is {value!r}: set it in "
                        "/etc/gensweep/node.env.")  # fmt: skip
