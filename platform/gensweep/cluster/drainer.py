"""On the head: `python -m gensweep.cluster.drainer` drains the nodes whose instances will end.

EventBridge puts what EC2 announces into a queue. An event leaves it once the node drains, or if it
is not about this cluster. What cannot be read stays, and so does an event about an instance of the
cluster that Ray does not know yet, until the queue gives it to its dead-letter queue.
"""

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from gensweep.cluster._fleet import connect_ec2, list_instances
from gensweep.cluster._nodes import HEAD, Node, Nodes, Unreachable
from gensweep.cluster._notices import Notice, parse_event
from gensweep.cluster._service import Backoff, StopRequested, StopSignal, head_address
from gensweep.errors import UserError
from gensweep.log import configure_logging

_log = logging.getLogger("gensweep.cluster.drainer")  # run as a script, it is called __main__

POLL_S = 20
"""The longest that SQS lets a reader wait."""
FAR_S = 3600
"""AWS announces maintenance weeks ahead; no worker need leave for that yet."""
REBALANCE = ("log", "drain")


class Drainer:
    """Drains the Ray nodes of instances that EC2 announces to end, by events in an SQS queue."""

    def __init__(self, sqs: Any, queue: str, nodes: Nodes, ours: Callable[[str], bool],
                 rebalance: str = "log"):  # fmt: skip
        self._sqs, self._queue, self._nodes = sqs, queue, nodes
        self._ours, self._rebalance = ours, rebalance

    def receive(self) -> list[Any]:
        """Wait up to `POLL_S` for messages; at most ten, and none if none came."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=POLL_S,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )  # fmt: skip
        return list(answer.get("Messages", ()))

    def handle(self, message: Any) -> None:
        """Drain what the message is about, and delete it; `Unreachable` if the head is away.

        A message that is not deleted comes again after the queue's visibility timeout, and after
        its last receipt goes to the dead-letter queue, where somebody looks at it.
        """
        try:
            notices = parse_event(message["Body"])
        except ValueError as error:
            times = message.get("Attributes", {}).get("ApproximateReceiveCount", "?")
            _log.warning(
                "message %s is left in the queue, read %s times: %s",
                message["MessageId"],
                times,
                error,
            )
            return
        undone = [notice for notice in notices if not self._drained(notice)]
        if not undone:
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def _drained(self, notice: Notice) -> bool:
        """Drain the notice's node; whether nothing is left to do about it."""
        node = self._nodes.alive().get(notice.instance)
        if node is None:
            return self._is_not_ours(notice)
        if node.draining:  # its own service reads the same notice from its metadata
            _log.info("%s: %s; it drains already", notice.instance, notice.kind)
            return True
        if why := self._reason_to_ignore(node, notice):
            _log.info("%s: %s; %s", notice.instance, notice.kind, why)
            return True
        refused = self._nodes.drain(node, notice.kind, notice.deadline)
        said = f"will not drain: {refused}" if refused else f"drains node {node.id}"
        _log.info("%s: %s; %s", notice.instance, notice.kind, said)
        return not refused

    def _reason_to_ignore(self, node: Node, notice: Notice) -> str:
        """Return why nothing is done about it; empty if the node is to drain."""
        if node.pool == HEAD:
            return "it is the head, which nothing replaces before it ends; look after it"
        if not notice.is_certain and self._rebalance == "log":
            return "it goes on"
        if notice.deadline is not None and notice.deadline - time.time() > FAR_S:
            return "that is far off; it goes on, and ends when it is idle"
        return ""

    def _is_not_ours(self, notice: Notice) -> bool:
        """Ray does not know the node: a new head may not yet, and a new host has not joined."""
        if not notice.is_certain or not self._ours(notice.instance):
            return True
        _log.info("%s: %s; Ray does not know it yet", notice.instance, notice.kind)
        return False


def serve(drainer: Drainer, stop: StopSignal) -> None:
    """Handle messages until SIGTERM; after a failure, wait ever longer."""
    from botocore.exceptions import BotoCoreError, ClientError

    backoff = Backoff(stop)
    while not stop.asked.is_set():
        try:
            with stop.waiting():
                messages = drainer.receive()
            for message in messages:
                drainer.handle(message)
            backoff.succeeded()
        except StopRequested:
            return
        except (BotoCoreError, ClientError, Unreachable) as error:
            backoff.failed(error)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 after SIGTERM, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="gensweep-drainer", description=__doc__)
    parser.add_argument("--queue", metavar="URL", default=os.environ.get("GENSWEEP_EVENTS_QUEUE"),
                        help="of SQS (default: GENSWEEP_EVENTS_QUEUE)")  # fmt: skip
    parser.add_argument("--address", metavar="HOST:PORT",
                        help="of the head (default: RAY_ADDRESS, or 127.0.0.1:6379)")  # fmt: skip
    parser.add_argument("--cluster", metavar="NAME", default=os.environ.get("GENSWEEP_CLUSTER"),
                        help="as instances are tagged (default: GENSWEEP_CLUSTER)")  # fmt: skip
    parser.add_argument("--rebalance", choices=REBALANCE, default="log",
                        help="what to do when EC2 recommends to rebalance: say so, or drain "
                             "(default log)")  # fmt: skip
    args = parser.parse_args(argv)
    configure_logging()
    import boto3
    from botocore.config import Config

    try:
        if not args.queue:
            raise UserError("no queue: give --queue URL or set GENSWEEP_EVENTS_QUEUE.")
        if not re.match("https?://[^/]+/.", args.queue):
            raise UserError(f"--queue {args.queue}: give the URL of a queue, https://HOST/PATH.")
        if not boto3.Session().region_name:
            raise UserError("no region: set AWS_DEFAULT_REGION.")
        if not args.cluster:
            raise UserError("no cluster: give --cluster NAME or set GENSWEEP_CLUSTER.")
        nodes = Nodes(head_address(args.address))
    except UserError as error:
        _log.error("error: %s", error)
        return 2
    sqs, ec2 = boto3.client("sqs", config=Config(read_timeout=POLL_S + 10)), connect_ec2(None)

    def ours(instance: str) -> bool:
        return bool(list_instances(ec2, args.cluster, [instance]))

    _log.info("reads %s for the cluster at %s", args.queue, nodes.address)
    serve(Drainer(sqs, args.queue, nodes, ours, args.rebalance), StopSignal())
    _log.info("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
