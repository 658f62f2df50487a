"""Parses what EC2 announces about an instance, in EventBridge's events and in its metadata."""

import json
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

SPOT = "EC2 Spot Instance Interruption Warning"
REBALANCE = "EC2 Instance Rebalance Recommendation"
STATE = "EC2 Instance State-change Notification"
HEALTH = "AWS Health Event"

WARNING_S = 120
"""Seconds from EC2's warning of an interruption to the interruption."""
LEFT_S = {"shutting-down": 20, "stopping": 20, "stopped": 0, "terminated": 0}
"""Seconds that an instance in this state still has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """An announcement that an instance will end, or may; `kind` is EventBridge's detail-type."""

    instance: str
    kind: str
    deadline: float | None = None
    """The time of its end, in seconds since 1970; None: nobody knows."""

    @property
    def is_certain(self) -> bool:
        """Return whether it will end: a recommendation to rebalance says only that it may."""
        return self.kind != REBALANCE


def parse_event(body: str) -> list[Notice]:
    """Parse an EventBridge event; no notices if it is about something else.

    Raises `ValueError` for what is no event of EC2.
    """
    try:
        event = json.loads(body)
        return _notices(event["detail-type"], event, event["detail"])
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"no event of EC2: {type(error).__name__} {error}") from error


def _notices(kind: str, event: dict[str, Any], detail: dict[str, Any]) -> list[Notice]:
    begin = _time(event["time"])
    if kind == SPOT:
        return [Notice(instance=detail["instance-id"], kind=kind, deadline=begin + WARNING_S)]
    if kind == REBALANCE:
        return [Notice(instance=detail["instance-id"], kind=kind)]
    if kind == STATE and detail["state"] in LEFT_S:
        deadline = begin + LEFT_S[detail["state"]]
        return [Notice(instance=detail["instance-id"], kind=kind, deadline=deadline)]
    if kind == HEALTH and detail["eventTypeCategory"] == "scheduledChange":
        start = parsedate_to_datetime(detail["startTime"]).timestamp()
        return [Notice(instance=one["entityValue"], kind=kind, deadline=start)
                for one in detail["affectedEntities"]]  # fmt: skip
    return []


def parse_instance_action(instance: str, action: str) -> Notice:
    """Parse `spot/instance-action` of the instance's metadata; `ValueError` if it is garbage."""
    try:
        return Notice(instance=instance, kind=SPOT, deadline=_time(json.loads(action)["time"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no instance-action of EC2: {action[:100]!r}") from error


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
