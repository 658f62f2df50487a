"""On a worker: `python -m gensweep.cluster.notice` drains its own node before spot takes it.

The instance's metadata tells of an interruption without a detour, so that a worker leaves in time
also where no event reaches the head.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from gensweep.cluster._metadata import InstanceMetadata
from gensweep.cluster._nodes import Nodes, Unreachable
from gensweep.cluster._notices import REBALANCE, Notice, parse_instance_action
from gensweep.cluster._service import StopRequested, StopSignal, head_address
from gensweep.errors import UserError
from gensweep.log import configure_logging

_log = logging.getLogger("gensweep.cluster.notice")  # run as a script, it is called __main__

POLL_S = 5.0
"""As EC2 recommends."""


class Watcher:
    """Watches the instance's metadata, and remembers what was done about them."""

    def __init__(
        self, metadata: InstanceMetadata, instance: str, nodes: Nodes, rebalance: str = "log"
    ):
        self._metadata, self._instance, self._nodes = metadata, instance, nodes
        self._rebalance = rebalance
        self._announced = False

    def check(self) -> bool:
        """Read the metadata once; whether the node drains and there is nothing more to do."""
        action = self._metadata.read("spot/instance-action")
        if action is not None:
            return self._drain(parse_instance_action(self._instance, action))
        if self._metadata.read("events/recommendations/rebalance") is None:
            return False
        notice = Notice(instance=self._instance, kind=REBALANCE)
        if self._rebalance == "drain":
            return self._drain(notice)
        if not self._announced:
            _log.info("%s: %s; it goes on", notice.instance, notice.kind)
        self._announced = True
        return False

    def _drain(self, notice: Notice) -> bool:
        node = self._nodes.alive().get(notice.instance)
        if node is None:
            _log.info(
                "%s: %s; its node has not joined Ray, or has left", notice.instance, notice.kind
            )
            return False
        refused = "" if node.draining else self._nodes.drain(node, notice.kind, notice.deadline)
        said = f"will not drain: {refused}" if refused else f"drains node {node.id}"
        _log.info("%s: %s; %s", notice.instance, notice.kind, said)
        return not refused


def watch(watcher: Watcher, stop: StopSignal, poll_s: float = POLL_S) -> None:
    """Check every `poll_s` seconds until the node drains, or SIGTERM."""
    while not stop.asked.is_set():
        try:
            if watcher.check():
                return
        except (OSError, ValueError, Unreachable) as error:
            _log.warning("%s", error)
        try:
            with stop.waiting():
                stop.asked.wait(poll_s)
        except StopRequested:
            return


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 once the node drains, or after SIGTERM; 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m gensweep.cluster.notice", description=__doc__)
    parser.add_argument("--address", metavar="HOST:PORT",
                        help="of the head (default: RAY_ADDRESS, or GENSWEEP_HEAD)")  # fmt: skip
    parser.add_argument("--rebalance", choices=("log", "drain"), default="log",
                        help="what to do when EC2 recommends to rebalance: say so, or drain "
                             "(default log)")  # fmt: skip
    args = parser.parse_args(argv)
    configure_logging()
    metadata = InstanceMetadata()
    try:
        nodes = Nodes(head_address(args.address))
        instance = os.environ.get("RAY_CLOUD_INSTANCE_ID") or metadata.instance_id()
    except (UserError, OSError) as error:
        _log.error("error: %s", error)
        return 2
    watch(Watcher(metadata, instance, nodes, args.rebalance), StopSignal())
    return 0


if __name__ == "__main__":
    sys.exit(main())
