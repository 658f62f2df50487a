"""Counts packs that died in a row, until no other one is worth trying.

Runs in the driver, as Tune tells of the ends of packs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gensweep.coordinator import PackStatus

MAX_FAILURES = 4
"""Packs in a row that may leave an error, or die before they ask for trials, until the sweep stops:
one more than a bad trial can kill so."""
MAX_NODE_FAILURES = 7
"""Packs in a row that may leave an error on a node where nothing is recorded in between, while
others record elsewhere: one more than two bad trials can kill so."""
MAX_KILLED = 20
"""Packs in a row that may be killed, as long as nothing is recorded in between."""
MAX_SUSPECTS_KILLED = 50
"""The same of packs with one trial alone, which is suspected: as many as five trials can kill."""


@dataclass(slots=True)
class NodeRow:
    """Packs in a row that left an error on a node."""

    recorded: int
    """What was recorded there by then, and in the whole sweep."""
    recorded_in_all: int
    failures: int = 0


@dataclass(slots=True)
class DeathCount:
    """Counts packs that died in a row, by how, and by whether their host went with them."""

    max_host_losses: int
    """Packs that may lose their host in a row before they have a trial."""

    node_address: Callable[[str], str] = str
    """Tells where the Ray node of an id is."""

    failures: int = 0
    killed: int = 0
    suspects_killed: int = 0
    host_losses: int = 0
    recorded: int = 0
    failed: int = 0
    """What was recorded until the last of them, and trials that had failed: see `PackStatus`."""

    _nodes: dict[str, NodeRow] = field(default_factory=dict)

    def add(self, status: PackStatus, *, error: bool, host_loss: bool) -> None:
        """Count the end of a pack; what was recorded since the one before begins a new row.

        But not if the pack never came to its trials: those of others say nothing of that. Trials
        that failed begin a new row of errors, and none of kills: those may be what they failed of.
        """
        self._begin_rows(status, error)
        if host_loss:  # one that lost its host with trials on it starts anew
            self.host_losses = 0 if status.has_begun else self.host_losses + 1
            return
        self.host_losses = 0
        if not error:
            return
        if status.has_error or not status.has_begun:
            self.failures += 1
        elif status.is_suspect:
            self.suspects_killed += 1
        else:
            self.killed += 1
        if status.has_error and status.has_begun:
            for node in status.nodes:
                self._nodes[node].failures += 1

    def _begin_rows(self, status: PackStatus, error: bool) -> None:
        has_got_on = status.has_begun and status.recorded > self.recorded
        if has_got_on or not error:
            self.killed = self.suspects_killed = 0
        if has_got_on or (status.has_begun and status.failed > self.failed) or not error:
            self.failures = 0
        self.recorded = max(self.recorded, status.recorded)
        self.failed = max(self.failed, status.failed)
        for node, recorded in status.nodes.items():
            row = self._nodes.get(node)
            # Fewer: the process that decides was killed, and knows what it had written.
            if row is None or row.recorded != recorded or not error:
                self._nodes[node] = NodeRow(recorded, status.recorded)

    @property
    def reason(self) -> str:
        """Tell why no other pack is worth trying; empty while one is."""
        if self.failures >= MAX_FAILURES:
            return f"{self.failures} in a row left an error, or died before they asked for trials"
        if self.killed >= MAX_KILLED or self.suspects_killed >= MAX_SUSPECTS_KILLED:
            killed = self.killed + self.suspects_killed
            return f"{killed} in a row were killed, and nothing was recorded meanwhile"
        if self.host_losses >= self.max_host_losses:
            return f"{self.host_losses} in a row lost their hosts before they had trials"
        for node, row in self._nodes.items():
            if row.failures >= MAX_NODE_FAILURES and self.recorded > row.recorded_in_all:
                return f"{row.failures} in a row left an error on {self.node_address(node)}"
        return ""
