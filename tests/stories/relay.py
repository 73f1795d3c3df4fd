"""A bad line: a TCP relay in front of a stage's data centers, that cuts what it is told to cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from telekeep.cli.demo.stage import Stage
from telekeep.session import network as networks


class Relay:
    """``lasts(number)``: seconds until the connection of this number, from 1, is cut; None: it is not."""

    def __init__(self, stage: Stage, lasts: Callable[[int], float | None]) -> None:
        self.accepted = 0
        self._stage = stage
        self._lasts = lasts
        self._listeners: list[socket.socket] = []
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        network = networks.load(str(self._stage.network))
        addresses = []
        for each in network.addresses:
            listener = socket.create_server(("127.0.0.1", 0))
            self._listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, (each.host, each.port)), daemon=True).start()
            addresses.append(replace(each, host="127.0.0.1", port=listener.getsockname()[1]))
        self._stage.network.write_text(networks.dump(replace(network, addresses=tuple(addresses))))
        return self

    def _accept(self, listener: socket.socket, target: tuple[str, int]) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                self.accepted += 1
                far = socket.create_connection(target)
                self._open += [near, far]
                lasts = self._lasts(self.accepted)
                if lasts is not None:
                    timer = threading.Timer(lasts, _cut, (near, far))
                    timer.daemon = True
                    timer.start()
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        _cut(*self._open)
        for each in self._open:
            each.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _cut(source, sink)


def _cut(*ends: socket.socket) -> None:
    for each in ends:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
