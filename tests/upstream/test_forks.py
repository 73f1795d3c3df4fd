"""A forked child has no part in its parent's line: it cannot speak, hurts nobody, and keeps no connection open.

In every test of this room Telegram must not have seen one key used twice at once (see conftest).
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
from telethon.network.connection import ConnectionTcpFull

from telekeep.clock import SystemClock
from telekeep.errors import LeaseLost
from telekeep.secret import Secret
from telekeep.session.model import Application
from telekeep.upstream import unshared
from telekeep.upstream.fresh import Fresh
from upstream.place import Place, Wire, first_line, until

HOLDER = """\
import asyncio, os, time, telekeep

async def main():
    client = telekeep.client("main", direct=True)
    await client.connect()
    child = os.fork()
    if not child:
        os.closerange(0, 3)  # else whoever reads them waits for the child
        time.sleep(20)
        os._exit(0)
    print(child)
    await asyncio.sleep(20)

asyncio.run(main())
"""

POOL = """\
import asyncio, telekeep
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

async def main():
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        async with telekeep.client("main", direct=True):
            print(await loop.run_in_executor(pool, abs, -1))  # forks now
        async with telekeep.client("main", direct=True) as client:
            print((await client.get_me()).first_name)

asyncio.run(main())
"""

SYNCHRONOUS = """\
import os, time, telekeep, telethon.sync

client = telekeep.client("main", direct=True)
client.connect()
child = os.fork()
if not child:
    began = time.monotonic()
    for name in ("get_me", "connect", "disconnect", "get_dialogs"):
        try:
            print(name, getattr(client, name)(), flush=True)
        except Exception as error:
            print(name, type(error).__name__, flush=True)
    print("at once" if time.monotonic() - began < 8 else "late", flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(client.get_me().first_name, len(client.get_dialogs()) > 0)
client.disconnect()
"""


def fork(work: Callable[[], Any]) -> int:
    """A child that does ``work`` and ends with 0 if that raised nothing."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


async def ended(child: int) -> int:
    return os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1])


@contextmanager
def lingering_child() -> Iterator[None]:
    """A child that does nothing, and lives as long as this."""
    child = fork(lambda: time.sleep(20))
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def is_null(descriptor: int) -> bool:
    return os.path.samestat(os.fstat(descriptor), Path(os.devnull).stat())


async def test_a_child_that_outlives_its_killed_parent_keeps_no_connection_open(place: Place) -> None:
    holder = await place.start(HOLDER)
    child = int(await first_line(holder))
    try:
        holder.kill()
        await holder.wait()
        async with place.client(terms={"timeout": 30.0}) as client:
            assert (await client.get_me()).id == place.ada.id
    finally:
        os.kill(child, signal.SIGKILL)


async def test_a_pool_of_workers_does_not_cost_the_key(place: Place) -> None:
    code, out, err = await place.run(POOL)
    assert (code, out.splitlines()) == (0, ["1", "Ada"]), err


async def test_disconnecting_ends_what_a_fork_that_python_did_not_see_has_open(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As C code forks: no hook of Python's runs in the child."""
    client = place.client()
    await client.connect()
    monkeypatch.setattr(unshared, "_connections", WeakSet())
    with lingering_child():
        await client.disconnect()
        async with client:
            assert (await client.get_me()).id == place.ada.id


async def test_the_child_of_a_synchronous_program_is_refused_at_once_and_disturbs_nobody(place: Place) -> None:
    code, out, err = await place.run(SYNCHRONOUS)
    refused = ["get_me LeaseLost", "connect LeaseLost", "disconnect None", "get_dialogs LeaseLost", "at once"]
    assert (code, out.splitlines()) == (0, [*refused, "Ada True"]), err
    assert place.telegram.stats.connections == 1, "the parent has not had to connect again"


@pytest.mark.parametrize("seen", [True, False], ids=["a fork that Python saw", "a fork in C"])
async def test_a_child_that_disconnects_does_not_touch_its_parents_line(
    place: Place, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    client = place.client()
    await client.connect()
    if not seen:
        monkeypatch.setattr(unshared, "_connections", WeakSet())

    async def tidy_up() -> None:
        await client.disconnect()
        client._hold.line.abort()
        with pytest.raises(LeaseLost, match="child process"):
            await client.get_me()

    def work() -> None:
        asyncio._set_running_loop(None)  # type: ignore[attr-defined]  # the child's only way to a loop of its own
        asyncio.run(tidy_up())

    assert await ended(fork(work)) == 0
    assert (await client.get_me()).id == place.ada.id
    await client.disconnect()
    assert place.telegram.stats.connections == 1


async def test_a_connection_during_whose_making_somebody_forked_is_not_used(
    place: Place, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child may have it, and nothing in the child knows of it yet."""
    client = place.client()
    stock = ConnectionTcpFull._connect
    children: list[int] = []

    async def connect(self: Any, **options: Any) -> None:
        await stock(self, **options)
        if not children:
            children.append(fork(lambda: None))

    monkeypatch.setattr(ConnectionTcpFull, "_connect", connect)
    await client.connect()
    assert await ended(children[0]) == 0
    assert wire.accepted == 2
    await client.disconnect()


async def test_a_child_has_no_part_in_a_login_either(place: Place) -> None:
    application = Application(1, Secret(b"0" * 32))
    async with Fresh(place.network, application, clock=SystemClock()) as fresh:
        assert await fresh.me() is None
        descriptor = fresh._client._sender._connection._socket().fileno()

        def look() -> None:
            assert is_null(descriptor)

        assert await ended(fork(look)) == 0
        assert stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        assert await fresh.me() is None


async def test_a_child_whose_descriptors_have_run_out_lets_go_all_the_same(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    client = place.client()
    await client.connect()
    descriptor = client._sender._connection._socket().fileno()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    spare: list[int] = []
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                spare.append(os.open(os.devnull, os.O_RDONLY))

        def look() -> None:
            assert is_null(descriptor)

        child = fork(look)
    finally:
        for each in spare:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await ended(child) == 0
    await client.disconnect()
    await until(place.is_free)
