"""Whose connection it is, as the kernel says: the real one is asked, and whatever it says, nothing is raised."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from telekeep.gateway import peer_process as module
from telekeep.gateway.peer_process import peer_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells, in /proc")

PROGRAM = """
import os, socket, sys
family, host, port, user = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if user:
    os.setgid(user); os.setuid(user)
line = socket.socket(family, socket.SOCK_STREAM)
line.connect((host, port))
sys.stdin.read()
"""


@contextmanager
def listening(family: int = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    with closing(socket.socket(family, socket.SOCK_STREAM)) as server:
        server.bind((host, 0))
        server.listen()
        server.settimeout(60)
        yield server


@contextmanager
def a_program(
    server: socket.socket, *arguments: str, family: int = socket.AF_INET, host: str = "127.0.0.1", user: int = 0
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket, tuple[str, int]]]:
    """A process that has connected to ``server``: itself, our end, and its address."""
    short = "import os; exec(os.environ['PROGRAM'])"
    command = [sys.executable, "-c", short, str(int(family)), host, str(server.getsockname()[1]), str(user), *arguments]
    environ = {**os.environ, "PROGRAM": PROGRAM}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environ) as process:
        try:
            line, address = server.accept()
            with line:
                yield process, line, address
        finally:
            process.kill()


def test_the_program_that_connected_is_found_among_others_and_its_secrets_are_not_shown() -> None:
    with (
        listening() as server,
        a_program(server) as (first, first_line, first_address),
        a_program(server, "--api-hash", "0123456789abcdef0123456789abcdef", "last") as (second, line, address),
    ):
        found = peer_process(line.getsockname(), address)
        assert found is not None
        assert found.pid == second.pid
        assert found.command.endswith("--api-hash … last")
        assert "0123456789abcdef" not in found.command
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        assert uptime - 60 < found.started <= uptime
        other = peer_process(first_line.getsockname(), first_address)
        assert other is not None
        assert other.pid == first.pid


def test_each_end_is_told_from_the_other() -> None:
    """Our own end is in the same table: taken for the peer's, every borrower would be ourselves."""
    with listening() as server, a_program(server) as (process, line, address):
        assert peer_process(line.getsockname(), address).pid == process.pid  # type: ignore[union-attr]  # it is there
        assert peer_process(address, line.getsockname()).pid == os.getpid()  # type: ignore[union-attr]


def test_a_connection_within_one_process_is_its_own() -> None:
    with listening() as server, closing(socket.create_connection(server.getsockname())) as near:
        line, address = server.accept()
        with line:
            found = peer_process(line.getsockname(), address)
            assert found is not None
            assert (found.pid, near.getsockname()) == (os.getpid(), address)


@pytest.mark.parametrize(
    ("theirs", "host"),
    [(socket.AF_INET6, "::1"), (socket.AF_INET6, "::ffff:127.0.0.1"), (socket.AF_INET, "127.0.0.1")],
)
def test_programs_that_speak_ipv6_are_found_too(theirs: socket.AddressFamily, host: str) -> None:
    """Python's asyncio and others connect to 127.0.0.1 through a socket of IPv6 on some systems."""
    pure = host == "::1"
    try:
        server_socket = listening(socket.AF_INET6, "::1") if pure else listening()
        with server_socket as server, a_program(server, family=theirs, host=host) as (process, line, address):
            found = peer_process(line.getsockname(), address)
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert found is not None
    assert found.pid == process.pid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_nothing_is_told_of_another_users_process() -> None:
    with listening() as server, a_program(server, user=65534) as (_, line, address):
        assert peer_process(line.getsockname(), address) is None


def test_a_program_that_is_gone_is_nobody() -> None:
    with listening() as server, a_program(server) as (process, line, address):
        process.kill()
        process.wait()
        assert line.recv(1) == b""
        assert peer_process(line.getsockname(), address) is None


@pytest.mark.parametrize(
    ("local", "peer"),
    [
        (("127.0.0.1", 1), ("127.0.0.1", 2)),
        (("no address", 1), ("", 2)),
        (("127.0.0.1", -1), ("127.0.0.1", 70_000)),
        (("::1", 1), ("fe80::1%eth0", 2)),
        (("127.0.0.1", 1), ("::1", 2)),
    ],
)
def test_addresses_of_no_connection_are_nobody(local: tuple[str, int], peer: tuple[str, int]) -> None:
    assert peer_process(local, peer) is None


def test_a_kernel_that_does_not_tell_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems have no /proc; hardened ones hide it."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("hidden")

    with listening() as server, a_program(server) as (_, line, address):
        with monkeypatch.context() as hidden:
            hidden.setattr(Path, "open", refuse)
            assert peer_process(line.getsockname(), address) is None
        with monkeypatch.context() as hidden:
            hidden.setattr(os, "scandir", refuse)
            assert peer_process(line.getsockname(), address) is None


def test_the_search_ends_in_time_however_many_files_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as server, a_program(server) as (_, line, address):
        monkeypatch.setattr(module, "_MOST_FILES", 1)
        assert peer_process(line.getsockname(), address) is None


def test_it_takes_milliseconds() -> None:
    """Bounded loosely: 4 ms were measured among 130 processes."""
    with listening() as server, a_program(server) as (_, line, address):
        began = time.thread_time()
        assert peer_process(line.getsockname(), address) is not None
        assert time.thread_time() - began < 0.5
