"""The coordinator as a pack sees it, wherever both are."""

from collections.abc import Sequence
from typing import Any, Protocol

from gensweep.trial import TrialState


class LeaseLike(Protocol):
    """A trial that a lane may hold."""

    number: int
    params: dict[str, Any]
    seed: int
    checkpoint: dict[str, Any] | None


class CoordinatorProtocol(Protocol):
    """Who hands out trials and hears of them."""

    def lease(self, count: int, stratum: dict[str, Any] | None) -> Sequence[LeaseLike]: ...
    def expect(self, count: int, stratum: dict[str, Any] | None) -> None:
        """Choose so many trials meanwhile; the next `lease`, of as many or more, has them."""

    def report(self, number: int, images: int, metrics: dict[str, float], png: bytes) -> None:
        """Hear what a trial measured, while the pack goes on; see `verdicts`."""

    def verdicts(self, all_of_them: bool) -> dict[int, str]:
        """What has been decided on reported trials: "continue", "prune", "lost" to others.

        `all_of_them`: once they all have come.
        """

    def better(self, number: int, images: int, here: list[int]) -> int | None:
        """Which of the trials `here` a trial that was evaluated goes on from; None: its own."""

    def copied(self, number: int, copy: dict[str, Any]) -> None:
        """Hear that a trial goes on from another's state."""

    def checkpoints(self, lanes: dict[int, bytes]) -> list[int]:
        """Keep the lanes, soon; the numbers of those that somebody else had the last time."""

    def restore(self, pointer: dict[str, Any], number: int) -> bytes | None: ...
    def finish(
        self, number: int, state: TrialState, cause: str, result: dict[str, Any]
    ) -> None: ...
    def heartbeat(self, seen: dict[int, int]) -> str:
        """Tell that the pack lives; the answer is `go`, `save` (checkpoint first), or `stop`."""

    def settle(self) -> None:
        """Wait until the ends that were told are kept."""

    def give_back(self) -> None:
        """Let all trials that the pack holds wait again, from their last checkpoints."""

    def used(self, lane_seconds: dict[str, float]) -> None:
        """Hear what the lanes did since the last time."""
