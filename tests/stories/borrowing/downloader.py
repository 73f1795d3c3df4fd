"""Saves every file that somebody sends, below its own name."""

import asyncio
import os
import sys

from telethon import TelegramClient, events
from telethon.sessions import StringSession


async def main():
    client = TelegramClient(StringSession(os.environ["SESSION"]), 12345, "0123456789abcdef0123456789abcdef")

    @client.on(events.NewMessage(incoming=True))
    async def save(event):
        if event.file:
            path = await event.message.download_media(file=sys.argv[1])
            print("saved", path, flush=True)

    async with client:
        print("ready", flush=True)
        await client.run_until_disconnected()


asyncio.run(main())
