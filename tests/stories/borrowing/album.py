"""Sends the pictures named on its command line as one album."""

import asyncio
import os
import sys

from telethon import TelegramClient
from telethon.sessions import StringSession


async def main():
    async with TelegramClient(
        StringSession(os.environ["SESSION"]), 12345, "0123456789abcdef0123456789abcdef"
    ) as client:
        messages = await client.send_file("grace", sys.argv[1:], caption="from my holidays")
        print(len(messages), len({message.grouped_id for message in messages}))


asyncio.run(main())
