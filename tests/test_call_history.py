"""Each call between packs and the coordinator's actor is in the histories of both."""

import json
from pathlib import Path
from typing import Any

import pytest

from gensweep.call_history import FOLDER, keeping_history, open_history
from gensweep.coordinator._start import CoordinatorActor
from gensweep.worker import PackCalls
from gensweep.worker._pack_calls import ask_and_record


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in folder.iterdir() for line in file.open()]


@keeping_history(lambda actor, owner: sorted(actor.of.get(owner, ())))
class Actor:
    """Owners have numbers; who asks for too many is refused."""

    def __init__(self) -> None:
        self.history = open_history("coordinator")
        self.of: dict[str, set[int]] = {}

    def lease(self, owner: str, count: int) -> list[int]:
        """Give so many numbers, up to nine."""
        if count > 9:
            raise ValueError(count)
        self.of.setdefault(owner, set()).update(range(count))
        return sorted(self.of[owner])

    def count(self) -> int:
        """Tell how many there are; no call of a pack."""
        return sum(map(len, self.of.values()))


def test_what_was_answered_is_written_with_what_the_owner_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "history"))
    actor = Actor()
    assert actor.lease("a", 2) == [0, 1]
    assert actor.lease("a", count=3) == [0, 1, 2]
    with pytest.raises(ValueError, match="10"):
        actor.lease("a", 10)
    assert actor.count() == 3
    written = lines(tmp_path / "history")
    assert [(w["told"], w["answer"], w["held"]) for w in written] == [
        ([2], [0, 1], []), ([{"count": 3}], [0, 1, 2], [0, 1]),
    ]  # fmt: skip
    assert {(w["side"], w["event"], w["owner"], w["call"]) for w in written} == {
        ("coordinator", "answered", "a", "lease")
    }
    assert [w["at"] for w in written] == sorted(w["at"] for w in written)


def test_nothing_is_written_where_nobody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    assert open_history("pack") is None
    assert Actor().lease("a", 1) == [0]
    assert list(tmp_path.iterdir()) == []


def test_the_coordinator_writes_every_call_of_packs() -> None:
    calls = [name for name in vars(PackCalls) if not name.startswith("_")]
    assert len(calls) > 8
    assert [c for c in calls if not hasattr(getattr(CoordinatorActor, c), "__wrapped__")] == []
    assert not hasattr(CoordinatorActor.summary, "__wrapped__")


def test_a_pack_writes_what_it_asks_before_the_call_and_what_it_was_answered_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    actor, written = Actor(), []

    def call(name: str, *args: Any, **kwargs: Any) -> Any:
        written.append(len(of_packs(tmp_path)))
        return getattr(actor, name)(*args, **kwargs)

    ask: Any = ask_and_record(call, "a")
    assert ask(PackCalls.lease, 2) == [0, 1]
    assert ask(PackCalls.lease, count=3) == [0, 1, 2]
    with pytest.raises(ValueError, match="10"):
        ask(PackCalls.lease, 10)
    assert written == [1, 3, 5]
    found = of_packs(tmp_path)
    assert [(w["event"], w["told"], w.get("answer")) for w in found] == [
        ("asked", [2], None), ("answered", [2], [0, 1]),
        ("asked", [{"count": 3}], None), ("answered", [{"count": 3}], [0, 1, 2]),
        ("asked", [10], None),
    ]  # fmt: skip
    assert {(w["side"], w["owner"], w["call"]) for w in found} == {("pack", "a", "lease")}
    answered = [w for w in lines(tmp_path) if w["side"] == "coordinator"]
    assert [w["told"] for w in answered] == [[2], [{"count": 3}]]


def of_packs(folder: Path) -> list[dict[str, Any]]:
    """The lines of packs."""
    return [line for line in lines(folder) if line["side"] == "pack"]
