"""What a cluster could hold if its pools were full: idle ones have no workers at all."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gensweep.errors import UserError

VARIABLE = "GENSWEEP_CLUSTER_CONFIG"
"""Names the autoscaler's configuration, on the head and in its jobs."""


def capacity(kind: str, environ: Mapping[str, str] = os.environ) -> float:
    """Of a resource ("CPU", "GPU"): the most that the pools can have together; 0 without pools.

    `UserError` if VARIABLE names no readable configuration.
    """
    named = environ.get(VARIABLE)
    if not named:
        return 0.0
    try:
        config = yaml.safe_load(Path(named).read_text())
        return most(config, kind)
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{VARIABLE}={named} is no configuration of Ray's autoscaler "
                        f"({str(error).splitlines()[0][:80]}): unset it.") from None  # fmt: skip


def most(config: Mapping[str, Any], kind: str) -> float:
    """The workers with most of `kind` first, as many as all caps allow."""
    head, left = config["head_node_type"], int(config["max_workers"])
    pools = [p for name, p in config["available_node_types"].items() if name != head]
    total = 0.0
    for pool in sorted(pools, key=lambda p: -float(p["resources"].get(kind, 0))):
        count = min(left, int(pool["max_workers"]))
        total += count * float(pool["resources"].get(kind, 0))
        left -= count
    return total
