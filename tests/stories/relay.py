"""A bad line: a TCP relay in front of a stage's data centers, that cuts what it is told to cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import Self

from telekeep.cli.demo.stage import Stage
from telekeep.session import network as networks


class Relay:
    """``lasts(number)``: bytes that Telegram may say until the connection of this number, from 1, is cut in the middle
    of what it says; None: it is not. Bytes and not seconds: a busy machine gets as far as a quiet one.

    One thread does all, and sees to ends before it sees to beginnings: whoever hangs up and calls again has hung up at
    Telegram before the next call is there, as on a line without a relay.
    """

    def __init__(self, stage: Stage, lasts: Callable[[int], int | None]) -> None:
        self.accepted = 0
        self._stage = stage
        self._lasts = lasts
        self._waiting = DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        network = networks.load(str(self._stage.network))
        addresses = []
        for each in network.addresses:
            listener = socket.create_server(("127.0.0.1", 0))
            self._waiting.register(listener, EVENT_READ, (each.host, each.port))
            addresses.append(replace(each, host="127.0.0.1", port=listener.getsockname()[1]))
        self._waiting.register(self._woken, EVENT_READ)
        self._stage.network.write_text(networks.dump(replace(network, addresses=tuple(addresses))))
        self._thread.start()
        return self

    def _run(self) -> None:
        while True:
            ready = [key for key, _ in self._waiting.select()]
            if any(key.fileobj is self._woken for key in ready):
                return
            for key in ready:
                if isinstance(key.data, _Way) and key.data.source.fileno() >= 0:  # not cut meanwhile
                    self._pass_on(key.data)
            for key in ready:
                if isinstance(key.data, tuple):
                    self._accept(key.fileobj, key.data)  # type: ignore[arg-type]

    def _accept(self, listener: socket.socket, target: tuple[str, int]) -> None:
        near, _ = listener.accept()
        self.accepted += 1
        far = socket.create_connection(target)
        left = self._lasts(self.accepted)
        self._waiting.register(near, EVENT_READ, _Way(near, far, near, far, None))
        self._waiting.register(far, EVENT_READ, _Way(far, near, near, far, left))

    def _pass_on(self, way: _Way) -> None:
        data = b""
        with suppress(OSError):
            data = way.source.recv(65536)
            if way.left is not None:
                data, way.left = data[: way.left], way.left - len(data)
            way.sink.sendall(data)
        if not data or (way.left is not None and way.left <= 0):
            self._cut(way.far, way.near)

    def _cut(self, *ends: socket.socket) -> None:
        """Telegram's end first: it is the judge of who was there at once."""
        for each in ends:
            self._waiting.unregister(each)
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        self._thread.join()
        for key in tuple(self._waiting.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._waiting.close()


@dataclass
class _Way:
    """One of the two directions of a connection. ``left``: bytes until it is cut."""

    source: socket.socket
    sink: socket.socket
    near: socket.socket
    far: socket.socket
    left: int | None
