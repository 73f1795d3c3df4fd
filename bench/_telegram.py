"""An emulator for the figures of the gateway, as a process of its own: ``python _telegram.py FOLDER OWNED DIRECT``.

It has two accounts, so that the one kind of clients costs it nothing while the other is measured: one with OWNED
authorizations, for the owner, and one with DIRECT, for clients that have keys of their own. It writes ``network.toml``
into FOLDER, and prints its port, the keys and the phone numbers as JSON. At ``FOLDER/emulator`` it has the emulator's
own verbs, at ``FOLDER/more`` those of this file.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from telekeep.control.server import ControlServer
from telekeep.emulator import Emulator
from telekeep.emulator.control import control_server
from telekeep.emulator.world.peer import user
from telekeep.session import network

PHONES = ("9996621234", "9996625678")
_STEP = 0.002  # seconds between two batches of live messages


async def main(folder: Path, *logins: int) -> None:
    async with Emulator() as telegram:

        async def live(phone: str, per_second: int, seconds: float) -> int:
            """Messages arrive at a steady rate; each says when, in seconds of the machine's monotonic clock."""
            began, sent = time.monotonic(), 0
            while sent < per_second * seconds:
                due = min(int((time.monotonic() - began) * per_second) + 1, int(per_second * seconds))
                for _ in range(sent, due):
                    telegram.send(phone, repr(time.monotonic()))
                sent = due
                await asyncio.sleep(_STEP)
            return sent

        def file(phone: str, size: int, dc: int) -> None:
            telegram.send_file(phone, random.Random(dc).randbytes(size), f"{dc}.bin", dc=dc)

        def fill(phone: str, count: int) -> int:
            """A friend, with whom there are so many messages: the friend's id."""
            account = telegram.world.account_of(phone)
            assert account is not None
            friend = telegram.world.enroll(first_name=f"Friend {count}", pretend=True)
            telegram.world.meet(account, friend)
            begin = telegram.world.now - count
            for number in range(count):
                text = f"message {number} of so many, as long as such messages are"
                account.box.store(user(friend.id), friend.id, begin + number, text, out=False)
            account.box.forget_log()
            return friend.id

        await control_server(telegram, folder / "emulator", stop=lambda: None).start()
        await ControlServer(folder / "more", {"live": live, "file": file, "fill": fill}, who="the emulator").start()
        (folder / "network.toml").write_text(network.dump(replace(telegram.network, control=folder / "emulator")))
        keys = []
        for phone, count in zip(PHONES, logins, strict=True):
            account = telegram.add_account(phone)
            keys.append([telegram.mint(account).auth_key.reveal().hex() for _ in range(count)])
        port = telegram.network.addresses[0].port
        print(json.dumps({"port": port, "keys": keys, "phones": PHONES}), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
