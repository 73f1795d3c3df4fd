"""Asks who it is, and says so; or by which error it was refused. ``asker.py [NAME [direct|string]]``"""

import asyncio
import os
import sys

from telethon import TelegramClient
from telethon.sessions import StringSession

import telekeep


def made(name="main", kind="telekeep"):
    if kind == "string":
        return TelegramClient(StringSession(os.environ["SESSION"]), 1, "0" * 32, connection_retries=1, retry_delay=0)
    return telekeep.client(name, direct=True, timeout=0.5) if kind == "direct" else telekeep.client(name)


async def main():
    try:
        async with made(*sys.argv[1:]) as client:
            print("as", (await client.get_me()).id)
    except Exception as error:
        print(type(error).__name__, error, sep="|")


asyncio.run(main())
