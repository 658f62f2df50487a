"""Keeps what the coordinator knows of packs: nodes, whether they have begun, why they died."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gensweep.redact import redact

HOST_LOST = "the loss of its host"
UNKNOWN = "the end of its process"
REMEMBERED = 1000
"""Ended packs that are known by name: each change writes them all. What comes later of others, a
process that outlived its pack for so long, is refused for the leases that it does not hold."""


class PackStatus(NamedTuple):
    """A pack as the driver asks for it when it has ended."""

    has_begun: bool
    """Whether it has asked for trials."""

    nodes: Mapping[str, int]
    """Ids of the Ray nodes that end the pack if they end, to how often something was recorded that
    packs there told; empty if it did not come so far."""

    has_error: bool
    """Whether it left an error, which a process that is killed does not."""

    recorded: int
    """Images that trials have reported, and trials that have ended, but for `failed`: what grows as
    a sweep does."""

    failed: int
    """Trials that have failed."""

    is_suspect: bool
    """Whether it has one trial alone, as others have died with that one."""


@dataclass(slots=True)
class PackRegistry:
    """Packs by the name that their driver gave them, as JSON: see `SessionMemory`."""

    nodes: dict[str, list[str]] = field(default_factory=dict)
    actors: dict[str, str] = field(default_factory=dict)
    """Ray's ids of the processes that hold their places."""

    begun: dict[str, bool] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)
    """By node; not written by itself, but with what changes next."""

    ended: dict[str, str] = field(default_factory=dict)
    """The last `REMEMBERED` to what each died of, empty for one that did not."""

    lane_seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    """What the lanes of each did so far, by kind; of all that have ended under the name ""."""

    def record_error(self, owner: str, traceback: str) -> None:
        """Keep the last line of the traceback that ends the pack, without secrets."""
        self.errors[owner] = redact(traceback.strip().splitlines()[-1])[:300]

    def note_report(self, owner: str) -> None:
        """Count what a pack told of its trials, for its nodes."""
        for node in self.nodes.get(owner, ()):
            self.reports[node] = self.reports.get(node, 0) + 1

    def status(self, owner: str, *, recorded: int, failed: int, is_suspect: bool) -> PackStatus:
        """Tell what is known of the pack; nothing of one that never came."""
        return PackStatus(
            has_begun=owner in self.begun,
            nodes={node: self.reports.get(node, 0) for node in self.nodes.get(owner, ())},
            has_error=owner in self.errors, recorded=recorded, failed=failed, is_suspect=is_suspect,
        )  # fmt: skip

    def cause(self, owner: str, *, host_lost: bool) -> str:
        """Tell why the pack died, if it did."""
        return HOST_LOST if host_lost else self.errors.get(owner, UNKNOWN)

    def end(self, owner: str, cause: str) -> None:
        """Forget the pack, but for its end, and what its lanes did."""
        self.nodes.pop(owner, None)
        self.actors.pop(owner, None)
        self.begun.pop(owner, None)
        self.errors.pop(owner, None)
        self.ended[owner] = cause
        if len(self.ended) > REMEMBERED:
            del self.ended[next(iter(self.ended))]
        of_ended = self.lane_seconds.setdefault("", {})
        for kind, seconds in self.lane_seconds.pop(owner, {}).items():
            of_ended[kind] = of_ended.get(kind, 0.0) + seconds

    def last_death(self) -> str:
        """Tell what the pack died of that died last; empty if none did."""
        return next(filter(None, reversed(self.ended.values())), "")

    def usage(self) -> dict[str, float]:
        """Add up the lane-seconds of all packs, by kind."""
        sums: dict[str, float] = {}
        for spent in self.lane_seconds.values():
            for kind, seconds in spent.items():
                sums[kind] = sums.get(kind, 0.0) + seconds
        return sums
