"""Takes its session from the environment. Prints what it finds there and, if it can, asks who it is."""

import asyncio
import os
import sys

from telethon import TelegramClient
from telethon.sessions import StringSession


async def main():
    session = StringSession(os.environ["TELEGRAM_SESSION_STRING"])
    client = TelegramClient(session, int(os.environ["TELEGRAM_API_ID"]), os.environ["TELEGRAM_API_HASH"])
    async with client:
        print((await client.get_me()).id, sys.flags.isolated, session.server_address, flush=True)
        if "stay" in sys.argv:
            await client.run_until_disconnected()


asyncio.run(main())
