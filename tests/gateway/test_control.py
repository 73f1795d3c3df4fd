"""The daemon's control socket: its verbs, who may use it, and that nobody can harm anybody else through it."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from telekeep import control, paths
from telekeep.borrow.asking import ask, find, hail
from telekeep.control import peer, server
from telekeep.control.peer import Peer, is_ours, peer_of
from telekeep.errors import ConfigError, FloodWait, GatewayError, OwnerAbsent, ProtocolMismatch, SessionBusy
from telekeep.gateway.control import DaemonControl
from telekeep.lease.holder import Holder

SECRET = "an auth key in hexadecimal"


@pytest.fixture
def where(short_path: Path) -> paths.Home:
    root = short_path / "home"
    root.mkdir(mode=0o700)
    return paths.Home(root, short_path / "key", short_path / "state")


async def nap(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


def who(peer_pid: int) -> int:
    return peer_pid


def flood() -> None:
    raise FloodWait(seconds=30, until=5.5, method="messages.sendMessage")


def busy() -> None:
    holder = Holder(77, 1.0, "boot", "ns", "host", "ada", "python bot.py", 5.0, 3, "test")
    raise SessionBusy("It is held.", holder=holder, since=5.0)


def stumble() -> None:
    raise KeyError(SECRET)


class Work:
    """A verb that is not done before it is let."""

    def __init__(self) -> None:
        self.begun, self.let = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> str:
        self.begun.set()
        await self.let.wait()
        return "rested"


VERBS: dict[str, Callable[..., Any]] = {
    "nap": nap,
    "who": who,
    "flood": flood,
    "busy": busy,
    "stumble": stumble,
    "echo": lambda text="": text,
    "huge": lambda: "x" * 2_000_000,
    "odd": object,
}


@asynccontextmanager
async def served(where: paths.Home, work: Work | None = None, **more: Any) -> AsyncIterator[DaemonControl]:
    verbs = {**VERBS, "work": work} if work else VERBS
    daemon = DaemonControl(where, verbs, about={"version": "1", "network": "production"}, **more)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


async def asked(where: paths.Home, verb: str, **fields: Any) -> Any:
    return await asyncio.to_thread(ask, where, verb, timeout=30.0, **fields)


async def said_to(path: Path, data: bytes) -> bytes:
    """The first line that is answered to ``data``; nothing if the other side closes."""
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
    writer.write(data)
    try:
        async with asyncio.timeout(30):
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_verb_that_takes_its_time_keeps_nobody_waiting(where: paths.Home) -> None:
    work = Work()
    async with served(where, work):
        slow = asyncio.create_task(asked(where, "work"))
        await work.begun.wait()
        for _ in range(20):
            assert await asked(where, "echo", text="quick") == "quick"
        assert not slow.done()
        work.let.set()
        assert await slow == "rested"


async def test_who_asks_is_what_the_kernel_says_and_no_field(where: paths.Home) -> None:
    async with served(where):
        assert await asked(where, "who") == os.getpid()
        with pytest.raises(ConfigError):
            await asked(where, "who", peer_pid=1)


async def test_an_error_arrives_with_its_fields(where: paths.Home) -> None:
    async with served(where):
        with pytest.raises(FloodWait) as flooded:
            await asked(where, "flood")
        assert (flooded.value.seconds, flooded.value.until) == (30, 5.5)
        assert flooded.value.method == "messages.sendMessage" and flooded.value.exit_code == 4
        with pytest.raises(SessionBusy) as held:
            await asked(where, "busy")
        holder = held.value.holder
        assert (held.value.since, held.value.message) == (5.0, "It is held.")
        assert (holder.pid, holder.command, holder.since) == (77, "python bot.py", 5.0)


async def test_an_error_nobody_foresaw_travels_by_its_class_alone(where: paths.Home) -> None:
    reported: list[tuple[str, Exception]] = []
    async with served(where, report=lambda verb, error: reported.append((verb, error))):
        with pytest.raises(GatewayError, match="KeyError") as error:
            await asked(where, "stumble")
        with pytest.raises(GatewayError, match="TypeError"):
            await asked(where, "odd")  # what it returns is no JSON
        assert SECRET not in str(error.value) + str(error.value.remedy) + str(error.value.fields())
        assert [verb for verb, _ in reported] == ["stumble", "odd"]
        assert await asked(where, "echo", text="still here") == "still here"


@pytest.mark.parametrize(
    ("verb", "fields"), [("dance", {}), ("nap", {}), ("nap", {"seconds": 1, "more": 2}), ("echo", {"self": 1})]
)
async def test_a_wrong_question_is_told_so(where: paths.Home, verb: str, fields: dict[str, Any]) -> None:
    async with served(where):
        with pytest.raises(ConfigError):
            await asked(where, verb, **fields)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"[1]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"[" * 200_000 + b"\n",
        b'{"verb": ["echo"]}\n',
        b'{"verb": {}}\n',
        b'{"verb": null}\n',
        b"{}\n",
        b'{"verb": "echo", "text": ' + b"9" * 5000 + b"}\n",
    ],
    ids=["garbage", "list", "null", "no text", "deep", "verb a list", "verb an object", "no verb", "empty", "number"],
)
async def test_a_malformed_frame_harms_only_its_sender(where: paths.Home, line: bytes) -> None:
    async with served(where) as daemon:
        with pytest.raises(ConfigError):
            control.outcome(control.decode(await said_to(daemon.path, line)))
        assert await asked(where, "echo", text="fine") == "fine"


async def test_a_frame_without_end_is_not_taken_in(where: paths.Home) -> None:
    async with served(where) as daemon:
        reader, writer = await asyncio.open_unix_connection(daemon.path)
        with pytest.raises(ConnectionError):  # it closes; what is written after that goes nowhere
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        await closed(writer)
        assert reader is not None
        assert await asked(where, "echo", text="fine") == "fine"


async def test_an_answer_that_is_too_large_is_an_error_and_no_endless_line(where: paths.Home) -> None:
    async with served(where):
        with pytest.raises(GatewayError, match="too large"):
            await asked(where, "huge")


async def test_clients_beyond_the_limit_are_closed_and_the_others_go_on(
    where: paths.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_LINES", 2)
    async with served(where) as daemon:
        first = await asyncio.open_unix_connection(daemon.path)
        second = await asyncio.open_unix_connection(daemon.path)
        for reader, writer in (first, second):
            writer.write(control.request("echo", text="in"))
            assert b"in" in await reader.readline()
        assert await said_to(daemon.path, control.request("echo", text="one too many")) == b""
        first[1].close()
        await first[1].wait_closed()
        second[1].write(control.request("echo", text="still"))
        assert b"still" in await second[0].readline()
        async with asyncio.timeout(30):
            while not await said_to(daemon.path, control.request("echo", text="room again")):
                pass
        await closed(second[1])


# ---- who may


async def test_only_processes_of_the_same_user_are_served() -> None:
    assert is_ours(Peer(os.geteuid(), 1))
    assert not is_ours(Peer(os.geteuid() + 1, 1))
    assert os.geteuid() == 0 or not is_ours(Peer(0, 1)), "root has other ways, and no need of this one"


async def test_a_stranger_is_closed_without_an_answer(
    where: paths.Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(where) as daemon:
        monkeypatch.setattr("telekeep.gateway.control.is_ours", lambda peer: peer.pid != os.getpid())
        assert await said_to(daemon.path, control.request("echo", text="hello")) == b""
        assert f"pid {os.getpid()}" in caplog.text
        monkeypatch.undo()
        assert b"hello" in await said_to(daemon.path, control.request("echo", text="hello"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_users_process_is_closed_without_an_answer(tmp_path: Path, where: paths.Home) -> None:
    program = (
        "import os, socket, sys\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[1])\n"
        "try:\n"
        '    line.sendall(b\'{"verb": "echo", "text": "hello"}\\n\')\n'
        "    print(line.recv(100))\n"
        "except OSError: print(b'')\n"
    )
    open_to_all = Path(tempfile.mkdtemp(prefix="telekeep-test-", dir="/tmp"))  # others can enter it, as ours never
    daemon = server.ControlServer(open_to_all / "c", VERBS, who="the daemon", admits=is_ours)
    try:
        await daemon.start()
        open_to_all.chmod(0o755)
        (open_to_all / "c").chmod(0o666)
        said = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", program, str(open_to_all / "c")],
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
        )
        assert (said.stdout, said.stderr) == ("b''\n", "")
        assert b"hello" in await said_to(open_to_all / "c", control.request("echo", text="hello"))
        await daemon.close()
    finally:
        open_to_all.rmdir()


async def test_the_kernel_tells_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_of(ours) == Peer(os.getuid(), os.getpid())


def test_what_macos_says_is_read_as_its_headers_have_it() -> None:
    class Line:
        """Answers as sys/ucred.h and sys/un.h say."""

        def getsockopt(self, level: int, option: int, size: int) -> bytes:
            if (level, option) == (0, peer._LOCAL_PEERCRED):
                assert size == struct.calcsize("=IIhxx16I")
                return struct.pack("=IIhxx16I", 0, 501, 2, 20, 12, *[0] * 14)
            assert (level, option, size) == (0, peer._LOCAL_PEERPID, 4)
            return (4711).to_bytes(4, sys.byteorder)

    assert peer_of(Line(), platform="darwin") == Peer(501, 4711)  # type: ignore[arg-type]  # as much of a socket as is asked


async def test_socket_and_folder_are_for_their_owner_only(where: paths.Home) -> None:
    async with served(where) as daemon:
        assert stat.S_IMODE(daemon.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(daemon.path.parent.stat().st_mode) == 0o700
    assert not daemon.path.exists()


@pytest.mark.parametrize("spoilt", ["open", "link", "file"])
async def test_a_folder_that_others_could_enter_is_not_used(where: paths.Home, tmp_path: Path, spoilt: str) -> None:
    if spoilt == "open":
        where.run.mkdir()
        where.run.chmod(0o755)
    elif spoilt == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        where.run.symlink_to(tmp_path / "elsewhere")
    else:
        where.run.write_text("")
    with pytest.raises(ConfigError):
        async with served(where):
            pass


async def test_who_asks_checks_the_folder_too(where: paths.Home) -> None:
    """The passphrase goes through it."""
    async with served(where) as daemon:
        daemon.path.parent.chmod(0o777)
        for question in (lambda: ask(where, "echo"), lambda: find(where.root)):
            with pytest.raises(ConfigError, match="open to other users"):
                await asyncio.to_thread(question)
        daemon.path.parent.chmod(0o700)


# ---- where it is


async def test_a_home_with_a_long_path_has_a_short_socket_of_its_own(tmp_path: Path) -> None:
    roots = [tmp_path / ("x" * 100) / name for name in ("one", "two")]
    homes = [paths.Home(root, tmp_path / "key", tmp_path / "state") for root in roots]
    for root in roots:
        root.mkdir(parents=True)
    async with served(homes[0]) as first, served(homes[1]) as second:
        assert first.path != second.path
        for each in (first, second):
            assert len(os.fsencode(each.path)) <= 100
            found = each.path.parent.lstat()
            assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o700, os.geteuid())
        (tmp_path / "link").symlink_to(roots[0])
        assert await asyncio.to_thread(find, tmp_path / "link") == first.path, "another spelling of the same home"
    assert not first.path.parent.exists() and not second.path.parent.exists()


async def test_a_short_folder_that_somebody_prepared_is_not_used(tmp_path: Path) -> None:
    root = tmp_path / ("x" * 100)
    root.mkdir()
    where = paths.Home(root, tmp_path / "key", tmp_path / "state")
    (tmp_path / "trap").mkdir(mode=0o700)
    where.control.parent.symlink_to(tmp_path / "trap")
    try:
        with pytest.raises(ConfigError, match="link"):
            async with served(where):
                pass
    finally:
        where.control.parent.unlink()


async def test_the_socket_of_a_dead_daemon_is_replaced_and_means_nothing(where: paths.Home) -> None:
    where.run.mkdir(mode=0o700)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(where.control))
    left.close()
    assert where.control.exists() and find(where.root) is None
    with pytest.raises(OwnerAbsent):
        ask(where, "echo")
    async with served(where):
        assert await asked(where, "echo", text="new") == "new"


# ---- its protocol


async def test_a_daemon_of_another_protocol_is_named_with_its_remedy(
    where: paths.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(where):
        assert (await asyncio.to_thread(hail, where) or {})["pid"] == os.getpid()
        with pytest.raises(ProtocolMismatch) as newer:
            await asked(where, "ping", protocol=control.PROTOCOL + 1)
        assert "`telekeep daemon restart`" in (newer.value.remedy or "")
    monkeypatch.setattr("telekeep.gateway.control.PROTOCOL", control.PROTOCOL + 1)
    monkeypatch.setitem(VERBS, "ping", None)
    async with served(where):
        with pytest.raises(ProtocolMismatch):
            await asyncio.to_thread(find, where.root)


# ---- its end


async def test_at_the_end_no_new_calls_and_those_that_run_are_waited_for(where: paths.Home) -> None:
    work = Work()
    async with served(where, work) as daemon:
        running = asyncio.create_task(asked(where, "work"))
        await work.begun.wait()
        drained = asyncio.create_task(daemon.server.drain(60.0, lambda: OwnerAbsent("It stops.")))
        await asyncio.sleep(0)
        with pytest.raises(OwnerAbsent, match="It stops"):
            await asked(where, "echo", text="late")
        assert not drained.done()
        work.let.set()
        assert await running == "rested"
        assert await drained is True


async def test_a_call_that_does_not_end_is_told_that_the_daemon_stops(where: paths.Home) -> None:
    async with served(where) as daemon:
        running = asyncio.create_task(asked(where, "nap", seconds=600))
        idle = await asyncio.open_unix_connection(daemon.path)
        await _runs(daemon)
        assert await daemon.server.drain(0.05, lambda: OwnerAbsent("It stops.")) is False
    with pytest.raises(OwnerAbsent, match="It stops"):
        await running
    assert await idle[0].read() == b""
    await closed(idle[1])


async def test_a_client_that_does_not_read_keeps_nobody(where: paths.Home) -> None:
    async with asyncio.timeout(60):
        async with served(where) as daemon:
            _, writer = await asyncio.open_unix_connection(daemon.path)
            writer.write(control.request("echo", text="x" * 1000) * 5000)
            assert await asked(where, "echo", text="fine") == "fine"
        writer.transport.abort()
        await closed(writer)


async def _runs(daemon: DaemonControl) -> None:
    async with asyncio.timeout(30):
        while True:
            if daemon.server.running:
                return
            await asyncio.sleep(0.005)
