"""A borrower that has done a bit of everything, and stays. Prints the key of its loan.

``sitting.py telekeep`` · ``sitting.py string`` (the loan in $SESSION) · ``sitting.py FILE.session`` · ``sitting.py
direct`` (no borrower at all: it holds the session itself)
"""

import asyncio
import os
import sys

from telethon import TelegramClient, events
from telethon.sessions import StringSession

import telekeep


def made(kind):
    if kind == "telekeep":
        return telekeep.client("main")
    if kind == "direct":
        return telekeep.client("main", direct=True)
    return TelegramClient(StringSession(os.environ["SESSION"]) if kind == "string" else kind, 1, "0" * 32)


async def main():
    client = made(sys.argv[1])
    heard = asyncio.Event()

    @client.on(events.NewMessage(incoming=True))
    async def _(event):
        heard.set()

    async with client:
        await client.get_me()
        await client.send_file("me", b"a file of some bytes" * 1000)
        await client.get_messages("me", limit=5)
        async with client.takeout() as takeout:
            await takeout.get_messages("me", limit=1)
        print("key", client.session.auth_key.key.hex(), flush=True)
        await heard.wait()
        print("heard", flush=True)
        await client.run_until_disconnected()


asyncio.run(main())
