"""The coordinator as the driver talks to it, in another process."""

import re
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from gensweep.coordinator._coordinator import SweepCoordinator
from gensweep.errors import UserError

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


OUR_ERROR = re.compile(r"\b(?:gensweep\.[\w.]+|UserError): (.+)")
"""An error of ours in a traceback: each is a line for the user, whatever its class."""


class CoordinatorLostError(UserError):
    """The coordinator has ended for good: it could not open the study, or died again and again."""


class Call(Generic[Answer]):
    """A call that is under way, in Ray's hands."""

    def __init__(self, reference: Any, lost: Callable[[str], CoordinatorLostError]):
        self._reference, self._lost = reference, lost

    def answer(self, timeout_s: float | None = None) -> Answer:
        """Wait for the answer; `TimeoutError` if it is late, which changes nothing."""
        import ray

        try:
            answer: Answer = ray.get(self._reference, timeout=timeout_s)
        except ray.exceptions.ActorDiedError as error:
            raise self._lost(str(error)) from None
        return answer


class RemoteCoordinator:
    """Calls the coordinator's actor; a call that its death left unanswered is made again by Ray."""

    def __init__(self, actor: Any, sweep: str):
        self.actor = actor
        """Ray's handle, for packs."""
        self._sweep = sweep

    def ask(
        self,
        method: Callable[Concatenate[SweepCoordinator, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        """Return the method's answer; `CoordinatorLostError` if none will ever come."""
        return self.begin(method, *args, **kwargs).answer()

    def begin(
        self,
        method: Callable[Concatenate[SweepCoordinator, Arguments], Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> "Call[Answer]":
        """Call the method without waiting for its answer."""
        return Call(getattr(self.actor, method.__name__).remote(*args, **kwargs), self._lost)

    def wait_until_open(self) -> None:
        """Wait until the study is open; a `UserError` inside the actor is told as itself."""
        self.ask(SweepCoordinator.is_open)

    def _lost(self, told: str) -> CoordinatorLostError:
        """Find the reason in what Ray tells of the actor's death: a traceback, or a line of it."""
        for line in told.splitlines():
            if ours := OUR_ERROR.search(line):
                return CoordinatorLostError(ours[1])
        reason = told.strip().splitlines()[-1].strip()
        return CoordinatorLostError(
            f"the process that decides has ended ({reason}): see Ray's logs, then --resume "
            f"{self._sweep}."
        )
