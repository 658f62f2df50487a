"""A network that can fail between a client and its server."""

import contextlib
import random
import socket
import threading
import time


class Proxy:
    """Passes connections on to a port of this machine.

    `seed` decides which answers are cut while `loss` is above 0.
    """

    def __init__(self, port: int, seed: int = 0):
        self.to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.deaf = False
        """Whether what the server answers gets lost."""
        self.delay_s = 0.0
        """How much later each piece of an answer comes."""
        self.loss = 0.0
        """The share of pieces of answers in whose middle the connection is cut."""
        self.cuts = 0
        """How many were cut so."""
        self._random = random.Random(seed)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:  # nobody listens there: the client hears of it as of a lost host
                _close(client)
                continue
            self._pairs.append((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not self._answers(source, sink):
                    sink.sendall(data)
                elif not self.deaf:
                    self._answer(source, sink, data)
            if {(sink, source), (source, sink)} & {*self._pairs}:
                sink.shutdown(socket.SHUT_WR)
        except OSError:  # cut, or one end was killed with data that it had not read
            for pair in {(sink, source), (source, sink)} & {*self._pairs}:
                self._pairs.remove(pair)
                for end in pair:
                    _close(end)

    def _answers(self, source: socket.socket, sink: socket.socket) -> bool:
        return (sink, source) in self._pairs

    def _answer(self, server: socket.socket, client: socket.socket, data: bytes) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        if not self.loss or self._random.random() >= self.loss:
            client.sendall(data)
            return
        self.cuts += 1
        client.sendall(data[: len(data) // 2])
        with contextlib.suppress(ValueError):  # all were cut meanwhile
            self._pairs.remove((client, server))
        _close(server)
        _close(client)

    def cut(self, *, server_knows: bool = True) -> None:
        """End all connections; or the client's ends of them, of which the server hears nothing."""
        pairs, self._pairs = self._pairs, []
        self.deaf = False
        for client, server in pairs:
            if server_knows:
                _close(server)
            _close(client)

    def down(self) -> None:
        """Refuse connections, and end those that there are."""
        _close(self._listener)
        self.cut()

    def up(self) -> None:
        """Take connections again, and pass all of every answer at once."""
        self.delay_s = self.loss = 0.0
        if self._listener.fileno() < 0:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    end.close()
