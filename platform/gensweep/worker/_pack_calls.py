"""The methods of the coordinator's actor that a pack calls, and how it calls them through Ray."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from gensweep.call_history import open_history, told_of
from gensweep.trial import (
    CheckpointPointer,
    Lease,
    LeaseId,
    StateCopy,
    TrialEnd,
    TrialReport,
    Verdict,
)

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class PackCalls(Protocol):
    """The methods that the actor must offer; `owner` is the name of the pack that calls."""

    def lease(
        self,
        owner: str,
        count: int,
        stratum: Mapping[str, object] | None,
        known: Collection[LeaseId],
        /,
    ) -> list[Lease]:
        """Lease up to `count` trials; `stratum` None: of the one that most needs it.

        What the pack holds besides `known`, by number and attempt, it has not heard of: an answer
        was lost, and comes again.
        """

    def heartbeat(self, owner: str, seen: Mapping[int, int], /) -> float | None:
        """Keep the pack's leases; `seen`: images of each trial.

        Return the seconds within which it need not come again, or None: it is to stop.
        """

    def note_wait(self, owner: str, waits_for: str, /) -> None:
        """Keep the pack's leases while a server keeps it waiting, and tell of that."""

    def release_all(self, owner: str, /) -> None:
        """Let the pack's trials wait again."""

    def report_rungs(self, owner: str, reports: Sequence[TrialReport], /) -> list[Verdict]:
        """Keep what trials measured; return the verdict on each report, in their order."""

    def choose_donor(
        self, owner: str, number: int, images: int, here: Sequence[int], /
    ) -> int | None:
        """Choose which of the trials `here` trial `number` should copy."""

    def record_copy(self, owner: str, number: int, copy: StateCopy, /) -> None:
        """Record that a trial goes on from another one's state."""

    def checkpoint(
        self, owner: str, leases: Sequence[LeaseId], pointer: CheckpointPointer, /
    ) -> list[LeaseId]:
        """Keep where trials are stored; return the leases that hold no longer."""

    def finish(self, owner: str, ends: Sequence[TrialEnd], /) -> None:
        """End trials."""

    def add_usage(self, owner: str, lane_seconds: Mapping[str, float], /) -> None:
        """Tell what the pack's lanes have done with their time since it began."""

    def register_nodes(self, owner: str, nodes: set[str], /) -> None:
        """Keep the ids of the nodes that end the pack if they end."""

    def record_pack_error(self, owner: str, traceback: str, /) -> None:
        """Keep the traceback that ends the pack."""


class Ask(Protocol):
    """Calls a method of the coordinator in the name of one pack, and returns its answer."""

    def __call__(
        self,
        method: Callable[Concatenate[PackCalls, str, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer: ...


def ask_through_ray(actor: Any, owner: str) -> Ask:
    """Ask the sweep's actor, a handle of Ray's, in the name of the pack `owner`.

    While the actor is dead, a call waits; it is made again if its answer was lost.
    """
    import ray

    def call(name: str, *args: Any, **kwargs: Any) -> Any:
        return ray.get(getattr(actor, name).remote(*args, **kwargs))

    return ask_and_record(call, owner)


def ask_and_record(call: Callable[..., Any], owner: str) -> Ask:
    """Ask by `call`, of a method's name and its arguments, for a history of what `owner` knows.

    A call is appended before it is made, and once more with its answer, if it gets one.
    """
    history = open_history("pack")

    def ask(
        method: Callable[Concatenate[PackCalls, str, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        name, told = method.__name__, told_of(args, kwargs)
        if history is not None:
            history.write("asked", owner, name, told=told)
        answer: Answer = call(name, owner, *args, **kwargs)
        if history is not None:
            history.write("answered", owner, name, told=told, answer=answer)
        return answer

    return ask
