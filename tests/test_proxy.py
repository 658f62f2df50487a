"""A faulty network: late, cut in the middle, refused, and whole again."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from proxy import Proxy

ANSWER = b"0123456789" * 100


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that answers whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=[listener], daemon=True).start()
        made = Proxy(listener.getsockname()[1])
        yield made
        made.down()


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.sendall(ANSWER)


def answer(proxy: Proxy) -> bytes:
    """What a client is told until the connection ends."""
    found = b""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        while True:
            try:
                data = connection.recv(4096)
            except ConnectionResetError:
                return found
            if not data:
                return found
            found += data


def test_answers_are_late_cut_or_refused_until_the_network_is_up_again(proxy: Proxy) -> None:
    assert answer(proxy) == ANSWER
    proxy.delay_s = 0.2
    began = time.monotonic()
    assert answer(proxy) == ANSWER
    assert time.monotonic() - began >= 0.2
    proxy.up()
    proxy.loss = 1.0
    assert answer(proxy) == ANSWER[: len(ANSWER) // 2]
    proxy.down()
    with pytest.raises(ConnectionRefusedError):
        answer(proxy)
    proxy.up()
    assert answer(proxy) == ANSWER


def test_a_server_that_is_away_costs_a_client_its_connection(proxy: Proxy) -> None:
    """And the proxy goes on."""
    there, proxy.to = proxy.to, 1
    assert answer(proxy) == b""
    proxy.to = there
    assert answer(proxy) == ANSWER
