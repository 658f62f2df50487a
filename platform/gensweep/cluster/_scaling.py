"""Closes two gaps of Ray's autoscaler, in whose process the node provider runs.

Ray 2.60 lets another pool go first after an instance that never joined, but not after a launch
that EC2 refused: the event of a refused launch names no pool, and the scheduler asks the same pool
again, every five seconds, for ever. And how long an instance may take to join is an environment
variable of the head's Ray, read before cluster.yaml is.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

_log = logging.getLogger(__name__)


class Shortages:
    """The pools whose last launch EC2 refused, and the times of these refusals (s since 1970)."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def add(self, pool: str) -> None:
        self._since[pool] = time.time()

    def drop(self, pool: str) -> None:
        self._since.pop(pool, None)

    def last_refusals(self) -> Mapping[str, float]:
        """Map each such pool to the time of its last refusal."""
        return dict(self._since)


def patch_autoscaler(shortages: Shortages, join_s: int) -> None:
    """Tell the autoscaler of this process of shortages, and how long an instance may take to join.

    Called before the autoscaler makes what is replaced here. A Ray that has changed is left as it
    is, which the log says.
    """
    try:
        _patch_pool_choice(shortages)
        _patch_join_timeout(join_s)
    except (ImportError, AttributeError) as error:
        _log.warning(
            "this Ray's autoscaler is not the one known here (%s): a pool without capacity is "
            "asked again before others; use ray 2.60.",
            error,
        )


def _patch_pool_choice(shortages: Shortages) -> None:
    from ray.autoscaler.v2 import autoscaler
    from ray.autoscaler.v2.instance_manager.subscribers import cloud_resource_monitor

    class PoolMonitor(cloud_resource_monitor.CloudResourceMonitor):  # type: ignore[misc]
        """Counts a refused launch as one that was not allocated in time."""

        # Ray scores pools by these times: the one that failed last is asked last.
        def get_recoverable_resource_availabilities(self) -> Any:
            known = self._last_unavailable_timestamp
            known |= {
                pool: max(at, known.get(pool, 0.0))
                for pool, at in shortages.last_refusals().items()
            }
            return super().get_recoverable_resource_availabilities()

    autoscaler.CloudResourceMonitor = PoolMonitor


def _patch_join_timeout(join_s: int) -> None:
    from ray.autoscaler.v2.instance_manager import config

    # Read from cluster.yaml at each call: the environment variable that Ray reads instead was
    # fixed before the head's Ray had the file.
    def patient(self: Any) -> Any:
        seconds = self.get_provider_config().get("join_timeout_s", join_s)
        return config.InstanceReconcileConfig(allocate_status_timeout_s=seconds)

    config.AutoscalingConfig.get_instance_reconcile_config = patient
