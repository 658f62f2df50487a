"""Keeps what the coordinator knows of packs: nodes, whether they have begun, why they died."""

from dataclasses import dataclass, field
from typing import NamedTuple

from gensweep.redact import redact

HOST_LOST = "the loss of its host"
UNKNOWN = "the end of its process"


class PackStatus(NamedTuple):
    """A pack as the driver asks for it when it has ended."""

    has_begun: bool
    """Whether it has asked for trials."""

    nodes: frozenset[str]
    """Ids of the Ray nodes that end the pack if they end; empty if it did not come so far."""


@dataclass(slots=True)
class PackRegistry:
    """Packs by the name that their driver gave them, from their start until their end."""

    _nodes: dict[str, frozenset[str]] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _errors: dict[str, str] = field(default_factory=dict)

    def register_nodes(self, owner: str, nodes: set[str]) -> None:
        """Keep the nodes that end the pack if they end."""
        self._nodes[owner] = frozenset(nodes)

    def begin(self, owner: str) -> None:
        """Keep that the pack has asked for trials."""
        self._begun.add(owner)

    def record_error(self, owner: str, traceback: str) -> None:
        """Keep the last line of the traceback that ends the pack, without secrets."""
        self._errors[owner] = redact(traceback.strip().splitlines()[-1])[:300]

    def status(self, owner: str) -> PackStatus:
        """Tell what is known of the pack; nothing of one that never came."""
        return PackStatus(owner in self._begun, self._nodes.get(owner, frozenset()))

    def remove(self, owner: str, *, host_lost: bool) -> str:
        """Forget the pack; why it died, if it did."""
        self._nodes.pop(owner, None)
        self._begun.discard(owner)
        error = self._errors.pop(owner, UNKNOWN)
        return HOST_LOST if host_lost else error
