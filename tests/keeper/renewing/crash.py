"""A program that kills itself with SIGKILL at one point after another of a renewal or a fork, and looks each time.

    python -m keeper.renewing.crash VERB WAY FOLDER [STRIDE]

VERB: ``renew`` or ``fork``. WAY: ``held`` (in this process, under the lease) or ``owned`` (by the owners of a daemon,
with a borrower). A point is before and after everything that changes the disk, and before and after everything that
Telegram is asked with either key. STRIDE: only every so-manieth of them, from one by chance on. Telegram is an emulator
in a process of its own. After each death, what is left is finished, by a daemon that serves again or without one: then
the session that is kept works, Telegram lists no other login, and no plan is left. Prints how often it died.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from telekeep import control
from telekeep.keeper.auth import auth
from telekeep.keeper.client import hold
from telekeep.keeper.fork import fork
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.renew import renew
from telekeep.keeper.renewing import planned
from telekeep.keeper.renewing.finish import finish
from telekeep.login.prompt import Question, Unattended
from telekeep.session.network import load
from telekeep.testing.fakes import ScriptedPrompt
from telekeep.upstream.devices import devices
from telekeep.upstream.fresh import Fresh
from telekeep.upstream.giving_way import GivingWay
from telekeep.work import owning as room
from telekeep.work.owners import Owners
from vault.crash import Countdown, die_by_moves, in_a_fork

PHONE, CODE = "9996621234", "22222"
FORK = "main@laptop"


def environment(root: Path) -> None:
    for name, folder in (("HOME", "home"), ("STATE", "state"), ("LEASES", "leases"), ("KEY_FILE", "config/key")):
        os.environ[f"TELEKEEP_{name}"] = str(root / folder)
    os.environ.update(TELEGRAM_API_ID="1", TELEGRAM_API_HASH="0" * 32, TELEKEEP_NETWORK=str(root / "net.toml"))
    (root / "leases").mkdir()
    os.chdir(root)


def die_at(point: int) -> Callable[[], None]:
    """Once the returned function was called every point counts, and at this one it ends."""
    tick = Countdown(sys.maxsize)
    die_by_moves(tick)
    for kind, name in ((Fresh, "_answer"), (GivingWay, "_asked")):
        setattr(kind, name, _between(tick, getattr(kind, name)))
    return partial(setattr, tick, "left", max(point, 1))


def _between(tick: Countdown, ask: Callable[..., Any]) -> Callable[..., Any]:
    async def asked(*args: Any) -> Any:
        tick()
        answer = await ask(*args)
        tick()
        return answer

    return asked


# ---- the verbs, in either way


async def held(keeper: Keeper, verb: str, arm: Callable[[], None]) -> None:
    arm()
    if verb == "renew":
        await renew(keeper, "main", Unattended())
    else:
        await fork(keeper, "main", FORK, Unattended())


async def owned(keeper: Keeper, verb: str, arm: Callable[[], None]) -> None:
    owners = Owners(keeper)
    try:
        await owners.borrow("main")
        arm()
        if verb == "renew":
            step = await owners.renew("main", can=[])
        else:
            step = await owners.fork("main", FORK, can=[])
        assert step is not None and "result" in step
    finally:
        await owners.close(1.0)


async def look(verb: str, again: bool) -> None:
    """Finish what is left. ``again``: by a daemon that serves its borrowers again."""
    with Keeper.open() as keeper:
        owners = Owners(keeper) if again else None
        if owners is not None:
            await owners.borrow("main")
        await finish(keeper)
        if owners is not None:
            await owners.close(1.0)
        assert not planned.all_of(keeper.vault), "a plan is left"
        names = [each.name for each in keeper.vault.entries() if each.state == "kept"]
        assert names in (["main"], ["main", FORK]) and (verb == "fork" or names == ["main"])
        for name in names:
            async with hold(keeper, name, timeout=0.0) as client:
                found = await devices(client, clock=keeper.clock)
                assert len(found.others) == len(names) - 1, f"{len(found.others)} other logins"
                await client.get_dialogs(limit=1)
        if FORK in names:  # the next attempt begins from where this one did
            async with hold(keeper, FORK, timeout=0.0) as client:
                await client.log_out()
        seen = control.ask(_control(), "stats")
        assert (seen["duplicated"], seen["overlap"]) == (0, 0), seen


def _control() -> Path:
    path = load(os.environ["TELEKEEP_NETWORK"]).control
    assert path is not None
    return path


async def prepare() -> None:
    control.ask(_control(), "account", phone=PHONE, messages=6)
    with Keeper.open() as keeper:
        await auth(keeper, "main", ScriptedPrompt([(Question.PHONE, PHONE), (Question.CODE, CODE)]))


def main(verb: str, way: str, folder: Path, stride: int = 1) -> int:
    os.umask(0o077)
    environment(folder)
    command = [sys.executable, "-m", "telekeep", "emulator", "serve", "--network-file", "net.toml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as telegram:
        try:
            assert telegram.stdout is not None and telegram.stdout.readline().startswith("ready")
            key = room.keys.make()
            room.keys.make = lambda: key  # making one takes a tenth of a second
            asyncio.run(prepare())
            return die_everywhere(verb, way, stride)
        finally:
            telegram.terminate()


def die_everywhere(verb: str, way: str, stride: int) -> int:
    work: Callable[..., Coroutine[Any, Any, None]] = {"held": held, "owned": owned}[way]
    point, tried, killed = random.randrange(stride) + 1 - stride, -1, True
    while killed:
        point, tried = point + stride, tried + 1

        def attempt(point: int = point) -> None:
            arm = die_at(point)
            with Keeper.open() as keeper:
                asyncio.run(work(keeper, verb, arm))

        exit_code = in_a_fork(attempt)
        killed = exit_code == -signal.SIGKILL
        if not killed and exit_code:
            print(f"point {point}: the verb itself failed")
            return 1
        again = tried % 2 == 1
        if in_a_fork(lambda again=again: asyncio.run(look(verb, again))):  # type: ignore[misc]
            print(f"after a crash at point {point} of {verb}, {way}")
            return 1
    print(f"{verb} {way}: {tried} points, the last {point}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])))
