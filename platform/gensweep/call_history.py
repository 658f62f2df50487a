"""An append-only history of the calls between packs and the coordinator, for who checks them.

Off unless GENSWEEP_HISTORY names a folder where Ray's processes start, for they inherit it. There
each process appends to a file of its own, a line of JSON for each event:

    {"at": 1764522000.5, "side": "pack", "event": "asked", "owner": "pack-1", "call": "lease",
     "told": [2, null]}

`tests/faults` reads them: what a pack was answered is what was acknowledged, whatever dies next.
"""

import functools
import inspect
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

FOLDER = "GENSWEEP_HISTORY"
LONG = frozenset({"png", "points", "curves", "intervals"})
"""Fields of what packs tell that no history repeats."""

Class = TypeVar("Class", bound=type)


class CallHistory:
    """Appends events of one process; a line is in its file once `write` returns.

    Written without a buffer, so that a line outlives a process that is killed. Thread-safe.
    """

    def __init__(self, folder: Path, side: str):
        folder.mkdir(parents=True, exist_ok=True)
        self._side = side
        name = f"{side}-{os.getpid()}-{time.time_ns():x}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(folder / name, flags, 0o600)

    def write(self, event: str, owner: str, call: str, **facts: Any) -> None:
        """Append an event of a call in the name of `owner`."""
        line = {"at": time.time(), "side": self._side, "event": event, "owner": owner, "call": call,
                **{name: plain(fact) for name, fact in facts.items()}}  # fmt: skip
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def open_history(side: str) -> CallHistory | None:
    """Open a new file for this process; None where no history is asked for."""
    folder = os.environ.get(FOLDER)
    return CallHistory(Path(folder), side) if folder else None


def told_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the arguments of a call as both sides write them: those with names come last.

    >>> told_of((2, None), {}), told_of((2,), {"stratum": None})
    ([2, None], [2, {'stratum': None}])
    """
    return [*args, dict(kwargs)] if kwargs else list(args)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: records without their `LONG` fields, bytes as their number.

    >>> plain({3: b"four"}), plain({"b", "a"})
    ({'3': 4}, ['a', 'b'])
    """
    if is_dataclass(value) and not isinstance(value, type):
        named = {one.name: getattr(value, one.name) for one in fields(value)}
        return {name: plain(one) for name, one in named.items() if name not in LONG}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value))
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def keeping_history(holds: Callable[[Any, str], list[Any]]) -> Callable[[Class], Class]:
    """Let an actor's class append each call that packs, and the driver in their name, had answered.

    Those are the methods whose first parameter is `owner`. A call is appended once it is done and
    before its answer leaves, with the leases that the owner held when it came, by `holds`.
    """

    def wrap(actor: Class) -> Class:
        for name, method in inspect.getmembers(actor, inspect.isfunction):
            of_packs = list(inspect.signature(method).parameters)[1:2] == ["owner"]
            if of_packs and not name.startswith("_"):
                setattr(actor, name, _kept(method, holds))
        return actor

    return wrap


def _kept(method: Callable[..., Any], holds: Callable[[Any, str], list[Any]]) -> Any:
    @functools.wraps(method)
    def answer(self: Any, owner: str, *args: Any, **kwargs: Any) -> Any:
        history: CallHistory | None = self.history
        held = [] if history is None else holds(self, owner)
        found = method(self, owner, *args, **kwargs)
        if history is not None:
            told = told_of(args, kwargs)
            history.write("answered", owner, method.__name__, told=told, answer=found, held=held)
        return found

    return answer
