"""Listens, and calls all the time. No code of its own for a lost connection: whatever is raised ends it.

Writes a line for each message it hears of, and ``stopped N`` on SIGTERM: how many calls it has made.
``steady.py telekeep|string NAME``; what it sends is called NAME, and a number.
"""

import asyncio
import os
import signal
import sys

from telethon import TelegramClient, events
from telethon.sessions import StringSession

import telekeep


async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if sys.argv[1] == "telekeep":
        client = telekeep.client("main")
    else:
        client = TelegramClient(StringSession(os.environ["SESSION"]), 1, "0" * 32)

    @client.on(events.NewMessage)
    async def _(event):
        print("heard", event.id, event.raw_text, sep="|", flush=True)

    calls = 0
    async with client:
        print("ready", flush=True)
        while not stop.is_set():
            assert (await client.get_me()).id
            if calls % 20 == 0:
                await client.send_message("me", f"{sys.argv[2]} {calls // 20}")
            calls += 1
            await asyncio.sleep(0.01)
    print("stopped", calls, sep="|", flush=True)


asyncio.run(main())
