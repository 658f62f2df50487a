"""A network that can fail between a client and its server."""

import contextlib
import socket
import threading


class Proxy:
    """Passes connections on to a port of this machine."""

    def __init__(self, port: int):
        self.to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.deaf = False
        """Whether what the server answers gets lost."""
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            self._pairs.append((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not (self.deaf and (sink, source) in self._pairs):
                    sink.sendall(data)
            if {(sink, source), (source, sink)} & {*self._pairs}:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # cut

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
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
    end.close()
