"""Tells what it hears, and stays until it is stopped. In the old way: client, handler, start, run."""

import asyncio
import signal
import sys

from telethon import TelegramClient, events

client = TelegramClient("listener", 1, "a" * 32)


@client.on(events.NewMessage(incoming=True))
async def heard(event):
    print("heard", event.raw_text, flush=True)


async def main():
    await client.start(phone=lambda: input("phone?"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: print("asked to stop", flush=True))
    print("ready", flush=True)
    await client.run_until_disconnected()
    sys.exit(9)


asyncio.run(main())
