"""What a service manager is told, over a real socket: ready, reload, signs of life, the end."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telekeep import paths
from telekeep.work.notify import Notifier


class Manager:
    """Listens at ``path`` as systemd does."""

    def __init__(self, address: str) -> None:
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.line.bind(address)

    def heard(self, *, seconds: float = 30.0) -> list[str]:
        """The lines of the next message."""
        ready, _, _ = select.select([self.line], [], [], seconds)
        assert ready, "nothing was said"
        return self.line.recv(4096).decode().splitlines()

    def hears(self, line: str) -> list[str]:
        """The message with ``line`` in it; those before it are signs of life."""
        while line not in (message := self.heard()):
            assert message == ["WATCHDOG=1"], message
        return message


@pytest.fixture
def manager(short_path: Path) -> Iterator[Manager]:
    one = Manager(str(short_path / "notify"))
    yield one
    one.line.close()


def test_a_service_manager_hears_all_of_its_life(
    home: paths.Home, command: Callable[..., Any], manager: Manager, short_path: Path
) -> None:
    process = command(
        "daemon", "start", "--foreground", NOTIFY_SOCKET=str(short_path / "notify"), WATCHDOG_USEC="200000"
    )  # fmt: skip
    manager.hears("READY=1")
    for _ in range(3):
        assert manager.heard(seconds=30) == ["WATCHDOG=1"]
    process.send_signal(signal.SIGHUP)
    assert manager.hears("RELOADING=1")[1].startswith("MONOTONIC_USEC=")
    manager.hears("READY=1")
    process.send_signal(signal.SIGTERM)
    manager.hears("STOPPING=1")
    assert process.wait(timeout=30) == 0


def test_a_hung_event_loop_shows_no_life(
    home: paths.Home, command: Callable[..., Any], manager: Manager, short_path: Path
) -> None:
    process = command(
        "daemon", "start", "--foreground", NOTIFY_SOCKET=str(short_path / "notify"), WATCHDOG_USEC="200000"
    )  # fmt: skip
    manager.hears("READY=1")
    manager.hears("WATCHDOG=1")
    process.send_signal(signal.SIGSTOP)
    while select.select([manager.line], [], [], 0.5)[0]:
        manager.heard()
    process.send_signal(signal.SIGCONT)
    assert manager.heard(seconds=30) == ["WATCHDOG=1"]


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_found() -> None:
    manager = Manager(f"\0telekeep-test-{os.getpid()}")
    with manager.line:
        Notifier({"NOTIFY_SOCKET": f"@telekeep-test-{os.getpid()}"}).ready()
        assert "READY=1" in manager.heard()


def test_where_nobody_asks_nothing_is_sent_and_nothing_fails(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}, {"WATCHDOG_USEC": "1000"}):
        notifier = Notifier(environ)
        notifier.ready()
        assert not notifier.is_asked and notifier.seconds is None
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).stopping()


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("3000000", None, 1.5), ("3000000", "1", None), ("", None, None), ("x", None, None), ("0", None, None)],
)
def test_signs_of_life_come_twice_as_often_as_asked(usec: str, pid: str | None, seconds: float | None) -> None:
    environ = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": usec}
    assert Notifier({**environ, **({"WATCHDOG_PID": pid} if pid else {})}).seconds == seconds


def test_a_manager_that_does_not_listen_does_not_hold_us_up(manager: Manager, short_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(short_path / "notify")})
    for _ in range(2000):  # more than its queue takes
        notifier.alive()
