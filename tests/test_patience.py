"""A server that is away is waited for, told of in one line, and given up in its own words."""

import logging
from collections.abc import Iterator

import pytest

from gensweep import patience
from gensweep.errors import ServerAwayError
from gensweep.patience import Patience, pause_before


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SHORTEST_S", 0.001)
    monkeypatch.setattr(patience, "TELL_S", 0.01)


class Server:
    """Is away for some requests."""

    def __init__(self, away: int):
        self.away = away

    def answer(self) -> str:
        self.away -= 1
        if self.away >= 0:
            raise ServerAwayError("nobody answers at host:9")
        return "here"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged of waiting, also by threads of other tests, whatever they did to loggers."""
    found: list[str] = []
    log, handler = logging.getLogger(patience.__name__), logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    yield found
    log.removeHandler(handler)


def test_it_is_waited_for_and_told_of_once(lines: list[str]) -> None:
    assert Patience(60).keep_trying(Server(7).answer) == "here"
    (begin,) = (line for line in lines if "nobody answers at host:9" in line)
    assert begin.startswith("waiting since ")
    assert begin.endswith("for up to 60 s: nobody answers at host:9")
    assert any(line.startswith("it answers again, after") for line in lines)


def test_a_pack_tells_of_it_again_and_again() -> None:
    told: list[str] = []
    Patience(60, told.append).keep_trying(Server(8).answer)
    assert len(told) > 2


def test_what_stays_away_is_given_up_in_its_own_words() -> None:
    with pytest.raises(ServerAwayError, match=r"^nobody answers"):
        Patience(0.05).keep_trying(Server(1000).answer)
    server = Server(1)
    with pytest.raises(ServerAwayError):
        Patience(0).keep_trying(server.answer)
    assert server.away == 0  # one try


def test_pauses_grow_to_a_ceiling_and_differ() -> None:
    pauses = [pause_before(attempt) for attempt in range(1, 100)]
    assert pauses[0] < 0.01
    assert 2.5 <= max(pauses) <= 5.0
    assert len(set(pauses)) == len(pauses)
