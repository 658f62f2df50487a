"""Runs the commands of a host's units (infra/boot): `python -m gensweep.cluster.node COMMAND`."""

import argparse
import importlib
import logging
import sys

from gensweep.cluster import _node_settings
from gensweep.errors import UserError
from gensweep.log import configure_logging

_log = logging.getLogger("gensweep.cluster.node")  # run as a script, it is called __main__

COMMANDS = {
    "prepare": ("_node_prepare", "prepare", "secrets, data volume and name of this host"),
    "secrets": (
        "_node_secrets",
        "refresh_database_password",
        "fetch the database's password again",
    ),
    "ray": ("_node_ray", "run_ray", "become the host's Ray node"),
    "resumer": ("resumer", "run_resumer", "go on with sweeps whose jobs died"),
    "tracking": ("_node_tracking", "run_mlflow", "become the MLflow server"),
    "logs": ("_node_logs", "upload_logs", "keep the logs of this host in CloudWatch"),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m gensweep.cluster.node", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, _, help_) in COMMANDS.items():
        commands.add_parser(name, help=help_)
    chosen = parser.parse_args(argv).command
    module, function, _ = COMMANDS[chosen]
    configure_logging("gensweep")
    try:
        settings = _node_settings.read_settings()
        getattr(importlib.import_module(f"gensweep.cluster.{module}"), function)(settings)
    except (UserError, TimeoutError, FileNotFoundError) as error:
        _log.error("%s: %s", chosen, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
