"""Two users at once. ``two_users.py ONE TWO``, each a name, or a string"""

import asyncio
import sys

from telethon import TelegramClient
from telethon.sessions import StringSession


def made(which):
    return TelegramClient(StringSession(which) if len(which) > 300 else which, 1, "a" * 32)


async def main():
    one, two = map(made, sys.argv[1:])
    await one.start(phone="+9996621234")
    print("one", (await one.get_me()).id, flush=True)
    await two.start(phone="+9996627777")
    print("two", (await two.get_me()).id, flush=True)


asyncio.run(main())
