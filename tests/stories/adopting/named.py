"""A bot-like program that names its session file: ``named.py NAME TEXT``. It knows nothing of telekeep.

Sends a message, says who it is and what was sent, and goes on listening until its standard input ends.
"""

import asyncio
import sys

from telethon import TelegramClient, events


async def main():
    client = TelegramClient(sys.argv[1], 1, "0" * 32)

    @client.on(events.NewMessage)
    async def _(event):
        print("heard", event.raw_text, sep="|", flush=True)

    def never():
        raise SystemExit("it was asked to log in")

    await client.start(phone=never, password=never)
    try:
        me = await client.get_me()
        await client.send_message("me", sys.argv[2])
        sent = [message.raw_text async for message in client.iter_messages("me")]
        print(me.id, "|".join(reversed(sent)), sep="|", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    finally:
        await client.disconnect()


asyncio.run(main())
