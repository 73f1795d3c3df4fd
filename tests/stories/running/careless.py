"""Deletes its session file when logging in fails, and would ask for a phone number then."""

import asyncio
import os
import sys

from telethon import TelegramClient


async def main():
    client = TelegramClient("careless", 1, "a" * 32)
    print("made", os.path.exists("careless.session"), flush=True)
    sys.stdin.readline()
    while True:
        try:
            await client.start()
            print("started")
            return
        except Exception as error:
            print("failed:", error)
            os.remove("careless.session")


asyncio.run(main())
